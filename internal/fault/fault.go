package fault

import (
	"errors"
	"fmt"
	"time"
)

// Kind says what class of failure a fault is. The zero Kind is Internal, so a
// fault somebody forgot to classify is never mistaken for the caller's.
type Kind uint8

// The kinds; beside each the status httpapi gives it.
const (
	Internal     Kind = iota // 500
	Invalid                  // 400: malformed, or refused by a rule of the programme
	Unauthorized             // 401
	Forbidden                // 403: a known caller without the scope
	NotFound                 // 404: unknown, or another tenant's, which looks the same
	NotAllowed               // 405: the path exists, the method does not
	Conflict                 // 409
	Mismatch                 // 422: an idempotency key used for another request
	TooLarge                 // 413
	RateLimited              // 429
	Unavailable              // 503: nothing is known to be wrong with the request
)

// Stable codes shared by all facades. A code of one domain stands beside the
// function that returns it; every code is listed in the specs.
const (
	CodeInternal              = "internal_error"
	CodeInvalidRequest        = "invalid_request"
	CodeUnauthorized          = "unauthorized"
	CodeForbidden             = "forbidden"
	CodeNotFound              = "not_found"
	CodeMethodNotAllowed      = "method_not_allowed"
	CodePayloadTooLarge       = "payload_too_large"
	CodeRateLimited           = "rate_limited"
	CodeUnavailable           = "unavailable"
	CodeIdempotencyConflict   = "idempotency_conflict"
	CodeIdempotencyInProgress = "idempotency_in_progress"
)

// Detail points at one field of the request. Field is the member's path as the
// caller wrote it (`awards[3].points`), or the parameter's name.
type Detail struct {
	Field   string
	Message string
}

// Error is the one error type.
type Error struct {
	Kind    Kind
	Code    string
	Message string // a sentence, safe to show
	Details []Detail

	// RetryAfter, where positive, becomes the Retry-After header.
	RetryAfter time.Duration

	cause error
}

// New makes a fault of the given kind, code and sentence.
func New(kind Kind, code, format string, args ...any) *Error {
	return &Error{Kind: kind, Code: code, Message: fmt.Sprintf(format, args...)}
}

// Field makes the fault of one unusable field of a request.
func Field(field, format string, args ...any) *Error {
	message := fmt.Sprintf(format, args...)
	return &Error{
		Kind: Invalid, Code: CodeInvalidRequest, Message: field + " " + message,
		Details: []Detail{{Field: field, Message: message}},
	}
}

// Missing is the answer for an id that names nothing the caller may see.
func Missing(what string) *Error {
	return New(NotFound, CodeNotFound, "%s not found", what)
}

// Because keeps the cause for the log; the caller never sees it.
func (e *Error) Because(cause error) *Error {
	e.cause = cause
	return e
}

// About names the field that the fault concerns.
func (e *Error) About(field string) *Error {
	e.Details = append(e.Details, Detail{Field: field, Message: e.Message})
	return e
}

func (e *Error) Error() string {
	if e.cause != nil {
		return e.Code + ": " + e.Message + ": " + e.cause.Error()
	}
	return e.Code + ": " + e.Message
}

func (e *Error) Unwrap() error { return e.cause }

// As returns the fault in err's chain, or nil.
func As(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return nil
}

// Is tells whether err is a fault with this code.
func Is(err error, code string) bool {
	e := As(err)
	return e != nil && e.Code == code
}
