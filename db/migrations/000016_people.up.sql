SET lock_timeout = '5s';

-- How much a tenant's callers may ask. Off until the tenant says otherwise.
ALTER TABLE tenants ADD COLUMN incenta_month_calls bigint; -- calls a calendar month (UTC) of all Incenta keys together; null: no limit
ALTER TABLE tenants ADD COLUMN incentable_minute_calls bigint; -- calls a minute of each Incentable key; null: no limit
ALTER TABLE tenants ADD CONSTRAINT tenants_limits_positive CHECK (incenta_month_calls > 0 AND incentable_minute_calls > 0);

-- What was taken of a window's budget. Servers take portions, and return what
-- is left of them when they stop; see internal/limit. One row for all windows.
CREATE TABLE budgets (
    tenant_id   bigint      NOT NULL, -- owner
    key_id      bigint      NOT NULL, -- api_keys.id whose budget it is; 0: of all Incenta keys of the tenant
    starts_at   timestamptz NOT NULL, -- the window's beginning by real time, UTC
    taken       bigint      NOT NULL, -- calls that servers took in this window
    portion     bigint      NOT NULL, -- calls that the newest taking got
    exceeded_at timestamptz, -- when callers were told that the month's quota was exceeded, UTC; null: not in this window
    CONSTRAINT budgets_pk PRIMARY KEY (tenant_id, key_id)
) WITH (fillfactor = 50); -- room for heap-only updates

-- An idempotency key may say anything about anybody: it is found by its hash.
ALTER TABLE idempotency_keys ALTER COLUMN key TYPE bytea USING sha256(convert_to(key, 'UTF8')); -- SHA-256 of the caller's

-- What callers say about transfers is sealed with a key of the member's: rows of
-- the books never change, and what they say of a person can be forgotten by
-- destroying the key. See internal/memo, whose cipher these functions are.
ALTER TABLE members ADD COLUMN memo_key uuid DEFAULT gen_random_uuid(); -- seals the memos of the member's transfers; null: destroyed

CREATE FUNCTION memo_cipher(p_key uuid, p_nonce bytea, p_text bytea) RETURNS bytea LANGUAGE sql IMMUTABLE STRICT AS $$
    SELECT substring(string_agg(int8send(
               ('x' || encode(substring(p_text || '\x00000000000000'::bytea FROM 8 * w + 1 FOR 8), 'hex'))::bit(64)::bigint
             # ('x' || encode(substring(sha256(uuid_send(p_key) || p_nonce || int4send(w / 4)) FROM 8 * (w % 4) + 1 FOR 8), 'hex'))::bit(64)::bigint
           ), ''::bytea ORDER BY w) FROM 1 FOR length(p_text))
      FROM generate_series(0, (length(p_text) - 1) / 8) AS w
$$;
CREATE FUNCTION memo_seal(p_key uuid, p_reason text, p_reference text, p_metadata json) RETURNS bytea LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    text bytea := convert_to(COALESCE(p_reason, ''), 'UTF8') || '\x00'::bytea || convert_to(COALESCE(p_reference, ''), 'UTF8') || '\x00'::bytea
               || convert_to(COALESCE(p_metadata::text, ''), 'UTF8');
    nonce bytea := substring(uuid_send(gen_random_uuid()) FROM 1 FOR 12);
BEGIN
    IF p_key IS NULL OR length(text) = 2 THEN RETURN ''::bytea; END IF;
    RETURN nonce || memo_cipher(p_key, nonce, text);
END $$;
CREATE FUNCTION memo_open(p_key uuid, p_memo bytea, OUT reason text, OUT reference text, OUT metadata json) LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    text bytea;
    one int;
    two int;
