-- name: MilestoneInsert :exec
-- Makes a milestone; milestones_pk refuses a key that is taken.
INSERT INTO milestones (tenant_id, key, id, name, type, action_key, threshold, coins, badge_key, active, created_at, updated_at)
VALUES (@tenant_id, @key, @id, @name, @type, @action_key, @threshold, @coins, @badge_key, @active, @created_at, @created_at);

-- name: MilestoneUpdate :exec
-- Stores a milestone; its type and action stay.
UPDATE milestones
   SET name = @name, threshold = @threshold, coins = @coins, badge_key = @badge_key, active = @active, updated_at = @updated_at
 WHERE tenant_id = @tenant_id AND key = @key;

-- name: MilestoneDelete :execrows
-- Deletes a milestone; who reached it keeps it.
DELETE FROM milestones WHERE tenant_id = @tenant_id AND key = @key;

-- name: MilestoneGrantList :many
-- Milestones reached before an instant, newest first. By milestone_grants_by_time
-- and members_pk.
SELECT g.id, g.milestone_key, g.name, g.type, g.threshold, g.coins, g.badge_key, g.achieved_at, m.external_id
  FROM (SELECT * FROM milestone_grants AS x
         WHERE x.tenant_id = @tenant_id AND x.achieved_at < @before
         ORDER BY x.achieved_at DESC, x.id DESC
         LIMIT @max_rows OFFSET @skip_rows) AS g
 CROSS JOIN LATERAL (SELECT y.external_id FROM members AS y WHERE y.tenant_id = @tenant_id AND y.id = g.member_id OFFSET 0) AS m
 ORDER BY g.achieved_at DESC, g.id DESC;

-- name: MilestoneGrantListByKey :many
-- The same of one milestone. By milestone_grants_by_key and members_pk.
SELECT g.id, g.milestone_key, g.name, g.type, g.threshold, g.coins, g.badge_key, g.achieved_at, m.external_id
  FROM (SELECT * FROM milestone_grants AS x
         WHERE x.tenant_id = @tenant_id AND x.milestone_key = @milestone_key AND x.achieved_at < @before
         ORDER BY x.achieved_at DESC, x.id DESC
         LIMIT @max_rows OFFSET @skip_rows) AS g
 CROSS JOIN LATERAL (SELECT y.external_id FROM members AS y WHERE y.tenant_id = @tenant_id AND y.id = g.member_id OFFSET 0) AS m
 ORDER BY g.achieved_at DESC, g.id DESC;

-- name: MilestoneGrantListByMember :many
-- What a member reached, newest first; nobody reaches more than there are
-- milestones. By milestone_grants_pk.
SELECT * FROM milestone_grants
 WHERE tenant_id = @tenant_id AND member_id = @member_id
   AND (sqlc.narg('milestone_key')::text IS NULL OR milestone_key = sqlc.narg('milestone_key'))
 ORDER BY achieved_at DESC, id DESC;

-- name: MilestoneDayList :many
-- How many were reached per day, newest first; the empty key is all of them. By
-- milestone_days_pk.
SELECT day, sum(milestones)::bigint AS milestones
  FROM milestone_days
 WHERE tenant_id = @tenant_id AND milestone_key = @milestone_key
 GROUP BY day
 ORDER BY day DESC;
