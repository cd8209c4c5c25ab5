-- name: ReferrerHourSum :one
-- What a referrer's codes did since an hour. By referrer_hours_pk, at most one row per
-- hour, and by referral_clicks_by_referrer, one for each code that was clicked on since.
SELECT COALESCE(sum(h.referrals), 0)::bigint AS referrals, COALESCE(sum(h.conversions), 0)::bigint AS conversions,
       (SELECT COALESCE(sum(c.clicks), 0) FROM referral_clicks AS k
         CROSS JOIN LATERAL unnest(k.recent[:(extract(epoch FROM k.hour - @since) / 3600)::integer + 1]) AS c(clicks)
         WHERE k.tenant_id = @tenant_id AND k.referrer_id = @member_id AND k.hour >= @since)::bigint AS clicks
  FROM referrer_hours AS h
 WHERE h.tenant_id = @tenant_id AND h.member_id = @member_id AND h.hour >= @since::timestamptz;

-- name: CampaignHourSum :one
-- What happened in a campaign since an hour. By campaign_hours_pk, one row per hour and shard.
SELECT COALESCE(sum(h.clicks), 0)::bigint AS clicks, COALESCE(sum(h.conversions), 0)::bigint AS conversions
  FROM campaign_hours AS h
 WHERE h.tenant_id = @tenant_id AND h.campaign_id = @campaign_id AND h.hour >= @since::timestamptz;

-- name: SightingExists :one
-- Whether a member was seen on a network or device since an instant. By sightings_pk.
SELECT EXISTS (SELECT 1 FROM sightings AS s
                WHERE s.tenant_id = @tenant_id AND s.kind = @kind AND s.trait = @trait AND s.member_id = @member_id AND s.seen_at >= @since::timestamptz);

-- name: SightingCountOthers :one
-- How many others clicked or converted on a network or device since an instant, up to a number. By sightings_by_visit.
SELECT count(*) FROM (
    SELECT 1 FROM sightings AS s
     WHERE s.tenant_id = @tenant_id AND s.kind = @kind AND s.trait = @trait AND s.visited_at >= @since::timestamptz
       AND s.member_id <> @referrer_id AND s.member_id <> @referee_id
     ORDER BY s.visited_at DESC
     LIMIT @max_rows) AS others;

-- name: BlockedListMatching :many
-- Which of the given traits the tenant never wants to pay. By blocked_pk.
SELECT b.kind, b.value
  FROM (SELECT unnest(@kinds::text[]) AS kind, unnest(@traits::text[]) AS value) AS w
 CROSS JOIN LATERAL (SELECT x.kind, x.value FROM blocked AS x
                      WHERE x.tenant_id = @tenant_id AND x.kind = w.kind AND x.value = w.value OFFSET 0) AS b;

-- name: ReferralGetReferrer :one
-- Who referred a member in a campaign: by naming them, or by a conversion of
-- theirs, whichever came first. By referrals_by_referee and attributions_pk.
SELECT u.referrer_id FROM (
    (SELECT r.referrer_id, r.created_at AS at FROM referrals AS r
      WHERE r.tenant_id = @tenant_id AND r.campaign_id = @campaign_id AND r.referee_id = @referee_id::bigint
      ORDER BY r.created_at LIMIT 1)
    UNION ALL
    (SELECT r.referrer_id, a.converted_at AS at FROM attributions AS a
       JOIN referrals AS r ON r.tenant_id = a.tenant_id AND r.id = a.referral_id
      WHERE a.tenant_id = @tenant_id AND a.campaign_id = @campaign_id AND a.referee_id = @referee_id::bigint AND a.converted_at IS NOT NULL)
    ) AS u
 ORDER BY u.at
 LIMIT 1;

-- name: CaseInsert :exec
-- Opens a case, or keeps one as evidence.
INSERT INTO cases (tenant_id, id, campaign_id, referral_id, conversion_id, referrer_id, referee_id, state, score, created_at)
VALUES (@tenant_id, @id, @campaign_id, @referral_id, @conversion_id, @referrer_id, @referee_id, @state, @score, @created_at);

-- name: SignalInsertMany :exec
-- Keeps the signals of a case.
INSERT INTO signals (tenant_id, case_id, name, weight, evidence)
SELECT @tenant_id, @case_id, unnest(@names::text[]), unnest(@weights::smallint[]), unnest(@evidence::text[])::json;

-- name: MemberListProfiles :many
-- What is known of the given members. By members_external_unique.
SELECT m.id, m.external_id, m.email
  FROM (SELECT unnest(@external_ids::text[]) AS external_id) AS w
 CROSS JOIN LATERAL (SELECT x.id, x.external_id, x.email FROM members AS x
                      WHERE x.tenant_id = @tenant_id AND x.external_id = w.external_id OFFSET 0) AS m;
