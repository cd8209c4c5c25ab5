SET lock_timeout = '5s';

-- One programme in one mode. Every other row belongs to exactly one tenant, and
-- every key begins with tenant_id, so the schema distributes by tenant.
CREATE TABLE tenants (
    tenant_id           bigint      NOT NULL, -- random, time-ordered
    name                text        NOT NULL, -- the programme's name; its live and its test tenant share it
    mode                text        NOT NULL, -- live | test; the two never meet
    expiry_policy       text        NOT NULL DEFAULT 'none', -- none | rolling | fixed | inactivity
    expiry_days         integer     NOT NULL DEFAULT 0, -- rolling: days after activation; inactivity: idle days
    expiry_month        smallint    NOT NULL DEFAULT 0, -- fixed: month of the yearly expiry, 1-12
    expiry_day          smallint    NOT NULL DEFAULT 0, -- fixed: day of that month; the instant is the end of that day, UTC
    expiry_warning_days integer     NOT NULL DEFAULT 30, -- days before expiry at which the member is warned
    clawback_policy     text        NOT NULL DEFAULT 'to_zero', -- pending_only | to_zero | negative
    enrolment           text        NOT NULL DEFAULT 'open', -- open: what gives creates the member; strict: it must exist
    award_hold_days     integer     NOT NULL DEFAULT 0, -- awards rest in pending for so many days; 0: none
    clock_offset_us     bigint      NOT NULL DEFAULT 0, -- test mode only: microseconds the tenant's clock runs ahead
    created_at          timestamptz NOT NULL, -- UTC
    CONSTRAINT tenants_pk PRIMARY KEY (tenant_id),
    CONSTRAINT tenants_name_mode_unique UNIQUE (name, mode),
    CONSTRAINT tenants_name_length CHECK (length(name) BETWEEN 1 AND 100),
    CONSTRAINT tenants_mode_known CHECK (mode IN ('live', 'test')),
    CONSTRAINT tenants_expiry_known CHECK (expiry_policy IN ('none', 'rolling', 'fixed', 'inactivity')),
    CONSTRAINT tenants_expiry_days_fit CHECK (expiry_policy NOT IN ('rolling', 'inactivity') OR expiry_days BETWEEN 1 AND 36500),
    CONSTRAINT tenants_expiry_date_fits CHECK (expiry_policy <> 'fixed' OR (expiry_month BETWEEN 1 AND 12 AND expiry_day BETWEEN 1 AND 31)),
    CONSTRAINT tenants_clawback_known CHECK (clawback_policy IN ('pending_only', 'to_zero', 'negative')),
    CONSTRAINT tenants_enrolment_known CHECK (enrolment IN ('open', 'strict')),
    CONSTRAINT tenants_hold_days_fit CHECK (award_hold_days BETWEEN 0 AND 3650),
    CONSTRAINT tenants_clock_is_for_tests CHECK (mode = 'test' OR clock_offset_us = 0)
);

-- An API key. The secret itself is never stored.
CREATE TABLE api_keys (
    tenant_id    bigint      NOT NULL, -- owner
    id           bigint      NOT NULL, -- public id, part of the key's text
    kind         text        NOT NULL, -- incenta | incentable | management: the one facade that accepts it
    name         text        NOT NULL, -- for people
    scopes       text[]      NOT NULL, -- 'read', 'write', or 'group:read', 'group:write'
    created_at   timestamptz NOT NULL, -- UTC
    last_used_at timestamptz, -- coarse: written at most once a minute
    revoked_at   timestamptz, -- null while live
    CONSTRAINT api_keys_pk PRIMARY KEY (tenant_id, id),
    CONSTRAINT api_keys_tenant_fk FOREIGN KEY (tenant_id) REFERENCES tenants (tenant_id),
    CONSTRAINT api_keys_kind_known CHECK (kind IN ('incenta', 'incentable', 'management')),
    CONSTRAINT api_keys_name_length CHECK (length(name) BETWEEN 1 AND 100)
);

-- The secrets of a key: one, or two while it is being rotated.
CREATE TABLE api_key_secrets (
    tenant_id  bigint      NOT NULL, -- owner
    key_id     bigint      NOT NULL, -- the key
    mac        bytea       NOT NULL, -- HMAC-SHA-256 of the secret under the server secret
    created_at timestamptz NOT NULL, -- UTC
    expires_at timestamptz, -- end of the overlap after a rotation; null: none
    CONSTRAINT api_key_secrets_pk PRIMARY KEY (tenant_id, key_id, mac),
    CONSTRAINT api_key_secrets_key_fk FOREIGN KEY (tenant_id, key_id) REFERENCES api_keys (tenant_id, id),
    CONSTRAINT api_key_secrets_mac_length CHECK (octet_length(mac) = 32)
);

-- not tenant data: what all servers on this database must share.
CREATE TABLE server_secrets (
    name   text  NOT NULL, -- what it is for
    secret bytea NOT NULL, -- random bytes
    CONSTRAINT server_secrets_pk PRIMARY KEY (name)
);

-- A person, by the caller's own id.
CREATE TABLE members (
    tenant_id   bigint      NOT NULL, -- owner
    id          bigint      NOT NULL, -- ours: short, time-ordered, in every key below
    external_id text        NOT NULL, -- the caller's; any 1-255 characters
    name        text, -- for people; personal data
    email       text, -- personal data
    created_at  timestamptz NOT NULL, -- UTC
    updated_at  timestamptz NOT NULL, -- UTC
    CONSTRAINT members_pk PRIMARY KEY (tenant_id, id),
    CONSTRAINT members_external_unique UNIQUE (tenant_id, external_id),
    CONSTRAINT members_external_length CHECK (length(external_id) BETWEEN 1 AND 255)
);

-- What a keyed mutation answered; written in the transaction of its effect.
CREATE TABLE idempotency_keys (
    tenant_id    bigint      NOT NULL, -- scope of the key
    key          text        NOT NULL, -- the caller's
    request_hash bytea       NOT NULL, -- SHA-256 of route and canonical body
    status       smallint    NOT NULL, -- HTTP status answered
    body         bytea       NOT NULL, -- the bytes answered
    created_at   timestamptz NOT NULL, -- UTC; rows older than 7 days may go
    CONSTRAINT idempotency_keys_pk PRIMARY KEY (tenant_id, key)
);
CREATE INDEX idempotency_keys_age ON idempotency_keys USING brin (created_at);
