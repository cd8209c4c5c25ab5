SET lock_timeout = '5s';

ALTER TABLE tenants DROP COLUMN codes_version;
