-- name: MemberInsertMany :many
-- Enrols unknown members, in one order so that two servers cannot deadlock;
-- answers those that were new. By members_external_unique.
INSERT INTO members (tenant_id, id, external_id, created_at, updated_at)
SELECT @tenant_id, w.id, w.external_id, @at::timestamptz, @at::timestamptz
  FROM (SELECT unnest(@ids::bigint[]) AS id, unnest(@external_ids::text[]) AS external_id) AS w
 ORDER BY w.external_id
    ON CONFLICT (tenant_id, external_id) DO NOTHING
RETURNING id, external_id;

-- name: MemberInsert :exec
-- Makes one member with its profile.
INSERT INTO members (tenant_id, id, external_id, name, email, time_zone, created_at, updated_at)
VALUES (@tenant_id, @id, @external_id, @name, @email, @time_zone, @at, @at);

-- name: MemberGet :one
-- One member by the caller's id. By members_external_unique.
SELECT * FROM members WHERE tenant_id = @tenant_id AND external_id = @external_id;

-- name: MemberGetForUpdate :one
-- The same, locked, for a change of the profile.
SELECT * FROM members WHERE tenant_id = @tenant_id AND external_id = @external_id FOR UPDATE;

-- name: MemberUpdate :exec
-- Stores a profile.
UPDATE members SET name = @name, email = @email, time_zone = @time_zone, updated_at = @at WHERE tenant_id = @tenant_id AND id = @id;

-- name: MemberListKnown :many
-- Which of the given members exist. By members_external_unique.
SELECT m.id, m.external_id FROM members AS m WHERE m.tenant_id = @tenant_id AND m.external_id = ANY(@external_ids::text[]);

-- name: MemberListByPlace :many
-- The members enrolled from one place up to another, newest first. By member_places_pk.
SELECT sqlc.embed(m)
  FROM member_places AS p
  JOIN members AS m ON m.tenant_id = p.tenant_id AND m.id = p.member_id
 WHERE p.tenant_id = @tenant_id AND p.place BETWEEN @oldest AND @newest
 ORDER BY p.place DESC;

-- name: MemberCountGet :one
-- How many members a tenant has; no row before the first. By member_counts_pk.
SELECT members FROM member_counts WHERE tenant_id = @tenant_id;

-- name: MemberListExternal :many
-- The callers' ids of members. By members_pk.
SELECT m.id, m.external_id
  FROM (SELECT unnest(@ids::bigint[]) AS id) AS w
 CROSS JOIN LATERAL (SELECT x.id, x.external_id FROM members AS x WHERE x.tenant_id = @tenant_id AND x.id = w.id OFFSET 0) AS m;

-- name: MemberListTold :many
-- The profiles that events are about. By members_pk.
SELECT m.id, m.external_id, m.name, m.email, m.time_zone, m.created_at
  FROM (SELECT unnest(@ids::bigint[]) AS id) AS w
 CROSS JOIN LATERAL (SELECT x.* FROM members AS x WHERE x.tenant_id = @tenant_id AND x.id = w.id OFFSET 0) AS m;
