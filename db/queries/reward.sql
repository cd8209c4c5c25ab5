-- name: RewardGet :one
-- One reward with its member, by rewards_pk.
SELECT sqlc.embed(r), m.external_id
  FROM rewards AS r
  JOIN members AS m ON m.tenant_id = r.tenant_id AND m.id = r.member_id
 WHERE r.tenant_id = @tenant_id AND r.id = @id;

-- name: RewardGetForUpdate :one
-- The same, locked, for a move.
SELECT sqlc.embed(r), m.external_id
  FROM rewards AS r
  JOIN members AS m ON m.tenant_id = r.tenant_id AND m.id = r.member_id
 WHERE r.tenant_id = @tenant_id AND r.id = @id
   FOR UPDATE OF r;

-- name: RewardFindByCode :one
-- One reward by its code, without regard to case. By rewards_code_unique.
SELECT sqlc.embed(r), m.external_id
  FROM rewards AS r
  JOIN members AS m ON m.tenant_id = r.tenant_id AND m.id = r.member_id
 WHERE r.tenant_id = @tenant_id AND r.code IS NOT NULL AND upper(r.code) = upper(@code::text);

-- name: RewardListByConversion :many
-- What a conversion earned. By rewards_once.
SELECT sqlc.embed(r), m.external_id
  FROM rewards AS r
  JOIN members AS m ON m.tenant_id = r.tenant_id AND m.id = r.member_id
 WHERE r.tenant_id = @tenant_id AND r.conversion_id = @conversion_id
 ORDER BY r.id;

-- name: RewardListByConversionForUpdate :many
-- The same, locked in the order of their ids.
SELECT sqlc.embed(r), m.external_id
  FROM rewards AS r
  JOIN members AS m ON m.tenant_id = r.tenant_id AND m.id = r.member_id
 WHERE r.tenant_id = @tenant_id AND r.conversion_id = @conversion_id
 ORDER BY r.id
   FOR UPDATE OF r;

-- name: RewardUpdate :exec
-- Stores a locked reward. By rewards_pk.
UPDATE rewards
   SET status = @status, held_until = @held_until, code = @code, transfer_seq = @transfer_seq,
       updated_at = @updated_at, claimed_at = @claimed_at, redeemed_at = @redeemed_at
 WHERE tenant_id = @tenant_id AND id = @id;

-- name: RewardFindDue :one
-- Whether the hold of any reward has ended by an instant. By rewards_held.
SELECT EXISTS (SELECT 1 FROM rewards AS r WHERE r.tenant_id = @tenant_id AND r.status = 'PENDING' AND r.held_until IS NOT NULL AND r.held_until <= @at::timestamptz)::boolean;

-- name: RewardUpdateDue :execrows
-- Approves rewards whose hold has ended, longest ended first. What is locked is
-- left to whoever locked it. By rewards_held.
UPDATE rewards AS r
   SET status = 'APPROVED', updated_at = r.held_until
  FROM (SELECT w.id FROM rewards AS w
         WHERE w.tenant_id = @tenant_id AND w.status = 'PENDING' AND w.held_until IS NOT NULL AND w.held_until <= @at::timestamptz
         ORDER BY w.held_until LIMIT @max_rows
           FOR UPDATE SKIP LOCKED) AS due
 WHERE r.tenant_id = @tenant_id AND r.id = due.id;

-- name: RewardListDueTenants :many
-- cross-tenant: the sweep looks for tenants with rewards to free or to pay, each by its own clock.
-- Tenants with a reward whose hold has ended, or an automated one that is not paid. One look into rewards_held
-- and one into rewards_unpaid for each tenant.
SELECT t.tenant_id
  FROM tenants AS t
 WHERE EXISTS (SELECT 1 FROM rewards AS r
                WHERE r.tenant_id = t.tenant_id AND r.status = 'PENDING' AND r.held_until IS NOT NULL
                  AND r.held_until <= tenant_instant(@at::timestamptz, t.clock_offset_us))
    OR EXISTS (SELECT 1 FROM rewards AS r
                WHERE r.tenant_id = t.tenant_id AND r.status = 'APPROVED' AND r.fulfilment = 'AUTOMATED' AND r.units > 0 AND r.transfer_seq IS NULL);

