-- name: OrderInsertMany :exec
-- Makes orders of one transaction.
INSERT INTO orders (tenant_id, id, member_id, item_id, item_name, kind, quantity, asset, spent, spend_seq, status, codes, address, created_at, completed_at, owed_minor)
SELECT @tenant_id, unnest(@ids::uuid[]), unnest(@member_ids::bigint[]), unnest(@item_ids::text[]), unnest(@item_names::text[]), unnest(@kinds::text[]),
       unnest(@quantities::integer[]), unnest(@assets::smallint[]), unnest(@spents::bigint[]), unnest(@spend_seqs::bigint[]), unnest(@statuses::text[]),
       string_to_array(unnest(@codes::text[]), E'\n'), NULLIF(unnest(@addresses::text[]), '')::json,
       unnest(@created_at::timestamptz[]), NULLIF(unnest(@completed_at::timestamptz[]), '0001-01-01Z'::timestamptz), NULLIF(unnest(@owed_minors::bigint[]), -1);

-- name: OrderGet :one
-- One order with its member, by orders_pk.
SELECT sqlc.embed(o), m.external_id
  FROM orders AS o
  JOIN members AS m ON m.tenant_id = o.tenant_id AND m.id = o.member_id
 WHERE o.tenant_id = @tenant_id AND o.id = @id;

-- name: OrderGetForUpdate :one
-- One order with its member, locked, for a move. By orders_pk.
SELECT sqlc.embed(o), m.external_id
  FROM orders AS o
  JOIN members AS m ON m.tenant_id = o.tenant_id AND m.id = o.member_id
 WHERE o.tenant_id = @tenant_id AND o.id = @id
   FOR UPDATE OF o;

-- name: OrderUpdate :exec
-- Stores a locked order's move.
UPDATE orders
   SET status = @status, tracking_number = @tracking_number, carrier = @carrier,
       shipped_at = @shipped_at, completed_at = @completed_at, cancelled_at = @cancelled_at
 WHERE tenant_id = @tenant_id AND id = @id;

-- name: OrderList :many
-- Orders in a time span, newest first. By orders_by_time.
SELECT sqlc.embed(o), m.external_id
  FROM (SELECT tenant_id, id FROM orders AS x
         WHERE x.tenant_id = @tenant_id AND x.created_at BETWEEN @from_at AND @to_at
         ORDER BY x.created_at DESC, x.id DESC LIMIT @max_rows OFFSET @skip_rows) AS page
  JOIN orders AS o ON o.tenant_id = page.tenant_id AND o.id = page.id
  JOIN members AS m ON m.tenant_id = o.tenant_id AND m.id = o.member_id
 ORDER BY o.created_at DESC, o.id DESC;

-- name: OrderListByStatus :many
-- Orders of some statuses in a time span, newest first: the page is among the
-- newest of each status, down to reach. By orders_by_status.
SELECT sqlc.embed(o), m.external_id
  FROM (SELECT s.tenant_id, s.id
          FROM (SELECT unnest(@statuses::text[]) AS status) AS w
         CROSS JOIN LATERAL (SELECT x.tenant_id, x.id, x.created_at FROM orders AS x
                              WHERE x.tenant_id = @tenant_id AND x.status = w.status AND x.created_at BETWEEN @from_at AND @to_at
                              ORDER BY x.created_at DESC, x.id DESC LIMIT @reach) AS s
         ORDER BY s.created_at DESC, s.id DESC LIMIT @max_rows OFFSET @skip_rows) AS page
  JOIN orders AS o ON o.tenant_id = page.tenant_id AND o.id = page.id
  JOIN members AS m ON m.tenant_id = o.tenant_id AND m.id = o.member_id
 ORDER BY o.created_at DESC, o.id DESC;

-- name: OrderListByItem :many
-- The same of one item. By orders_by_item.
SELECT sqlc.embed(o), m.external_id
  FROM (SELECT s.tenant_id, s.id
          FROM (SELECT unnest(@statuses::text[]) AS status) AS w
         CROSS JOIN LATERAL (SELECT x.tenant_id, x.id, x.created_at FROM orders AS x
                              WHERE x.tenant_id = @tenant_id AND x.item_id = @item_id AND x.status = w.status AND x.created_at BETWEEN @from_at AND @to_at
                              ORDER BY x.created_at DESC, x.id DESC LIMIT @reach) AS s
         ORDER BY s.created_at DESC, s.id DESC LIMIT @max_rows OFFSET @skip_rows) AS page
  JOIN orders AS o ON o.tenant_id = page.tenant_id AND o.id = page.id
  JOIN members AS m ON m.tenant_id = o.tenant_id AND m.id = o.member_id
 ORDER BY o.created_at DESC, o.id DESC;

