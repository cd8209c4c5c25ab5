-- A round is (period, starts_on). Places within it are in the order of
-- standings_ranked, which is best first; blocks are runs of that order.

-- name: StandingMoveInsert :exec
-- Notes changes of XP accounts, whose locks the caller holds, for the standings to
-- take in. Locks nothing.
INSERT INTO standing_moves (tenant_id, drawn, id, members, seqs, from_xp, to_xp, at)
VALUES (@tenant_id, (pg_current_wal_insert_lsn() - '0/0'::pg_lsn)::bigint, @id, @members, @seqs, @from_xp, @to_xp, @at);

-- name: StandingMoveFind :one
-- Whether any change waits, and how many are to be taken in at once, as a rule so
-- many (see standings_portion). By standing_moves_pk, member_counts_pk and boards_pk.
SELECT EXISTS (SELECT FROM standing_moves WHERE tenant_id = @tenant_id) AS waits,
       standings_portion(@tenant_id, @moves::integer)::integer AS portion;

-- name: StandingMoveListTenants :many
-- cross-tenant: of whom any change waits, for the one who takes them in by the way.
-- By standing_moves_pk; few are left by the last time.
SELECT tenant_id FROM standing_moves GROUP BY tenant_id;

-- name: StandingMoveListCrowded :many
-- cross-tenant: likewise, of whom at least as many wait as are taken in at once, as a
-- rule so many.
SELECT tenant_id FROM standing_moves GROUP BY tenant_id HAVING sum(cardinality(members)) >= standings_portion(tenant_id, @moves::integer);

-- name: StandingMoveDeleteOldest :one
-- Lets the standings take in the oldest changes, about so many; answers how many
-- they were. Takes the tenant's lock of standings. See standings_take_in.
SELECT standings_take_in(@tenant_id::bigint, @max_moves::integer, @room::integer)::integer AS moves;

-- name: StandingLock :exec
-- Lets nobody else change the tenant's standings until the transaction ends.
SELECT standings_lock(@tenant_id::bigint);

-- name: StandingUpsertDiffering :one
-- Sets right the standings of the next members by key where they are not what the
-- ledger says; answers the last key looked at. See standings_mend.
SELECT standings_mend(@tenant_id::bigint, @period::smallint, @starts_on::date, @after::bigint, @max_members::integer, @room::integer)::bigint AS last;

-- name: StandingBlockUpsertDiffering :exec
-- Cuts a round's blocks anew where one does not count right. See standing_blocks_mend.
SELECT standing_blocks_mend(@tenant_id::bigint, @period::smallint, @starts_on::date, @room::integer);

-- name: StandingList :many
-- Places from the top on, by standings_ranked: for pages that begin near it.
SELECT m.external_id, (-s.minus_xp)::bigint AS xp, COALESCE(a.available - a.debt, 0)::bigint AS coins, a.due_at, t.clock_offset_us
  FROM (SELECT x.minus_xp, x.reached_at, x.member_id FROM standings AS x
         WHERE x.tenant_id = @tenant_id AND x.period = @period AND x.starts_on = @starts_on AND x.minus_xp < 0
         ORDER BY x.minus_xp, x.reached_at, x.member_id
         LIMIT @max_rows OFFSET @skip_rows) AS s
 CROSS JOIN LATERAL (SELECT y.external_id FROM members AS y WHERE y.tenant_id = @tenant_id AND y.id = s.member_id OFFSET 0) AS m
  LEFT JOIN LATERAL (SELECT z.available, z.debt, z.due_at FROM accounts AS z
                      WHERE z.tenant_id = @tenant_id AND z.member_id = s.member_id AND z.asset = @coins OFFSET 0) AS a ON true
  JOIN tenants AS t ON t.tenant_id = @tenant_id
 ORDER BY s.minus_xp, s.reached_at, s.member_id;

