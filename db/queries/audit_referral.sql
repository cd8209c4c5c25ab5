-- Queries of the referral programme's part of an audit: the first row that
-- breaks an invariant of internal/referral/doc.go, or no row. What may be many
-- rows is looked through in a CTE of its own: beside LIMIT 1 the planner hopes to
-- find a bad row soon, and would walk a nested loop through millions of good ones.

-- name: CampaignTotalFindMiscounted :one
-- Invariant 7: a campaign whose totals are not those of its rows.
WITH said AS MATERIALIZED (
    SELECT t.campaign_id, sum(t.referrals) AS referrals, sum(t.clicks) AS clicks, sum(t.conversions) AS conversions, sum(t.reward_minor) AS reward_minor
      FROM campaign_totals AS t WHERE t.tenant_id = @tenant_id GROUP BY t.campaign_id),
made AS MATERIALIZED (
    SELECT r.campaign_id, count(*) AS referrals FROM referrals AS r WHERE r.tenant_id = @tenant_id GROUP BY r.campaign_id),
clicked AS MATERIALIZED (
    SELECT r.campaign_id, count(*) AS clicks FROM clicks AS k
      JOIN referrals AS r ON r.tenant_id = k.tenant_id AND r.id = k.referral_id
     WHERE k.tenant_id = @tenant_id AND k.counted GROUP BY r.campaign_id),
converted AS MATERIALIZED (
    SELECT c.campaign_id, count(*) AS conversions FROM conversions AS c
     WHERE c.tenant_id = @tenant_id AND c.status IN ('COMPLETED', 'FLAGGED') GROUP BY c.campaign_id),
granted AS MATERIALIZED (
    SELECT w.campaign_id, sum(w.value_minor) AS reward_minor FROM rewards AS w
     WHERE w.tenant_id = @tenant_id AND w.status <> 'CANCELLED' GROUP BY w.campaign_id)
SELECT g.id, format('counts %s codes, %s clicks, %s conversions, %s granted; there are %s, %s, %s, %s',
                    COALESCE(said.referrals, 0), COALESCE(said.clicks, 0), COALESCE(said.conversions, 0), COALESCE(said.reward_minor, 0),
                    COALESCE(made.referrals, 0), COALESCE(clicked.clicks, 0), COALESCE(converted.conversions, 0), COALESCE(granted.reward_minor, 0))::text AS says
  FROM campaigns AS g
  LEFT JOIN said ON said.campaign_id = g.id
  LEFT JOIN made ON made.campaign_id = g.id
  LEFT JOIN clicked ON clicked.campaign_id = g.id
  LEFT JOIN converted ON converted.campaign_id = g.id
  LEFT JOIN granted ON granted.campaign_id = g.id
 WHERE g.tenant_id = @tenant_id
   AND (COALESCE(said.referrals, 0), COALESCE(said.clicks, 0), COALESCE(said.conversions, 0), COALESCE(said.reward_minor, 0))
    <> (COALESCE(made.referrals, 0), COALESCE(clicked.clicks, 0), COALESCE(converted.conversions, 0), COALESCE(granted.reward_minor, 0))
 ORDER BY g.id
 LIMIT 1;

-- name: ReferralFindMiscounted :one
-- Invariant 7: a code whose clicks or conversions are not those of its rows.
WITH clicked AS MATERIALIZED (
    SELECT k.referral_id, count(*) AS clicks FROM clicks AS k WHERE k.tenant_id = @tenant_id AND k.counted GROUP BY k.referral_id),
converted AS MATERIALIZED (
    SELECT c.referral_id, count(*) AS conversions FROM conversions AS c
     WHERE c.tenant_id = @tenant_id AND c.status IN ('COMPLETED', 'FLAGGED') GROUP BY c.referral_id),
bad AS MATERIALIZED (
    SELECT r.id, format('counts %s clicks and %s conversions; there are %s and %s', COALESCE(n.clicks, 0), r.conversions,
                        COALESCE(clicked.clicks, 0), COALESCE(converted.conversions, 0))::text AS says
      FROM referrals AS r
      LEFT JOIN referral_clicks AS n ON n.tenant_id = r.tenant_id AND n.referral_id = r.id
      LEFT JOIN clicked ON clicked.referral_id = r.id
      LEFT JOIN converted ON converted.referral_id = r.id
     WHERE r.tenant_id = @tenant_id AND (COALESCE(n.clicks, 0), r.conversions) <> (COALESCE(clicked.clicks, 0), COALESCE(converted.conversions, 0)))
SELECT b.id, b.says FROM bad AS b ORDER BY b.id LIMIT 1;

-- name: ConversionDayFindMiscounted :one
-- Invariant 7: a campaign's day whose number of conversions of a status is not that of its rows.
WITH said AS MATERIALIZED (
    SELECT d.campaign_id, d.day, d.status, sum(d.conversions) AS conversions FROM conversion_days AS d
     WHERE d.tenant_id = @tenant_id GROUP BY d.campaign_id, d.day, d.status),
made AS MATERIALIZED (
    SELECT c.campaign_id, (c.created_at AT TIME ZONE 'UTC')::date AS day, c.status, count(*) AS conversions FROM conversions AS c
     WHERE c.tenant_id = @tenant_id GROUP BY c.campaign_id, (c.created_at AT TIME ZONE 'UTC')::date, c.status)
SELECT COALESCE(said.day, made.day)::date AS day,
       format('campaign %s, %s: counts %s, there are %s', COALESCE(said.campaign_id, made.campaign_id), COALESCE(said.status, made.status),
              COALESCE(said.conversions, 0), COALESCE(made.conversions, 0))::text AS says
  FROM said
  FULL JOIN made ON made.campaign_id = said.campaign_id AND made.day = said.day AND made.status = said.status
 WHERE COALESCE(said.conversions, 0) <> COALESCE(made.conversions, 0)
 ORDER BY 1, 2
 LIMIT 1;

