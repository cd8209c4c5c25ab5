-- name: OfferInsert :exec
-- Makes an offer.
INSERT INTO offers (tenant_id, id, item_id, programme, price_minor, created_at) VALUES (@tenant_id, @id, @item_id, @programme, @price_minor, @created_at);

-- name: OfferGet :one
-- One offer, by offers_pk.
SELECT * FROM offers WHERE tenant_id = @tenant_id AND id = @id;

-- name: OfferFindMade :one
-- The standing offer of this id that is made to a programme by another one in the same mode. By offers_by_id.
-- cross-tenant: the seller knows the offer's id alone; it is given to nobody but the programme that it names.
SELECT o.* FROM offers AS o
  JOIN tenants AS t ON t.tenant_id = o.tenant_id
 WHERE o.id = @id AND o.programme = @programme AND t.mode = @mode AND o.tenant_id <> @seller_id::bigint AND o.withdrawn_at IS NULL;

-- name: OfferListByID :many
-- The named offers. By offers_pk.
SELECT * FROM offers WHERE tenant_id = @tenant_id AND id = ANY(@ids::text[]);

-- name: OfferList :many
-- Offers, newest first; there are few. By offers_pk, whose ids ascend with time.
SELECT * FROM offers WHERE tenant_id = @tenant_id ORDER BY id DESC LIMIT @max_rows OFFSET @skip_rows;

-- name: OfferCount :one
-- How many offers a tenant has made.
SELECT count(*) FROM offers WHERE tenant_id = @tenant_id;

-- name: OfferUpdateWithdrawn :exec
-- Withdraws an offer that stands. By offers_pk.
UPDATE offers SET withdrawn_at = @at::timestamptz WHERE tenant_id = @tenant_id AND id = @id AND withdrawn_at IS NULL;

-- name: OfferAddSold :exec
-- Counts what was sold of an offer. By offers_pk.
UPDATE offers SET sold = sold + @sold::bigint, owed_minor = owed_minor + @owed_minor::bigint WHERE tenant_id = @tenant_id AND id = @id;

-- name: SaleInsertMany :exec
-- Notes what a seller sold of offers; sales_pk refuses an order twice.
INSERT INTO sales (tenant_id, order_id, offer_id, seller_id, owed_minor, created_at)
SELECT @tenant_id, unnest(@order_ids::uuid[]), unnest(@offer_ids::text[]), @seller_id, unnest(@owed_minors::bigint[]), unnest(@created_at::timestamptz[]);
