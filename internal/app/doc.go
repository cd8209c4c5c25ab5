// Package app puts the server together: configuration from the environment,
// construction in order, start and stop, demo data.
//
// Invariants:
//
//  1. The environment is read here and nowhere else.
//  2. What is started is stopped, in the opposite order, and waited for.
//  3. A stop drains: the listener closes first, then the queues, then the
//     database.
//  4. Demo data are made once, on the first start of an empty private database,
//     and never on a database that somebody else gave us.
package app
