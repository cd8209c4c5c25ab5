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
    amounts      bigint   NOT NULL DEFAULT 0, -- conversions with an amount
    amount_sum   double precision NOT NULL DEFAULT 0, -- of amounts in minor units; for the outlier signal, not for money
    amount_sq    double precision NOT NULL DEFAULT 0, -- of their squares; likewise
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

-- The newest counted click of a referee on a code: the next within 24 hours does not count.
CREATE TABLE visits (
    tenant_id   bigint      NOT NULL, -- owner
    referral_id uuid        NOT NULL, -- referrals.id
    referee_id  bigint      NOT NULL, -- members.id
    counted_at  timestamptz NOT NULL, -- UTC
    clicked_at  timestamptz NOT NULL, -- UTC; newest click, counted or not
    CONSTRAINT visits_pk PRIMARY KEY (tenant_id, referral_id, referee_id)
);

-- Binds a referee to the first code of a campaign that was clicked or converted.
CREATE TABLE attributions (
    tenant_id    bigint      NOT NULL, -- owner
    campaign_id  text        NOT NULL, -- campaigns.id
    referee_id   bigint      NOT NULL, -- members.id
    referral_id  uuid        NOT NULL, -- referrals.id, for ever
    codes        integer     NOT NULL, -- different codes of the campaign met by the referee
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
CREATE INDEX rewards_by_member ON rewards (tenant_id, member_id, created_at, id);
CREATE INDEX rewards_by_time ON rewards (tenant_id, created_at, id);
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
