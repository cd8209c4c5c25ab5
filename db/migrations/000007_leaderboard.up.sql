SET lock_timeout = '5s';

-- What POST /incentives/leaderboard has made: the board of a period, or a
-- snapshot. The board of all time is there without a row.
CREATE TABLE boards (
    tenant_id  bigint      NOT NULL, -- owner
    id         uuid        NOT NULL, -- public as brd_... or snap_...
    kind       text        NOT NULL, -- period | snapshot
    period     smallint    NOT NULL, -- 1 day, 2 week, 3 month, 4 all time
    name       text, -- for people; null: none
    starts_on  date        NOT NULL, -- first day of the first period that it counts, UTC
    ready      boolean     NOT NULL, -- false while what was earned before it was defined is being counted
    members    units       NOT NULL DEFAULT 0, -- how many a snapshot holds
    created_at timestamptz NOT NULL, -- UTC
    CONSTRAINT boards_pk PRIMARY KEY (tenant_id, id),
    CONSTRAINT boards_tenant_fk FOREIGN KEY (tenant_id) REFERENCES tenants (tenant_id),
    CONSTRAINT boards_kind_known CHECK (kind = 'period' AND period BETWEEN 1 AND 3 OR kind = 'snapshot' AND period = 4),
    CONSTRAINT boards_name_length CHECK (length(name) BETWEEN 1 AND 255)
);
CREATE UNIQUE INDEX boards_one_per_period ON boards (tenant_id, period) WHERE kind = 'period';

-- A thousand places of a snapshot, best first. Never changed.
CREATE TABLE snapshot_pages (
    tenant_id  bigint   NOT NULL, -- owner
    board_id   uuid     NOT NULL, -- boards.id
    page       integer  NOT NULL, -- 0, 1, 2 ...: rank r lies in page (r - 1) / 1000
    member_ids bigint[] NOT NULL, -- members.id, by rank
    xp         bigint[] NOT NULL, -- likewise
    coins      bigint[] NOT NULL, -- likewise: what the member had then
    CONSTRAINT snapshot_pages_pk PRIMARY KEY (tenant_id, board_id, page),
    CONSTRAINT snapshot_pages_board_fk FOREIGN KEY (tenant_id, board_id) REFERENCES boards (tenant_id, id)
);

-- A member's XP in one round: one period of one board. Without a foreign key,
-- as transfers is: it is written where the XP account is locked, and the audit
-- holds it against that account.
CREATE TABLE standings (
    tenant_id  bigint      NOT NULL, -- owner
    period     smallint    NOT NULL, -- as boards.period
    starts_on  date        NOT NULL, -- the round's first day, UTC; of all time: 1970-01-01
    member_id  bigint      NOT NULL, -- members.id
    minus_xp   bigint      NOT NULL, -- the XP with its sign turned, so that ascending is best first; on the board below 0 only
    reached_at timestamptz NOT NULL, -- instant at which it became this, UTC
    CONSTRAINT standings_pk PRIMARY KEY (tenant_id, period, starts_on, member_id)
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.05);
CREATE INDEX standings_ranked ON standings (tenant_id, period, starts_on, minus_xp, reached_at, member_id) WHERE minus_xp < 0;

-- Runs of a round's order with the number of standings in each. A block begins at
-- a key and ends where the next one of its level begins; the first of each level
-- begins before every key, and a block of level 2 begins where one of level 1
-- does. See internal/leaderboard/doc.go.
CREATE TABLE standing_blocks (
    tenant_id  bigint      NOT NULL, -- owner
    period     smallint    NOT NULL, -- the round
    starts_on  date        NOT NULL, -- the round
    level      smallint    NOT NULL, -- 1: a run of standings; 2: a run of blocks of level 1
    minus_xp   bigint      NOT NULL, -- the key at which it begins, as in standings_ranked
    reached_at timestamptz NOT NULL, -- likewise
    member_id  bigint      NOT NULL, -- likewise
    members    units       NOT NULL, -- how many standings lie in it
    room       integer     NOT NULL, -- with more than this it is cut
    CONSTRAINT standing_blocks_pk PRIMARY KEY (tenant_id, period, starts_on, level, minus_xp, reached_at, member_id)
) WITH (fillfactor = 40, autovacuum_vacuum_scale_factor = 0.05); -- only members changes: room for heap-only updates

