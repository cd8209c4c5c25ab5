// Package pglocal runs the private PostgreSQL of a server that was given no
// database address.
//
// Nouns. The *folder* (Options.Dir) holds `data/` (the cluster), `lock` and
// `postgres.log`. The *owner* is the process that called Start and has not yet
// finished Stop. The *postmaster* is PostgreSQL's first process; its children
// outlive it when it is killed and are then *leftovers*. A postmaster that
// outlived its owner is an *orphan*. The *identity* is the user PostgreSQL runs
// as, which it refuses to be root.
//
// Invariants:
//
//  1. One owner per folder: it holds flock(lock) for its whole life. A second
//     Start fails and says who has it. Whatever the folder shows (pid files,
//     orphans, leftovers, half-made clusters) was left by dead owners and may
//     therefore be settled by the one that holds the lock.
//  2. `data/` is absent or whole: a cluster is made beside it and renamed.
//  3. Durability is on (fsync, full_page_writes, synchronous_commit) whatever the
//     configuration files say, unless Options.Volatile.
//  4. PostgreSQL does not outlive its owner, however that dies: the kernel sends
//     it SIGINT (Linux), or a watcher that waits on a pipe does. Where even that
//     fails the next owner adopts the orphan, or replaces it when it was started
//     with another command line.
//  5. While the owner lives, a postmaster that goes away is started again, with
//     recovery. Only when it cannot be kept up (maxEarlyDeaths) does Done close.
//  6. Leftovers never share a folder with a new postmaster: PostgreSQL refuses
//     it, and Start ends them (Linux) or waits for them.
//  7. No TCP port is opened and no password exists: the socket lies in a folder
//     that only the identity (and root) can enter.
//  8. An existing cluster is only opened by its own major version.
//
// As root the identity is, in this order: the owner of the existing cluster, the
// user postgres, the user nobody, and, where none of them can reach the folder
// (a checkout in root's home), root itself seen from inside a user namespace as
// somebody else (Linux). Each is tried out, not guessed.
//
// A supervisor that signals every process of the service at once (systemd's
// KillMode=control-group) also stops PostgreSQL, under a server that still
// drains: use KillMode=mixed.
//
// It owns no schema: it only makes the role and the empty database. Unix only.
package pglocal
