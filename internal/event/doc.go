// Package event keeps the journal of commits and reads it as a feed.
//
// # Nouns
//
// An event is one thing that happened and that a caller may want to hear of: a
// kind, with the address of the row that it is or is about (a transfer, an
// activity, a member, an order ...), or with a fact, a small JSON object, or with
// both, where the row will not tell any more how it stood. A journal gathers the
// events of one transaction and is stored as one row, a commit. The feed of a
// tenant is its events in one line, numbered 1, 2, 3 ... A reveal belongs to the
// package that owns the rows: it reads what a page of events is about and makes
// their data. A commit also names the transfers that are no event, so that the
// ledger finds in it everything that is to be sealed; a commit that has such
// transfers only has no place in the feed, and one that names no transfer waits for
// no block.
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
//  4. A fact holds nothing of a person but our key of the member: no name, no
//     mailbox, no address, no id of the caller's; and no code. All that is looked
//     up when the event is told, and what was erased is then gone.
//  5. Every address leads to a row. What happens once to a row is told once.
//  6. A page of the feed is told by a number of reads that does not depend on its
//     length.
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
// addresses of rows, costs a batch of 25 awards, events or clicks one statement.
// What happens rarely (a level, a badge, a move of an order) is noted as a fact,
// since its definition may change: nothing on a hot path is rendered.
//
// What the row of a batch of 32 costs, in CPU time of both sides for each call:
// 2.4 us of an award, 3.4 us of an event (of which the award that it pays takes
// 2.4), 3.3 us of a click, 8.3 us of the four events of a purchase. (Three runs on
// a busy machine; BenchmarkStore.)
//
// A larger transaction has one journal: the ledger's session notes its transfers
// there (ledger.Session.TellIn), and whoever began the transaction stores it last.
package event
