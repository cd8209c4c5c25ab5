SET lock_timeout = '5s';

-- Who is paid what for bringing whom. The rule itself lies in campaign_versions.
CREATE TABLE campaigns (
    tenant_id    bigint      NOT NULL, -- owner
    id           text        NOT NULL, -- public, the tenant's choice or ours
    position     bigint      NOT NULL, -- time-ordered key: lists are newest first
    name         text        NOT NULL, -- for people
    state        text        NOT NULL, -- active | paused | archived
    starts_at    timestamptz, -- UTC; null: at once
    ends_at      timestamptz, -- UTC, exclusive; null: never
    version      integer     NOT NULL, -- of the rule in force
    budget_minor bigint, -- most that may be granted in all; null: no limit
    spent_minor  bigint      NOT NULL DEFAULT 0, -- granted so far, kept where there is a budget
    created_at   timestamptz NOT NULL, -- UTC
    updated_at   timestamptz NOT NULL, -- UTC
    CONSTRAINT campaigns_pk PRIMARY KEY (tenant_id, id),
    CONSTRAINT campaigns_state_known CHECK (state IN ('active', 'paused', 'archived')),
    CONSTRAINT campaigns_schedule_forward CHECK (ends_at > starts_at),
    CONSTRAINT campaigns_within_budget CHECK (spent_minor BETWEEN 0 AND budget_minor)
);
CREATE UNIQUE INDEX campaigns_by_position ON campaigns (tenant_id, position);

-- A campaign's rule as it was at a time; never changed.
CREATE TABLE campaign_versions (
    tenant_id   bigint      NOT NULL, -- owner
    campaign_id text        NOT NULL, -- campaigns.id
    version     integer     NOT NULL, -- 1, 2, 3 ...
    rule        json        NOT NULL, -- internal/referral.Rule
    created_at  timestamptz NOT NULL, -- UTC
    CONSTRAINT campaign_versions_pk PRIMARY KEY (tenant_id, campaign_id, version),
    CONSTRAINT campaign_versions_campaign_fk FOREIGN KEY (tenant_id, campaign_id) REFERENCES campaigns (tenant_id, id)
);

-- Totals of a campaign, in shards so that writers rarely wait for each other.
-- Only the sum over shards means something.
CREATE TABLE campaign_totals (
    tenant_id    bigint   NOT NULL, -- owner
    campaign_id  text     NOT NULL, -- campaigns.id
    shard        smallint NOT NULL, -- 0-15
    referrals    bigint   NOT NULL DEFAULT 0, -- codes made
    clicks       bigint   NOT NULL DEFAULT 0, -- counted clicks
    conversions  bigint   NOT NULL DEFAULT 0, -- not rejected, not expired
    reward_minor bigint   NOT NULL DEFAULT 0, -- value of rewards not cancelled
    amounts      bigint   NOT NULL DEFAULT 0, -- clean conversions with an amount
    amount_sum   double precision NOT NULL DEFAULT 0, -- of the natural logarithms of their amounts in minor units; for the outlier signal, not for money
    amount_sq    double precision NOT NULL DEFAULT 0, -- of the squares of those logarithms; likewise
    CONSTRAINT campaign_totals_pk PRIMARY KEY (tenant_id, campaign_id, shard),
    CONSTRAINT campaign_totals_campaign_fk FOREIGN KEY (tenant_id, campaign_id) REFERENCES campaigns (tenant_id, id)
);

