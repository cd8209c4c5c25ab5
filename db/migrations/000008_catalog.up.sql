SET lock_timeout = '5s';

-- How many orders of a status were made in a span of time, of all items and of
-- each: totals and deep pages without a scan. A page leaps over whole days, then
-- over shorter spans within a day, so that it skips one second's orders at most,
-- also when all were made on one day. Kept by the triggers on orders. It takes
-- the place of order_days, which only servers of the version before read and
-- write; the store's next migration may drop that.
CREATE TABLE order_spans (
    tenant_id bigint      NOT NULL, -- owner
    item_id   text        NOT NULL, -- items.id; the empty text: of all items
    seconds   integer     NOT NULL, -- length: 86400, 288 or 1
    starts_at timestamptz NOT NULL, -- a whole multiple of the length since 1970, UTC
    status    text        NOT NULL, -- orders.status
    orders    bigint      NOT NULL, -- how many
    CONSTRAINT order_spans_pk PRIMARY KEY (tenant_id, item_id, seconds, starts_at, status)
) WITH (fillfactor = 70); -- room for heap-only updates: the newest spans change with every batch

CREATE INDEX orders_by_item ON orders (tenant_id, item_id, status, created_at, id);

-- With what lists of one member filter by, so that they count without the rows.
CREATE INDEX orders_of_member ON orders (tenant_id, member_id, created_at, id) INCLUDE (item_id, status);
DROP INDEX orders_by_member;

-- What lists and counts of the catalogue filter by, so that they read nothing else.
CREATE INDEX items_listed ON items (tenant_id, position) INCLUDE (category, kind, status, points_cost) WHERE deleted_at IS NULL;

-- order_counted_in are the spans that count an order.
CREATE FUNCTION order_counted_in(item_id text, created_at timestamptz)
RETURNS TABLE (of_item text, seconds integer, starts_at timestamptz) LANGUAGE sql IMMUTABLE AS $$
    SELECT v.of_item, v.seconds, date_bin(v.seconds * interval '1 second', created_at, '1970-01-01Z')
      FROM (VALUES ('', 86400), ('', 288), ('', 1), (item_id, 86400), (item_id, 288), (item_id, 1)) AS v (of_item, seconds)
$$;

-- A transaction makes or moves orders in one statement, so that rows of
-- order_spans are locked in one order.
CREATE FUNCTION count_made_orders() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO order_spans AS s (tenant_id, item_id, seconds, starts_at, status, orders)
    SELECT a.tenant_id, c.of_item, c.seconds, c.starts_at, a.status, count(*)
      FROM added AS a CROSS JOIN LATERAL order_counted_in(a.item_id, a.created_at) AS c
     GROUP BY a.tenant_id, c.of_item, c.seconds, c.starts_at, a.status
     ORDER BY a.tenant_id, c.of_item, c.seconds, c.starts_at, a.status
        ON CONFLICT (tenant_id, item_id, seconds, starts_at, status) DO UPDATE SET orders = s.orders + excluded.orders;
    RETURN NULL;
END $$;
CREATE FUNCTION count_moved_orders() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO order_spans AS s (tenant_id, item_id, seconds, starts_at, status, orders)
    SELECT m.tenant_id, c.of_item, c.seconds, c.starts_at, m.status, sum(m.change)
      FROM (SELECT r.tenant_id, r.item_id, r.created_at, r.status, -1 AS change FROM removed AS r
            UNION ALL
            SELECT a.tenant_id, a.item_id, a.created_at, a.status, 1 FROM added AS a) AS m
     CROSS JOIN LATERAL order_counted_in(m.item_id, m.created_at) AS c
     GROUP BY m.tenant_id, c.of_item, c.seconds, c.starts_at, m.status
    HAVING sum(m.change) <> 0
     ORDER BY m.tenant_id, c.of_item, c.seconds, c.starts_at, m.status
        ON CONFLICT (tenant_id, item_id, seconds, starts_at, status) DO UPDATE SET orders = s.orders + excluded.orders;
    RETURN NULL;
END $$;
CREATE TRIGGER orders_counted AFTER INSERT ON orders REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION count_made_orders();
CREATE TRIGGER orders_recounted AFTER UPDATE ON orders REFERENCING OLD TABLE AS removed NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION count_moved_orders();

INSERT INTO order_spans (tenant_id, item_id, seconds, starts_at, status, orders)
SELECT o.tenant_id, c.of_item, c.seconds, c.starts_at, o.status, count(*)
  FROM orders AS o CROSS JOIN LATERAL order_counted_in(o.item_id, o.created_at) AS c
 GROUP BY 1, 2, 3, 4, 5;
