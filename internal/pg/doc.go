// Package pg is everything that knows the database is PostgreSQL: the pool,
// transactions with bounded retry, the pipeline that sends many writes in one
// round trip, migrations, and the translation of driver errors.
//
// Invariants:
//
//  1. One command, one transaction. InTx commits what its closure did, or
//     nothing of it.
//  2. Only failures of which it is certain that nothing was committed are
//     retried here (IsAborted). A COMMIT whose acknowledgement was lost is
//     reported as ErrCommitUnknown and is never retried blindly: whoever holds
//     an idempotency key looks it up, whoever holds none is told so.
//  3. A connection that serves requests runs as the role incent_app, which may
//     not update or delete the books, when the login may take that role.
//  4. Retries, waits and batch sizes are bounded by the constants below.
//  5. Nothing depends on a turn (Turns): whoever cannot have it goes without.
//  6. BEGIN, savepoints and COMMIT make no round trip of their own. What is sent
//     with COMMIT (Pipeline.Finish) is as uncertain as the COMMIT when the
//     connection ends; a refusal by the server is certain, whichever of those
//     statements it is of.
//
// # Why control statements travel with others
//
// A batch of awards made five round trips: BEGIN, tenant, accounts, writes,
// COMMIT. Each lets the connection wait for the scheduler twice, which on busy
// cores costs more than the statements. With two (Together for what is read,
// Finish for what is written) a server made 9,300 awards a second where it had
// made 7,000 (1.63 times the bare SQL instead of 1.25, on two cores, minutes
// apart), and an award took 159 microseconds of CPU instead of 185.
//
// # Why servers take turns
//
// Two servers of one database halve each other's batches, and a batch has a price of
// its own, about as much as ten awards. While servers meet, a batch is therefore cut
// only once no other server reads for a batch of that tenant's lane: callers gather
// meanwhile. A server that meets nobody asks for the turn by the way, in the round
// trip that it makes anyhow. With two servers on two cores an award took 229
// microseconds of everybody's CPU time instead of 243, and 7,522 came a second instead
// of 7,208 (two alternating runs). The turn is passed on with the statements that
// write, so that one server writes while the next one reads: kept until the commit it
// made batches larger still, but 5,712 awards a second instead of 6,479 (four other
// runs, on a busier machine). So it is an advisory lock of the session; whoever
// cannot give it back closes the connection.
//
// It owns no table. Packages that own tables call gen/query with the DBTX that
// InTx or the pool hands them.
package pg