-- standing_round is the first day of the period that an instant lies in.
CREATE FUNCTION standing_round(p_period smallint, p_at timestamptz) RETURNS date LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE p_period
           WHEN 1 THEN (p_at AT TIME ZONE 'UTC')::date
           WHEN 2 THEN date_trunc('week', p_at AT TIME ZONE 'UTC')::date
           WHEN 3 THEN date_trunc('month', p_at AT TIME ZONE 'UTC')::date
           ELSE date '1970-01-01' END
$$;

-- standing_round_end is the first day after a round.
CREATE FUNCTION standing_round_end(p_period smallint, p_starts_on date) RETURNS date LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE p_period
           WHEN 1 THEN p_starts_on + 1
           WHEN 2 THEN p_starts_on + 7
           WHEN 3 THEN (p_starts_on + interval '1 month')::date
           ELSE date '9999-01-01' END
$$;

-- standings_lock lets nobody else change the tenant's standings until the
-- transaction ends. The shards of the counting triggers are 0 to 7.
CREATE FUNCTION standings_lock(p_tenant_id bigint) RETURNS void LANGUAGE sql AS $$
    SELECT pg_advisory_xact_lock(hashint8(p_tenant_id), 8)
$$;

-- standing_room is how many standings a block may hold. Of a million, a hundred
-- blocks of level 2 hold a hundred blocks of level 1 each, with a hundred members
-- each: it follows the size of the round, so that none of the three is ever much
-- to go through.
CREATE FUNCTION standing_room(p_level smallint, p_members bigint, p_room integer) RETURNS integer LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE p_level WHEN 1 THEN greatest(p_room, cbrt(p_members)::integer) ELSE greatest(4 * p_room, (cbrt(p_members) ^ 2)::integer) END
$$;

-- standing_parts is what a block consists of, with the number of its members above
-- each part. Of level 2 the parts of the blocks below follow.
CREATE FUNCTION standing_parts(b standing_blocks) RETURNS TABLE (minus_xp bigint, reached_at timestamptz, member_id bigint, above bigint) LANGUAGE sql STABLE AS $$
    SELECT p.minus_xp, p.reached_at, p.member_id, (sum(p.members) OVER (ORDER BY p.minus_xp, p.reached_at, p.member_id) - p.members)::bigint
      FROM ((SELECT s.minus_xp, s.reached_at, s.member_id, 1 AS members FROM standings AS s
              WHERE b.level = 1 AND s.tenant_id = b.tenant_id AND s.period = b.period AND s.starts_on = b.starts_on AND s.minus_xp < 0
                AND (s.minus_xp, s.reached_at, s.member_id) >= (b.minus_xp, b.reached_at, b.member_id)
              ORDER BY s.minus_xp, s.reached_at, s.member_id LIMIT b.members)
            UNION ALL
            (SELECT x.minus_xp, x.reached_at, x.member_id, x.members FROM standing_blocks AS x
              WHERE b.level = 2 AND x.tenant_id = b.tenant_id AND x.period = b.period AND x.starts_on = b.starts_on AND x.level = 1
                AND (x.minus_xp, x.reached_at, x.member_id) >= (b.minus_xp, b.reached_at, b.member_id))) AS p
$$;

-- standing_block_cut cuts a block that has outgrown its room into even parts.
CREATE FUNCTION standing_block_cut(b standing_blocks, p_room integer) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    fit integer;
    size bigint;
    cuts record;
