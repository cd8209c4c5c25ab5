SET lock_timeout = '5s';

ALTER TABLE tenants ADD COLUMN policy_updated_at timestamptz; -- UTC; null: the policies are those the tenant was made with

ALTER TABLE api_keys DROP CONSTRAINT api_keys_name_length;
ALTER TABLE api_keys ADD CONSTRAINT api_keys_name_length CHECK (length(name) BETWEEN 1 AND 255);

-- How many members a tenant has. The row is locked by whoever enrols, until the
-- commit, so that places have no gap. Kept by the trigger members_placed.
CREATE TABLE member_counts (
    tenant_id bigint NOT NULL, -- owner
    members   bigint NOT NULL, -- how many, and the newest one's place
    CONSTRAINT member_counts_pk PRIMARY KEY (tenant_id),
    CONSTRAINT member_counts_not_negative CHECK (members >= 0)
);

-- The members in the order in which they were enrolled: any page of the list is
-- a range of this key. Without a foreign key, since only the trigger writes
-- here, and only members of the very statement that it follows.
CREATE TABLE member_places (
    tenant_id bigint NOT NULL, -- owner
    place     bigint NOT NULL, -- 1, 2, 3 ... per tenant, without gap
    member_id bigint NOT NULL, -- members.id
    CONSTRAINT member_places_pk PRIMARY KEY (tenant_id, place)
);

-- A trigger, because whatever makes members, bulk loads and an older server
-- included, must number them too.
CREATE FUNCTION place_members() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    t record;
    before bigint;
BEGIN
    FOR t IN SELECT a.tenant_id, count(*) AS members FROM added AS a GROUP BY a.tenant_id ORDER BY a.tenant_id LOOP
        INSERT INTO member_counts AS c (tenant_id, members) VALUES (t.tenant_id, t.members)
            ON CONFLICT (tenant_id) DO UPDATE SET members = c.members + excluded.members
            RETURNING c.members - t.members INTO before;
        INSERT INTO member_places (tenant_id, place, member_id)
        SELECT a.tenant_id, before + row_number() OVER (ORDER BY a.id), a.id FROM added AS a WHERE a.tenant_id = t.tenant_id;
    END LOOP;
    RETURN NULL;
END $$;
CREATE TRIGGER members_placed AFTER INSERT ON members REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION place_members();

INSERT INTO member_places (tenant_id, place, member_id)
SELECT tenant_id, row_number() OVER (PARTITION BY tenant_id ORDER BY id), id FROM members;
INSERT INTO member_counts (tenant_id, members) SELECT tenant_id, count(*) FROM members GROUP BY tenant_id;

-- How many holds of a state were opened on a day: totals and deep pages without
-- a scan. Kept by the triggers on holds.
CREATE TABLE hold_days (
    tenant_id bigint   NOT NULL, -- owner
    day       date     NOT NULL, -- in which holds.id was made, UTC
    state     text     NOT NULL, -- holds.state
    shard     smallint NOT NULL, -- spreads writers over rows, so that two batches rarely wait for each other
    holds     bigint   NOT NULL, -- how many; only the sum over shards means something
    CONSTRAINT hold_days_pk PRIMARY KEY (tenant_id, day, state, shard)
);
CREATE INDEX holds_by_state ON holds (tenant_id, state, id);

-- uuid_day is the day in whose course a version 7 UUID was made, UTC.
CREATE FUNCTION uuid_day(id uuid) RETURNS date LANGUAGE sql IMMUTABLE AS $$
    SELECT date '1970-01-01' + (('x' || left(replace(id::text, '-', ''), 12))::bit(48)::bigint / 86400000)::integer
$$;

-- Both triggers take their shard before they touch a row of it. One transaction
-- may run both, and so touch rows in another order than its neighbour does; with
-- the shard its own until the commit it cannot deadlock.
CREATE FUNCTION count_opened_holds() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashint8(x.tenant_id), (txid_current() % 8)::int)
       FROM (SELECT DISTINCT a.tenant_id FROM added AS a ORDER BY a.tenant_id) AS x;
    INSERT INTO hold_days AS d (tenant_id, day, state, shard, holds)
    SELECT c.tenant_id, c.day, c.state, txid_current() % 8, count(*)
      FROM (SELECT a.tenant_id, uuid_day(a.id) AS day, a.state FROM added AS a) AS c
     GROUP BY c.tenant_id, c.day, c.state
     ORDER BY c.tenant_id, c.day, c.state
        ON CONFLICT (tenant_id, day, state, shard) DO UPDATE SET holds = d.holds + excluded.holds;
    RETURN NULL;
END $$;
CREATE FUNCTION count_moved_holds() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashint8(x.tenant_id), (txid_current() % 8)::int)
       FROM (SELECT DISTINCT a.tenant_id FROM added AS a ORDER BY a.tenant_id) AS x;
    INSERT INTO hold_days AS d (tenant_id, day, state, shard, holds)
    SELECT c.tenant_id, c.day, c.state, txid_current() % 8, sum(c.change)
      FROM (SELECT r.tenant_id, uuid_day(r.id) AS day, r.state, -1 AS change FROM removed AS r
            UNION ALL
            SELECT a.tenant_id, uuid_day(a.id), a.state, 1 FROM added AS a) AS c
     GROUP BY c.tenant_id, c.day, c.state
    HAVING sum(c.change) <> 0
     ORDER BY c.tenant_id, c.day, c.state
        ON CONFLICT (tenant_id, day, state, shard) DO UPDATE SET holds = d.holds + excluded.holds;
    RETURN NULL;
END $$;
CREATE TRIGGER holds_counted AFTER INSERT ON holds REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION count_opened_holds();
CREATE TRIGGER holds_recounted AFTER UPDATE ON holds REFERENCING OLD TABLE AS removed NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION count_moved_holds();

INSERT INTO hold_days (tenant_id, day, state, shard, holds)
SELECT tenant_id, uuid_day(id), state, 0, count(*) FROM holds GROUP BY 1, 2, 3;
