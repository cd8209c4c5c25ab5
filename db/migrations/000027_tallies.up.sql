SET lock_timeout = '5s';

-- What each transaction adds to activity_days and activity_minutes, until that is
-- counted there: one row a transaction instead of four that everybody wants.
CREATE TABLE activity_tallies (
    tenant_id  bigint        NOT NULL, -- owner
    id         uuid          NOT NULL, -- ours, time-ordered
    action_ids bigint[]      NOT NULL, -- actions.id; 0: all of them
    minutes    timestamptz[] NOT NULL, -- likewise in order: minute of created_at, its beginning
    activities bigint[]      NOT NULL, -- likewise: how many
    CONSTRAINT activity_tallies_pk PRIMARY KEY (tenant_id, id)
);

-- One writer is left, the sweep. The new name also keeps servers of earlier versions,
-- which know neither tallies nor marks (migration 25), from recording activities beside
-- those of this one: they are refused.
ALTER TABLE activity_days RENAME COLUMN shard TO part; -- always 0 from now on
ALTER TABLE activity_minutes RENAME COLUMN shard TO part; -- likewise
