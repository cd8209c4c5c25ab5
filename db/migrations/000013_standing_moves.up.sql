SET lock_timeout = '5s';

-- Standings follow the ledger at a small distance: a transaction that changes XP
-- leaves a note of its moves, and whoever reads a board takes them in before. So
-- nobody who earns waits for the tenant's lock of standings, or for those who do.
-- See internal/leaderboard/doc.go.

-- Moves of XP accounts that no standing counts yet: one narrow row a transaction.
CREATE TABLE standing_moves (
    tenant_id bigint        NOT NULL, -- owner
    drawn     bigint        NOT NULL, -- end of the write-ahead log when the row was made, under the accounts' locks: moves of one account in their order
    id        uuid          NOT NULL, -- ours
    members   bigint[]      NOT NULL, -- members.id, in the order of the moves of each
    seqs      bigint[]      NOT NULL, -- likewise: the number of the transfer
    from_xp   bigint[]      NOT NULL, -- likewise: XP available before
    to_xp     bigint[]      NOT NULL, -- likewise: and after
    at        timestamptz[] NOT NULL, -- likewise: instant of the transfer, UTC
    CONSTRAINT standing_moves_pk PRIMARY KEY (tenant_id, drawn, id)
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500);

ALTER TABLE standings ADD COLUMN seq bigint NOT NULL DEFAULT 0; -- number of the newest transfer of the XP account that it counts; 0: older than any that waits

DROP FUNCTION standings_move(bigint, bigint[], bigint[], bigint[], timestamptz[], integer);
DROP FUNCTION standings_place(bigint, smallint[], date[], bigint[], bigint[], bigint[], timestamptz[], integer);
DROP FUNCTION standings_mend(bigint, smallint, date, bigint, integer, integer);
DROP FUNCTION standings_differ(bigint, smallint, date, bigint, bigint);

-- standings_place is the one way in which standings change. It takes moves, those
-- of one place in their order: the place's new XP, or, where that is null, what it
-- gains, and the number of the transfer. A move that the place counts already is
-- passed over; without gains at all it is not a move but the truth. The caller
-- holds the tenant's lock, so rows stay where they were read (ctid).
CREATE FUNCTION standings_place(p_tenant_id bigint, p_periods smallint[], p_starts_on date[], p_members bigint[], p_seqs bigint[],
                                p_minus_xp bigint[], p_gains bigint[], p_reached_at timestamptz[], p_room integer)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    w record;
    b standing_blocks;
BEGIN
    SELECT array_agg(g.period) AS periods, array_agg(g.starts_on) AS starts_on, array_agg(g.member_id) AS members, array_agg(p_seqs[g.newest]) AS seqs,
           array_agg(COALESCE(p_minus_xp[g.newest], COALESCE(g.minus_xp, 0) - g.gain)) AS minus_xp, array_agg(p_reached_at[g.newest]) AS reached_at,
           array_agg(g.at) AS old_at, array_agg(g.minus_xp) AS old_minus_xp, array_agg(g.reached_at) AS old_reached_at
      INTO w
      FROM (SELECT v.period, v.starts_on, v.member_id, max(v.n)::integer AS newest, sum(v.gain)::bigint AS gain, o.at, o.minus_xp, o.reached_at
              FROM unnest(p_periods, p_starts_on, p_members, p_seqs, p_gains) WITH ORDINALITY AS v(period, starts_on, member_id, seq, gain, n)
              LEFT JOIN LATERAL (SELECT s.ctid AS at, s.minus_xp, s.reached_at, s.seq FROM standings AS s
                                  WHERE s.tenant_id = p_tenant_id AND s.period = v.period AND s.starts_on = v.starts_on AND s.member_id = v.member_id
                                 OFFSET 0) AS o ON true
             WHERE p_gains IS NULL OR o.seq IS NULL OR v.seq > o.seq
             GROUP BY v.period, v.starts_on, v.member_id, o.at, o.minus_xp, o.reached_at) AS g;
    IF w.members IS NULL THEN
        RETURN;
    END IF;
    UPDATE standings AS s SET minus_xp = v.minus_xp, reached_at = v.reached_at, seq = v.seq
      FROM unnest(w.old_at, w.minus_xp, w.reached_at, w.seqs) AS v(at, minus_xp, reached_at, seq)
     WHERE s.ctid = v.at AND s.tenant_id = p_tenant_id;
    IF array_position(w.old_at, NULL) IS NOT NULL THEN
        INSERT INTO standings (tenant_id, period, starts_on, member_id, minus_xp, reached_at, seq)
        SELECT p_tenant_id, v.period, v.starts_on, v.member_id, v.minus_xp, v.reached_at, v.seq
          FROM unnest(w.periods, w.starts_on, w.members, w.minus_xp, w.reached_at, w.seqs, w.old_at) AS v(period, starts_on, member_id, minus_xp, reached_at, seq, at)
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
            RETURNING x.*, m.change)
        -- What is small already was looked at when it became so; its neighbours
        -- look at it when they do.
        SELECT c.tenant_id, c.period, c.starts_on, c.level, c.minus_xp, c.reached_at, c.member_id, c.members, c.room
          FROM (SELECT * FROM blocks UNION ALL SELECT * FROM runs) AS c
         WHERE c.members > c.room OR c.members = 0 OR c.members < c.room / 4 AND c.members - c.change >= c.room / 4
    LOOP
        IF b.members > b.room THEN
            PERFORM standing_block_cut(b, p_room);
        ELSE
            PERFORM standing_block_merge(b);
        END IF;
    END LOOP;
