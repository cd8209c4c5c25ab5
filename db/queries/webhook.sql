-- name: EndpointInsert :exec
-- Makes an endpoint that has seen the feed up to its end, and is not told what was committed before and has no number yet.
INSERT INTO webhook_endpoints (tenant_id, id, url, description, style, kinds, state, seen, since, failures, retry_at, worker_until, created_at, updated_at)
VALUES (@tenant_id, @id, @url, @description, @style, @kinds::smallint[], 'active', @seen,
        CASE WHEN EXISTS (SELECT FROM commits AS c WHERE c.tenant_id = @tenant_id AND c.place IS NULL AND c.kinds <> '{}')
             THEN (pg_current_wal_insert_lsn() - '0/0'::pg_lsn)::bigint ELSE 0 END,
        0, @at::timestamptz, @at, @at, @at);

-- name: EndpointGet :one
-- One endpoint that is not deleted, by webhook_endpoints_pk, with the end of the secret before the newest.
SELECT sqlc.embed(e),
       COALESCE((SELECT max(s.expires_at) FROM webhook_secrets AS s
         WHERE s.tenant_id = @tenant_id AND s.endpoint_id = e.id AND s.expires_at > @at::timestamptz), '0001-01-01Z')::timestamptz AS previous_until
  FROM webhook_endpoints AS e
 WHERE e.tenant_id = @tenant_id AND e.id = @id AND e.state <> 'deleted';

-- name: EndpointList :many
-- A tenant's endpoints that are not deleted, newest first; there are few. By webhook_endpoints_pk.
SELECT sqlc.embed(e),
       COALESCE((SELECT max(s.expires_at) FROM webhook_secrets AS s
         WHERE s.tenant_id = @tenant_id AND s.endpoint_id = e.id AND s.expires_at > @at::timestamptz), '0001-01-01Z')::timestamptz AS previous_until
  FROM webhook_endpoints AS e
 WHERE e.tenant_id = @tenant_id AND e.state <> 'deleted'
 ORDER BY e.id DESC
 LIMIT @max_rows OFFSET @skip_rows;

-- name: EndpointCount :one
-- How many endpoints EndpointList would list in all.
SELECT count(*) FROM webhook_endpoints WHERE tenant_id = @tenant_id AND state <> 'deleted';

-- name: EndpointGetForUpdate :one
-- One endpoint that is not deleted, locked, with its tenant's mode and clock. By webhook_endpoints_pk.
SELECT sqlc.embed(e), t.mode, t.clock_offset_us
  FROM webhook_endpoints AS e
  JOIN tenants AS t ON t.tenant_id = e.tenant_id
 WHERE e.tenant_id = @tenant_id AND e.id = @id AND e.state <> 'deleted'
   FOR UPDATE OF e;

-- name: EndpointTakeForUpdate :one
-- The same where nobody holds it: who does, sees to it. By webhook_endpoints_pk.
SELECT sqlc.embed(e), t.mode, t.clock_offset_us
  FROM webhook_endpoints AS e
  JOIN tenants AS t ON t.tenant_id = e.tenant_id
 WHERE e.tenant_id = @tenant_id AND e.id = @id AND e.state = 'active'
   FOR UPDATE OF e SKIP LOCKED;

-- name: EndpointUpdate :exec
-- Stores what a caller may change, and what that resets.
UPDATE webhook_endpoints
   SET url = @url, description = @description, kinds = @kinds::smallint[], state = @state, reason = @reason, failures = @failures,
       failing_since = @failing_since, retry_at = @retry_at, updated_at = @updated_at
 WHERE tenant_id = @tenant_id AND id = @id;

-- name: EndpointUpdateWork :exec
-- Stores how far an endpoint is, how it is, and who works on it.
UPDATE webhook_endpoints
   SET seen = @seen, since = @since, state = @state, reason = @reason, failures = @failures, failing_since = @failing_since, retry_at = @retry_at,
       worker = @worker, worker_until = @worker_until, updated_at = @updated_at
 WHERE tenant_id = @tenant_id AND id = @id;

