-- Set-based queries here look their rows up one by one, in a LATERAL subquery
-- that OFFSET 0 keeps apart, never by a plain join with the arrays: plans are
-- made once per connection, and one made while a table was small would walk the
-- tenant's whole table for every batch until statistics are gathered.

-- name: AccountListForUpdate :many
-- Locks the named members' accounts in the one lock order (member, asset).
-- By members_external_unique and accounts_pk. Pairs without an account are absent.
SELECT s.external_id, s.memo_key, a.*
  FROM (SELECT m.id, m.external_id, m.memo_key, w.asset
          FROM (SELECT unnest(@external_ids::text[]) AS external_id, unnest(@assets::smallint[]) AS asset) AS w
         CROSS JOIN LATERAL (SELECT x.id, x.external_id, x.memo_key FROM members AS x
                              WHERE x.tenant_id = @tenant_id AND x.external_id = w.external_id OFFSET 0) AS m
         ORDER BY m.id, w.asset) AS s
 CROSS JOIN LATERAL (SELECT y.* FROM accounts AS y
                      WHERE y.tenant_id = @tenant_id AND y.member_id = s.id AND y.asset = s.asset
                        FOR NO KEY UPDATE) AS a;

-- name: AccountListRangeForUpdate :many
-- Locks members' accounts of consecutive assets, in the same order: one look-up
-- for each member, one for its accounts. By members_external_unique and accounts_pk.
SELECT s.external_id, s.memo_key, a.*
  FROM (SELECT m.id, m.external_id, m.memo_key
          FROM (SELECT unnest(@external_ids::text[]) AS external_id) AS w
         CROSS JOIN LATERAL (SELECT x.id, x.external_id, x.memo_key FROM members AS x
                              WHERE x.tenant_id = @tenant_id AND x.external_id = w.external_id OFFSET 0) AS m
         ORDER BY m.id) AS s
 CROSS JOIN LATERAL (SELECT y.* FROM accounts AS y
                      WHERE y.tenant_id = @tenant_id AND y.member_id = s.id AND y.asset BETWEEN @lowest::smallint AND @highest::smallint
                      ORDER BY y.asset
                        FOR NO KEY UPDATE) AS a;

-- name: AccountInsertMany :exec
-- Opens accounts for members that have none of the asset yet; existing ones stay.
INSERT INTO accounts (tenant_id, member_id, asset, moved_at)
SELECT m.tenant_id, m.id, w.asset, @at::timestamptz
  FROM (SELECT unnest(@external_ids::text[]) AS external_id, unnest(@assets::smallint[]) AS asset) AS w
  JOIN members AS m ON m.tenant_id = @tenant_id AND m.external_id = w.external_id
 ORDER BY m.id, w.asset
    ON CONFLICT (tenant_id, member_id, asset) DO NOTHING;

-- name: AccountUpdateMany :exec
-- Stores locked accounts, each where its lock was read (ctid), so that none is looked
-- up again; no indexed column is touched unless due_at moves.
UPDATE accounts AS a
   SET available = w.available, pending = w.pending, debt = w.debt, dated = w.dated, earned = w.earned, redeemed = w.redeemed, seq = w.seq,
       awards = w.awards, redeems = w.redeems, deducts = w.deducts, expires = w.expires,
       due_at = NULLIF(w.due_at, '0001-01-01Z'), idle_at = NULLIF(w.idle_at, '0001-01-01Z'), moved_at = w.moved_at, mark = w.mark
  FROM (SELECT @tenant_id::bigint AS tenant_id, unnest(@ctids::tid[]) AS ctid,
               unnest(@available::bigint[]) AS available, unnest(@pending::bigint[]) AS pending, unnest(@debt::bigint[]) AS debt,
               unnest(@dated::bigint[]) AS dated, unnest(@earned::bigint[]) AS earned, unnest(@redeemed::bigint[]) AS redeemed,
               unnest(@seqs::bigint[]) AS seq, unnest(@awards::bigint[]) AS awards, unnest(@redeems::bigint[]) AS redeems,
               unnest(@deducts::bigint[]) AS deducts, unnest(@expires::bigint[]) AS expires,
               unnest(@due_at::timestamptz[]) AS due_at, unnest(@idle_at::timestamptz[]) AS idle_at, unnest(@moved_at::timestamptz[]) AS moved_at,
               unnest(@marks::bigint[]) AS mark) AS w
 WHERE a.tenant_id = w.tenant_id AND a.ctid = w.ctid;

-- name: AccountGet :one
-- One member's account with the tenant's clock; a missing account reads as zeros.
SELECT m.id AS member_id, m.memo_key, t.clock_offset_us, a.available, a.pending, a.debt, a.earned, a.redeemed, a.due_at,
       a.seq, a.awards, a.redeems, a.deducts, a.expires
  FROM members AS m
  JOIN tenants AS t ON t.tenant_id = m.tenant_id
  LEFT JOIN accounts AS a ON a.tenant_id = m.tenant_id AND a.member_id = m.id AND a.asset = @asset
 WHERE m.tenant_id = @tenant_id AND m.external_id = @external_id;

