-- name: CaseGet :one
-- One case with whom it concerns; a refused code left no referral. By cases_pk.
SELECT sqlc.embed(k), r.code, m.external_id AS referrer, e.external_id AS referee
  FROM cases AS k
  LEFT JOIN referrals AS r ON r.tenant_id = k.tenant_id AND r.id = k.referral_id
  JOIN members AS m ON m.tenant_id = k.tenant_id AND m.id = COALESCE(r.referrer_id, k.referrer_id)
  LEFT JOIN conversions AS c ON c.tenant_id = k.tenant_id AND c.id = k.conversion_id
  LEFT JOIN members AS e ON e.tenant_id = k.tenant_id AND e.id = COALESCE(c.referee_id, r.referee_id, k.referee_id)
 WHERE k.tenant_id = @tenant_id AND k.id = @id;

-- name: CaseGetForUpdate :one
-- One case, locked, for a review. By cases_pk.
SELECT * FROM cases WHERE tenant_id = @tenant_id AND id = @id FOR UPDATE;

-- name: CaseUpdate :exec
-- Stores a locked case. By cases_pk.
UPDATE cases SET state = @state, note = @note, reviewed_at = @reviewed_at WHERE tenant_id = @tenant_id AND id = @id;

-- name: CaseList :many
-- Cases up to an id, newest first. By cases_pk.
SELECT sqlc.embed(k), r.code, m.external_id AS referrer, e.external_id AS referee
  FROM (SELECT w.tenant_id, w.id FROM cases AS w
         WHERE w.tenant_id = @tenant_id AND w.id <= @newest::uuid
         ORDER BY w.id DESC LIMIT @max_rows OFFSET @skip_rows) AS p
  JOIN cases AS k ON k.tenant_id = p.tenant_id AND k.id = p.id
  LEFT JOIN referrals AS r ON r.tenant_id = k.tenant_id AND r.id = k.referral_id
  JOIN members AS m ON m.tenant_id = k.tenant_id AND m.id = COALESCE(r.referrer_id, k.referrer_id)
  LEFT JOIN conversions AS c ON c.tenant_id = k.tenant_id AND c.id = k.conversion_id
  LEFT JOIN members AS e ON e.tenant_id = k.tenant_id AND e.id = COALESCE(c.referee_id, r.referee_id, k.referee_id)
 ORDER BY k.id DESC;

-- name: CaseListByState :many
-- The same for one state. By cases_by_state.
SELECT sqlc.embed(k), r.code, m.external_id AS referrer, e.external_id AS referee
  FROM (SELECT w.tenant_id, w.id FROM cases AS w
         WHERE w.tenant_id = @tenant_id AND w.state = @state AND w.id <= @newest::uuid
         ORDER BY w.id DESC LIMIT @max_rows OFFSET @skip_rows) AS p
  JOIN cases AS k ON k.tenant_id = p.tenant_id AND k.id = p.id
  LEFT JOIN referrals AS r ON r.tenant_id = k.tenant_id AND r.id = k.referral_id
  JOIN members AS m ON m.tenant_id = k.tenant_id AND m.id = COALESCE(r.referrer_id, k.referrer_id)
  LEFT JOIN conversions AS c ON c.tenant_id = k.tenant_id AND c.id = k.conversion_id
  LEFT JOIN members AS e ON e.tenant_id = k.tenant_id AND e.id = COALESCE(c.referee_id, r.referee_id, k.referee_id)
 ORDER BY k.id DESC;

-- name: CaseListByConversion :many
-- The cases of a conversion and of its referral. By cases_by_conversion and cases_by_referral.
SELECT sqlc.embed(k), r.code, m.external_id AS referrer, e.external_id AS referee
  FROM (SELECT w.tenant_id, w.id FROM cases AS w WHERE w.tenant_id = @tenant_id AND w.conversion_id = @conversion_id
        UNION ALL
        SELECT w.tenant_id, w.id FROM cases AS w WHERE w.tenant_id = @tenant_id AND w.referral_id = @referral_id AND w.conversion_id IS NULL) AS p
  JOIN cases AS k ON k.tenant_id = p.tenant_id AND k.id = p.id
  JOIN referrals AS r ON r.tenant_id = k.tenant_id AND r.id = k.referral_id
  JOIN members AS m ON m.tenant_id = k.tenant_id AND m.id = r.referrer_id
  LEFT JOIN conversions AS c ON c.tenant_id = k.tenant_id AND c.id = k.conversion_id
  LEFT JOIN members AS e ON e.tenant_id = k.tenant_id AND e.id = COALESCE(c.referee_id, r.referee_id)
 ORDER BY k.id
 LIMIT @max_rows;

-- name: CaseDayList :many
-- Cases per day, newest day first, optionally of one state. By case_days_pk.
SELECT day, sum(cases)::bigint AS cases
  FROM case_days
 WHERE tenant_id = @tenant_id AND (sqlc.narg('state')::text IS NULL OR state = sqlc.narg('state'))
 GROUP BY day
HAVING sum(cases) > 0
 ORDER BY day DESC;

-- name: SignalListByCase :many
-- The signals of cases, heaviest first. By signals_pk.
SELECT s.case_id, s.name, s.weight, s.evidence
  FROM signals AS s
 WHERE s.tenant_id = @tenant_id AND s.case_id = ANY(@case_ids::uuid[])
 ORDER BY s.case_id, s.weight DESC, s.name;
