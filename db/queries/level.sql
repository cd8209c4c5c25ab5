-- name: LevelInsert :exec
-- Makes a level; levels_pk refuses a number that is taken.
INSERT INTO levels (tenant_id, level, id, name, xp_threshold, coins, badge_key, perks, created_at, updated_at)
VALUES (@tenant_id, @level, @id, @name, @xp_threshold, @coins, @badge_key, @perks, @created_at, @created_at);

-- name: LevelUpdate :exec
-- Stores a level.
UPDATE levels
   SET name = @name, xp_threshold = @xp_threshold, coins = @coins, badge_key = @badge_key, perks = @perks, updated_at = @updated_at
 WHERE tenant_id = @tenant_id AND level = @level;

-- name: LevelDelete :execrows
-- Deletes a level; what it granted stays.
DELETE FROM levels WHERE tenant_id = @tenant_id AND level = @level;

-- name: MemberLevelList :many
-- The highest level granted to each of some members; none of who was granted
-- none. By members_external_unique and member_progress_pk.
SELECT w.external_id::text AS external_id, p.level
  FROM (SELECT unnest(@external_ids::text[]) AS external_id) AS w
 CROSS JOIN LATERAL (SELECT x.id FROM members AS x WHERE x.tenant_id = @tenant_id AND x.external_id = w.external_id OFFSET 0) AS m
 CROSS JOIN LATERAL (SELECT y.level FROM member_progress AS y WHERE y.tenant_id = @tenant_id AND y.member_id = m.id OFFSET 0) AS p
 WHERE p.level > 0;
