-- name: IdempotencyGetMany :many
-- What was answered under the given keys, of which their hashes are stored. By idempotency_keys_pk.
SELECT i.key, i.request_hash, i.status, i.body FROM idempotency_keys AS i WHERE i.tenant_id = @tenant_id AND i.key = ANY(@keys::bytea[]);

-- name: IdempotencyInsertMany :exec
-- Keeps answers, in the order of the keys so that two servers cannot deadlock.
-- A key that a twin took first fails the transaction (idempotency_keys_pk).
INSERT INTO idempotency_keys (tenant_id, key, request_hash, status, body, created_at)
SELECT @tenant_id, w.key, w.request_hash, w.status, w.body, @at::timestamptz
  FROM (SELECT unnest(@keys::bytea[]) AS key, unnest(@request_hashes::bytea[]) AS request_hash,
               unnest(@statuses::smallint[]) AS status, unnest(@bodies::bytea[]) AS body) AS w
 ORDER BY w.key;
