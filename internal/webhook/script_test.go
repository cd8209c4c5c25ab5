package webhook

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"strings"
	"testing"
)

// rendered pairs a document with what a receiver gets.
var rendered = []struct{ document, want string }{
	{`{"b":1,"a":2}`, `{"b":1,"a":2}`},
	{`{"b":1,"10":2,"9":3,"01":4,"4294967294":5,"4294967295":6,"-1":7}`, `{"9":3,"10":2,"4294967294":5,"b":1,"01":4,"4294967295":6,"-1":7}`},
	{`{"a":1,"b":2,"a":3}`, `{"a":3,"b":2}`},
	{`["<>&\u2028\u2029\u0007\b\f\n\r\t\"\\\/é😀\ud83d\ude00"]`, "[\"<>&\u2028\u2029\\u0007\\b\\f\\n\\r\\t\\\"\\\\/é😀😀\"]"},
	{`[1.0,-0,0.0,1e2,1E-7,123456789012345680000,1e21,0.1,100e-2,-1.50]`, `[1,0,0,100,1e-7,123456789012345680000,1e+21,0.1,1,-1.5]`},
	{`[9007199254740991,9007199254740992,9007199254740993,-9007199254740993]`, `[9007199254740991,9007199254740992,"9007199254740993","-9007199254740993"]`},
	{`[9223372036854775807,1e400,0.1234567890123456789]`, `["9223372036854775807","1e400","0.1234567890123456789"]`},
	{` { "a" : [ ] , "b" : { } , "c" : [ null , true , false ] } `, `{"a":[],"b":{},"c":[null,true,false]}`},
	{`{"__proto__":1,"constructor":{"0":"x"}}`, `{"__proto__":1,"constructor":{"0":"x"}}`},
}

func TestAsScript(t *testing.T) {
	for _, c := range rendered {
		got, err := asScript(json.RawMessage(c.document))
		if err != nil || string(got) != c.want {
			t.Errorf("%s\n got %s, %v\nwant %s", c.document, got, err, c.want)
		}
	}
	for _, bad := range []string{``, `{`, `{"a":}`, `1 2`} {
		if got, err := asScript(json.RawMessage(bad)); err == nil {
			t.Errorf("%q became %s", bad, got)
		}
	}
}

// What is rendered comes out of JavaScript's parse and stringify as it went in:
// the table above and some thousand documents made at random.
func TestAsScriptSurvivesNode(t *testing.T) {
	const seed, documents = 7, 4000
	random := rand.New(rand.NewPCG(seed, seed))
	var in bytes.Buffer
	var sent []string
	add := func(document string) {
		got, err := asScript(json.RawMessage(document))
		if err != nil {
			t.Fatalf("%s: %v", document, err)
		}
		sent = append(sent, string(got))
		in.Write(append(got, '\n'))
	}
	for _, c := range rendered {
		add(c.document)
	}
	for range documents {
		add(document(random, 4))
	}
	node := exec.CommandContext(t.Context(), "node", "-e",
		`for (const line of require('fs').readFileSync(0, 'utf8').split('\n')) if (line) console.log(JSON.stringify(JSON.parse(line)))`)
	node.Stdin = &in
	out, err := node.Output()
	if err != nil {
		t.Fatalf("node (make deps installs it): %v", err)
	}
	back := strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
	if len(back) != len(sent) {
		t.Fatalf("%d documents came back of %d", len(back), len(sent))
	}
	for i := range sent {
		if back[i] != sent[i] {
			t.Fatalf("seed %d, document %d\nsent %s\nback %s", seed, i, sent[i], back[i])
		}
	}
}

// document makes a random JSON document.
func document(r *rand.Rand, depth int) string {
	switch kind := r.IntN(8); {
	case kind < 2 && depth > 0:
		items := make([]string, r.IntN(5))
		for i := range items {
			items[i] = document(r, depth-1)
		}
		return "[" + strings.Join(items, ",") + "]"
	case kind < 4 && depth > 0:
		members := make([]string, r.IntN(6))
		for i := range members {
			members[i] = text(r) + ":" + document(r, depth-1)
		}
		return "{" + strings.Join(members, ",") + "}"
	case kind < 6:
		return number(r)
	case kind == 6:
		return []string{"null", "true", "false"}[r.IntN(3)]
	}
	return text(r)
}

func number(r *rand.Rand) string {
	switch r.IntN(5) {
	case 0:
		return fmt.Sprint(r.Int64() - r.Int64())
	case 1:
		return fmt.Sprint(r.IntN(1000) - 500)
	case 2:
		return fmt.Sprintf("%de%d", r.IntN(100000), r.IntN(60)-30)
	case 3:
		return fmt.Sprintf("%.*f", r.IntN(8), r.Float64()*1000)
	}
	return fmt.Sprintf("%g", r.NormFloat64())
}

func text(r *rand.Rand) string {
	pieces := []string{"a", "Z", " ", "<", "&", ">", `\u2028`, "\u2029", `\n`, `\u0001`, `\u007f`, `\"`, `\\`, `\/`, "é", "漢", "😀", `\ud83d\ude00`, "'", "0"}
	if r.IntN(4) == 0 {
		return fmt.Sprintf(`"%d"`, r.IntN(2000)) // taken for an index
	}
	var s strings.Builder
	for range r.IntN(8) {
		s.WriteString(pieces[r.IntN(len(pieces))])
	}
	return `"` + s.String() + `"`
}
