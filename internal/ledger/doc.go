// Package ledger keeps the books: who holds how much of what, and how it came
// to be so.
//
// # Nouns
//
// An account row holds one member's three ledger accounts of one asset:
// available, pending, debt. The tenant's own accounts (issued, redeemed,
// expired, adjusted) have no row, since every write would contend for it: their
// totals are sums over transfers.
//
// A transfer moves a whole amount of one asset from one account to another. A
// lot is what of an account expires at one instant; units that never expire lie
// in no lot. A hold is an award that rests in pending until it matures. A
// command is one thing asked of the ledger (award, spend, refund, deduct,
// reverse, hold, release, cancel); it becomes one or more transfers or none.
//
// # Invariants
//
// Each stands in code and, where SQL can say it, as a named constraint. Audit
// checks all of them on a live database in one snapshot.
//
//  1. Double entry: a transfer has one amount > 0, two different accounts, at
//     least one of them the member's (amount_positive,
//     transfers_two_accounts). Hence, per tenant and
//     asset, all accounts sum to zero.
//  2. Chain: an account's transfers are numbered 1, 2, 3 ... without gap, and
//     each one's balances after it are its predecessor's plus its own effect
//     (transfers_pk). Times never run backwards along the chain.
//  3. The account row equals its newest transfer: balances, number, counts; and
//     its lifetime totals equal the sums over its transfers.
//  4. available, pending and debt are never negative
//     (units_not_negative), and a member who owes holds nothing available
//     (accounts_debt_repaid_first): what comes in pays the debt at once.
//  5. A lot's remainder is the sum of its entries, never negative
//     (units_not_negative), and the lots of an account sum to its
//     dated part, which is within available (accounts_dated_within_available).
//  6. An expired unit is never spent or shown: whoever locks or reads an account
//     whose due instant has come settles it first. The expire transfer carries
//     the instant of expiry, however late it is posted.
//  7. Pending equals the sum of the open holds. A hold closes at most once
//     (holds_closed_once).
//  8. A refund gives back at most what the spend took, to the very lots; a
//     reversal takes back at most what the grant gave. Each spend is refunded,
//     each grant reversed, at most once (undone_pk).
//  9. The books are append-only: no privilege to change them is granted to the
//     server's role, and a trigger refuses it to everybody.
//  10. XP is never spent and never expires.
//
// # Group commit
//
// There is one way to post: apply, which takes a transaction and a slice of
// commands of one tenant, locks every account concerned in one order (member,
// asset), decides each command on its own in a pure function (book.go), and
// writes everything with a fixed number of set-based statements. Post queues
// single commands so that many share a transaction; a larger command (an order,
// a conversion) calls Apply inside its own transaction.
//
// Locks are taken in the order: order, item, account (member, asset), lots and
// holds with their account, counters, idempotency keys. Members are enrolled
// before the transaction that locks their accounts, since a row inserted in the
// middle of it would be locked out of order.
//
// # Memos
//
// What callers say about transfers (reason, reference, metadata) is sealed with
// a key of the member's, in the one column memo: the books never change, and a
// person's text can be forgotten all the same, by destroying the key. Weighed
// were this and a table of memos beside the books; internal/memo says which of
// both and why. Batches read the key in the statement that locks the accounts.
// BenchmarkPost, 64 callers, one alternating run each on two shared cores, best
// of four: 13,158 awards a second with three plain columns, 12,695 sealed;
// sealing itself takes 0.7 us, of which the reading of JSON by the database,
// which is gone, gives some back.
//
// # What it does not own
//
// Members and policies (tenant), what earns (incentive, referral), what is
// bought (store), who is told (event).
package ledger