-- A code and its holder.
CREATE TABLE referrals (
    tenant_id    bigint      NOT NULL, -- owner
    id           uuid        NOT NULL, -- public as ref_...
    campaign_id  text        NOT NULL, -- campaigns.id
    code         text        NOT NULL, -- as handed out; compared in upper case
    referrer_id  bigint      NOT NULL, -- members.id of the holder
    referee_id   bigint, -- members.id, where the code is for one person
    username     text, -- the referrer's display name; personal data
    email        text, -- the referrer's; personal data
    network      bytea, -- keyed hash of the referrer's address
    device       bytea, -- keyed hash of the referrer's device
    status       text        NOT NULL, -- PENDING | COMPLETED
    risk_score   smallint, -- 0-100; null: no signal fired
    warning      text, -- null: not flagged
    reasons      text[], -- codes of the signals
    clicks       bigint      NOT NULL DEFAULT 0, -- counted
    conversions  bigint      NOT NULL DEFAULT 0, -- not rejected, not expired
    anonymous_at timestamptz, -- UTC; newest click by nobody in particular
    created_at   timestamptz NOT NULL, -- UTC
    completed_at timestamptz, -- UTC; first rewarded conversion
    CONSTRAINT referrals_pk PRIMARY KEY (tenant_id, id),
    CONSTRAINT referrals_campaign_fk FOREIGN KEY (tenant_id, campaign_id) REFERENCES campaigns (tenant_id, id),
    CONSTRAINT referrals_referrer_fk FOREIGN KEY (tenant_id, referrer_id) REFERENCES members (tenant_id, id),
    CONSTRAINT referrals_status_known CHECK (status IN ('PENDING', 'COMPLETED')),
    CONSTRAINT referrals_completed_once CHECK ((status = 'COMPLETED') = (completed_at IS NOT NULL))
);
CREATE UNIQUE INDEX referrals_code_unique ON referrals (tenant_id, upper(code));
CREATE UNIQUE INDEX referrals_open_unique ON referrals (tenant_id, campaign_id, referrer_id) WHERE referee_id IS NULL;
CREATE UNIQUE INDEX referrals_triple_unique ON referrals (tenant_id, campaign_id, referrer_id, referee_id) WHERE referee_id IS NOT NULL;
CREATE INDEX referrals_by_referrer ON referrals (tenant_id, referrer_id, created_at);
CREATE INDEX referrals_by_referee ON referrals (tenant_id, campaign_id, referee_id, created_at) WHERE referee_id IS NOT NULL;

-- A visit through a code. Append-only in practice; the newest lie together.
CREATE TABLE clicks (
    tenant_id   bigint      NOT NULL, -- owner
    id          uuid        NOT NULL, -- public as click_...
    referral_id uuid        NOT NULL, -- referrals.id
    referee_id  bigint, -- members.id; null: nobody said
    counted     boolean     NOT NULL, -- counts in the totals
    network     bytea, -- keyed hash of the visitor's address
    device      bytea, -- keyed hash of the visitor's device
    created_at  timestamptz NOT NULL, -- UTC
    CONSTRAINT clicks_pk PRIMARY KEY (tenant_id, id)
);

-- When a referee met a code: a click within 24 hours of the last one does not
-- count, and a conversion is timed from it. Read and written under the lock of the referral.
CREATE TABLE visits (
    tenant_id   bigint      NOT NULL, -- owner
    campaign_id text        NOT NULL, -- campaigns.id, the referral's
    referee_id  bigint      NOT NULL, -- members.id
    referral_id uuid        NOT NULL, -- referrals.id
    met_at      timestamptz NOT NULL, -- UTC; newest click, conversion, or referral that names the referee
    clicked_at  timestamptz, -- UTC; newest click, counted or not; null: never clicked
    click_id    uuid, -- clicks.id of that click
    CONSTRAINT visits_pk PRIMARY KEY (tenant_id, campaign_id, referee_id, referral_id)
);

-- Binds a referee to the first code of a campaign that was clicked or converted.
CREATE TABLE attributions (
    tenant_id    bigint      NOT NULL, -- owner
    campaign_id  text        NOT NULL, -- campaigns.id
    referee_id   bigint      NOT NULL, -- members.id
    referral_id  uuid        NOT NULL, -- referrals.id, for ever
    converted_at timestamptz, -- UTC; first conversion, whatever came of it
    paid_at      timestamptz, -- UTC; first conversion that paid
    created_at   timestamptz NOT NULL, -- UTC
    CONSTRAINT attributions_pk PRIMARY KEY (tenant_id, campaign_id, referee_id),
    CONSTRAINT attributions_referral_fk FOREIGN KEY (tenant_id, referral_id) REFERENCES referrals (tenant_id, id)
);

