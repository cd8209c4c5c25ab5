package contract

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/incent-dev/incent/internal/fault"
)

// said is the first problem of an error as "field message", or "".
func said(t testing.TB, err error) string {
	t.Helper()
	if err == nil {
		return ""
	}
	f := fault.As(err)
	if f == nil || f.Kind != fault.Invalid || f.Code != fault.CodeInvalidRequest || len(f.Details) == 0 {
		t.Fatalf("not a fault for the caller: %#v", err)
	}
	if len(f.Details) > maxProblems {
		t.Fatalf("%d details", len(f.Details))
	}
	return f.Details[0].Field + " " + f.Details[0].Message
}

type bodyCase struct{ body, want string }

func checkBodies(t *testing.T, method, path string, cases []bodyCase) {
	t.Helper()
	op := compiled(t).Operation(method, path)
	for _, c := range cases {
		clean, err := op.CheckBody([]byte(c.body))
		if got := said(t, err); got != c.want {
			t.Errorf("%.120q: got %q, want %q", c.body, got, c.want)
		}
		if err == nil && string(clean) != c.body {
			t.Errorf("%q: clean %q", c.body, clean)
		}
	}
}

func TestSyntax(t *testing.T) {
	const not = "body is not valid JSON: "
	checkBodies(t, "POST", "/everything", []bodyCase{
		{`{}`, ""},
		{" \t\r\n{ } \n", ""},
		{`{`, not + "a member name in double quotes is expected at byte 1"},
		{`{"any":1,}`, not + "a member name in double quotes is expected at byte 9"},
		{`{,"any":1}`, not + "a member name in double quotes is expected at byte 1"},
		{`{any:1}`, not + "a member name in double quotes is expected at byte 1"},
		{`{"any" 1}`, "any is not valid JSON: a colon is expected at byte 7"},
		{`{"any":}`, "any is not valid JSON: a value is expected at byte 7"},
		{`{"any":1 "big":2}`, "any is not valid JSON: a comma or a closing brace is expected at byte 9"},
		{`{"any":[1 2]}`, "any[0] is not valid JSON: a comma or a closing bracket is expected at byte 10"},
		{`{"any":[1,]}`, "any[1] is not valid JSON: a value is expected at byte 10"},
		{`{"any":[`, "any[0] is not valid JSON: a value is expected at byte 8"},
		{`{} x`, not + "nothing may follow the value at byte 3"},
		{`{}{}`, not + "nothing may follow the value at byte 2"},
		{"\xef\xbb\xbf{}", not + "a value is expected at byte 0"},
		{"{}\x00", not + "nothing may follow the value at byte 2"},
		{`{"any":NaN}`, "any is not valid JSON: a value is expected at byte 7"},
		{`{"any":Infinity}`, "any is not valid JSON: a value is expected at byte 7"},
		{`{"any":tru}`, "any is not valid JSON: a value is expected at byte 7"},
		{`{"any":truee}`, "any is not valid JSON: a comma or a closing brace is expected at byte 11"},
		{`{"any":'x'}`, "any is not valid JSON: a value is expected at byte 7"},
		{`{"any":/* */1}`, "any is not valid JSON: a value is expected at byte 7"},
	})
	for _, bad := range []string{"01", "-", "+1", "1.", ".5", "1e", "1e+", "-01", "0x10", "1.e1", "--1", "1_000"} {
		if _, err := compiled(t).Operation("POST", "/everything").CheckBody([]byte(`{"any":` + bad + `}`)); err == nil {
			t.Errorf("%s accepted", bad)
		}
	}
	for _, good := range []string{"0", "-0", "0.0", "1E5", "1e-5", "-1.5e+07", "1e400", strings.Repeat("9", 400)} {
		if _, err := compiled(t).Operation("POST", "/everything").CheckBody([]byte(`{"free":{"n":` + good + `}}`)); err != nil {
			t.Errorf("%s refused: %v", good, err)
		}
	}
}

