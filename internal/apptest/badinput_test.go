package apptest_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/incent-dev/incent/internal/apptest"
)

var (
	badRequests = flag.Int("bad.requests", 20_000, "how many bad requests to send")
	badSeed     = flag.Uint64("bad.seed", 1, "what they are made from")
	badOnly     = flag.Int("bad.only", -1, "send this one alone")
)

// attempt is a request with something wrong, and what its answer must say.
type attempt struct {
	subject
	request apptest.Request
	rand    *rand.Rand
	key     string // the good one

	status int    // 0: any below 500
	field  string // "": any
	faults int
}

// TestBadInput spoils good requests in every way the spec suggests. Each attempt
// is made from the seed and its own number, so it can be made again alone:
//
//	go test ./internal/apptest -run TestBadInput -bad.seed S -bad.only N
func TestBadInput(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "a")
	all := subjects(w.Server)
	stranger := unknown()
	var next, failures atomic.Int64
	var statuses [600]atomic.Int64
	try := func(n int) {
		r := rand.New(rand.NewPCG(*badSeed, uint64(n)))
		a := attempt{subject: pick(r, all), rand: r}
		for a.public() && r.IntN(50) > 0 { // its answer is long and always the same
			a.subject = pick(r, all)
		}
		a.key = a.Key
		i := w.ids
		if r.IntN(10) == 0 {
			i = stranger
		}
		a.request = a.good(i)
		a.spoil()
		report := &witness{TB: t, n: n, failures: &failures}
		var sent bool
		answer := insist(func() (r apptest.Response) {
			r, sent = a.Client.For(report).Direct(a.request)
			return r
		})
		if !sent {
			return
		}
		statuses[min(answer.Status, 599)].Add(1)
		if answer.Status >= 500 || a.status != 0 && answer.Status != a.status ||
			a.status == 400 && !slices.ContainsFunc(answer.Fields(), a.names) {
			report.Errorf("%.600s answers %d %.600s\nwant %d about %q", a.request, answer.Status, answer.Body, a.status, a.field)
		}
	}
	if *badOnly >= 0 {
		try(*badOnly)
		return
	}
	together(8, func(int) {
		for n := next.Add(1) - 1; n < int64(*badRequests) && failures.Load() < 20; n = next.Add(1) - 1 {
			try(int(n))
		}
	})
	for status := range statuses {
		if count := statuses[status].Load(); count > 0 {
			t.Logf("%6d answered %d", count, status)
		}
	}
}

// witness says with each failure how to repeat it.
type witness struct {
	testing.TB
	n        int
	failures *atomic.Int64
}

func (w *witness) Errorf(format string, args ...any) {
	w.failures.Add(1)
	w.TB.Errorf("-bad.seed %d -bad.only %d: %s", *badSeed, w.n, fmt.Sprintf(format, args...))
}

// spoil plants one fault whose answer is known, or several.
func (a *attempt) spoil() {
	faults := 1
	if a.rand.IntN(4) == 0 {
		faults = 2 + a.rand.IntN(3)
	}
	for range faults {
		ways := []func(){a.spoilPath, a.spoilQuery, a.spoilHeader, a.spoilMethod, a.spoilKey}
		if a.op.HasBody {
			ways = append(ways, a.spoilMember, a.spoilMember, a.spoilMember, a.spoilMember, a.spoilText, a.spoilText, a.stretchMember, a.stretchMember)
		}
		if len(a.op.Spec.Parameters) > 0 {
			ways = append(ways, a.spoilParameter, a.spoilParameter, a.stretchParameter)
		}
		pick(a.rand, ways)()
		a.faults++
	}
	blank := len(bytes.TrimSpace(a.request.Body)) == 0 // which is no fault where a body may be left out
	if a.faults > 1 || blank && a.status == 400 && a.field == "" && a.op.HasBody && !a.op.BodyRequired {
		a.status, a.field = 0, ""
	}
}

// names tells whether a field is the spoilt one, or lies within it.
func (a *attempt) names(field string) bool {
	rest, within := strings.CutPrefix(field, a.field)
	return within && (a.field == "" || rest == "" || rest[0] == '.' || rest[0] == '[')
}

func (a *attempt) want(status int, field string) { a.status, a.field = status, field }

// spoilMember writes one declared member wrongly, twice, or not at all.
func (a *attempt) spoilMember() {
	body := parse(a.request.Body)
	if body == nil {
		return
	}
	all := places("", a.op.Spec.RequestBody.Value.Content["application/json"].Schema.Value, body, nil)
	if len(all) == 0 {
		return
	}
	p := pick(a.rand, all)
	a.want(400, p.path)
	switch how := a.rand.IntN(6); {
	case how == 0 && p.required:
		p.remove()
	case how == 1 && p.name != "" && p.value != nil:
		p.double()
	default:
		raw := pick(a.rand, wrong(p.schema))
		if raw == "" && p.name == "" && len(p.parent.items) == 1 {
			raw = "," // a list without its only entry is one, too
		}
		p.put(raw)
	}
	a.request.Body = body.text()
}

