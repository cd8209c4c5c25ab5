-- Queries of ledger.Audit. Each finds the first row that breaks one invariant of
-- internal/ledger/doc.go, by member, asset and number, or no row. They read a
-- whole tenant, once, in whatever way is cheapest: what offends is gathered
-- first (it should be nothing), so that looking for the first one alone never
-- tempts the planner into a walk along an index.

-- name: TransferCountAll :one
-- How many rows of each table an audit looks at. Reads the tenant's rows once.
SELECT (SELECT count(*) FROM accounts AS a WHERE a.tenant_id = @tenant_id)::bigint AS accounts,
       (SELECT count(*) FROM transfers AS t WHERE t.tenant_id = @tenant_id)::bigint AS transfers,
       (SELECT count(*) FROM lots AS l WHERE l.tenant_id = @tenant_id)::bigint AS lots,
       (SELECT count(*) FROM lot_entries AS e WHERE e.tenant_id = @tenant_id)::bigint AS lot_entries,
       (SELECT count(*) FROM holds AS h WHERE h.tenant_id = @tenant_id)::bigint AS holds,
       (SELECT count(*) FROM undone AS u WHERE u.tenant_id = @tenant_id)::bigint AS undone;

-- name: MemberGetExternal :one
-- The caller's id of a member, by members_pk.
SELECT m.external_id FROM members AS m WHERE m.tenant_id = @tenant_id AND m.id = @id;

-- name: TransferFindUnbalanced :one
-- Invariant 1: a transfer that is not one amount between two accounts, or not between those of its kind.
WITH bad AS MATERIALIZED (
    SELECT t.member_id, t.asset, t.seq,
           format('of kind %s moves %s from account %s to account %s', t.kind, t.amount, t.from_account, t.to_account)::text AS says
      FROM transfers AS t
     WHERE t.tenant_id = @tenant_id
       AND (t.amount <= 0 OR t.from_account = t.to_account OR (t.from_account > 3 AND t.to_account > 3)
            OR NOT EXISTS (SELECT 1 FROM (SELECT unnest(@kinds::smallint[]) AS kind, unnest(@from_accounts::smallint[]) AS from_account,
                                                 unnest(@to_accounts::smallint[]) AS to_account) AS r
                            WHERE r.kind = t.kind AND r.from_account = t.from_account AND r.to_account = t.to_account)))
SELECT b.member_id, b.asset, b.seq, b.says FROM bad AS b ORDER BY b.member_id, b.asset, b.seq LIMIT 1;

-- name: TransferFindUnchained :one
-- Invariant 2: a transfer that does not follow from its predecessor in number, time, balances or counts.
WITH step AS (
    SELECT t.member_id, t.asset, t.seq, row_number() OVER w AS place, t.created_at, lag(t.created_at) OVER w AS before_at,
           t.available_after, COALESCE(lag(t.available_after) OVER w, 0)
               + CASE WHEN t.to_account = 1 THEN t.amount WHEN t.from_account = 1 THEN -t.amount ELSE 0 END AS available_due,
           t.pending_after, COALESCE(lag(t.pending_after) OVER w, 0)
               + CASE WHEN t.to_account = 2 THEN t.amount WHEN t.from_account = 2 THEN -t.amount ELSE 0 END AS pending_due,
           t.debt_after, COALESCE(lag(t.debt_after) OVER w, 0)
               + CASE WHEN t.from_account = 3 THEN t.amount WHEN t.to_account = 3 THEN -t.amount ELSE 0 END AS debt_due,
           t.awards, COALESCE(lag(t.awards) OVER w, 0) + (t.kind = ANY(@award_kinds::smallint[]))::int AS awards_due,
           t.redeems, COALESCE(lag(t.redeems) OVER w, 0) + (t.kind = ANY(@redeem_kinds::smallint[]))::int AS redeems_due,
           t.deducts, COALESCE(lag(t.deducts) OVER w, 0) + (t.kind = ANY(@deduct_kinds::smallint[]))::int AS deducts_due,
           t.expires, COALESCE(lag(t.expires) OVER w, 0) + (t.kind = ANY(@expire_kinds::smallint[]))::int AS expires_due
      FROM transfers AS t
     WHERE t.tenant_id = @tenant_id
    WINDOW w AS (PARTITION BY t.member_id, t.asset ORDER BY t.seq)),
