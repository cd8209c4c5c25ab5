-- name: SweepLock :one
-- Takes a sweep of a tenant (0: of the server) for this transaction, or tells that another process has it.
SELECT pg_try_advisory_xact_lock(hashtextextended(@sweep::text, @tenant_id::bigint))::boolean AS ours;
