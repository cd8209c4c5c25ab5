// Package crash kills the server and its database with SIGKILL under load and
// proves that no point was lost or doubled.
//
// Nouns. A *site* is a database with the servers that run on it: the *embedded*
// site has one server, which owns its private PostgreSQL; the *shared* site has
// two servers on a PostgreSQL of our own. A *round* is one tenant's life: load
// on one site, kills at drawn instants, restarts, then the comparison. The
// *journal* is what the client knows: each request before it was sent, and its
// answer afterwards, if one came. The *books* are what the database says.
//
// What a round proves:
//
//  1. Nothing acknowledged is lost: each 2xx answer's transfers, orders, codes
//     and refunds are in the books, with the ids and amounts that it told.
//  2. Nothing is doubled: the books hold nothing else. A request whose outcome
//     was unknown was repeated with its key until it was answered, so every
//     effect in the books belongs to exactly one answer.
//  3. Balances, lifetime totals, stock, code pools and daily counts are the sums
//     of those effects; a code went to one order only.
//  4. Keys answer again with the same bytes, also when both servers get the same
//     request at the same time.
//  5. The API tells the same as the tables.
//  6. The product's own audit finds nothing.
//  7. The private PostgreSQL does not outlive its server.
//
// After the last round the books of every round are read once more (no later
// crash may have changed them) and each database is audited as a whole. In each round the comparison itself is tried on a
// journal that claims too much and on one that claims too little.
//
// What it does not prove: that data survives a loss of power. The processes are
// killed, the operating system is not.
//
// It owns the processes it starts, and signals no others. Unix only.
package crash
