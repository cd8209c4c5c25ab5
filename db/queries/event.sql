-- name: CommitInsert :exec
-- Appends a transaction's row to the journal. The end of the write-ahead log is
-- read when the statement runs, under the locks that its transaction holds: one
-- that waited for another's lock draws a later place than the other did.
INSERT INTO commits (tenant_id, id, at, drawn, kinds, members, assets, seqs, objects, facts, moved_members, moved_assets, moved_seqs, leaves, block)
VALUES (@tenant_id, @id, @at::timestamptz, (pg_current_wal_insert_lsn() - '0/0'::pg_lsn)::bigint,
        @kinds::smallint[], @members::bigint[], @assets::smallint[], @seqs::bigint[], @objects::uuid[], @facts::json,
        @moved_members::bigint[], @moved_assets::smallint[], @moved_seqs::bigint[], @leaves::bytea, sqlc.narg('block')::bigint);

-- name: CommitListUnsequenced :many
-- Commits without a place in the feed, in the order in which they were drawn. By commits_unsequenced.
SELECT c.id, cardinality(c.kinds)::bigint AS events
  FROM commits AS c
 WHERE c.tenant_id = @tenant_id AND c.place IS NULL AND c.kinds <> '{}'
 ORDER BY c.drawn, c.id
 LIMIT @max_rows;

-- name: CommitUpdatePlaceMany :exec
-- Gives commits their places. By commits_pk (see ActivityInsertMany); the feed's row is
-- locked.
UPDATE commits AS c SET place = w.place
  FROM (SELECT @tenant_id::bigint AS tenant_id, unnest(@ids::uuid[]) AS id, unnest(@places::bigint[]) AS place) AS w
 WHERE c.tenant_id = w.tenant_id AND c.id = w.id AND c.place IS NULL;

-- name: CommitListAfter :many
-- Sequenced commits from the one that holds event number @number on. By commits_place_unique.
SELECT c.place::bigint AS place, c.at, c.kinds, c.members, c.assets, c.seqs, c.objects, c.facts
  FROM commits AS c
 WHERE c.tenant_id = @tenant_id
   AND c.place >= COALESCE((SELECT max(p.place) FROM commits AS p WHERE p.tenant_id = @tenant_id AND p.place <= @number::bigint), 0)
 ORDER BY c.place
 LIMIT @max_rows;

-- name: FeedInsert :exec
-- Makes the tenant's feed where it has none.
INSERT INTO feeds (tenant_id, next) VALUES (@tenant_id, 1) ON CONFLICT (tenant_id) DO NOTHING;

-- name: FeedGetForUpdate :one
-- The number of the next event; whoever holds the row gives places.
SELECT f.next FROM feeds AS f WHERE f.tenant_id = @tenant_id FOR UPDATE;

-- name: FeedUpdate :exec
-- Moves the end of the feed.
UPDATE feeds SET next = @next WHERE tenant_id = @tenant_id;

-- name: TransferListTold :many
-- The transfers that events name, each with its member. By transfers_pk and members_pk.
SELECT t.member_id, t.asset, t.seq, m.external_id, t.amount, (t.available_after - t.debt_after)::bigint AS balance_after,
       m.memo_key, t.memo, t.created_at
  FROM (SELECT unnest(@member_ids::bigint[]) AS member_id, unnest(@assets::smallint[]) AS asset, unnest(@seqs::bigint[]) AS seq) AS w
 CROSS JOIN LATERAL (SELECT x.* FROM transfers AS x
                      WHERE x.tenant_id = @tenant_id AND x.member_id = w.member_id AND x.asset = w.asset AND x.seq = w.seq OFFSET 0) AS t
 CROSS JOIN LATERAL (SELECT y.external_id, y.memo_key FROM members AS y WHERE y.tenant_id = @tenant_id AND y.id = w.member_id OFFSET 0) AS m;

-- name: CommitListUnsequencedTenants :many
-- cross-tenant: the sweep looks for tenants whose events want numbers.
-- Tenants with commits that have no place in the feed yet. One look into commits_unsequenced for each tenant.
SELECT t.tenant_id
  FROM tenants AS t
 CROSS JOIN LATERAL (SELECT 1 FROM commits AS c WHERE c.tenant_id = t.tenant_id AND c.place IS NULL AND c.kinds <> '{}' LIMIT 1) AS d;

-- name: CommitListUnsealedTenants :many
-- cross-tenant: the sweep looks for tenants whose transfers want sealing.
-- Tenants with commits that no block seals yet. One look into commits_unsealed for each tenant.
SELECT t.tenant_id
  FROM tenants AS t
 CROSS JOIN LATERAL (SELECT 1 FROM commits AS c WHERE c.tenant_id = t.tenant_id AND c.block IS NULL LIMIT 1) AS d;

-- name: CommitListUnsealedForUpdate :many
-- Commits that no block seals yet, in the order in which they were drawn, locked. One that is being given its
-- place in the feed is left for later. By commits_unsealed.
SELECT c.id, c.members, c.assets, c.seqs, COALESCE(c.moved_members, '{}')::bigint[] AS moved_members,
       COALESCE(c.moved_assets, '{}')::smallint[] AS moved_assets, COALESCE(c.moved_seqs, '{}')::bigint[] AS moved_seqs,
       c.leaves
  FROM commits AS c
 WHERE c.tenant_id = @tenant_id AND c.block IS NULL
 ORDER BY c.drawn, c.id
 LIMIT @max_rows
   FOR UPDATE SKIP LOCKED;

-- name: CommitUpdateBlock :exec
-- Notes which block seals locked commits, and forgets what it took from them. By commits_pk.
UPDATE commits SET block = @block::bigint, leaves = NULL WHERE tenant_id = @tenant_id AND id = ANY(@ids::uuid[]);

-- name: CommitListHeads :many
-- What kinds of events sequenced commits hold, from the one with event number @number on. By commits_place_unique.
SELECT c.place::bigint AS place, c.drawn, c.kinds
  FROM commits AS c
 WHERE c.tenant_id = @tenant_id
   AND c.place >= COALESCE((SELECT max(p.place) FROM commits AS p WHERE p.tenant_id = @tenant_id AND p.place <= @number::bigint), 0)
 ORDER BY c.place
 LIMIT @max_rows;

-- name: CommitListHolding :many
-- The sequenced commits that hold events of these numbers, each once. By commits_place_unique.
SELECT c.place::bigint AS place, c.at, c.kinds, c.members, c.assets, c.seqs, c.objects, c.facts
  FROM (SELECT DISTINCT p.place
          FROM (SELECT unnest(@numbers::bigint[]) AS number) AS n
         CROSS JOIN LATERAL (SELECT x.place FROM commits AS x
                              WHERE x.tenant_id = @tenant_id AND x.place <= n.number ORDER BY x.place DESC LIMIT 1) AS p) AS w
 CROSS JOIN LATERAL (SELECT y.* FROM commits AS y WHERE y.tenant_id = @tenant_id AND y.place = w.place OFFSET 0) AS c
 ORDER BY c.place;

-- name: FeedGetEnd :one
-- The number of the next event, unlocked.
SELECT f.next FROM feeds AS f WHERE f.tenant_id = @tenant_id;
