package contract

import (
	"bytes"
	"sync"
	"unicode/utf8"

	"github.com/incent-dev/incent/internal/fault"
)

const (
	// maxDepth bounds the nesting of arrays and objects, and with it the stack.
	// No documented request goes below five.
	maxDepth = 32

	// maxNameList is how many undeclared names of one object are compared one by
	// one before a map takes over; most objects stay far below it.
	maxNameList = 16

	// maxKeptText (bytes) and maxKeptSpans bound the scratch buffers that go back
	// to the pool, so that one huge request does not stay in memory for ever.
	maxKeptText  = 64 << 10
	maxKeptSpans = 1 << 10
)

// scan is one pass over one request. Its buffers are reused by the next.
type scan struct {
	buf   []byte
	pos   int
	depth int            // open arrays and objects
	path  [maxDepth]step // where in each of them the scan is

	text    []byte // the string read last, where it held escapes
	decoded bool   // whether the string read last lies in text

	names [][]byte // undeclared member names of the open objects
	cuts  []span   // members to keep from the binder, ascending
	parts []span   // members of the open objects of Canonical, as spans of its output

	found []fault.Detail
	fatal *fault.Error
}

type span struct{ from, to int }

// step is a place in an open container: a member, an item (1-based, so that the
// zero step means "none yet"), or nothing.
type step struct {
	name []byte
	item int
}

var pool = sync.Pool{New: func() any { return new(scan) }}

func take(buf []byte) *scan {
	s := pool.Get().(*scan)
	s.buf = buf
	return s
}

// release gives the scan back without any reference to the caller's bytes.
func (s *scan) release() {
	clear(s.names)
	clear(s.path[:])
	if cap(s.text) > maxKeptText {
		s.text = nil
	}
	if cap(s.cuts)+cap(s.parts) > maxKeptSpans {
		s.cuts, s.parts = nil, nil
	}
	s.buf, s.pos, s.depth = nil, 0, 0
	s.text, s.names, s.cuts, s.parts = s.text[:0], s.names[:0], s.cuts[:0], s.parts[:0]
	s.found, s.fatal = nil, nil
	pool.Put(s)
}

// plain marks the bytes that stand for themselves in a string and are one
// character each.
var plain = func() (t [256]bool) {
	for c := ' '; c < utf8.RuneSelf; c++ {
		t[c] = c != '"' && c != '\\'
	}
	return t
}()

func (s *scan) space() {
	for s.pos < len(s.buf) {
		switch s.buf[s.pos] {
		case ' ', '\t', '\n', '\r':
			s.pos++
		default:
			return
		}
	}
}

// next is the byte at the cursor; 0, which is never valid there, at the end.
func (s *scan) next() byte {
	if s.pos < len(s.buf) {
		return s.buf[s.pos]
	}
	return 0
}

func (s *scan) end() {
	if s.space(); s.pos < len(s.buf) {
		s.broken("nothing may follow the value")
	}
}

func (s *scan) enter() bool {
	if s.depth == maxDepth {
		return s.refuse("is nested deeper than 32 levels")
	}
	s.path[s.depth] = step{}
	s.depth++
	s.pos++
	s.space()
	return true
}

func (s *scan) word(w string) bool {
	if end := s.pos + len(w); end <= len(s.buf) && string(s.buf[s.pos:end]) == w {
		s.pos = end
		return true
	}
	return s.broken("a value is expected")
}

// number finds the end of the number at pos by the grammar of RFC 8259, and
// whether it is written without fraction and exponent. ok is false, and end
// where the fault is, when it is none.
func number(buf []byte, pos int) (end int, whole, ok bool) {
	if pos < len(buf) && buf[pos] == '-' {
		pos++
	}
	if pos == len(buf) || buf[pos] < '0' || buf[pos] > '9' {
		return pos, false, false
	}
	if buf[pos] == '0' {
		pos++
		if pos < len(buf) && buf[pos] >= '0' && buf[pos] <= '9' {
			return pos, false, false
		}
	} else {
		pos = digits(buf, pos)
	}
	whole = true
	if pos < len(buf) && buf[pos] == '.' {
		whole = false
		from := pos + 1
		if pos = digits(buf, from); pos == from {
			return pos, false, false
		}
	}
	if pos < len(buf) && buf[pos]|0x20 == 'e' {
		whole = false
		pos++
		if pos < len(buf) && (buf[pos] == '+' || buf[pos] == '-') {
			pos++
		}
		from := pos
		if pos = digits(buf, from); pos == from {
			return pos, false, false
		}
	}
	return pos, whole, true
}

