SET lock_timeout = '5s';

-- What is numbered and counted below must not grow meanwhile.
LOCK TABLE conversions, rewards IN SHARE ROW EXCLUSIVE MODE;

-- A code that was refused as abuse leaves a case and no referral.
ALTER TABLE cases ALTER COLUMN referral_id DROP NOT NULL;
ALTER TABLE cases ADD COLUMN referrer_id bigint; -- members.id who asked for the code; null: the referral tells
ALTER TABLE cases ADD COLUMN referee_id bigint; -- members.id whom the code was for; null: the referral tells, or nobody in particular
ALTER TABLE cases ADD CONSTRAINT cases_about_somebody CHECK (referral_id IS NOT NULL OR referrer_id IS NOT NULL AND state = 'blocked') NOT VALID;

ALTER TABLE visits ADD COLUMN email text; -- the referee's, of the newest click that told it; personal data

-- A list of one member's rewards, or of one code's conversions, may be long, and
-- be written within an hour: the days that count a tenant's lists do not cut it.
-- So its rows have places, 1, 2, 3 ... in the order in which they came, and every
-- block of 1024 places counts its rows by what they are filtered by: totals are a
-- sum over blocks, and a page begins within 1024 rows of where a block does.
ALTER TABLE rewards ADD COLUMN place bigint; -- of the member's: 1, 2, 3 ... without gap
UPDATE rewards AS r SET place = n.place
  FROM (SELECT w.tenant_id, w.id, row_number() OVER (PARTITION BY w.tenant_id, w.member_id ORDER BY w.id) AS place FROM rewards AS w) AS n
 WHERE r.tenant_id = n.tenant_id AND r.id = n.id;
ALTER TABLE rewards ALTER COLUMN place SET NOT NULL;
DROP INDEX rewards_by_member;
CREATE UNIQUE INDEX rewards_by_place ON rewards (tenant_id, member_id, place);
CREATE INDEX rewards_by_member_status ON rewards (tenant_id, member_id, status, place);
CREATE INDEX rewards_by_member_fulfilment ON rewards (tenant_id, member_id, fulfilment, place);

ALTER TABLE conversions ADD COLUMN place bigint; -- of the code's: 1, 2, 3 ... without gap, and created_at never falls
UPDATE conversions AS c SET place = n.place
  FROM (SELECT w.tenant_id, w.id, row_number() OVER (PARTITION BY w.tenant_id, w.referral_id ORDER BY w.created_at, w.id) AS place FROM conversions AS w) AS n
 WHERE c.tenant_id = n.tenant_id AND c.id = n.id;
ALTER TABLE conversions ALTER COLUMN place SET NOT NULL;
DROP INDEX conversions_by_referral;
CREATE UNIQUE INDEX conversions_by_place ON conversions (tenant_id, referral_id, place);
CREATE INDEX conversions_by_referral ON conversions (tenant_id, referral_id, created_at, place);
CREATE INDEX conversions_by_referral_status ON conversions (tenant_id, referral_id, status, place);

-- Kept by the triggers on rewards. Without shards: whoever gives or moves a reward
-- has its member's row locked.
CREATE TABLE reward_blocks (
    tenant_id  bigint   NOT NULL, -- owner
    member_id  bigint   NOT NULL, -- rewards.member_id
    block      bigint   NOT NULL, -- of rewards.place: 0 has the places 1-1024
    status     text     NOT NULL, -- rewards.status
    fulfilment text     NOT NULL, -- rewards.fulfilment
    rewards    bigint   NOT NULL, -- how many
    CONSTRAINT reward_blocks_pk PRIMARY KEY (tenant_id, member_id, block, status, fulfilment)
);

-- Kept by the triggers on conversions. Without shards: whoever writes a
-- conversion has its referral locked.
CREATE TABLE conversion_blocks (
    tenant_id   bigint NOT NULL, -- owner
    referral_id uuid   NOT NULL, -- conversions.referral_id
    block       bigint NOT NULL, -- of conversions.place: 0 has the places 1-1024
    status      text   NOT NULL, -- conversions.status
    conversions bigint NOT NULL, -- how many
    CONSTRAINT conversion_blocks_pk PRIMARY KEY (tenant_id, referral_id, block, status)
);

INSERT INTO reward_blocks (tenant_id, member_id, block, status, fulfilment, rewards)
SELECT tenant_id, member_id, (place - 1) / 1024, status, fulfilment, count(*) FROM rewards GROUP BY 1, 2, 3, 4, 5;
INSERT INTO conversion_blocks (tenant_id, referral_id, block, status, conversions)
SELECT tenant_id, referral_id, (place - 1) / 1024, status, count(*) FROM conversions GROUP BY 1, 2, 3, 4;

