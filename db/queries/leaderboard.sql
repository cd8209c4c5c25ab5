-- name: StandingMoveMany :exec
-- Lets the standings follow changes of XP accounts, whose locks the caller
-- holds. Takes the tenant's lock of standings. See standings_move.
SELECT standings_move(@tenant_id::bigint, @members::bigint[], @from_xp::bigint[], @to_xp::bigint[], @at::timestamptz[], @room::integer);