-- name: AccountListByMember :many
-- All accounts of one member. By members_external_unique and accounts_pk.
SELECT a.asset, a.available, a.pending, a.debt, a.earned, a.redeemed, a.due_at
  FROM members AS m
  JOIN accounts AS a ON a.tenant_id = m.tenant_id AND a.member_id = m.id
 WHERE m.tenant_id = @tenant_id AND m.external_id = @external_id;

-- name: AccountListByPlace :many
-- The members enrolled from one place up to another, in that order, each with
-- all its accounts; one without any has one row, of asset 0. By member_places_pk,
-- members_pk and accounts_pk.
SELECT m.external_id, COALESCE(a.asset, 0)::smallint AS asset, COALESCE(a.available, 0)::bigint AS available,
       COALESCE(a.pending, 0)::bigint AS pending, COALESCE(a.debt, 0)::bigint AS debt, COALESCE(a.earned, 0)::bigint AS earned,
       COALESCE(a.redeemed, 0)::bigint AS redeemed, COALESCE(a.due_at, '9999-01-01Z')::timestamptz AS due_at
  FROM member_places AS p
 CROSS JOIN LATERAL (SELECT x.id, x.external_id FROM members AS x
                      WHERE x.tenant_id = @tenant_id AND x.id = p.member_id OFFSET 0) AS m
  LEFT JOIN LATERAL (SELECT y.* FROM accounts AS y
                      WHERE y.tenant_id = @tenant_id AND y.member_id = p.member_id OFFSET 0) AS a ON true
 WHERE p.tenant_id = @tenant_id AND p.place BETWEEN @oldest AND @newest
 ORDER BY p.place, a.asset;

-- name: AccountListDue :many
-- Accounts that have something to settle by an instant, soonest first. By accounts_due.
SELECT m.external_id, a.asset
  FROM accounts AS a
  JOIN members AS m ON m.tenant_id = a.tenant_id AND m.id = a.member_id
 WHERE a.tenant_id = @tenant_id AND a.due_at <= @at::timestamptz
 ORDER BY a.due_at
 LIMIT @max_rows;

-- name: AccountListDueTenants :many
-- cross-tenant: the sweep looks for tenants that have something to settle, each by its own clock.
-- Tenants with an account that is due. One look into accounts_due for each tenant.
SELECT t.tenant_id
  FROM tenants AS t
 CROSS JOIN LATERAL (SELECT 1 FROM accounts AS a
                      WHERE a.tenant_id = t.tenant_id AND a.due_at <= tenant_instant(@at::timestamptz, t.clock_offset_us) LIMIT 1) AS d;

-- name: TransferInsertMany :exec
-- Appends to the books, in the order of accounts_pk and number.
INSERT INTO transfers (tenant_id, member_id, asset, seq, kind, from_account, to_account, amount,
                       available_after, pending_after, debt_after, awards, redeems, deducts, expires,
                       cause_seq, cause_id, memo, created_at)
SELECT @tenant_id, unnest(@member_ids::bigint[]), unnest(@assets::smallint[]), unnest(@seqs::bigint[]), unnest(@kinds::smallint[]),
       unnest(@from_accounts::smallint[]), unnest(@to_accounts::smallint[]), unnest(@amounts::bigint[]),
       unnest(@available_after::bigint[]), unnest(@pending_after::bigint[]), unnest(@debt_after::bigint[]),
       unnest(@awards::bigint[]), unnest(@redeems::bigint[]), unnest(@deducts::bigint[]), unnest(@expires::bigint[]),
       NULLIF(unnest(@cause_seqs::bigint[]), 0), NULLIF(unnest(@cause_ids::uuid[]), '00000000-0000-0000-0000-000000000000'::uuid),
       unnest(@memos::bytea[]), unnest(@created_at::timestamptz[]);

-- name: TransferListToUndo :many
-- The transfers that a refund or reversal names, with what was undone of them already. By transfers_pk.
SELECT t.member_id, t.asset, t.seq, t.kind, t.amount, t.cause_id, t.created_at, (u.seq IS NOT NULL)::boolean AS undone
  FROM (SELECT unnest(@member_ids::bigint[]) AS member_id, unnest(@assets::smallint[]) AS asset, unnest(@seqs::bigint[]) AS seq) AS w
 CROSS JOIN LATERAL (SELECT x.* FROM transfers AS x
                      WHERE x.tenant_id = @tenant_id AND x.member_id = w.member_id AND x.asset = w.asset AND x.seq = w.seq OFFSET 0) AS t
  LEFT JOIN undone AS u ON u.tenant_id = t.tenant_id AND u.member_id = t.member_id AND u.asset = t.asset AND u.seq = t.seq;

