-- name: ReferralInsert :execrows
-- Makes a code, unless the code or the referrer's open referral is there already.
INSERT INTO referrals (tenant_id, id, campaign_id, code, referrer_id, referee_id, username, email, network, device, status,
                       risk_score, warning, reasons, created_at)
VALUES (@tenant_id, @id, @campaign_id, @code, @referrer_id, @referee_id, @username, @email, @network, @device, 'PENDING',
        @risk_score, @warning, @reasons, @created_at)
    ON CONFLICT DO NOTHING;

-- name: ReferralGetByCode :one
-- One referral with its people and its clicks, by referrals_code_unique.
SELECT sqlc.embed(r), m.external_id AS referrer, m.email AS referrer_email, e.external_id AS referee, COALESCE(k.clicks, 0)::bigint AS clicks
  FROM referrals AS r
  JOIN members AS m ON m.tenant_id = r.tenant_id AND m.id = r.referrer_id
  LEFT JOIN members AS e ON e.tenant_id = r.tenant_id AND e.id = r.referee_id
  LEFT JOIN referral_clicks AS k ON k.tenant_id = r.tenant_id AND k.referral_id = r.id
 WHERE r.tenant_id = @tenant_id AND upper(r.code) = upper(@code);

-- name: ReferralGetOpen :one
-- The referrer's code for anybody, by referrals_open_unique.
SELECT * FROM referrals WHERE tenant_id = @tenant_id AND campaign_id = @campaign_id AND referrer_id = @referrer_id AND referee_id IS NULL;

-- name: ReferralGetTriple :one
-- The referrer's code for one person, by referrals_triple_unique.
SELECT * FROM referrals WHERE tenant_id = @tenant_id AND campaign_id = @campaign_id AND referrer_id = @referrer_id AND referee_id = @referee_id::bigint;

-- name: ReferralGetForUpdate :one
-- One referral, locked. By referrals_pk.
SELECT * FROM referrals WHERE tenant_id = @tenant_id AND id = @id FOR NO KEY UPDATE;

-- name: ReferralUpdateConverted :exec
-- Counts conversions of a locked referral, and completes it at its first rewarded one. By referrals_pk.
UPDATE referrals
   SET conversions = conversions + @conversions::bigint,
       status = CASE WHEN sqlc.narg('completed_at')::timestamptz IS NULL THEN status ELSE 'COMPLETED' END,
       completed_at = COALESCE(completed_at, sqlc.narg('completed_at'))
 WHERE tenant_id = @tenant_id AND id = @id;

-- name: ReferralCountByReferrer :one
-- How many codes a member holds. By referrals_by_referrer.
SELECT count(*) FROM referrals WHERE tenant_id = @tenant_id AND referrer_id = @referrer_id;

-- name: ReferralSumConverted :one
-- How many conversions a member's codes brought that are not under review,
-- rejected or expired. By referrals_by_referrer and conversions_flagged.
SELECT COALESCE(sum(r.conversions - f.flagged), 0)::bigint AS conversions
  FROM referrals AS r
 CROSS JOIN LATERAL (SELECT count(*) AS flagged FROM conversions AS c
                      WHERE c.tenant_id = @tenant_id AND c.referral_id = r.id AND c.status = 'FLAGGED' OFFSET 0) AS f
 WHERE r.tenant_id = @tenant_id AND r.referrer_id = @referrer_id;

-- name: ReferralListTold :many
-- The codes that events are about, with their people. By referrals_pk and members_pk.
SELECT r.id, r.campaign_id, r.code, r.risk_score, r.warning, r.reasons, r.created_at, m.external_id AS referrer,
       COALESCE(e.external_id, '')::text AS referee
  FROM (SELECT unnest(@ids::uuid[]) AS id) AS w
 CROSS JOIN LATERAL (SELECT x.* FROM referrals AS x WHERE x.tenant_id = @tenant_id AND x.id = w.id OFFSET 0) AS r
 CROSS JOIN LATERAL (SELECT x.external_id FROM members AS x WHERE x.tenant_id = @tenant_id AND x.id = r.referrer_id OFFSET 0) AS m
  LEFT JOIN LATERAL (SELECT x.external_id FROM members AS x WHERE x.tenant_id = @tenant_id AND x.id = r.referee_id OFFSET 0) AS e ON true;