func digits(buf []byte, pos int) int {
	for pos < len(buf) && buf[pos] >= '0' && buf[pos] <= '9' {
		pos++
	}
	return pos
}

func (s *scan) number() (literal []byte, whole, ok bool) {
	from := s.pos
	s.pos, whole, ok = number(s.buf, from)
	if !ok {
		return nil, false, s.broken("the number is malformed")
	}
	return s.buf[from:s.pos], whole, true
}

// str reads the string at the cursor: its text (valid until the next string is
// read, where decoded is set) and its length in characters.
func (s *scan) str() (text []byte, chars int, ok bool) {
	from := s.pos + 1
	i := from
	for i < len(s.buf) && plain[s.buf[i]] {
		i++
	}
	if i < len(s.buf) && s.buf[i] == '"' {
		s.pos, s.decoded = i+1, false
		return s.buf[from:i], i - from, true
	}
	return s.strangeStr(from, i)
}

// strangeStr goes on at i, where the string from from first holds something
// other than plain characters.
func (s *scan) strangeStr(from, i int) (text []byte, chars int, ok bool) {
	chars = i - from
	copied := from // the text up to here is in s.text, if decoded
	s.text, s.decoded = s.text[:0], false
	for i < len(s.buf) {
		c := s.buf[i]
		switch {
		case plain[c]:
			i++
		case c == '"':
			s.pos = i + 1
			if !s.decoded {
				return s.buf[from:i], chars, true
			}
			s.text = append(s.text, s.buf[copied:i]...)
			return s.text, chars, true
		case c == '\\':
			s.text = append(s.text, s.buf[copied:i]...)
			s.pos, s.decoded = i, true
			if !s.escape() {
				return nil, 0, false
			}
			i, copied = s.pos, s.pos
		case c < ' ':
			s.pos = i
			return nil, 0, s.broken("a control character in a string must be escaped")
		default:
			r, size := utf8.DecodeRune(s.buf[i:])
			if r == utf8.RuneError && size == 1 {
				s.pos = i
				return nil, 0, s.broken("the text is not valid UTF-8")
			}
			i += size
		}
		chars++
	}
	s.pos = i
	return nil, 0, s.broken("the text ends inside a string")
}

// escape appends what the escape at the cursor stands for to s.text.
func (s *scan) escape() bool {
	if s.pos+1 >= len(s.buf) {
		return s.broken("the text ends inside a string")
	}
	c := s.buf[s.pos+1]
	if c != 'u' {
		i := bytes.IndexByte([]byte(`"\/bfnrt`), c)
		if i < 0 {
			return s.broken("the escape is unknown")
		}
		s.text = append(s.text, "\"\\/\b\f\n\r\t"[i])
		s.pos += 2
		return true
	}
	r, ok := s.hex4(s.pos)
	if !ok {
		return s.broken(`four hexadecimal digits must follow \u`)
	}
	size := 6
	if r >= 0xD800 && r < 0xE000 {
		low, ok := s.hex4(s.pos + size)
		if r >= 0xDC00 || !ok || low < 0xDC00 || low >= 0xE000 {
			return s.broken("half of a surrogate pair stands alone")
		}
		r, size = (r-0xD800)<<10+(low-0xDC00)+0x10000, 12
	}
	if r == 0 {
		return s.refuse(saysNUL)
	}
	s.text = utf8.AppendRune(s.text, r)
	s.pos += size
	return true
}

// hex4 reads the \uXXXX at pos.
func (s *scan) hex4(pos int) (r rune, ok bool) {
	if pos+6 > len(s.buf) || s.buf[pos] != '\\' || s.buf[pos+1] != 'u' {
		return 0, false
	}
	for _, c := range s.buf[pos+2 : pos+6] {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			c = c | 0x20 - 'a' + 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}
