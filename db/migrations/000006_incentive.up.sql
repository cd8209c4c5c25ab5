SET lock_timeout = '5s';

-- Every change of what follows counts the tenant's version up, in its own
-- transaction: servers keep the rules in memory and know by it when to read them anew.
ALTER TABLE tenants ADD COLUMN rules_version bigint NOT NULL DEFAULT 0; -- of the incentive engine's rules
ALTER TABLE members ADD COLUMN time_zone text; -- IANA name, in which days and weeks of streaks begin; null: UTC
CREATE INDEX conversions_flagged ON conversions (tenant_id, referral_id) WHERE status = 'FLAGGED';

-- What earns.
CREATE TABLE actions (
    tenant_id   bigint      NOT NULL, -- owner
    key         text        NOT NULL, -- the tenant's own
    id          bigint      NOT NULL, -- time-ordered key; public as act_...
    name        text        NOT NULL, -- for people
    description text, -- for people
    type        text        NOT NULL, -- STANDARD | REFERRAL_CODE_GENERATE | REFERRAL_CLICK | REFERRAL_REFEREE_ACTION
    coins       units       NOT NULL, -- points it pays
    xp          units       NOT NULL, -- XP it pays
    tokens      units       NOT NULL, -- tokens it pays
    cooldown    bigint      NOT NULL, -- seconds in which a member earns nothing again
    max_repeats bigint, -- how often a member earns; null: no limit
    streak      json, -- internal/incentive.StreakRule; null: none
    active      boolean     NOT NULL, -- can be done
    created_at  timestamptz NOT NULL, -- UTC
    updated_at  timestamptz NOT NULL, -- UTC
    CONSTRAINT actions_pk PRIMARY KEY (tenant_id, key),
    CONSTRAINT actions_id_unique UNIQUE (tenant_id, id),
    CONSTRAINT actions_type_known CHECK (type IN ('STANDARD', 'REFERRAL_CODE_GENERATE', 'REFERRAL_CLICK', 'REFERRAL_REFEREE_ACTION')),
    CONSTRAINT actions_limits_fit CHECK (cooldown >= 0 AND (max_repeats IS NULL OR max_repeats > 0))
);

-- Something that members can have once. The others below may grant it.
CREATE TABLE badges (
    tenant_id          bigint      NOT NULL, -- owner
    key                text        NOT NULL, -- the tenant's own
    id                 bigint      NOT NULL, -- time-ordered key; public as bdg_...
    name               text        NOT NULL, -- for people
    description        text, -- for people
    image_url          text, -- a picture
    criteria_type      text, -- ACTION_COUNT | XP; null: not earned by itself
    criteria_action    text, -- actions.key that is counted; null: none
    criteria_threshold bigint, -- at this count or XP it is earned; null: not earned by itself
    active             boolean     NOT NULL, -- can be earned
    created_at         timestamptz NOT NULL, -- UTC
    updated_at         timestamptz NOT NULL, -- UTC
    CONSTRAINT badges_pk PRIMARY KEY (tenant_id, key),
    CONSTRAINT badges_id_unique UNIQUE (tenant_id, id),
    CONSTRAINT badges_action_fk FOREIGN KEY (tenant_id, criteria_action) REFERENCES actions (tenant_id, key),
    CONSTRAINT badges_criteria_whole CHECK ((criteria_type IS NULL) = (criteria_threshold IS NULL) AND (criteria_type IS NOT DISTINCT FROM 'ACTION_COUNT') = (criteria_action IS NOT NULL)),
    CONSTRAINT badges_criteria_known CHECK (criteria_type IN ('ACTION_COUNT', 'XP') AND criteria_threshold > 0)
);

-- What an amount of XP grants.
CREATE TABLE levels (
    tenant_id    bigint      NOT NULL, -- owner
    level        integer     NOT NULL, -- its number; what was granted is remembered by it
    id           bigint      NOT NULL, -- time-ordered key; public as lvl_...
    name         text        NOT NULL, -- for people
    xp_threshold units       NOT NULL, -- XP it takes; rises with the level
    coins        units       NOT NULL, -- points it grants
    badge_key    text, -- badges.key it grants; null: none
    perks        text[]      NOT NULL, -- for people
    created_at   timestamptz NOT NULL, -- UTC
    updated_at   timestamptz NOT NULL, -- UTC
    CONSTRAINT levels_pk PRIMARY KEY (tenant_id, level),
    CONSTRAINT levels_id_unique UNIQUE (tenant_id, id),
    CONSTRAINT levels_badge_fk FOREIGN KEY (tenant_id, badge_key) REFERENCES badges (tenant_id, key),
    CONSTRAINT levels_from_one CHECK (level > 0)
);