BEGIN
    SELECT standing_room(b.level, sum(x.members)::bigint, p_room) INTO fit FROM standing_blocks AS x
     WHERE x.tenant_id = b.tenant_id AND x.period = b.period AND x.starts_on = b.starts_on AND x.level = 2;
    size := CASE WHEN b.members > fit THEN ceil(b.members::numeric / greatest(2, 2 * b.members / fit)) ELSE b.members END;
    SELECT array_agg(c.minus_xp ORDER BY c.above) AS minus_xp, array_agg(c.reached_at ORDER BY c.above) AS reached_at,
           array_agg(c.member_id ORDER BY c.above) AS member_id, array_agg(c.above ORDER BY c.above) AS above
      INTO cuts
      FROM (SELECT DISTINCT ON (a.above / size) a.minus_xp, a.reached_at, a.member_id, a.above
              FROM standing_parts(b) AS a
             WHERE a.above >= size AND a.above < b.members
             ORDER BY a.above / size, a.above) AS c;
    UPDATE standing_blocks AS x SET members = COALESCE(cuts.above[1], b.members), room = fit
     WHERE x.tenant_id = b.tenant_id AND x.period = b.period AND x.starts_on = b.starts_on AND x.level = b.level
       AND x.minus_xp = b.minus_xp AND x.reached_at = b.reached_at AND x.member_id = b.member_id;
    INSERT INTO standing_blocks (tenant_id, period, starts_on, level, minus_xp, reached_at, member_id, members, room)
    SELECT b.tenant_id, b.period, b.starts_on, b.level, v.minus_xp, v.reached_at, v.member_id,
           lead(v.above, 1, b.members::bigint) OVER (ORDER BY v.above) - v.above, fit
      FROM unnest(cuts.minus_xp, cuts.reached_at, cuts.member_id, cuts.above) AS v(minus_xp, reached_at, member_id, above);
END $$;

-- standing_block_merge joins a block that has few members left with its
-- neighbours where both together fill half the room at most. One of level 1 stays
-- where a block of level 2 begins with it.
CREATE FUNCTION standing_block_merge(p standing_blocks) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    b standing_blocks;
    upper standing_blocks;
    lower standing_blocks;
BEGIN
    -- It may be gone: merged away after its neighbour a moment ago.
    SELECT x.* INTO b FROM standing_blocks AS x
     WHERE x.tenant_id = p.tenant_id AND x.period = p.period AND x.starts_on = p.starts_on AND x.level = p.level
       AND x.minus_xp = p.minus_xp AND x.reached_at = p.reached_at AND x.member_id = p.member_id;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    FOR i IN 1 .. 2 LOOP -- first with the one below, then with the one above
        IF i = 1 THEN
            upper := b;
            SELECT x.* INTO lower FROM standing_blocks AS x
             WHERE x.tenant_id = b.tenant_id AND x.period = b.period AND x.starts_on = b.starts_on AND x.level = b.level
               AND (x.minus_xp, x.reached_at, x.member_id) > (b.minus_xp, b.reached_at, b.member_id)
             ORDER BY x.minus_xp, x.reached_at, x.member_id LIMIT 1;
        ELSE
            lower := b;
            SELECT x.* INTO upper FROM standing_blocks AS x
             WHERE x.tenant_id = b.tenant_id AND x.period = b.period AND x.starts_on = b.starts_on AND x.level = b.level
               AND (x.minus_xp, x.reached_at, x.member_id) < (b.minus_xp, b.reached_at, b.member_id)
             ORDER BY x.minus_xp DESC, x.reached_at DESC, x.member_id DESC LIMIT 1;
        END IF;
        CONTINUE WHEN NOT FOUND OR lower.members > 0 AND upper.members + lower.members > upper.room / 2;
        CONTINUE WHEN b.level = 1 AND EXISTS (SELECT FROM standing_blocks AS x
             WHERE x.tenant_id = b.tenant_id AND x.period = b.period AND x.starts_on = b.starts_on AND x.level = 2
               AND x.minus_xp = lower.minus_xp AND x.reached_at = lower.reached_at AND x.member_id = lower.member_id);
        DELETE FROM standing_blocks AS x
         WHERE x.tenant_id = b.tenant_id AND x.period = b.period AND x.starts_on = b.starts_on AND x.level = b.level
           AND x.minus_xp = lower.minus_xp AND x.reached_at = lower.reached_at AND x.member_id = lower.member_id;
        UPDATE standing_blocks AS x SET members = upper.members + lower.members
         WHERE x.tenant_id = b.tenant_id AND x.period = b.period AND x.starts_on = b.starts_on AND x.level = b.level
           AND x.minus_xp = upper.minus_xp AND x.reached_at = upper.reached_at AND x.member_id = upper.member_id;
        b.members := upper.members + lower.members;
    END LOOP;
