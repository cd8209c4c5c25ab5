package contract

import (
	"bytes"
	"slices"
	"strconv"
)

// Canonical writes a body that passed CheckBody so that two texts are equal if
// and only if they say the same: names sorted, no white space, each number and
// each string in its one spelling. Numbers are exact, whatever their size. No
// body at all gives none.
func Canonical(body []byte) ([]byte, error) {
	if len(body) == 0 {
		return nil, nil
	}
	s := take(body)
	defer s.release()
	s.space()
	out, ok := s.canonical(make([]byte, 0, len(body)))
	if ok {
		s.end()
	}
	if err := s.verdict(); err != nil {
		return nil, err
	}
	return out, nil
}

func (s *scan) canonical(out []byte) ([]byte, bool) {
	switch s.next() {
	case '"':
		text, _, ok := s.str()
		return appendQuoted(out, text), ok
	case '{':
		return s.canonicalObject(out)
	case '[':
		return s.canonicalArray(out)
	case 't':
		return append(out, "true"...), s.word("true")
	case 'f':
		return append(out, "false"...), s.word("false")
	case 'n':
		return append(out, "null"...), s.word("null")
	}
	literal, _, ok := s.number()
	if !ok {
		return out, false
	}
	return appendNumber(out, literal), true
}

func (s *scan) canonicalArray(out []byte) ([]byte, bool) {
	if !s.enter() {
		return out, false
	}
	out = append(out, '[')
	for count := 0; s.next() != ']' || count > 0; count++ {
		var ok bool
		if out, ok = s.canonical(out); !ok {
			return out, false
		}
		s.space()
		c := s.next()
		if c == ']' {
			break
		}
		if c != ',' {
			return out, s.broken("a comma or a closing bracket is expected")
		}
		out = append(out, ',')
		s.pos++
		s.space()
	}
	s.pos++
	s.depth--
	return append(out, ']'), true
}

// canonicalObject writes the members as they come and puts them in order
// afterwards. Written names compare as well as the names themselves: all that
// matters is that equal objects come out in equal order.
func (s *scan) canonicalObject(out []byte) ([]byte, bool) {
	if !s.enter() {
		return out, false
	}
	first := len(s.parts)
	for s.next() != '}' || len(s.parts) > first {
		from := len(out)
		out = append(out, ',') // in place of the brace, for the first
		if s.next() != '"' {
			return out, s.broken("a member name in double quotes is expected")
		}
		name, _, ok := s.str()
		if !ok {
			return out, false
		}
		out = appendQuoted(out, name)
		if s.space(); s.next() != ':' {
			return out, s.broken("a colon is expected")
		}
		s.pos++
		s.space()
		if out, ok = s.canonical(append(out, ':')); !ok {
			return out, false
		}
		s.parts = append(s.parts, span{from, len(out)})
		s.space()
		c := s.next()
		if c == '}' {
			break
		}
		if c != ',' {
			return out, s.broken("a comma or a closing brace is expected")
		}
		s.pos++
		s.space()
	}
	s.pos++
	s.depth--
	out = inOrder(out, s.parts[first:])
	s.parts = s.parts[:first]
	return append(out, '}'), true
}

// inOrder sorts the members that end the text and turns the first comma into
// the opening brace.
func inOrder(out []byte, parts []span) []byte {
	if len(parts) == 0 {
		return append(out, '{')
	}
	begin := parts[0].from
	byName := func(a, b span) int {
		return bytes.Compare(out[a.from:a.to], out[b.from:b.to])
	}
	if !slices.IsSortedFunc(parts, byName) {
		slices.SortFunc(parts, byName)
		sorted := make([]byte, 0, len(out)-begin)
		for _, part := range parts {
			sorted = append(sorted, out[part.from:part.to]...)
		}
		copy(out[begin:], sorted)
	}
	out[begin] = '{'
	return out
}

// appendQuoted writes a string with the fewest escapes that JSON allows.
func appendQuoted(out, text []byte) []byte {
	out = append(out, '"')
	for _, c := range text {
		switch {
		case c == '"' || c == '\\':
			out = append(out, '\\', c)
		case c < ' ':
			const hex = "0123456789abcdef"
			out = append(out, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		default:
			out = append(out, c)
		}
	}
	return append(out, '"')
}

// maxPlainZeros is how many zeros a number may end in and still be written out.
const maxPlainZeros = 18

// appendNumber writes a number as its significant digits, without zeros at
// either end, and a power of ten; whole numbers of common size as ever.
func appendNumber(out, literal []byte) []byte {
	mantissa, exponent := literal, []byte(nil)
	if i := bytes.IndexAny(literal, "eE"); i >= 0 {
		mantissa, exponent = literal[:i], literal[i+1:]
	}
	sign, mantissa := cutSign(mantissa)
	shift := 0 // power of ten of the last digit, so far
	if i := bytes.IndexByte(mantissa, '.'); i >= 0 {
		shift = i + 1 - len(mantissa)
		mantissa = slices.Concat(mantissa[:i], mantissa[i+1:])
	}
	mantissa = bytes.TrimLeft(mantissa, "0")
	if len(mantissa) == 0 {
		return append(out, '0')
	}
	significant := bytes.TrimRight(mantissa, "0")
	shift += len(mantissa) - len(significant)
	if sign {
		out = append(out, '-')
	}
	out = append(out, significant...)
	negative, size := cutSign(exponent)
	size = bytes.TrimLeft(size, "0")
	if len(size) <= maxPlainZeros { // then an int64 holds the sum
		power, _ := strconv.ParseInt("0"+string(size), 10, 64)
		if negative {
			power = -power
		}
		power += int64(shift)
		switch {
		case power == 0:
		case power > 0 && power <= maxPlainZeros:
			out = append(out, "000000000000000000"[:power]...)
		default:
			out = strconv.AppendInt(append(out, 'e'), power, 10)
		}
		return out
	}
	if out = append(out, 'e'); negative {
		out, shift = append(out, '-'), -shift
	}
	return appendSum(out, size, shift)
}

func cutSign(text []byte) (negative bool, rest []byte) {
	if len(text) > 0 && (text[0] == '-' || text[0] == '+') {
		return text[0] == '-', text[1:]
	}
	return false, text
}

// appendSum writes a decimal of any length plus n, in time linear in its
// length. The decimal is the larger by far, so the sum keeps its sign.
func appendSum(out, decimal []byte, n int) []byte {
	sum := make([]byte, len(decimal)+1)
	for i := len(decimal); i > 0; i-- {
		n += int(decimal[i-1] - '0')
		digit := ((n % 10) + 10) % 10
		sum[i] = byte('0' + digit)
		n = (n - digit) / 10
	}
	sum[0] = byte('0' + n)
	return append(out, bytes.TrimLeft(sum, "0")...)
}