func TestStrings(t *testing.T) {
	checkBodies(t, "POST", "/everything", []bodyCase{
		{`{"any":"\"\\\/\b\f\n\r\t\u00e9\uD83D\ude00é😀"}`, ""},
		{"{\"any\":\"a\nb\"}", "any is not valid JSON: a control character in a string must be escaped at byte 9"},
		{`{"any":"a\x"}`, "any is not valid JSON: the escape is unknown at byte 9"},
		{`{"any":"a\u12g4"}`, `any is not valid JSON: four hexadecimal digits must follow \u at byte 9`},
		{`{"any":"\u12`, `any is not valid JSON: four hexadecimal digits must follow \u at byte 8`},
		{`{"any":"abc`, "any is not valid JSON: the text ends inside a string at byte 11"},
		{`{"any":"abc\`, "any is not valid JSON: the text ends inside a string at byte 11"},
		{`{"any":"\ud800"}`, "any is not valid JSON: half of a surrogate pair stands alone at byte 8"},
		{`{"any":"\udc00"}`, "any is not valid JSON: half of a surrogate pair stands alone at byte 8"},
		{`{"any":"\ud800\u0041"}`, "any is not valid JSON: half of a surrogate pair stands alone at byte 8"},
		{`{"any":"\ud800\ud800"}`, "any is not valid JSON: half of a surrogate pair stands alone at byte 8"},
		{"{\"any\":\"\xff\"}", "any is not valid JSON: the text is not valid UTF-8 at byte 8"},
		{"{\"any\":\"\xed\xa0\x80\"}", "any is not valid JSON: the text is not valid UTF-8 at byte 8"},
		{"{\"any\":\"\xc0\x80\"}", "any is not valid JSON: the text is not valid UTF-8 at byte 8"},
		{"{\"\xff\":1}", "body is not valid JSON: the text is not valid UTF-8 at byte 2"},
		{`{"any":"a\u0000"}`, "any must not contain the character U+0000"},
		{`{"free":{"x":{"\u0000":1}}}`, "free.x must not contain the character U+0000"},
		{"{\"any\":\"\x00\"}", "any is not valid JSON: a control character in a string must be escaped at byte 8"},
		{"{\"any\":\"\x7f\u2028\"}", ""},
		{`{"short":"éé"}`, ""},
		{`{"short":"é"}`, "short must be at least 2 characters"},
		{`{"short":"😀😀😀"}`, ""},
		{`{"short":"\ud83d\ude00\ud83d\ude00\ud83d\ude00"}`, ""},
		{`{"short":"\u00e9\u00e9\u00e9\u00e9"}`, "short must be at most 3 characters"},
	})
}

func TestRules(t *testing.T) {
	checkBodies(t, "POST", "/everything", []bodyCase{
		{`null`, "body must not be null"},
		{`[]`, "body must be an object"},
		{`"x"`, "body must be an object"},
		{`7`, "body must be an object"},
		{`{"count":2147483647}`, ""},
		{`{"count":2147483648}`, "count must be at most 2147483647"},
		{`{"count":-2147483649}`, "count must be at least -2147483648"},
		{`{"big":9223372036854775807}`, ""},
		{`{"big":-9223372036854775808}`, ""},
		{`{"big":9223372036854775808}`, "big must be at most 9223372036854775807"},
		{`{"big":-9223372036854775809}`, "big must be at least -9223372036854775808"},
		{`{"big":18446744073709551617}`, "big must be at most 9223372036854775807"},
		{`{"big":-99999999999999999999999}`, "big must be at least -9223372036854775808"},
		{`{"big":5.0}`, "big must be a whole number written without fraction or exponent"},
		{`{"big":5e0}`, "big must be a whole number written without fraction or exponent"},
		{`{"big":"5"}`, "big must be a whole number"},
		{`{"big":null}`, "big must not be null"},
		{`{"big":true}`, "big must be a whole number"},
		{`{"big":[5]}`, "big must be a whole number"},
		{`{"even":2}`, ""},
		{`{"even":3}`, "even must be one of 2, 4"},
		{`{"open":1}`, ""},
		{`{"open":0}`, "open must be at least 1"},
		{`{"open":10}`, "open must be at most 9"},
		{`{"ratio":1.5}`, ""},
		{`{"ratio":-1.5}`, "ratio must be more than -1.5"},
		{`{"ratio":15e-1}`, ""},
		{`{"ratio":1.6}`, "ratio must be at most 1.5"},
		{`{"ratio":1e400}`, "ratio must be at most 1.5"},
		{`{"ratio":"1"}`, "ratio must be a number"},
		{`{"rough":3e38}`, ""},
		{`{"rough":-4e38}`, "rough is out of range"},
		{`{"flag":false}`, ""},
		{`{"flag":"false"}`, "flag must be true or false"},
		{`{"flag":0}`, "flag must be true or false"},
		{`{"word":"abc"}`, ""},
		{`{"word":"aBc"}`, "word does not have the expected form"},
		{`{"word":"\u0061"}`, ""},
		{`{"word":false}`, "word must be a string"},
		{`{"any":null}`, "any must not be null"},
		{`{"free":{"a":null,"b":[null,1,{"c":[]}]}}`, ""},
		{`{"free":[]}`, "free must be an object"},
		{`{"tags":{"a":"x","b":"y"}}`, ""},
		{`{"tags":{"a":"x","b":"y","c":"z"}}`, "tags must have at most 2 members"},
		{`{"tags":{"a":1}}`, "tags.a must be a string"},
		{`{"tags":{"a":"long"}}`, "tags.a must be at most 3 characters"},
		{`{"children":[{},{"child":{"children":[{"big":0},{"big":""}]}}]}`, "children[1].child.children[1].big must be a whole number"},
		{`{"children":[{},null]}`, "children[1] must not be null"},
		{`{"unknown":{"x":[1,2,{"y":1}]},"big":1}`, ""},
	})
	checkBodies(t, "PATCH", "/orders/{order_id}", []bodyCase{
		{`{}`, "body must have at least 1 member"},
		{`{"status":"active"}`, ""},
		{`{"status":"ACTIVE"}`, "status must be one of active, inactive"},
		{`{"status":""}`, "status must be one of active, inactive"},
		{`{"other":1}`, "other is not a known member"},
		{`{"note":null}`, ""},
		{`{"note":"c"}`, "note must be one of a, b"},
		{`{"shipping_address":null}`, ""},
		{`{"shipping_address":{"country":"DE"}}`, "shipping_address.city is required"},
		{`{"shipping_address":{"city":"","country":"DE"}}`, "shipping_address.city must not be empty"},
		{`{"shipping_address":{"city":"B","country":"de"}}`, "shipping_address.country does not have the expected form"},
		{`{"shipping_address":{"city":"B","country":"DE","lines":[]}}`, "shipping_address.lines must have at least 1 item"},
		{`{"shipping_address":{"city":"B","country":"DE","lines":[null,"x"]}}`, ""},
		{`{"shipping_address":{"city":"B","country":"DE","lines":["","",""]}}`, "shipping_address.lines must have at most 2 items"},
	})
}

// TestInstants: every one that is accepted, the binder reads; and it is laxer.
func TestInstants(t *testing.T) {
	op := compiled(t).Operation("POST", "/everything")
	for text, want := range map[string]bool{
		"2026-01-31T09:30:00Z": true, "2026-01-31T09:30:00.123456789+05:30": true, "2024-02-29T00:00:00-00:00": true,
		"0000-01-01T00:00:00Z": true, "2026-01-31T09:30:00-23:59": true, "2026-02-30T00:00:00Z": false, "2026-01-31": false,
		"2026-01-31T09:30:00": false, "2026-01-31t09:30:00z": false, "2026-01-31T24:00:00Z": false, "2026-01-31T9:30:00Z": false,
		"2026-01-31T09:30:60Z": false, "2026-01-31T09:30:00,5Z": false, "2026-01-31T09:30:00+24:00": false,
		"2026-01-31T09:30:00+01:60": false, "2026-01-31 09:30:00Z": false, "20260131T093000Z": false, "": false, "now": false,
	} {
		quoted := fmt.Sprintf("%q", text)
		_, err := op.CheckBody([]byte(`{"at":` + quoted + `}`))
		var at time.Time
		if binds := json.Unmarshal([]byte(quoted), &at) == nil; want != (err == nil) || want && !binds {
			t.Errorf("at %s: binds %v, checked: %v", quoted, binds, err)
		}
		_, err = op.CheckBody([]byte(`{"day":` + quoted + `}`))
		if day := text == "2026-01-31"; day != (err == nil) {
			t.Errorf("day %s: %v", quoted, err)
		}
	}
}

func TestAddresses(t *testing.T) {
	op := compiled(t).Operation("POST", "/everything")
	for text, want := range map[string]bool{
		"ann@example.com": true, "a.b+tag@sub.example.co": true, "ann@localhost": true, "jürgen@bücher.example": true,
		"": false, "ann": false, "@example.com": false, "ann@": false, "Ann <ann@example.com>": false, "<ann@example.com>": false,
		"ann@example.com (home)": false, " ann@example.com": false, "a@b@c": false, "a@b,c@d": false, "a@b\n": false,
	} {
		_, err := op.CheckBody(fmt.Appendf(nil, `{"mail":%q}`, text))
		if (err == nil) != want {
			t.Errorf("mail %q: %v", text, err)
		}
	}
	for text, want := range map[string]bool{
		"https://example.com": true, "https://example.com/a%20b?c=d#e": true, "urn:isbn:1": true, "http://[::1]:80/": true,
		"": false, "example.com/a": false, "/a": false, "https://example.com/a b": false, "https://a\n": false, "http://[::1": false,
		"https://example.com/%zz": false, `https://x/"><script>`: false,
	} {
		_, err := op.CheckBody(fmt.Appendf(nil, `{"link":%q}`, text))
		if (err == nil) != want {
			t.Errorf("link %q: %v", text, err)
		}
	}
}

func TestDuplicates(t *testing.T) {
	many := func(extra string) string {
		var b strings.Builder
		for i := range 50 {
			fmt.Fprintf(&b, `"k%d":%d,`, i, i)
		}
		return `{"free":{` + b.String() + extra + `}}`
	}
	checkBodies(t, "POST", "/everything", []bodyCase{
		{`{"big":1,"big":1}`, "big appears twice"},
		{`{"big":1,"b\u0069g":1}`, "big appears twice"},
		{`{"x":1,"y":2,"x":1}`, "x appears twice"},
		{`{"free":{"a":{"b":1,"\u0062":2}}}`, "free.a.b appears twice"},
		{`{"free":{"\u0061":1,"a":2}}`, "free.a appears twice"},
		{`{"free":{"é":1,"\u00e9":2}}`, "free.é appears twice"},
		{`{"free":{"a":{"b":1},"b":{"a":1}}}`, ""},
		{`{"any":[{"a":1},{"a":1}]}`, ""},
		{`{"tags":{"a":"","a":""}}`, "tags.a appears twice"},
		{many(`"k50":0`), ""},
		{many(`"k3":0`), "free.k3 appears twice"},
		{many(`"k49":0`), "free.k49 appears twice"},
		{many(`"\u006b20":0`), "free.k20 appears twice"},
		{many(`"in":{"k1":0,"k1":0}`), "free.in.k1 appears twice"},
		{many(`"in":{"k1":0,"k2":0}`), ""},
	})
}

// TestHidden: the binder must not see a member under a name that is not its
// own, however many there are and wherever they stand.
func TestHidden(t *testing.T) {
	op := compiled(t).Operation("POST", "/points/award")
	const good = `"member_id":"m","points":5`
	for body, want := range map[string]string{
		`{` + good + `}`:                                             `{` + good + `}`,
		`{"Points":1,` + good + `}`:                                  `{` + good + `}`,
		`{` + good + `,"POINTS":1}`:                                  `{` + good + `}`,
		`{` + good + ` , "POINTS" : 1 }`:                             `{` + good + `  }`,
		`{"pointſ":1,` + good + `,"Reason":{"a":[1]}}`:               `{` + good + `}`,
		`{"Points":1,"pOints":2,` + good + `,"Reason":1,"REASON":2}`: `{` + good + `}`,
		`{"member_id":"m","Points":[{}],"points":5}`:                 `{` + good + `}`,
		`{` + good + `,"metadata":{"Points":1,"points":2}}`:          `{` + good + `,"metadata":{"Points":1,"points":2}}`,
		`{"p\u004fints":1,` + good + `}`:                             `{` + good + `}`,
	} {
		clean, err := op.CheckBody([]byte(body))
		if err != nil || string(clean) != want {
			t.Errorf("%s: clean %s, %v; want %s", body, clean, err, want)
		}
	}
	for body, want := range map[string]string{
		`{"member_id":"m","Points":5}`:          "points is required",
		`{"Points":1,"Points":1,` + good + `}`:  "Points appears twice",
		`{"Points":{"a":1,"a":1},` + good + `}`: "Points.a appears twice",
	} {
		if _, err := op.CheckBody([]byte(body)); said(t, err) != want {
			t.Errorf("%s: %v, want %s", body, err, want)
		}
	}
	everything := compiled(t).Operation("POST", "/everything")
	for body, want := range map[string]string{
		`{"Any":1}`:                               `{}`,
		`{"Any":1,"Big":2}`:                       `{}`,
		`{"child":{"Big":"x","big":1}}`:           `{"child":{"big":1}}`,
		`{"children":[{"FLAG":1},{"flag":true}]}`: `{"children":[{},{"flag":true}]}`,
		`{"exact":{"Name":1,"name":"x"}}`:         `{"exact":{"Name":1,"name":"x"}}`,
		`{"children":[{"FLAG":1}],"BIG":1}`:       `{"children":[{}]}`,
	} {
		clean, err := everything.CheckBody([]byte(body))
		if err != nil || string(clean) != want {
			t.Errorf("%s: clean %s, %v; want %s", body, clean, err, want)
		}
	}
}

func TestNoBody(t *testing.T) {
	c := compiled(t)
	for _, body := range []string{"", " \n"} {
		_, err := c.Operation("POST", "/points/award").CheckBody([]byte(body))
		if f := fault.As(err); f == nil || f.Message != "a JSON body is required" {
			t.Errorf("%q: %v", body, err)
		}
		if clean, err := c.Operation("PATCH", "/orders/{order_id}").CheckBody([]byte(body)); err != nil || clean != nil {
			t.Errorf("%q optional: %q, %v", body, clean, err)
		}
	}
	if clean, err := c.Operation("GET", "/orders").CheckBody([]byte("{nonsense")); err != nil || clean != nil {
		t.Errorf("no body declared: %q, %v", clean, err)
	}
}

func TestManyProblems(t *testing.T) {
	c := compiled(t)
	_, err := c.Operation("POST", "/points/award/bulk").CheckBody([]byte(
		`{"awards":[{"points":0},{"member_id":"","points":"5","reason":7},{},{"member_id":"m","points":1}]}`))
	f := fault.As(err)
	if f == nil {
		t.Fatal(err)
	}
	want := []fault.Detail{
		{Field: "awards[0].points", Message: "must be at least 1"},
		{Field: "awards[0].member_id", Message: "is required"},
		{Field: "awards[1].member_id", Message: "must not be empty"},
		{Field: "awards[1].points", Message: "must be a whole number"},
		{Field: "awards[1].reason", Message: "must be a string"},
		{Field: "awards[2].member_id", Message: "is required"},
		{Field: "awards[2].points", Message: "is required"},
		{Field: "awards", Message: "must have at most 3 items"},
	}
	if fmt.Sprint(f.Details) != fmt.Sprint(want) || f.Message != "awards[0].points must be at least 1" {
		t.Errorf("got %q, %v", f.Message, f.Details)
	}
	_, err = c.Operation("POST", "/points/award/bulk").CheckBody([]byte(`{"awards":[` + strings.Repeat(`7,`, 1000) + `7]}`))
	if f := fault.As(err); f == nil || len(f.Details) != maxProblems {
		t.Errorf("a thousand problems: %v", err)
	}
	// What stood before a syntax error is not worth an answer.
	_, err = c.Operation("POST", "/points/award").CheckBody([]byte(`{"points":"x",`))
	if f := fault.As(err); f == nil || len(f.Details) != 1 || !strings.HasPrefix(f.Message, "the body is not valid JSON: ") {
		t.Errorf("syntax: %v", err)
	}
}

func TestDepth(t *testing.T) {
	op := compiled(t).Operation("POST", "/everything")
	for _, open := range []string{`[`, `{"a":`} {
		shut := map[string]string{`[`: `]`, `{"a":`: `}`}[open]
		nest := func(n int) []byte {
			return []byte(`{"any":` + strings.Repeat(open, n) + `1` + strings.Repeat(shut, n) + `}`)
		}
		if _, err := op.CheckBody(nest(maxDepth - 1)); err != nil {
			t.Errorf("%d levels of %s: %v", maxDepth, open, err)
		}
		if _, err := op.CheckBody(nest(maxDepth)); !strings.HasSuffix(said(t, err), "is nested deeper than 32 levels") {
			t.Errorf("%d levels of %s: %v", maxDepth+1, open, err)
		}
		if _, err := op.CheckBody(bytes.Repeat([]byte(open), 1<<20)); err == nil {
			t.Errorf("a million levels of %s accepted", open)
		}
	}
}

// TestHostileSizes: a quadratic check would need minutes for these.
func TestHostileSizes(t *testing.T) {
	op := compiled(t).Operation("POST", "/everything")
	var flat, folding, numbers strings.Builder
	for i := range 100_000 {
		fmt.Fprintf(&flat, `"key%06d":%d,`, i, i)
		fmt.Fprintf(&folding, `"B\u0049G%d":{},`, i)
	}
	numbers.WriteString(strings.Repeat("9", 1<<20) + "e" + strings.Repeat("9", 1<<20))
	long := strings.Repeat("k", 1<<16)
	for name, body := range map[string]string{
		"names":   `{"free":{` + flat.String() + `"last":0}}`,
		"unknown": `{` + flat.String() + folding.String() + `"big":0}`,
		"number":  `{"free":{"n":` + numbers.String() + `}}`,
		"escapes": `{"free":{"n":"` + strings.Repeat(`\u00e9`, 200_000) + `"}}`,
		"long":    `{"free":{"` + long + `a":1,"` + long + `b":2}}`,
		"objects": `{"any":[` + strings.Repeat(`{"a":1},`, 200_000) + `1]}`,
	} {
		began := time.Now()
		if _, err := op.CheckBody([]byte(body)); err != nil {
			t.Errorf("%s: %.200v", name, err)
		}
		if _, err := Canonical([]byte(body)); err != nil {
			t.Errorf("%s: %.200v", name, err)
		}
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("%s: %v", name, took)
		}
	}
	_, err := op.CheckBody([]byte(`{"free":{"` + long + `":1,"` + long + `":2}}`))
	if f := fault.As(err); f == nil || len(f.Message) > 200 {
		t.Errorf("a long name comes back: %.300v", err)
	}
}

func TestHappyPathAllocatesNothing(t *testing.T) {
	c := compiled(t)
	award, orders := c.Operation("POST", "/points/award"), c.Operation("GET", "/orders")
	body := []byte(awardBody)
	n := testing.AllocsPerRun(200, func() {
		if _, err := award.CheckBody(body); err != nil {
			t.Fatal(err)
		}
		if err := orders.CheckParams(noPath, "page=2&per_page=50", nil); err != nil {
			t.Fatal(err)
		}
	})
	// Under -race the pool loses a quarter of what it is given, so not 0 to the
	// letter; one allocation per member would be 11.
	if n > 4 {
		t.Errorf("%v allocations", n)
	}
}
