// Package memo keeps what callers say about transfers unreadable without its
// member's key.
//
// # Nouns
//
// A memo is a reason, a reference and metadata, the caller's own. A key is a
// member's, made with the member and kept in their row. A sealed memo is what
// lies in the books.
//
// # Why
//
// The books are append-only and their history is chained, so a row of them can
// neither be changed nor taken out when its member asks to be forgotten. What a
// row says about a person must be forgotten all the same: the key is destroyed,
// and with it every memo of that member at once, in the tables and in every
// copy that has been made of them without the members.
//
// The other design that was weighed is a table of memos beside the books, whose
// rows are deleted. It costs each award a second row with an index entry, and an
// erasure as many deletions as the member has transfers. Sealing costs an award
// less than a microsecond, and saves the database the reading of the metadata's
// JSON; what was measured stands in internal/ledger/doc.go.
//
// # How
//
// The memo's bytes are combined with SHA-256(key, nonce, block number), block by
// block: a hash in counter mode. It is this cipher and not AES since PostgreSQL
// has SHA-256 without an extension: the migration seals what it finds, and an
// operator reads a memo with the functions memo_seal and memo_open of the
// database. Invariants:
//
//  1. What Seal makes, Open and memo_open read; and the other way round.
//  2. No two memos under one key have the same nonce: its first eight bytes are
//     random for each Sealer, its last four count.
//  3. An empty memo is no bytes. Without a key everything is: nothing is sealed
//     for a member who was erased, and nothing of theirs can be opened.
//
// That a memo was not changed the cipher does not tell. The books' chain leaves
// memos out; since what is sealed never changes, it could take them in.
package memo
