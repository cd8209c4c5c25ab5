// Package job runs what happens by itself.
//
// # Nouns
//
// A sweep does what is due for a tenant: points that expire, rewards whose hold
// ends, blocks to be sealed. A few are for the server as a whole. A beat is one
// look of one process at one sweep: which tenants have something due, and then
// the sweep for each. The runner is the beats of one process.
//
// # Invariants
//
//  1. A sweep is exact by the rows it works on, not by when or where it runs: what
//     is due is told by their own state, and each bounded transaction changes that
//     state with the effect. Run twice, in many processes at once, killed anywhere,
//     late or never: there is no effect twice, and none half.
//  2. Tenants with nothing due cost one look into an index each; no tenant's rows
//     are walked to find out.
//  3. A tenant's sweep is run by one process at a time. This spares work, nothing
//     depends on it.
//  4. No sweep keeps the others waiting for longer than patience: one that is not
//     done by then goes on with the next beat, from where its rows say it is.
//  5. Time is the tenant's (its test clock included), except where a sweep's own
//     words say otherwise.
//
// # How processes share the work
//
// Every server process runs every sweep. Before it runs one for a tenant it tries
// an advisory lock of that sweep and tenant, in a transaction that stays open and
// idle meanwhile, on a connection of its own; where another process has it, the
// tenant is passed by. The lock goes with the transaction, so a process that dies,
// or loses its connection, leaves nothing behind, and it works through poolers that
// keep no sessions. Leases in a table were weighed: they outlive their process, so
// somebody has to decide when it is dead. A process needs two connections at the
// same moment, no more, since its sweeps run one after another.
//
// To look whether a tenant has anything due took 2.5 to 5.6 microseconds a sweep,
// with 10,000 idle tenants on a busy machine (BenchmarkDue of internal/ledger); see
// internal/app/sweeps.go for how often each is looked at.
//
// # What it does not own
//
// What a sweep does, and which tenants want it: those are the domains'. The app
// puts them together.
package job