-- name: StandingListDeep :many
-- Places from any depth on: the blocks of level 2 lead to the one in which the page
-- begins, those of level 1 within it to another, and only this one is walked. By
-- standing_blocks_pk and standings_ranked.
SELECT m.external_id, (-s.minus_xp)::bigint AS xp, COALESCE(a.available - a.debt, 0)::bigint AS coins, a.due_at, t.clock_offset_us
  FROM (SELECT c.minus_xp, c.reached_at, c.member_id, c.to_minus_xp, c.to_reached_at, c.to_member_id, sqlc.arg(skip_rows)::bigint - c.above AS skip_from
          FROM (SELECT x.minus_xp, x.reached_at, x.member_id, sum(x.members) OVER w - x.members AS above,
                       COALESCE(lead(x.minus_xp) OVER w, 0) AS to_minus_xp, COALESCE(lead(x.reached_at) OVER w, 'epoch') AS to_reached_at,
                       COALESCE(lead(x.member_id) OVER w, 0) AS to_member_id
                  FROM standing_blocks AS x
                 WHERE x.tenant_id = @tenant_id AND x.period = @period AND x.starts_on = @starts_on AND x.level = 2
                WINDOW w AS (ORDER BY x.minus_xp, x.reached_at, x.member_id)) AS c
         WHERE c.above <= @skip_rows::bigint
         ORDER BY c.minus_xp DESC, c.reached_at DESC, c.member_id DESC LIMIT 1) AS r
 CROSS JOIN LATERAL (SELECT c.minus_xp, c.reached_at, c.member_id, r.skip_from - c.above AS skip_from, @max_rows::bigint AS many
          FROM (SELECT x.minus_xp, x.reached_at, x.member_id, sum(x.members) OVER (ORDER BY x.minus_xp, x.reached_at, x.member_id) - x.members AS above
                  FROM standing_blocks AS x
                 WHERE x.tenant_id = @tenant_id AND x.period = @period AND x.starts_on = @starts_on AND x.level = 1
                   AND (x.minus_xp, x.reached_at, x.member_id) >= (r.minus_xp, r.reached_at, r.member_id)
                   AND (x.minus_xp, x.reached_at, x.member_id) < (r.to_minus_xp, r.to_reached_at, r.to_member_id)) AS c
         WHERE c.above <= r.skip_from
         ORDER BY c.minus_xp DESC, c.reached_at DESC, c.member_id DESC LIMIT 1) AS f
 CROSS JOIN LATERAL (SELECT x.minus_xp, x.reached_at, x.member_id FROM standings AS x
                      WHERE x.tenant_id = @tenant_id AND x.period = @period AND x.starts_on = @starts_on AND x.minus_xp < 0
                        AND (x.minus_xp, x.reached_at, x.member_id) >= (f.minus_xp, f.reached_at, f.member_id)
                      ORDER BY x.minus_xp, x.reached_at, x.member_id
                      LIMIT f.many OFFSET f.skip_from) AS s
 CROSS JOIN LATERAL (SELECT y.external_id FROM members AS y WHERE y.tenant_id = @tenant_id AND y.id = s.member_id OFFSET 0) AS m
  LEFT JOIN LATERAL (SELECT z.available, z.debt, z.due_at FROM accounts AS z
                      WHERE z.tenant_id = @tenant_id AND z.member_id = s.member_id AND z.asset = @coins OFFSET 0) AS a ON true
  JOIN tenants AS t ON t.tenant_id = @tenant_id
 ORDER BY s.minus_xp, s.reached_at, s.member_id;

