-- Whatever is removed here is removed by conditions that no longer hold once it
-- is gone: every statement may be repeated, and is, until it finds nothing more.

-- name: MemberListWords :many
-- What stored answers call a member besides their id: mailboxes, and codes that
-- may be names. By referrals_by_referrer, attributions_pk and visits_pk.
SELECT w.word::text AS word, w.is_mailbox::boolean AS is_mailbox
  FROM (SELECT m.email AS word, true AS is_mailbox FROM members AS m WHERE m.tenant_id = @tenant_id AND m.id = @member_id
         UNION SELECT r.email, true FROM referrals AS r WHERE r.tenant_id = @tenant_id AND r.referrer_id = @member_id
         UNION SELECT r.code, false FROM referrals AS r WHERE r.tenant_id = @tenant_id AND r.referrer_id = @member_id
         UNION SELECT a.email, true FROM campaigns AS c
          CROSS JOIN LATERAL (SELECT x.email FROM attributions AS x WHERE x.tenant_id = @tenant_id AND x.campaign_id = c.id AND x.referee_id = @member_id OFFSET 0) AS a
          WHERE c.tenant_id = @tenant_id
         UNION SELECT v.email, true FROM campaigns AS c
          CROSS JOIN LATERAL (SELECT x.email FROM visits AS x WHERE x.tenant_id = @tenant_id AND x.campaign_id = c.id AND x.referee_id = @member_id OFFSET 0) AS v
          WHERE c.tenant_id = @tenant_id) AS w
 WHERE w.word IS NOT NULL
 LIMIT @max_rows;

-- name: MemberUpdateErased :exec
-- Makes a member nobody in particular, and destroys the key of their memos. By members_pk.
UPDATE members
   SET external_id = @tombstone, name = NULL, email = NULL, time_zone = NULL, memo_key = NULL, erased_at = @at::timestamptz, updated_at = @at::timestamptz
 WHERE tenant_id = @tenant_id AND id = @id;

-- name: ErasureInsert :exec
-- Begins an erasure.
INSERT INTO erasures (tenant_id, member_id, digest, words, erased_at) VALUES (@tenant_id, @member_id, @digest, @words, @at::timestamptz);

-- name: ErasureGet :one
-- The erasure of a member, by our key. By erasures_pk.
SELECT * FROM erasures WHERE tenant_id = @tenant_id AND member_id = @member_id;

-- name: ErasureFind :one
-- The newest erasure of a member whom the caller called so. By erasures_by_digest.
SELECT * FROM erasures WHERE tenant_id = @tenant_id AND digest = @digest ORDER BY erased_at DESC LIMIT 1;

-- name: ErasureListOpen :many
-- Erasures that are not complete. By erasures_open.
SELECT * FROM erasures WHERE tenant_id = @tenant_id AND completed_at IS NULL ORDER BY member_id LIMIT @max_rows;

-- name: ErasureListOpenTenants :many
-- cross-tenant: the sweep looks for tenants whose erasures want completing.
-- Tenants with erasures that are not complete. By erasures_open.
SELECT DISTINCT e.tenant_id FROM erasures AS e WHERE e.completed_at IS NULL;

-- name: ErasureClose :exec
-- Completes an erasure, and forgets the words it went by. By erasures_pk.
UPDATE erasures SET completed_at = @at::timestamptz, words = '{}' WHERE tenant_id = @tenant_id AND member_id = @member_id AND completed_at IS NULL;

-- name: TransactionList :many
-- The transactions that have looked at members and are not over yet.
SELECT member_readers()::text AS transaction;

-- name: HoldUpdateErased :execrows
-- Takes the callers' words out of a member's holds. By holds_by_member.
UPDATE holds AS h SET reason = '', reference = NULL, metadata = NULL
 WHERE h.tenant_id = @tenant_id AND h.id IN (
       SELECT x.id FROM holds AS x
        WHERE x.tenant_id = @tenant_id AND x.member_id = @member_id AND (x.reason <> '' OR x.reference IS NOT NULL OR x.metadata IS NOT NULL)
        ORDER BY x.id LIMIT @max_rows);