-- name: RewardListUnpaid :many
-- Automated rewards that nothing holds and whose points were not posted, behind an id. By rewards_unpaid.
SELECT r.id FROM rewards AS r
 WHERE r.tenant_id = @tenant_id AND r.status = 'APPROVED' AND r.fulfilment = 'AUTOMATED' AND r.units > 0 AND r.transfer_seq IS NULL AND r.id > @after
 ORDER BY r.id
 LIMIT @max_rows;

-- name: RewardList :many
-- Rewards up to an id, newest first. By rewards_pk.
SELECT sqlc.embed(r), m.external_id
  FROM (SELECT w.tenant_id, w.id FROM rewards AS w
         WHERE w.tenant_id = @tenant_id AND w.id <= @newest::uuid
         ORDER BY w.id DESC LIMIT @max_rows OFFSET @skip_rows) AS p
  JOIN rewards AS r ON r.tenant_id = p.tenant_id AND r.id = p.id
  JOIN members AS m ON m.tenant_id = r.tenant_id AND m.id = r.member_id
 ORDER BY r.id DESC;

-- name: RewardListByStatus :many
-- The same for one status, optionally of one fulfilment. By rewards_by_status.
SELECT sqlc.embed(r), m.external_id
  FROM (SELECT w.tenant_id, w.id FROM rewards AS w
         WHERE w.tenant_id = @tenant_id AND w.status = @status AND w.id <= @newest::uuid
           AND (sqlc.narg('fulfilment')::text IS NULL OR w.fulfilment = sqlc.narg('fulfilment'))
         ORDER BY w.id DESC LIMIT @max_rows OFFSET @skip_rows) AS p
  JOIN rewards AS r ON r.tenant_id = p.tenant_id AND r.id = p.id
  JOIN members AS m ON m.tenant_id = r.tenant_id AND m.id = r.member_id
 ORDER BY r.id DESC;

-- name: RewardListByFulfilment :many
-- The same for one fulfilment. By rewards_by_fulfilment.
SELECT sqlc.embed(r), m.external_id
  FROM (SELECT w.tenant_id, w.id FROM rewards AS w
         WHERE w.tenant_id = @tenant_id AND w.fulfilment = @fulfilment AND w.id <= @newest::uuid
         ORDER BY w.id DESC LIMIT @max_rows OFFSET @skip_rows) AS p
  JOIN rewards AS r ON r.tenant_id = p.tenant_id AND r.id = p.id
  JOIN members AS m ON m.tenant_id = r.tenant_id AND m.id = r.member_id
 ORDER BY r.id DESC;

-- name: RewardListByMember :many
-- A member's rewards between two places, newest first. By rewards_by_place.
SELECT sqlc.embed(r), m.external_id
  FROM (SELECT w.tenant_id, w.id FROM rewards AS w
         WHERE w.tenant_id = @tenant_id AND w.member_id = @member_id AND w.place BETWEEN @oldest::bigint AND @newest::bigint
         ORDER BY w.place DESC LIMIT @max_rows OFFSET @skip_rows) AS p
  JOIN rewards AS r ON r.tenant_id = p.tenant_id AND r.id = p.id
  JOIN members AS m ON m.tenant_id = r.tenant_id AND m.id = r.member_id
 ORDER BY r.place DESC;

-- name: RewardListByMemberStatus :many
-- The same for one status, optionally of one fulfilment. By rewards_by_member_status.
SELECT sqlc.embed(r), m.external_id
  FROM (SELECT w.tenant_id, w.id FROM rewards AS w
         WHERE w.tenant_id = @tenant_id AND w.member_id = @member_id
           AND w.status = @status AND (sqlc.narg('fulfilment')::text IS NULL OR w.fulfilment = sqlc.narg('fulfilment'))
           AND w.place BETWEEN @oldest::bigint AND @newest::bigint
         ORDER BY w.place DESC LIMIT @max_rows OFFSET @skip_rows) AS p
  JOIN rewards AS r ON r.tenant_id = p.tenant_id AND r.id = p.id
  JOIN members AS m ON m.tenant_id = r.tenant_id AND m.id = r.member_id
 ORDER BY r.place DESC;

