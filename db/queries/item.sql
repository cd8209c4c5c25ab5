-- name: ItemInsert :exec
-- Makes an item.
INSERT INTO items (tenant_id, id, position, name, description, category, kind, status, image_url, points_cost, tokens_cost, stock, pool_id,
                   partner_id, owed_minor, offer_tenant_id, offer_id, created_at, updated_at)
VALUES (@tenant_id, @id, @position, @name, @description, @category, @kind, @status, @image_url, @points_cost, @tokens_cost, @stock, @pool_id,
        @partner_id, @owed_minor, @offer_tenant_id, @offer_id, @created_at, @created_at);

-- name: ItemGet :one
-- One item that is no listing, by items_pk.
SELECT * FROM items WHERE tenant_id = @tenant_id AND id = @id AND partner_id IS NULL AND deleted_at IS NULL;

-- name: ItemGetForUpdate :one
-- One item, listing or not, locked, for a change. By items_pk.
SELECT * FROM items WHERE tenant_id = @tenant_id AND id = @id AND (partner_id IS NOT NULL) = @listing::boolean AND deleted_at IS NULL FOR UPDATE;

-- name: ItemListByID :many
-- The named items. By items_pk.
SELECT * FROM items WHERE tenant_id = @tenant_id AND id = ANY(@ids::text[]) AND deleted_at IS NULL;

-- name: ItemListLimitedForUpdate :many
-- Those of the named items that have a stock, locked in the order of their ids. By items_pk.
SELECT * FROM items
 WHERE tenant_id = @tenant_id AND id = ANY(@ids::text[]) AND deleted_at IS NULL AND stock IS NOT NULL
 ORDER BY id
   FOR UPDATE;

-- name: ItemUpdate :exec
-- Stores an item.
UPDATE items
   SET name = @name, description = @description, category = @category, kind = @kind, status = @status, image_url = @image_url,
       points_cost = @points_cost, tokens_cost = @tokens_cost, stock = @stock, pool_id = @pool_id, owed_minor = @owed_minor, updated_at = @updated_at, deleted_at = @deleted_at
 WHERE tenant_id = @tenant_id AND id = @id;

-- name: ItemDelete :execrows
-- Marks an item that is no listing as gone. By items_pk.
UPDATE items SET deleted_at = @at, updated_at = @at WHERE tenant_id = @tenant_id AND id = @id AND partner_id IS NULL AND deleted_at IS NULL;

-- name: ItemUpdateSold :exec
-- Lowers locked stocks.
UPDATE items AS i
   SET stock = i.stock - u.quantity
  FROM (SELECT unnest(@ids::text[]) AS id, unnest(@quantities::bigint[]) AS quantity) AS u
 WHERE i.tenant_id = @tenant_id AND i.id = u.id AND i.stock IS NOT NULL;

-- name: ItemUpdateReturned :exec
-- Raises the stock of an item that has one, after a cancelled order; deleted items too.
UPDATE items SET stock = stock + @quantity::bigint WHERE tenant_id = @tenant_id AND id = @id AND stock IS NOT NULL;

-- name: ItemList :many
-- Items that are no listings, oldest first, with optional filters. By items_listed, which has all that
-- they look at, then items_by_position.
SELECT i.*
  FROM (SELECT x.tenant_id, x.position FROM items AS x
         WHERE x.tenant_id = @tenant_id AND x.partner_id IS NULL AND x.deleted_at IS NULL
          AND (NOT @for_points::boolean OR x.points_cost IS NOT NULL)
          AND (sqlc.narg('category')::text IS NULL OR x.category = sqlc.narg('category'))
          AND (sqlc.narg('kind')::text IS NULL OR x.kind = sqlc.narg('kind'))
          AND (sqlc.narg('status')::text IS NULL OR x.status = sqlc.narg('status'))
          AND (sqlc.narg('min_points')::bigint IS NULL OR x.points_cost >= sqlc.narg('min_points'))
          AND (sqlc.narg('max_points')::bigint IS NULL OR x.points_cost <= sqlc.narg('max_points'))
         ORDER BY x.position LIMIT @max_rows OFFSET @skip_rows) AS page
  JOIN items AS i ON i.tenant_id = page.tenant_id AND i.position = page.position
 ORDER BY i.position;

-- name: ItemListNewest :many
-- The same, newest first.
SELECT i.*
  FROM (SELECT x.tenant_id, x.position FROM items AS x
         WHERE x.tenant_id = @tenant_id AND x.partner_id IS NULL AND x.deleted_at IS NULL
          AND (NOT @for_points::boolean OR x.points_cost IS NOT NULL)
          AND (sqlc.narg('category')::text IS NULL OR x.category = sqlc.narg('category'))
          AND (sqlc.narg('kind')::text IS NULL OR x.kind = sqlc.narg('kind'))
          AND (sqlc.narg('status')::text IS NULL OR x.status = sqlc.narg('status'))
          AND (sqlc.narg('min_points')::bigint IS NULL OR x.points_cost >= sqlc.narg('min_points'))
          AND (sqlc.narg('max_points')::bigint IS NULL OR x.points_cost <= sqlc.narg('max_points'))
         ORDER BY x.position DESC LIMIT @max_rows OFFSET @skip_rows) AS page
  JOIN items AS i ON i.tenant_id = page.tenant_id AND i.position = page.position
 ORDER BY i.position DESC;

-- name: ItemCount :one
-- How many items ItemList would list in all. By items_listed.
SELECT count(*) FROM items AS x
 WHERE x.tenant_id = @tenant_id AND x.partner_id IS NULL AND x.deleted_at IS NULL
   AND (NOT @for_points::boolean OR x.points_cost IS NOT NULL)
   AND (sqlc.narg('category')::text IS NULL OR x.category = sqlc.narg('category'))
   AND (sqlc.narg('kind')::text IS NULL OR x.kind = sqlc.narg('kind'))
   AND (sqlc.narg('status')::text IS NULL OR x.status = sqlc.narg('status'))
   AND (sqlc.narg('min_points')::bigint IS NULL OR x.points_cost >= sqlc.narg('min_points'))
   AND (sqlc.narg('max_points')::bigint IS NULL OR x.points_cost <= sqlc.narg('max_points'));