-- The member's row is locked by whoever gives a reward, until the commit, so that
-- places have no gap; several members' rewards are inserted, and moved, in the
-- order of the members. Whoever loads in bulk may give the places along.
CREATE FUNCTION place_reward() RETURNS trigger LANGUAGE plpgsql SET enable_seqscan = off SET enable_sort = off AS $$
BEGIN
    PERFORM 1 FROM members AS m WHERE m.tenant_id = NEW.tenant_id AND m.id = NEW.member_id FOR NO KEY UPDATE;
    NEW.place := 1 + COALESCE((SELECT r.place FROM rewards AS r WHERE r.tenant_id = NEW.tenant_id AND r.member_id = NEW.member_id
                                ORDER BY r.place DESC LIMIT 1), 0);
    RETURN NEW;
END $$;
CREATE TRIGGER rewards_placed BEFORE INSERT ON rewards FOR EACH ROW WHEN (NEW.place IS NULL) EXECUTE FUNCTION place_reward();

-- The referral is locked already. A clock that is behind another server's must
-- not put a conversion before one that has its place.
CREATE FUNCTION place_conversion() RETURNS trigger LANGUAGE plpgsql SET enable_seqscan = off SET enable_sort = off AS $$
DECLARE
    newest record;
BEGIN
    SELECT c.place, c.created_at INTO newest FROM conversions AS c
     WHERE c.tenant_id = NEW.tenant_id AND c.referral_id = NEW.referral_id
     ORDER BY c.place DESC LIMIT 1;
    NEW.place := COALESCE(newest.place, 0) + 1;
    NEW.created_at := GREATEST(NEW.created_at, newest.created_at);
    RETURN NEW;
END $$;
CREATE TRIGGER conversions_placed BEFORE INSERT ON conversions FOR EACH ROW WHEN (NEW.place IS NULL) EXECUTE FUNCTION place_conversion();

CREATE OR REPLACE FUNCTION count_made_rewards() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashint8(x.tenant_id), (txid_current() % 8)::int)
       FROM (SELECT DISTINCT a.tenant_id FROM added AS a ORDER BY a.tenant_id) AS x;
    INSERT INTO reward_days AS d (tenant_id, day, status, fulfilment, shard, rewards)
    SELECT c.tenant_id, c.day, c.status, c.fulfilment, txid_current() % 8, count(*)
      FROM (SELECT a.tenant_id, uuid_day(a.id) AS day, a.status, a.fulfilment FROM added AS a) AS c
     GROUP BY c.tenant_id, c.day, c.status, c.fulfilment
     ORDER BY c.tenant_id, c.day, c.status, c.fulfilment
        ON CONFLICT (tenant_id, day, status, fulfilment, shard) DO UPDATE SET rewards = d.rewards + excluded.rewards;
    INSERT INTO reward_blocks AS d (tenant_id, member_id, block, status, fulfilment, rewards)
    SELECT c.tenant_id, c.member_id, c.block, c.status, c.fulfilment, count(*)
      FROM (SELECT a.tenant_id, a.member_id, (a.place - 1) / 1024 AS block, a.status, a.fulfilment FROM added AS a) AS c
     GROUP BY c.tenant_id, c.member_id, c.block, c.status, c.fulfilment
     ORDER BY c.tenant_id, c.member_id, c.block, c.status, c.fulfilment
        ON CONFLICT (tenant_id, member_id, block, status, fulfilment) DO UPDATE SET rewards = d.rewards + excluded.rewards;
    RETURN NULL;
END $$;
CREATE OR REPLACE FUNCTION count_moved_rewards() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashint8(x.tenant_id), (txid_current() % 8)::int)
       FROM (SELECT DISTINCT a.tenant_id FROM added AS a ORDER BY a.tenant_id) AS x;
    PERFORM 1
       FROM (SELECT DISTINCT a.tenant_id, a.member_id FROM added AS a ORDER BY a.tenant_id, a.member_id) AS x
      CROSS JOIN LATERAL (SELECT m.id FROM members AS m WHERE m.tenant_id = x.tenant_id AND m.id = x.member_id FOR NO KEY UPDATE) AS m;
    INSERT INTO reward_days AS d (tenant_id, day, status, fulfilment, shard, rewards)
    SELECT c.tenant_id, c.day, c.status, c.fulfilment, txid_current() % 8, sum(c.change)
      FROM (SELECT r.tenant_id, uuid_day(r.id) AS day, r.status, r.fulfilment, -1 AS change FROM removed AS r
            UNION ALL
            SELECT a.tenant_id, uuid_day(a.id), a.status, a.fulfilment, 1 FROM added AS a) AS c
     GROUP BY c.tenant_id, c.day, c.status, c.fulfilment
    HAVING sum(c.change) <> 0
     ORDER BY c.tenant_id, c.day, c.status, c.fulfilment
        ON CONFLICT (tenant_id, day, status, fulfilment, shard) DO UPDATE SET rewards = d.rewards + excluded.rewards;
    INSERT INTO reward_blocks AS d (tenant_id, member_id, block, status, fulfilment, rewards)
    SELECT c.tenant_id, c.member_id, c.block, c.status, c.fulfilment, sum(c.change)
      FROM (SELECT r.tenant_id, r.member_id, (r.place - 1) / 1024 AS block, r.status, r.fulfilment, -1 AS change FROM removed AS r
            UNION ALL
            SELECT a.tenant_id, a.member_id, (a.place - 1) / 1024, a.status, a.fulfilment, 1 FROM added AS a) AS c
     GROUP BY c.tenant_id, c.member_id, c.block, c.status, c.fulfilment
    HAVING sum(c.change) <> 0
     ORDER BY c.tenant_id, c.member_id, c.block, c.status, c.fulfilment
        ON CONFLICT (tenant_id, member_id, block, status, fulfilment) DO UPDATE SET rewards = d.rewards + excluded.rewards;
    RETURN NULL;
