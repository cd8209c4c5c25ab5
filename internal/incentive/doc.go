// Package incentive is the incentive engine: what members do, and what they are
// granted for it.
//
// # Nouns
//
// An action is what a member can do to earn; it may have a cooldown, a limit of
// repeats, and a streak. An activity is one occurrence of an action (Incenta
// calls it an event); it is rewarded or limited. A run is consecutive days or
// weeks with an action. A level is what an amount of XP grants. A badge is
// something a member can have once. A milestone is a number that is reached. A
// quest is a set of actions, each with a count, and a window. A grant is what a
// member got of a level, badge, milestone or quest. The rules are all
// definitions of a tenant together; they have a version.
//
// # Invariants
//
//  1. Whoever holds the row lock of a member's XP account owns all of the
//     member's incentive state: progress, counts, runs, grants.
//  2. A member's activities are numbered 1, 2, 3 ... without gap, and their times
//     never run backwards along the numbers (activities_pk). The progress row
//     names the newest one; a count row counts those of its action.
//  3. An activity is limited when its member was rewarded for the action as often
//     as maxRepeats says, or less than cooldown ago. A limited one is recorded
//     and earns nothing: it pays nothing, and moves no run, count of rewarded
//     ones, or quest (activities_limited_earn_nothing).
//  4. What an activity pays and everything that follows from it commits with it:
//     its transfers name it as their cause.
//  5. Each level is granted to a member at most once, by its number
//     (level_grants_pk), each badge, milestone and quest by its key. No change of
//     the rules and no reversal takes a grant or gives it again; a revoked badge
//     keeps its row, and comes back by an award only.
//  6. After a rewarded activity there is nothing that the rules it was decided by
//     would grant: levels, badges and milestones of XP and points that the
//     member is beyond, and what counts the activity's own action. So what was
//     defined later is granted with the next rewarded activity.
//  7. A quest counts rewarded activities from its making on, in its window while
//     it is active, each step up to its count; it pays when all are full.
//  8. An idempotency key in an event's body belongs to one recorded activity of
//     the tenant for ever (activity_keys_pk), and is answered as at first.
//     A refused event leaves no trace and leaves its key free.
//  9. A record (code, click, conversion) fires an action at most once
//     (activities_record_once).
//  10. Days and minutes, with the tallies that wait, count their activities;
//     milestone days their milestones.
//  11. Whoever stores a member's progress or counts has the XP account bear a new
//     mark, drawn at random, in the same transaction. So what was stored with a mark
//     is what lies there as long as the account bears it.
//
// # Rules in memory
//
// The rules of a tenant are kept by their version, which lies in the tenant's
// row and is counted up by whoever changes them, in the same transaction
// (Engine.edit). Every transaction reads the tenant's row first, and the rules
// anew where the version has moved: a change is in force for every event that
// is sent after its answer, and an event costs no look at the rules.
//
// # Cost
//
// Events go through group commit. A batch locks the accounts of its members in
// one ledger session, reads the counts and progress of those whom this server does
// not know by heart (known.go) in one statement, decides each event in a pure
// function (decide.go), and writes everything at once: the number of statements does
// not depend on the number of events. How many activities a day and a minute have is
// left as one row a batch, a tally, which a sweep counts. Grants are read
// only for members who may have something coming: progress keeps the XP and the
// points below which there is nothing (next_xp, next_coins), for the version of
// the rules for which that was found (settled).
//
// Tried by incent bench in alternating runs: progress read in the round trip of the
// locks, by the caller's ids, took 3 to 4 % more CPU and gave no more events; one lane
// on two cores instead of two took 13 to 16 % less CPU and gave 6 to 15 % fewer events;
// two lanes that take from one queue, each whatever waits of no member under way in the
// other, made batches no larger (15 events instead of 16).
//
// # Locks
//
// Accounts (in the ledger's order), then what they guard; then days of milestones
// in the order of their keys, idempotency keys of bodies in theirs, and those of
// requests. Changes of the rules lock the tenant's row
// first and nothing of members. Who gives a badge by hand, or revokes one, takes
// the member's account of XP and nothing else.
//
// # What it does not own
//
// Points, tokens and XP (ledger), who stands where (leaderboard), what fires the
// three referral types (referral), which calls Firing inside its own transaction.
package incentive