bad AS MATERIALIZED (
    SELECT s.member_id, s.asset, s.seq,
           (CASE WHEN s.seq <> s.place THEN format('stands where transfer %s is due', s.place)
                 WHEN s.created_at < s.before_at THEN format('is of %s, before its predecessor''s %s', s.created_at, s.before_at)
                 WHEN s.available_after <> s.available_due THEN format('leaves %s available, its predecessor and its amount make %s', s.available_after, s.available_due)
                 WHEN s.pending_after <> s.pending_due THEN format('leaves %s pending, its predecessor and its amount make %s', s.pending_after, s.pending_due)
                 WHEN s.debt_after <> s.debt_due THEN format('leaves a debt of %s, its predecessor and its amount make %s', s.debt_after, s.debt_due)
                 ELSE 'has counts that do not follow from its predecessor''s' END)::text AS says
      FROM step AS s
     WHERE s.seq <> s.place OR s.created_at < s.before_at
        OR s.available_after <> s.available_due OR s.pending_after <> s.pending_due OR s.debt_after <> s.debt_due
        OR s.awards <> s.awards_due OR s.redeems <> s.redeems_due OR s.deducts <> s.deducts_due OR s.expires <> s.expires_due)
SELECT b.member_id, b.asset, b.seq, b.says FROM bad AS b ORDER BY b.member_id, b.asset, b.seq LIMIT 1;

-- name: AccountFindUnequal :one
-- Invariant 3: an account that is not what its newest transfer and the sums over its transfers say.
WITH sums AS (
    SELECT t.member_id, t.asset, max(t.seq) AS seq,
           sum(CASE WHEN t.kind IN (1, 3) THEN t.amount ELSE 0 END) AS earned,
           sum(CASE WHEN t.kind = 5 THEN t.amount WHEN t.kind = 6 THEN -t.amount ELSE 0 END) AS redeemed
      FROM transfers AS t
     WHERE t.tenant_id = @tenant_id
     GROUP BY t.member_id, t.asset),
books AS (
    SELECT s.member_id, s.asset, s.seq, s.earned, s.redeemed, n.available_after, n.pending_after, n.debt_after,
           n.awards, n.redeems, n.deducts, n.expires, n.created_at
      FROM sums AS s
      JOIN transfers AS n ON n.tenant_id = @tenant_id AND n.member_id = s.member_id AND n.asset = s.asset AND n.seq = s.seq),
bad AS MATERIALIZED (
    SELECT COALESCE(a.member_id, n.member_id)::bigint AS member_id, COALESCE(a.asset, n.asset)::smallint AS asset, COALESCE(n.seq, 0)::bigint AS seq,
           (CASE WHEN a.member_id IS NULL THEN 'is the newest of an account that does not exist'
                 WHEN a.seq <> COALESCE(n.seq, 0) THEN format('is the newest, the account''s is %s', a.seq)
                 WHEN (a.available, a.pending, a.debt) <> (COALESCE(n.available_after, 0), COALESCE(n.pending_after, 0), COALESCE(n.debt_after, 0))
                     THEN format('leaves %s available, %s pending, %s owed; the account has %s, %s, %s',
                                 COALESCE(n.available_after, 0), COALESCE(n.pending_after, 0), COALESCE(n.debt_after, 0), a.available, a.pending, a.debt)
                 WHEN a.earned <> COALESCE(n.earned, 0) THEN format('ends %s earned, the account has %s', COALESCE(n.earned, 0), a.earned)
                 WHEN a.redeemed <> COALESCE(n.redeemed, 0) THEN format('ends %s redeemed, the account has %s', COALESCE(n.redeemed, 0), a.redeemed)
                 WHEN a.moved_at <> n.created_at THEN format('is of %s, the account of %s', n.created_at, a.moved_at)
                 ELSE 'has other counts than the account' END)::text AS says
      FROM (SELECT x.* FROM accounts AS x WHERE x.tenant_id = @tenant_id) AS a
      FULL JOIN books AS n ON n.member_id = a.member_id AND n.asset = a.asset
     WHERE a.member_id IS NULL OR a.moved_at <> n.created_at
        OR (a.seq, a.available, a.pending, a.debt) <> (COALESCE(n.seq, 0), COALESCE(n.available_after, 0), COALESCE(n.pending_after, 0), COALESCE(n.debt_after, 0))
        OR a.earned <> COALESCE(n.earned, 0) OR a.redeemed <> COALESCE(n.redeemed, 0)
        OR (a.awards, a.redeems, a.deducts, a.expires) <> (COALESCE(n.awards, 0), COALESCE(n.redeems, 0), COALESCE(n.deducts, 0), COALESCE(n.expires, 0)))
