-- The incentive engine's rules: actions, levels, badges, milestones, quests.
-- There are at most 1,000 of each, so lists are whole tables.

-- name: RulesTouch :one
-- Counts the version of a tenant's rules up, which locks it until the commit:
-- changes of the rules take turns. By tenants_pk.
UPDATE tenants SET rules_version = rules_version + 1 WHERE tenant_id = @tenant_id RETURNING rules_version;

-- name: RulesGetVersion :one
-- The version of a tenant's rules, by tenants_pk.
SELECT rules_version FROM tenants WHERE tenant_id = @tenant_id;

-- name: ActionInsert :exec
-- Makes an action.
INSERT INTO actions (tenant_id, key, id, name, description, type, coins, xp, tokens, cooldown, max_repeats, streak, active, created_at, updated_at)
VALUES (@tenant_id, @key, @id, @name, @description, @type, @coins, @xp, @tokens, @cooldown, @max_repeats, @streak, @active, @created_at, @created_at);

-- name: ActionUpdate :exec
-- Stores an action.
UPDATE actions
   SET name = @name, description = @description, type = @type, coins = @coins, xp = @xp, tokens = @tokens, cooldown = @cooldown,
       max_repeats = @max_repeats, streak = @streak, active = @active, updated_at = @updated_at
 WHERE tenant_id = @tenant_id AND key = @key;

-- name: ActionList :many
-- All actions, by key. By actions_pk.
SELECT * FROM actions WHERE tenant_id = @tenant_id ORDER BY key;

-- name: LevelList :many
-- All levels, lowest first. By levels_pk.
SELECT * FROM levels WHERE tenant_id = @tenant_id ORDER BY level;

-- name: BadgeList :many
-- All badges, by key. By badges_pk.
SELECT * FROM badges WHERE tenant_id = @tenant_id ORDER BY key;

-- name: MilestoneList :many
-- All milestones, by key. By milestones_pk.
SELECT * FROM milestones WHERE tenant_id = @tenant_id ORDER BY key;

-- name: QuestList :many
-- All quests, by key. By quests_pk.
SELECT * FROM quests WHERE tenant_id = @tenant_id ORDER BY key;

-- name: QuestStepList :many
-- The steps of all quests, as they were given. By quest_steps_pk.
SELECT * FROM quest_steps WHERE tenant_id = @tenant_id ORDER BY quest_key, position;

-- name: ActionGet :one
-- One action by its key. By actions_pk.
SELECT * FROM actions WHERE tenant_id = @tenant_id AND key = @key;
