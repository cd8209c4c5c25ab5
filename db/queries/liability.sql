-- Queries of ledger.Liability: the books of a tenant at an instant. They read
-- everything up to it, once.

-- name: TransferSumByKind :many
-- What was moved up to an instant, by asset and kind. Reads the tenant's transfers once.
SELECT t.asset, t.kind, sum(t.amount)::bigint AS amount
  FROM transfers AS t
 WHERE t.tenant_id = @tenant_id AND t.created_at <= @at::timestamptz
 GROUP BY t.asset, t.kind;

-- name: TransferSumAfter :many
-- What all accounts together held at an instant, as their newest transfers up to it say. Independent of
-- TransferSumByKind, so that one proves the other. Reads the tenant's transfers twice.
SELECT t.asset, sum(t.available_after)::bigint AS available, sum(t.pending_after)::bigint AS pending, sum(t.debt_after)::bigint AS debt
  FROM (SELECT n.member_id, n.asset, max(n.seq) AS seq
          FROM transfers AS n
         WHERE n.tenant_id = @tenant_id AND n.created_at <= @at::timestamptz
         GROUP BY n.member_id, n.asset) AS newest
  JOIN transfers AS t ON t.tenant_id = @tenant_id AND t.member_id = newest.member_id AND t.asset = newest.asset AND t.seq = newest.seq
 GROUP BY t.asset;

-- name: LotEntrySumByDay :many
-- What lay in lots at an instant, by asset and UTC day of expiry, with the latest expiry of the day. What had
-- expired by then is one group of each asset, told by expired. Reads the tenant's lot entries once.
SELECT l.asset, l.expired, max(l.expires_at)::timestamptz AS expires_at, sum(l.amount)::bigint AS amount
  FROM (SELECT e.asset, e.expires_at, (e.expires_at <= @at::timestamptz)::boolean AS expired, sum(e.amount) AS amount
          FROM lot_entries AS e
          JOIN transfers AS t ON t.tenant_id = e.tenant_id AND t.member_id = e.member_id AND t.asset = e.asset AND t.seq = e.seq
         WHERE e.tenant_id = @tenant_id AND t.created_at <= @at::timestamptz
         GROUP BY e.asset, e.expires_at
        HAVING sum(e.amount) <> 0) AS l
 GROUP BY l.asset, l.expired, CASE WHEN l.expired THEN NULL ELSE date_trunc('day', l.expires_at, 'UTC') END
 ORDER BY 1, 3;

-- name: AccountListDueAfter :many
-- Accounts that have something to settle by an instant, in the order of accounts_pk, after the one named.
SELECT m.external_id, m.memo_key, a.*
  FROM accounts AS a
  JOIN members AS m ON m.tenant_id = a.tenant_id AND m.id = a.member_id
 WHERE a.tenant_id = @tenant_id AND a.due_at <= @at::timestamptz AND (a.member_id, a.asset) > (@after_member::bigint, @after_asset::smallint)
 ORDER BY a.member_id, a.asset
 LIMIT @max_rows;
