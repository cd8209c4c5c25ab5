// Package person answers for what is stored about one member: it tells all of
// it, and forgets it.
//
// # Nouns
//
// An export is everything stored about a member, in sections. An erasure is the
// forgetting of a member: afterwards there is a tombstone, a member with a
// made-up id, whose books, standings and rewards are what they were, and nothing
// that tells who it was. A pass is one table's part of an erasure.
//
// # Invariants
//
//  1. An erasure begins in one transaction: from its commit on the member has
//     the tombstone's id and neither name nor mailbox, and the key of their memos
//     is destroyed (internal/memo). Who uses the old id then means somebody else:
//     what gives makes a new member of it.
//  2. Passes begin when every transaction is over that may have seen the member
//     under the old id; so none of them adds anything behind a pass's back.
//  3. Passes are bounded transactions, each idempotent by the rows' own state, in
//     any process, killed anywhere: Finish begins again from the first one.
//  4. A complete erasure leaves no text of the member's or about them in any
//     table: every column of text, bytes or JSON that may hold it is emptied by
//     a pass or sealed with the key (the test over the schema's columns, which
//     must name each one's pass or say why it needs none).
//  5. The books, their chain, the standings and all counts are as before: no
//     number, instant or key of ours changes.
//  6. Erasing again changes nothing, whether the member is named by the
//     tombstone's id or by the old one, of which a keyed hash is kept.
//
// # What stays, and what goes
//
// Gone are profile, holder's and referee's mailboxes, addresses of orders,
// metadata, memos, keyed hashes of networks and devices, sightings, evidence and
// notes of cases, entries of the block list that name the member or one of their
// mailboxes, idempotency keys of events, and stored answers that name the
// member: their idempotency keys are refused from then on. Codes that the member
// held as a referrer become made-up ones and lead nowhere. Codes that were
// bought or earned stay with their orders and rewards, since pools count them,
// and say nothing about anybody. Deliveries keep neither bodies, which are told
// anew from the feed, nor headers that may say whom an event was about. Entries of the block list about networks and
// devices stay: they are the tenant's, about places and things that many share,
// and lead to no member once the sightings are gone.
//
// Where an order has not been sent yet, the address is gone all the same: who
// wants it sent, or its points back, ends it before.
//
// # What it does not own
//
// Any other table. It is the one package that knows of everybody's: an erasure
// that each domain did its part of would be as complete as the most forgetful
// of them.
package person