// stretchMember goes to the edge of what a member may be; what comes of it is
// for the domain to say, in its own words.
func (a *attempt) stretchMember() {
	body := parse(a.request.Body)
	if body == nil {
		return
	}
	all := places("", a.op.Spec.RequestBody.Value.Content["application/json"].Schema.Value, body, nil)
	if len(all) == 0 {
		return
	}
	p := pick(a.rand, all)
	if p.parent != nil && p.parent.kind == '[' && a.rand.IntN(2) == 0 {
		more := a.rand.IntN(20)
		if more == 0 {
			more = 1001 // past every limit
		}
		for range more {
			p.parent.items = append(p.parent.items, p.value)
		}
	} else {
		p.put(edge(a.rand, p.schema))
	}
	a.request.Body = body.text()
}

// stretchParameter does the same to a parameter.
func (a *attempt) stretchParameter() {
	p := pick(a.rand, a.op.Spec.Parameters).Value
	var value string
	if json.Unmarshal([]byte(edge(a.rand, p.Schema.Value)), &value) != nil {
		value = edge(a.rand, p.Schema.Value)
	}
	a.parameter(p, url.PathEscape(value), value)
}

// parameter replaces a parameter's value; a header has its own form of it.
func (a *attempt) parameter(p *openapi3.Parameter, escaped, plain string) {
	switch p.In {
	case openapi3.ParameterInPath:
		template, parts := strings.Split(a.op.Path, "/"), strings.Split(a.request.Path, "/")
		for i, part := range template {
			if part == "{"+p.Name+"}" && i < len(parts) {
				parts[i] = escaped
			}
		}
		a.request.Path = strings.Join(parts, "/")
	case openapi3.ParameterInQuery:
		path, query, _ := strings.Cut(a.request.Path, "?")
		if strings.Contains(query, p.Name+"=") {
			query = ""
		}
		a.request.Path = path + "?" + p.Name + "=" + escaped + "&" + query
	case openapi3.ParameterInHeader:
		a.request.Header = a.request.Header.Clone()
		a.request.Header.Set(p.Name, plain)
	}
}

// spoilText breaks the body as a whole.
func (a *attempt) spoilText() {
	b := a.request.Body
	if len(b) == 0 {
		return
	}
	switch a.rand.IntN(8) {
	case 0:
		a.request.Body = b[:a.rand.IntN(len(b))]
		a.want(400, "")
	case 1:
		a.request.Body = slices.Concat(b, []byte(pick(a.rand, []string{"x", "{}", "]", "\x00", ",", "\xef\xbb\xbf", "null"})))
		a.want(400, "body")
	case 2:
		a.request.Body = bytes.Repeat([]byte(pick(a.rand, []string{"[", "{", `{"a":`, "[[],", "\"", "\x00", "\xff", "9", "-", " "})), 1+a.rand.IntN(50_000))
		a.want(400, "")
	case 3: // any byte may make sense, but none may do harm
		b = bytes.Clone(b)
		for range 1 + a.rand.IntN(3) {
			b[a.rand.IntN(len(b))] = byte(a.rand.IntN(256))
		}
		a.request.Body = b
	case 4:
		a.request.Body = []byte(pick(a.rand, []string{"null", "true", "0", `""`, "[]", `"{}"`, "<a/>", "a=b", "\ufeff{}", "//", "{,}", "{]", `{"a"}`, `{"a":}`, `{"a":1,}`, `{1:2}`, `{"a":1 "b":2}`}))
		a.want(400, "")
	case 5: // harmless: members nobody knows, also of names like known ones
		extra := `{"Member_ID":7,"POINTS":"x","\u212aey":{},"` + strings.Repeat("n", 1+a.rand.IntN(5000)) + `":[1,{"a":null}],`
		a.request.Body = slices.Concat([]byte(extra), b[1:])
	case 6:
		many := make([]string, 1+a.rand.IntN(3000))
		for i := range many {
			many[i] = fmt.Sprintf(`"m%d":%d`, i, i)
		}
		a.request.Body = slices.Concat([]byte("{"+strings.Join(many, ",")+","), b[1:])
	case 7:
		a.request.Body = slices.Concat([]byte(`{"\u0000":1,`), b[1:])
		a.want(400, "")
	}
}