-- name: StandingRank :many
-- A member's rank with the neighbours, best first; no row where the member is not on
-- the board. Summed are the blocks of level 2 above, within that one those of level 1
-- above, and counted the places above within that.
SELECT (runs.members + blocks.members + within.members + 1 + n.step)::bigint AS rank, m.external_id, (-n.minus_xp)::bigint AS xp,
       COALESCE(a.available - a.debt, 0)::bigint AS coins, a.due_at, t.clock_offset_us
  FROM (SELECT s.minus_xp, s.reached_at, s.member_id, @around::bigint AS around
          FROM members AS u
         CROSS JOIN LATERAL (SELECT x.* FROM standings AS x
                              WHERE x.tenant_id = @tenant_id AND x.period = @period AND x.starts_on = @starts_on AND x.member_id = u.id OFFSET 0) AS s
         WHERE u.tenant_id = @tenant_id AND u.external_id = @external_id AND s.minus_xp < 0) AS me
 CROSS JOIN LATERAL (SELECT x.minus_xp, x.reached_at, x.member_id FROM standing_blocks AS x
                      WHERE x.tenant_id = @tenant_id AND x.period = @period AND x.starts_on = @starts_on AND x.level = 2
                        AND (x.minus_xp, x.reached_at, x.member_id) <= (me.minus_xp, me.reached_at, me.member_id)
                      ORDER BY x.minus_xp DESC, x.reached_at DESC, x.member_id DESC LIMIT 1) AS r
 CROSS JOIN LATERAL (SELECT x.minus_xp, x.reached_at, x.member_id FROM standing_blocks AS x
                      WHERE x.tenant_id = @tenant_id AND x.period = @period AND x.starts_on = @starts_on AND x.level = 1
                        AND (x.minus_xp, x.reached_at, x.member_id) <= (me.minus_xp, me.reached_at, me.member_id)
                      ORDER BY x.minus_xp DESC, x.reached_at DESC, x.member_id DESC LIMIT 1) AS b
 CROSS JOIN LATERAL (SELECT COALESCE(sum(x.members), 0)::bigint AS members FROM standing_blocks AS x
                      WHERE x.tenant_id = @tenant_id AND x.period = @period AND x.starts_on = @starts_on AND x.level = 2
                        AND (x.minus_xp, x.reached_at, x.member_id) < (r.minus_xp, r.reached_at, r.member_id)) AS runs
 CROSS JOIN LATERAL (SELECT COALESCE(sum(x.members), 0)::bigint AS members FROM standing_blocks AS x
                      WHERE x.tenant_id = @tenant_id AND x.period = @period AND x.starts_on = @starts_on AND x.level = 1
                        AND (x.minus_xp, x.reached_at, x.member_id) >= (r.minus_xp, r.reached_at, r.member_id)
                        AND (x.minus_xp, x.reached_at, x.member_id) < (b.minus_xp, b.reached_at, b.member_id)) AS blocks
 CROSS JOIN LATERAL (SELECT count(*) AS members FROM standings AS x
                      WHERE x.tenant_id = @tenant_id AND x.period = @period AND x.starts_on = @starts_on AND x.minus_xp < 0
                        AND (x.minus_xp, x.reached_at, x.member_id) >= (b.minus_xp, b.reached_at, b.member_id)
                        AND (x.minus_xp, x.reached_at, x.member_id) < (me.minus_xp, me.reached_at, me.member_id)) AS within
 CROSS JOIN LATERAL ((SELECT x.minus_xp, x.member_id, -row_number() OVER (ORDER BY x.minus_xp DESC, x.reached_at DESC, x.member_id DESC) AS step
                        FROM standings AS x
                       WHERE x.tenant_id = @tenant_id AND x.period = @period AND x.starts_on = @starts_on AND x.minus_xp < 0
                         AND (x.minus_xp, x.reached_at, x.member_id) < (me.minus_xp, me.reached_at, me.member_id)
                       ORDER BY x.minus_xp DESC, x.reached_at DESC, x.member_id DESC LIMIT me.around)
                     UNION ALL
                     (SELECT x.minus_xp, x.member_id, row_number() OVER (ORDER BY x.minus_xp, x.reached_at, x.member_id) - 1
                        FROM standings AS x
                       WHERE x.tenant_id = @tenant_id AND x.period = @period AND x.starts_on = @starts_on AND x.minus_xp < 0
                         AND (x.minus_xp, x.reached_at, x.member_id) >= (me.minus_xp, me.reached_at, me.member_id)
                       ORDER BY x.minus_xp, x.reached_at, x.member_id LIMIT me.around + 1)) AS n
 CROSS JOIN LATERAL (SELECT y.external_id FROM members AS y WHERE y.tenant_id = @tenant_id AND y.id = n.member_id OFFSET 0) AS m
  LEFT JOIN LATERAL (SELECT z.available, z.debt, z.due_at FROM accounts AS z
                      WHERE z.tenant_id = @tenant_id AND z.member_id = n.member_id AND z.asset = @coins OFFSET 0) AS a ON true
  JOIN tenants AS t ON t.tenant_id = @tenant_id
 ORDER BY n.step;

