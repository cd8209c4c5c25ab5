SET lock_timeout = '5s';

-- Domains, not column checks, wherever a rule concerns one value: PostgreSQL
-- reads a table's checks anew for every statement, a domain's once per session.
-- Without the six checks of transfers, inserting a batch of 17 awards took 9.2
-- instead of 16.3 microseconds an award (pg_stat_statements, on a shared machine).
CREATE DOMAIN units AS bigint CONSTRAINT units_not_negative CHECK (VALUE >= 0);
CREATE DOMAIN amount AS bigint CONSTRAINT amount_positive CHECK (VALUE > 0);

-- One member's holdings of one asset: the three ledger accounts available,
-- pending and debt, side by side because they are always locked together.
-- The invariants named in the constraints are numbered in internal/ledger/doc.go.
CREATE TABLE accounts (
    tenant_id bigint   NOT NULL, -- owner
    member_id bigint   NOT NULL, -- members.id
    asset     smallint NOT NULL, -- 1 points, 2 tokens, 3 xp
    available units    NOT NULL DEFAULT 0, -- spendable units, expired ones not yet swept included
    pending   units    NOT NULL DEFAULT 0, -- units on hold
    debt      units    NOT NULL DEFAULT 0, -- units owed after a clawback
    dated     units    NOT NULL DEFAULT 0, -- the part of available that lies in lots with an expiry
    earned    bigint   NOT NULL DEFAULT 0, -- units ever awarded (lifetime)
    redeemed  bigint   NOT NULL DEFAULT 0, -- units ever redeemed, less cancelled orders (lifetime)
    seq       bigint   NOT NULL DEFAULT 0, -- number of the newest transfer
    awards    bigint   NOT NULL DEFAULT 0, -- transfers shown as award
    redeems   bigint   NOT NULL DEFAULT 0, -- transfers shown as redeem
    deducts   bigint   NOT NULL DEFAULT 0, -- transfers shown as deduct
    expires   bigint   NOT NULL DEFAULT 0, -- transfers shown as expire
    due_at    timestamptz, -- earliest instant at which a lot expires, a hold matures or idleness ends it; null: never
    idle_at   timestamptz, -- under the inactivity policy: instant at which everything undated expires
    moved_at  timestamptz NOT NULL, -- instant of the newest transfer, UTC
    CONSTRAINT accounts_pk PRIMARY KEY (tenant_id, member_id, asset),
    CONSTRAINT accounts_member_fk FOREIGN KEY (tenant_id, member_id) REFERENCES members (tenant_id, id),
    CONSTRAINT accounts_debt_repaid_first CHECK (debt = 0 OR available = 0),
    CONSTRAINT accounts_dated_within_available CHECK (dated <= available)
) WITH (fillfactor = 60); -- room for heap-only updates: no indexed column changes in an award
CREATE INDEX accounts_due ON accounts (tenant_id, due_at) WHERE due_at IS NOT NULL;

-- The books. One row moves `amount` units of one asset from one account to
-- another; at least one of the two is the member's. Append-only.
CREATE TABLE transfers (
    tenant_id       bigint      NOT NULL, -- owner
    member_id       bigint      NOT NULL, -- the member whose account moves
    asset           smallint    NOT NULL, -- as accounts.asset
    seq             bigint      NOT NULL, -- 1, 2, 3 ... per account, without gap
    kind            smallint    NOT NULL, -- business event, see internal/ledger/kind.go
    from_account    smallint    NOT NULL, -- 1 available 2 pending 3 debt 4 issued 5 redeemed 6 expired 7 adjusted
    to_account      smallint    NOT NULL, -- likewise
    amount          amount      NOT NULL, -- whole units
    available_after units       NOT NULL, -- the member's accounts after this transfer
    pending_after   units       NOT NULL, -- likewise
    debt_after      units       NOT NULL, -- likewise
    awards          bigint      NOT NULL, -- transfers shown as award up to and with this one: finds page N without a scan
    redeems         bigint      NOT NULL, -- likewise, redeem
    deducts         bigint      NOT NULL, -- likewise, deduct
    expires         bigint      NOT NULL, -- likewise, expire
    cause_seq       bigint, -- the transfer that this one undoes
    cause_id        uuid, -- the hold, order or other object that this one belongs to
    reason          varchar(500) NOT NULL, -- for people
    reference       text, -- the caller's own reference
    metadata        json, -- the caller's own object, as received
    created_at      timestamptz NOT NULL, -- instant it took effect, UTC; never before its predecessor's
    CONSTRAINT transfers_pk PRIMARY KEY (tenant_id, member_id, asset, seq),
    CONSTRAINT transfers_two_accounts CHECK (from_account <> to_account AND LEAST(from_account, to_account) <= 3)
);

-- Units of one account that expire at one instant. What never expires lies in no lot.
CREATE TABLE lots (
    tenant_id  bigint      NOT NULL, -- owner
    member_id  bigint      NOT NULL, -- account
    asset      smallint    NOT NULL, -- account
    expires_at timestamptz NOT NULL, -- from this instant on the units are gone, UTC
    remaining  units       NOT NULL, -- units left
    CONSTRAINT lots_pk PRIMARY KEY (tenant_id, member_id, asset, expires_at),
    CONSTRAINT lots_account_fk FOREIGN KEY (tenant_id, member_id, asset) REFERENCES accounts (tenant_id, member_id, asset)
);

