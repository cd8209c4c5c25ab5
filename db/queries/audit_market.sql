-- Queries of the marketplace's part of an audit: the first row that breaks an
-- invariant of internal/store/doc.go, or no row.

-- name: PartnerDayFindMiscounted :one
-- Invariant 6: a partner's day whose totals are not the sums over its orders.
WITH counted AS (
    SELECT i.partner_id, (o.created_at AT TIME ZONE 'UTC')::date AS day, count(*) AS redemptions,
           COALESCE(sum(o.spent) FILTER (WHERE o.asset = 1), 0) AS points, COALESCE(sum(o.spent) FILTER (WHERE o.asset = 2), 0) AS tokens,
           COALESCE(sum(o.owed_minor), 0) AS owed_minor
      FROM orders AS o
      JOIN items AS i ON i.tenant_id = @tenant_id AND i.id = o.item_id
     WHERE o.tenant_id = @tenant_id AND i.partner_id IS NOT NULL
     GROUP BY 1, 2),
kept AS (
    SELECT d.partner_id, d.day, d.redemptions, d.points, d.tokens, d.owed_minor FROM partner_days AS d WHERE d.tenant_id = @tenant_id)
SELECT COALESCE(k.partner_id, n.partner_id)::text AS partner_id,
       format('%s: counts %s redemptions, %s points, %s tokens, %s owed; its orders make %s, %s, %s, %s', COALESCE(k.day, n.day),
              k.redemptions, k.points, k.tokens, k.owed_minor, n.redemptions, n.points, n.tokens, n.owed_minor)::text AS says
  FROM kept AS k
  FULL JOIN counted AS n ON n.partner_id = k.partner_id AND n.day = k.day
 WHERE (k.redemptions, k.points, k.tokens, k.owed_minor) IS DISTINCT FROM (n.redemptions, n.points, n.tokens, n.owed_minor)
 ORDER BY 1, COALESCE(k.day, n.day)
 LIMIT 1;

-- name: OrderFindUnsettled :one
-- Invariant 7: an order of a listing that notes nothing owed, another one that does, or one of an offer that its owner knows nothing of.
-- cross-tenant: what a programme sold of another one's offer must stand in the books of both.
WITH bad AS MATERIALIZED (
    SELECT o.id, CASE WHEN (o.owed_minor IS NULL) <> (i.partner_id IS NULL) THEN 'notes something owed to no partner, or nothing owed to one'
                      ELSE 'is not noted as a sale by the programme whose offer it is' END::text AS says
      FROM orders AS o
      JOIN items AS i ON i.tenant_id = @tenant_id AND i.id = o.item_id
      LEFT JOIN sales AS s ON s.tenant_id = i.offer_tenant_id AND s.order_id = o.id AND s.offer_id = i.offer_id AND s.seller_id = o.tenant_id
     WHERE o.tenant_id = @tenant_id
       AND ((o.owed_minor IS NULL) <> (i.partner_id IS NULL) OR i.offer_id IS NOT NULL AND s.owed_minor IS DISTINCT FROM o.owed_minor))
SELECT b.id, b.says FROM bad AS b ORDER BY b.id LIMIT 1;

-- name: SaleFindMiscoded :one
-- Invariant 7: a sale whose order does not have its code, or a code that was issued to neither an order nor a sale.
-- cross-tenant: the order of a sale is its seller's.
WITH bad AS MATERIALIZED (
    SELECT s.order_id, 'is a sale, and its order does not have the codes that were issued to it'::text AS says
      FROM sales AS s
      LEFT JOIN orders AS o ON o.tenant_id = s.seller_id AND o.id = s.order_id
     WHERE s.tenant_id = @tenant_id
       AND (o.id IS NULL OR o.codes IS DISTINCT FROM (
            SELECT array_agg(c.code ORDER BY c.code) FROM codes AS c
             WHERE c.tenant_id = @tenant_id AND c.order_id = s.order_id AND c.state = 'issued'))
    UNION ALL
    SELECT c.order_id, 'has a code, and is neither an order nor a sale'::text
      FROM codes AS c
      LEFT JOIN orders AS o ON o.tenant_id = @tenant_id AND o.id = c.order_id
      LEFT JOIN sales AS s ON s.tenant_id = @tenant_id AND s.order_id = c.order_id
     WHERE c.tenant_id = @tenant_id AND c.order_id IS NOT NULL AND o.id IS NULL AND s.order_id IS NULL)
SELECT b.order_id::uuid AS order_id, b.says FROM bad AS b ORDER BY b.order_id LIMIT 1;

-- name: OfferFindMiscounted :one
-- Invariant 6: an offer whose totals are not the sums over its sales.
WITH counted AS (
    SELECT s.offer_id, count(*) AS sold, sum(s.owed_minor) AS owed_minor FROM sales AS s WHERE s.tenant_id = @tenant_id GROUP BY s.offer_id)
SELECT f.id, format('counts %s sold, %s owed; its sales make %s, %s', f.sold, f.owed_minor, COALESCE(n.sold, 0), COALESCE(n.owed_minor, 0))::text AS says
  FROM offers AS f
  LEFT JOIN counted AS n ON n.offer_id = f.id
 WHERE f.tenant_id = @tenant_id AND (f.sold, f.owed_minor) IS DISTINCT FROM (COALESCE(n.sold, 0), COALESCE(n.owed_minor, 0)::bigint)
 ORDER BY f.id
 LIMIT 1;