-- name: StandingBlockSum :one
-- How many are on a board. By standing_blocks_pk.
SELECT COALESCE(sum(members), 0)::bigint AS members FROM standing_blocks
 WHERE tenant_id = @tenant_id AND period = @period AND starts_on = @starts_on AND level = 2;

-- name: BoardLock :exec
-- Lets nobody else make a board of the tenant until the transaction ends.
SELECT pg_advisory_xact_lock(hashint8(@tenant_id::bigint), 9);

-- name: BoardInsert :exec
-- Makes a board.
INSERT INTO boards (tenant_id, id, kind, period, name, starts_on, ready, created_at)
VALUES (@tenant_id, @id, @kind, @period, @name, standing_round(@period, @created_at), @ready, @created_at);

-- name: BoardUpdateStart :exec
-- Begins anew with a board that was never opened. By boards_pk.
UPDATE boards SET starts_on = standing_round(period, @at::timestamptz) WHERE tenant_id = @tenant_id AND id = @id AND NOT ready;

-- name: BoardUpdateReady :exec
-- Opens a period's board to readers. By boards_pk.
UPDATE boards SET ready = true WHERE tenant_id = @tenant_id AND id = @id;

-- name: BoardUpdateMembers :exec
-- Tells how many a snapshot holds, from its pages. By boards_pk.
UPDATE boards SET members = (SELECT COALESCE(sum(cardinality(p.member_ids)), 0) FROM snapshot_pages AS p
                              WHERE p.tenant_id = @tenant_id AND p.board_id = @id)
 WHERE tenant_id = @tenant_id AND id = @id;

-- name: BoardGet :one
-- One board. By boards_pk.
SELECT * FROM boards WHERE tenant_id = @tenant_id AND id = @id;

-- name: BoardGetPeriod :one
-- The board of a period, and the first day of the period that an instant lies in. By
-- boards_one_per_period.
SELECT sqlc.embed(b), standing_round(b.period, @at::timestamptz)::date AS round
  FROM boards AS b WHERE b.tenant_id = @tenant_id AND b.kind = 'period' AND b.period = @period;

-- name: BoardListPeriods :many
-- The periods that have a board, with the first day of the one that an instant lies
-- in; three at most. By boards_one_per_period.
SELECT b.period, standing_round(b.period, @at::timestamptz)::date AS round FROM boards AS b
 WHERE b.tenant_id = @tenant_id AND b.kind = 'period' AND b.ready;

-- name: BoardList :many
-- Boards and snapshots, newest first; there are few. By boards_pk.
SELECT * FROM boards WHERE tenant_id = @tenant_id AND ready ORDER BY id DESC LIMIT @max_rows OFFSET @skip_rows;

-- name: BoardCount :one
-- How many boards there are, and how many snapshots that somebody asked for. By boards_pk.
SELECT count(*) AS boards, count(*) FILTER (WHERE kind = 'snapshot' AND period = 4) AS snapshots FROM boards WHERE tenant_id = @tenant_id AND ready;

-- name: BoardListClosingTenants :many
-- cross-tenant: the sweep looks for tenants with a period that is over, each by its own clock.
-- Tenants with a board whose oldest round that is not kept has ended. By boards_one_per_period.
SELECT DISTINCT t.tenant_id
  FROM boards AS b
  JOIN tenants AS t ON t.tenant_id = b.tenant_id
 WHERE b.kind = 'period' AND b.ready
   AND COALESCE(b.closes_on, standing_round_end(b.period, b.starts_on)) 
       <= standing_round(1::smallint, tenant_instant(@at::timestamptz, t.clock_offset_us));