-- name: TransferGet :one
-- One transfer with its member, by transfers_pk.
SELECT sqlc.embed(t), m.external_id, m.memo_key
  FROM transfers AS t
  JOIN members AS m ON m.tenant_id = t.tenant_id AND m.id = t.member_id
 WHERE t.tenant_id = @tenant_id AND t.member_id = @member_id AND t.asset = @asset AND t.seq = @seq;

-- name: LotEntryListByTransfer :many
-- What the named transfers put into or took from lots. By lot_entries_pk.
SELECT e.member_id, e.asset, e.seq, e.expires_at, e.amount
  FROM (SELECT unnest(@member_ids::bigint[]) AS member_id, unnest(@assets::smallint[]) AS asset, unnest(@seqs::bigint[]) AS seq) AS w
 CROSS JOIN LATERAL (SELECT x.* FROM lot_entries AS x
                      WHERE x.tenant_id = @tenant_id AND x.member_id = w.member_id AND x.asset = w.asset AND x.seq = w.seq OFFSET 0) AS e
 ORDER BY e.member_id, e.asset, e.seq, e.expires_at;

-- name: LotList :many
-- The lots of the named accounts, soonest expiry first. By lots_pk.
SELECT l.member_id, l.asset, l.expires_at, l.remaining
  FROM (SELECT unnest(@member_ids::bigint[]) AS member_id, unnest(@assets::smallint[]) AS asset) AS w
 CROSS JOIN LATERAL (SELECT x.* FROM lots AS x
                      WHERE x.tenant_id = @tenant_id AND x.member_id = w.member_id AND x.asset = w.asset OFFSET 0) AS l
 ORDER BY l.member_id, l.asset, l.expires_at;

-- name: LotAddMany :exec
-- Puts units into lots, making those that do not exist.
INSERT INTO lots (tenant_id, member_id, asset, expires_at, remaining)
SELECT @tenant_id, unnest(@member_ids::bigint[]), unnest(@assets::smallint[]), unnest(@expires_at::timestamptz[]), unnest(@amounts::bigint[])
    ON CONFLICT (tenant_id, member_id, asset, expires_at) DO UPDATE SET remaining = lots.remaining + excluded.remaining;

-- name: LotTakeMany :exec
-- Takes units from lots that exist: every row meets its lot by lots_pk.
INSERT INTO lots (tenant_id, member_id, asset, expires_at, remaining)
SELECT @tenant_id, unnest(@member_ids::bigint[]), unnest(@assets::smallint[]), unnest(@expires_at::timestamptz[]), unnest(@amounts::bigint[])
    ON CONFLICT (tenant_id, member_id, asset, expires_at) DO UPDATE SET remaining = lots.remaining - excluded.remaining;

-- name: LotDeleteEmpty :exec
-- Forgets lots that were emptied, so that a spend never walks past spent ones. By lots_pk.
DELETE FROM lots AS l
 USING (SELECT unnest(@member_ids::bigint[]) AS member_id, unnest(@assets::smallint[]) AS asset, unnest(@expires_at::timestamptz[]) AS expires_at) AS u
 WHERE l.tenant_id = @tenant_id AND l.member_id = u.member_id AND l.asset = u.asset AND l.expires_at = u.expires_at AND l.remaining = 0;

-- name: LotEntryInsertMany :exec
-- Records lot movements of new transfers.
INSERT INTO lot_entries (tenant_id, member_id, asset, seq, expires_at, amount)
SELECT @tenant_id, unnest(@member_ids::bigint[]), unnest(@assets::smallint[]), unnest(@seqs::bigint[]),
       unnest(@expires_at::timestamptz[]), unnest(@amounts::bigint[]);

-- name: HoldInsertMany :exec
-- Opens holds.
INSERT INTO holds (tenant_id, id, member_id, asset, amount, state, matures_at, cause_id, reason, reference, metadata, opened_seq, created_at)
SELECT @tenant_id, unnest(@ids::uuid[]), unnest(@member_ids::bigint[]), unnest(@assets::smallint[]), unnest(@amounts::bigint[]), 'held',
       NULLIF(unnest(@matures_at::timestamptz[]), '0001-01-01Z'::timestamptz),
       NULLIF(unnest(@cause_ids::uuid[]), '00000000-0000-0000-0000-000000000000'::uuid), unnest(@reasons::text[]),
       NULLIF(unnest(@reference_texts::text[]), ''), NULLIF(unnest(@metadata::text[]), '')::json, unnest(@opened_seqs::bigint[]), unnest(@created_at::timestamptz[]);