END $$;

-- standings_place is the one way in which standings change. It takes a place's
-- new XP, or, where that is null, what it gains; a place is named once at most.
-- The caller holds the tenant's lock, so rows stay where they were read (ctid).
CREATE FUNCTION standings_place(p_tenant_id bigint, p_periods smallint[], p_starts_on date[], p_members bigint[],
                                p_minus_xp bigint[], p_gains bigint[], p_reached_at timestamptz[], p_room integer)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    w record;
    b standing_blocks;
BEGIN
    SELECT array_agg(v.period) AS periods, array_agg(v.starts_on) AS starts_on, array_agg(v.member_id) AS members,
           array_agg(COALESCE(v.minus_xp, COALESCE(o.minus_xp, 0) - v.gain)) AS minus_xp, array_agg(v.reached_at) AS reached_at,
           array_agg(o.at) AS old_at, array_agg(o.minus_xp) AS old_minus_xp, array_agg(o.reached_at) AS old_reached_at
      INTO w
      FROM unnest(p_periods, p_starts_on, p_members, p_minus_xp, p_gains, p_reached_at) AS v(period, starts_on, member_id, minus_xp, gain, reached_at)
      LEFT JOIN LATERAL (SELECT s.ctid AS at, s.minus_xp, s.reached_at FROM standings AS s
                          WHERE s.tenant_id = p_tenant_id AND s.period = v.period AND s.starts_on = v.starts_on AND s.member_id = v.member_id
                         OFFSET 0) AS o ON true;
    UPDATE standings AS s SET minus_xp = v.minus_xp, reached_at = v.reached_at
      FROM unnest(w.old_at, w.minus_xp, w.reached_at) AS v(at, minus_xp, reached_at)
     WHERE s.ctid = v.at AND s.tenant_id = p_tenant_id;
    IF array_position(w.old_at, NULL) IS NOT NULL THEN
        INSERT INTO standings (tenant_id, period, starts_on, member_id, minus_xp, reached_at)
        SELECT p_tenant_id, v.period, v.starts_on, v.member_id, v.minus_xp, v.reached_at
          FROM unnest(w.periods, w.starts_on, w.members, w.minus_xp, w.reached_at, w.old_at) AS v(period, starts_on, member_id, minus_xp, reached_at, at)
         WHERE v.at IS NULL;
        -- Perhaps the first ones of their round.
        INSERT INTO standing_blocks (tenant_id, period, starts_on, level, minus_xp, reached_at, member_id, members, room)
        SELECT DISTINCT p_tenant_id, v.period, v.starts_on, l.level, -9223372036854775808, timestamptz 'epoch', 0::bigint, 0, standing_room(l.level, 0, p_room)
          FROM unnest(w.periods, w.starts_on) AS v(period, starts_on) CROSS JOIN (VALUES (1::smallint), (2::smallint)) AS l(level)
            ON CONFLICT (tenant_id, period, starts_on, level, minus_xp, reached_at, member_id) DO NOTHING;
    END IF;
    FOR b IN
        WITH moved AS (
            SELECT y.at, sum(e.change) AS change
              FROM unnest(w.periods, w.starts_on, w.members, w.old_minus_xp, w.old_reached_at, w.minus_xp, w.reached_at)
                   AS v(period, starts_on, member_id, old_minus_xp, old_reached_at, minus_xp, reached_at)
             CROSS JOIN LATERAL (VALUES (v.old_minus_xp, v.old_reached_at, -1), (v.minus_xp, v.reached_at, 1)) AS e(minus_xp, reached_at, change)
             CROSS JOIN LATERAL (SELECT k.ctid AS at FROM standing_blocks AS k
                                  WHERE k.tenant_id = p_tenant_id AND k.period = v.period AND k.starts_on = v.starts_on AND k.level = 1
                                    AND (k.minus_xp, k.reached_at, k.member_id) <= (e.minus_xp, e.reached_at, v.member_id)
                                  ORDER BY k.minus_xp DESC, k.reached_at DESC, k.member_id DESC LIMIT 1) AS y
             WHERE e.minus_xp < 0
             GROUP BY y.at
            HAVING sum(e.change) <> 0),
        blocks AS (
            UPDATE standing_blocks AS x SET members = x.members + m.change
              FROM moved AS m
             WHERE x.ctid = m.at AND x.tenant_id = p_tenant_id
            RETURNING x.*, m.change),
        runs AS (
            UPDATE standing_blocks AS x SET members = x.members + m.change
              FROM (SELECT y.at, sum(c.change) AS change
                      FROM blocks AS c
                     CROSS JOIN LATERAL (SELECT k.ctid AS at FROM standing_blocks AS k
                                          WHERE k.tenant_id = p_tenant_id AND k.period = c.period AND k.starts_on = c.starts_on AND k.level = 2
                                            AND (k.minus_xp, k.reached_at, k.member_id) <= (c.minus_xp, c.reached_at, c.member_id)
                                          ORDER BY k.minus_xp DESC, k.reached_at DESC, k.member_id DESC LIMIT 1) AS y
                     GROUP BY y.at
                    HAVING sum(c.change) <> 0) AS m
             WHERE x.ctid = m.at AND x.tenant_id = p_tenant_id
            RETURNING x.*)
        SELECT c.tenant_id, c.period, c.starts_on, c.level, c.minus_xp, c.reached_at, c.member_id, c.members, c.room
          FROM blocks AS c WHERE c.members > c.room OR c.members < c.room / 4
        UNION ALL
        SELECT r.* FROM runs AS r WHERE r.members > r.room OR r.members < r.room / 4
    LOOP
        IF b.members > b.room THEN
            PERFORM standing_block_cut(b, p_room);
        ELSE
            PERFORM standing_block_merge(b);
        END IF;
    END LOOP;
