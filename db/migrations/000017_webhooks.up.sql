SET lock_timeout = '5s';

-- Where a tenant's programs hear of events, and how far each has been told. Whoever
-- holds the row gives it deliveries and decides who works on them.
CREATE TABLE webhook_endpoints (
    tenant_id     bigint      NOT NULL, -- owner
    id            bigint      NOT NULL, -- ours, time-ordered
    url           text        NOT NULL, -- where to send; may hold a token of the receiver's
    description   text        NOT NULL, -- for people
    style         text        NOT NULL, -- incenta | incentable: whose bodies, headers and events
    kinds         smallint[]  NOT NULL, -- events it wants, see internal/event/kind.go; empty: all of its style
    state         text        NOT NULL, -- active | paused | disabled | deleted: what is left of one is being removed
    reason        text, -- of disabled: failing | gone
    seen          bigint      NOT NULL, -- number of the last event of the feed that was looked at
    since         bigint      NOT NULL, -- commits drawn before (commits.drawn) are not told; 0 once none of them is ahead
    failures      integer     NOT NULL, -- attempts that failed since the last that did not
    failing_since timestamptz, -- the first of those; null: none
    retry_at      timestamptz NOT NULL, -- no attempt before, by the tenant's clock
    worker        uuid, -- the job that alone may send; null: none
    worker_until  timestamptz NOT NULL, -- end of that right, by the tenant's clock
    created_at    timestamptz NOT NULL, -- UTC
    updated_at    timestamptz NOT NULL, -- last change by a caller, or by being disabled; UTC
    CONSTRAINT webhook_endpoints_pk PRIMARY KEY (tenant_id, id),
    CONSTRAINT webhook_endpoints_tenant_fk FOREIGN KEY (tenant_id) REFERENCES tenants (tenant_id),
    CONSTRAINT webhook_endpoints_style_known CHECK (style IN ('incenta', 'incentable')),
    CONSTRAINT webhook_endpoints_state_known CHECK (state IN ('active', 'paused', 'disabled', 'deleted')),
    CONSTRAINT webhook_endpoints_reason_known CHECK ((state = 'disabled') = (reason IS NOT NULL) AND reason IN ('failing', 'gone')),
    CONSTRAINT webhook_endpoints_failing_since CHECK ((failures > 0) = (failing_since IS NOT NULL))
);
CREATE INDEX webhook_endpoints_active ON webhook_endpoints (tenant_id, id) WHERE state = 'active';
CREATE INDEX webhook_endpoints_deleted ON webhook_endpoints (tenant_id, id) WHERE state = 'deleted';

-- The secrets that an endpoint's deliveries are signed under: one, or two while it
-- is being rotated.
CREATE TABLE webhook_secrets (
    tenant_id   bigint      NOT NULL, -- owner
    endpoint_id bigint      NOT NULL, -- the endpoint
    id          bigint      NOT NULL, -- ours, time-ordered: the newest is the last
    sealed      bytea       NOT NULL, -- nonce and secret, AES-256-GCM under a server secret, bound to this row
    created_at  timestamptz NOT NULL, -- UTC
    expires_at  timestamptz, -- end of the overlap after a rotation; null: none
    CONSTRAINT webhook_secrets_pk PRIMARY KEY (tenant_id, endpoint_id, id),
    CONSTRAINT webhook_secrets_endpoint_fk FOREIGN KEY (tenant_id, endpoint_id) REFERENCES webhook_endpoints (tenant_id, id)
);

-- One event on its way to one endpoint. No body: that is made from the feed at each
-- attempt. No foreign keys either, which would cost as much as the row; the audit
-- looks instead.
CREATE TABLE webhook_deliveries (
    tenant_id     bigint      NOT NULL, -- owner
    endpoint_id   bigint      NOT NULL, -- where to
    number        bigint      NOT NULL, -- the event's in the tenant's feed; below 0: a test, which is in no feed
    kind          smallint    NOT NULL, -- the event's; 0: a test
    state         text        NOT NULL, -- pending | delivered | failed
    attempts      smallint    NOT NULL, -- that were made and marked, since it was made or replayed
    due_at        timestamptz NOT NULL, -- pending: when to attempt next, by the tenant's clock
    created_at    timestamptz NOT NULL, -- by the tenant's clock, UTC
    attempted_at  timestamptz, -- the last attempt; null: none
    status        smallint, -- HTTP status of its answer; null: none came
    problem       text, -- why none came; null: it did
    duration_ms   integer, -- it took so long
    request_head  json, -- its headers, bounded
    response_head json, -- its answer's headers, bounded
    CONSTRAINT webhook_deliveries_pk PRIMARY KEY (tenant_id, endpoint_id, number),
    CONSTRAINT webhook_deliveries_state_known CHECK (state IN ('pending', 'delivered', 'failed'))
);
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (tenant_id, endpoint_id, due_at, number) WHERE state = 'pending';
CREATE INDEX webhook_deliveries_failed ON webhook_deliveries (tenant_id, endpoint_id, number) WHERE state = 'failed';
