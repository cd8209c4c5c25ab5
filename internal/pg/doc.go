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
//
// It owns no table. Packages that own tables call gen/query with the DBTX that
// InTx or the pool hands them.
package pg