END $$;

-- standings_move follows what XP accounts went through: each change from what to
-- what, and when. Changes of one account come in their order, all of them, and
-- with the account locked.
CREATE FUNCTION standings_move(p_tenant_id bigint, p_members bigint[], p_from bigint[], p_to bigint[], p_at timestamptz[], p_room integer)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    c record;
BEGIN
    PERFORM standings_lock(p_tenant_id);
    SELECT array_agg(g.period) AS periods, array_agg(g.starts_on) AS starts_on, array_agg(g.member_id) AS members,
           array_agg(CASE WHEN g.period = 4 THEN -p_to[g.newest] END) AS minus_xp,
           array_agg(g.gain) AS gains, array_agg(p_at[g.newest]) AS reached_at
      INTO c
      FROM (SELECT p.period, standing_round(p.period, w.at) AS starts_on, w.member_id,
                   sum(w.after - w.before)::bigint AS gain, max(w.n)::integer AS newest
              FROM (SELECT 4::smallint AS period
                    UNION ALL
                    SELECT b.period FROM boards AS b WHERE b.tenant_id = p_tenant_id AND b.kind = 'period') AS p
             CROSS JOIN unnest(p_members, p_from, p_to, p_at) WITH ORDINALITY AS w(member_id, before, after, at, n)
             GROUP BY p.period, standing_round(p.period, w.at), w.member_id) AS g;
    PERFORM standings_place(p_tenant_id, c.periods, c.starts_on, c.members, c.minus_xp, c.gains, c.reached_at, p_room);
END $$;

