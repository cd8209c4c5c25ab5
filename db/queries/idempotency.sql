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

-- name: IdempotencyDeleteOld :execrows
-- cross-tenant: a key's age is the same for everybody.
-- Forgets answers that were kept before an instant, so many at a time; what another process deletes is left to
-- it. By idempotency_keys_age.
DELETE FROM idempotency_keys AS k
 USING (SELECT i.tenant_id, i.key FROM idempotency_keys AS i
         WHERE i.created_at < @before::timestamptz
         LIMIT @max_rows
           FOR UPDATE SKIP LOCKED) AS old
 WHERE k.tenant_id = old.tenant_id AND k.key = old.key;