-- name: RewardListByMemberFulfilment :many
-- The same for one fulfilment. By rewards_by_member_fulfilment.
SELECT sqlc.embed(r), m.external_id
  FROM (SELECT w.tenant_id, w.id FROM rewards AS w
         WHERE w.tenant_id = @tenant_id AND w.member_id = @member_id AND w.fulfilment = @fulfilment AND w.place BETWEEN @oldest::bigint AND @newest::bigint
         ORDER BY w.place DESC LIMIT @max_rows OFFSET @skip_rows) AS p
  JOIN rewards AS r ON r.tenant_id = p.tenant_id AND r.id = p.id
  JOIN members AS m ON m.tenant_id = r.tenant_id AND m.id = r.member_id
 ORDER BY r.place DESC;

-- name: RewardBlockList :many
-- How many of a member's rewards lie in each block of their places, newest first. By reward_blocks_pk.
SELECT block, sum(rewards)::bigint AS rewards
  FROM reward_blocks
 WHERE tenant_id = @tenant_id AND member_id = @member_id AND (sqlc.narg('status')::text IS NULL OR status = sqlc.narg('status'))
   AND (sqlc.narg('fulfilment')::text IS NULL OR fulfilment = sqlc.narg('fulfilment'))
 GROUP BY block
HAVING sum(rewards) > 0
 ORDER BY block DESC;

-- name: RewardDayList :many
-- Rewards per day, newest day first. By reward_days_pk.
SELECT day, sum(rewards)::bigint AS rewards
  FROM reward_days
 WHERE tenant_id = @tenant_id AND (sqlc.narg('status')::text IS NULL OR status = sqlc.narg('status'))
   AND (sqlc.narg('fulfilment')::text IS NULL OR fulfilment = sqlc.narg('fulfilment'))
 GROUP BY day
HAVING sum(rewards) > 0
 ORDER BY day DESC;

-- name: CampaignUpdateWithdrawn :exec
-- Gives a locked campaign's budget back. By campaigns_pk.
UPDATE campaigns SET spent_minor = spent_minor - @value_minor::bigint
 WHERE tenant_id = @tenant_id AND id = @id AND budget_minor IS NOT NULL;

-- name: CampaignTotalUpdateWithdrawn :exec
-- Counts a conversion or rewards out of the totals of a campaign.
INSERT INTO campaign_totals (tenant_id, campaign_id, shard, conversions, reward_minor)
VALUES (@tenant_id, @campaign_id, @shard, -(@conversions::bigint), -(@value_minor::bigint))
    ON CONFLICT (tenant_id, campaign_id, shard) DO UPDATE
   SET conversions = campaign_totals.conversions + excluded.conversions, reward_minor = campaign_totals.reward_minor + excluded.reward_minor;

-- name: TallyGetForUpdate :one
-- One referrer's tally, locked. By tallies_pk.
SELECT rewards, granted_minor FROM tallies
 WHERE tenant_id = @tenant_id AND campaign_id = @campaign_id AND member_id = @member_id FOR UPDATE;

-- name: TallyUpdateWithdrawn :exec
-- Counts rewards out of a locked tally. By tallies_pk.
UPDATE tallies SET rewards = rewards - @rewards::bigint, granted_minor = granted_minor - @value_minor::bigint
 WHERE tenant_id = @tenant_id AND campaign_id = @campaign_id AND member_id = @member_id;

-- name: ReferralGetForReview :one
-- A referral with its referrer, locked, for what a review or refund changes of it. By referrals_pk.
SELECT sqlc.embed(r), m.external_id
  FROM referrals AS r
  JOIN members AS m ON m.tenant_id = r.tenant_id AND m.id = r.referrer_id
 WHERE r.tenant_id = @tenant_id AND r.id = @id
   FOR NO KEY UPDATE OF r;

-- name: ReferralUpdateReviewed :exec
-- Stores what a review or refund changed of a locked referral. By referrals_pk.
UPDATE referrals SET conversions = conversions - @withdrawn::bigint, status = @status, completed_at = @completed_at
 WHERE tenant_id = @tenant_id AND id = @id;

