SET lock_timeout = '5s';

SELECT standings_take_in(x.tenant_id, 2147483647, 256) FROM (SELECT DISTINCT m.tenant_id FROM standing_moves AS m) AS x;

DROP FUNCTION standings_take_in(bigint, integer, integer);
DROP FUNCTION standings_place(bigint, smallint[], date[], bigint[], bigint[], bigint[], bigint[], timestamptz[], integer);
DROP FUNCTION standings_mend(bigint, smallint, date, bigint, integer, integer);
DROP FUNCTION standings_differ(bigint, smallint, date, bigint, bigint);
ALTER TABLE standings DROP COLUMN seq;
DROP TABLE standing_moves;

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
