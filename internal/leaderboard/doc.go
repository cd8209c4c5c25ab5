// Package leaderboard ranks members by XP.
//
// # Nouns
//
// A board ranks members: that of all time, which every tenant has, and one per
// period (day, week, month, in UTC) that the tenant has defined. A round is one
// period of a board; the board of all time has one round. A standing is a
// member's XP in a round, with the instant at which it became so much. A snapshot
// is a copy of the board of all time, or of a round that is over. A block is a run of a round's order with the
// number of standings in it: those of level 1 consist of standings, those of
// level 2 of blocks of level 1.
//
// # Invariants
//
//  1. In the round of all time a member's standing is what the XP account has
//     available; in any other round it is the sum of what came into and went out
//     of available within the period. reached_at is the instant of the newest
//     transfer that did so. It holds as soon as the moves that wait are taken in:
//     they commit with their transfers (the ledger's own commands tell Move as a
//     Follower, those who begin a ledger.Session call it themselves), and every
//     reader takes them in first.
//  2. Rank order is XP, most first; then reached_at, soonest first; then the
//     member's key, which is the order of enrolment. So every rank is held once.
//     Without XP nobody is on the board.
//  3. Where a round has standings on the board, it has blocks of both levels: the
//     first of a level begins before every key, each ends where the next one
//     begins, and counts exactly the standings on the board that lie in it. Where
//     a block of level 2 begins, one of level 1 does.
//  4. A rank is the sum of the blocks of level 2 above, plus those of level 1 above
//     within that one, plus the place within the block. The room of a block grows
//     with the round (standing_room), so that each of the three is about a hundred
//     rows for a million members; a page at any depth is found the same way.
//  5. Standings and blocks change under the tenant's lock only, the last one that a
//     transaction takes. Who earns does not take it.
//  6. A snapshot never changes.
//  7. A standing counts each transfer of XP once: it knows the number of the newest
//     one that it counts (seq), and passes over moves up to it. So a board may be set
//     right from the ledger while moves wait.
//  8. Each round of a period's board that is over and that somebody was on is kept
//     as one snapshot (boards_one_per_round), by CloseEnded, however late, by any
//     process, from closingDelay after its end on. Everything due is settled and
//     taken in before. The round's standings stay as well, and would follow a
//     transfer that was still under way then.
//
// Audit checks 1, 3 and 6 on a live database; Refresh sets 1 and 3 right.
//
// # Why moves wait
//
// Locks on single blocks were weighed. A batch of a hundred changes touches some
// two hundred of a board's blocks, so two batches nearly always meet (left to the
// rows' own locks, two writers deadlocked within seconds); and cutting a block
// under those who wait for it wants a lock on all of them besides. So there is one
// lock a tenant. Taken by whoever earns, as their last statement, it was held for
// the commit, one commit at a time, and cost an event in batches of 32 about 75
// microseconds of PostgreSQL of some 250. Now a batch leaves one row, and the boards
// take in many rows at once: before they are read, and by a sweep soon after (app),
// so that no reader finds much to do. Taken in a thousand at a time a move cost 35
// microseconds, thirty-two at a time 96, commit included, on a quiet machine.
//
// One level of blocks, of a thousand members each, was some 10 % cheaper to keep.
// But a rank among 1,000,000 took 1.7 times as much CPU as among 1,000, and pages
// from the middle came at a fifth of the rate of the first one; with two levels it
// is 1.25 times, and a good third.
//
// The blocks are kept by functions in the database (migrations 7 and 13), because the
// lock is held while they run: from here each step would be one more round trip
// under it. standings_place is the only one that changes a standing.
//
// # What it does not own
//
// XP and coins (ledger), what earns (incentive), members (tenant).
package leaderboard
