-- Queries of the store's part of an audit: the first row that breaks an
-- invariant of internal/store/doc.go, or no row.

-- name: OrderFindUnpaid :one
-- Invariant 1: an order whose spend is not in the books, or for another amount, or of another order.
WITH bad AS MATERIALIZED (
    SELECT o.id, 'is not paid by a redeem transfer of its own amount'::text AS says
      FROM orders AS o
      LEFT JOIN transfers AS t ON t.tenant_id = @tenant_id AND t.member_id = o.member_id AND t.asset = o.asset AND t.seq = o.spend_seq
     WHERE o.tenant_id = @tenant_id AND (t.seq IS NULL OR t.kind <> @redeem_kind OR t.amount <> o.spent OR t.cause_id IS DISTINCT FROM o.id))
SELECT b.id, b.says FROM bad AS b ORDER BY b.id LIMIT 1;

-- name: OrderFindMisreturned :one
-- Invariant 3: an order that is cancelled without its points having gone back, or the other way round.
WITH bad AS MATERIALIZED (
    SELECT o.id, format('is %s, and its points %s', o.status, CASE WHEN u.seq IS NULL THEN 'did not go back' ELSE 'went back' END)::text AS says
      FROM orders AS o
      LEFT JOIN undone AS u ON u.tenant_id = @tenant_id AND u.member_id = o.member_id AND u.asset = o.asset AND u.seq = o.spend_seq
     WHERE o.tenant_id = @tenant_id AND (o.status = 'cancelled') <> (u.seq IS NOT NULL))
SELECT b.id, b.says FROM bad AS b ORDER BY b.id LIMIT 1;

-- name: OrderFindMiscoded :one
-- Invariant 2: a digital order without one code for each unit, or one whose codes from pools are not in its name.
WITH bad AS MATERIALIZED (
    SELECT o.id, format('has %s codes for %s units', cardinality(o.codes), o.quantity)::text AS says
      FROM orders AS o
     WHERE o.tenant_id = @tenant_id AND cardinality(o.codes) <> o.quantity * (o.kind = 'digital')::int
    UNION ALL
    SELECT c.order_id, 'does not list a code that was issued to it'::text
      FROM codes AS c
      JOIN orders AS o ON o.tenant_id = @tenant_id AND o.id = c.order_id
     WHERE c.tenant_id = @tenant_id AND NOT c.code = ANY(o.codes))
SELECT b.id, b.says FROM bad AS b ORDER BY b.id LIMIT 1;

-- name: PoolFindMiscounted :one
-- Invariant 4: a pool whose counts are not those of its codes.
WITH counted AS (
    SELECT c.pool_id, count(*) FILTER (WHERE c.state = 'available') AS available, count(*) FILTER (WHERE c.state = 'issued') AS issued,
           count(*) FILTER (WHERE c.state = 'voided') AS voided
      FROM codes AS c
     WHERE c.tenant_id = @tenant_id
     GROUP BY c.pool_id)
SELECT p.id, format('counts %s available, %s issued, %s voided; its codes make %s, %s, %s', p.available, p.issued, p.voided,
                    COALESCE(n.available, 0), COALESCE(n.issued, 0), COALESCE(n.voided, 0))::text AS says
  FROM code_pools AS p
  LEFT JOIN counted AS n ON n.pool_id = p.id
 WHERE p.tenant_id = @tenant_id
   AND (p.available, p.issued, p.voided) IS DISTINCT FROM (COALESCE(n.available, 0), COALESCE(n.issued, 0), COALESCE(n.voided, 0))
 ORDER BY p.id
 LIMIT 1;

-- name: OrderSpanFindMiscounted :one
-- Invariant 4: a span and status whose count is not that of its orders.
WITH counted AS (
    SELECT e.of_item, e.seconds, date_bin(e.seconds * interval '1 second', e.created_at, '1970-01-01Z'::timestamptz) AS starts_at,
           e.status, count(*) AS orders
      FROM (SELECT unnest(ARRAY['', '', '', o.item_id, o.item_id, o.item_id]) AS of_item, unnest(ARRAY[86400, 288, 1, 86400, 288, 1]) AS seconds, o.created_at, o.status
              FROM orders AS o
             WHERE o.tenant_id = @tenant_id) AS e
     GROUP BY 1, 2, 3, 4),
kept AS (
    SELECT s.item_id, s.seconds, s.starts_at, s.status, s.orders FROM order_spans AS s WHERE s.tenant_id = @tenant_id AND s.orders <> 0)
SELECT COALESCE(k.starts_at, n.starts_at)::timestamptz AS starts_at, COALESCE(k.seconds, n.seconds)::integer AS seconds,
       format('%s: counts %s, there are %s', COALESCE(k.status, n.status), COALESCE(k.orders, 0), COALESCE(n.orders, 0))::text AS says
  FROM kept AS k
  FULL JOIN counted AS n ON n.of_item = k.item_id AND n.seconds = k.seconds AND n.starts_at = k.starts_at AND n.status = k.status
 WHERE k.orders IS DISTINCT FROM n.orders
 ORDER BY 2, 1
 LIMIT 1;
