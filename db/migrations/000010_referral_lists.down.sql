SET lock_timeout = '5s';
LOCK TABLE conversions, rewards IN SHARE ROW EXCLUSIVE MODE;

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
    RETURN NULL;
END $$;
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
    RETURN NULL;
END $$;

DROP TRIGGER conversions_placed ON conversions;
DROP FUNCTION place_conversion();
DROP TRIGGER rewards_placed ON rewards;
DROP FUNCTION place_reward();
DROP TABLE conversion_blocks;
DROP TABLE reward_blocks;

DROP INDEX conversions_by_referral;
ALTER TABLE conversions DROP COLUMN place; -- and its indexes
CREATE INDEX conversions_by_referral ON conversions (tenant_id, referral_id, created_at, id);
ALTER TABLE rewards DROP COLUMN place; -- likewise
CREATE INDEX rewards_by_member ON rewards (tenant_id, member_id, id);

ALTER TABLE visits DROP COLUMN email;

-- A case without a referral cannot stay: it is counted out of its day, and goes.
INSERT INTO case_days AS d (tenant_id, day, state, shard, cases)
SELECT k.tenant_id, uuid_day(k.id), k.state, 0, -count(*) FROM cases AS k WHERE k.referral_id IS NULL GROUP BY 1, 2, 3
    ON CONFLICT (tenant_id, day, state, shard) DO UPDATE SET cases = d.cases + excluded.cases;
DELETE FROM signals AS s USING cases AS k WHERE k.tenant_id = s.tenant_id AND k.id = s.case_id AND k.referral_id IS NULL;
DELETE FROM cases WHERE referral_id IS NULL;
ALTER TABLE cases DROP CONSTRAINT cases_about_somebody;
ALTER TABLE cases DROP COLUMN referee_id;
ALTER TABLE cases DROP COLUMN referrer_id;
ALTER TABLE cases ALTER COLUMN referral_id SET NOT NULL;
