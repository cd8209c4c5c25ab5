-- name: ClickInsertMany :exec
-- Stores the clicks of one transaction with all that they change for a code or a
-- referee.
-- Known referees are those whose attributions are locked: every row meets itself by
-- attributions_pk, notes the click and the address that it gave (an empty one leaves
-- the one before), and the other values stand for nothing. An update that joins them
-- walks the whole index where the plan is made for a table of some twenty rows: in a
-- benchmark's first round one click in twenty then took 38 to 73 ms, instead of 11 to 13.
-- Fresh ones are bound to
-- the first code that they clicked on, in one order; one whom a twin bound first
-- fails the transaction (attributions_pk), which runs again. Codes count clicks, ever
-- and by the hour, in one order so that two servers cannot deadlock; an instant of the
-- year 1 is none, and what comes from before the newest hour counts in that.
WITH known AS (
    INSERT INTO attributions AS a (tenant_id, campaign_id, referee_id, referral_id, click_id, email, clicked_at, met_at, created_at)
    SELECT @tenant_id, unnest(@known_campaign_ids::text[]), unnest(@known_referee_ids::bigint[]), '00000000-0000-0000-0000-000000000000',
           unnest(@known_click_ids::uuid[]), NULLIF(unnest(@known_emails::text[]), ''), @at::timestamptz, @at::timestamptz, @at::timestamptz
        ON CONFLICT (tenant_id, campaign_id, referee_id) DO UPDATE
       SET click_id = excluded.click_id, email = COALESCE(excluded.email, a.email), clicked_at = excluded.clicked_at, met_at = excluded.met_at),
fresh AS (
    INSERT INTO attributions (tenant_id, campaign_id, referee_id, referral_id, click_id, email, clicked_at, met_at, created_at)
    SELECT @tenant_id, w.campaign_id, w.referee_id, w.referral_id, w.click_id, NULLIF(w.email, ''), @at::timestamptz, @at::timestamptz, @at::timestamptz
      FROM (SELECT unnest(@fresh_campaign_ids::text[]) AS campaign_id, unnest(@fresh_referee_ids::bigint[]) AS referee_id,
                   unnest(@fresh_referral_ids::uuid[]) AS referral_id, unnest(@fresh_click_ids::uuid[]) AS click_id,
                   unnest(@fresh_emails::text[]) AS email) AS w
     ORDER BY w.campaign_id, w.referee_id),
codes AS (
    INSERT INTO referral_clicks AS k (tenant_id, referral_id, referrer_id, clicks, anonymous_at, hour, recent)
    SELECT @tenant_id, w.referral_id, w.referrer_id, w.clicks, NULLIF(w.anonymous_at, '0001-01-01Z'::timestamptz), @hour::timestamptz, ARRAY[w.clicks]
      FROM (SELECT unnest(@code_ids::uuid[]) AS referral_id, unnest(@code_referrer_ids::bigint[]) AS referrer_id,
                   unnest(@code_clicks::bigint[]) AS clicks, unnest(@anonymous_at::timestamptz[]) AS anonymous_at) AS w
     ORDER BY w.referral_id
        ON CONFLICT (tenant_id, referral_id) DO UPDATE
       SET clicks = k.clicks + excluded.clicks, anonymous_at = COALESCE(excluded.anonymous_at, k.anonymous_at),
           hour = GREATEST(k.hour, excluded.hour),
           recent = CASE WHEN k.hour >= excluded.hour THEN (k.recent[1] + excluded.clicks) || k.recent[2:]
                         ELSE (excluded.recent || array_fill(0::bigint, ARRAY[LEAST(extract(epoch FROM excluded.hour - k.hour) / 3600, 24)::integer - 1]) || k.recent)[:24] END)
INSERT INTO clicks (tenant_id, id, referral_id, referee_id, counted, network, device, created_at)
SELECT @tenant_id, unnest(@ids::uuid[]), unnest(@referral_ids::uuid[]), NULLIF(unnest(@referee_ids::bigint[]), 0), unnest(@counted::boolean[]),
       NULLIF(unnest(@networks::bytea[]), ''::bytea), NULLIF(unnest(@devices::bytea[]), ''::bytea), @at::timestamptz;