-- What a referrer was granted by a campaign, for the cap per referrer.
CREATE TABLE tallies (
    tenant_id     bigint NOT NULL, -- owner
    campaign_id   text   NOT NULL, -- campaigns.id
    member_id     bigint NOT NULL, -- members.id
    rewards       bigint NOT NULL, -- not cancelled
    granted_minor bigint NOT NULL, -- value of those
    CONSTRAINT tallies_pk PRIMARY KEY (tenant_id, campaign_id, member_id)
);

CREATE TABLE conversions (
    tenant_id    bigint      NOT NULL, -- owner
    id           uuid        NOT NULL, -- public as conv_...
    campaign_id  text        NOT NULL, -- campaigns.id
    referral_id  uuid        NOT NULL, -- referrals.id that it was attributed to
    referee_id   bigint      NOT NULL, -- members.id
    click_id     uuid, -- clicks.id, the referee's newest before it; null: none
    version      integer     NOT NULL, -- of the rule that decided
    status       text        NOT NULL, -- COMPLETED | FLAGGED | REJECTED | EXPIRED
    reason       text, -- why nothing was earned; null: something was
    amount_minor bigint, -- money, null: none given
    reward_minor bigint      NOT NULL, -- value granted to the referrer
    reward_units bigint      NOT NULL, -- points granted to the referrer
    risk_score   smallint, -- 0-100; null: no signal fired
    warning      text, -- null: not flagged
    reasons      text[], -- codes of the signals
    network      bytea, -- keyed hash of the referee's address
    device       bytea, -- keyed hash of the referee's device
    metadata     json, -- the caller's, as received
    created_at   timestamptz NOT NULL, -- UTC
    refunded_at  timestamptz, -- UTC; what it granted was taken back
    CONSTRAINT conversions_pk PRIMARY KEY (tenant_id, id),
    CONSTRAINT conversions_referral_fk FOREIGN KEY (tenant_id, referral_id) REFERENCES referrals (tenant_id, id),
    CONSTRAINT conversions_rule_fk FOREIGN KEY (tenant_id, campaign_id, version) REFERENCES campaign_versions (tenant_id, campaign_id, version),
    CONSTRAINT conversions_status_known CHECK (status IN ('COMPLETED', 'FLAGGED', 'REJECTED', 'EXPIRED'))
);
CREATE INDEX conversions_by_campaign ON conversions (tenant_id, campaign_id, created_at, id);
CREATE INDEX conversions_by_referral ON conversions (tenant_id, referral_id, created_at, id);
CREATE INDEX conversions_by_time ON conversions (tenant_id, created_at, id);
CREATE INDEX conversions_by_referee ON conversions (tenant_id, referee_id, created_at);

-- How many conversions of a status were made in a campaign on a day: totals and
-- deep pages without a scan. Kept by the triggers on conversions.
CREATE TABLE conversion_days (
    tenant_id   bigint   NOT NULL, -- owner
    campaign_id text     NOT NULL, -- campaigns.id
    day         date     NOT NULL, -- of created_at, UTC
    status      text     NOT NULL, -- conversions.status
    shard       smallint NOT NULL, -- as hold_days.shard
    conversions bigint   NOT NULL, -- how many; only the sum over shards means something
    CONSTRAINT conversion_days_pk PRIMARY KEY (tenant_id, campaign_id, day, status, shard)
);
CREATE INDEX conversion_days_by_day ON conversion_days (tenant_id, day);

-- These take the same shard as the triggers on holds, before they touch a row of
-- it: see there.
CREATE FUNCTION count_made_conversions() RETURNS trigger LANGUAGE plpgsql AS $$
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
CREATE FUNCTION count_moved_conversions() RETURNS trigger LANGUAGE plpgsql AS $$
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
CREATE TRIGGER conversions_counted AFTER INSERT ON conversions REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION count_made_conversions();
CREATE TRIGGER conversions_recounted AFTER UPDATE ON conversions REFERENCING OLD TABLE AS removed NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION count_moved_conversions();

