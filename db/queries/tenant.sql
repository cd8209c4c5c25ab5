-- name: TenantInsert :exec
-- Makes a tenant with the default policies.
INSERT INTO tenants (tenant_id, name, mode, created_at) VALUES (@tenant_id, @name, @mode, @created_at);

-- name: TenantGet :one
-- Policies and clock, by tenants_pk.
SELECT * FROM tenants WHERE tenant_id = @tenant_id;

-- name: TenantGetForUpdate :one
-- The same, locked, for a change of policies.
SELECT * FROM tenants WHERE tenant_id = @tenant_id FOR UPDATE;

-- name: TenantFind :one
-- cross-tenant: the command line names a tenant by programme and mode.
SELECT * FROM tenants WHERE name = @name AND mode = @mode;

-- name: TenantList :many
-- cross-tenant: the command line and the background jobs walk all tenants.
SELECT * FROM tenants ORDER BY name, mode;

-- name: TenantUpdate :exec
-- Stores policies.
UPDATE tenants
   SET expiry_policy = @expiry_policy, expiry_days = @expiry_days, expiry_month = @expiry_month, expiry_day = @expiry_day,
       expiry_warning_days = @expiry_warning_days, clawback_policy = @clawback_policy, enrolment = @enrolment,
       award_hold_days = @award_hold_days, incenta_month_calls = NULLIF(@incenta_month_calls::bigint, 0),
       incentable_minute_calls = NULLIF(@incentable_minute_calls::bigint, 0), clock_offset_us = @clock_offset_us, policy_updated_at = @policy_updated_at
 WHERE tenant_id = @tenant_id;

-- name: TenantUpdateClock :exec
-- Moves a test tenant's clock; its row is locked.
UPDATE tenants SET clock_offset_us = @clock_offset_us WHERE tenant_id = @tenant_id;

-- name: KeyInsert :exec
-- Makes an API key; its secret goes into api_key_secrets.
INSERT INTO api_keys (tenant_id, id, kind, name, scopes, created_at) VALUES (@tenant_id, @id, @kind, @name, @scopes, @created_at);

-- name: KeySecretInsert :exec
-- Adds a secret to a key.
INSERT INTO api_key_secrets (tenant_id, key_id, mac, created_at) VALUES (@tenant_id, @key_id, @mac, @created_at);

-- name: KeySecretExpire :exec
-- Ends a key's secrets but one: the one in use at an instant, those of earlier rotations now.
UPDATE api_key_secrets
   SET expires_at = CASE WHEN expires_at IS NULL THEN @expires_at::timestamptz ELSE LEAST(expires_at, @at::timestamptz) END
 WHERE tenant_id = @tenant_id AND key_id = @key_id AND mac <> @keep_mac;

-- name: KeySecretDeleteEnded :exec
-- Forgets secrets that ended.
DELETE FROM api_key_secrets WHERE tenant_id = @tenant_id AND key_id = @key_id AND expires_at <= @at::timestamptz;

-- name: KeyGet :one
-- One key, by api_keys_pk.
SELECT * FROM api_keys WHERE tenant_id = @tenant_id AND id = @id;

-- name: KeyGetForUpdate :one
-- One key, locked, for rotation and revocation.
SELECT * FROM api_keys WHERE tenant_id = @tenant_id AND id = @id FOR UPDATE;

-- name: KeyGetForAuth :many
-- A key that is not revoked with its secrets and its tenant's mode: one row per secret, by primary keys.
-- budget is how many calls it may make in a window, of its own or shared (see internal/limit); 0: no limit.
SELECT k.kind, k.scopes, t.mode, s.mac, s.expires_at,
       COALESCE(CASE k.kind WHEN 'incenta' THEN t.incenta_month_calls WHEN 'incentable' THEN t.incentable_minute_calls END, 0)::bigint AS budget
  FROM api_keys AS k
  JOIN tenants AS t ON t.tenant_id = k.tenant_id
  JOIN api_key_secrets AS s ON s.tenant_id = k.tenant_id AND s.key_id = k.id
 WHERE k.tenant_id = @tenant_id AND k.id = @id AND k.revoked_at IS NULL;

-- name: KeyListByTenant :many
-- A tenant's keys, newest first, optionally of one kind, with the end of the secret before the
-- newest; there are few. By api_keys_pk.
SELECT sqlc.embed(k),
       COALESCE((SELECT max(s.expires_at) FROM api_key_secrets AS s
         WHERE s.tenant_id = k.tenant_id AND s.key_id = k.id AND s.expires_at > @at::timestamptz), '0001-01-01Z')::timestamptz AS previous_until
  FROM api_keys AS k
 WHERE k.tenant_id = @tenant_id AND (sqlc.narg('kind')::text IS NULL OR k.kind = sqlc.narg('kind'))
 ORDER BY k.id DESC
 LIMIT @max_rows OFFSET @skip_rows;

-- name: KeyCountByTenant :one
-- How many keys KeyListByTenant would list in all.
SELECT count(*) FROM api_keys WHERE tenant_id = @tenant_id AND (sqlc.narg('kind')::text IS NULL OR kind = sqlc.narg('kind'));

-- name: KeyRevoke :execrows
-- Revokes a live key; zero rows when it was revoked before or is unknown.
UPDATE api_keys SET revoked_at = @revoked_at::timestamptz WHERE tenant_id = @tenant_id AND id = @id AND revoked_at IS NULL;

-- name: KeyTouch :exec
-- Notes the last use.
UPDATE api_keys SET last_used_at = @at::timestamptz WHERE tenant_id = @tenant_id AND id = @id;

-- name: ServerSecretInsert :exec
-- Stores a secret that all servers share; the first one stays.
INSERT INTO server_secrets (name, secret) VALUES (@name, @secret) ON CONFLICT (name) DO NOTHING;

-- name: ServerSecretGet :one
-- A secret that all servers share.
SELECT secret FROM server_secrets WHERE name = @name;
