package contract

import (
	"bytes"
	"math"
	"net/mail"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"
)

type kind uint8

const (
	kindAny kind = iota
	kindObject
	kindArray
	kindString
	kindInteger
	kindNumber
	kindBoolean
)

// saysKind words what a value of another kind should have been.
var saysKind = [...]string{
	kindObject:  "must be an object",
	kindArray:   "must be an array",
	kindString:  "must be a string",
	kindInteger: "must be a whole number",
	kindNumber:  "must be a number",
	kindBoolean: "must be true or false",
}

const saysWritten = "must be a whole number written without fraction or exponent"

type format uint8

const (
	formatNone format = iota
	formatInstant
	formatDate
	formatEmail
	formatURI
)

// schema is what one value may be. Every limit is filled in, with the extreme
// where the document gives none, and every sentence is ready, so that a check
// neither branches on what was given nor builds text.
type schema struct {
	kind     kind
	nullable bool
	saysKind string

	// Objects.
	index                  map[string]int // name -> place in members
	names                  [][]byte
	members                []*schema
	required               uint64          // places that must be met
	folded                 map[string]bool // names as encoding/json confuses them; nil where the binder is exact
	extra                  *schema         // undeclared members; nil refuses them
	minMembers, maxMembers int

	// Arrays.
	items              *schema
	minItems, maxItems int
	saysFew, saysMany  string // also of members

	// Strings.
	minChars, maxChars   int
	saysShort, saysLong  string
	pattern              *regexp.Regexp
	class                *[256]bool // the pattern, where it is one class of ASCII from end to end
	saysPattern          string
	format               format
	words                []string
	saysWords            string
	least, most          int64 // integers
	ints                 []int64
	low, high            float64 // numbers
	lowOpen, highOpen    bool
	bits                 int // of the float that must hold it
	saysSmall, saysLarge string
}

// anything is the schema of free-form values.
var anything = schema{nullable: true, maxMembers: math.MaxInt, maxItems: math.MaxInt}

func init() { anything.extra, anything.items = &anything, &anything }

// textProblem is what is wrong with a string, or "". The text is valid UTF-8.
func (sch *schema) textProblem(text []byte, chars int) string {
	if chars < sch.minChars {
		return sch.saysShort
	}
	if chars > sch.maxChars {
		return sch.saysLong
	}
	if sch.words != nil && !sch.listed(text) {
		return sch.saysWords
	}
	if sch.pattern != nil && !sch.matches(text) {
		return sch.saysPattern
	}
	switch sch.format {
	case formatInstant:
		if !instant(text) {
			return "must be an RFC 3339 date and time such as 2026-01-31T09:30:00Z"
		}
	case formatDate:
		if _, err := time.Parse(time.DateOnly, string(text)); err != nil {
			return "must be a date such as 2026-01-31"
		}
	case formatEmail:
		// As the generated type reads it, but a bare address: it would also take
		// "Ann <ann@example.com>" and bind something else than was sent.
		if a, err := mail.ParseAddress(string(text)); err != nil || a.Address != string(text) {
			return "must be an e-mail address such as ann@example.com"
		}
	case formatURI:
		if u, err := url.Parse(string(text)); err != nil || u.Scheme == "" || bytes.ContainsAny(text, " <>\"") {
			return "must be an absolute URI such as https://example.com/a"
		}
	}
	return ""
}

// instant tells whether the text is RFC 3339. What time.Time reads is nearly
// that, except that it also takes one digit for the hour, a comma before the
// fraction, and an offset of 24 hours or 60 minutes.
func instant(text []byte) bool {
	var t time.Time
	if t.UnmarshalText(text) != nil {
		return false
	}
	n := len(text)
	return text[len("2006-01-02T15")] == ':' && !bytes.Contains(text, []byte(",")) &&
		(text[n-1] == 'Z' || string(text[n-5:n-3]) <= "23" && text[n-2] <= '5')
}

func (sch *schema) listed(text []byte) bool {
	for _, word := range sch.words {
		if string(text) == word {
			return true
		}
	}
	return false
}

func (sch *schema) matches(text []byte) bool {
	if sch.class == nil {
		return sch.pattern.Match(text)
	}
	for _, c := range text {
		if !sch.class[c] {
			return false
		}
	}
	return true
}

// numberProblem is what is wrong with a number, or "". The literal is one by
// the grammar of JSON; whole, without fraction and exponent.
func (sch *schema) numberProblem(literal []byte, whole bool) string {
	if sch.kind == kindInteger {
		return sch.integerProblem(literal, whole)
	}
	v, err := strconv.ParseFloat(string(literal), sch.bits)
	if err != nil { // the grammar is right, so it is the range
		if literal[0] == '-' {
			return sch.saysSmall
		}
		return sch.saysLarge
	}
	if v < sch.low || sch.lowOpen && v == sch.low {
		return sch.saysSmall
	}
	if v > sch.high || sch.highOpen && v == sch.high {
		return sch.saysLarge
	}
	return ""
}

func (sch *schema) integerProblem(literal []byte, whole bool) string {
	if !whole {
		return saysWritten
	}
	v, fits := integer(literal)
	switch negative := literal[0] == '-'; {
	case !fits && negative, fits && v < sch.least:
		return sch.saysSmall
	case !fits, v > sch.most:
		return sch.saysLarge
	}
	if sch.ints != nil && !slices.Contains(sch.ints, v) {
		return sch.saysWords
	}
	return ""
}

// integer reads a whole literal, unless it is out of int64.
func integer(literal []byte) (v int64, fits bool) {
	negative := literal[0] == '-'
	if negative {
		literal = literal[1:]
	}
	if len(literal) > len("9223372036854775808") {
		return 0, false
	}
	var u uint64 // 19 digits fit
	for _, c := range literal {
		u = u*10 + uint64(c-'0')
	}
	if negative {
		return -int64(u), u <= 1<<63
	}
	return int64(u), u < 1<<63
}

// scalarProblem is what is wrong with the text of a parameter, or "".
func (sch *schema) scalarProblem(text []byte) string {
	chars := 0
	for _, c := range text {
		if c == 0 {
			return saysNUL
		}
		if c < utf8.RuneSelf {
			chars++
		}
	}
	if chars < len(text) {
		if !utf8.Valid(text) {
			return saysNotUTF8
		}
		chars = utf8.RuneCount(text)
	}
	switch sch.kind {
	case kindString:
		return sch.textProblem(text, chars)
	case kindBoolean:
		if string(text) != "true" && string(text) != "false" {
			return sch.saysKind
		}
		return ""
	}
	end, whole, ok := number(text, 0)
	if !ok || end != len(text) {
		return sch.saysKind
	}
	return sch.numberProblem(text, whole)
}