SELECT b.member_id, b.asset, b.seq, b.says FROM bad AS b ORDER BY b.member_id, b.asset, b.seq LIMIT 1;

-- name: AccountFindNegative :one
-- Invariant 4: a negative balance, or something available beside a debt; in an account, or after a transfer
-- that is not just what the next one repays from.
WITH bad AS MATERIALIZED (
    SELECT a.member_id, a.asset, a.seq,
           format('leaves the account with %s available, %s pending, %s owed', a.available, a.pending, a.debt)::text AS says
      FROM accounts AS a
     WHERE a.tenant_id = @tenant_id AND (a.available < 0 OR a.pending < 0 OR a.debt < 0 OR (a.debt > 0 AND a.available > 0))
     UNION ALL
    SELECT t.member_id, t.asset, t.seq,
           format('leaves %s available, %s pending, %s owed', t.available_after, t.pending_after, t.debt_after)::text AS says
      FROM transfers AS t
     WHERE t.tenant_id = @tenant_id
       AND (t.available_after < 0 OR t.pending_after < 0 OR t.debt_after < 0
            OR (t.debt_after > 0 AND t.available_after > 0
                AND NOT EXISTS (SELECT 1 FROM transfers AS n
                                 WHERE n.tenant_id = @tenant_id AND n.member_id = t.member_id AND n.asset = t.asset AND n.seq = t.seq + 1
                                   AND n.to_account = 3 AND n.created_at = t.created_at))))
SELECT b.member_id, b.asset, b.seq, b.says FROM bad AS b ORDER BY b.member_id, b.asset, b.seq LIMIT 1;

-- name: LotFindUnequal :one
-- Invariant 5: a lot whose remainder is not the sum of its entries, or that was ever drawn below nothing.
WITH running AS (
    SELECT e.member_id, e.asset, e.expires_at, e.seq, e.amount,
           sum(e.amount) OVER (PARTITION BY e.member_id, e.asset, e.expires_at ORDER BY e.seq) AS rest
      FROM lot_entries AS e
     WHERE e.tenant_id = @tenant_id),
sums AS (
    SELECT r.member_id, r.asset, r.expires_at, max(r.seq) AS seq, sum(r.amount) AS rest, min(r.rest) AS lowest
      FROM running AS r
     GROUP BY r.member_id, r.asset, r.expires_at),
bad AS MATERIALIZED (
    SELECT COALESCE(l.member_id, s.member_id)::bigint AS member_id, COALESCE(l.asset, s.asset)::smallint AS asset, COALESCE(s.seq, 0)::bigint AS seq,
           (CASE WHEN s.lowest < 0 THEN format('is the newest on the lot that expires at %s, which was drawn %s below nothing', s.expires_at, -s.lowest)
                 ELSE format('is the newest on the lot that expires at %s; entries make %s, the lot has %s',
                             COALESCE(l.expires_at, s.expires_at), COALESCE(s.rest, 0), COALESCE(l.remaining, 0)) END)::text AS says
      FROM (SELECT x.* FROM lots AS x WHERE x.tenant_id = @tenant_id) AS l
      FULL JOIN sums AS s ON s.member_id = l.member_id AND s.asset = l.asset AND s.expires_at = l.expires_at
     WHERE COALESCE(l.remaining, 0) <> COALESCE(s.rest, 0) OR l.remaining < 0 OR s.lowest < 0)