// spoilParameter gives a declared parameter a value it cannot have.
func (a *attempt) spoilParameter() {
	p := pick(a.rand, a.op.Spec.Parameters).Value
	value := pick(a.rand, wrongScalar(p.Schema.Value))
	if p.In == openapi3.ParameterInQuery && a.rand.IntN(8) == 0 {
		value += "&" + p.Name + "=" + value
	}
	header := pick(a.rand, []string{"\x00", "a\x00b", "\x7f", "\t", "é", "\xff", "a\nb", "\u2028", strings.Repeat("k", 256+a.rand.IntN(5000))})
	a.parameter(p, value, header)
	if p.In == openapi3.ParameterInHeader && a.rand.IntN(4) == 0 {
		a.request.Header[p.Name] = []string{"a", "b"}
	}
	a.want(400, p.Name)
}

var oddParts = []string{
	"", ".", "..", "%2e%2e", "%2F", "a%2Fb", "%252F", "%00", "%0a", "%ff", "%E2%80%A8", ";", "a;b=c", "*", "~", "%25", "+", "%20", "{id}", ":id", "ord_", "txn_0",
	"ord_zzzzzzzzzzzzzzzzzzzzzzzzzz", "ord_00000000000000000000000000", "ord_7zzzzzzzzzzzzzzzzzzzzzzzzz", "-1", "0", "9223372036854775808", "null", "'", "%27%20OR%201=1--", "$1", "\\", "%5C", "rewards", "redeem",
}

// spoilPath makes the path an odd one.
func (a *attempt) spoilPath() {
	path, query, found := strings.Cut(a.request.Path, "?")
	parts := strings.Split(path, "/")
	i := 1 + a.rand.IntN(len(parts)-1)
	switch a.rand.IntN(5) {
	case 0:
		parts[i] = pick(a.rand, oddParts)
	case 1:
		parts = slices.Insert(parts, i, pick(a.rand, oddParts))
	case 2:
		parts = append(parts, pick(a.rand, oddParts))
	case 3:
		parts[i] = strings.Repeat("x", 1+a.rand.IntN(10_000))
	case 4:
		parts[i] = strings.ToUpper(parts[i])
	}
	a.request.Path = strings.Join(parts, "/")
	if found {
		a.request.Path += "?" + query
	}
}

// spoilQuery adds what no operation declares.
func (a *attempt) spoilQuery() {
	if a.rand.IntN(2) == 0 {
		a.query(pick(a.rand, []string{"%", "a=%zz", "%zz=1", "x=%4", "a=1;b=2"}))
		if !a.public() {
			a.want(400, "query")
		}
		return
	}
	a.query(pick(a.rand, []string{"", "&&", "=", "=&=", "x", strings.Repeat("q=1&", 2000), "page[]=1", "a=%00", "PAGE=0", "x=" + strings.Repeat("y", 20_000), "?"}))
}

func (a *attempt) query(text string) {
	if strings.Contains(a.request.Path, "?") {
		a.request.Path += "&" + text
	} else {
		a.request.Path += "?" + text
	}
}

// spoilHeader sends headers that mean nothing good.
func (a *attempt) spoilHeader() {
	h := a.request.Header.Clone()
	a.request.Header = h
	switch a.rand.IntN(4) {
	case 0:
		h.Set("Content-Type", pick(a.rand, []string{"text/plain", "application/xml", "application/json; charset=latin1", "application/jsonx", "application/x-www-form-urlencoded", ";", "multipart/form-data", "\xff"}))
		if a.op.HasBody {
			a.want(400, "Content-Type")
		}
	case 1:
		h.Set(pick(a.rand, []string{"Accept", "Expect", "Content-Encoding", "Accept-Language", "X-Forwarded-For", "Cookie", "Range", "If-Match", "Host", "X-HTTP-Method-Override", "Upgrade"}),
			pick(a.rand, []string{"", "DELETE", "gzip", "\x00", "bytes=0-", "*", strings.Repeat("z", 5000), "a\r\nb: c", "\xff"}))
	case 2:
		for i := range 100 {
			h.Set(fmt.Sprintf("X-Many-%d", i), "1")
		}
	case 3:
		h["content-type"] = []string{"text/plain"} // not canonical: nobody reads it
	}
}

// spoilMethod asks in a way that the path does not take.
func (a *attempt) spoilMethod() {
	methods := []string{http.MethodHead, http.MethodPut, http.MethodOptions, http.MethodTrace, http.MethodDelete, http.MethodPatch, http.MethodPost, http.MethodGet, "", "get", "FOO", "\x00", strings.Repeat("M", 1000)}
	a.request.Method = pick(a.rand, methods)
}

// spoilKey sends a key that opens nothing.
func (a *attempt) spoilKey() {
	if a.public() {
		return
	}
	a.Client = a.Client.WithKey(pick(a.rand, spoiled(a.key))[1])
	a.want(401, "")
}