-- name: OrderUpdateErased :execrows
-- Takes out of a member's orders where they went. By orders_by_member.
UPDATE orders AS o SET address = NULL, tracking_number = NULL, carrier = NULL
 WHERE o.tenant_id = @tenant_id AND o.id IN (
       SELECT x.id FROM orders AS x
        WHERE x.tenant_id = @tenant_id AND x.member_id = @member_id AND (x.address IS NOT NULL OR x.tracking_number IS NOT NULL OR x.carrier IS NOT NULL)
        ORDER BY x.created_at, x.id LIMIT @max_rows);

-- name: ReferralUpdateErased :execrows
-- Takes a holder out of their codes, which become made-up ones: a code may be a
-- name, and is known to others; counts the tenant's version of codes up. By
-- referrals_by_referrer.
WITH touched AS (UPDATE tenants AS t SET codes_version = t.codes_version + 1 WHERE t.tenant_id = @tenant_id)
UPDATE referrals AS r SET username = NULL, email = NULL, network = NULL, device = NULL, code = upper(translate(r.id::text, '-', ''))
 WHERE r.tenant_id = @tenant_id AND r.id IN (
       SELECT x.id FROM referrals AS x
        WHERE x.tenant_id = @tenant_id AND x.referrer_id = @member_id
          AND (x.username IS NOT NULL OR x.email IS NOT NULL OR x.network IS NOT NULL OR x.device IS NOT NULL OR x.code <> upper(translate(x.id::text, '-', '')))
        ORDER BY x.created_at, x.id LIMIT @max_rows);

-- name: AttributionUpdateErased :execrows
-- Forgets the mailboxes of a referee, campaign by campaign. By attributions_pk.
UPDATE attributions AS a SET email = NULL
  FROM campaigns AS c
 WHERE c.tenant_id = @tenant_id AND a.tenant_id = @tenant_id AND a.campaign_id = c.id AND a.referee_id = @member_id AND a.email IS NOT NULL;

-- name: VisitUpdateErased :execrows
-- The same for codes that the referee is not bound to. By visits_pk.
UPDATE visits AS v SET email = NULL
  FROM campaigns AS c
 WHERE c.tenant_id = @tenant_id AND v.tenant_id = @tenant_id AND v.campaign_id = c.id AND v.referee_id = @member_id AND v.email IS NOT NULL;

-- name: ConversionUpdateErased :execrows
-- Takes a referee's traits and the callers' words out of conversions. By conversions_by_referee.
UPDATE conversions AS c SET network = NULL, device = NULL, metadata = NULL
 WHERE c.tenant_id = @tenant_id AND c.id IN (
       SELECT x.id FROM conversions AS x
        WHERE x.tenant_id = @tenant_id AND x.referee_id = @member_id AND (x.network IS NOT NULL OR x.device IS NOT NULL OR x.metadata IS NOT NULL)
        ORDER BY x.created_at, x.id LIMIT @max_rows);

-- name: ClickUpdateErased :one
-- Takes a referee's traits out of so many clicks after one id; answers the last
-- of them, the zero id behind the end. No index knows a click's referee, since
-- every click would pay for it. By clicks_pk.
WITH page AS MATERIALIZED (
    SELECT x.id, x.referee_id, (x.network IS NOT NULL OR x.device IS NOT NULL) AS traced FROM clicks AS x
     WHERE x.tenant_id = @tenant_id AND x.id > @after::uuid ORDER BY x.id LIMIT @max_rows
), cleared AS (
    UPDATE clicks AS c SET network = NULL, device = NULL
      FROM (SELECT p.id FROM page AS p WHERE p.referee_id = @member_id::bigint AND p.traced) AS p
     WHERE c.tenant_id = @tenant_id AND c.id = p.id
)
SELECT COALESCE((SELECT p.id FROM page AS p ORDER BY p.id DESC LIMIT 1), '00000000-0000-0000-0000-000000000000'::uuid)::uuid AS last;

-- name: SightingDeleteErased :execrows
-- Forgets where a member was seen: of each kind's traits the member's, found in
-- the index alone. By sightings_pk.
DELETE FROM sightings WHERE tenant_id = @tenant_id AND member_id = @member_id;

