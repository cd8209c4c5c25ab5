// Package crash kills the server and its database with SIGKILL under load and
// proves that no point, reward or code was lost or doubled.
//
// Nouns. A *site* is a database with the servers that run on it: the *embedded*
// site has one server, which owns its private PostgreSQL; the *shared* site has
// two servers on a PostgreSQL of our own. A *round* is one tenant's life: load
// on one site, kills at drawn instants, restarts, then the comparison. The
// *journal* is what the client knows: each request before it was sent, and its
// answer afterwards, if one came. The *books* are what the database says. A
// *kind* is what a request asks for: the table in kinds.go has all that load,
// comparison and report need to know of each, so that a line more makes the
// rounds do something more.
//
// What a round proves:
//
//  1. Nothing acknowledged is lost: each 2xx answer's transfers, orders, codes,
//     clicks, conversions, rewards and refunds are in the books, with the ids and
//     amounts that it told.
//  2. Nothing is doubled: the books hold nothing else. A request whose outcome
//     was unknown was repeated with its key until it was answered, so every
//     effect in the books belongs to exactly one answer.
//  3. Balances, lifetime totals, stock, code pools, daily counts, the statistics
//     of codes and campaigns and what is left of a budget are the sums of those
//     effects. A code went to one order or reward only, one conversion of a
//     referee paid, one click of a referee on a code counts.
//  4. Keys answer again with the same bytes, also when both servers get the same
//     request at the same time.
//  5. The API tells the same as the tables.
//  6. The product's own audit finds nothing.
//  7. The private PostgreSQL does not outlive its server.
//
// After the last round the books of every round are read once more (no later
// crash may have changed them) and each database is audited as a whole. In each
// round the comparison itself is tried on a journal that claims too much and on
// journals that claim too little, one per kind.
//
// What it does not prove: that data survives a loss of power. The processes are
// killed, the operating system is not.
//
// It owns the processes it starts, and signals no others. Unix only.
package crash
