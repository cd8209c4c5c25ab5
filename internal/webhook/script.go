package webhook

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// asScript renders a JSON document the way JavaScript's JSON.stringify renders
// what JSON.parse made of it, so that a receiver who signs what it parsed gets
// our bytes. That settles four things: the order of members (whole numbers
// first, ascending, the rest as they came), the escapes (as few as possible),
// the spelling of numbers (the shortest of the double), and what a double cannot
// hold: such a number is told as text, since rounding it would be worse.
func asScript(document json.RawMessage) ([]byte, error) {
	d := json.NewDecoder(bytes.NewReader(document))
	d.UseNumber()
	var out []byte
	out, err := appendValue(out, d)
	if err != nil {
		return nil, fmt.Errorf("render for receivers: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("render for receivers: more than one value")
	}
	return out, nil
}

func appendValue(out []byte, d *json.Decoder) ([]byte, error) {
	token, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch v := token.(type) {
	case json.Delim:
		if v == '{' {
			return appendObject(out, d)
		}
		return appendArray(out, d)
	case string:
		return appendText(out, v), nil
	case json.Number:
		return appendNumber(out, v)
	case bool:
		return strconv.AppendBool(out, v), nil
	}
	return append(out, "null"...), nil
}

func appendArray(out []byte, d *json.Decoder) (_ []byte, err error) {
	out = append(out, '[')
	for i := 0; d.More(); i++ {
		if i > 0 {
			out = append(out, ',')
		}
		if out, err = appendValue(out, d); err != nil {
			return nil, err
		}
	}
	_, err = d.Token()
	return append(out, ']'), err
}

// member is one of an object: its index where JavaScript takes its name for one.
type member struct {
	name  string
	index int64 // -1: none
	value []byte
}

func appendObject(out []byte, d *json.Decoder) ([]byte, error) {
	var members []member
	places := map[string]int{}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return nil, err
		}
		value, err := appendValue(nil, d)
		if err != nil {
			return nil, err
		}
		m := member{name.(string), arrayIndex(name.(string)), value}
		if at, again := places[m.name]; again {
			members[at].value = value // the last one holds, in the place of the first
			continue
		}
		places[m.name] = len(members)
		members = append(members, m)
	}
	if _, err := d.Token(); err != nil {
		return nil, err
	}
	slices.SortStableFunc(members, func(a, b member) int {
		switch {
		case a.index >= 0 && b.index >= 0:
			return int(a.index - b.index)
		case a.index >= 0:
			return -1
		case b.index >= 0:
			return 1
		}
		return 0
	})
	out = append(out, '{')
	for i, m := range members {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(appendText(out, m.name), ':')
		out = append(out, m.value...)
	}
	return append(out, '}'), nil
}

// arrayIndex is the number that JavaScript orders a member by, or -1.
func arrayIndex(name string) int64 {
	if name == "" || len(name) > 10 || name[0] == '0' && name != "0" {
		return -1
	}
	n, err := strconv.ParseUint(name, 10, 64)
	if err != nil || n > math.MaxUint32-1 {
		return -1
	}
	return int64(n)
}

func appendText(out []byte, s string) []byte {
	const hex = "0123456789abcdef"
	out = append(out, '"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			out = append(out, '\\', byte(r))
		case r == '\b':
			out = append(out, `\b`...)
		case r == '\f':
			out = append(out, `\f`...)
		case r == '\n':
			out = append(out, `\n`...)
		case r == '\r':
			out = append(out, `\r`...)
		case r == '\t':
			out = append(out, `\t`...)
		case r < ' ':
			out = append(out, '\\', 'u', '0', '0', hex[r>>4], hex[r&15])
		default:
			out = utf8.AppendRune(out, r)
		}
	}
	return append(out, '"')
}

// appendNumber renders a number as JavaScript does, or as text where the double
// next to it is another number.
func appendNumber(out []byte, n json.Number) ([]byte, error) {
	f, err := strconv.ParseFloat(n.String(), 64)
	if err != nil || !sameNumber(n.String(), f) {
		return appendText(out, n.String()), nil
	}
	if f == 0 {
		return append(out, '0'), nil // JavaScript forgets the sign of -0
	}
	if size := math.Abs(f); size >= 1e-6 && size < 1e21 {
		return strconv.AppendFloat(out, f, 'f', -1, 64), nil
	}
	text := strconv.FormatFloat(f, 'e', -1, 64)
	mantissa, exponent, _ := strings.Cut(text, "e")
	digits := strings.TrimLeft(exponent[1:], "0")
	return append(out, mantissa+"e"+exponent[:1]+digits...), nil
}

// sameNumber tells whether a double stands for a decimal: as text both have the
// same digits, or the decimal has so few that the shortest spelling of the
// double is the decimal itself.
func sameNumber(decimal string, f float64) bool {
	return digitsOf(decimal) == digitsOf(strconv.FormatFloat(f, 'e', -1, 64))
}

// digitsOf is a decimal in the form sign, digits without zeros at either end,
// power of ten of the last digit: equal for equal numbers.
func digitsOf(decimal string) string {
	sign := ""
	if strings.HasPrefix(decimal, "-") {
		sign, decimal = "-", decimal[1:]
	}
	mantissa, exponent, _ := strings.Cut(strings.ToLower(decimal), "e")
	power, _ := strconv.Atoi(strings.TrimPrefix(exponent, "+"))
	whole, fraction, _ := strings.Cut(mantissa, ".")
	power -= len(fraction)
	digits := strings.TrimLeft(whole+fraction, "0")
	trimmed := strings.TrimRight(digits, "0")
	power += len(digits) - len(trimmed)
	if trimmed == "" {
		return "0"
	}
	return sign + trimmed + "e" + strconv.Itoa(power)
}