SELECT b.member_id, b.asset, b.seq, b.says FROM bad AS b ORDER BY b.member_id, b.asset, b.seq LIMIT 1;

-- name: AccountFindMisdated :one
-- Invariant 5: an account whose dated part is not the sum of its lots, or more than is available.
WITH sums AS (
    SELECT l.member_id, l.asset, sum(l.remaining) AS dated
      FROM lots AS l
     WHERE l.tenant_id = @tenant_id
     GROUP BY l.member_id, l.asset),
bad AS MATERIALIZED (
    SELECT a.member_id, a.asset, a.seq,
           format('leaves %s available, of it %s dated; its lots hold %s', a.available, a.dated, COALESCE(s.dated, 0))::text AS says
      FROM accounts AS a
      LEFT JOIN sums AS s ON s.member_id = a.member_id AND s.asset = a.asset
     WHERE a.tenant_id = @tenant_id AND (a.dated <> COALESCE(s.dated, 0) OR a.dated < 0 OR a.dated > a.available))
SELECT b.member_id, b.asset, b.seq, b.says FROM bad AS b ORDER BY b.member_id, b.asset, b.seq LIMIT 1;

-- name: LotEntryFindUncovered :one
-- Invariant 5: lot entries that their transfer does not account for.
WITH sums AS (
    SELECT e.member_id, e.asset, e.seq, sum(e.amount) AS moved, min(e.amount) AS least, max(e.amount) AS most
      FROM lot_entries AS e
     WHERE e.tenant_id = @tenant_id
     GROUP BY e.member_id, e.asset, e.seq),
bad AS MATERIALIZED (
    SELECT s.member_id, s.asset, s.seq, format('of %s moves %s in lots', COALESCE(t.amount, 0), s.moved)::text AS says
      FROM sums AS s
      LEFT JOIN transfers AS t ON t.tenant_id = @tenant_id AND t.member_id = s.member_id AND t.asset = s.asset AND t.seq = s.seq
     WHERE t.seq IS NULL OR (t.to_account <> 1 AND t.from_account <> 1)
        OR (t.to_account = 1 AND (s.least < 0 OR s.moved > t.amount))
        OR (t.from_account = 1 AND (s.most > 0 OR -s.moved > t.amount)))
SELECT b.member_id, b.asset, b.seq, b.says FROM bad AS b ORDER BY b.member_id, b.asset, b.seq LIMIT 1;

-- name: LotEntryFindUntimely :one
-- Invariant 6: units that moved when they had expired, or expired at another instant than theirs.
WITH bad AS MATERIALIZED (
    SELECT e.member_id, e.asset, e.seq,
           format('of %s moves %s units that expire at %s', t.created_at, e.amount, e.expires_at)::text AS says
      FROM lot_entries AS e
      JOIN transfers AS t ON t.tenant_id = e.tenant_id AND t.member_id = e.member_id AND t.asset = e.asset AND t.seq = e.seq
     WHERE e.tenant_id = @tenant_id
       AND ((t.kind = 8 AND e.expires_at <> t.created_at) OR (t.kind <> 8 AND e.expires_at <= t.created_at)))
SELECT b.member_id, b.asset, b.seq, b.says FROM bad AS b ORDER BY b.member_id, b.asset, b.seq LIMIT 1;

-- name: AccountFindOverslept :one
-- Invariant 6: an account that would be looked at only after something of it fell due.
WITH expiry AS (
    SELECT l.member_id, l.asset, min(l.expires_at) AS at FROM lots AS l WHERE l.tenant_id = @tenant_id GROUP BY l.member_id, l.asset),
