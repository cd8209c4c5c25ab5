package contract

import (
	"strconv"
	"unicode/utf8"

	"github.com/incent-dev/incent/internal/fault"
)

const (
	// maxProblems ends a check: enough to mend a request in one go, and an
	// answer of bounded size whatever is sent.
	maxProblems = 20

	// maxShownName is how much of a member's name an answer repeats, in bytes.
	maxShownName = 64

	// wholeBody names the body itself as a field.
	wholeBody = "body"
)

// What every schema says alike; the rest is worded when a schema is compiled.
const (
	saysRequired = "is required"
	saysTwice    = "appears twice"
	saysNull     = "must not be null"
	saysUnknown  = "is not a known member"
	saysNUL      = "must not contain the character U+0000"
	saysNotUTF8  = "must be valid UTF-8"
)

// report notes a problem; the scan goes on until there are too many.
func (s *scan) report(field, message string) {
	if len(s.found) < maxProblems {
		s.found = append(s.found, fault.Detail{Field: field, Message: message})
	}
}

// problem notes one with the value at the cursor's place.
func (s *scan) problem(message string) { s.report(s.field(), message) }

func (s *scan) enough() bool { return len(s.found) >= maxProblems }

// refuse ends the scan over a value that cannot be let in, though it is JSON.
func (s *scan) refuse(message string) bool {
	s.fatal = fault.Field(s.field(), "%s", message)
	return false
}

// broken ends the scan where the text is no JSON. Whatever was found before is
// dropped: what a malformed text seems to say is not worth an answer.
func (s *scan) broken(what string) bool {
	field, at := s.field(), what+" at byte "+strconv.Itoa(s.pos)
	message := "the body is not valid JSON: " + at
	if field != wholeBody {
		message += ", near " + field
	}
	s.fatal = &fault.Error{
		Kind: fault.Invalid, Code: fault.CodeInvalidRequest, Message: message,
		Details: []fault.Detail{{Field: field, Message: "is not valid JSON: " + at}},
	}
	return false
}

// verdict is nil as an error, not a nil *fault.Error, when all is well.
func (s *scan) verdict() error {
	if s.fatal != nil {
		return s.fatal
	}
	if len(s.found) == 0 {
		return nil
	}
	first := s.found[0]
	return &fault.Error{
		Kind: fault.Invalid, Code: fault.CodeInvalidRequest,
		Message: first.Field + " " + first.Message, Details: s.found,
	}
}

// field is the caller's path to the cursor's place: awards[3].points.
func (s *scan) field() string {
	var b []byte
	for _, at := range s.path[:s.depth] {
		switch {
		case at.item > 0:
			b = append(b, '[')
			b = strconv.AppendInt(b, int64(at.item-1), 10)
			b = append(b, ']')
		case at.name != nil:
			if len(b) > 0 {
				b = append(b, '.')
			}
			b = append(b, shown(at.name)...)
		}
	}
	if len(b) == 0 {
		return wholeBody
	}
	return string(b)
}

func shown(name []byte) string {
	if len(name) <= maxShownName {
		return string(name)
	}
	cut := maxShownName
	for !utf8.RuneStart(name[cut]) {
		cut--
	}
	return string(name[:cut]) + "…"
}