END $$;

-- standings_take_in lets the standings follow the oldest moves that wait, up to a
-- number of transactions, and answers how many these were.
CREATE FUNCTION standings_take_in(p_tenant_id bigint, p_rows integer, p_room integer) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
    c record;
BEGIN
    PERFORM standings_lock(p_tenant_id);
    WITH gone AS (
        DELETE FROM standing_moves AS m
         WHERE m.tenant_id = p_tenant_id
           AND m.ctid = ANY (ARRAY(SELECT x.ctid FROM standing_moves AS x WHERE x.tenant_id = p_tenant_id ORDER BY x.drawn, x.id LIMIT p_rows))
        RETURNING m.*)
    SELECT max(w.rows) AS rows, array_agg(p.period ORDER BY w.drawn, w.id, w.n) AS periods, array_agg(standing_round(p.period, w.at) ORDER BY w.drawn, w.id, w.n) AS starts_on,
           array_agg(w.member_id ORDER BY w.drawn, w.id, w.n) AS members, array_agg(w.seq ORDER BY w.drawn, w.id, w.n) AS seqs,
           array_agg(CASE WHEN p.period = 4 THEN -w.after END ORDER BY w.drawn, w.id, w.n) AS minus_xp,
           array_agg(w.after - w.before ORDER BY w.drawn, w.id, w.n) AS gains, array_agg(w.at ORDER BY w.drawn, w.id, w.n) AS reached_at
      INTO c
      FROM (SELECT g.drawn, g.id, g.rows, v.* FROM (SELECT x.*, count(*) OVER () AS rows FROM gone AS x) AS g
             CROSS JOIN unnest(g.members, g.seqs, g.from_xp, g.to_xp, g.at) WITH ORDINALITY AS v(member_id, seq, before, after, at, n)) AS w
     CROSS JOIN (SELECT 4::smallint AS period
                 UNION ALL
                 SELECT b.period FROM boards AS b WHERE b.tenant_id = p_tenant_id AND b.kind = 'period') AS p;
    IF c.rows IS NULL THEN
        RETURN 0;
    END IF;
    PERFORM standings_place(p_tenant_id, c.periods, c.starts_on, c.members, c.seqs, c.minus_xp, c.gains, c.reached_at, p_room);
    RETURN c.rows;
END $$;

-- standings_differ lists the members of a range of keys, the first one exclusive,
-- whose standing is not what the ledger says, with what it says. A standing
-- without XP may as well be missing.
CREATE FUNCTION standings_differ(p_tenant_id bigint, p_period smallint, p_starts_on date, p_after bigint, p_last bigint)
RETURNS TABLE (member_id bigint, minus_xp bigint, reached_at timestamptz, seq bigint) LANGUAGE sql STABLE AS $$
    SELECT u.member_id, COALESCE(min(u.minus_xp) FILTER (WHERE u.booked), 0),
           COALESCE(min(u.reached_at) FILTER (WHERE u.booked), 'epoch'), max(u.seq)
      FROM (SELECT a.member_id, -a.available AS minus_xp, t.created_at AS reached_at, t.seq, true AS booked
              FROM accounts AS a
             CROSS JOIN LATERAL (SELECT x.created_at, x.seq FROM transfers AS x
                                  WHERE x.tenant_id = p_tenant_id AND x.member_id = a.member_id AND x.asset = 3
                                    AND 1 IN (x.from_account, x.to_account)
                                  ORDER BY x.seq DESC LIMIT 1) AS t
             WHERE p_period = 4 AND a.tenant_id = p_tenant_id AND a.asset = 3 AND a.member_id > p_after AND a.member_id <= p_last
            UNION ALL
            SELECT a.member_id, t.minus_xp, t.reached_at, t.seq, true
              FROM accounts AS a
             CROSS JOIN LATERAL (SELECT sum(CASE WHEN x.to_account = 1 THEN -x.amount ELSE x.amount END)::bigint AS minus_xp, max(x.created_at) AS reached_at, max(x.seq) AS seq
                                   FROM transfers AS x
                                  WHERE x.tenant_id = p_tenant_id AND x.member_id = a.member_id AND x.asset = 3
                                    AND x.seq > transfer_at(p_tenant_id, a.member_id, 3::smallint, p_starts_on::timestamp AT TIME ZONE 'UTC', false, a.seq)
                                    AND x.created_at < standing_round_end(p_period, p_starts_on)::timestamp AT TIME ZONE 'UTC'
                                    AND 1 IN (x.from_account, x.to_account)) AS t
             WHERE p_period < 4 AND a.tenant_id = p_tenant_id AND a.asset = 3 AND a.member_id > p_after AND a.member_id <= p_last
               AND a.moved_at >= p_starts_on::timestamp AT TIME ZONE 'UTC' AND t.minus_xp IS NOT NULL
            UNION ALL
            SELECT s.member_id, s.minus_xp, s.reached_at, s.seq, false
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
           array_agg(x.minus_xp) AS minus_xp, array_agg(x.reached_at) AS reached_at, array_agg(x.seq) AS seqs
      INTO d
      FROM standings_differ(p_tenant_id, p_period, p_starts_on, p_after, last) AS x;
    IF d.members IS NOT NULL THEN
        PERFORM standings_place(p_tenant_id, d.periods, d.starts_on, d.members, d.seqs, d.minus_xp, NULL, d.reached_at, p_room);
    END IF;
    RETURN last;
END $$;