-- What is worth a note when a number is reached.
CREATE TABLE milestones (
    tenant_id  bigint      NOT NULL, -- owner
    key        text        NOT NULL, -- the tenant's own
    id         bigint      NOT NULL, -- time-ordered key
    name       text        NOT NULL, -- for people
    type       text        NOT NULL, -- XP_REACHED | ACTION_COUNT | REFERRALS | CONVERSIONS | COINS_EARNED
    action_key text, -- actions.key that ACTION_COUNT counts; null for the others
    threshold  bigint      NOT NULL, -- the number
    coins      units       NOT NULL, -- points it grants
    badge_key  text, -- badges.key it grants; null: none
    active     boolean     NOT NULL, -- can be reached
    created_at timestamptz NOT NULL, -- UTC
    updated_at timestamptz NOT NULL, -- UTC
    CONSTRAINT milestones_pk PRIMARY KEY (tenant_id, key),
    CONSTRAINT milestones_id_unique UNIQUE (tenant_id, id),
    CONSTRAINT milestones_action_fk FOREIGN KEY (tenant_id, action_key) REFERENCES actions (tenant_id, key),
    CONSTRAINT milestones_badge_fk FOREIGN KEY (tenant_id, badge_key) REFERENCES badges (tenant_id, key),
    CONSTRAINT milestones_type_known CHECK (type IN ('XP_REACHED', 'ACTION_COUNT', 'REFERRALS', 'CONVERSIONS', 'COINS_EARNED')),
    CONSTRAINT milestones_counts_an_action CHECK ((type = 'ACTION_COUNT') = (action_key IS NOT NULL)),
    CONSTRAINT milestones_threshold_positive CHECK (threshold > 0)
);

-- A set of actions to be done within a window; pays once.
CREATE TABLE quests (
    tenant_id   bigint      NOT NULL, -- owner
    key         text        NOT NULL, -- the tenant's own
    id          bigint      NOT NULL, -- time-ordered key; public as qst_...
    name        text        NOT NULL, -- for people
    description text, -- for people
    starts_at   timestamptz, -- UTC; null: at once
    ends_at     timestamptz, -- UTC, exclusive; null: never
    coins       units       NOT NULL, -- points it pays
    xp          units       NOT NULL, -- XP it pays
    tokens      units       NOT NULL, -- tokens it pays
    badge_key   text, -- badges.key it grants; null: none
    active      boolean     NOT NULL, -- counts, and can be completed
    created_at  timestamptz NOT NULL, -- UTC
    updated_at  timestamptz NOT NULL, -- UTC
    CONSTRAINT quests_pk PRIMARY KEY (tenant_id, key),
    CONSTRAINT quests_id_unique UNIQUE (tenant_id, id),
    CONSTRAINT quests_badge_fk FOREIGN KEY (tenant_id, badge_key) REFERENCES badges (tenant_id, key),
    CONSTRAINT quests_window_forward CHECK (ends_at > starts_at)
);
CREATE TABLE quest_steps (
    tenant_id  bigint   NOT NULL, -- owner
    quest_key  text     NOT NULL, -- quests.key
    action_key text     NOT NULL, -- actions.key
    position   smallint NOT NULL, -- as it was given
    count      integer  NOT NULL, -- how many rewarded activities it takes
    CONSTRAINT quest_steps_pk PRIMARY KEY (tenant_id, quest_key, action_key),
    CONSTRAINT quest_steps_quest_fk FOREIGN KEY (tenant_id, quest_key) REFERENCES quests (tenant_id, key),
    CONSTRAINT quest_steps_action_fk FOREIGN KEY (tenant_id, action_key) REFERENCES actions (tenant_id, key),
    CONSTRAINT quest_steps_count_positive CHECK (count > 0)
);

-- Everything below about a member is read and written under the lock of the
-- member's XP account.

-- How far a member is. Written with each activity.
CREATE TABLE member_progress (
    tenant_id    bigint      NOT NULL, -- owner
    member_id    bigint      NOT NULL, -- members.id
    activities   bigint      NOT NULL, -- recorded; the newest one's place
    active_at    timestamptz NOT NULL, -- UTC; the newest one
    level        integer     NOT NULL, -- highest granted; 0: none
    settled      bigint      NOT NULL, -- version of the rules for which the two below hold
    next_xp      bigint      NOT NULL, -- below this XP there is nothing to grant; the greatest number: never
    next_coins   bigint      NOT NULL, -- below so many points ever earned, likewise
    CONSTRAINT member_progress_pk PRIMARY KEY (tenant_id, member_id)
) WITH (fillfactor = 60);