-- name: ConversionGetForReview :one
-- One conversion, locked. By conversions_pk.
SELECT * FROM conversions WHERE tenant_id = @tenant_id AND id = @id FOR UPDATE;

-- name: ConversionGetPlace :one
-- What must be locked before the conversion is. By conversions_pk.
SELECT campaign_id, referral_id FROM conversions WHERE tenant_id = @tenant_id AND id = @id;

-- name: ConversionUpdateStatus :exec
-- Moves a locked conversion. By conversions_pk.
UPDATE conversions SET status = @status, refunded_at = @refunded_at WHERE tenant_id = @tenant_id AND id = @id;

-- name: ConversionGetWhy :one
-- A conversion with its referral, its people, and the click that it followed.
-- By conversions_pk, referrals_pk, clicks_pk, referral_clicks_pk.
SELECT sqlc.embed(c), sqlc.embed(r), m.external_id AS referrer, e.external_id AS referee, f.external_id AS named,
       k.created_at AS clicked_at, k.counted AS click_counted, COALESCE(n.clicks, 0)::bigint AS clicks
  FROM conversions AS c
  JOIN referrals AS r ON r.tenant_id = c.tenant_id AND r.id = c.referral_id
  JOIN members AS m ON m.tenant_id = c.tenant_id AND m.id = r.referrer_id
  JOIN members AS e ON e.tenant_id = c.tenant_id AND e.id = c.referee_id
  LEFT JOIN members AS f ON f.tenant_id = c.tenant_id AND f.id = r.referee_id
  LEFT JOIN clicks AS k ON k.tenant_id = c.tenant_id AND k.id = c.click_id
  LEFT JOIN referral_clicks AS n ON n.tenant_id = c.tenant_id AND n.referral_id = c.referral_id
 WHERE c.tenant_id = @tenant_id AND c.id = @id;

-- name: RewardFindMiscoded :one
-- Invariant 5: a claimed reward without the code it hands out, or one whose code of a pool is not in its name.
WITH bad AS MATERIALIZED (
    SELECT r.id, format('is %s and %s code', CASE WHEN r.claimed_at IS NULL THEN 'not claimed' ELSE 'claimed' END,
                        CASE WHEN r.code IS NULL THEN 'has no' ELSE 'has a' END)::text AS says
      FROM rewards AS r
     WHERE r.tenant_id = @tenant_id
       AND (r.code IS NOT NULL) <> (r.claimed_at IS NOT NULL AND r.fulfilment IN ('DISCOUNT_CODE', 'COUPON_CODE', 'GIFT_CARD'))
    UNION ALL
    SELECT c.reward_id, 'does not have the code that was issued to it'::text
      FROM codes AS c
      LEFT JOIN rewards AS r ON r.tenant_id = @tenant_id AND r.id = c.reward_id
     WHERE c.tenant_id = @tenant_id AND c.reward_id IS NOT NULL AND r.code IS DISTINCT FROM c.code)
SELECT b.id, b.says FROM bad AS b ORDER BY b.id LIMIT 1;

-- name: RewardFindUnpaid :one
-- Invariant 8: a reward whose payout is not in the books, or for another amount, or that is paid without one.
WITH bad AS MATERIALIZED (
    SELECT r.id, 'is not paid by a transfer of its own amount'::text AS says
      FROM rewards AS r
      LEFT JOIN transfers AS t ON t.tenant_id = @tenant_id AND t.member_id = r.member_id AND t.asset = r.asset AND t.seq = r.transfer_seq
     WHERE r.tenant_id = @tenant_id AND r.transfer_seq IS NOT NULL AND (t.seq IS NULL OR t.amount <> r.units)
    UNION ALL
    SELECT r.id, format('is %s and pays %s units, but no transfer is named', r.status, r.units)::text
      FROM rewards AS r
     WHERE r.tenant_id = @tenant_id AND r.claimed_at IS NOT NULL AND r.units > 0 AND r.transfer_seq IS NULL)
SELECT b.id, b.says FROM bad AS b ORDER BY b.id LIMIT 1;

