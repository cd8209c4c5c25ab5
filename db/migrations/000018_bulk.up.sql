SET lock_timeout = '5s';

-- A commit brings the hashes of its transfers along, so that sealing need not read
-- the books again.
ALTER TABLE commits
    ADD COLUMN leaves bytea; -- SHA-256 of each transfer that it names, those of its events first; null: it names none, or a block holds them, or they are to be read
ALTER TABLE commits ALTER COLUMN leaves SET STORAGE EXTERNAL; -- hashes cannot be compressed

-- standings_take_in lets the standings follow the oldest moves that wait, about so
-- many: it does not cut a transaction. Answers how many they were; fewer than asked
-- for is all. (Until now so many transactions, whatever was in them, and sorted once
-- for each of its arrays.)
DROP FUNCTION standings_take_in(bigint, integer, integer);
CREATE FUNCTION standings_take_in(p_tenant_id bigint, p_moves integer, p_room integer) RETURNS integer LANGUAGE plpgsql AS $$
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
           array_agg(w.member_id) AS members, array_agg(w.seq) AS seqs, array_agg(CASE WHEN w.period = 4 THEN -w.after END) AS minus_xp,
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