-- name: EndpointListReady :many
-- cross-tenant: every process looks after all tenants. Endpoints nobody works on
-- that have something to be told: events behind what they have seen, or deliveries
-- that are due. By webhook_endpoints_active, each looked at by indexes. One tenant's only, where it is given.
SELECT e.tenant_id, e.id
  FROM webhook_endpoints AS e
 CROSS JOIN LATERAL (SELECT (sqlc.arg('at')::timestamptz + x.clock_offset_us * interval '1 microsecond')::timestamptz AS instant
                       FROM tenants AS x WHERE x.tenant_id = e.tenant_id OFFSET 0) AS t
 WHERE e.state = 'active' AND e.worker_until <= t.instant AND e.retry_at <= t.instant
   AND e.tenant_id >= @from_tenant_id::bigint AND e.tenant_id <= @to_tenant_id::bigint
   AND (EXISTS (SELECT FROM feeds AS f WHERE f.tenant_id = e.tenant_id AND f.next > e.seen + 1)
     OR EXISTS (SELECT FROM commits AS c WHERE c.tenant_id = e.tenant_id AND c.place IS NULL AND c.kinds <> '{}')
     OR EXISTS (SELECT FROM webhook_deliveries AS d
                 WHERE d.tenant_id = e.tenant_id AND d.endpoint_id = e.id AND d.state = 'pending' AND d.due_at <= t.instant))
 ORDER BY e.worker_until
 LIMIT @max_rows;

-- name: EndpointListDeleted :many
-- cross-tenant: what deleted endpoints left is removed for all tenants. By webhook_endpoints_deleted.
SELECT tenant_id, id FROM webhook_endpoints WHERE state = 'deleted' LIMIT @max_rows;

-- name: EndpointDelete :exec
-- Removes an endpoint that nothing is left of.
DELETE FROM webhook_endpoints AS e
 WHERE e.tenant_id = @tenant_id AND e.id = @id AND e.state = 'deleted'
   AND NOT EXISTS (SELECT FROM webhook_deliveries AS d WHERE d.tenant_id = @tenant_id AND d.endpoint_id = @id);

-- name: EndpointFindUntold :one
-- An endpoint that has seen more than there is, or nothing.
SELECT e.id, format('has seen event %s of %s', e.seen, COALESCE(f.next, 1) - 1)::text AS says
  FROM webhook_endpoints AS e
  LEFT JOIN feeds AS f ON f.tenant_id = e.tenant_id
 WHERE e.tenant_id = @tenant_id AND (e.seen < 0 OR e.seen >= COALESCE(f.next, 1))
 LIMIT 1;

-- name: EndpointSecretInsert :exec
-- Adds a secret to an endpoint.
INSERT INTO webhook_secrets (tenant_id, endpoint_id, id, sealed, created_at) VALUES (@tenant_id, @endpoint_id, @id, @sealed, @created_at);

-- name: EndpointSecretExpire :exec
-- Ends an endpoint's secrets but one: the one in use at an instant, those of earlier rotations now.
UPDATE webhook_secrets
   SET expires_at = CASE WHEN expires_at IS NULL THEN @expires_at::timestamptz ELSE LEAST(expires_at, @at::timestamptz) END
 WHERE tenant_id = @tenant_id AND endpoint_id = @endpoint_id AND id <> @keep_id;

-- name: EndpointSecretDeleteEnded :exec
-- Forgets secrets that ended.
DELETE FROM webhook_secrets WHERE tenant_id = @tenant_id AND endpoint_id = @endpoint_id AND expires_at <= @at::timestamptz;

-- name: EndpointSecretDeleteAll :exec
-- Forgets all secrets of an endpoint.
DELETE FROM webhook_secrets WHERE tenant_id = @tenant_id AND endpoint_id = @endpoint_id;

-- name: EndpointSecretList :many
-- The live secrets of an endpoint, newest first. By webhook_secrets_pk.
SELECT s.id, s.sealed FROM webhook_secrets AS s
 WHERE s.tenant_id = @tenant_id AND s.endpoint_id = @endpoint_id AND (s.expires_at IS NULL OR s.expires_at > @at::timestamptz)
 ORDER BY s.id DESC;

-- name: DeliveryInsertMany :exec
-- Makes the deliveries of new events, due at once.
INSERT INTO webhook_deliveries (tenant_id, endpoint_id, number, kind, state, attempts, due_at, created_at)
SELECT @tenant_id, @endpoint_id, unnest(@numbers::bigint[]), unnest(@kinds::smallint[]), 'pending', 0, @at::timestamptz, @at
ON CONFLICT (tenant_id, endpoint_id, number) DO NOTHING;

