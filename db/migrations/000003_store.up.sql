SET lock_timeout = '5s';

-- Secret codes that orders and rewards hand out. The row is locked by whoever
-- takes a code, so "empty" is always exact, and its counts cost nothing.
CREATE TABLE code_pools (
    tenant_id  bigint      NOT NULL, -- owner
    id         text        NOT NULL, -- public
    name       text        NOT NULL, -- for people
    mode       text        NOT NULL, -- imported: codes are given in; generated: made on demand
    available  bigint      NOT NULL DEFAULT 0, -- codes that can be handed out
    issued     bigint      NOT NULL DEFAULT 0, -- codes handed out
    voided     bigint      NOT NULL DEFAULT 0, -- codes made void by a cancelled order
    created_at timestamptz NOT NULL, -- UTC
    CONSTRAINT code_pools_pk PRIMARY KEY (tenant_id, id),
    CONSTRAINT code_pools_name_unique UNIQUE (tenant_id, name),
    CONSTRAINT code_pools_mode_known CHECK (mode IN ('imported', 'generated')),
    CONSTRAINT code_pools_available_not_negative CHECK (available >= 0)
);

-- What can be bought with points or tokens.
CREATE TABLE items (
    tenant_id   bigint      NOT NULL, -- owner
    id          text        NOT NULL, -- public, the tenant's choice or ours
    position    bigint      NOT NULL, -- time-ordered key: lists are oldest first
    name        text        NOT NULL, -- for people
    description text        NOT NULL, -- for people
    category    text        NOT NULL, -- for people and filters
    kind        text        NOT NULL, -- digital | physical
    status      text        NOT NULL, -- active | inactive
    image_url   text, -- for people
    points_cost bigint, -- price in points; null: not sold for points
    tokens_cost bigint, -- price in tokens; null: not sold for tokens
    stock       bigint, -- units left; null: unlimited
    pool_id     text, -- where a digital item's codes come from; null: they are generated
    created_at  timestamptz NOT NULL, -- UTC
    updated_at  timestamptz NOT NULL, -- UTC
    deleted_at  timestamptz, -- UTC; gone from lists, kept for old orders
    CONSTRAINT items_pk PRIMARY KEY (tenant_id, id),
    CONSTRAINT items_pool_fk FOREIGN KEY (tenant_id, pool_id) REFERENCES code_pools (tenant_id, id),
    CONSTRAINT items_kind_known CHECK (kind IN ('digital', 'physical')),
    CONSTRAINT items_status_known CHECK (status IN ('active', 'inactive')),
    CONSTRAINT items_points_cost_fits CHECK (points_cost BETWEEN 1 AND 1000000000000),
    CONSTRAINT items_tokens_cost_fits CHECK (tokens_cost BETWEEN 1 AND 1000000000000),
    CONSTRAINT items_stock_not_negative CHECK (stock >= 0)
);
CREATE UNIQUE INDEX items_by_position ON items (tenant_id, position);

-- One purchase of an item.
CREATE TABLE orders (
    tenant_id       bigint      NOT NULL, -- owner
    id              uuid        NOT NULL, -- public as ord_...
    member_id       bigint      NOT NULL, -- members.id
    item_id         text        NOT NULL, -- items.id
    item_name       text        NOT NULL, -- as it was
    kind            text        NOT NULL, -- digital | physical, as it was
    quantity        integer     NOT NULL, -- units bought
    asset           smallint    NOT NULL, -- 1 points, 2 tokens
    spent           bigint      NOT NULL, -- units of the asset, for all of it
    spend_seq       bigint      NOT NULL, -- the redeem transfer of (member_id, asset)
    status          text        NOT NULL, -- pending | processing | shipped | completed | cancelled
    codes           text[]      NOT NULL, -- what a digital order delivered; secret
    address         json, -- where a physical order goes; personal data
    tracking_number text, -- the carrier's
    carrier         text, -- for people
    created_at      timestamptz NOT NULL, -- UTC
    shipped_at      timestamptz, -- UTC
    completed_at    timestamptz, -- UTC; a digital order's delivery
    cancelled_at    timestamptz, -- UTC
    CONSTRAINT orders_pk PRIMARY KEY (tenant_id, id),
    CONSTRAINT orders_member_fk FOREIGN KEY (tenant_id, member_id) REFERENCES members (tenant_id, id),
    CONSTRAINT orders_item_fk FOREIGN KEY (tenant_id, item_id) REFERENCES items (tenant_id, id),
    CONSTRAINT orders_spend_fk FOREIGN KEY (tenant_id, member_id, asset, spend_seq) REFERENCES transfers (tenant_id, member_id, asset, seq),
    CONSTRAINT orders_kind_known CHECK (kind IN ('digital', 'physical')),
    CONSTRAINT orders_status_known CHECK (status IN ('pending', 'processing', 'shipped', 'completed', 'cancelled')),
    CONSTRAINT orders_quantity_fits CHECK (quantity BETWEEN 1 AND 100),
    CONSTRAINT orders_spent_positive CHECK (spent > 0)
);
CREATE INDEX orders_by_time ON orders (tenant_id, created_at, id);
CREATE INDEX orders_by_status ON orders (tenant_id, status, created_at, id);
CREATE INDEX orders_by_member ON orders (tenant_id, member_id, created_at, id);

-- How many orders of a status were made on a day: totals and deep pages without a scan.
CREATE TABLE order_days (
    tenant_id bigint NOT NULL, -- owner
    day       date   NOT NULL, -- of created_at, UTC
    status    text   NOT NULL, -- orders.status
    orders    bigint NOT NULL, -- how many
    CONSTRAINT order_days_pk PRIMARY KEY (tenant_id, day, status)
);

CREATE TABLE codes (
    tenant_id bigint NOT NULL, -- owner
    id        bigint NOT NULL, -- handed out in this order
    pool_id   text   NOT NULL, -- code_pools.id
    code      text   NOT NULL, -- secret
    state     text   NOT NULL, -- available | issued | voided
    order_id  uuid, -- who has it
    CONSTRAINT codes_pk PRIMARY KEY (tenant_id, id),
    CONSTRAINT codes_unique UNIQUE (tenant_id, code),
    CONSTRAINT codes_pool_fk FOREIGN KEY (tenant_id, pool_id) REFERENCES code_pools (tenant_id, id),
    CONSTRAINT codes_state_known CHECK (state IN ('available', 'issued', 'voided')),
    CONSTRAINT codes_length CHECK (length(code) BETWEEN 1 AND 255)
);
CREATE INDEX codes_available ON codes (tenant_id, pool_id, id) WHERE state = 'available';
CREATE INDEX codes_by_order ON codes (tenant_id, order_id) WHERE order_id IS NOT NULL;