BEGIN
    reason := '';
    IF p_key IS NULL OR length(p_memo) < 12 THEN RETURN; END IF;
    text := memo_cipher(p_key, substring(p_memo FROM 1 FOR 12), substring(p_memo FROM 13));
    one := position('\x00'::bytea IN text);
    two := one + position('\x00'::bytea IN substring(text FROM one + 1));
    reason := convert_from(substring(text FROM 1 FOR one - 1), 'UTF8');
    reference := NULLIF(convert_from(substring(text FROM one + 1 FOR two - one - 1), 'UTF8'), '');
    metadata := NULLIF(convert_from(substring(text FROM two + 1), 'UTF8'), '')::json;
END $$;

ALTER TABLE transfers ADD COLUMN memo bytea NOT NULL DEFAULT ''; -- what the caller says, sealed (internal/memo); empty: nothing
ALTER TABLE transfers DISABLE TRIGGER transfers_append_only;
UPDATE transfers AS t SET memo = memo_seal(m.memo_key, t.reason, t.reference, t.metadata)
  FROM members AS m WHERE m.tenant_id = t.tenant_id AND m.id = t.member_id;
ALTER TABLE transfers ENABLE TRIGGER transfers_append_only;
ALTER TABLE transfers DROP COLUMN reason, DROP COLUMN reference, DROP COLUMN metadata;

-- Whoever asked to be forgotten. What is left of a member is a row with a made-up
-- id, and books that add up; see internal/person.
ALTER TABLE members ADD COLUMN erased_at timestamptz; -- UTC; external_id is a made-up one since; null: not erased
CREATE TABLE erasures (
    tenant_id    bigint      NOT NULL, -- owner
    member_id    bigint      NOT NULL, -- members.id
    digest       bytea       NOT NULL, -- keyed hash of the caller's id of the member, to answer whether they were erased
    words        text[]      NOT NULL, -- what stored answers about the member are found by; emptied when the erasure is complete
    erased_at    timestamptz NOT NULL, -- UTC, by the tenant's clock; from then on nobody finds the member
    completed_at timestamptz, -- likewise; null: something is still to be removed
    CONSTRAINT erasures_pk PRIMARY KEY (tenant_id, member_id),
    CONSTRAINT erasures_member_fk FOREIGN KEY (tenant_id, member_id) REFERENCES members (tenant_id, id),
    CONSTRAINT erasures_words_gone CHECK (completed_at IS NULL OR words = '{}')
);
CREATE INDEX erasures_by_digest ON erasures (tenant_id, digest, erased_at);
CREATE INDEX erasures_open ON erasures (tenant_id, member_id) WHERE completed_at IS NULL;

-- Cases are found by their people.
CREATE INDEX cases_of_referral ON cases (tenant_id, referral_id);
CREATE INDEX cases_by_referrer ON cases (tenant_id, referrer_id) WHERE referrer_id IS NOT NULL;
CREATE INDEX cases_by_referee ON cases (tenant_id, referee_id) WHERE referee_id IS NOT NULL;

-- The transactions that have looked at members and are not over yet: every
-- transaction keeps the lock with which it read a table until it ends.
CREATE FUNCTION member_readers() RETURNS SETOF text LANGUAGE sql VOLATILE AS $$
    SELECT DISTINCT l.virtualtransaction
      FROM pg_locks AS l
     WHERE l.locktype = 'relation' AND l.relation = 'members'::regclass AND l.granted AND l.pid <> pg_backend_pid()
       AND l.database = (SELECT d.oid FROM pg_database AS d WHERE d.datname = current_database())
$$;

-- How values are shown, for what is rendered in the database: the same as the
-- API's (internal/id, internal/wire).
CREATE FUNCTION public_text(p_prefix text, p_bytes bytea) RETURNS text LANGUAGE sql IMMUTABLE STRICT AS $$
    SELECT p_prefix || string_agg(substr('0123456789abcdefghjkmnpqrstvwxyz', substring(b.bits FROM 5 * i + 1 FOR 5)::bit(5)::int + 1, 1), '' ORDER BY i)
      FROM (SELECT ('x' || encode(p_bytes, 'hex'))::varbit || B'0000' AS bits) AS b, generate_series(0, (8 * length(p_bytes) + 4) / 5 - 1) AS i
