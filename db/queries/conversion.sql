-- name: ConversionInsert :exec
-- Records a conversion.
INSERT INTO conversions (tenant_id, id, campaign_id, referral_id, referee_id, click_id, version, status, reason, amount_minor, reward_minor, reward_units,
                         risk_score, warning, reasons, network, device, metadata, created_at)
VALUES (@tenant_id, @id, @campaign_id, @referral_id, @referee_id, @click_id, @version, @status, @reason, @amount_minor, @reward_minor, @reward_units,
        @risk_score, @warning, @reasons, @network, @device, @metadata, @created_at);

-- name: RewardInsert :exec
-- Makes an earned reward.
INSERT INTO rewards (tenant_id, id, campaign_id, referral_id, conversion_id, member_id, role, version, fulfilment, status, value_minor, asset, units,
                     held_until, pool_id, transfer_seq, created_at, updated_at)
VALUES (@tenant_id, @id, @campaign_id, @referral_id, @conversion_id, @member_id, @role, @version, @fulfilment, @status, @value_minor, @asset, @units,
        @held_until, @pool_id, @transfer_seq, @created_at, @created_at);

-- name: TallyInsert :exec
-- Opens a referrer's tally in a campaign; an open one stays.
INSERT INTO tallies (tenant_id, campaign_id, member_id, rewards, granted_minor) VALUES (@tenant_id, @campaign_id, @member_id, 0, 0)
    ON CONFLICT (tenant_id, campaign_id, member_id) DO NOTHING;

-- name: TallyAdd :exec
-- Counts what a referrer was granted into a locked tally. Takes signed numbers.
UPDATE tallies SET rewards = rewards + @rewards::bigint, granted_minor = granted_minor + @granted_minor::bigint
 WHERE tenant_id = @tenant_id AND campaign_id = @campaign_id AND member_id = @member_id;

-- name: ConversionList :many
-- Conversions in a time span, newest first. By conversions_by_time.
SELECT sqlc.embed(c), r.code, m.external_id AS referrer, e.external_id AS referee
  FROM (SELECT tenant_id, id FROM conversions AS x
         WHERE x.tenant_id = @tenant_id AND x.created_at BETWEEN @from_at AND @to_at
           AND (sqlc.narg('status')::text IS NULL OR x.status = sqlc.narg('status'))
         ORDER BY x.created_at DESC, x.id DESC LIMIT @max_rows OFFSET @skip_rows) AS page
  JOIN conversions AS c ON c.tenant_id = page.tenant_id AND c.id = page.id
  JOIN referrals AS r ON r.tenant_id = c.tenant_id AND r.id = c.referral_id
  JOIN members AS m ON m.tenant_id = r.tenant_id AND m.id = r.referrer_id
  JOIN members AS e ON e.tenant_id = c.tenant_id AND e.id = c.referee_id
 ORDER BY c.created_at DESC, c.id DESC;

-- name: ConversionListByCampaign :many
-- A campaign's conversions in a time span, newest first. By conversions_by_campaign.
SELECT sqlc.embed(c), r.code, m.external_id AS referrer, e.external_id AS referee
  FROM (SELECT tenant_id, id FROM conversions AS x
         WHERE x.tenant_id = @tenant_id AND x.campaign_id = @campaign_id AND x.created_at BETWEEN @from_at AND @to_at
           AND (sqlc.narg('status')::text IS NULL OR x.status = sqlc.narg('status'))
         ORDER BY x.created_at DESC, x.id DESC LIMIT @max_rows OFFSET @skip_rows) AS page
  JOIN conversions AS c ON c.tenant_id = page.tenant_id AND c.id = page.id
  JOIN referrals AS r ON r.tenant_id = c.tenant_id AND r.id = c.referral_id
  JOIN members AS m ON m.tenant_id = r.tenant_id AND m.id = r.referrer_id
  JOIN members AS e ON e.tenant_id = c.tenant_id AND e.id = c.referee_id
 ORDER BY c.created_at DESC, c.id DESC;

-- name: ConversionListByReferral :many
-- The conversions of one code between two places, newest first. By conversions_by_place.
SELECT sqlc.embed(c), r.code, m.external_id AS referrer, e.external_id AS referee
  FROM (SELECT tenant_id, id FROM conversions AS x
         WHERE x.tenant_id = @tenant_id AND x.referral_id = @referral_id AND x.place BETWEEN @oldest::bigint AND @newest::bigint
         ORDER BY x.place DESC LIMIT @max_rows OFFSET @skip_rows) AS page
  JOIN conversions AS c ON c.tenant_id = page.tenant_id AND c.id = page.id
  JOIN referrals AS r ON r.tenant_id = c.tenant_id AND r.id = c.referral_id
  JOIN members AS m ON m.tenant_id = r.tenant_id AND m.id = r.referrer_id
  JOIN members AS e ON e.tenant_id = c.tenant_id AND e.id = c.referee_id
 ORDER BY c.place DESC;

