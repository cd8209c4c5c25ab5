package contract

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/oapi-codegen/runtime/types"

	"github.com/incent-dev/incent/internal/fault"
)

// stricter lists, by what we say, everything that we refuse on purpose although
// kin-openapi lets it through. Anything else of the kind is a bug.
var stricter = []string{
	saysTwice,                       // it lets the last one win, and reads the first of a repeated parameter
	saysNUL,                         // PostgreSQL cannot store it
	saysWritten,                     // it takes 5.0, which int64 does not
	"half of a surrogate pair",      // encoding/json puts U+FFFD in its place
	"the text is not valid UTF-8",   // likewise
	saysNotUTF8,                     // it does not look
	"nothing may follow the value",  // it reads the first value and stops
	"is nested deeper than 32",      // it has no limit below 10,000
	"must be an RFC 3339 date",      // it takes the 30th of February and second 60
	"must be a date such as",        // likewise
	"is out of range",               // it does not know that format float is a float32
	"at most 9223372036854775807",   // it compares floats: 2^63 is equal
	"at least -9223372036854775808", // likewise
	saysEscape,                      // net/url drops such a parameter
	"must not contain a bare semi",  // likewise
	"must be true or false",         // it takes 1, t and TRUE for parameters
	"page must be a whole number",   // it takes 007 and +7 for parameters
	"ratio must be a number",        // it takes NaN, 0x1p-2 and 1_0 for parameters
	"must be an e-mail address",     // it does not look
	"must be an absolute URI",       // likewise
}

// milder lists, by what kin-openapi says, all that we let through and it does
// not.
var milder = []string{
	"cannot convert json.Number to float64", // a number beyond float64 where the schema is {}
	"failed to decode request body: EOF",    // white space for a body that need not be there
}

type referee struct {
	doc *openapi3.T
	op  *Operation
}

func (r referee) input(query string, body []byte) *openapi3filter.RequestValidationInput {
	request := httptest.NewRequest(r.op.Method, "/", bytes.NewReader(body))
	request.URL.RawQuery = query
	request.Header.Set("Content-Type", "application/json")
	return &openapi3filter.RequestValidationInput{
		Request: request,
		Route: &routers.Route{
			Spec: r.doc, Path: r.op.Path, PathItem: r.doc.Paths.Find(r.op.Path), Method: r.op.Method, Operation: r.op.Spec,
		},
		Options: &openapi3filter.Options{SkipSettingDefaults: true},
	}
}

func (r referee) body(body []byte) error {
	return openapi3filter.ValidateRequestBody(context.Background(), r.input("", body), r.op.Spec.RequestBody.Value)
}

func (r referee) query(query string) error {
	input := r.input(query, nil)
	for _, p := range r.op.Spec.Parameters {
		if err := openapi3filter.ValidateParameter(context.Background(), input, p.Value); err != nil {
			return err
		}
	}
	return nil
}

// judge compares two verdicts; it is empty where they differ on purpose only.
func judge(t *testing.T, ours, kins error) string {
	switch {
	case ours == nil && kins != nil:
		if slices.ContainsFunc(milder, func(says string) bool { return strings.Contains(kins.Error(), says) }) {
			return ""
		}
		return fmt.Sprintf("accepted, but kin-openapi says %v", kins)
	case ours != nil && kins == nil:
		meant := slices.ContainsFunc(fault.As(ours).Details, func(d fault.Detail) bool {
			return slices.ContainsFunc(stricter, func(says string) bool {
				return strings.Contains(d.Field+" "+d.Message, says)
			})
		})
		if !meant {
			return fmt.Sprintf("refused for %q, but kin-openapi accepts", said(t, ours))
		}
	}
	return ""
}

// writer makes bodies that are mostly right, from the schema.
type writer struct {
	*rand.Rand
	wild float64 // how often something is wrong
}

func (w writer) chance(p float64) bool { return w.Float64() < p }

func pick[T any](w writer, list ...T) T { return list[w.IntN(len(list))] }

func (w writer) junk() string {
	return pick(w, `null`, `true`, `false`, `0`, `-0`, `7`, `-3`, `2.0`, `1.5`, `1e2`, `1e400`, `-4e38`, `9223372036854775807`,
		`9223372036854775808`, `-9223372036854775809`, `2147483648`, `99999999999999999999`, `""`, `"x"`, `"\u0041b"`, `"\u0000"`,
		`"\ud800"`, `"é"`, `"\ud83d\ude00"`, `"ABCDE"`, `"2026-02-30T00:00:00Z"`, `"2026-01-01"`, `[]`, `[null]`, `[[1,{"a":1}]]`, `{}`, `{"a":1}`, `{"a":1,"\u0061":2}`, `01`, `nul`)
}