-- What a member did of one action. Written with each activity.
CREATE TABLE action_counts (
    tenant_id      bigint      NOT NULL, -- owner
    member_id      bigint      NOT NULL, -- members.id
    action_id      bigint      NOT NULL, -- actions.id
    activities     bigint      NOT NULL, -- recorded
    rewarded       bigint      NOT NULL, -- of these, not limited
    rewarded_at    timestamptz, -- UTC; newest of those; null: none
    settled        bigint      NOT NULL, -- version of the rules for which all that this count reaches is granted
    streak_period  text, -- DAILY | WEEKLY, of the run; null: the action had no streak
    streak_on      date, -- last day of the run in the member's time zone; null likewise
    streak_current integer     NOT NULL, -- length of the run that ended on that day
    streak_longest integer     NOT NULL, -- longest run ever
    CONSTRAINT action_counts_pk PRIMARY KEY (tenant_id, member_id, action_id),
    CONSTRAINT action_counts_rewarded_are_some CHECK (rewarded BETWEEN 0 AND activities),
    CONSTRAINT action_counts_streaks_fit CHECK (streak_current BETWEEN 0 AND streak_longest AND (streak_period IS NULL) = (streak_on IS NULL))
) WITH (fillfactor = 60);

-- One occurrence of an action. Append-only in practice.
CREATE TABLE activities (
    tenant_id       bigint      NOT NULL, -- owner
    member_id       bigint      NOT NULL, -- members.id
    place           bigint      NOT NULL, -- 1, 2, 3 ... per member, without gap, in order of created_at
    id              uuid        NOT NULL, -- public as evt_...
    action_id       bigint      NOT NULL, -- actions.id
    reason          text, -- COOLDOWN | MAX_REPEATS; null: it was rewarded
    coins           units       NOT NULL, -- points that the action itself paid
    xp              units       NOT NULL, -- XP, likewise
    tokens          units       NOT NULL, -- tokens, likewise
    idempotency_key text, -- as sent in the body
    record_id       uuid, -- the code, click or conversion that fired it; null: it was recorded by a call
    metadata        json, -- the caller's, as received
    created_at      timestamptz NOT NULL, -- UTC
    CONSTRAINT activities_pk PRIMARY KEY (tenant_id, member_id, place),
    CONSTRAINT activities_limited_earn_nothing CHECK (reason IS NULL OR (reason IN ('COOLDOWN', 'MAX_REPEATS') AND coins + xp + tokens = 0))
);
CREATE INDEX activities_by_time ON activities (tenant_id, created_at, id);
CREATE INDEX activities_by_action ON activities (tenant_id, action_id, created_at, id);
CREATE UNIQUE INDEX activities_record_once ON activities (tenant_id, action_id, record_id) WHERE record_id IS NOT NULL;

-- activity_at finds, by binary search, the place of the member's newest activity
-- before (or, inclusive, at) an instant; 0 when there is none.
CREATE FUNCTION activity_at(p_tenant_id bigint, p_member_id bigint, p_at timestamptz, p_inclusive boolean, p_newest bigint)
RETURNS bigint LANGUAGE plpgsql STABLE AS $$
DECLARE
    lo bigint := 0;
    hi bigint := p_newest;
    mid bigint;
    at timestamptz;
BEGIN
    WHILE lo < hi LOOP
        mid := (lo + hi + 1) / 2;
        SELECT a.created_at INTO at FROM activities a WHERE a.tenant_id = p_tenant_id AND a.member_id = p_member_id AND a.place = mid;
        IF at < p_at OR (p_inclusive AND at = p_at) THEN lo := mid; ELSE hi := mid - 1; END IF;
    END LOOP;
    RETURN lo;
END $$;

-- How many activities were recorded on a day and in a minute: totals and deep
-- pages without a scan.
CREATE TABLE activity_days (
    tenant_id  bigint   NOT NULL, -- owner
    action_id  bigint   NOT NULL, -- actions.id; 0: all of them
    day        date     NOT NULL, -- of created_at, UTC
    shard      smallint NOT NULL, -- spreads writers over rows, so that two batches rarely wait for each other
    activities bigint   NOT NULL, -- how many; only the sum over shards means something
    CONSTRAINT activity_days_pk PRIMARY KEY (tenant_id, action_id, day, shard)
) WITH (fillfactor = 60);
CREATE TABLE activity_minutes (
    tenant_id  bigint      NOT NULL, -- owner
    action_id  bigint      NOT NULL, -- actions.id; 0: all of them
    minute     timestamptz NOT NULL, -- of created_at, its beginning
    shard      smallint    NOT NULL, -- as above
    activities bigint      NOT NULL, -- how many; only the sum over shards means something
    CONSTRAINT activity_minutes_pk PRIMARY KEY (tenant_id, action_id, minute, shard)
) WITH (fillfactor = 60);

