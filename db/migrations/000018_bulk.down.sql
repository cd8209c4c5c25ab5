SET lock_timeout = '5s';

ALTER TABLE commits DROP COLUMN leaves;

DROP FUNCTION standings_take_in(bigint, integer, integer);

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