func (w writer) value(sch *openapi3.Schema, depth int) string {
	if w.chance(w.wild) {
		return w.junk()
	}
	if sch.Nullable && w.chance(0.2) {
		return "null"
	}
	if len(sch.AllOf) == 1 {
		return w.value(sch.AllOf[0].Value, depth)
	}
	if len(sch.Enum) > 0 {
		text, _ := json.Marshal(pick(w, sch.Enum...))
		return string(text)
	}
	if sch.Type == nil {
		return pick(w, `1`, `"x"`, `[1,2]`, `{"a":{"b":null}}`, `false`)
	}
	switch sch.Type.Slice()[0] {
	case "object":
		return w.object(sch, depth)
	case "array":
		var items []string
		for range w.IntN(4) {
			if depth < 4 {
				items = append(items, w.value(sch.Items.Value, depth+1))
			}
		}
		return "[" + strings.Join(items, ",") + "]"
	case "integer":
		return pick(w, "0", "1", "9", "10", "500", "-1", "2147483647", "-2147483648", "9223372036854775807", "1000000001")
	case "number":
		return pick(w, "0", "1.5", "-1.5", "1e-7", "15E-1", "0.25", "2", "-0.0")
	case "boolean":
		return pick(w, "true", "false")
	}
	switch sch.Format {
	case "date-time":
		return pick(w, `"2026-01-31T09:30:00Z"`, `"2026-01-31T09:30:00.5+01:00"`, `"2026-01-31T09:30:60Z"`, `"2026-01-31 09:30"`)
	case "date":
		return pick(w, `"2026-01-31"`, `"2026-02-30"`, `"2026-1-1"`)
	}
	if w.chance(0.1) {
		return pick(w, `"ann@example.com"`, `"Ann <ann@example.com>"`, `"https://example.com/a"`, `"/a b"`)
	}
	return pick(w, `"a"`, `"abc"`, `"DE"`, `"\u0044E"`, `"é\n😀"`, `""`, `"abcd"`)
}

func (w writer) object(sch *openapi3.Schema, depth int) string {
	var members []string
	add := func(name, value string) { members = append(members, `"`+name+`"`+pick(w, ":", " : ")+value) }
	names := make([]string, 0, len(sch.Properties))
	for name := range sch.Properties {
		names = append(names, name)
	}
	slices.Sort(names) // so that the seed decides alone
	share := 0.4
	if depth > 0 {
		share = 0.15
	}
	for _, name := range names {
		if !w.chance(share) && (!slices.Contains(sch.Required, name) || w.chance(w.wild)) {
			continue
		}
		spelled := name
		switch {
		case w.chance(w.wild):
			spelled = strings.ToUpper(name)
		case w.chance(0.05):
			spelled = fmt.Sprintf(`\u%04x`, name[0]) + name[1:]
		}
		if depth < 5 {
			add(spelled, w.value(sch.Properties[name].Value, depth+1))
		}
		if w.chance(w.wild / 4) {
			add(name, w.value(sch.Properties[name].Value, depth+1))
		}
	}
	if w.chance(0.1) || sch.AdditionalProperties.Schema != nil || len(names) == 0 {
		for i := range w.IntN(4) {
			if extra := sch.AdditionalProperties.Schema; extra != nil {
				add(fmt.Sprint("k", i), w.value(extra.Value, depth+1))
			} else {
				add(pick(w, "x", "y", "Z", "poınts", "é"), w.junk())
			}
		}
	}
	w.Shuffle(len(members), func(i, j int) { members[i], members[j] = members[j], members[i] })
	return "{" + strings.Join(members, pick(w, ",", ", ")) + "}"
}

// spoil changes one byte of every now and then a text.
func (w writer) spoil(text string) []byte {
	b := []byte(text)
	if w.chance(w.wild) && len(b) > 0 {
		i := w.IntN(len(b))
		switch w.IntN(3) {
		case 0:
			b = slices.Delete(b, i, i+1)
		case 1:
			b[i] = pick(w, byte('"'), '{', '}', ',', ':', '\\', 0, 0xff, '0', ' ')
		default:
			b = slices.Insert(b, i, pick(w, byte('"'), ']', '}', ',', '\n', 0xc3, 'e', '1'))
		}
	}
	return b
}

