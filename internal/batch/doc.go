// Package batch lets concurrent callers share transactions: group commit.
//
// A call joins the lane of its key (a tenant and a shard of its members) and
// waits. While a lane's batch commits, the next one fills; when the commit
// returns, whatever has gathered goes as the next batch. No timer is involved:
// a lone caller is served at once, and load alone makes batches large. Where several
// processes serve the same tenant, a lane may wait for its turn (Turn) before it cuts
// its batch.
//
// Invariants:
//
//  1. A call is answered only after the run function has returned for its
//     batch, which is after the commit.
//  2. Calls of one lane run in the order in which they came, never two batches
//     of one lane at a time.
//  3. A batch holds at most Limit calls, a lane at most queueLimit waiting
//     ones; beyond, the call is refused as unavailable, nothing is dropped.
//  4. When a batch as a whole fails for a reason that is not known to concern
//     every call, each call runs again alone, so one poisoned call cannot fail
//     its neighbours.
//  5. A call whose caller has gone before its batch started does not run; who goes
//     later is told that it may take effect.
//  6. Close refuses new calls and waits for those that wait.
//
// Designs tried, by incent bench: one lane per tenant, and lanes by a hash of
// the member (the figures and the choice stand at Lanes); and a lane whose
// next batch begins while the last one's COMMIT is on its way to the disk. Over
// four alternating runs the last gave the same awards a second (1.36 times the
// bare SQL, like a lane that waits), since its batches are smaller by what the
// flush would have gathered, and took 7 % from two servers beside each other. So
// a lane waits, which is simpler. A lane that, while another one of its tenant
// works, goes only when three quarters of its callers are back saved 2 % of an
// event's CPU and gave no more events a second (three alternating runs, two lanes).
package batch
