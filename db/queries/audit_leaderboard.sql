-- Queries of the leaderboards' part of an audit: the first row that breaks an
-- invariant of internal/leaderboard/doc.go, or no row.

-- name: StandingFindUnequal :one
-- Invariant 1: a standing of all time that is not what the XP account has.
SELECT m.external_id, format('has %s XP reached at %s, the ledger says %s at %s', COALESCE(-s.minus_xp, 0), s.reached_at, -d.minus_xp, d.reached_at)::text AS says
  FROM standings_differ(@tenant_id::bigint, @all_time::smallint, @starts_on::date, -9223372036854775808, 9223372036854775807) AS d
  JOIN members AS m ON m.tenant_id = @tenant_id AND m.id = d.member_id
  LEFT JOIN standings AS s ON s.tenant_id = @tenant_id AND s.period = @all_time::smallint AND s.starts_on = @starts_on::date AND s.member_id = d.member_id
 ORDER BY m.id
 LIMIT 1;

-- name: StandingFindMissummed :one
-- Invariant 1: a standing of a period that is not the sum of the period's XP.
WITH booked AS (
    SELECT b.period, standing_round(b.period, t.created_at) AS starts_on, t.member_id,
           sum(CASE WHEN t.to_account = 1 THEN -t.amount ELSE t.amount END)::bigint AS minus_xp, max(t.created_at) AS reached_at
      FROM boards AS b
      JOIN transfers AS t ON t.tenant_id = @tenant_id AND t.asset = @xp AND t.created_at >= b.starts_on::timestamp AT TIME ZONE 'UTC' AND 1 IN (t.from_account, t.to_account)
     WHERE b.tenant_id = @tenant_id AND b.kind = 'period' AND b.ready
     GROUP BY 1, 2, 3),
kept AS (
    SELECT s.period, s.starts_on, s.member_id, s.minus_xp, s.reached_at
      FROM boards AS b
      JOIN standings AS s ON s.tenant_id = @tenant_id AND s.period = b.period AND s.starts_on >= b.starts_on
     WHERE b.tenant_id = @tenant_id AND b.kind = 'period' AND b.ready),
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
