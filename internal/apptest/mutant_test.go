package apptest_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

// node is a JSON value that can be written wrongly on purpose.
type node struct {
	raw     string // a scalar's text, as it is to be sent
	members []pair
	items   []*node
	kind    byte // '{', '[', or 0
}

type pair struct {
	name  string
	value *node
}

func parse(body []byte) *node {
	var v any
	d := json.NewDecoder(strings.NewReader(string(body)))
	d.UseNumber()
	if d.Decode(&v) != nil {
		return nil
	}
	return nodeOf(v)
}

func nodeOf(v any) *node {
	switch v := v.(type) {
	case map[string]any:
		n := &node{kind: '{'}
		for _, name := range slices.Sorted(maps.Keys(v)) {
			n.members = append(n.members, pair{name, nodeOf(v[name])})
		}
		return n
	case []any:
		n := &node{kind: '['}
		for _, item := range v {
			n.items = append(n.items, nodeOf(item))
		}
		return n
	}
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return &node{raw: string(text)}
}

func (n *node) write(b *strings.Builder) {
	switch n.kind {
	case '{':
		b.WriteByte('{')
		for i, m := range n.members {
			if i > 0 {
				b.WriteByte(',')
			}
			b.WriteString(strconv.Quote(m.name) + ":")
			m.value.write(b)
		}
		b.WriteByte('}')
	case '[':
		b.WriteByte('[')
		for i, item := range n.items {
			if i > 0 {
				b.WriteByte(',')
			}
			item.write(b)
		}
		b.WriteByte(']')
	default:
		b.WriteString(n.raw)
	}
}

func (n *node) text() []byte {
	var b strings.Builder
	n.write(&b)
	return []byte(b.String())
}

// place is a declared place in a body: what stands there, or could.
type place struct {
	path     string
	schema   *openapi3.Schema
	parent   *node // the object or list; nil for the whole body
	name     string
	value    *node // nil: left out
	required bool
}

// places lists all declared places of a body.
func places(path string, s *openapi3.Schema, n *node, found []place) []place {
	switch {
	case n.kind == '{':
		for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
			p := place{path: strings.TrimPrefix(path+"."+name, "."), schema: s.Properties[name].Value, parent: n, name: name, required: slices.Contains(s.Required, name)}
			for _, m := range n.members {
				if m.name == name {
					p.value = m.value
				}
			}
			found = append(found, p)
			if p.value != nil {
				found = places(p.path, p.schema, p.value, found)
			}
		}
	case n.kind == '[' && s.Items != nil:
		for i, item := range n.items {
			at := fmt.Sprintf("%s[%d]", path, i)
			found = append(found, place{path: at, schema: s.Items.Value, parent: n, value: item})
			found = places(at, s.Items.Value, item, found)
		}
	}
	return found
}

// put writes a raw text at the place.
func (p place) put(raw string) {
	wrong := &node{raw: raw}
	if p.value != nil {
		*p.value = *wrong
		return
	}
	p.parent.members = append(p.parent.members, pair{p.name, wrong})
}

func (p place) remove() {
	p.parent.members = slices.DeleteFunc(p.parent.members, func(m pair) bool { return m.name == p.name })
}

func (p place) double() {
	value := p.value
	if value == nil {
		value = &node{raw: "null"}
	}
	p.parent.members = append(p.parent.members, pair{p.name, value})
}

// malformed are texts that are no JSON value at all.
var malformed = []string{"NaN", "-Infinity", "01", "+1", ".5", "5.", "0x10", "1e", "tru", "nul", "'a'", `"a`, "\"\x01\"", `"\x"`, `"\ud800"`, `"\udc00\ud800"`, `"\u12"`, "\"\xff\"", "\"\xc0\x80\"", "\"\xed\xa0\x80\"", "\x00", "\ufeff1", ""}

// long and deep are made once: they are long.
var (
	longText    = `"` + strings.Repeat("x", 100_000) + `"`
	longNumber  = strings.Repeat("9", 5000)
	deepList    = strings.Repeat("[", 40) + strings.Repeat("]", 40)
	deepObjects = strings.Repeat(`{"a":`, 20_000)
)

