// Package webhook tells receivers what happened.
//
// # Nouns
//
// An endpoint is an address of a tenant's, with the events it wants, the style
// of the facade it speaks, and one signing secret, or two while it is rotated. A
// delivery is one event on its way to one endpoint.
//
// # Invariants
//
//  1. The bytes that are signed are the bytes that are sent, and a receiver who
//     parses them and writes them again in JavaScript gets the same bytes.
//  2. Whichever of two live secrets a receiver holds, an attempt or the one after
//     it verifies.
//  3. No connection is made to an address that is not on the public internet, but
//     for loopback in test mode. What is checked is the address that is dialled.
//
// # What is here
//
// The rendering, the signatures and the address guard; all of them pure. Endpoints,
// deliveries and their workers come with the tables they need; until then nothing
// calls this package.
package webhook
