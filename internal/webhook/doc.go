// Package webhook tells receivers what happened.
//
// # Nouns
//
// An endpoint is an address of a tenant's, with the events it wants, the style
// of the facade it speaks, and one signing secret, or two while it is rotated. A
// delivery is one event on its way to one endpoint; a test is one that tells of
// none. Fan-out makes deliveries of the events behind what an endpoint has seen.
// An attempt is one request; the health of an endpoint is what its attempts came
// to. A worker is the one River job that may send to an endpoint.
//
// # Invariants
//
//  1. The bytes that are signed are the bytes that are sent, and a receiver who
//     parses them and writes them again in JavaScript gets the same bytes.
//  2. Whichever of two live secrets a receiver holds, an attempt or the one after
//     it verifies.
//  3. No connection is made to an address that is not on the public internet, but
//     for loopback in test mode. What is checked is the address that is dialled.
//  4. Only what is in the feed is delivered, so only what was committed; of each
//     event an endpoint wants it gets one delivery, with one id, whoever sends it
//     and however often.
//  5. Nothing is lost. What an endpoint has seen moves in the transaction that
//     makes its deliveries; a delivery is settled only by an answer of 2xx or by
//     its last attempt, in a transaction after the answer. Whoever dies in between
//     leaves it due, and it is sent again: at least once, never exactly once.
//     What is settled is forgotten after Retention (Forget); its event stays in
//     the feed, of which a replay makes the same delivery again.
//  6. A body is not stored. It is made of the feed at each attempt, the same bytes
//     from the same facts; what was erased meanwhile is not told. Of answers only
//     headers are kept that tell of the receiver.
//  7. Secrets are stored sealed, shown once, and never logged; nor are addresses.
//
// # How it runs
//
// Every process looks a few times a second for active endpoints that have
// something to be told and that nobody works on (watch). It locks such a row,
// makes the deliveries of the next events where none is due, inserts a River job
// and gives that job the right to the endpoint, all in one transaction
// (dispatch). The job takes turns: in one transaction it marks what was sent,
// makes further deliveries if it has to, takes the next chunk and prolongs its
// right; then it sends the chunk, some at a time (Work). When its time is over a
// new job queues behind those of other endpoints.
//
// River runs the jobs and bounds how many run; nothing depends on what its tables
// hold. A job that was lost, waits for too long or died is replaced when its
// right ends, and one that comes late finds that it is not the one. So the state
// is in tables keyed by tenant, and a killed process holds up its endpoints for
// no longer than the lease. All instants are by the tenant's clock, so a test
// tenant's retries follow its clock; only signatures tell real time.
//
// Endpoints do not wait for each other: each has its own deliveries and at most
// one worker with a bounded number of connections; one that fails gets its workers
// from a queue of its own and after some failures is only probed, less and less
// often. New deliveries are only made when the last ones were attempted: a slow
// endpoint's backlog stays in the feed, where it costs nothing. And a process sends
// no more than so many a second (pace), since callers come first: it falls behind
// under load and catches up after it.
//
// Two designs were weighed. A job a delivery is River's usual way; it writes each
// delivery three times more (made, fetched, finished), and waits for River's rescue
// when a process dies. A job an endpoint costs that once for thousands of them.
package webhook
