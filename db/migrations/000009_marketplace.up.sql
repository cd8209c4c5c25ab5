SET lock_timeout = '5s';

-- Another business, whose goods members buy with what they earned here.
CREATE TABLE partners (
    tenant_id   bigint      NOT NULL, -- owner
    id          text        NOT NULL, -- public, ascending with time
    name        text        NOT NULL, -- for people
    website     text, -- for people
    verified_at timestamptz, -- UTC; null: not verified, nothing of it is on offer
    created_at  timestamptz NOT NULL, -- UTC
    updated_at  timestamptz NOT NULL, -- UTC
    CONSTRAINT partners_pk PRIMARY KEY (tenant_id, id),
    CONSTRAINT partners_name_length CHECK (length(name) BETWEEN 1 AND 255)
);

-- What was redeemed of a partner on a day: a settlement is a sum over few rows.
CREATE TABLE partner_days (
    tenant_id   bigint NOT NULL, -- owner
    partner_id  text   NOT NULL, -- partners.id
    day         date   NOT NULL, -- of orders.created_at, UTC
    redemptions bigint NOT NULL, -- how many
    points      bigint NOT NULL, -- spent by members
    tokens      bigint NOT NULL, -- likewise
    owed_minor  bigint NOT NULL, -- what the partner is owed for them
    CONSTRAINT partner_days_pk PRIMARY KEY (tenant_id, partner_id, day),
    CONSTRAINT partner_days_partner_fk FOREIGN KEY (tenant_id, partner_id) REFERENCES partners (tenant_id, id)
);

-- An item that another tenant may sell in its marketplace. The row belongs to
-- the tenant whose item it is.
CREATE TABLE offers (
    tenant_id    bigint      NOT NULL, -- owner
    id           text        NOT NULL, -- public, unique among all tenants, ascending with time
    item_id      text        NOT NULL, -- items.id
    programme    text        NOT NULL, -- tenants.name of the one that may sell it, in the owner's mode
    price_minor  bigint      NOT NULL, -- owed for one; never changes, so both sides note the same
    sold         bigint      NOT NULL DEFAULT 0, -- how many
    owed_minor   bigint      NOT NULL DEFAULT 0, -- for those
    created_at   timestamptz NOT NULL, -- UTC
    withdrawn_at timestamptz, -- UTC; null: stands
    CONSTRAINT offers_pk PRIMARY KEY (tenant_id, id),
    CONSTRAINT offers_item_fk FOREIGN KEY (tenant_id, item_id) REFERENCES items (tenant_id, id),
    CONSTRAINT offers_price_fits CHECK (price_minor BETWEEN 0 AND 100000000000)
);
CREATE INDEX offers_by_id ON offers (id); -- a seller knows the id alone

-- One unit sold of an offer, on the side of the tenant whose code it was. Of the
-- buyer it tells nothing but the order, which only the seller can look up.
CREATE TABLE sales (
    tenant_id  bigint      NOT NULL, -- owner of the offer
    order_id   uuid        NOT NULL, -- orders.id of the seller; codes.order_id here
    offer_id   text        NOT NULL, -- offers.id
    seller_id  bigint      NOT NULL, -- tenants.tenant_id of the programme that sold it
    owed_minor bigint      NOT NULL, -- by the seller
    created_at timestamptz NOT NULL, -- UTC, by the seller's clock
    CONSTRAINT sales_pk PRIMARY KEY (tenant_id, order_id),
    CONSTRAINT sales_offer_fk FOREIGN KEY (tenant_id, offer_id) REFERENCES offers (tenant_id, id)
);

-- A listing is an item that a partner offers. Its own columns; all null for any
-- other item. No foreign key leads to the offer, since it is another tenant's,
-- which may live on another machine.
ALTER TABLE items ADD COLUMN partner_id text; -- partners.id; null: not a listing
ALTER TABLE items ADD COLUMN owed_minor bigint; -- what the partner is owed for one; null for what is no listing
ALTER TABLE items ADD COLUMN offer_tenant_id bigint; -- offers.tenant_id; null: stock and codes are our own
ALTER TABLE items ADD COLUMN offer_id text; -- offers.id
ALTER TABLE items ADD CONSTRAINT items_partner_fk FOREIGN KEY (tenant_id, partner_id) REFERENCES partners (tenant_id, id);
ALTER TABLE items ADD CONSTRAINT items_listing_whole CHECK (
    (partner_id IS NULL) = (owed_minor IS NULL) AND (offer_tenant_id IS NULL) = (offer_id IS NULL)
    AND (partner_id IS NOT NULL OR offer_id IS NULL));
ALTER TABLE items ADD CONSTRAINT items_listing_is_digital CHECK (partner_id IS NULL OR kind = 'digital');
ALTER TABLE items ADD CONSTRAINT items_listing_has_codes CHECK (partner_id IS NULL OR (pool_id IS NULL) <> (offer_id IS NULL));
ALTER TABLE items ADD CONSTRAINT items_offered_stock_elsewhere CHECK (offer_id IS NULL OR stock IS NULL);
ALTER TABLE items ADD CONSTRAINT items_owed_fits CHECK (owed_minor BETWEEN 0 AND 100000000000);
CREATE INDEX items_on_market ON items (tenant_id, points_cost, tokens_cost, position) WHERE partner_id IS NOT NULL AND deleted_at IS NULL;

ALTER TABLE orders ADD COLUMN owed_minor bigint; -- what the partner is owed for it; null: not of a listing

-- The catalogue's index without the listings.
DROP INDEX items_listed;
CREATE INDEX items_listed ON items (tenant_id, position) INCLUDE (category, kind, status, points_cost) WHERE partner_id IS NULL AND deleted_at IS NULL;