maturity AS (
    SELECT h.member_id, h.asset, min(h.matures_at) AS at FROM holds AS h WHERE h.tenant_id = @tenant_id AND h.state = 'held' GROUP BY h.member_id, h.asset),
bad AS MATERIALIZED (
    SELECT a.member_id, a.asset, a.seq,
           format('leaves something due at %s, the account says %s', LEAST(x.at, m.at, a.idle_at), COALESCE(a.due_at::text, 'never'))::text AS says
      FROM accounts AS a
      LEFT JOIN expiry AS x ON x.member_id = a.member_id AND x.asset = a.asset
      LEFT JOIN maturity AS m ON m.member_id = a.member_id AND m.asset = a.asset
     WHERE a.tenant_id = @tenant_id AND LEAST(x.at, m.at, a.idle_at) IS NOT NULL AND COALESCE(a.due_at > LEAST(x.at, m.at, a.idle_at), true))
SELECT b.member_id, b.asset, b.seq, b.says FROM bad AS b ORDER BY b.member_id, b.asset, b.seq LIMIT 1;

-- name: AccountFindUnheld :one
-- Invariant 7: an account whose pending part is not the sum of its open holds.
WITH sums AS (
    SELECT h.member_id, h.asset, sum(h.amount) AS held
      FROM holds AS h
     WHERE h.tenant_id = @tenant_id AND h.state = 'held'
     GROUP BY h.member_id, h.asset),
bad AS MATERIALIZED (
    SELECT a.member_id, a.asset, a.seq, format('leaves %s pending, the open holds make %s', a.pending, COALESCE(s.held, 0))::text AS says
      FROM accounts AS a
      LEFT JOIN sums AS s ON s.member_id = a.member_id AND s.asset = a.asset
     WHERE a.tenant_id = @tenant_id AND a.pending <> COALESCE(s.held, 0))
SELECT b.member_id, b.asset, b.seq, b.says FROM bad AS b ORDER BY b.member_id, b.asset, b.seq LIMIT 1;

-- name: HoldFindUnfounded :one
-- Invariant 7: a hold without the transfers that opened and closed it, or such a transfer without its hold.
WITH bad AS MATERIALIZED (
    SELECT h.member_id, h.asset, h.opened_seq AS seq,
           format('or %s does not agree with hold %s of %s, %s', COALESCE(h.closed_seq, 0), h.id, h.amount, h.state)::text AS says
      FROM holds AS h
      LEFT JOIN transfers AS o ON o.tenant_id = @tenant_id AND o.member_id = h.member_id AND o.asset = h.asset AND o.seq = h.opened_seq
      LEFT JOIN transfers AS c ON c.tenant_id = @tenant_id AND c.member_id = h.member_id AND c.asset = h.asset AND c.seq = h.closed_seq
     WHERE h.tenant_id = @tenant_id
       AND (COALESCE(o.kind <> 2 OR o.amount <> h.amount OR o.cause_id <> h.id, true)
            OR (h.state = 'held') <> (h.closed_seq IS NULL)
            OR (h.state <> 'held' AND COALESCE(c.kind <> CASE h.state WHEN 'matured' THEN 3 ELSE 4 END OR c.amount <> h.amount OR c.cause_id <> h.id, true)))
     UNION ALL
    SELECT t.member_id, t.asset, t.seq, 'opens or closes a hold that does not know of it'::text AS says
      FROM transfers AS t
      LEFT JOIN holds AS h ON h.tenant_id = @tenant_id AND h.id = t.cause_id AND h.member_id = t.member_id AND h.asset = t.asset
     WHERE t.tenant_id = @tenant_id AND t.kind IN (2, 3, 4)
       AND COALESCE(CASE t.kind WHEN 2 THEN h.opened_seq ELSE h.closed_seq END <> t.seq, true))