-- What a referrer's codes did in an hour, over all campaigns: for the velocity signals.
CREATE TABLE referrer_hours (
    tenant_id   bigint      NOT NULL, -- owner
    member_id   bigint      NOT NULL, -- members.id of the referrer
    hour        timestamptz NOT NULL, -- UTC, its beginning
    referrals   bigint      NOT NULL, -- codes made
    clicks      bigint      NOT NULL, -- counted
    conversions bigint      NOT NULL, -- whatever came of them
    CONSTRAINT referrer_hours_pk PRIMARY KEY (tenant_id, member_id, hour)
);

-- What happened in a campaign in an hour, in shards as above: for the rate signal.
CREATE TABLE campaign_hours (
    tenant_id   bigint      NOT NULL, -- owner
    campaign_id text        NOT NULL, -- campaigns.id
    hour        timestamptz NOT NULL, -- UTC, its beginning
    shard       smallint    NOT NULL, -- 0-15
    clicks      bigint      NOT NULL, -- counted
    conversions bigint      NOT NULL, -- whatever came of them
    CONSTRAINT campaign_hours_pk PRIMARY KEY (tenant_id, campaign_id, hour, shard)
);

-- Who was seen where: for the signals of same network and same device.
CREATE TABLE sightings (
    tenant_id  bigint      NOT NULL, -- owner
    kind       text        NOT NULL, -- network | agent (of a network) | device
    trait      bytea       NOT NULL, -- keyed hash
    member_id  bigint      NOT NULL, -- members.id
    seen_at    timestamptz NOT NULL, -- UTC, newest
    visited_at timestamptz, -- UTC, newest click or conversion; null: only made codes
    CONSTRAINT sightings_pk PRIMARY KEY (tenant_id, kind, trait, member_id),
    CONSTRAINT sightings_kind_known CHECK (kind IN ('network', 'agent', 'device'))
);
CREATE INDEX sightings_by_visit ON sightings (tenant_id, kind, trait, visited_at) WHERE visited_at IS NOT NULL;

-- Something earned.
CREATE TABLE rewards (
    tenant_id     bigint      NOT NULL, -- owner
    id            uuid        NOT NULL, -- public as rwd_...
    campaign_id   text        NOT NULL, -- campaigns.id
    referral_id   uuid        NOT NULL, -- referrals.id
    conversion_id uuid        NOT NULL, -- conversions.id
    member_id     bigint      NOT NULL, -- who earned it
    role          text        NOT NULL, -- REFERRER | REFEREE
    version       integer     NOT NULL, -- of the rule that made it
    fulfilment    text        NOT NULL, -- DISCOUNT_CODE | COUPON_CODE | MANUAL | AUTOMATED | GIFT_CARD | CUSTOM
    status        text        NOT NULL, -- PENDING | APPROVED | PAID | CANCELLED
    value_minor   bigint      NOT NULL, -- money
    asset         smallint    NOT NULL, -- of units: 1 points, 2 tokens
    units         bigint      NOT NULL, -- points it pays; 0: none
    held_until    timestamptz, -- UTC; PENDING until then; null: no hold, or until a case is reviewed
    pool_id       text, -- code_pools.id where its code comes from; null: generated
    code          text, -- handed out at the claim; secret
    transfer_seq  bigint, -- the award that paid it, of (member_id, asset)
    created_at    timestamptz NOT NULL, -- UTC
    updated_at    timestamptz NOT NULL, -- UTC
    claimed_at    timestamptz, -- UTC
    redeemed_at   timestamptz, -- UTC
    CONSTRAINT rewards_pk PRIMARY KEY (tenant_id, id),
    CONSTRAINT rewards_conversion_fk FOREIGN KEY (tenant_id, conversion_id) REFERENCES conversions (tenant_id, id),
    CONSTRAINT rewards_once UNIQUE (tenant_id, conversion_id, role),
    CONSTRAINT rewards_status_known CHECK (status IN ('PENDING', 'APPROVED', 'PAID', 'CANCELLED')),
    CONSTRAINT rewards_role_known CHECK (role IN ('REFERRER', 'REFEREE')),
    CONSTRAINT rewards_fulfilment_known CHECK (fulfilment IN ('DISCOUNT_CODE', 'COUPON_CODE', 'MANUAL', 'AUTOMATED', 'GIFT_CARD', 'CUSTOM')),
    CONSTRAINT rewards_value_not_negative CHECK (value_minor >= 0 AND units >= 0),
    CONSTRAINT rewards_redeemed_after_claim CHECK (redeemed_at IS NULL OR claimed_at IS NOT NULL)
);
CREATE UNIQUE INDEX rewards_code_unique ON rewards (tenant_id, upper(code)) WHERE code IS NOT NULL;
CREATE INDEX rewards_by_member ON rewards (tenant_id, member_id, id);
CREATE INDEX rewards_by_status ON rewards (tenant_id, status, id);
CREATE INDEX rewards_by_fulfilment ON rewards (tenant_id, fulfilment, id);
CREATE INDEX rewards_held ON rewards (tenant_id, held_until) WHERE status = 'PENDING' AND held_until IS NOT NULL;

