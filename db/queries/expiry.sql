-- name: LotListUnwarnedTenants :many
-- cross-tenant: the sweep looks for tenants whose members want a warning, each by its own clock and policy.
-- Tenants with points that expire within the days of their warning and of which nobody was warned. One look into
-- lots_unwarned for each tenant, and into accounts_unwarned where idleness expires.
SELECT t.tenant_id
  FROM tenants AS t
 CROSS JOIN LATERAL (SELECT 1 FROM lots AS l
                      WHERE l.tenant_id = t.tenant_id AND l.asset = 1 AND NOT l.warned
                        AND l.expires_at <= tenant_instant(@at::timestamptz, t.clock_offset_us) + t.expiry_warning_days * interval '24 hours'
                      LIMIT 1) AS d
 WHERE t.expiry_warning_days > 0
 UNION
SELECT t.tenant_id
  FROM tenants AS t
 CROSS JOIN LATERAL (SELECT 1 FROM accounts AS a
                      WHERE a.tenant_id = t.tenant_id AND a.asset = 1 AND a.idle_at IS NOT NULL AND a.idle_at IS DISTINCT FROM a.idle_warned_at
                        AND a.idle_at <= tenant_instant(@at::timestamptz, t.clock_offset_us) + t.expiry_warning_days * interval '24 hours'
                      LIMIT 1) AS d
 WHERE t.expiry_warning_days > 0 AND t.expiry_policy = 'inactivity';

-- name: LotListUnwarned :many
-- Members with points in lots that expire by an instant and of which they were not warned, soonest expiry first;
-- one with several lots stands there several times. By lots_unwarned.
SELECT m.external_id
  FROM (SELECT l.member_id, l.expires_at FROM lots AS l
         WHERE l.tenant_id = @tenant_id AND l.asset = 1 AND NOT l.warned AND l.expires_at <= @until::timestamptz
         ORDER BY l.expires_at, l.member_id LIMIT @max_rows) AS w
 CROSS JOIN LATERAL (SELECT x.external_id FROM members AS x WHERE x.tenant_id = @tenant_id AND x.id = w.member_id OFFSET 0) AS m
 ORDER BY w.expires_at, w.member_id;

-- name: AccountListUnwarned :many
-- Members whose idle time ends by an instant and who were not warned of it, soonest end first. By accounts_unwarned.
SELECT m.external_id
  FROM (SELECT a.member_id, a.idle_at FROM accounts AS a
         WHERE a.tenant_id = @tenant_id AND a.asset = 1 AND a.idle_at IS NOT NULL AND a.idle_at IS DISTINCT FROM a.idle_warned_at
           AND a.idle_at <= @until::timestamptz
         ORDER BY a.idle_at, a.member_id LIMIT @max_rows) AS w
 CROSS JOIN LATERAL (SELECT x.external_id FROM members AS x WHERE x.tenant_id = @tenant_id AND x.id = w.member_id OFFSET 0) AS m
 ORDER BY w.idle_at, w.member_id;

-- name: ExpiryWarningInsertMany :many
-- Records warnings and answers those that are new, in the order of expiry_warnings_pk.
INSERT INTO expiry_warnings AS e (tenant_id, member_id, asset, expires_at, amount, warned_at)
SELECT @tenant_id, w.member_id, w.asset, w.expires_at, w.amount, @at::timestamptz
  FROM (SELECT unnest(@member_ids::bigint[]) AS member_id, unnest(@assets::smallint[]) AS asset,
               unnest(@expires_at::timestamptz[]) AS expires_at, unnest(@amounts::bigint[]) AS amount) AS w
 ORDER BY w.member_id, w.asset, w.expires_at
    ON CONFLICT (tenant_id, member_id, asset, expires_at) DO NOTHING
RETURNING e.member_id, e.asset, e.expires_at, e.amount::bigint AS amount;

-- name: LotUpdateWarned :exec
-- Marks lots as warned of; their accounts are locked. By lots_pk.
UPDATE lots AS l SET warned = true
  FROM (SELECT unnest(@member_ids::bigint[]) AS member_id, unnest(@assets::smallint[]) AS asset, unnest(@expires_at::timestamptz[]) AS expires_at) AS w
 WHERE l.tenant_id = @tenant_id AND l.member_id = w.member_id AND l.asset = w.asset AND l.expires_at = w.expires_at;

-- name: AccountUpdateWarned :exec
-- Marks the ends of idle times as warned of; the accounts are locked. By accounts_pk.
UPDATE accounts AS a SET idle_warned_at = a.idle_at
  FROM (SELECT unnest(@member_ids::bigint[]) AS member_id, unnest(@assets::smallint[]) AS asset) AS w
 WHERE a.tenant_id = @tenant_id AND a.member_id = w.member_id AND a.asset = w.asset;