-- standings_differ lists the members of a range of keys, the first one exclusive,
-- whose standing is not what the ledger says, with what it says. A standing
-- without XP may as well be missing.
CREATE FUNCTION standings_differ(p_tenant_id bigint, p_period smallint, p_starts_on date, p_after bigint, p_last bigint)
RETURNS TABLE (member_id bigint, minus_xp bigint, reached_at timestamptz) LANGUAGE sql STABLE AS $$
    SELECT u.member_id, COALESCE(min(u.minus_xp) FILTER (WHERE u.booked), 0),
           COALESCE(min(u.reached_at) FILTER (WHERE u.booked), 'epoch')
      FROM (SELECT a.member_id, -a.available AS minus_xp, t.created_at AS reached_at, true AS booked
              FROM accounts AS a
             CROSS JOIN LATERAL (SELECT x.created_at FROM transfers AS x
                                  WHERE x.tenant_id = p_tenant_id AND x.member_id = a.member_id AND x.asset = 3
                                    AND 1 IN (x.from_account, x.to_account)
                                  ORDER BY x.seq DESC LIMIT 1) AS t
             WHERE p_period = 4 AND a.tenant_id = p_tenant_id AND a.asset = 3 AND a.member_id > p_after AND a.member_id <= p_last
            UNION ALL
            SELECT a.member_id, t.minus_xp, t.reached_at, true
              FROM accounts AS a
             CROSS JOIN LATERAL (SELECT sum(CASE WHEN x.to_account = 1 THEN -x.amount ELSE x.amount END)::bigint AS minus_xp, max(x.created_at) AS reached_at
                                   FROM transfers AS x
                                  WHERE x.tenant_id = p_tenant_id AND x.member_id = a.member_id AND x.asset = 3
                                    AND x.seq > transfer_at(p_tenant_id, a.member_id, 3::smallint, p_starts_on::timestamp AT TIME ZONE 'UTC', false, a.seq)
                                    AND x.created_at < standing_round_end(p_period, p_starts_on)::timestamp AT TIME ZONE 'UTC'
                                    AND 1 IN (x.from_account, x.to_account)) AS t
             WHERE p_period < 4 AND a.tenant_id = p_tenant_id AND a.asset = 3 AND a.member_id > p_after AND a.member_id <= p_last
               AND a.moved_at >= p_starts_on::timestamp AT TIME ZONE 'UTC' AND t.minus_xp IS NOT NULL
            UNION ALL
            SELECT s.member_id, s.minus_xp, s.reached_at, false
              FROM standings AS s
             WHERE s.tenant_id = p_tenant_id AND s.period = p_period AND s.starts_on = p_starts_on
               AND s.member_id > p_after AND s.member_id <= p_last) AS u
     GROUP BY u.member_id
    HAVING COALESCE(min(u.minus_xp) FILTER (WHERE u.booked), 0) <> COALESCE(min(u.minus_xp) FILTER (WHERE NOT u.booked), 0)
        OR min(u.minus_xp) FILTER (WHERE u.booked) < 0
           AND min(u.reached_at) FILTER (WHERE u.booked) <> min(u.reached_at) FILTER (WHERE NOT u.booked)
$$;

-- standings_mend sets right the standings in a round of the next members, in the
-- order of their keys, and answers the last key it looked at; the greatest one is
-- the end. A member's transfers and standing commit together, so a difference in
-- one snapshot is real, and the lock is needed only where there is one.
CREATE FUNCTION standings_mend(p_tenant_id bigint, p_period smallint, p_starts_on date, p_after bigint, p_members integer, p_room integer)
RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    last bigint;
    d record;