-- name: RewardFindKept :one
-- Invariant 5: a reward of a rejected conversion that is neither cancelled nor used.
WITH bad AS MATERIALIZED (
    SELECT r.id, format('is %s, its conversion was rejected', r.status)::text AS says
      FROM rewards AS r
      JOIN conversions AS c ON c.tenant_id = r.tenant_id AND c.id = r.conversion_id
     WHERE r.tenant_id = @tenant_id AND c.status = 'REJECTED' AND r.status <> 'CANCELLED' AND r.redeemed_at IS NULL)
SELECT b.id, b.says FROM bad AS b ORDER BY b.id LIMIT 1;

-- name: RewardDayFindMiscounted :one
-- Invariant 7: a day and status whose count is not that of its rewards.
WITH counted AS (
    SELECT uuid_day(r.id) AS day, r.status, r.fulfilment, count(*) AS rewards
      FROM rewards AS r
     WHERE r.tenant_id = @tenant_id
     GROUP BY 1, 2, 3),
kept AS (
    SELECT d.day, d.status, d.fulfilment, sum(d.rewards) AS rewards
      FROM reward_days AS d WHERE d.tenant_id = @tenant_id GROUP BY 1, 2, 3 HAVING sum(d.rewards) <> 0)
SELECT COALESCE(k.day, n.day)::date AS day,
       format('%s: counts %s rewards, there are %s', COALESCE(k.status, n.status), COALESCE(k.rewards, 0), COALESCE(n.rewards, 0))::text AS says
  FROM kept AS k
  FULL JOIN counted AS n ON n.day = k.day AND n.status = k.status AND n.fulfilment = k.fulfilment
 WHERE k.rewards IS DISTINCT FROM n.rewards
 ORDER BY 1
 LIMIT 1;

-- name: RewardBlockFindMiscounted :one
-- Invariant 7: a member's block whose number of rewards of a status is not that of its rows.
WITH counted AS (
    SELECT r.member_id, (r.place - 1) / 1024 AS block, r.status, r.fulfilment, count(*) AS rewards
      FROM rewards AS r
     WHERE r.tenant_id = @tenant_id
     GROUP BY 1, 2, 3, 4),
kept AS (
    SELECT d.member_id, d.block, d.status, d.fulfilment, sum(d.rewards) AS rewards
      FROM reward_blocks AS d WHERE d.tenant_id = @tenant_id GROUP BY 1, 2, 3, 4 HAVING sum(d.rewards) <> 0)
SELECT COALESCE(k.member_id, n.member_id)::bigint AS member_id,
       format('block %s, %s: counts %s rewards, there are %s', COALESCE(k.block, n.block), COALESCE(k.status, n.status),
              COALESCE(k.rewards, 0), COALESCE(n.rewards, 0))::text AS says
  FROM kept AS k
  FULL JOIN counted AS n ON n.member_id = k.member_id AND n.block = k.block AND n.status = k.status AND n.fulfilment = k.fulfilment
 WHERE k.rewards IS DISTINCT FROM n.rewards
 ORDER BY 1, 2
 LIMIT 1;

-- name: RewardFindMisplaced :one
-- Invariant 7: a member whose rewards do not have the places from 1 on.
SELECT r.member_id, format('has %s rewards at the places up to %s', count(*), max(r.place))::text AS says
  FROM rewards AS r
 WHERE r.tenant_id = @tenant_id
 GROUP BY r.member_id
HAVING max(r.place) <> count(*) OR min(r.place) <> 1
 ORDER BY r.member_id
 LIMIT 1;

-- name: RewardListTold :many
-- The rewards that events are about, with their member. By rewards_pk and members_pk.
SELECT r.id, r.campaign_id, r.referral_id, r.conversion_id, r.role, r.fulfilment, r.value_minor, r.asset, r.units, r.code,
       r.created_at, r.claimed_at, r.redeemed_at, m.external_id
  FROM (SELECT unnest(@ids::uuid[]) AS id) AS w
 CROSS JOIN LATERAL (SELECT x.* FROM rewards AS x WHERE x.tenant_id = @tenant_id AND x.id = w.id OFFSET 0) AS r
 CROSS JOIN LATERAL (SELECT x.external_id FROM members AS x WHERE x.tenant_id = @tenant_id AND x.id = r.member_id OFFSET 0) AS m;