-- name: DeliveryUpsertMany :exec
-- Makes deliveries of events again, or for the first time, due at once.
INSERT INTO webhook_deliveries AS d (tenant_id, endpoint_id, number, kind, state, attempts, due_at, created_at)
SELECT @tenant_id, @endpoint_id, unnest(@numbers::bigint[]), unnest(@kinds::smallint[]), 'pending', 0, @at::timestamptz, @at
ON CONFLICT (tenant_id, endpoint_id, number) DO UPDATE SET state = 'pending', attempts = 0, due_at = @at;

-- name: DeliveryUpdateFailed :execrows
-- Makes deliveries that were given up due again: of those attempted last at or after an instant those of
-- the oldest events. By webhook_deliveries_failed, twice.
UPDATE webhook_deliveries AS d
   SET state = 'pending', attempts = 0, due_at = @at::timestamptz
 WHERE d.tenant_id = @tenant_id AND d.endpoint_id = @endpoint_id AND d.state = 'failed' AND d.attempted_at >= @since::timestamptz
   AND d.number <= (SELECT max(w.number) FROM (SELECT x.number FROM webhook_deliveries AS x
                     WHERE x.tenant_id = @tenant_id AND x.endpoint_id = @endpoint_id AND x.state = 'failed' AND x.attempted_at >= @since
                     ORDER BY x.number LIMIT @max_rows) AS w);

-- name: DeliveryExistsDue :one
-- Whether a delivery of an endpoint is due. By webhook_deliveries_due.
SELECT EXISTS (SELECT FROM webhook_deliveries AS d
                WHERE d.tenant_id = @tenant_id AND d.endpoint_id = @endpoint_id AND d.state = 'pending' AND d.due_at <= @at::timestamptz);

-- name: DeliveryListDue :many
-- Deliveries of an endpoint that are due, those that wait longest first. By webhook_deliveries_due.
SELECT d.number, d.kind, d.attempts, d.created_at FROM webhook_deliveries AS d
 WHERE d.tenant_id = @tenant_id AND d.endpoint_id = @endpoint_id AND d.state = 'pending' AND d.due_at <= @at::timestamptz
 ORDER BY d.due_at, d.number
 LIMIT @max_rows;

-- name: DeliveryUpsertAttempted :exec
-- Marks what attempts came to. The rows are there, so nothing is ever inserted: it is the way to find each by
-- webhook_deliveries_pk whatever the plan.
INSERT INTO webhook_deliveries AS d (tenant_id, endpoint_id, number, kind, state, attempts, due_at, created_at, attempted_at, status, problem,
       duration_ms, request_head, response_head)
SELECT @tenant_id, @endpoint_id, w.number, w.kind, w.state, w.attempts, w.due_at, w.created_at, w.attempted_at, NULLIF(w.status, 0), NULLIF(w.problem, ''),
       w.duration_ms, NULLIF(w.request_head, '')::json, NULLIF(w.response_head, '')::json
  FROM (SELECT unnest(@numbers::bigint[]) AS number, unnest(@kinds::smallint[]) AS kind, unnest(@states::text[]) AS state,
               unnest(@attempts::smallint[]) AS attempts, unnest(@due_ats::timestamptz[]) AS due_at, unnest(@created_ats::timestamptz[]) AS created_at,
               unnest(@attempted_ats::timestamptz[]) AS attempted_at, unnest(@statuses::smallint[]) AS status, unnest(@problems::text[]) AS problem,
               unnest(@durations_ms::integer[]) AS duration_ms, unnest(@request_heads::text[]) AS request_head,
               unnest(@response_heads::text[]) AS response_head) AS w
ON CONFLICT (tenant_id, endpoint_id, number) DO UPDATE
   SET state = excluded.state, attempts = excluded.attempts, due_at = excluded.due_at, attempted_at = excluded.attempted_at, status = excluded.status,
       problem = excluded.problem, duration_ms = excluded.duration_ms, request_head = excluded.request_head, response_head = excluded.response_head
 WHERE d.state = 'pending';

-- name: DeliveryGet :one
-- One delivery, by webhook_deliveries_pk.
SELECT * FROM webhook_deliveries WHERE tenant_id = @tenant_id AND endpoint_id = @endpoint_id AND number = @number;