-- name: CaseListByMember :many
-- The cases about a member, as holder or referee. By cases_of_referral,
-- cases_by_conversion, cases_by_referrer and cases_by_referee.
SELECT w.id::uuid AS id
  FROM (SELECT k.id FROM referrals AS r
         CROSS JOIN LATERAL (SELECT x.id FROM cases AS x WHERE x.tenant_id = @tenant_id AND x.referral_id = r.id OFFSET 0) AS k
         WHERE r.tenant_id = @tenant_id AND r.referrer_id = @member_id
        UNION
        SELECT k.id FROM campaigns AS c
         CROSS JOIN LATERAL (SELECT x.id FROM referrals AS x WHERE x.tenant_id = @tenant_id AND x.campaign_id = c.id AND x.referee_id = @member_id OFFSET 0) AS r
         CROSS JOIN LATERAL (SELECT x.id FROM cases AS x WHERE x.tenant_id = @tenant_id AND x.referral_id = r.id OFFSET 0) AS k
         WHERE c.tenant_id = @tenant_id
        UNION
        SELECT k.id FROM conversions AS v
         CROSS JOIN LATERAL (SELECT x.id FROM cases AS x WHERE x.tenant_id = @tenant_id AND x.conversion_id = v.id OFFSET 0) AS k
         WHERE v.tenant_id = @tenant_id AND v.referee_id = @member_id
        UNION
        SELECT k.id FROM cases AS k WHERE k.tenant_id = @tenant_id AND k.referrer_id = @member_id
        UNION
        SELECT k.id FROM cases AS k WHERE k.tenant_id = @tenant_id AND k.referee_id = @member_id) AS w
 WHERE w.id > @after::uuid
 ORDER BY w.id
 LIMIT @max_rows;

-- name: CaseUpdateErased :exec
-- Takes a reviewer's words out of cases. By cases_pk.
UPDATE cases SET note = '' WHERE tenant_id = @tenant_id AND id = ANY(@ids::uuid[]) AND note <> '';

-- name: SignalUpdateErased :exec
-- Takes what was seen out of the signals of cases; name and weight stay. By signals_pk.
UPDATE signals SET evidence = '{}' WHERE tenant_id = @tenant_id AND case_id = ANY(@case_ids::uuid[]) AND evidence::text <> '{}';

-- name: ActivityKeyDeleteErased :exec
-- Forgets what was answered to a member's events that had a key. By activities_pk and activity_keys_pk.
DELETE FROM activity_keys AS k
 USING (SELECT x.idempotency_key AS key FROM activities AS x
         WHERE x.tenant_id = @tenant_id AND x.member_id = @member_id AND x.place BETWEEN @first::bigint AND @last::bigint AND x.idempotency_key IS NOT NULL) AS a
 WHERE k.tenant_id = @tenant_id AND k.key = a.key;

-- name: ActivityUpdateErased :execrows
-- Takes the callers' words out of a member's activities. By activities_pk.
UPDATE activities SET metadata = NULL, idempotency_key = NULL
 WHERE tenant_id = @tenant_id AND member_id = @member_id AND place BETWEEN @first::bigint AND @last::bigint
   AND (metadata IS NOT NULL OR idempotency_key IS NOT NULL);

-- name: ActivityGetNewestPlace :one
-- How many activities a member has. By activities_pk.
SELECT COALESCE((SELECT x.place FROM activities AS x WHERE x.tenant_id = @tenant_id AND x.member_id = @member_id ORDER BY x.place DESC LIMIT 1), 0)::bigint AS place;

-- name: BlockedDeleteErased :execrows
-- Takes a member off the block list, by id and by mailbox. By blocked_pk.
DELETE FROM blocked AS b
 USING (SELECT unnest(@kinds::text[]) AS kind, unnest(@vals::text[]) AS value) AS w
 WHERE b.tenant_id = @tenant_id AND b.kind = w.kind AND b.value = w.value;

-- name: IdempotencyListAfter :many
-- Stored answers after one key, so many rows and, but for the first, so many
-- bytes at most. By idempotency_keys_pk.
SELECT p.key, p.body
  FROM (SELECT x.key, x.body, sum(octet_length(x.body)) OVER (ORDER BY x.key) - octet_length(x.body) AS bytes_before
          FROM idempotency_keys AS x
         WHERE x.tenant_id = @tenant_id AND x.key > @after::bytea
         ORDER BY x.key LIMIT @max_rows) AS p
 WHERE p.bytes_before < @max_bytes::bigint
 ORDER BY p.key;

-- name: IdempotencyUpdateErased :exec
-- Empties stored answers; their keys are refused from then on. By idempotency_keys_pk.
UPDATE idempotency_keys SET body = '' WHERE tenant_id = @tenant_id AND key = ANY(@keys::bytea[]);