BEGIN
    SELECT CASE WHEN count(*) = p_members THEN max(x.member_id) ELSE 9223372036854775807 END INTO last
      FROM (SELECT a.member_id FROM accounts AS a
             WHERE a.tenant_id = p_tenant_id AND a.asset = 3 AND a.member_id > p_after
             ORDER BY a.member_id LIMIT p_members) AS x;
    IF NOT EXISTS (SELECT FROM standings_differ(p_tenant_id, p_period, p_starts_on, p_after, last)) THEN
        RETURN last;
    END IF;
    PERFORM standings_lock(p_tenant_id);
    SELECT array_agg(p_period) AS periods, array_agg(p_starts_on) AS starts_on, array_agg(x.member_id) AS members,
           array_agg(x.minus_xp) AS minus_xp, array_agg(x.reached_at) AS reached_at
      INTO d
      FROM standings_differ(p_tenant_id, p_period, p_starts_on, p_after, last) AS x;
    IF d.members IS NOT NULL THEN
        PERFORM standings_place(p_tenant_id, d.periods, d.starts_on, d.members, d.minus_xp, NULL, d.reached_at, p_room);
    END IF;
    RETURN last;
END $$;

-- standing_blocks_differ lists the blocks of a round whose count is not that of
-- what lies in them, and, as counting -1, those that are missing: the first of a
-- level, and the one of level 1 where a block of level 2 begins.
CREATE FUNCTION standing_blocks_differ(p_tenant_id bigint, p_period smallint, p_starts_on date)
RETURNS TABLE (level smallint, minus_xp bigint, reached_at timestamptz, member_id bigint, counted bigint, found bigint) LANGUAGE sql STABLE AS $$
    WITH b AS (
        SELECT x.level, x.minus_xp, x.reached_at, x.member_id, x.members,
               COALESCE(lead(x.minus_xp) OVER w, 0) AS to_minus_xp, COALESCE(lead(x.reached_at) OVER w, 'epoch') AS to_reached_at,
               COALESCE(lead(x.member_id) OVER w, 0) AS to_member_id
          FROM standing_blocks AS x
         WHERE x.tenant_id = p_tenant_id AND x.period = p_period AND x.starts_on = p_starts_on
        WINDOW w AS (PARTITION BY x.level ORDER BY x.minus_xp, x.reached_at, x.member_id))
    SELECT b.level, b.minus_xp, b.reached_at, b.member_id, b.members::bigint, n.found
      FROM b
     CROSS JOIN LATERAL (SELECT count(*) AS found FROM standings AS s
                          WHERE s.tenant_id = p_tenant_id AND s.period = p_period AND s.starts_on = p_starts_on AND s.minus_xp < 0
                            AND (s.minus_xp, s.reached_at, s.member_id) >= (b.minus_xp, b.reached_at, b.member_id)
                            AND (s.minus_xp, s.reached_at, s.member_id) < (b.to_minus_xp, b.to_reached_at, b.to_member_id)) AS n
     WHERE b.level = 1 AND b.members <> n.found
    UNION ALL
    SELECT b.level, b.minus_xp, b.reached_at, b.member_id, b.members::bigint, n.found
      FROM b
     CROSS JOIN LATERAL (SELECT COALESCE(sum(x.members), 0)::bigint AS found FROM standing_blocks AS x
                          WHERE x.tenant_id = p_tenant_id AND x.period = p_period AND x.starts_on = p_starts_on AND x.level = 1
                            AND (x.minus_xp, x.reached_at, x.member_id) >= (b.minus_xp, b.reached_at, b.member_id)
                            AND (x.minus_xp, x.reached_at, x.member_id) < (b.to_minus_xp, b.to_reached_at, b.to_member_id)) AS n
     WHERE b.level = 2 AND b.members <> n.found
    UNION ALL
    SELECT l.level, k.minus_xp, k.reached_at, k.member_id, -1, 0
      FROM (SELECT x.minus_xp, x.reached_at, x.member_id, 1 AS level FROM standing_blocks AS x
             WHERE x.tenant_id = p_tenant_id AND x.period = p_period AND x.starts_on = p_starts_on AND x.level = 2
            UNION ALL
            SELECT -9223372036854775808, 'epoch', 0, 2
             WHERE EXISTS (SELECT FROM standings AS s
                            WHERE s.tenant_id = p_tenant_id AND s.period = p_period AND s.starts_on = p_starts_on AND s.minus_xp < 0)) AS k
     CROSS JOIN (VALUES (1::smallint), (2::smallint)) AS l(level)
     WHERE l.level <= k.level
       AND NOT EXISTS (SELECT FROM standing_blocks AS x
                        WHERE x.tenant_id = p_tenant_id AND x.period = p_period AND x.starts_on = p_starts_on AND x.level = l.level
                          AND x.minus_xp = k.minus_xp AND x.reached_at = k.reached_at AND x.member_id = k.member_id)
