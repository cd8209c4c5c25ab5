SET lock_timeout = '5s';

-- The journal of commits: what each transaction did that somebody may want to
-- hear of. One narrow row a transaction, not a row an event: a batch of awards
-- names its transfers in arrays. Append-only but for its place in the feed.
CREATE TABLE commits (
    tenant_id bigint      NOT NULL, -- owner
    id        uuid        NOT NULL, -- ours, time-ordered
    at        timestamptz NOT NULL, -- instant of the transaction by the tenant's clock, UTC
    drawn     bigint      NOT NULL, -- end of the write-ahead log when the row was made, under all locks of its transaction: orders commits that met
    place     bigint, -- number of its first event in the tenant's feed, from 1; null until it is sequenced
    kinds     smallint[]  NOT NULL, -- its events in order: what happened, see internal/event/kind.go
    members   bigint[]    NOT NULL, -- likewise: the transfer that is the event, members.id; 0: a fact
    assets    smallint[]  NOT NULL, -- likewise: the transfer's asset
    seqs      bigint[]    NOT NULL, -- likewise: the transfer's number
    facts     json        NOT NULL, -- data of the events that are facts, in order, an array of objects
    CONSTRAINT commits_pk PRIMARY KEY (tenant_id, id),
    CONSTRAINT commits_place_unique UNIQUE (tenant_id, place)
);
CREATE INDEX commits_unsequenced ON commits (tenant_id, drawn, id) WHERE place IS NULL;

-- The end of each tenant's feed. Whoever holds the row gives places.
CREATE TABLE feeds (
    tenant_id bigint NOT NULL, -- owner
    next      bigint NOT NULL, -- number of the next event
    CONSTRAINT feeds_pk PRIMARY KEY (tenant_id)
);
