-- name: ClickInsertMany :exec
-- Stores the clicks of one transaction.
INSERT INTO clicks (tenant_id, id, referral_id, referee_id, counted, network, device, created_at)
SELECT @tenant_id, unnest(@ids::uuid[]), unnest(@referral_ids::uuid[]), NULLIF(unnest(@referee_ids::bigint[]), 0), unnest(@counted::boolean[]),
       NULLIF(unnest(@networks::bytea[]), ''::bytea), NULLIF(unnest(@devices::bytea[]), ''::bytea), @created_at::timestamptz;

-- name: VisitListMany :many
-- What is known of referees on locked referrals. By visits_pk.
SELECT v.referee_id, v.referral_id, v.clicked_at
  FROM (SELECT unnest(@campaign_ids::text[]) AS campaign_id, unnest(@referee_ids::bigint[]) AS referee_id, unnest(@referral_ids::uuid[]) AS referral_id) AS w
 CROSS JOIN LATERAL (SELECT x.* FROM visits AS x
                      WHERE x.tenant_id = @tenant_id AND x.campaign_id = w.campaign_id AND x.referee_id = w.referee_id
                        AND x.referral_id = w.referral_id OFFSET 0) AS v;

-- name: VisitGet :one
-- What is known of a referee on a locked referral. By visits_pk.
SELECT * FROM visits WHERE tenant_id = @tenant_id AND campaign_id = @campaign_id AND referee_id = @referee_id AND referral_id = @referral_id;

-- name: VisitUpsertMany :exec
-- Notes that referees met locked referrals, by a click or otherwise (zero), and
-- the address they gave; an empty one leaves the one before.
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
-- On how many other codes of a campaign a referee was met since an instant, up to a number. By visits_pk.
SELECT count(*) FROM (
    SELECT 1 FROM visits AS v
     WHERE v.tenant_id = @tenant_id AND v.campaign_id = @campaign_id AND v.referee_id = @referee_id AND v.referral_id <> @referral_id
       AND v.met_at >= @since::timestamptz
     LIMIT @max_rows) AS others;

-- name: AttributionInsertMany :exec
-- Binds referees to the first code that they meet, in one order so that two
-- servers cannot deadlock; those that are bound already stay where they are.
INSERT INTO attributions (tenant_id, campaign_id, referee_id, referral_id, created_at)
SELECT @tenant_id, w.campaign_id, w.referee_id, w.referral_id, @at::timestamptz
  FROM (SELECT unnest(@campaign_ids::text[]) AS campaign_id, unnest(@referee_ids::bigint[]) AS referee_id, unnest(@referral_ids::uuid[]) AS referral_id) AS w
 ORDER BY w.campaign_id, w.referee_id
    ON CONFLICT (tenant_id, campaign_id, referee_id) DO NOTHING;

-- name: AttributionGetForUpdate :one
-- A referee's attribution in a campaign, locked. By attributions_pk.
SELECT * FROM attributions WHERE tenant_id = @tenant_id AND campaign_id = @campaign_id AND referee_id = @referee_id FOR NO KEY UPDATE;

-- name: AttributionUpdate :exec
-- Stores when a locked attribution's referee converted first, and was paid for first.
UPDATE attributions SET converted_at = @converted_at, paid_at = @paid_at
 WHERE tenant_id = @tenant_id AND campaign_id = @campaign_id AND referee_id = @referee_id;