-- What an activity with an idempotency key in its body was answered, for ever.
CREATE TABLE activity_keys (
    tenant_id    bigint   NOT NULL, -- scope of the key
    key          text     NOT NULL, -- the caller's
    request_hash bytea    NOT NULL, -- SHA-256 of the rest of the event
    status       smallint NOT NULL, -- HTTP status answered
    body         bytea    NOT NULL, -- the bytes answered
    CONSTRAINT activity_keys_pk PRIMARY KEY (tenant_id, key)
);

-- A level that a member was granted; never twice, whatever becomes of the level.
CREATE TABLE level_grants (
    tenant_id    bigint      NOT NULL, -- owner
    member_id    bigint      NOT NULL, -- members.id
    level        integer     NOT NULL, -- levels.level, as it was
    xp_threshold units       NOT NULL, -- as it was
    coins        units       NOT NULL, -- what it granted
    granted_at   timestamptz NOT NULL, -- UTC
    CONSTRAINT level_grants_pk PRIMARY KEY (tenant_id, member_id, level)
);

-- A badge that a member has, or had. One row for ever: a revoked badge does not
-- come back by itself.
CREATE TABLE badge_grants (
    tenant_id  bigint      NOT NULL, -- owner
    member_id  bigint      NOT NULL, -- members.id
    badge_key  text        NOT NULL, -- badges.key
    source     text        NOT NULL, -- LEVEL | MILESTONE | CRITERIA | QUEST | AWARD
    earned_at  timestamptz NOT NULL, -- UTC
    revoked_at timestamptz, -- UTC; null: the member has it
    CONSTRAINT badge_grants_pk PRIMARY KEY (tenant_id, member_id, badge_key),
    CONSTRAINT badge_grants_badge_fk FOREIGN KEY (tenant_id, badge_key) REFERENCES badges (tenant_id, key),
    CONSTRAINT badge_grants_source_known CHECK (source IN ('LEVEL', 'MILESTONE', 'CRITERIA', 'QUEST', 'AWARD'))
);

-- A milestone that a member reached, as it was then.
CREATE TABLE milestone_grants (
    tenant_id     bigint      NOT NULL, -- owner
    member_id     bigint      NOT NULL, -- members.id
    milestone_key text        NOT NULL, -- milestones.key
    id            uuid        NOT NULL, -- public as mst_...
    name          text        NOT NULL, -- as it was
    type          text        NOT NULL, -- as it was
    threshold     bigint      NOT NULL, -- as it was
    coins         units       NOT NULL, -- what it granted
    badge_key     text, -- likewise; null: none
    achieved_at   timestamptz NOT NULL, -- UTC
    CONSTRAINT milestone_grants_pk PRIMARY KEY (tenant_id, member_id, milestone_key)
);
CREATE INDEX milestone_grants_by_time ON milestone_grants (tenant_id, achieved_at, id);
CREATE INDEX milestone_grants_by_key ON milestone_grants (tenant_id, milestone_key, achieved_at, id);

-- How many were reached on a day: totals and deep pages without a scan.
CREATE TABLE milestone_days (
    tenant_id     bigint   NOT NULL, -- owner
    milestone_key text     NOT NULL, -- milestones.key; empty: all of them
    day           date     NOT NULL, -- of achieved_at, UTC
    shard         smallint NOT NULL, -- as activity_days.shard
    milestones    bigint   NOT NULL, -- how many; only the sum over shards means something
    CONSTRAINT milestone_days_pk PRIMARY KEY (tenant_id, milestone_key, day, shard)
) WITH (fillfactor = 60);

-- What a member has done of a quest that is not completed, in its window.
CREATE TABLE quest_progress (
    tenant_id bigint  NOT NULL, -- owner
    member_id bigint  NOT NULL, -- members.id
    quest_id  bigint  NOT NULL, -- quests.id
    action_id bigint  NOT NULL, -- actions.id of the step
    done      integer NOT NULL, -- rewarded activities, at most the step's count
    CONSTRAINT quest_progress_pk PRIMARY KEY (tenant_id, member_id, quest_id, action_id),
    CONSTRAINT quest_progress_done_positive CHECK (done > 0)
);

-- A quest that a member completed.
CREATE TABLE quest_grants (
    tenant_id    bigint      NOT NULL, -- owner
    member_id    bigint      NOT NULL, -- members.id
    quest_key    text        NOT NULL, -- quests.key
    coins        units       NOT NULL, -- what it paid
    xp           units       NOT NULL, -- likewise
    tokens       units       NOT NULL, -- likewise
    completed_at timestamptz NOT NULL, -- UTC
    CONSTRAINT quest_grants_pk PRIMARY KEY (tenant_id, member_id, quest_key)
);