END $$;
CREATE OR REPLACE FUNCTION count_made_conversions() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashint8(x.tenant_id), (txid_current() % 8)::int)
       FROM (SELECT DISTINCT a.tenant_id FROM added AS a ORDER BY a.tenant_id) AS x;
    INSERT INTO conversion_days AS d (tenant_id, campaign_id, day, status, shard, conversions)
    SELECT c.tenant_id, c.campaign_id, c.day, c.status, txid_current() % 8, count(*)
      FROM (SELECT a.tenant_id, a.campaign_id, (a.created_at AT TIME ZONE 'UTC')::date AS day, a.status FROM added AS a) AS c
     GROUP BY c.tenant_id, c.campaign_id, c.day, c.status
     ORDER BY c.tenant_id, c.campaign_id, c.day, c.status
        ON CONFLICT (tenant_id, campaign_id, day, status, shard) DO UPDATE SET conversions = d.conversions + excluded.conversions;
    INSERT INTO conversion_blocks AS d (tenant_id, referral_id, block, status, conversions)
    SELECT c.tenant_id, c.referral_id, c.block, c.status, count(*)
      FROM (SELECT a.tenant_id, a.referral_id, (a.place - 1) / 1024 AS block, a.status FROM added AS a) AS c
     GROUP BY c.tenant_id, c.referral_id, c.block, c.status
     ORDER BY c.tenant_id, c.referral_id, c.block, c.status
        ON CONFLICT (tenant_id, referral_id, block, status) DO UPDATE SET conversions = d.conversions + excluded.conversions;
    RETURN NULL;
END $$;
CREATE OR REPLACE FUNCTION count_moved_conversions() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashint8(x.tenant_id), (txid_current() % 8)::int)
       FROM (SELECT DISTINCT a.tenant_id FROM added AS a ORDER BY a.tenant_id) AS x;
    INSERT INTO conversion_days AS d (tenant_id, campaign_id, day, status, shard, conversions)
    SELECT c.tenant_id, c.campaign_id, c.day, c.status, txid_current() % 8, sum(c.change)
      FROM (SELECT r.tenant_id, r.campaign_id, (r.created_at AT TIME ZONE 'UTC')::date AS day, r.status, -1 AS change FROM removed AS r
            UNION ALL
            SELECT a.tenant_id, a.campaign_id, (a.created_at AT TIME ZONE 'UTC')::date, a.status, 1 FROM added AS a) AS c
     GROUP BY c.tenant_id, c.campaign_id, c.day, c.status
    HAVING sum(c.change) <> 0
     ORDER BY c.tenant_id, c.campaign_id, c.day, c.status
        ON CONFLICT (tenant_id, campaign_id, day, status, shard) DO UPDATE SET conversions = d.conversions + excluded.conversions;
    INSERT INTO conversion_blocks AS d (tenant_id, referral_id, block, status, conversions)
    SELECT c.tenant_id, c.referral_id, c.block, c.status, sum(c.change)
      FROM (SELECT r.tenant_id, r.referral_id, (r.place - 1) / 1024 AS block, r.status, -1 AS change FROM removed AS r
            UNION ALL
            SELECT a.tenant_id, a.referral_id, (a.place - 1) / 1024, a.status, 1 FROM added AS a) AS c
     GROUP BY c.tenant_id, c.referral_id, c.block, c.status
    HAVING sum(c.change) <> 0
     ORDER BY c.tenant_id, c.referral_id, c.block, c.status
        ON CONFLICT (tenant_id, referral_id, block, status) DO UPDATE SET conversions = d.conversions + excluded.conversions;
    RETURN NULL;
END $$;
