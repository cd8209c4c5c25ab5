-- name: HoldGet :one
-- One hold with its member, by holds_pk.
SELECT sqlc.embed(h), m.external_id
  FROM holds AS h
  JOIN members AS m ON m.tenant_id = h.tenant_id AND m.id = h.member_id
 WHERE h.tenant_id = @tenant_id AND h.id = @id;

-- name: HoldList :many
-- Holds up to an id, newest first. By holds_pk, from which alone the skipped ones are read.
SELECT sqlc.embed(h), m.external_id
  FROM (SELECT w.tenant_id, w.id FROM holds AS w
         WHERE w.tenant_id = @tenant_id AND w.id <= @newest::uuid
         ORDER BY w.id DESC LIMIT @max_rows OFFSET @skip_rows) AS p
  JOIN holds AS h ON h.tenant_id = p.tenant_id AND h.id = p.id
  JOIN members AS m ON m.tenant_id = h.tenant_id AND m.id = h.member_id
 ORDER BY h.id DESC;

-- name: HoldListByState :many
-- The same for one state. By holds_by_state.
SELECT sqlc.embed(h), m.external_id
  FROM (SELECT w.tenant_id, w.id FROM holds AS w
         WHERE w.tenant_id = @tenant_id AND w.state = @state AND w.id <= @newest::uuid
         ORDER BY w.id DESC LIMIT @max_rows OFFSET @skip_rows) AS p
  JOIN holds AS h ON h.tenant_id = p.tenant_id AND h.id = p.id
  JOIN members AS m ON m.tenant_id = h.tenant_id AND m.id = h.member_id
 ORDER BY h.id DESC;

-- name: HoldListByMember :many
-- A member's holds, optionally of one state, newest first. By holds_by_member.
SELECT h.*
  FROM holds AS h
 WHERE h.tenant_id = @tenant_id AND h.member_id = @member_id AND (sqlc.narg('state')::text IS NULL OR h.state = sqlc.narg('state'))
 ORDER BY h.id DESC
 LIMIT @max_rows OFFSET @skip_rows;

-- name: HoldCountByMember :one
-- How many holds HoldListByMember would list in all. By holds_by_member.
SELECT count(*) FROM holds AS h
 WHERE h.tenant_id = @tenant_id AND h.member_id = @member_id AND (sqlc.narg('state')::text IS NULL OR h.state = sqlc.narg('state'));

-- name: HoldDayList :many
-- Holds per day, newest day first, optionally of one state. By hold_days_pk.
SELECT day, sum(holds)::bigint AS holds
  FROM hold_days
 WHERE tenant_id = @tenant_id AND (sqlc.narg('state')::text IS NULL OR state = sqlc.narg('state'))
 GROUP BY day
HAVING sum(holds) > 0
 ORDER BY day DESC;
