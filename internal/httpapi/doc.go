// Package httpapi is the shell that the facades hang in: everything that is the
// same for every operation of every API.
//
// A request passes, in this order: request id, recovery from panics, deadline,
// key -> principal, limit, scope, parameters, content type, body limit, body (checked
// against the compiled spec), idempotency desk; then the generated
// wrapper, the facade's method, and the answer.
//
// Invariants:
//
//  1. Every answer, also of an unknown path, a wrong method, an unreadable body
//     or a panic, is in the facade's own envelope and carries X-Request-Id.
//  2. One switch (statusOf) turns a fault's kind into a status. What is not a
//     fault is logged once, with the request id, and says nothing to the caller.
//  3. A handler runs only for a principal of the facade's own kind of key who
//     holds the operation's scope.
//  4. The binder reads only bytes that the contract has passed.
//  5. One request with one idempotency key runs in this process at a time.
package httpapi
