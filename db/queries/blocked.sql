-- name: BlockedInsert :exec
-- Puts a trait on the block list; blocked_pk refuses it twice.
INSERT INTO blocked (tenant_id, kind, value, id, note, created_at) VALUES (@tenant_id, @kind, @value, @id, @note, @created_at);

-- name: BlockedList :many
-- The block list, newest first. By blocked_by_id.
SELECT * FROM blocked
 WHERE tenant_id = @tenant_id AND (sqlc.narg('kind')::text IS NULL OR kind = sqlc.narg('kind'))
 ORDER BY id DESC
 LIMIT @max_rows OFFSET @skip_rows;

-- name: BlockedCount :one
-- How many entries BlockedList would list in all.
SELECT count(*) FROM blocked WHERE tenant_id = @tenant_id AND (sqlc.narg('kind')::text IS NULL OR kind = sqlc.narg('kind'));

-- name: BlockedDelete :execrows
-- Takes an entry off the block list. By blocked_by_id.
DELETE FROM blocked WHERE tenant_id = @tenant_id AND id = @id;