func TestRefereeBodies(t *testing.T) {
	doc := load(t)
	c, err := Compile(doc)
	if err != nil {
		t.Fatal(err)
	}
	accepted, refused := 0, 0
	for _, op := range c.Operations() {
		if !op.HasBody {
			continue
		}
		r := referee{doc, op}
		sch := op.Spec.RequestBody.Value.Content["application/json"].Schema.Value
		for seed := range uint64(6000) {
			w := writer{rand.New(rand.NewPCG(seed, 0)), []float64{0, 0.01, 0.05, 0.2}[seed%4]}
			body := w.spoil(w.value(sch, 0))
			clean, ours := op.CheckBody(body)
			if ours == nil {
				accepted++
			} else {
				refused++
			}
			if says := judge(t, ours, r.body(body)); says != "" {
				t.Errorf("%s, seed %d: %q: %s", op.ID, seed, body, says)
			}
			if ours == nil && op.ID == "everything" && len(clean) > 0 {
				binds(t, body, clean)
			}
		}
	}
	if accepted < 3000 || refused < 3000 {
		t.Errorf("the bodies prove little: %d accepted, %d refused", accepted, refused)
	}
}

// everything is what the generator makes of the schema of that name.
type everything struct {
	Count    *int32             `json:"count"`
	Big      *int64             `json:"big"`
	Even     *int               `json:"even"`
	Open     *int               `json:"open"`
	Ratio    *float64           `json:"ratio"`
	Rough    *float32           `json:"rough"`
	Flag     *bool              `json:"flag"`
	At       *time.Time         `json:"at"`
	Day      *string            `json:"day"`
	Short    *string            `json:"short"`
	Word     *string            `json:"word"`
	Mail     *types.Email       `json:"mail"`
	Link     *string            `json:"link"`
	Any      json.RawMessage    `json:"any"`
	Tags     *map[string]string `json:"tags"`
	Free     json.RawMessage    `json:"free"`
	Exact    json.RawMessage    `json:"exact"`
	Child    *everything        `json:"child"`
	Children []everything       `json:"children"`
}

// binds: what was accepted can be bound, and no member came in under a name
// that is not its own.
func binds(t *testing.T, body, clean []byte) {
	var got, want everything
	if err := json.Unmarshal(clean, &got); err != nil {
		t.Errorf("%q is accepted and does not bind: %v", clean, err)
		return
	}
	exactly(t, body, &want)
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%q binds to other than its exact members", body)
	}
}

// exactly binds member by member, by the exact names.
func exactly(t *testing.T, body []byte, into *everything) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(body, &members); err != nil {
		t.Fatal(err)
	}
	v := reflect.ValueOf(into).Elem()
	for i := range v.NumField() {
		raw, given := members[v.Type().Field(i).Tag.Get("json")]
		switch field := v.Field(i).Addr().Interface().(type) {
		case **everything:
			if given {
				*field = new(everything)
				exactly(t, raw, *field)
			}
		case *[]everything:
			var items []json.RawMessage
			if given {
				if err := json.Unmarshal(raw, &items); err != nil {
					t.Fatal(err)
				}
				*field = make([]everything, len(items))
			}
			for i, item := range items {
				exactly(t, item, &(*field)[i])
			}
		default:
			if given {
				if err := json.Unmarshal(raw, field); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
}

func TestRefereeQueries(t *testing.T) {
	doc := load(t)
	c, err := Compile(doc)
	if err != nil {
		t.Fatal(err)
	}
	op := c.Operation("GET", "/orders")
	r := referee{doc, op}
	accepted := 0
	for seed := range uint64(20_000) {
		w := writer{rand.New(rand.NewPCG(seed, 1)), 0.05}
		var pairs []string
		for range 1 + w.IntN(3) {
			name := pick(w, "page", "per_page", "status", "member_id", "all", "ratio", "since", "p%61ge", "Page", "x", "")
			value := pick(w, "1", "2", "100", "101", "0", "-1", "007", "+7", "1.5", "0.5", "1e-2", "NaN", "", "true", "false", "T", "pending",
				"shipped", "abc", "abcdef", "a%20b", "%C3%A9", "%C3", "%00", "%", "%zz", "a;b", "2026-01-01T00:00:00Z", "99999999999999999999")
			pairs = append(pairs, name+pick(w, "=", "=", "=", "")+value)
		}
		query := strings.Join(pairs, "&")
		ours := op.CheckParams(noPath, query, http.Header{})
		if ours == nil {
			accepted++
		}
		if says := judge(t, ours, r.query(query)); says != "" {
			t.Errorf("seed %d: %q: %s", seed, query, says)
		}
	}
	if accepted < 1000 {
		t.Errorf("the queries prove little: %d accepted", accepted)
	}
}
