-- name: CampaignInsert :exec
-- Makes a campaign; its first rule is inserted beside it.
INSERT INTO campaigns (tenant_id, id, position, name, state, starts_at, ends_at, version, budget_minor, spent_minor, created_at, updated_at)
VALUES (@tenant_id, @id, @position, @name, @state, @starts_at, @ends_at, 1, @budget_minor, 0, @created_at, @created_at);

-- name: CampaignVersionInsert :exec
-- Keeps a rule for ever.
INSERT INTO campaign_versions (tenant_id, campaign_id, version, rule, created_at)
VALUES (@tenant_id, @campaign_id, @version, @rule, @created_at);

-- name: CampaignGet :one
-- One campaign with the rule in force. By campaigns_pk and campaign_versions_pk.
SELECT sqlc.embed(c), v.rule
  FROM campaigns AS c
  JOIN campaign_versions AS v ON v.tenant_id = c.tenant_id AND v.campaign_id = c.id AND v.version = c.version
 WHERE c.tenant_id = @tenant_id AND c.id = @id;

-- name: CampaignLockShared :exec
-- Waits until nobody changes the campaign of this key, and keeps it as it is until
-- the transaction ends. Unlike a row's lock it writes nothing, and it is fair: a
-- change that waits is not passed by those who come later.
SELECT pg_advisory_xact_lock_shared(@key::bigint);

-- name: CampaignLock :exec
-- Waits until nobody grants by the campaign of this key, for a change of it.
SELECT pg_advisory_xact_lock(@key::bigint);

-- name: CampaignGetForNoKeyUpdate :one
-- One campaign, locked to draw on its budget. By campaigns_pk.
SELECT * FROM campaigns WHERE tenant_id = @tenant_id AND id = @id FOR NO KEY UPDATE;

-- name: CampaignVersionGet :one
-- One rule as it was. By campaign_versions_pk.
SELECT * FROM campaign_versions WHERE tenant_id = @tenant_id AND campaign_id = @campaign_id AND version = @version;

-- name: CampaignVersionList :many
-- A campaign's rules, newest first; as many as campaigns.version says. By campaign_versions_pk.
SELECT * FROM campaign_versions
 WHERE tenant_id = @tenant_id AND campaign_id = @campaign_id
 ORDER BY version DESC
 LIMIT @max_rows OFFSET @skip_rows;

-- name: CampaignUpdate :exec
-- Stores a locked campaign, and counts the tenant's version of codes up.
WITH touched AS (UPDATE tenants AS t SET codes_version = t.codes_version + 1 WHERE t.tenant_id = @tenant_id)
UPDATE campaigns AS c
   SET name = @name, state = @state, starts_at = @starts_at, ends_at = @ends_at, version = @version,
       budget_minor = @budget_minor, spent_minor = @spent_minor, updated_at = @updated_at
 WHERE c.tenant_id = @tenant_id AND c.id = @id;

-- name: CampaignUpdateSpent :execrows
-- Draws on the budget of a campaign that has one, or gives back where the amount
-- is negative; campaigns_within_budget refuses more than there is.
UPDATE campaigns SET spent_minor = spent_minor + @amount_minor::bigint
 WHERE tenant_id = @tenant_id AND id = @id AND budget_minor IS NOT NULL;

-- name: CampaignList :many
-- Campaigns with the rules in force, newest first; there are few. By campaigns_by_position.
SELECT sqlc.embed(c), v.rule
  FROM campaigns AS c
  JOIN campaign_versions AS v ON v.tenant_id = c.tenant_id AND v.campaign_id = c.id AND v.version = c.version
 WHERE c.tenant_id = @tenant_id AND (sqlc.narg('state')::text IS NULL OR c.state = sqlc.narg('state'))
 ORDER BY c.position DESC
 LIMIT @max_rows OFFSET @skip_rows;

-- name: CampaignCount :one
-- How many campaigns CampaignList would list in all.
SELECT count(*) FROM campaigns WHERE tenant_id = @tenant_id AND (sqlc.narg('state')::text IS NULL OR state = sqlc.narg('state'));

-- name: CampaignGetGranted :one
-- What a campaign has granted, less what was cancelled. Sums 16 shards, by campaign_totals_pk.
SELECT coalesce(sum(reward_minor), 0)::bigint FROM campaign_totals WHERE tenant_id = @tenant_id AND campaign_id = @campaign_id;

-- name: CampaignGetReferrer :one
-- What a campaign has granted to one member. By members_external_unique and tallies_pk.
SELECT t.* FROM members AS m
  JOIN tallies AS t ON t.tenant_id = m.tenant_id AND t.member_id = m.id
 WHERE m.tenant_id = @tenant_id AND m.external_id = @external_id AND t.campaign_id = @campaign_id;

-- name: CampaignGetReferee :one
-- What binds a member to a campaign as somebody's referee. By members_external_unique and attributions_pk.
SELECT a.* FROM members AS m
  JOIN attributions AS a ON a.tenant_id = m.tenant_id AND a.referee_id = m.id
 WHERE m.tenant_id = @tenant_id AND m.external_id = @external_id AND a.campaign_id = @campaign_id;
