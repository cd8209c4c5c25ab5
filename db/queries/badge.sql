-- name: BadgeInsert :exec
-- Makes a badge; badges_pk refuses a key that is taken.
INSERT INTO badges (tenant_id, key, id, name, description, image_url, criteria_type, criteria_action, criteria_threshold, active, created_at, updated_at)
VALUES (@tenant_id, @key, @id, @name, @description, @image_url, @criteria_type, @criteria_action, @criteria_threshold, @active, @created_at, @created_at);

-- name: BadgeUpdate :exec
-- Stores a badge.
UPDATE badges
   SET name = @name, description = @description, image_url = @image_url, criteria_type = @criteria_type, criteria_action = @criteria_action,
       criteria_threshold = @criteria_threshold, active = @active, updated_at = @updated_at
 WHERE tenant_id = @tenant_id AND key = @key;

-- name: BadgeGrantGet :one
-- A badge as a member has it, or had it. By badge_grants_pk.
SELECT * FROM badge_grants WHERE tenant_id = @tenant_id AND member_id = @member_id AND badge_key = @badge_key;

-- name: BadgeGrantUpsert :exec
-- Gives a badge to a member, also one that was revoked. By badge_grants_pk.
INSERT INTO badge_grants (tenant_id, member_id, badge_key, source, earned_at)
VALUES (@tenant_id, @member_id, @badge_key, @source, @earned_at)
    ON CONFLICT (tenant_id, member_id, badge_key) DO UPDATE SET source = excluded.source, earned_at = excluded.earned_at, revoked_at = NULL;

-- name: BadgeGrantRevoke :execrows
-- Takes a badge from a member who has it. By badge_grants_pk.
UPDATE badge_grants SET revoked_at = @revoked_at::timestamptz
 WHERE tenant_id = @tenant_id AND member_id = @member_id AND badge_key = @badge_key AND revoked_at IS NULL;

-- name: BadgeGrantList :many
-- The badges that a member has, newest first; at most as many as there are
-- badges. By badge_grants_pk.
SELECT * FROM badge_grants
 WHERE tenant_id = @tenant_id AND member_id = @member_id AND revoked_at IS NULL
 ORDER BY earned_at DESC, badge_key;
