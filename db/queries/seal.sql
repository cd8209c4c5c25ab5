-- name: ChainInsert :exec
-- Begins a tenant's chain where it has none.
INSERT INTO chains (tenant_id, blocks, hash) VALUES (@tenant_id, 0, @hash) ON CONFLICT (tenant_id) DO NOTHING;

-- name: ChainGetForUpdate :one
-- The end of a tenant's chain; whoever holds the row appends. By chains_pk.
SELECT c.blocks, c.hash FROM chains AS c WHERE c.tenant_id = @tenant_id FOR UPDATE;

-- name: ChainGet :one
-- The same, to look at.
SELECT c.blocks, c.hash FROM chains AS c WHERE c.tenant_id = @tenant_id;

-- name: ChainUpdate :exec
-- Moves the end of the chain.
UPDATE chains SET blocks = @blocks, hash = @hash WHERE tenant_id = @tenant_id;

-- name: SealedBlockInsert :exec
-- Appends a block.
INSERT INTO sealed_blocks (tenant_id, number, previous, hash, members, assets, seqs, marks, sealed_at)
VALUES (@tenant_id, @number, @previous, @hash, @members::bigint[], @assets::smallint[], @seqs::bigint[], @marks, @sealed_at);

-- name: SealedBlockListAfter :many
-- Blocks behind a number, in order. By sealed_blocks_pk.
SELECT b.number, b.previous, b.hash, b.members, b.assets, b.seqs, b.marks
  FROM sealed_blocks AS b
 WHERE b.tenant_id = @tenant_id AND b.number > @number
 ORDER BY b.number
 LIMIT @max_rows;

-- name: TransferListSealed :many
-- Each named transfer's own hash, in the order named; of one that is missing, no bytes. By transfers_pk. Hashed
-- is everything, the memo as it is sealed: an erasure destroys its key and leaves its bytes. Each column has a fixed
-- length, or says first whether it is there, or is the last one, so no two rows render the same bytes.
SELECT COALESCE(t.leaf, '')::bytea AS leaf
  FROM (SELECT unnest(@members::bigint[]) AS member_id, unnest(@assets::smallint[]) AS asset, unnest(@seqs::bigint[]) AS seq,
               generate_subscripts(@members::bigint[], 1) AS place) AS w
  LEFT JOIN LATERAL (SELECT sha256(int8send(x.tenant_id) || int8send(x.member_id) || int2send(x.asset) || int8send(x.seq)
                                || int2send(x.kind) || int2send(x.from_account) || int2send(x.to_account) || int8send(x.amount)
                                || int8send(x.available_after) || int8send(x.pending_after) || int8send(x.debt_after)
                                || int8send(x.awards) || int8send(x.redeems) || int8send(x.deducts) || int8send(x.expires)
                                || COALESCE('\x01'::bytea || int8send(x.cause_seq), '\x00'::bytea)
                                || COALESCE('\x01'::bytea || uuid_send(x.cause_id), '\x00'::bytea)
                                || timestamptz_send(x.created_at) || x.memo) AS leaf
                       FROM transfers AS x
                      WHERE x.tenant_id = @tenant_id AND x.member_id = w.member_id AND x.asset = w.asset AND x.seq = w.seq OFFSET 0) AS t ON true
 ORDER BY w.place;

-- name: TransferFindUnnamed :one
-- Invariant 11: a transfer that no commit names: it was put into the books past the product.
WITH named AS MATERIALIZED (
    SELECT unnest(c.members) AS member_id, unnest(c.assets) AS asset, unnest(c.seqs) AS seq FROM commits AS c WHERE c.tenant_id = @tenant_id
    UNION ALL
    SELECT unnest(c.moved_members), unnest(c.moved_assets), unnest(c.moved_seqs) FROM commits AS c WHERE c.tenant_id = @tenant_id),
bad AS MATERIALIZED (
    SELECT t.member_id, t.asset, t.seq
      FROM transfers AS t
      LEFT JOIN named AS n ON n.member_id = t.member_id AND n.asset = t.asset AND n.seq = t.seq
     WHERE t.tenant_id = @tenant_id AND n.seq IS NULL)
SELECT b.member_id, b.asset, b.seq, 'is named by no commit'::text AS says FROM bad AS b ORDER BY b.member_id, b.asset, b.seq LIMIT 1;

-- name: TransferFindUnsealed :one
-- Invariant 11: a transfer of a commit that claims to be sealed, which its block does not hold.
WITH claimed AS MATERIALIZED (
    SELECT u.block, u.member_id, u.asset, u.seq
      FROM (SELECT c.block, unnest(c.members) AS member_id, unnest(c.assets) AS asset, unnest(c.seqs) AS seq
              FROM commits AS c WHERE c.tenant_id = @tenant_id AND c.block > 0
            UNION ALL
            SELECT c.block, unnest(c.moved_members), unnest(c.moved_assets), unnest(c.moved_seqs)
              FROM commits AS c WHERE c.tenant_id = @tenant_id AND c.block > 0) AS u
     WHERE u.asset > 0),
held AS MATERIALIZED (
    SELECT b.number, unnest(b.members) AS member_id, unnest(b.assets) AS asset, unnest(b.seqs) AS seq
      FROM sealed_blocks AS b WHERE b.tenant_id = @tenant_id),
bad AS MATERIALIZED (
    SELECT c.member_id, c.asset, c.seq, format('should be in block %s, which does not hold it', c.block)::text AS says
      FROM claimed AS c
      LEFT JOIN held AS h ON h.number = c.block AND h.member_id = c.member_id AND h.asset = c.asset AND h.seq = c.seq
     WHERE h.number IS NULL)
SELECT b.member_id::bigint AS member_id, b.asset::smallint AS asset, b.seq::bigint AS seq, b.says FROM bad AS b ORDER BY b.member_id, b.asset, b.seq LIMIT 1;
