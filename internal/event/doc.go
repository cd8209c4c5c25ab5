// Package event keeps the journal of commits and reads it as a feed.
//
// # Nouns
//
// An event is one thing that happened and that a caller may want to hear of. It
// is either a transfer of the books, named by its address, or a fact: a kind and
// a small JSON object. A journal gathers the events of one transaction and is
// stored as one row, a commit. The feed of a tenant is its events in one line,
// numbered 1, 2, 3 ... A commit also names the transfers that are no event, so that
// the ledger finds in it everything that is to be sealed; a commit that has such
// transfers only has no place in the feed.
//
// # Invariants
//
//  1. Events commit with the change they tell of, or not at all: the row is
//     written by the transaction itself.
//  2. The feed has no gap and never changes: a number once given stays with its
//     event, and a reader who has seen number n has seen all below it.
//  3. The feed is in commit order wherever anybody can tell: when one of two
//     transactions waited for a lock of the other, or began after the other was
//     acknowledged, its events come later.
//  4. A fact holds no name, mailbox, address or code. What is secret is looked
//     up when the event is rendered, and what was erased is then gone.
//
// # How order is kept
//
// Numbers cannot be given inside the transaction: all commits of a tenant would
// wait for one row until the disk has answered. So the row only draws the end of
// the write-ahead log, as the last statement that locks anything, and Sequence
// numbers what has been committed, in the order drawn. Two commits that met at a
// lock drew in the order in which they committed, and the second is seen only
// where the first is seen, so any moment is right for numbering; two that did
// not meet may come in either order.
//
// Two designs were weighed. A row an event, with its text rendered at once,
// costs an award as much again as its transfer. A row a commit, with the
// addresses of transfers, costs a batch of 25 awards one statement.
package event