-- One indication of fraud, as it was weighed.
CREATE TABLE signals (
    tenant_id bigint   NOT NULL, -- owner
    case_id   uuid     NOT NULL, -- cases.id
    name      text     NOT NULL, -- internal/fraud.Signal
    weight    smallint NOT NULL, -- what it added to the score
    evidence  json     NOT NULL, -- plain values, no secrets
    CONSTRAINT signals_pk PRIMARY KEY (tenant_id, case_id, name)
);

-- A referral or a conversion for which signals fired.
CREATE TABLE cases (
    tenant_id     bigint      NOT NULL, -- owner
    id            uuid        NOT NULL, -- public as case_...
    campaign_id   text        NOT NULL, -- campaigns.id
    referral_id   uuid        NOT NULL, -- referrals.id
    conversion_id uuid, -- conversions.id; null: the referral itself
    state         text        NOT NULL, -- clean (below the threshold, kept as evidence) | open | approved | rejected | blocked
    score         smallint    NOT NULL, -- 0-100
    note          text        NOT NULL DEFAULT '', -- the reviewer's
    created_at    timestamptz NOT NULL, -- UTC
    reviewed_at   timestamptz, -- UTC
    CONSTRAINT cases_pk PRIMARY KEY (tenant_id, id),
    CONSTRAINT cases_state_known CHECK (state IN ('clean', 'open', 'approved', 'rejected', 'blocked')),
    CONSTRAINT cases_reviewed_once CHECK ((state IN ('approved', 'rejected')) = (reviewed_at IS NOT NULL))
);
CREATE INDEX cases_by_state ON cases (tenant_id, state, id);
CREATE INDEX cases_by_conversion ON cases (tenant_id, conversion_id) WHERE conversion_id IS NOT NULL;
CREATE INDEX cases_by_referral ON cases (tenant_id, referral_id) WHERE conversion_id IS NULL;
ALTER TABLE signals ADD CONSTRAINT signals_case_fk FOREIGN KEY (tenant_id, case_id) REFERENCES cases (tenant_id, id);

-- Whom the tenant never wants to pay.
CREATE TABLE blocked (
    tenant_id  bigint      NOT NULL, -- owner
    kind       text        NOT NULL, -- member | email | domain | network | device
    value      text        NOT NULL, -- normalised; hex of the keyed hash for network and device
    id         bigint      NOT NULL, -- time-ordered key; public as block_...
    note       text        NOT NULL DEFAULT '', -- for people
    created_at timestamptz NOT NULL, -- UTC
    CONSTRAINT blocked_pk PRIMARY KEY (tenant_id, kind, value),
    CONSTRAINT blocked_kind_known CHECK (kind IN ('member', 'email', 'domain', 'network', 'device'))
);
CREATE UNIQUE INDEX blocked_by_id ON blocked (tenant_id, id);

