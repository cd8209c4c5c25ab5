SET lock_timeout = '5s';

-- What servers know of codes by heart (whose they are, and whether their campaigns
-- run) holds as long as this number stays.
ALTER TABLE tenants ADD COLUMN codes_version bigint NOT NULL DEFAULT 0; -- of what is known of codes
