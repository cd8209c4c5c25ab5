-- name: QuestInsert :exec
-- Makes a quest; quests_pk refuses a key that is taken.
INSERT INTO quests (tenant_id, key, id, name, description, starts_at, ends_at, coins, xp, tokens, badge_key, active, created_at, updated_at)
VALUES (@tenant_id, @key, @id, @name, @description, @starts_at, @ends_at, @coins, @xp, @tokens, @badge_key, @active, @created_at, @created_at);

-- name: QuestStepInsertMany :exec
-- Gives a quest its steps.
INSERT INTO quest_steps (tenant_id, quest_key, action_key, position, count)
SELECT @tenant_id, @quest_key, unnest(@action_keys::text[]), unnest(@positions::smallint[]), unnest(@counts::integer[]);

-- name: QuestUpdate :exec
-- Stores a quest; its steps stay.
UPDATE quests
   SET name = @name, description = @description, starts_at = @starts_at, ends_at = @ends_at, coins = @coins, xp = @xp, tokens = @tokens,
       badge_key = @badge_key, active = @active, updated_at = @updated_at
 WHERE tenant_id = @tenant_id AND key = @key;

-- name: QuestGrantList :many
-- The quests that a member completed. By quest_grants_pk.
SELECT * FROM quest_grants WHERE tenant_id = @tenant_id AND member_id = @member_id;

-- name: QuestProgressList :many
-- What a member has done of quests that are not completed. By quest_progress_pk and actions_id_unique.
SELECT p.quest_id, p.done, a.key AS action_key
  FROM quest_progress AS p
 CROSS JOIN LATERAL (SELECT d.key FROM actions AS d WHERE d.tenant_id = p.tenant_id AND d.id = p.action_id OFFSET 0) AS a
 WHERE p.tenant_id = @tenant_id AND p.member_id = @member_id;