-- name: OrderListByMember :many
-- One member's orders in a time span, newest first. By orders_of_member.
SELECT sqlc.embed(o), m.external_id
  FROM (SELECT x.tenant_id, x.id FROM orders AS x
         WHERE x.tenant_id = @tenant_id AND x.member_id = @member_id AND x.created_at BETWEEN @from_at AND @to_at
           AND (sqlc.narg('item_id')::text IS NULL OR x.item_id = sqlc.narg('item_id')) AND x.status = ANY(@statuses::text[])
         ORDER BY x.created_at DESC, x.id DESC LIMIT @max_rows OFFSET @skip_rows) AS page
  JOIN orders AS o ON o.tenant_id = page.tenant_id AND o.id = page.id
  JOIN members AS m ON m.tenant_id = o.tenant_id AND m.id = o.member_id
 ORDER BY o.created_at DESC, o.id DESC;

-- name: OrderCountByMember :one
-- How many orders OrderListByMember would list in all. By orders_of_member.
SELECT count(*) FROM orders AS o
 WHERE o.tenant_id = @tenant_id AND o.member_id = @member_id AND o.created_at BETWEEN @from_at AND @to_at
   AND (sqlc.narg('item_id')::text IS NULL OR o.item_id = sqlc.narg('item_id')) AND o.status = ANY(@statuses::text[]);

-- name: OrderCount :one
-- How many orders lie in a part of a second. By orders_by_status.
SELECT count(*) FROM orders AS o
 WHERE o.tenant_id = @tenant_id AND o.status = ANY(@statuses::text[]) AND o.created_at BETWEEN @from_at AND @to_at;

-- name: OrderCountByItem :one
-- The same of one item. By orders_by_item.
SELECT count(*) FROM orders AS o
 WHERE o.tenant_id = @tenant_id AND o.item_id = @item_id AND o.status = ANY(@statuses::text[]) AND o.created_at BETWEEN @from_at AND @to_at;

-- name: OrderSpanList :many
-- Orders per span of one length, of one item or of all, newest span first. By order_spans_pk.
SELECT s.starts_at, sum(s.orders)::bigint AS orders
  FROM order_spans AS s
 WHERE s.tenant_id = @tenant_id AND s.item_id = @item_id AND s.seconds = @seconds AND s.starts_at BETWEEN @from_at AND @to_at
   AND s.status = ANY(@statuses::text[])
 GROUP BY s.starts_at
HAVING sum(s.orders) <> 0
 ORDER BY s.starts_at DESC;

-- name: OrderListTold :many
-- The orders that events are about, with the member, the balance that paying left,
-- and the partner of a listing. By orders_pk, members_pk, transfers_pk, items_pk
-- and partners_pk.
SELECT o.id, o.item_id, o.item_name, o.kind, o.quantity, o.asset, o.spent, o.codes, o.address, o.tracking_number, o.carrier,
       o.created_at, o.shipped_at, o.completed_at, o.cancelled_at, m.external_id,
       (t.available_after - t.debt_after)::bigint AS balance_after,
       COALESCE(p.id, '')::text AS partner_id, COALESCE(p.name, '')::text AS partner_name
  FROM (SELECT unnest(@ids::uuid[]) AS id) AS w
 CROSS JOIN LATERAL (SELECT x.* FROM orders AS x WHERE x.tenant_id = @tenant_id AND x.id = w.id OFFSET 0) AS o
 CROSS JOIN LATERAL (SELECT x.external_id FROM members AS x WHERE x.tenant_id = @tenant_id AND x.id = o.member_id OFFSET 0) AS m
 CROSS JOIN LATERAL (SELECT x.available_after, x.debt_after FROM transfers AS x
                      WHERE x.tenant_id = @tenant_id AND x.member_id = o.member_id AND x.asset = o.asset AND x.seq = o.spend_seq OFFSET 0) AS t
 CROSS JOIN LATERAL (SELECT x.partner_id FROM items AS x WHERE x.tenant_id = @tenant_id AND x.id = o.item_id OFFSET 0) AS i
  LEFT JOIN LATERAL (SELECT x.id, x.name FROM partners AS x WHERE x.tenant_id = @tenant_id AND x.id = i.partner_id OFFSET 0) AS p ON true;
