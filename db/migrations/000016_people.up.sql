SET lock_timeout = '5s';

-- How much a tenant's callers may ask. Off until the tenant says otherwise.
ALTER TABLE tenants ADD COLUMN incenta_month_calls bigint; -- calls a calendar month (UTC) of all Incenta keys together; null: no limit
ALTER TABLE tenants ADD COLUMN incentable_minute_calls bigint; -- calls a minute of each Incentable key; null: no limit
ALTER TABLE tenants ADD CONSTRAINT tenants_limits_positive CHECK (incenta_month_calls > 0 AND incentable_minute_calls > 0);

-- What was taken of a window's budget. Servers take portions, and return what
-- is left of them when they stop; see internal/limit. One row for all windows.
CREATE TABLE budgets (
    tenant_id   bigint      NOT NULL, -- owner
    key_id      bigint      NOT NULL, -- api_keys.id whose budget it is; 0: of all Incenta keys of the tenant
    starts_at   timestamptz NOT NULL, -- the window's beginning by real time, UTC
    taken       bigint      NOT NULL, -- calls that servers took in this window
    portion     bigint      NOT NULL, -- calls that the newest taking got
    exceeded_at timestamptz, -- when callers were told that the month's quota was exceeded, UTC; null: not in this window
    CONSTRAINT budgets_pk PRIMARY KEY (tenant_id, key_id)
) WITH (fillfactor = 50); -- room for heap-only updates