-- name: HoldCloseMany :exec
-- Closes open holds; their accounts are locked, so none can have been closed meanwhile.
UPDATE holds AS h
   SET state = u.state, closed_seq = u.closed_seq, closed_at = u.closed_at
  FROM (SELECT unnest(@ids::uuid[]) AS id, unnest(@states::text[]) AS state,
               unnest(@closed_seqs::bigint[]) AS closed_seq, unnest(@closed_at::timestamptz[]) AS closed_at) AS u
 WHERE h.tenant_id = @tenant_id AND h.id = u.id AND h.state = 'held';

-- name: HoldListOpen :many
-- The open holds of the named accounts. By holds_open.
SELECT h.*
  FROM (SELECT unnest(@member_ids::bigint[]) AS member_id, unnest(@assets::smallint[]) AS asset) AS w
 CROSS JOIN LATERAL (SELECT x.* FROM holds AS x
                      WHERE x.tenant_id = @tenant_id AND x.member_id = w.member_id AND x.asset = w.asset AND x.state = 'held' OFFSET 0) AS h
 ORDER BY h.member_id, h.asset, h.matures_at, h.id;

-- name: UndoneInsertMany :exec
-- Marks transfers as undone; undone_pk makes it once.
INSERT INTO undone (tenant_id, member_id, asset, seq, taken, owed, forgiven, at)
SELECT @tenant_id, unnest(@member_ids::bigint[]), unnest(@assets::smallint[]), unnest(@seqs::bigint[]),
       unnest(@taken::bigint[]), unnest(@owed::bigint[]), unnest(@forgiven::bigint[]), unnest(@at::timestamptz[]);

-- name: TransferGetBounds :one
-- The transfers of an account just before one instant and up to another, with
-- the running counts there. By binary search along transfers_pk; 0 is none.
SELECT b.before_seq, b.until_seq,
       COALESCE(lo.awards, 0)::bigint AS before_awards, COALESCE(lo.redeems, 0)::bigint AS before_redeems,
       COALESCE(lo.deducts, 0)::bigint AS before_deducts, COALESCE(lo.expires, 0)::bigint AS before_expires,
       COALESCE(hi.awards, 0)::bigint AS until_awards, COALESCE(hi.redeems, 0)::bigint AS until_redeems,
       COALESCE(hi.deducts, 0)::bigint AS until_deducts, COALESCE(hi.expires, 0)::bigint AS until_expires
  FROM (SELECT transfer_at(@tenant_id, @member_id, @asset::smallint, @from_at::timestamptz, false, @newest::bigint)::bigint AS before_seq,
               transfer_at(@tenant_id, @member_id, @asset::smallint, @to_at::timestamptz, true, @newest::bigint)::bigint AS until_seq
        OFFSET 0) AS b
  LEFT JOIN LATERAL (SELECT x.* FROM transfers AS x
                      WHERE x.tenant_id = @tenant_id AND x.member_id = @member_id AND x.asset = @asset::smallint AND x.seq = b.before_seq OFFSET 0) AS lo ON true
  LEFT JOIN LATERAL (SELECT x.* FROM transfers AS x
                      WHERE x.tenant_id = @tenant_id AND x.member_id = @member_id AND x.asset = @asset::smallint AND x.seq = b.until_seq OFFSET 0) AS hi ON true;

-- name: TransferListRange :many
-- Transfers of an account by number, newest first. By transfers_pk.
SELECT sqlc.embed(t), COALESCE((SELECT max(e.expires_at) FROM lot_entries AS e
        WHERE e.tenant_id = t.tenant_id AND e.member_id = t.member_id AND e.asset = t.asset AND e.seq = t.seq AND e.amount > 0), '0001-01-01Z')::timestamptz AS lot_expires_at
  FROM transfers AS t
 WHERE t.tenant_id = @tenant_id AND t.member_id = @member_id AND t.asset = @asset AND t.seq BETWEEN @oldest AND @newest
 ORDER BY t.seq DESC;

-- name: TransferListShown :many
-- The n-th shown transfers of an account (of one type, or of any), for n from
-- newest_n down to oldest_n. Each by binary search along transfers_pk.
SELECT t.*
  FROM (SELECT transfer_seek(@tenant_id, @member_id, @asset::smallint, @shown_type::text, n, @newest::bigint) AS seq
          FROM generate_series(@oldest_n::bigint, @newest_n::bigint) AS n) AS s
 CROSS JOIN LATERAL (SELECT x.* FROM transfers AS x
                      WHERE x.tenant_id = @tenant_id AND x.member_id = @member_id AND x.asset = @asset::smallint AND x.seq = s.seq OFFSET 0) AS t
 ORDER BY t.seq DESC;

-- name: UndoneGet :one
-- How a transfer was undone; no row where it stands. By undone_pk.
SELECT taken, owed, forgiven, at FROM undone WHERE tenant_id = @tenant_id AND member_id = @member_id AND asset = @asset AND seq = @seq;
