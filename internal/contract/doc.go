// Package contract turns an OpenAPI 3.0.3 document into request checks that
// cost next to nothing per request.
//
// Nouns: a Contract is a compiled document; an Operation is one method of one
// path with its parameters and its JSON body; a schema is the compiled form of
// what one value may be. The document is read once, at start; a request is
// checked in one pass over its bytes, without reflection and, when nothing is
// wrong, without allocation.
//
// Invariants:
//
//  1. No silent gap: a keyword of a request schema is either checked, or an
//     annotation (title, description, default, example, externalDocs,
//     deprecated, xml, writeOnly, x-…), or an error of Compile. Defaults are
//     for the reader of the document; nothing is filled in here.
//  2. What is accepted is JSON to the letter of RFC 8259 in valid UTF-8, holds
//     no U+0000, no member twice in one object (however its name is spelled),
//     and nests at most maxDepth deep.
//  3. What is accepted by a schema fits the Go type generated from it: integers
//     are written as integers and fit, instants are what time.Time reads,
//     numbers fit their float. Free-form values (additionalProperties: true)
//     may hold any JSON number, also one no float64 can hold.
//  4. The binder sees no member but the declared ones: encoding/json would also
//     bind a name that differs in letter case only, so such a member is cut out
//     of the clean body.
//  5. The work is linear in the length of the request (n log n where Canonical
//     sorts names), the stack is bounded by maxDepth, the answer by maxProblems.
//  6. Errors are fault.Error of kind Invalid; they name the field by the
//     caller's path and never quote a value or the schema.
//
// Not here: authentication, limits on the size of a body, responses (tests
// validate those with kin-openapi, which is also the referee of this package).
package contract
