-- name: CampaignTotalAddMany :exec
-- Counts into the totals of campaigns, and into the hour of campaigns and of
-- referrers, each in one order so that two servers cannot deadlock. Takes signed
-- numbers.
WITH hours AS (
    INSERT INTO campaign_hours (tenant_id, campaign_id, hour, shard, clicks, conversions)
    SELECT @tenant_id, w.campaign_id, @hour::timestamptz, @shard, w.clicks, w.conversions
      FROM (SELECT unnest(@hour_campaign_ids::text[]) AS campaign_id, unnest(@hour_clicks::bigint[]) AS clicks,
                   unnest(@hour_conversions::bigint[]) AS conversions) AS w
     ORDER BY w.campaign_id
        ON CONFLICT (tenant_id, campaign_id, hour, shard) DO UPDATE
       SET clicks = campaign_hours.clicks + excluded.clicks, conversions = campaign_hours.conversions + excluded.conversions),
referrers AS (
    INSERT INTO referrer_hours (tenant_id, member_id, hour, referrals, conversions)
    SELECT @tenant_id, w.member_id, @hour::timestamptz, w.referrals, w.conversions
      FROM (SELECT unnest(@member_ids::bigint[]) AS member_id, unnest(@member_referrals::bigint[]) AS referrals,
                   unnest(@member_conversions::bigint[]) AS conversions) AS w
     ORDER BY w.member_id
        ON CONFLICT (tenant_id, member_id, hour) DO UPDATE
       SET referrals = referrer_hours.referrals + excluded.referrals, conversions = referrer_hours.conversions + excluded.conversions)
INSERT INTO campaign_totals (tenant_id, campaign_id, shard, referrals, clicks, conversions, reward_minor, amounts, amount_sum, amount_sq)
SELECT @tenant_id, w.campaign_id, @shard, w.referrals, w.clicks, w.conversions, w.reward_minor, w.amounts, w.amount_sum, w.amount_sq
  FROM (SELECT unnest(@campaign_ids::text[]) AS campaign_id, unnest(@referrals::bigint[]) AS referrals, unnest(@clicks::bigint[]) AS clicks,
               unnest(@conversions::bigint[]) AS conversions, unnest(@reward_minor::bigint[]) AS reward_minor, unnest(@amounts::bigint[]) AS amounts,
               unnest(@amount_sums::double precision[]) AS amount_sum, unnest(@amount_sqs::double precision[]) AS amount_sq) AS w
 ORDER BY w.campaign_id
    ON CONFLICT (tenant_id, campaign_id, shard) DO UPDATE
   SET referrals = campaign_totals.referrals + excluded.referrals, clicks = campaign_totals.clicks + excluded.clicks,
       conversions = campaign_totals.conversions + excluded.conversions, reward_minor = campaign_totals.reward_minor + excluded.reward_minor,
       amounts = campaign_totals.amounts + excluded.amounts, amount_sum = campaign_totals.amount_sum + excluded.amount_sum,
       amount_sq = campaign_totals.amount_sq + excluded.amount_sq;

-- name: CampaignTotalGet :one
-- The totals of a campaign; no row where there is no campaign. By campaign_totals_pk, one row per shard.
SELECT COALESCE(sum(t.referrals), 0)::bigint AS referrals, COALESCE(sum(t.clicks), 0)::bigint AS clicks,
       COALESCE(sum(t.conversions), 0)::bigint AS conversions, COALESCE(sum(t.reward_minor), 0)::bigint AS reward_minor
  FROM campaigns AS c
  LEFT JOIN campaign_totals AS t ON t.tenant_id = c.tenant_id AND t.campaign_id = c.id
 WHERE c.tenant_id = @tenant_id AND c.id = @id
 GROUP BY c.id;

-- name: CampaignAmountGet :one
-- What is known of the amounts of a campaign's clean conversions. By campaign_totals_pk, one row per shard.
SELECT COALESCE(sum(t.amounts), 0)::bigint AS amounts, COALESCE(sum(t.amount_sum), 0)::double precision AS amount_sum,
       COALESCE(sum(t.amount_sq), 0)::double precision AS amount_sq
  FROM campaign_totals AS t
 WHERE t.tenant_id = @tenant_id AND t.campaign_id = @campaign_id;

-- name: SightingUpsertMany :exec
-- Notes who was seen on which network or device, in one order.
INSERT INTO sightings (tenant_id, kind, trait, member_id, seen_at, visited_at)
SELECT @tenant_id, w.kind, w.trait, w.member_id, @at::timestamptz, CASE WHEN @visited::boolean THEN @at::timestamptz END
  FROM (SELECT unnest(@kinds::text[]) AS kind, unnest(@traits::bytea[]) AS trait, unnest(@member_ids::bigint[]) AS member_id) AS w
 ORDER BY w.kind, w.trait, w.member_id
    ON CONFLICT (tenant_id, kind, trait, member_id) DO UPDATE
   SET seen_at = excluded.seen_at, visited_at = COALESCE(excluded.visited_at, sightings.visited_at);
