// Package id renders the product's identifiers: a prefix that says what the id
// names, and an opaque tail that sorts by time (`ord_06fv3...`).
//
// Invariants:
//
//  1. Text order is the order of the bytes beneath, hence of creation.
//  2. Parse accepts exactly what the render function of the same prefix makes;
//     everything else is an unknown id, never an error of its own.
//  3. No id is longer than 40 characters.
package id