$$;

-- standing_blocks_mend cuts a round anew where its blocks do not count right.
CREATE FUNCTION standing_blocks_mend(p_tenant_id bigint, p_period smallint, p_starts_on date, p_room integer) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    total bigint;
    fit integer;
    size bigint;
BEGIN
    IF NOT EXISTS (SELECT FROM standing_blocks_differ(p_tenant_id, p_period, p_starts_on)) THEN
        RETURN;
    END IF;
    PERFORM standings_lock(p_tenant_id);
    DELETE FROM standing_blocks AS x WHERE x.tenant_id = p_tenant_id AND x.period = p_period AND x.starts_on = p_starts_on;
    SELECT count(*) INTO total FROM standings AS s
     WHERE s.tenant_id = p_tenant_id AND s.period = p_period AND s.starts_on = p_starts_on AND s.minus_xp < 0;
    fit := standing_room(1::smallint, total, p_room);
    size := greatest(1, fit * 2 / 3);
    INSERT INTO standing_blocks (tenant_id, period, starts_on, level, minus_xp, reached_at, member_id, members, room)
    SELECT p_tenant_id, p_period, p_starts_on, 1,
           CASE WHEN s.above = 0 THEN -9223372036854775808 ELSE s.minus_xp END,
           CASE WHEN s.above = 0 THEN timestamptz 'epoch' ELSE s.reached_at END,
           CASE WHEN s.above = 0 THEN 0 ELSE s.member_id END,
           least(size, total - s.above), fit
      FROM (SELECT x.minus_xp, x.reached_at, x.member_id, row_number() OVER (ORDER BY x.minus_xp, x.reached_at, x.member_id) - 1 AS above
              FROM standings AS x
             WHERE x.tenant_id = p_tenant_id AND x.period = p_period AND x.starts_on = p_starts_on AND x.minus_xp < 0) AS s
     WHERE s.above % size = 0;
    fit := standing_room(2::smallint, total, p_room);
    size := greatest(1, fit * 2 / 3);
    INSERT INTO standing_blocks (tenant_id, period, starts_on, level, minus_xp, reached_at, member_id, members, room)
    SELECT p_tenant_id, p_period, p_starts_on, 2, c.minus_xp, c.reached_at, c.member_id, lead(c.above, 1, total) OVER (ORDER BY c.above) - c.above, fit
      FROM (SELECT DISTINCT ON (p.above / size) p.minus_xp, p.reached_at, p.member_id, p.above
              FROM (SELECT x.minus_xp, x.reached_at, x.member_id,
                           (sum(x.members) OVER (ORDER BY x.minus_xp, x.reached_at, x.member_id) - x.members)::bigint AS above
                      FROM standing_blocks AS x
                     WHERE x.tenant_id = p_tenant_id AND x.period = p_period AND x.starts_on = p_starts_on AND x.level = 1) AS p
             ORDER BY p.above / size, p.above) AS c;
END $$;

-- What members earned before there was a board.
INSERT INTO standings (tenant_id, period, starts_on, member_id, minus_xp, reached_at)
SELECT x.tenant_id, 4, date '1970-01-01', d.member_id, d.minus_xp, d.reached_at
  FROM (SELECT DISTINCT a.tenant_id FROM accounts AS a WHERE a.asset = 3) AS x
 CROSS JOIN LATERAL standings_differ(x.tenant_id, 4::smallint, date '1970-01-01', -9223372036854775808, 9223372036854775807) AS d;
SELECT standing_blocks_mend(x.tenant_id, 4::smallint, date '1970-01-01', 256)
  FROM (SELECT DISTINCT s.tenant_id FROM standings AS s) AS x;
