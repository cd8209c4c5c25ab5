SET lock_timeout = '5s';

-- standings_place looks each place up once, however many of its moves come at once
-- (until now once for each: with boards of three periods 16,000 moves of 8,000 members
-- took 1.9 seconds instead of 1.0). What it takes is as before, but that no array has
-- nulls, which would have to be counted to find an element: the place's XP after each move,
-- which is its new XP on the board of all time, and what it gains, which counts on the
-- others. Without gains it is not moves but the truth, on all boards. Of a place that
-- counts some of its moves already, as after a mend, these are left out first.
CREATE OR REPLACE FUNCTION standings_place(p_tenant_id bigint, p_periods smallint[], p_starts_on date[], p_members bigint[], p_seqs bigint[],
                                p_minus_xp bigint[], p_gains bigint[], p_reached_at timestamptz[], p_room integer)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    w record;
    b standing_blocks;
BEGIN
    SELECT array_agg(g.period) AS periods, array_agg(g.starts_on) AS starts_on, array_agg(g.member_id) AS members, array_agg(p_seqs[g.newest]) AS seqs,
           array_agg(CASE WHEN g.absolute THEN p_minus_xp[g.newest] ELSE COALESCE(g.minus_xp, 0) - g.gain END) AS minus_xp,
           array_agg(p_reached_at[g.newest]) AS reached_at, array_agg(g.at) AS old_at, array_agg(g.minus_xp) AS old_minus_xp,
           array_agg(g.reached_at) AS old_reached_at, bool_or(NOT g.absolute AND g.seq >= g.first) AS counted
      INTO w
      FROM (SELECT p.*, o.*, p_gains IS NULL OR p.period = 4 AS absolute
              FROM (SELECT v.period, v.starts_on, v.member_id, max(v.n)::integer AS newest, min(v.seq) AS first, sum(v.gain)::bigint AS gain
                      FROM unnest(p_periods, p_starts_on, p_members, p_seqs, p_gains) WITH ORDINALITY AS v(period, starts_on, member_id, seq, gain, n)
                     GROUP BY v.period, v.starts_on, v.member_id) AS p
              LEFT JOIN LATERAL (SELECT s.ctid AS at, s.minus_xp, s.reached_at, s.seq FROM standings AS s
                                  WHERE s.tenant_id = p_tenant_id AND s.period = p.period AND s.starts_on = p.starts_on AND s.member_id = p.member_id
                                 OFFSET 0) AS o ON true
             WHERE p_gains IS NULL OR o.seq IS NULL OR p_seqs[p.newest] > o.seq) AS g;
    IF w.members IS NULL THEN
        RETURN;
    END IF;
    IF w.counted THEN
        SELECT array_agg(v.period) AS periods, array_agg(v.starts_on) AS starts_on, array_agg(v.member_id) AS members, array_agg(v.seq) AS seqs,
               array_agg(v.minus_xp) AS minus_xp, array_agg(v.gain) AS gains, array_agg(v.reached_at) AS reached_at
          INTO w
          FROM (SELECT u.* FROM unnest(p_periods, p_starts_on, p_members, p_seqs, p_minus_xp, p_gains, p_reached_at)
                                WITH ORDINALITY AS u(period, starts_on, member_id, seq, minus_xp, gain, reached_at, n)
                 WHERE NOT EXISTS (SELECT FROM standings AS s
                                    WHERE s.tenant_id = p_tenant_id AND s.period = u.period AND s.starts_on = u.starts_on AND s.member_id = u.member_id
                                      AND s.seq >= u.seq)
                 ORDER BY u.n) AS v;
        PERFORM standings_place(p_tenant_id, w.periods, w.starts_on, w.members, w.seqs, w.minus_xp, w.gains, w.reached_at, p_room);
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

-- standings_take_in is as it was, but that it tells the XP after each move for all boards.
CREATE OR REPLACE FUNCTION standings_take_in(p_tenant_id bigint, p_moves integer, p_room integer) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
    c record;
BEGIN
    PERFORM standings_lock(p_tenant_id);
    WITH gone AS (
        DELETE FROM standing_moves AS m
         WHERE m.tenant_id = p_tenant_id
           AND m.ctid = ANY (ARRAY(
                   SELECT y.ctid
                     FROM (SELECT x.ctid, sum(x.moves) OVER (ORDER BY x.drawn, x.id) - x.moves AS before
                             FROM (SELECT z.ctid, z.drawn, z.id, cardinality(z.members) AS moves FROM standing_moves AS z
                                    WHERE z.tenant_id = p_tenant_id ORDER BY z.drawn, z.id LIMIT p_moves) AS x) AS y
                    WHERE y.before < p_moves))
        RETURNING m.*)
    SELECT count(*) FILTER (WHERE w.period = 4) AS moves, array_agg(w.period) AS periods, array_agg(standing_round(w.period, w.at)) AS starts_on,
           array_agg(w.member_id) AS members, array_agg(w.seq) AS seqs, array_agg(-w.after) AS minus_xp,
           array_agg(w.after - w.before) AS gains, array_agg(w.at) AS reached_at
      INTO c
      FROM (SELECT p.period, v.*
              FROM gone AS g
             CROSS JOIN unnest(g.members, g.seqs, g.from_xp, g.to_xp, g.at) WITH ORDINALITY AS v(member_id, seq, before, after, at, n)
             CROSS JOIN (SELECT 4::smallint AS period
                         UNION ALL
                         SELECT b.period FROM boards AS b WHERE b.tenant_id = p_tenant_id AND b.kind = 'period') AS p
             ORDER BY g.drawn, g.id, v.n) AS w;
    IF c.moves > 0 THEN
        PERFORM standings_place(p_tenant_id, c.periods, c.starts_on, c.members, c.seqs, c.minus_xp, c.gains, c.reached_at, p_room);
    END IF;
    RETURN c.moves;
END $$;