SELECT b.member_id, b.asset, b.seq, b.says FROM bad AS b ORDER BY b.member_id, b.asset, b.seq LIMIT 1;

-- name: UndoneFindUnequal :one
-- Invariant 8: a refund or reversal that is not recorded once, or gives or takes other amounts than recorded,
-- or than the transfer that it undoes.
WITH back AS (
    SELECT t.member_id, t.asset, t.cause_seq, max(t.seq) AS seq,
           count(*) FILTER (WHERE t.kind = 6) AS refunds, count(*) FILTER (WHERE t.kind = 9) AS clawbacks, count(*) FILTER (WHERE t.kind = 10) AS debts,
           COALESCE(sum(t.amount) FILTER (WHERE t.kind = 6), 0) AS refunded,
           COALESCE(sum(t.amount) FILTER (WHERE t.kind = 9), 0) AS clawed,
           COALESCE(sum(t.amount) FILTER (WHERE t.kind = 10), 0) AS owed
      FROM transfers AS t
     WHERE t.tenant_id = @tenant_id AND t.kind IN (6, 9, 10)
     GROUP BY t.member_id, t.asset, t.cause_seq),
pairs AS (
    SELECT COALESCE(u.member_id, k.member_id) AS member_id, COALESCE(u.asset, k.asset) AS asset, COALESCE(u.seq, k.cause_seq) AS undone_seq,
           COALESCE(k.seq, u.seq) AS seq, u.seq IS NOT NULL AS recorded, u.taken, u.owed, u.forgiven,
           COALESCE(k.refunds, 0) AS refunds, COALESCE(k.clawbacks, 0) AS clawbacks, COALESCE(k.debts, 0) AS debts,
           COALESCE(k.refunded, 0) AS refunded, COALESCE(k.clawed, 0) AS clawed, COALESCE(k.owed, 0) AS charged
      FROM (SELECT x.* FROM undone AS x WHERE x.tenant_id = @tenant_id) AS u
      FULL JOIN back AS k ON k.member_id = u.member_id AND k.asset = u.asset AND k.cause_seq = u.seq),
bad AS MATERIALIZED (
    SELECT b.member_id::bigint AS member_id, b.asset::smallint AS asset, b.seq::bigint AS seq,
           format('undoes transfer %s of %s: gave back %s, took %s, charged %s; recorded are %s taken, %s owed, %s forgiven',
                  COALESCE(b.undone_seq::text, 'none'), COALESCE(o.amount, 0), b.refunded, b.clawed, b.charged,
                  COALESCE(b.taken, 0), COALESCE(b.owed, 0), COALESCE(b.forgiven, 0))::text AS says
      FROM pairs AS b
      LEFT JOIN transfers AS o ON o.tenant_id = @tenant_id AND o.member_id = b.member_id AND o.asset = b.asset AND o.seq = b.undone_seq
     WHERE NOT b.recorded OR o.seq IS NULL OR b.refunds > 1 OR b.clawbacks > 1 OR b.debts > 1
        OR CASE WHEN o.kind = 5 THEN (b.refunded, b.taken, b.owed, b.forgiven, b.clawed, b.charged) <> (o.amount, o.amount, 0, 0, 0, 0)
                WHEN o.kind IN (1, 3) THEN (b.refunded, b.clawed, b.charged) <> (0, b.taken, b.owed) OR b.taken + b.owed + b.forgiven <> o.amount
                ELSE true END)
SELECT b.member_id, b.asset, b.seq, b.says FROM bad AS b ORDER BY b.member_id, b.asset, b.seq LIMIT 1;

-- name: LotEntryFindMisreturned :one
-- Invariant 8: a refund whose units did not go back into the lots they came from, or, where those had
-- expired, into one that lives as long as returned units do.
WITH want AS (
    SELECT r.member_id, r.asset, r.seq,
           CASE WHEN e.expires_at > r.created_at THEN e.expires_at ELSE r.created_at + make_interval(secs => @grace_seconds::float8) END AS expires_at,
           sum(-e.amount) AS amount
      FROM transfers AS r
      JOIN lot_entries AS e ON e.tenant_id = r.tenant_id AND e.member_id = r.member_id AND e.asset = r.asset AND e.seq = r.cause_seq
     WHERE r.tenant_id = @tenant_id AND r.kind = 6
     GROUP BY 1, 2, 3, 4),
