// Package wire holds the few values whose text on the wire is a promise that
// Go's own types do not keep: instants with exactly three fractional digits,
// and money that is never a float.
//
// The nouns: a Millis is an instant as responses write it; a Money is an amount
// in minor units as responses write it; a Decimal is an amount as a request
// wrote it, kept exactly until it is rounded once to minor units.
//
// Invariants:
//
//  1. A Millis is written in UTC, with three fractional digits and a Z, and
//     what was written reads back as the same Millis.
//  2. A Money is written as a JSON number with two decimals, exactly.
//  3. A Decimal equals (==) another exactly when the two numbers are equal, so
//     5, 5.00 and 50e-1 are one value.
//  4. No float takes part anywhere.
//
// The package owns no rule of a programme: ranges stand in the specs, and what
// an amount means stands in the domains.
package wire
