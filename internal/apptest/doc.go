// Package apptest runs the whole server inside a test's own process: facades,
// shell, domains and a real PostgreSQL, on a loopback listener.
//
// A Server is one test's view of it: a fresh test-mode tenant with a key of
// every kind, and a Client per facade. A Client is a caller; its Call is the
// only way to ask. A Facade is one API as its own spec describes it, read from
// the running server.
//
// Invariants:
//
//  1. Every answer to every Call is held against the facade's spec: the status
//     is documented for the operation, headers and body fit, no member is
//     undeclared. What belongs to no operation must fit the facade's error.
//  2. No error answer carries text of the driver, of a stack or of the source.
//  3. Every (operation, status) met is counted. After a full run Main fails on a
//     served operation that nobody got a 2xx from, and on a documented status
//     that a caller can provoke and no test did.
//  4. The log of the server holds no error when the run ends, the books are
//     clean, and no goroutine is left.
//  5. Tests share two servers (each with its own pool and Core) on one database
//     and never meet, since each has its own tenant.
package apptest
