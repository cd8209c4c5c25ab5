-- Listings are rows of items that have a partner. What another tenant's offer
-- tells of itself through one are two things: whether it can be had, and how many.

-- name: ListingList :many
-- Listings, oldest first, or the one that is named; with what is left of each.
-- By items_on_market; there are few.
-- cross-tenant: a listing of a partner programme's offer shows how many are left.
SELECT sqlc.embed(i), sqlc.embed(p),
       COALESCE(CASE WHEN i.offer_id IS NULL THEN LEAST(i.stock, CASE WHEN c.mode = 'imported' THEN c.available END) ELSE o.available END, -1)::bigint AS available
  FROM items AS i
  JOIN partners AS p ON p.tenant_id = @tenant_id AND p.id = i.partner_id
  LEFT JOIN code_pools AS c ON c.tenant_id = @tenant_id AND c.id = i.pool_id
  LEFT JOIN LATERAL (
       SELECT CASE WHEN f.withdrawn_at IS NULL AND x.status = 'active' AND x.deleted_at IS NULL AND k.id IS NOT NULL
                   THEN LEAST(x.stock, CASE WHEN k.mode = 'imported' THEN k.available END) ELSE 0 END AS available
         FROM offers AS f
         JOIN items AS x ON x.tenant_id = f.tenant_id AND x.id = f.item_id
         LEFT JOIN code_pools AS k ON k.tenant_id = x.tenant_id AND k.id = x.pool_id
        WHERE f.tenant_id = i.offer_tenant_id AND f.id = i.offer_id OFFSET 0) AS o ON true
 WHERE i.tenant_id = @tenant_id AND i.partner_id IS NOT NULL AND i.deleted_at IS NULL
   AND (sqlc.narg('id')::text IS NULL OR i.id = sqlc.narg('id'))
   AND (sqlc.narg('partner_id')::text IS NULL OR i.partner_id = sqlc.narg('partner_id'))
   AND (sqlc.narg('status')::text IS NULL OR i.status = sqlc.narg('status'))
 ORDER BY i.position
 LIMIT @max_rows OFFSET @skip_rows;

-- name: ListingCount :one
-- How many listings ListingList would list in all.
SELECT count(*) FROM items AS i
 WHERE i.tenant_id = @tenant_id AND i.partner_id IS NOT NULL AND i.deleted_at IS NULL
   AND (sqlc.narg('partner_id')::text IS NULL OR i.partner_id = sqlc.narg('partner_id'))
   AND (sqlc.narg('status')::text IS NULL OR i.status = sqlc.narg('status'));

-- name: ListingListOffered :many
-- What is on offer and not sold out, cheapest first: prices in points, then those
-- in tokens alone; all, or what so many points or tokens pay for. By items_on_market,
-- in its order, so a page reads no more than what is before its end.
-- cross-tenant: a listing of a partner programme's offer shows whether there are some left, and how many.
SELECT sqlc.embed(i), sqlc.embed(p), COALESCE(a.available, -1)::bigint AS available
  FROM items AS i
  JOIN partners AS p ON p.tenant_id = @tenant_id AND p.id = i.partner_id AND p.verified_at IS NOT NULL
  LEFT JOIN code_pools AS c ON c.tenant_id = @tenant_id AND c.id = i.pool_id
  LEFT JOIN LATERAL (
       SELECT CASE WHEN f.withdrawn_at IS NULL AND x.status = 'active' AND x.deleted_at IS NULL AND k.id IS NOT NULL
                   THEN LEAST(x.stock, CASE WHEN k.mode = 'imported' THEN k.available END) ELSE 0 END AS available
         FROM offers AS f
         JOIN items AS x ON x.tenant_id = f.tenant_id AND x.id = f.item_id
         LEFT JOIN code_pools AS k ON k.tenant_id = x.tenant_id AND k.id = x.pool_id
        WHERE f.tenant_id = i.offer_tenant_id AND f.id = i.offer_id OFFSET 0) AS o ON true
 CROSS JOIN LATERAL (
       SELECT CASE WHEN i.offer_id IS NULL THEN LEAST(i.stock, CASE WHEN c.mode = 'imported' THEN c.available END) ELSE o.available END AS available) AS a
 WHERE i.tenant_id = @tenant_id AND i.partner_id IS NOT NULL AND i.deleted_at IS NULL AND i.status = 'active'
   AND (@all_prices::boolean OR i.points_cost <= @points::bigint OR i.tokens_cost <= @tokens::bigint)
   AND a.available IS DISTINCT FROM 0
 ORDER BY i.points_cost, i.tokens_cost, i.position
 LIMIT @max_rows OFFSET @skip_rows;

-- name: ListingDelete :execrows
-- Marks a listing as gone. By items_pk.
UPDATE items SET deleted_at = @at::timestamptz, updated_at = @at::timestamptz
 WHERE tenant_id = @tenant_id AND id = @id AND partner_id IS NOT NULL AND deleted_at IS NULL;
