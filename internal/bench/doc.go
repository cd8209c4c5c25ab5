// Package bench measures the server against the database it stands on.
//
// Nouns. A *row* is one kind of work with one figure: a *baseline* is pgbench on
// the bare database, a *load* is requests to a server. A *measurement* is one
// row driven for some seconds; a *round* measures every row once. A *bar* says
// what a row's figure must at least be, as a multiple of another row's.
//
// Invariants:
//
//  1. All rows of one run stand on one private PostgreSQL with its durability on,
//     and take turns (rounds), so that a machine that grows slower or busier
//     spoils them alike. A row's figure is the median of its rounds, its ratio to
//     another row the median of the rounds' ratios.
//  2. Only work that succeeded counts: one answer other than 2xx, one award
//     refused within a bulk, and the run fails. At its end the books are audited.
//  3. Load is closed loop: a client sends its next request after the answer to
//     the last. What is timed begins after a warm-up, with everything connected.
//  4. A measurement begins at rest: what earlier ones left to be done by itself (to
//     seal, to number, to count, to remove) is done before.
//  5. Statement statistics and profiles are taken in a pass of their own, after
//     the figures: taking them costs time.
//  6. A past made by fill or fillProgramme is what the ledger and the referral
//     programme would have written: the audit cannot tell.
//
// It owns nothing that lives on: databases and servers it starts end with it. It
// reads the CPU time of processes where the system shows it (Linux); elsewhere
// those columns are empty.
package bench