-- name: BoardListClosingForUpdate :many
-- A tenant's boards with a round that is over and not kept, with when it began and ended, locked. By boards_one_per_period.
SELECT b.id, b.period, COALESCE(b.closes_on, standing_round_end(b.period, b.starts_on))::date AS ended,
       standing_round(b.period, (COALESCE(b.closes_on, standing_round_end(b.period, b.starts_on)) - 1)::timestamp AT TIME ZONE 'UTC')::date AS round
  FROM boards AS b
 WHERE b.tenant_id = @tenant_id AND b.kind = 'period' AND b.ready
   AND COALESCE(b.closes_on, standing_round_end(b.period, b.starts_on)) <= standing_round(1::smallint, @at::timestamptz)
 ORDER BY b.period
   FOR UPDATE OF b;

-- name: BoardUpdateClosing :exec
-- Lets a board go on to its next round that somebody is in, or else to the one that an instant lies in. By
-- boards_pk and standings_pk.
UPDATE boards AS b
   SET closes_on = standing_round_end(b.period, COALESCE(
           (SELECT min(s.starts_on) FROM standings AS s
             WHERE s.tenant_id = @tenant_id AND s.period = b.period AND s.starts_on >= @ended::date), standing_round(b.period, @at::timestamptz)))
 WHERE b.tenant_id = @tenant_id AND b.id = @id;

-- name: BoardInsertRound :exec
-- Makes the snapshot of a round that is over.
INSERT INTO boards (tenant_id, id, kind, period, name, starts_on, ready, created_at)
VALUES (@tenant_id, @id, 'snapshot', @period, @name, @starts_on, true, @created_at);

-- name: SnapshotPageCopy :exec
-- Copies the board of all time, in the order of standings_ranked, with what the
-- members have of coins. One statement sees one state, so nobody need wait.
INSERT INTO snapshot_pages (tenant_id, board_id, page, member_ids, xp, coins)
SELECT @tenant_id, @board_id, s.page, array_agg(s.member_id ORDER BY s.place), array_agg(-s.minus_xp ORDER BY s.place), array_agg(s.coins ORDER BY s.place)
  FROM (SELECT r.place, (r.place / sqlc.arg(page_size)::bigint)::integer AS page, r.member_id, r.minus_xp, COALESCE(a.available - a.debt, 0)::bigint AS coins
          FROM (SELECT x.member_id, x.minus_xp, row_number() OVER (ORDER BY x.minus_xp, x.reached_at, x.member_id) - 1 AS place
                  FROM standings AS x
                 WHERE x.tenant_id = @tenant_id AND x.period = @period AND x.starts_on = @starts_on AND x.minus_xp < 0) AS r
          LEFT JOIN LATERAL (SELECT z.available, z.debt FROM accounts AS z
                              WHERE z.tenant_id = @tenant_id AND z.member_id = r.member_id AND z.asset = @asset OFFSET 0) AS a ON true) AS s
 GROUP BY s.page
 ORDER BY s.page;

-- name: SnapshotPageList :many
-- Places first to last of a snapshot, counted from 0. By snapshot_pages_pk.
SELECT m.external_id, w.xp::bigint AS xp, w.coins::bigint AS coins
  FROM (SELECT p.page, generate_subscripts(p.member_ids, 1) AS place, unnest(p.member_ids) AS member_id, unnest(p.xp) AS xp, unnest(p.coins) AS coins
          FROM snapshot_pages AS p
         WHERE p.tenant_id = @tenant_id AND p.board_id = @board_id
           AND p.page BETWEEN sqlc.arg(first_place)::bigint / sqlc.arg(page_size)::bigint AND sqlc.arg(last_place)::bigint / sqlc.arg(page_size)::bigint) AS w
 CROSS JOIN LATERAL (SELECT y.external_id FROM members AS y WHERE y.tenant_id = @tenant_id AND y.id = w.member_id OFFSET 0) AS m
 WHERE w.page * sqlc.arg(page_size)::bigint + w.place - 1 BETWEEN sqlc.arg(first_place)::bigint AND sqlc.arg(last_place)::bigint
 ORDER BY w.page, w.place;
