// Package once makes keyed mutations idempotent.
//
// A ticket is one request's claim on an idempotency key: the key, the hash of
// route and canonical body, and the way to render the answer. The row that
// keeps the answer is inserted in the transaction of the effect, as its last
// statement; a transaction that finds a row answers with it and does nothing
// else.
//
// Invariants:
//
//  1. Effect and row commit together or not at all. The primary key (tenant,
//     key) admits one row, so one effect, whatever runs at the same time: the
//     loser's transaction fails as a whole, runs again, and finds the row.
//  2. What is stored are the bytes that were sent, so a replay is identical.
//     Where an answer holds a secret (a new API key), its row keeps those bytes
//     sealed with AES-256-GCM under a server secret and bound to tenant, hash
//     and key; only a replay opens them.
//  3. Of a key only its SHA-256 is stored. An answer that was erased leaves its
//     row without a body: the key is refused (409), its effect not repeated.
//  4. A key met again with another hash is refused (422), never replayed.
//  5. Stored are successes and refusals that depend on state. Never stored are
//     401, 429 and 5xx, nor the refusals of this package itself.
//  6. An unacknowledged COMMIT is resolved by looking the key up: the command
//     simply runs again, and finds its row or does its work.
//  7. In one process twins do not run at the same time: the second waits up to
//     twinPatience at the desk, then is told to come back (409). Across
//     processes it waits in the primary key's index, with the same bound.
//  8. A refusal undoes what its command wrote, unless the command says that it
//     Stands: then both are committed, and a replay writes nothing again.
//  8. A row lives for Retention at least, by the real clock also in a test tenant
//     whose own runs ahead; then Forget deletes it. Nobody else deletes one.
//
// Two designs were weighed: insert the row first (it blocks twins early, but
// costs an update for the answer), or look up first and insert last (one read
// and one insert). The second writes half as much and is what stands here; its
// price, a repeated transaction for twins on two servers, is paid rarely.
package once