-- name: DeliveryList :many
-- Deliveries of an endpoint below a number, newest events first, optionally of one state: pending and
-- failed ones have queries of their own. By webhook_deliveries_pk.
SELECT * FROM webhook_deliveries
 WHERE tenant_id = @tenant_id AND endpoint_id = @endpoint_id AND number < @before AND (sqlc.narg('state')::text IS NULL OR state = sqlc.narg('state'))
 ORDER BY number DESC
 LIMIT @max_rows;

-- name: DeliveryListFailed :many
-- The same of those that were given up. By webhook_deliveries_failed.
SELECT * FROM webhook_deliveries
 WHERE tenant_id = @tenant_id AND endpoint_id = @endpoint_id AND number < @before AND state = 'failed'
 ORDER BY number DESC
 LIMIT @max_rows;

-- name: DeliveryListPending :many
-- The same of those on their way. By webhook_deliveries_due, all of it.
SELECT * FROM webhook_deliveries
 WHERE tenant_id = @tenant_id AND endpoint_id = @endpoint_id AND number < @before AND state = 'pending'
 ORDER BY number DESC
 LIMIT @max_rows;

-- name: DeliveryDeleteMany :execrows
-- Removes deliveries of a deleted endpoint, those of the oldest events. By webhook_deliveries_pk, twice.
DELETE FROM webhook_deliveries AS d
 WHERE d.tenant_id = @tenant_id AND d.endpoint_id = @endpoint_id
   AND d.number <= (SELECT max(w.number) FROM (SELECT x.number FROM webhook_deliveries AS x
                     WHERE x.tenant_id = @tenant_id AND x.endpoint_id = @endpoint_id ORDER BY x.number LIMIT @max_rows) AS w);

-- name: DeliveryListOldTenants :many
-- cross-tenant: the sweep looks for tenants with deliveries to forget, each by its own clock.
-- Tenants with a delivery that was settled before an instant. One look into webhook_deliveries_settled for each.
SELECT t.tenant_id
  FROM tenants AS t
 WHERE EXISTS (SELECT 1 FROM webhook_deliveries AS d
                WHERE d.tenant_id = t.tenant_id AND d.state <> 'pending' AND d.attempted_at < tenant_instant(@before::timestamptz, t.clock_offset_us));

-- name: DeliveryDeleteOld :execrows
-- Forgets deliveries that were settled before an instant: so many of the oldest, and those marked together with
-- the last of them. By webhook_deliveries_settled, twice.
DELETE FROM webhook_deliveries AS d
 WHERE d.tenant_id = @tenant_id AND d.state <> 'pending'
   AND d.attempted_at <= (SELECT max(w.attempted_at) FROM (SELECT x.attempted_at FROM webhook_deliveries AS x
                           WHERE x.tenant_id = @tenant_id AND x.state <> 'pending' AND x.attempted_at < @before::timestamptz
                           ORDER BY x.attempted_at LIMIT @max_rows) AS w);

-- name: DeliveryFindEventless :one
-- A delivery of an event that is not in the feed, or is another one there. By commits_place_unique.
SELECT d.endpoint_id, d.number, format('is of kind %s, the feed has %s', d.kind, COALESCE(c.kind::text, 'nothing'))::text AS says
  FROM webhook_deliveries AS d
  LEFT JOIN LATERAL (SELECT x.kinds[(d.number - x.place + 1)::integer] AS kind FROM commits AS x
                      WHERE x.tenant_id = d.tenant_id AND x.place <= d.number ORDER BY x.place DESC LIMIT 1) AS c ON true
 WHERE d.tenant_id = @tenant_id AND d.number > 0 AND c.kind IS DISTINCT FROM d.kind
 LIMIT 1;

-- name: DeliveryFindUnmade :one
-- A delivery of no endpoint, of an event its endpoint has not seen, or one that is done and never was attempted.
SELECT d.endpoint_id, d.number,
       (CASE WHEN e.id IS NULL THEN 'belongs to no endpoint' WHEN d.number > e.seen THEN 'is of an event that its endpoint has not seen'
             ELSE 'is settled without an attempt' END)::text AS says
  FROM webhook_deliveries AS d
  LEFT JOIN webhook_endpoints AS e ON e.tenant_id = d.tenant_id AND e.id = d.endpoint_id
 WHERE d.tenant_id = @tenant_id
   AND (e.id IS NULL OR d.number > e.seen OR d.state <> 'pending' AND d.attempted_at IS NULL OR d.state = 'delivered' AND COALESCE(d.status, 0) NOT BETWEEN 200 AND 299)
 LIMIT 1;