-- name: VisitorListForUpdate :many
-- Each code's referee with what binds them to its campaign, locked in the one order
-- (campaign, member), and the referrals behind codes as callers wrote them, with what
-- tells whether their campaigns run. A code that is known by heart comes with its
-- campaign, and is not looked up: the answer says nothing of its referral. An empty
-- referee is nobody; one who is unknown has no member, one who is not bound no
-- referral; an unknown code has no campaign. By referrals_code_unique, campaigns_pk,
-- members_external_unique and attributions_pk. Looked up one by one: see ledger.sql.
SELECT s.asked::text AS asked, s.referee::text AS referee, COALESCE(s.id, '00000000-0000-0000-0000-000000000000')::uuid AS id,
       COALESCE(s.campaign_id, '')::text AS campaign_id, COALESCE(s.code, '')::text AS code, COALESCE(s.referrer_id, 0)::bigint AS referrer_id,
       COALESCE(s.state, '')::text AS state, s.starts_at, s.ends_at, COALESCE(s.member_id, 0)::bigint AS member_id,
       COALESCE(a.referral_id, '00000000-0000-0000-0000-000000000000')::uuid AS bound_to, a.clicked_at
  FROM (SELECT w.asked, w.referee, r.id, COALESCE(r.campaign_id, w.known) AS campaign_id, r.code, r.referrer_id, c.state, c.starts_at, c.ends_at, m.id AS member_id
          FROM (SELECT unnest(@codes::text[]) AS asked, NULLIF(unnest(@campaign_ids::text[]), '') AS known, unnest(@referees::text[]) AS referee) AS w
          LEFT JOIN LATERAL (SELECT x.id, x.campaign_id, x.code, x.referrer_id FROM referrals AS x
                              WHERE w.known IS NULL AND x.tenant_id = @tenant_id AND upper(x.code) = upper(w.asked) OFFSET 0) AS r ON true
          LEFT JOIN LATERAL (SELECT z.state, z.starts_at, z.ends_at FROM campaigns AS z
                              WHERE z.tenant_id = @tenant_id AND z.id = r.campaign_id OFFSET 0) AS c ON true
          LEFT JOIN LATERAL (SELECT x.id FROM members AS x
                              WHERE x.tenant_id = @tenant_id AND x.external_id = NULLIF(w.referee, '') OFFSET 0) AS m ON true
         ORDER BY COALESCE(r.campaign_id, w.known), m.id) AS s
  LEFT JOIN LATERAL (SELECT y.referral_id, y.clicked_at FROM attributions AS y
                      WHERE y.tenant_id = @tenant_id AND y.campaign_id = s.campaign_id AND y.referee_id = s.member_id
                        FOR NO KEY UPDATE) AS a ON true;

-- name: RefereeListForUpdate :many
-- What VisitorListForUpdate says of referees, whose codes are all known by heart; who is
-- unknown is left out. By members_external_unique and attributions_pk.
SELECT s.referee, s.campaign_id, s.member_id, COALESCE(a.referral_id, '00000000-0000-0000-0000-000000000000')::uuid AS bound_to, a.clicked_at
  FROM (SELECT w.referee, w.campaign_id, m.id AS member_id
          FROM (SELECT unnest(@referees::text[])::text AS referee, unnest(@campaign_ids::text[])::text AS campaign_id) AS w
         CROSS JOIN LATERAL (SELECT x.id FROM members AS x
                              WHERE x.tenant_id = @tenant_id AND x.external_id = w.referee OFFSET 0) AS m
         ORDER BY w.campaign_id, m.id) AS s
  LEFT JOIN LATERAL (SELECT y.referral_id, y.clicked_at FROM attributions AS y
                      WHERE y.tenant_id = @tenant_id AND y.campaign_id = s.campaign_id AND y.referee_id = s.member_id
                        FOR NO KEY UPDATE) AS a ON true;

-- name: VisitListMany :many
-- When referees whose attributions are locked clicked on other codes. By visits_pk.
SELECT v.campaign_id, v.referee_id, v.referral_id, v.clicked_at
  FROM (SELECT unnest(@campaign_ids::text[]) AS campaign_id, unnest(@referee_ids::bigint[]) AS referee_id, unnest(@referral_ids::uuid[]) AS referral_id) AS w
 CROSS JOIN LATERAL (SELECT x.* FROM visits AS x
                      WHERE x.tenant_id = @tenant_id AND x.campaign_id = w.campaign_id AND x.referee_id = w.referee_id
                        AND x.referral_id = w.referral_id OFFSET 0) AS v;

-- name: VisitGet :one
-- When a referee clicked on a code last, and when anybody did: a row of nulls
-- where nobody has. By attributions_pk, visits_pk and referral_clicks_pk.
SELECT a.clicked_at AS bound_clicked_at, a.click_id AS bound_click_id, a.email AS bound_email, v.clicked_at, v.click_id, v.email, k.anonymous_at
  FROM (SELECT 1) AS one
  LEFT JOIN attributions AS a ON a.tenant_id = @tenant_id AND a.campaign_id = @campaign_id AND a.referee_id = @referee_id AND a.referral_id = @referral_id
  LEFT JOIN visits AS v ON v.tenant_id = @tenant_id AND v.campaign_id = @campaign_id AND v.referee_id = @referee_id AND v.referral_id = @referral_id
  LEFT JOIN referral_clicks AS k ON k.tenant_id = @tenant_id AND k.referral_id = @referral_id;