-- name: ConversionBlockFindMiscounted :one
-- Invariant 7: a code's block whose number of conversions of a status is not that of its rows.
WITH said AS MATERIALIZED (
    SELECT d.referral_id, d.block, d.status, d.conversions FROM conversion_blocks AS d WHERE d.tenant_id = @tenant_id AND d.conversions <> 0),
made AS MATERIALIZED (
    SELECT c.referral_id, (c.place - 1) / 1024 AS block, c.status, count(*) AS conversions FROM conversions AS c
     WHERE c.tenant_id = @tenant_id GROUP BY c.referral_id, (c.place - 1) / 1024, c.status)
SELECT COALESCE(said.referral_id, made.referral_id)::uuid AS referral_id,
       format('block %s, %s: counts %s conversions, there are %s', COALESCE(said.block, made.block), COALESCE(said.status, made.status),
              COALESCE(said.conversions, 0), COALESCE(made.conversions, 0))::text AS says
  FROM said
  FULL JOIN made ON made.referral_id = said.referral_id AND made.block = said.block AND made.status = said.status
 WHERE COALESCE(said.conversions, 0) <> COALESCE(made.conversions, 0)
 ORDER BY 1, 2
 LIMIT 1;

-- name: ConversionFindMisplaced :one
-- Invariant 7: a code whose conversions do not have the places from 1 on, or not in the order in which they came.
WITH placed AS MATERIALIZED (
    SELECT c.referral_id, c.place, row_number() OVER w AS nth, c.created_at < lag(c.created_at) OVER w AS falls FROM conversions AS c
     WHERE c.tenant_id = @tenant_id
    WINDOW w AS (PARTITION BY c.referral_id ORDER BY c.place))
SELECT p.referral_id, format('has conversion number %s at place %s, before or after its time', p.nth, p.place)::text AS says
  FROM placed AS p
 WHERE p.place <> p.nth OR p.falls
 ORDER BY p.referral_id, p.place
 LIMIT 1;

-- name: CampaignFindOverdrawn :one
-- Invariant 4: a campaign with a budget that has not spent what it granted.
WITH granted AS MATERIALIZED (
    SELECT w.campaign_id, sum(w.value_minor) AS reward_minor FROM rewards AS w
     WHERE w.tenant_id = @tenant_id AND w.status <> 'CANCELLED' GROUP BY w.campaign_id)
SELECT g.id, format('has spent %s of %s, and granted %s', g.spent_minor, g.budget_minor, COALESCE(granted.reward_minor, 0))::text AS says
  FROM campaigns AS g
  LEFT JOIN granted ON granted.campaign_id = g.id
 WHERE g.tenant_id = @tenant_id AND g.budget_minor IS NOT NULL AND g.spent_minor <> COALESCE(granted.reward_minor, 0)
 ORDER BY g.id
 LIMIT 1;

-- name: TallyFindMiscounted :one
-- Invariant 4: a referrer whose tally is not what a campaign granted them.
WITH granted AS MATERIALIZED (
    SELECT w.campaign_id, w.member_id, sum(w.value_minor) AS granted_minor FROM rewards AS w
     WHERE w.tenant_id = @tenant_id AND w.status <> 'CANCELLED' AND w.role = 'REFERRER' GROUP BY w.campaign_id, w.member_id),
bad AS MATERIALIZED (
    SELECT t.campaign_id, t.member_id,
           format('member %s was granted %s, the tally says %s', t.member_id, COALESCE(granted.granted_minor, 0), t.granted_minor)::text AS says
      FROM tallies AS t
      LEFT JOIN granted ON granted.campaign_id = t.campaign_id AND granted.member_id = t.member_id
     WHERE t.tenant_id = @tenant_id AND t.granted_minor <> COALESCE(granted.granted_minor, 0))
SELECT b.campaign_id, b.says FROM bad AS b ORDER BY b.campaign_id, b.member_id LIMIT 1;

-- name: AttributionFindDoublePaid :one
-- Invariant 3: a referee whose conversions were rewarded twice in a campaign that
-- pays no repeats under any version of its rule.
WITH paid AS MATERIALIZED (
    SELECT c.campaign_id, c.referee_id, count(*) AS conversions FROM conversions AS c
      JOIN campaign_versions AS v ON v.tenant_id = c.tenant_id AND v.campaign_id = c.campaign_id AND v.version = c.version
     WHERE c.tenant_id = @tenant_id AND COALESCE((v.rule ->> 'payRepeats')::boolean, false) = false
       AND EXISTS (SELECT 1 FROM rewards AS w WHERE w.tenant_id = c.tenant_id AND w.conversion_id = c.id)
     GROUP BY c.campaign_id, c.referee_id)
SELECT paid.campaign_id, format('member %s was paid for %s times', paid.referee_id, paid.conversions)::text AS says
  FROM paid
 WHERE paid.conversions > 1
 ORDER BY paid.campaign_id, paid.referee_id
 LIMIT 1;

-- name: AttributionFindLost :one
-- Invariant 2: a referee who is bound to a code that is not there, or not of the campaign.
WITH bad AS MATERIALIZED (
    SELECT a.campaign_id, a.referee_id, format('member %s is bound to no code of it', a.referee_id)::text AS says
      FROM attributions AS a
      LEFT JOIN referrals AS r ON r.tenant_id = a.tenant_id AND r.id = a.referral_id AND r.campaign_id = a.campaign_id
     WHERE a.tenant_id = @tenant_id AND r.id IS NULL)
SELECT b.campaign_id, b.says FROM bad AS b ORDER BY b.campaign_id, b.referee_id LIMIT 1;