-- name: ConversionListByReferralStatus :many
-- The same for one status. By conversions_by_referral_status.
SELECT sqlc.embed(c), r.code, m.external_id AS referrer, e.external_id AS referee
  FROM (SELECT tenant_id, id FROM conversions AS x
         WHERE x.tenant_id = @tenant_id AND x.referral_id = @referral_id AND x.status = @status AND x.place BETWEEN @oldest::bigint AND @newest::bigint
         ORDER BY x.place DESC LIMIT @max_rows OFFSET @skip_rows) AS page
  JOIN conversions AS c ON c.tenant_id = page.tenant_id AND c.id = page.id
  JOIN referrals AS r ON r.tenant_id = c.tenant_id AND r.id = c.referral_id
  JOIN members AS m ON m.tenant_id = r.tenant_id AND m.id = r.referrer_id
  JOIN members AS e ON e.tenant_id = c.tenant_id AND e.id = c.referee_id
 ORDER BY c.place DESC;

-- name: ConversionGetPlaces :one
-- The places of a code's conversions in a time span: its first and its last, or
-- a first behind the last where it has none. By conversions_by_referral.
SELECT COALESCE((SELECT x.place FROM conversions AS x
                  WHERE x.tenant_id = @tenant_id AND x.referral_id = @referral_id AND x.created_at >= @from_at::timestamptz
                  ORDER BY x.created_at, x.place LIMIT 1), 9223372036854775807)::bigint AS first,
       COALESCE((SELECT x.place FROM conversions AS x
                  WHERE x.tenant_id = @tenant_id AND x.referral_id = @referral_id AND x.created_at <= @to_at::timestamptz
                  ORDER BY x.created_at DESC, x.place DESC LIMIT 1), 0)::bigint AS last;

-- name: ConversionBlockList :many
-- How many of a code's conversions lie in each of some blocks of their places, newest first. By conversion_blocks_pk.
SELECT block, sum(conversions)::bigint AS conversions
  FROM conversion_blocks
 WHERE tenant_id = @tenant_id AND referral_id = @referral_id AND block BETWEEN @first_block AND @last_block
   AND (sqlc.narg('status')::text IS NULL OR status = sqlc.narg('status'))
 GROUP BY block
HAVING sum(conversions) > 0
 ORDER BY block DESC;

-- name: ConversionCountPlaces :one
-- How many of a code's conversions lie at some places, at most a block's. By conversions_by_place.
SELECT count(*) FROM conversions AS x
 WHERE x.tenant_id = @tenant_id AND x.referral_id = @referral_id AND x.place BETWEEN @first AND @last
   AND (sqlc.narg('status')::text IS NULL OR x.status = sqlc.narg('status'));

-- name: ConversionCountSpan :one
-- How many conversions lie in a part of a day. By conversions_by_time.
SELECT count(*) FROM conversions AS x
 WHERE x.tenant_id = @tenant_id AND x.created_at BETWEEN @from_at AND @to_at
   AND (sqlc.narg('status')::text IS NULL OR x.status = sqlc.narg('status'));

-- name: ConversionCountSpanByCampaign :one
-- The same in one campaign. By conversions_by_campaign.
SELECT count(*) FROM conversions AS x
 WHERE x.tenant_id = @tenant_id AND x.campaign_id = @campaign_id AND x.created_at BETWEEN @from_at AND @to_at
   AND (sqlc.narg('status')::text IS NULL OR x.status = sqlc.narg('status'));

-- name: ConversionDayList :many
-- Conversions per day, newest day first. By conversion_days_by_day.
SELECT day, sum(conversions)::bigint AS conversions
  FROM conversion_days
 WHERE tenant_id = @tenant_id AND day BETWEEN @from_day AND @to_day AND (sqlc.narg('status')::text IS NULL OR status = sqlc.narg('status'))
 GROUP BY day
 ORDER BY day DESC;

-- name: ConversionDayListByCampaign :many
-- The same in one campaign. By conversion_days_pk.
SELECT day, sum(conversions)::bigint AS conversions
  FROM conversion_days
 WHERE tenant_id = @tenant_id AND campaign_id = @campaign_id AND day BETWEEN @from_day AND @to_day
   AND (sqlc.narg('status')::text IS NULL OR status = sqlc.narg('status'))
 GROUP BY day
 ORDER BY day DESC;

-- name: ConversionListTold :many
-- The conversions that events are about, with code and people. By conversions_pk, referrals_pk and members_pk.
SELECT c.id, c.campaign_id, c.referral_id, c.reason, c.amount_minor, c.reward_minor, c.reward_units, c.risk_score, c.warning, c.reasons,
       c.metadata, c.created_at, r.code, m.external_id AS referrer, e.external_id AS referee
  FROM (SELECT unnest(@ids::uuid[]) AS id) AS w
 CROSS JOIN LATERAL (SELECT x.* FROM conversions AS x WHERE x.tenant_id = @tenant_id AND x.id = w.id OFFSET 0) AS c
 CROSS JOIN LATERAL (SELECT x.code, x.referrer_id FROM referrals AS x WHERE x.tenant_id = @tenant_id AND x.id = c.referral_id OFFSET 0) AS r
 CROSS JOIN LATERAL (SELECT x.external_id FROM members AS x WHERE x.tenant_id = @tenant_id AND x.id = r.referrer_id OFFSET 0) AS m
 CROSS JOIN LATERAL (SELECT x.external_id FROM members AS x WHERE x.tenant_id = @tenant_id AND x.id = c.referee_id OFFSET 0) AS e;
