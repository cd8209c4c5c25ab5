// Package fraud judges one referral creation or one conversion: facts and a
// policy in, a verdict out.
//
// Nouns: facts are all that may be looked at, each of constant cost to gather
// in the transaction that records the thing judged; a signal is one indication
// of abuse, with a stable code; its weight is what it adds to the score, set
// per campaign by the policy; its evidence says what was seen; the verdict is
// score, signals and outcome. A campaign's reviewers see all of it.
//
// Invariants:
//
//  1. The verdict depends on the arguments alone: no clock, no database, no
//     randomness. The same facts under the same policy give the same verdict.
//  2. Score is nil if and only if no signal fired; else it is the sum of what
//     the fired signals added, at most 100.
//  3. One more signal never lowers the score, nor softens the outcome.
//  4. Evidence holds plain values, and neither an address nor a mailbox in the
//     clear: mailboxes are masked, networks and devices are not in Facts at all.
//  5. What is missing accuses nobody: a zero fact fires nothing, but for an
//     absent click, which is a fact of its own.
//
// The package owns what counts as the same mailbox (NormalEmail) and as the
// same network (NetworkOf): block lists and hashes at rest are built on these.
// It does not own cases, block lists or counters; package referral gathers
// facts and stores verdicts.
//
// How well it tells abuse from honest use is measured by TestRecall on a
// generated population: population_test.go says who is in it and how its rates
// came about, abuse_test.go lists the twenty patterns. The figures are of that
// population, not of anybody's customers. What it cannot catch is the start of
// an attack that shows by its volume alone, and all links of a ring but the one
// that closes it: the case of a later one should lead a reviewer to them.
package fraud
