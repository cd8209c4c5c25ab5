-- name: PoolInsert :exec
-- Makes a code pool.
INSERT INTO code_pools (tenant_id, id, name, mode, created_at) VALUES (@tenant_id, @id, @name, @mode, @created_at);

-- name: PoolGet :one
-- One pool with its counts, by code_pools_pk.
SELECT * FROM code_pools WHERE tenant_id = @tenant_id AND id = @id;

-- name: PoolFind :one
-- One pool by name, by code_pools_name_unique.
SELECT * FROM code_pools WHERE tenant_id = @tenant_id AND name = @name;

-- name: PoolListForUpdate :many
-- The named pools, locked in the order of their ids. By code_pools_pk.
SELECT * FROM code_pools WHERE tenant_id = @tenant_id AND id = ANY(@ids::text[]) ORDER BY id FOR UPDATE;

-- name: PoolList :many
-- Pools, newest first; there are few. By code_pools_pk, whose ids ascend with time.
SELECT * FROM code_pools WHERE tenant_id = @tenant_id ORDER BY id DESC LIMIT @max_rows OFFSET @skip_rows;

-- name: PoolCount :one
-- How many pools a tenant has.
SELECT count(*) FROM code_pools WHERE tenant_id = @tenant_id;

-- name: PoolUpdateCounts :exec
-- Moves the counts of a locked pool. One that takes codes in may run out again.
UPDATE code_pools
   SET available = available + @available::bigint, issued = issued + @issued::bigint, voided = voided + @voided::bigint,
       told_empty_at = CASE WHEN @available::bigint <= 0 THEN told_empty_at END
 WHERE tenant_id = @tenant_id AND id = @id;

-- name: PoolMarkEmpty :exec
-- Notes that a locked pool's running out was told.
UPDATE code_pools SET told_empty_at = @at::timestamptz WHERE tenant_id = @tenant_id AND id = @id;

-- name: CodeInsertMany :many
-- Takes codes into a pool; those the tenant has already are left out. Answers the new ones.
INSERT INTO codes (tenant_id, id, pool_id, code, state)
SELECT @tenant_id, w.id, @pool_id, w.code, 'available'
  FROM (SELECT unnest(@ids::bigint[]) AS id, unnest(@codes::text[]) AS code) AS w
 ORDER BY w.code, w.id
    ON CONFLICT (tenant_id, code) DO NOTHING
RETURNING id;

-- name: CodeInsertIssued :exec
-- Keeps codes that were generated for orders; codes_unique refuses a repetition.
INSERT INTO codes (tenant_id, id, pool_id, code, state, order_id)
SELECT @tenant_id, unnest(@ids::bigint[]), unnest(@pool_ids::text[]), unnest(@codes::text[]), 'issued', unnest(@order_ids::uuid[]);

-- name: CodeListAvailable :many
-- The next codes of a locked pool. By codes_available.
SELECT id, code FROM codes WHERE tenant_id = @tenant_id AND pool_id = @pool_id AND state = 'available' ORDER BY id LIMIT @max_rows;

-- name: CodeUpdateIssued :exec
-- Hands codes of locked pools to orders. They exist, so every row meets itself by codes_pk.
INSERT INTO codes (tenant_id, id, pool_id, code, state, order_id)
SELECT @tenant_id, unnest(@ids::bigint[]), unnest(@pool_ids::text[]), unnest(@codes::text[]), 'issued', unnest(@order_ids::uuid[])
    ON CONFLICT (tenant_id, id) DO UPDATE SET state = excluded.state, order_id = excluded.order_id;

-- name: CodeUpdateVoided :many
-- Makes an order's codes void; answers their pools. By codes_by_order.
UPDATE codes SET state = 'voided' WHERE tenant_id = @tenant_id AND order_id = @order_id AND state = 'issued' RETURNING pool_id;

-- name: CodeListAvailableForReward :many
-- The next codes of a locked pool that a reward may have: the codes of rewards
-- are compared without regard to case, so one that differs from a handed out
-- one by case alone is left to orders. By codes_available and rewards_code_unique.
SELECT c.id, c.code
  FROM codes AS c
 WHERE c.tenant_id = @tenant_id AND c.pool_id = @pool_id AND c.state = 'available'
   AND NOT EXISTS (SELECT 1 FROM rewards AS r WHERE r.tenant_id = @tenant_id AND r.code IS NOT NULL AND upper(r.code) = upper(c.code))
 ORDER BY c.id LIMIT @max_rows;

-- name: CodeUpdateIssuedToReward :exec
-- Hands codes of a locked pool to a reward. By codes_pk.
UPDATE codes SET state = 'issued', reward_id = @reward_id
 WHERE tenant_id = @tenant_id AND id = ANY(@ids::bigint[]) AND state = 'available';

-- name: CodeInsertIssuedToReward :exec
-- Keeps codes that were generated for a reward; codes_unique refuses a repetition.
INSERT INTO codes (tenant_id, id, pool_id, code, state, reward_id)
SELECT @tenant_id, unnest(@ids::bigint[]), @pool_id, unnest(@codes::text[]), 'issued', @reward_id;

-- name: CodeUpdateVoidedOfReward :exec
-- Makes a reward's code void; its pool is locked. By codes_unique.
UPDATE codes SET state = 'voided' WHERE tenant_id = @tenant_id AND code = @code AND reward_id = @reward_id AND state = 'issued';
