// Package fault is the one error type of the product.
//
// A fault says what went wrong in words that are safe to show to a caller: a
// kind (which decides the HTTP status, in one switch in httpapi), a stable
// snake_case code (listed in the specs), a sentence, and the fields concerned.
// Whatever is not a fault is unexpected: it is logged once where it surfaces,
// and the caller learns nothing of it but a request id.
package fault