-- An earned reward hands out codes of pools as an order does; a code has one owner.
ALTER TABLE codes ADD COLUMN reward_id uuid; -- rewards.id that has it
ALTER TABLE codes ADD CONSTRAINT codes_one_owner CHECK (order_id IS NULL OR reward_id IS NULL) NOT VALID;

-- How many rewards were made on a day: totals and deep pages without a scan.
-- Kept by the triggers on rewards.
CREATE TABLE reward_days (
    tenant_id  bigint   NOT NULL, -- owner
    day        date     NOT NULL, -- in which rewards.id was made, UTC
    status     text     NOT NULL, -- rewards.status
    fulfilment text     NOT NULL, -- rewards.fulfilment
    shard      smallint NOT NULL, -- as hold_days.shard
    rewards    bigint   NOT NULL, -- how many; only the sum over shards means something
    CONSTRAINT reward_days_pk PRIMARY KEY (tenant_id, day, status, fulfilment, shard)
);

-- How many cases were opened on a day, likewise.
CREATE TABLE case_days (
    tenant_id bigint   NOT NULL, -- owner
    day       date     NOT NULL, -- in which cases.id was made, UTC
    state     text     NOT NULL, -- cases.state
    shard     smallint NOT NULL, -- as hold_days.shard
    cases     bigint   NOT NULL, -- how many; only the sum over shards means something
    CONSTRAINT case_days_pk PRIMARY KEY (tenant_id, day, state, shard)
);

-- These take the same shard as the triggers on holds, before they touch a row of
-- it: see there.
CREATE FUNCTION count_made_rewards() RETURNS trigger LANGUAGE plpgsql AS $$
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
CREATE FUNCTION count_moved_rewards() RETURNS trigger LANGUAGE plpgsql AS $$
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
CREATE FUNCTION count_made_cases() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashint8(x.tenant_id), (txid_current() % 8)::int)
       FROM (SELECT DISTINCT a.tenant_id FROM added AS a ORDER BY a.tenant_id) AS x;
    INSERT INTO case_days AS d (tenant_id, day, state, shard, cases)
    SELECT c.tenant_id, c.day, c.state, txid_current() % 8, count(*)
      FROM (SELECT a.tenant_id, uuid_day(a.id) AS day, a.state FROM added AS a) AS c
     GROUP BY c.tenant_id, c.day, c.state
     ORDER BY c.tenant_id, c.day, c.state
        ON CONFLICT (tenant_id, day, state, shard) DO UPDATE SET cases = d.cases + excluded.cases;
    RETURN NULL;
END $$;
CREATE FUNCTION count_moved_cases() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashint8(x.tenant_id), (txid_current() % 8)::int)
       FROM (SELECT DISTINCT a.tenant_id FROM added AS a ORDER BY a.tenant_id) AS x;
    INSERT INTO case_days AS d (tenant_id, day, state, shard, cases)
    SELECT c.tenant_id, c.day, c.state, txid_current() % 8, sum(c.change)
      FROM (SELECT r.tenant_id, uuid_day(r.id) AS day, r.state, -1 AS change FROM removed AS r
            UNION ALL
            SELECT a.tenant_id, uuid_day(a.id), a.state, 1 FROM added AS a) AS c
     GROUP BY c.tenant_id, c.day, c.state
    HAVING sum(c.change) <> 0
     ORDER BY c.tenant_id, c.day, c.state
        ON CONFLICT (tenant_id, day, state, shard) DO UPDATE SET cases = d.cases + excluded.cases;
    RETURN NULL;
END $$;
CREATE TRIGGER rewards_counted AFTER INSERT ON rewards REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION count_made_rewards();
CREATE TRIGGER rewards_recounted AFTER UPDATE ON rewards REFERENCING OLD TABLE AS removed NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION count_moved_rewards();
CREATE TRIGGER cases_counted AFTER INSERT ON cases REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION count_made_cases();
CREATE TRIGGER cases_recounted AFTER UPDATE ON cases REFERENCING OLD TABLE AS removed NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION count_moved_cases();
