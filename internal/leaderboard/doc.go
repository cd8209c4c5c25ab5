// Package leaderboard ranks members by XP.
//
// # Nouns
//
// A board ranks members: that of all time, and one per period (day, week, month,
// in UTC) that the tenant has defined. A round is one period of a board; the
// board of all time has one round. A standing is a member's XP in a round, with
// the instant at which it became so much. A snapshot is a copy of the board of
// all time. A block is a run of a round's order with the number of standings in it.
//
// # Invariants
//
//  1. In the round of all time a member's standing is what the XP account has
//     available; in any other round it is the sum of what came into and went out
//     of available within the period. reached_at is the instant of the newest
//     transfer that did so. Standings commit with those transfers.
//  2. Rank order is XP, most first; then reached_at, soonest first; then the
//     member's key. So every rank is held once. Without XP nobody is on the board.
//  3. Where a round has standings, it has blocks: the first begins before every
//     key, each ends where the next one begins, and each counts exactly the
//     standings on the board that lie in it.
//  4. A rank is the sum of the blocks above plus the place within the block. The
//     room of a block grows with the square root of the round, so both are short.
//  5. Standings and blocks change under the tenant's lock only, which is held
//     until the commit. It is the last lock that a transaction takes, idempotency
//     keys excepted; hence it never closes a circle.
//  6. A snapshot never changes.
package leaderboard
