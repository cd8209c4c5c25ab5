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
// reverse, hold, release, cancel); it becomes one or more transfers or none. A
// warning tells a member of points that expire soon. A block seals transfers that
// are committed; a tenant's blocks are its chain.
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
//  11. Every transfer is named by one commit of the journal (internal/event), and
//     sealed, once, by a block of the chain. What was sealed stays as it was.
//  12. Of the points of an account that expire at one instant is warned once
//     (expiry_warnings_pk), the days of the policy before it or as soon as they are
//     there; never of any that have expired.
//
// # What happens by itself
//
// Nothing has to: whoever reads or locks an account settles it first. The sweeps
// (SettleDue, Warn, Seal) only see to it that others are told in time. Each works
// in bounded transactions on what its index shows to be due, and takes it off that
// index in the same transaction, under the account's or the chain's lock. So any
// number of processes may run them at once, be killed at any point, or be late.
//
// # Sealing
//
// A block lists the addresses of some two thousand transfers, keeps the first eight
// bytes of each one's own SHA-256, and has a hash over the block before it, its
// number, and every address with the whole hash of its transfer. Which transfers
// want sealing, the commits tell that no block has taken yet: they name all that
// their transaction wrote, with its hash, and are written by it. So what is sealed
// is what was posted, whatever became of it since; and against somebody who may do
// everything in the database but does not write the chain anew:
//
//   - a transfer that is altered, or stands in another's place, has another hash
//     than its block's, and is named; one that is removed is missing from a block;
//   - one that is put in is named by no commit. To name it by a false commit is to
//     post it, which the books show, and which the next block seals;
//   - a block that is altered, removed or put in breaks the chain after it; to cut
//     blocks off its end leaves commits that say they were sealed there.
//
// Who writes all blocks anew, from the change on, is found by a copy of the chain's
// end kept elsewhere: `incent audit --ends` prints them.
//
// Memos are hashed as they are sealed: what is erased is their key. The order
// within a block is that of the journal, but nothing depends on it. Weighed against
// this: to seal accounts up to a number, which wants each award to mark its account
// as changed, or a walk over all of them; and to chain each transfer in its own
// transaction, which makes all of a tenant's wait in line.
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
// BenchmarkPost, 70,000 awards from 64 callers, four alternating runs on two busy
// cores, CPU time of everybody: 14.0 to 15.2 s (median 15.0) with three plain
// columns, 14.7 to 18.1 s (median 15.2) sealed; no difference in awards a second
// that stands out of the noise. Sealing alone takes 0.7 us (BenchmarkSeal).
//
// # What it does not own
//
// Members and policies (tenant), what earns (incentive, referral), what is
// bought (store), who is told (event).
package ledger
