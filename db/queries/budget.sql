-- name: BudgetTake :one
-- Takes up to so many calls of a window's budget, of what is left at most a
-- sixteenth, rounded up; the fresh portion is that of a new window. A later window starts
-- the budget anew, an earlier one takes part in the window that is on. By budgets_pk.
INSERT INTO budgets AS b (tenant_id, key_id, starts_at, taken, portion)
VALUES (@tenant_id, @key_id, @starts_at::timestamptz, @fresh_portion::bigint, @fresh_portion::bigint)
    ON CONFLICT (tenant_id, key_id) DO UPDATE
   SET starts_at = GREATEST(b.starts_at, excluded.starts_at),
       taken = CASE WHEN excluded.starts_at > b.starts_at THEN excluded.taken
                    ELSE b.taken + GREATEST(LEAST((15 - b.taken + sqlc.arg(budget)::bigint) / 16, @wanted::bigint), 0) END,
       portion = CASE WHEN excluded.starts_at > b.starts_at THEN excluded.taken
                      ELSE GREATEST(LEAST((15 - b.taken + sqlc.arg(budget)::bigint) / 16, @wanted::bigint), 0) END,
       exceeded_at = CASE WHEN excluded.starts_at > b.starts_at THEN NULL ELSE b.exceeded_at END
RETURNING starts_at, taken, portion;

-- name: BudgetRelease :exec
-- Returns calls that a stopping server took and did not use, while their window is on. By budgets_pk.
UPDATE budgets SET taken = taken - @unused WHERE tenant_id = @tenant_id AND key_id = @key_id AND starts_at = @starts_at::timestamptz;

-- name: BudgetMarkExceeded :execrows
-- Notes that the budget of a window was exceeded; one row for whoever is first. By budgets_pk.
UPDATE budgets SET exceeded_at = @at::timestamptz
 WHERE tenant_id = @tenant_id AND key_id = @key_id AND starts_at = @starts_at::timestamptz AND exceeded_at IS NULL;
