SET lock_timeout = '5s';

-- tenant_instant is what time it is for a tenant when it is p_at for us.
CREATE FUNCTION tenant_instant(p_at timestamptz, p_clock_offset_us bigint) RETURNS timestamptz LANGUAGE sql STABLE AS $$
    SELECT p_at + p_clock_offset_us * interval '1 microsecond'
$$;

-- Whether the member was warned of a lot's expiry, so that the sweep finds those
-- that were not without walking past those that were.
ALTER TABLE lots
    ADD COLUMN warned boolean NOT NULL DEFAULT false; -- true: expiry_warnings knows of it
CREATE INDEX lots_unwarned ON lots (tenant_id, expires_at, member_id) WHERE asset = 1 AND NOT warned;

-- The same for what expires by idleness.
ALTER TABLE accounts
    ADD COLUMN idle_warned_at timestamptz; -- the idle_at that the sweep has dealt with; null: none
CREATE INDEX accounts_unwarned ON accounts (tenant_id, idle_at, member_id)
 WHERE asset = 1 AND idle_at IS NOT NULL AND idle_at IS DISTINCT FROM idle_warned_at;

-- A member was warned that points expire at an instant: once, also where the lot
-- was emptied and filled again since.
CREATE TABLE expiry_warnings (
    tenant_id  bigint      NOT NULL, -- owner
    member_id  bigint      NOT NULL, -- account
    asset      smallint    NOT NULL, -- account
    expires_at timestamptz NOT NULL, -- the instant of which was warned, UTC
    amount     amount      NOT NULL, -- units that were to expire then
    warned_at  timestamptz NOT NULL, -- UTC
    CONSTRAINT expiry_warnings_pk PRIMARY KEY (tenant_id, member_id, asset, expires_at),
    CONSTRAINT expiry_warnings_account_fk FOREIGN KEY (tenant_id, member_id, asset) REFERENCES accounts (tenant_id, member_id, asset)
);

-- The journal names every transfer from now on, also those nobody is told of:
-- what is sealed is found by it.
ALTER TABLE commits
    ADD COLUMN moved_members bigint[], -- transfers that are no event, members.id; null: there are none
    ADD COLUMN moved_assets smallint[], -- likewise: the transfer's asset
    ADD COLUMN moved_seqs bigint[], -- likewise: the transfer's number
    ADD COLUMN block bigint; -- the block that seals its transfers; 0: never, since it came in from elsewhere; null: not sealed yet
CREATE INDEX commits_unsealed ON commits (tenant_id, drawn, id) WHERE block IS NULL;
-- A commit without events has no place in the feed.
DROP INDEX commits_unsequenced;
CREATE INDEX commits_unsequenced ON commits (tenant_id, drawn, id) WHERE place IS NULL AND kinds <> '{}';

-- Transfers that were committed, sealed: see internal/ledger/doc.go. Append-only.
CREATE TABLE sealed_blocks (
    tenant_id bigint      NOT NULL, -- owner
    number    bigint      NOT NULL, -- 1, 2, 3 ... without gap
    previous  bytea       NOT NULL, -- hash of the block before; of the first one 32 zero bytes
    hash      bytea       NOT NULL, -- SHA-256 over previous, number and every transfer with its address
    members   bigint[]    NOT NULL, -- the transfers in it, members.id
    assets    smallint[]  NOT NULL, -- likewise
    seqs      bigint[]    NOT NULL, -- likewise
    marks     bytea       NOT NULL, -- the first 8 bytes of each transfer's own hash: they tell which one was changed
    sealed_at timestamptz NOT NULL, -- UTC
    CONSTRAINT sealed_blocks_pk PRIMARY KEY (tenant_id, number),
    CONSTRAINT sealed_blocks_hash_length CHECK (octet_length(hash) = 32 AND octet_length(previous) = 32),
    CONSTRAINT sealed_blocks_marks_length CHECK (octet_length(marks) = 8 * cardinality(members))
);
CREATE TRIGGER sealed_blocks_append_only BEFORE UPDATE OR DELETE ON sealed_blocks FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER sealed_blocks_no_truncate BEFORE TRUNCATE ON sealed_blocks EXECUTE FUNCTION refuse_change();

-- The end of each tenant's chain of blocks. Whoever holds the row appends.
CREATE TABLE chains (
    tenant_id bigint NOT NULL, -- owner
    blocks    bigint NOT NULL, -- number of the newest block; 0: none
    hash      bytea  NOT NULL, -- its hash
    CONSTRAINT chains_pk PRIMARY KEY (tenant_id)
);

-- What no commit names was written before the journal named everything. It is
-- named now, and sealed with the rest.
INSERT INTO commits (tenant_id, id, at, drawn, kinds, members, assets, seqs, facts, moved_members, moved_assets, moved_seqs)
SELECT u.tenant_id, gen_random_uuid(), max(u.created_at), 0, '{}', '{}', '{}', '{}', '[]',
       array_agg(u.member_id ORDER BY u.n), array_agg(u.asset ORDER BY u.n), array_agg(u.seq ORDER BY u.n)
  FROM (SELECT t.tenant_id, t.member_id, t.asset, t.seq, t.created_at,
               row_number() OVER (PARTITION BY t.tenant_id ORDER BY t.member_id, t.asset, t.seq) AS n
          FROM transfers AS t
          LEFT JOIN (SELECT c.tenant_id, unnest(c.members) AS member_id, unnest(c.assets) AS asset, unnest(c.seqs) AS seq FROM commits AS c) AS k
            ON k.tenant_id = t.tenant_id AND k.member_id = t.member_id AND k.asset = t.asset AND k.seq = t.seq
         WHERE k.tenant_id IS NULL) AS u
 GROUP BY u.tenant_id, u.n / 1000;

-- Automated rewards that nothing holds any more and whose points were not posted.
CREATE INDEX rewards_unpaid ON rewards (tenant_id, id)
 WHERE status = 'APPROVED' AND fulfilment = 'AUTOMATED' AND units > 0 AND transfer_seq IS NULL;

-- The board of a period that is over is kept as a snapshot of that round.
ALTER TABLE boards
    ADD COLUMN closes_on date; -- of a period: first day after its oldest round that is not kept yet; null: after starts_on's
ALTER TABLE boards DROP CONSTRAINT boards_kind_known;
ALTER TABLE boards ADD CONSTRAINT boards_kind_known CHECK (kind = 'period' AND period BETWEEN 1 AND 3 OR kind = 'snapshot' AND period BETWEEN 1 AND 4);
CREATE UNIQUE INDEX boards_one_per_round ON boards (tenant_id, period, starts_on) WHERE kind = 'snapshot' AND period < 4;
