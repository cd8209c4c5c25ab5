SET lock_timeout = '5s';

-- What is counted below must not grow while it is counted.
LOCK TABLE conversions, rewards IN SHARE ROW EXCLUSIVE MODE;

-- A code that was refused as abuse leaves a case and no referral.
ALTER TABLE cases ALTER COLUMN referral_id DROP NOT NULL;
ALTER TABLE cases ADD COLUMN referrer_id bigint; -- members.id who asked for the code; null: the referral tells
ALTER TABLE cases ADD COLUMN referee_id bigint; -- members.id whom the code was for; null: the referral tells, or nobody in particular
ALTER TABLE cases ADD CONSTRAINT cases_about_somebody CHECK (referral_id IS NOT NULL OR referrer_id IS NOT NULL AND state = 'blocked') NOT VALID;

ALTER TABLE visits ADD COLUMN email text; -- the referee's, of the newest click that told it; personal data

-- How many rewards a member was given on a day, as reward_days has them of a
-- tenant. Kept by the same triggers.
CREATE TABLE reward_member_days (
    tenant_id  bigint   NOT NULL, -- owner
    member_id  bigint   NOT NULL, -- rewards.member_id
    day        date     NOT NULL, -- in which rewards.id was made, UTC
    status     text     NOT NULL, -- rewards.status
    fulfilment text     NOT NULL, -- rewards.fulfilment
    shard      smallint NOT NULL, -- as hold_days.shard
    rewards    bigint   NOT NULL, -- how many; only the sum over shards means something
    CONSTRAINT reward_member_days_pk PRIMARY KEY (tenant_id, member_id, day, status, fulfilment, shard)
);
CREATE INDEX rewards_by_member_status ON rewards (tenant_id, member_id, status, id);

-- How many conversions of a status a code had on a day. Without shards: whoever
-- writes a conversion has its referral locked.
CREATE TABLE conversion_code_days (
    tenant_id   bigint NOT NULL, -- owner
    referral_id uuid   NOT NULL, -- conversions.referral_id
    day         date   NOT NULL, -- of created_at, UTC
    status      text   NOT NULL, -- conversions.status
    conversions bigint NOT NULL, -- how many
    CONSTRAINT conversion_code_days_pk PRIMARY KEY (tenant_id, referral_id, day, status)
);

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
    INSERT INTO reward_member_days AS d (tenant_id, member_id, day, status, fulfilment, shard, rewards)
    SELECT c.tenant_id, c.member_id, c.day, c.status, c.fulfilment, txid_current() % 8, count(*)
      FROM (SELECT a.tenant_id, a.member_id, uuid_day(a.id) AS day, a.status, a.fulfilment FROM added AS a) AS c
     GROUP BY c.tenant_id, c.member_id, c.day, c.status, c.fulfilment
     ORDER BY c.tenant_id, c.member_id, c.day, c.status, c.fulfilment
        ON CONFLICT (tenant_id, member_id, day, status, fulfilment, shard) DO UPDATE SET rewards = d.rewards + excluded.rewards;
    RETURN NULL;
END $$;
CREATE OR REPLACE FUNCTION count_moved_rewards() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashint8(x.tenant_id), (txid_current() % 8)::int)
       FROM (SELECT DISTINCT a.tenant_id FROM added AS a ORDER BY a.tenant_id) AS x;
    INSERT INTO reward_days AS d (tenant_id, day, status, fulfilment, shard, rewards)
    SELECT c.tenant_id, c.day, c.status, c.fulfilment, txid_current() % 8, sum(c.change)
      FROM (SELECT r.tenant_id, uuid_day(r.id) AS day, r.status, r.fulfilment, -1 AS change FROM removed AS r
            UNION ALL
            SELECT a.tenant_id, uuid_day(a.id), a.status, a.fulfilment, 1 FROM added AS a) AS c
     GROUP BY c.tenant_id, c.day, c.status, c.fulfilment
    HAVING sum(c.change) <> 0
     ORDER BY c.tenant_id, c.day, c.status, c.fulfilment
        ON CONFLICT (tenant_id, day, status, fulfilment, shard) DO UPDATE SET rewards = d.rewards + excluded.rewards;
    INSERT INTO reward_member_days AS d (tenant_id, member_id, day, status, fulfilment, shard, rewards)
    SELECT c.tenant_id, c.member_id, c.day, c.status, c.fulfilment, txid_current() % 8, sum(c.change)
      FROM (SELECT r.tenant_id, r.member_id, uuid_day(r.id) AS day, r.status, r.fulfilment, -1 AS change FROM removed AS r
            UNION ALL
            SELECT a.tenant_id, a.member_id, uuid_day(a.id), a.status, a.fulfilment, 1 FROM added AS a) AS c
     GROUP BY c.tenant_id, c.member_id, c.day, c.status, c.fulfilment
    HAVING sum(c.change) <> 0
     ORDER BY c.tenant_id, c.member_id, c.day, c.status, c.fulfilment
        ON CONFLICT (tenant_id, member_id, day, status, fulfilment, shard) DO UPDATE SET rewards = d.rewards + excluded.rewards;
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
    INSERT INTO conversion_code_days AS d (tenant_id, referral_id, day, status, conversions)
    SELECT c.tenant_id, c.referral_id, c.day, c.status, count(*)
      FROM (SELECT a.tenant_id, a.referral_id, (a.created_at AT TIME ZONE 'UTC')::date AS day, a.status FROM added AS a) AS c
     GROUP BY c.tenant_id, c.referral_id, c.day, c.status
     ORDER BY c.tenant_id, c.referral_id, c.day, c.status
        ON CONFLICT (tenant_id, referral_id, day, status) DO UPDATE SET conversions = d.conversions + excluded.conversions;
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
    INSERT INTO conversion_code_days AS d (tenant_id, referral_id, day, status, conversions)
    SELECT c.tenant_id, c.referral_id, c.day, c.status, sum(c.change)
      FROM (SELECT r.tenant_id, r.referral_id, (r.created_at AT TIME ZONE 'UTC')::date AS day, r.status, -1 AS change FROM removed AS r
            UNION ALL
            SELECT a.tenant_id, a.referral_id, (a.created_at AT TIME ZONE 'UTC')::date, a.status, 1 FROM added AS a) AS c
     GROUP BY c.tenant_id, c.referral_id, c.day, c.status
    HAVING sum(c.change) <> 0
     ORDER BY c.tenant_id, c.referral_id, c.day, c.status
        ON CONFLICT (tenant_id, referral_id, day, status) DO UPDATE SET conversions = d.conversions + excluded.conversions;
    RETURN NULL;
END $$;

INSERT INTO reward_member_days (tenant_id, member_id, day, status, fulfilment, shard, rewards)
SELECT tenant_id, member_id, uuid_day(id), status, fulfilment, 0, count(*) FROM rewards GROUP BY 1, 2, 3, 4, 5;
INSERT INTO conversion_code_days (tenant_id, referral_id, day, status, conversions)
SELECT tenant_id, referral_id, (created_at AT TIME ZONE 'UTC')::date, status, count(*) FROM conversions GROUP BY 1, 2, 3, 4;