got AS (
    SELECT r.member_id, r.asset, r.seq, e.expires_at, e.amount
      FROM transfers AS r
      JOIN lot_entries AS e ON e.tenant_id = r.tenant_id AND e.member_id = r.member_id AND e.asset = r.asset AND e.seq = r.seq
     WHERE r.tenant_id = @tenant_id AND r.kind = 6),
bad AS MATERIALIZED (
    SELECT COALESCE(w.member_id, g.member_id)::bigint AS member_id, COALESCE(w.asset, g.asset)::smallint AS asset, COALESCE(w.seq, g.seq)::bigint AS seq,
           format('gives %s back into the lot that expires at %s, due there are %s',
                  COALESCE(g.amount, 0), COALESCE(w.expires_at, g.expires_at), COALESCE(w.amount, 0))::text AS says
      FROM want AS w
      FULL JOIN got AS g ON g.member_id = w.member_id AND g.asset = w.asset AND g.seq = w.seq AND g.expires_at = w.expires_at
     WHERE COALESCE(w.amount, 0) <> COALESCE(g.amount, 0))
SELECT b.member_id, b.asset, b.seq, b.says FROM bad AS b ORDER BY b.member_id, b.asset, b.seq LIMIT 1;

-- name: TransferFindUnguarded :one
-- Invariant 9: a guard of the books that is missing: a trigger, or a privilege that the server's role should
-- lack. The tables' owner has them all, so where the server works as the owner the triggers stand alone.
SELECT g.says
  FROM (SELECT format('the trigger %s is missing or disabled', w.name)::text AS says
          FROM unnest(@triggers::text[]) AS w(name)
         WHERE NOT EXISTS (SELECT 1 FROM pg_catalog.pg_trigger AS t
                            WHERE t.tgname = w.name AND t.tgenabled IN ('O', 'A') AND pg_catalog.pg_table_is_visible(t.tgrelid))
         UNION ALL
        SELECT format('the role %s may change %s', r.rolname, w.name)::text AS says
          FROM pg_catalog.pg_roles AS r, unnest(@guarded::text[]) AS w(name)
          JOIN pg_catalog.pg_class AS c ON c.relname = w.name AND pg_catalog.pg_table_is_visible(c.oid)
         WHERE r.rolname = current_user AND NOT r.rolsuper AND r.oid <> c.relowner
           AND has_table_privilege(r.oid, c.oid, 'UPDATE, DELETE, TRUNCATE')) AS g
 ORDER BY g.says
 LIMIT 1;

-- name: TransferFindSpentXP :one
-- Invariant 10: XP that was spent or that could expire.
WITH bad AS MATERIALIZED (
    SELECT t.member_id, t.asset, t.seq, format('of kind %s spends or expires XP', t.kind)::text AS says
      FROM transfers AS t
     WHERE t.tenant_id = @tenant_id AND t.asset = 3 AND t.kind IN (5, 6, 8)
     UNION ALL
    SELECT e.member_id, e.asset, e.seq, format('gives XP an expiry, %s', e.expires_at)::text AS says
      FROM lot_entries AS e
     WHERE e.tenant_id = @tenant_id AND e.asset = 3
     UNION ALL
    SELECT a.member_id, a.asset, a.seq, format('leaves XP that expires at %s', a.idle_at)::text AS says
      FROM accounts AS a
     WHERE a.tenant_id = @tenant_id AND a.asset = 3 AND a.idle_at IS NOT NULL)
SELECT b.member_id, b.asset, b.seq, b.says FROM bad AS b ORDER BY b.member_id, b.asset, b.seq LIMIT 1;