-- What a transfer put into (positive) or took from (negative) a lot. Append-only.
CREATE TABLE lot_entries (
    tenant_id  bigint      NOT NULL, -- owner
    member_id  bigint      NOT NULL, -- account
    asset      smallint    NOT NULL, -- account
    seq        bigint      NOT NULL, -- the transfer
    expires_at timestamptz NOT NULL, -- the lot
    amount     bigint      NOT NULL, -- signed units
    CONSTRAINT lot_entries_pk PRIMARY KEY (tenant_id, member_id, asset, seq, expires_at),
    CONSTRAINT lot_entries_transfer_fk FOREIGN KEY (tenant_id, member_id, asset, seq) REFERENCES transfers (tenant_id, member_id, asset, seq),
    CONSTRAINT lot_entries_amount_not_zero CHECK (amount <> 0)
);

-- Units awarded but not yet the member's to spend.
CREATE TABLE holds (
    tenant_id  bigint      NOT NULL, -- owner
    id         uuid        NOT NULL, -- public as hold_...
    member_id  bigint      NOT NULL, -- account
    asset      smallint    NOT NULL, -- account
    amount     amount      NOT NULL, -- units
    state      text        NOT NULL, -- held | matured | cancelled
    matures_at timestamptz, -- null: waits for a decision
    cause_id   uuid, -- the object that the award belongs to
    reason     text        NOT NULL, -- shown on the award it becomes
    reference  text, -- likewise
    metadata   json, -- likewise
    opened_seq bigint      NOT NULL, -- the transfer issued -> pending
    closed_seq bigint, -- the transfer that matured or cancelled it
    created_at timestamptz NOT NULL, -- UTC
    closed_at  timestamptz, -- UTC
    CONSTRAINT holds_pk PRIMARY KEY (tenant_id, id),
    CONSTRAINT holds_account_fk FOREIGN KEY (tenant_id, member_id, asset) REFERENCES accounts (tenant_id, member_id, asset),
    CONSTRAINT holds_state_known CHECK (state IN ('held', 'matured', 'cancelled')),
    CONSTRAINT holds_closed_once CHECK ((state = 'held') = (closed_seq IS NULL) AND (closed_seq IS NULL) = (closed_at IS NULL))
);
CREATE INDEX holds_open ON holds (tenant_id, member_id, asset) WHERE state = 'held';
CREATE INDEX holds_by_member ON holds (tenant_id, member_id, id);

-- A spend that was refunded or a grant that was reversed; the key makes it once.
CREATE TABLE undone (
    tenant_id bigint      NOT NULL, -- owner
    member_id bigint      NOT NULL, -- account
    asset     smallint    NOT NULL, -- account
    seq       bigint      NOT NULL, -- the transfer that was undone
    taken     units       NOT NULL, -- units that moved back
    owed      units       NOT NULL, -- units that became debt
    forgiven  units       NOT NULL, -- units that the clawback policy let go
    at        timestamptz NOT NULL, -- UTC
    CONSTRAINT undone_pk PRIMARY KEY (tenant_id, member_id, asset, seq),
    CONSTRAINT undone_transfer_fk FOREIGN KEY (tenant_id, member_id, asset, seq) REFERENCES transfers (tenant_id, member_id, asset, seq)
);

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'table % is append-only', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE TRIGGER transfers_append_only BEFORE UPDATE OR DELETE ON transfers FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER transfers_no_truncate BEFORE TRUNCATE ON transfers EXECUTE FUNCTION refuse_change();
CREATE TRIGGER lot_entries_append_only BEFORE UPDATE OR DELETE ON lot_entries FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER lot_entries_no_truncate BEFORE TRUNCATE ON lot_entries EXECUTE FUNCTION refuse_change();

-- transfer_seek finds, by binary search over the running counts, the number of
-- the transfer that is the account's n-th shown one (of one type, or of any).
-- About twenty primary-key lookups at any depth.
CREATE FUNCTION transfer_seek(p_tenant_id bigint, p_member_id bigint, p_asset smallint, p_type text, p_n bigint, p_newest bigint)
RETURNS bigint LANGUAGE plpgsql STABLE AS $$
DECLARE
    lo bigint := greatest(p_n, 1);
    hi bigint := p_newest;
    mid bigint;
    shown bigint;
BEGIN
    WHILE lo < hi LOOP
        mid := (lo + hi) / 2;
        SELECT CASE p_type WHEN 'award' THEN t.awards WHEN 'redeem' THEN t.redeems WHEN 'deduct' THEN t.deducts
                           WHEN 'expire' THEN t.expires ELSE t.awards + t.redeems + t.deducts + t.expires END
          INTO shown
          FROM transfers t
         WHERE t.tenant_id = p_tenant_id AND t.member_id = p_member_id AND t.asset = p_asset AND t.seq = mid;
        IF shown >= p_n THEN hi := mid; ELSE lo := mid + 1; END IF;
    END LOOP;
    RETURN lo;
END $$;

-- transfer_at finds, by binary search, the number of the account's newest
-- transfer before (or, inclusive, at) an instant; 0 when there is none.
CREATE FUNCTION transfer_at(p_tenant_id bigint, p_member_id bigint, p_asset smallint, p_at timestamptz, p_inclusive boolean, p_newest bigint)
RETURNS bigint LANGUAGE plpgsql STABLE AS $$
DECLARE
    lo bigint := 0;
    hi bigint := p_newest;
    mid bigint;
    at timestamptz;
BEGIN
    WHILE lo < hi LOOP
        mid := (lo + hi + 1) / 2;
        SELECT t.created_at INTO at FROM transfers t
         WHERE t.tenant_id = p_tenant_id AND t.member_id = p_member_id AND t.asset = p_asset AND t.seq = mid;
        IF at < p_at OR (p_inclusive AND at = p_at) THEN lo := mid; ELSE hi := mid - 1; END IF;
    END LOOP;
    RETURN lo;
END $$;