$$;
CREATE FUNCTION public_id(p_prefix text, p_id uuid) RETURNS text LANGUAGE sql IMMUTABLE STRICT AS $$
    SELECT public_text(p_prefix, uuid_send(p_id))
$$;
CREATE FUNCTION public_transfer(p_at timestamptz, p_member bigint, p_asset smallint, p_seq bigint) RETURNS text LANGUAGE sql IMMUTABLE STRICT AS $$
    SELECT public_text('txn_', substring(int8send(floor(extract(epoch FROM p_at) * 1000)::bigint) FROM 3)
                            || int8send(p_member) || substring(int8send((p_asset::bigint << 38) | p_seq) FROM 4))
$$;
CREATE FUNCTION public_time(p_at timestamptz) RETURNS text LANGUAGE sql IMMUTABLE STRICT AS $$
    SELECT to_char(p_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')
$$;
CREATE FUNCTION asset_name(p_asset smallint) RETURNS text LANGUAGE sql IMMUTABLE STRICT AS $$
    SELECT (ARRAY['points', 'tokens', 'xp'])[p_asset]
$$;

-- The planner samples values of the columns it may meet in conditions, and keeps
-- them where no erasure gets at: of what may be personal it keeps none. The
-- conditions on these columns are look-ups by unique keys, which need no sample.
ALTER TABLE members ALTER COLUMN external_id SET STATISTICS 0, ALTER COLUMN name SET STATISTICS 0, ALTER COLUMN email SET STATISTICS 0, ALTER COLUMN memo_key SET STATISTICS 0;
ALTER TABLE erasures ALTER COLUMN words SET STATISTICS 0;
ALTER TABLE idempotency_keys ALTER COLUMN body SET STATISTICS 0;
ALTER TABLE transfers ALTER COLUMN memo SET STATISTICS 0;
ALTER TABLE holds ALTER COLUMN reason SET STATISTICS 0, ALTER COLUMN reference SET STATISTICS 0, ALTER COLUMN metadata SET STATISTICS 0;
ALTER TABLE orders ALTER COLUMN address SET STATISTICS 0, ALTER COLUMN tracking_number SET STATISTICS 0, ALTER COLUMN carrier SET STATISTICS 0;
ALTER TABLE referrals ALTER COLUMN code SET STATISTICS 0, ALTER COLUMN username SET STATISTICS 0, ALTER COLUMN email SET STATISTICS 0,
    ALTER COLUMN network SET STATISTICS 0, ALTER COLUMN device SET STATISTICS 0;
ALTER INDEX referrals_code_unique ALTER COLUMN 2 SET STATISTICS 0;
ALTER TABLE clicks ALTER COLUMN network SET STATISTICS 0, ALTER COLUMN device SET STATISTICS 0;
ALTER TABLE attributions ALTER COLUMN email SET STATISTICS 0;
ALTER TABLE visits ALTER COLUMN email SET STATISTICS 0;
ALTER TABLE conversions ALTER COLUMN network SET STATISTICS 0, ALTER COLUMN device SET STATISTICS 0, ALTER COLUMN metadata SET STATISTICS 0;
ALTER TABLE sightings ALTER COLUMN trait SET STATISTICS 0;
ALTER TABLE cases ALTER COLUMN note SET STATISTICS 0;
ALTER TABLE signals ALTER COLUMN evidence SET STATISTICS 0;
ALTER TABLE blocked ALTER COLUMN value SET STATISTICS 0, ALTER COLUMN note SET STATISTICS 0;
ALTER TABLE activities ALTER COLUMN idempotency_key SET STATISTICS 0, ALTER COLUMN metadata SET STATISTICS 0;
ALTER TABLE activity_keys ALTER COLUMN key SET STATISTICS 0, ALTER COLUMN body SET STATISTICS 0;
