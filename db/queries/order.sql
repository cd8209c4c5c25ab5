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
-- Orders of one status in a time span, newest first. By orders_by_status.
SELECT sqlc.embed(o), m.external_id
  FROM (SELECT tenant_id, id FROM orders AS x
         WHERE x.tenant_id = @tenant_id AND x.status = @status AND x.created_at BETWEEN @from_at AND @to_at
         ORDER BY x.created_at DESC, x.id DESC LIMIT @max_rows OFFSET @skip_rows) AS page
  JOIN orders AS o ON o.tenant_id = page.tenant_id AND o.id = page.id
  JOIN members AS m ON m.tenant_id = o.tenant_id AND m.id = o.member_id
 ORDER BY o.created_at DESC, o.id DESC;

-- name: OrderListByMember :many
-- One member's orders in a time span, newest first. By orders_by_member.
SELECT sqlc.embed(o), m.external_id
  FROM orders AS o
  JOIN members AS m ON m.tenant_id = o.tenant_id AND m.id = o.member_id
 WHERE o.tenant_id = @tenant_id AND o.member_id = @member_id AND o.created_at BETWEEN @from_at AND @to_at
   AND (sqlc.narg('status')::text IS NULL OR o.status = sqlc.narg('status'))
 ORDER BY o.created_at DESC, o.id DESC
 LIMIT @max_rows OFFSET @skip_rows;

-- name: OrderCountByMember :one
-- How many orders OrderListByMember would list in all. By orders_by_member.
SELECT count(*) FROM orders AS o
 WHERE o.tenant_id = @tenant_id AND o.member_id = @member_id AND o.created_at BETWEEN @from_at AND @to_at
   AND (sqlc.narg('status')::text IS NULL OR o.status = sqlc.narg('status'));

-- name: OrderCountSpan :one
-- How many orders lie in a part of a day. By orders_by_status or orders_by_time.
SELECT count(*) FROM orders AS o
 WHERE o.tenant_id = @tenant_id AND o.created_at BETWEEN @from_at AND @to_at
   AND (sqlc.narg('status')::text IS NULL OR o.status = sqlc.narg('status'));

-- name: OrderDayList :many
-- Orders per day, newest day first. By order_days_pk.
SELECT day, sum(orders)::bigint AS orders
  FROM order_days
 WHERE tenant_id = @tenant_id AND day BETWEEN @from_day AND @to_day AND (sqlc.narg('status')::text IS NULL OR status = sqlc.narg('status'))
 GROUP BY day
 ORDER BY day DESC;

-- name: OrderDayAddMany :exec
-- Counts orders into and out of their days and statuses, in one order so that
-- two servers cannot deadlock. Takes signed numbers.
INSERT INTO order_days (tenant_id, day, status, orders)
SELECT @tenant_id, w.day, w.status, w.orders
  FROM (SELECT unnest(@days::date[]) AS day, unnest(@statuses::text[]) AS status, unnest(@orders::bigint[]) AS orders) AS w
 ORDER BY w.day, w.status
    ON CONFLICT (tenant_id, day, status) DO UPDATE SET orders = order_days.orders + excluded.orders;