-- name: VisitUpsertMany :exec
-- Notes that referees met codes that they are not bound to, by a click or
-- otherwise (zero), and the address they gave; an empty one leaves the one before.
INSERT INTO visits (tenant_id, campaign_id, referee_id, referral_id, met_at, clicked_at, click_id, email)
SELECT @tenant_id, w.campaign_id, w.referee_id, w.referral_id, @met_at::timestamptz,
       CASE WHEN w.click_id <> '00000000-0000-0000-0000-000000000000' THEN @met_at::timestamptz END,
       NULLIF(w.click_id, '00000000-0000-0000-0000-000000000000'), NULLIF(w.email, '')
  FROM (SELECT unnest(@campaign_ids::text[]) AS campaign_id, unnest(@referee_ids::bigint[]) AS referee_id, unnest(@referral_ids::uuid[]) AS referral_id,
               unnest(@click_ids::uuid[]) AS click_id, unnest(@emails::text[]) AS email) AS w
    ON CONFLICT (tenant_id, campaign_id, referee_id, referral_id) DO UPDATE
   SET met_at = excluded.met_at, clicked_at = COALESCE(excluded.clicked_at, visits.clicked_at), click_id = COALESCE(excluded.click_id, visits.click_id),
       email = COALESCE(excluded.email, visits.email);

-- name: VisitCountOthers :one
-- On how many other codes of a campaign a referee was met since an instant, up to a number. By visits_pk and attributions_pk.
SELECT count(*) FROM (
    (SELECT v.referral_id FROM visits AS v
     WHERE v.tenant_id = @tenant_id AND v.campaign_id = @campaign_id AND v.referee_id = @referee_id AND v.referral_id <> @referral_id
       AND v.met_at >= @since::timestamptz
     LIMIT @max_rows)
    UNION
    SELECT a.referral_id FROM attributions AS a
     WHERE a.tenant_id = @tenant_id AND a.campaign_id = @campaign_id AND a.referee_id = @referee_id AND a.referral_id <> @referral_id
       AND a.met_at >= @since::timestamptz) AS others;

-- name: AttributionInsert :exec
-- Binds a referee to the first code that they converted by; one who is bound
-- already stays where they are.
INSERT INTO attributions (tenant_id, campaign_id, referee_id, referral_id, met_at, created_at)
VALUES (@tenant_id, @campaign_id, @referee_id, @referral_id, @at, @at)
    ON CONFLICT (tenant_id, campaign_id, referee_id) DO NOTHING;

-- name: AttributionGetForUpdate :one
-- A referee's attribution in a campaign, locked. By attributions_pk.
SELECT * FROM attributions WHERE tenant_id = @tenant_id AND campaign_id = @campaign_id AND referee_id = @referee_id FOR NO KEY UPDATE;

-- name: AttributionUpdate :exec
-- Stores when a locked attribution's referee was met last, converted first, and was paid for first.
UPDATE attributions SET met_at = @met_at, converted_at = @converted_at, paid_at = @paid_at
 WHERE tenant_id = @tenant_id AND campaign_id = @campaign_id AND referee_id = @referee_id;

-- name: ClickListTold :many
-- The clicks that events are about, with code and people. By clicks_pk, referrals_pk and members_pk.
SELECT c.id, c.counted, c.created_at, r.id AS referral_id, r.campaign_id, r.code, m.external_id AS referrer,
       COALESCE(e.external_id, '')::text AS referee
  FROM (SELECT unnest(@ids::uuid[]) AS id) AS w
 CROSS JOIN LATERAL (SELECT x.* FROM clicks AS x WHERE x.tenant_id = @tenant_id AND x.id = w.id OFFSET 0) AS c
 CROSS JOIN LATERAL (SELECT x.id, x.campaign_id, x.code, x.referrer_id FROM referrals AS x
                      WHERE x.tenant_id = @tenant_id AND x.id = c.referral_id OFFSET 0) AS r
 CROSS JOIN LATERAL (SELECT x.external_id FROM members AS x WHERE x.tenant_id = @tenant_id AND x.id = r.referrer_id OFFSET 0) AS m
  LEFT JOIN LATERAL (SELECT x.external_id FROM members AS x WHERE x.tenant_id = @tenant_id AND x.id = c.referee_id OFFSET 0) AS e ON true;
