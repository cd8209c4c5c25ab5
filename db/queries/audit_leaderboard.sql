-- Queries of the leaderboards' part of an audit: the first row that breaks an
-- invariant of internal/leaderboard/doc.go, or no row.

-- name: StandingFindUnequal :one
-- Invariant 1: a standing of all time that is not what the XP account has, and will
-- not be so by the newest move that waits.
SELECT m.external_id, format('has %s XP reached at %s, the ledger says %s at %s', COALESCE(-s.minus_xp, 0), s.reached_at, -d.minus_xp, d.reached_at)::text AS says
  FROM standings_differ(@tenant_id::bigint, @all_time::smallint, @starts_on::date, -9223372036854775808, 9223372036854775807) AS d
  JOIN members AS m ON m.tenant_id = @tenant_id AND m.id = d.member_id
  LEFT JOIN standings AS s ON s.tenant_id = @tenant_id AND s.period = @all_time::smallint AND s.starts_on = @starts_on::date AND s.member_id = d.member_id
 WHERE NOT EXISTS (SELECT FROM (SELECT unnest(x.members) AS member_id, unnest(x.seqs) AS seq, unnest(x.to_xp) AS to_xp, unnest(x.at) AS at
                                  FROM standing_moves AS x WHERE x.tenant_id = @tenant_id) AS w
                    WHERE w.member_id = d.member_id AND w.seq = d.seq AND w.to_xp = -d.minus_xp AND w.at = d.reached_at)
 ORDER BY m.id
 LIMIT 1;

-- name: StandingFindMissummed :one
-- Invariant 1: a standing of a period that is not the sum of the period's XP,
-- together with what waits.
WITH booked AS (
    SELECT b.period, standing_round(b.period, t.created_at) AS starts_on, t.member_id,
           sum(CASE WHEN t.to_account = 1 THEN -t.amount ELSE t.amount END)::bigint AS minus_xp, max(t.created_at) AS reached_at
      FROM boards AS b
      JOIN transfers AS t ON t.tenant_id = @tenant_id AND t.asset = @xp AND t.created_at >= b.starts_on::timestamp AT TIME ZONE 'UTC' AND 1 IN (t.from_account, t.to_account)
     WHERE b.tenant_id = @tenant_id AND b.kind = 'period' AND b.ready
     GROUP BY 1, 2, 3),
parts AS (
    SELECT s.period, s.starts_on, s.member_id, s.minus_xp, s.reached_at
      FROM boards AS b
      JOIN standings AS s ON s.tenant_id = @tenant_id AND s.period = b.period AND s.starts_on >= b.starts_on
     WHERE b.tenant_id = @tenant_id AND b.kind = 'period' AND b.ready
    UNION ALL
    SELECT b.period, standing_round(b.period, w.at), w.member_id, w.from_xp - w.to_xp, w.at
      FROM boards AS b
     CROSS JOIN (SELECT unnest(x.members) AS member_id, unnest(x.seqs) AS seq, unnest(x.from_xp) AS from_xp, unnest(x.to_xp) AS to_xp, unnest(x.at) AS at
                   FROM standing_moves AS x WHERE x.tenant_id = @tenant_id) AS w
      LEFT JOIN standings AS s ON s.tenant_id = @tenant_id AND s.period = b.period AND s.starts_on = standing_round(b.period, w.at) AND s.member_id = w.member_id
     WHERE b.tenant_id = @tenant_id AND b.kind = 'period' AND b.ready AND w.seq > COALESCE(s.seq, 0)),
kept AS (
    SELECT p.period, p.starts_on, p.member_id, sum(p.minus_xp)::bigint AS minus_xp, max(p.reached_at) AS reached_at
      FROM parts AS p GROUP BY 1, 2, 3),
bad AS (
    SELECT COALESCE(k.starts_on, n.starts_on) AS starts_on, COALESCE(k.member_id, n.member_id) AS member_id, k.minus_xp AS kept, n.minus_xp AS booked
      FROM kept AS k
      FULL JOIN booked AS n ON n.period = k.period AND n.starts_on = k.starts_on AND n.member_id = k.member_id
     WHERE COALESCE(k.minus_xp, 0) <> COALESCE(n.minus_xp, 0) OR n.minus_xp < 0 AND k.reached_at <> n.reached_at)
SELECT m.external_id, format('has %s XP in the period from %s, the ledger says %s', COALESCE(-b.kept, 0), b.starts_on, COALESCE(-b.booked, 0))::text AS says
  FROM bad AS b
  JOIN members AS m ON m.tenant_id = @tenant_id AND m.id = b.member_id
 ORDER BY b.starts_on, b.member_id
 LIMIT 1;

-- name: StandingBlockFindMiscounted :one
-- Invariant 3: a block whose count is not that of the standings in it.
SELECT r.starts_on, format('the block of level %s that begins at %s XP counts %s, there are %s', d.level, -d.minus_xp::numeric, d.counted, d.found)::text AS says
  FROM (SELECT s.period, s.starts_on FROM standings AS s WHERE s.tenant_id = @tenant_id
        UNION
        SELECT x.period, x.starts_on FROM standing_blocks AS x WHERE x.tenant_id = @tenant_id) AS r
 CROSS JOIN LATERAL standing_blocks_differ(@tenant_id::bigint, r.period, r.starts_on) AS d
 ORDER BY r.period, r.starts_on
 LIMIT 1;

-- name: BoardFindMiscounted :one
-- Invariant 6: a snapshot whose pages do not hold as many places as it says.
SELECT b.id, format('says %s places, there are %s', b.members, n.places)::text AS says
  FROM boards AS b
 CROSS JOIN LATERAL (SELECT COALESCE(sum(cardinality(p.member_ids)), 0) AS places FROM snapshot_pages AS p
                      WHERE p.tenant_id = @tenant_id AND p.board_id = b.id) AS n
 WHERE b.tenant_id = @tenant_id AND b.kind = 'snapshot' AND b.members <> n.places
 ORDER BY b.id
 LIMIT 1;
