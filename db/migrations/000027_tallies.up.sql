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
