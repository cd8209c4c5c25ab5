package contract

import (
	"net/http"
	"strings"
)

// param is one declared parameter; it is a scalar.
type param struct {
	name     string
	key      string // canonical form of a header's name
	required bool
	sch      *schema
}

// param checks the value in s.text.
func (s *scan) param(p *param) {
	if message := p.sch.scalarProblem(s.text); message != "" {
		s.report(p.name, message)
	}
}

func (s *scan) headerParam(p *param, header http.Header) {
	switch values := header[p.key]; len(values) {
	case 0:
		if p.required {
			s.report(p.name, saysRequired)
		}
	case 1:
		s.text = append(s.text[:0], values[0]...)
		s.param(p)
	default:
		s.report(p.name, saysTwice)
	}
}

// query reads the raw query as net/url would, but says what it cannot read. It
// also reads what is not declared, since a misspelt escape may hide a name.
func (s *scan) query(op *Operation, raw string) {
	var seen uint64
	for raw != "" && !s.enough() {
		var pair string
		pair, raw, _ = strings.Cut(raw, "&")
		if pair == "" {
			continue
		}
		name, value, _ := strings.Cut(pair, "=")
		if !s.unescape(name) {
			s.report("query", saysEscape)
			continue
		}
		at, declared := op.queryAt[string(s.text)]
		field := "query"
		if declared {
			field = op.query[at].name
		}
		if !s.unescape(value) {
			s.report(field, saysEscape)
		} else if strings.IndexByte(pair, ';') >= 0 {
			s.report(field, "must not contain a bare semicolon")
		} else if declared && seen&(1<<at) != 0 {
			s.report(field, saysTwice)
		} else if declared {
			s.param(&op.query[at])
		}
		if declared {
			seen |= 1 << at
		}
	}
	for i := range op.query {
		if p := &op.query[i]; p.required && seen&(1<<i) == 0 {
			s.report(p.name, saysRequired)
		}
	}
}

const saysEscape = "has a malformed percent-encoding"

// unescape decodes a part of a query into s.text.
func (s *scan) unescape(part string) bool {
	s.text = s.text[:0]
	for i := 0; i < len(part); i++ {
		switch c := part[i]; c {
		case '+':
			s.text = append(s.text, ' ')
		case '%':
			if i+2 >= len(part) {
				return false
			}
			high, ok := hexDigit(part[i+1])
			low, also := hexDigit(part[i+2])
			if !ok || !also {
				return false
			}
			s.text = append(s.text, high<<4|low)
			i += 2
		default:
			s.text = append(s.text, c)
		}
	}
	return true
}

func hexDigit(c byte) (v byte, ok bool) {
	switch {
	case c >= '0' && c <= '9':
		return c - '0', true
	case c|0x20 >= 'a' && c|0x20 <= 'f':
		return c | 0x20 - 'a' + 10, true
	}
	return 0, false
}