// wrong lists texts that are refused wherever this schema stands; deep and long
// ones among them.
func wrong(s *openapi3.Schema) []string {
	bad := slices.Clone(malformed)
	bad = append(bad, `"\u0000"`, deepList, deepObjects)
	if !s.Nullable {
		bad = append(bad, "null")
	}
	for _, other := range [][2]string{{"string", `"x"`}, {"integer", "7"}, {"boolean", "true"}, {"array", "[]"}, {"object", "{}"}} {
		if kind := other[0]; !s.Type.Is(kind) && !(kind == "integer" && s.Type.Is("number")) {
			bad = append(bad, other[1])
		}
	}
	switch {
	case s.Type.Is("integer"):
		bad = append(bad, "1.5", "1.0", "1e3", "1e999", "9223372036854775808", "-9223372036854775809", longNumber, `"7"`)
		if s.Min != nil {
			bad = append(bad, strconv.FormatInt(int64(*s.Min)-1, 10), "-1e15")
		}
		if s.Max != nil {
			bad = append(bad, strconv.FormatInt(int64(*s.Max)+1, 10))
		}
	case s.Type.Is("number"):
		bad = append(bad, `"7.5"`)
	case s.Type.Is("string"):
		if s.MinLength > 0 {
			bad = append(bad, `""`)
		}
		if s.MaxLength != nil {
			bad = append(bad, `"`+strings.Repeat("é", int(*s.MaxLength)+1)+`"`, longText)
		}
		if len(s.Enum) > 0 {
			bad = append(bad, `"no-such-thing"`, `""`, `"`+strings.ToTitle(fmt.Sprint(s.Enum[0]))+`x"`)
		}
	}
	return bad
}

// wrongScalar is wrong for a parameter: plain text, not JSON.
func wrongScalar(s *openapi3.Schema) []string {
	bad := []string{"%00", "a%00b", "%ff", "%C0%80", "%ED%A0%80"}
	switch {
	case s.Type.Is("integer"):
		bad = append(bad, "x", "1.5", "1e3", "-9223372036854775809", "9223372036854775808", strings.Repeat("9", 3000), "%20", "%2B1", "0x1", "٣")
	case s.Type.Is("boolean"):
		bad = append(bad, "yes", "1", "TRUE")
	case s.Type.Is("string"):
		if s.MaxLength != nil {
			bad = append(bad, strings.Repeat("x", int(*s.MaxLength)+1), strings.Repeat("%C3%A9", int(*s.MaxLength)+1))
		}
		if len(s.Enum) > 0 {
			bad = append(bad, "no-such-thing", "%20")
		}
	}
	return bad
}

var oddTexts = []string{
	"\x01", "\x7f", "\u0085", "\u00a0", "\u200b", "\u2028", "\u202e", "\ufdd0", "\ufeff", "\uffff", "\U0001f600", "\U0010ffff", "a\u0301", "İ", "ß", "'", `"`, `\`, "%", "_",
	"$1", "{}", "[]", "null", "NaN", "1e999", "-0", "' OR 1=1 --", "<script>", "../", "\r\n", "\t", " ",
}

// edge lists values at the edge of what this schema allows, and a little off.
func edge(r *rand.Rand, s *openapi3.Schema) string {
	switch {
	case s.Type.Is("string"):
		text := pick(r, oddTexts)
		if s.MaxLength != nil && r.IntN(2) == 0 {
			text = strings.Repeat(text, max(1, int(*s.MaxLength)/len([]rune(text))))
		}
		encoded, err := json.Marshal(text)
		if err != nil {
			panic(err)
		}
		return string(encoded)
	case s.Type.Is("integer"):
		at := []int64{0, 1, -1, 100, 101, 1 << 31, 1<<53 + 1, 1<<60 - 1, 1 << 60, 1<<63 - 1, -1 << 63}
		if s.Min != nil {
			at = append(at, int64(*s.Min))
		}
		if s.Max != nil {
			at = append(at, int64(*s.Max), int64(*s.Max))
		}
		return strconv.FormatInt(pick(r, at), 10)
	case s.Type.Is("boolean"):
		return pick(r, []string{"true", "false"})
	case s.Type.Is("object"):
		return pick(r, []string{
			"{}", `{"":""}`, `{"__proto__":{"a":1}}`, strings.Repeat(`{"a":`, 20) + "1" + strings.Repeat("}", 20), `{"a":[` + strings.Repeat("0,", 2000) + `-0.0]}`,
			`{"n":123456789012345678901234567890.5,"e":1E-300,"t":"\ud83d\ude00"}`, `{"` + strings.Repeat("k", 5000) + `":null}`,
		})
	}
	return "null"
}

func pick[T any](r *rand.Rand, list []T) T { return list[r.IntN(len(list))] }
