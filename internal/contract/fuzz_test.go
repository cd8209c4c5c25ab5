package contract

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

var seeds = []string{
	awardBody, `{}`, `null`, ` [1,2,{"a":[]}] `, `{"any":"\ud83d\ude00\u0000"}`, `{"Big":1,"big":2,"any":{"a":1,"a":2}}`,
	`{"children":[{"count":1.0},{"at":"2026-01-31T09:30:00Z","tags":{"a":"b"}}]}`, "{\"\xff\":1}", `{"free":{"n":-1.50e+400,"m":[true,false,null]}}`,
	strings.Repeat(`[`, 40), `{"word":"abc","short":"ééé","child":{"child":{"Child":{}}}}`, `{"any":1}{}`, `{"any":1,}`,
}

// FuzzCheckBody: whatever is sent, there is no panic, and what is accepted is
// JSON and means the same to encoding/json.
func FuzzCheckBody(f *testing.F) {
	for _, seed := range seeds {
		f.Add([]byte(seed))
	}
	c := compiled(f)
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, op := range c.Operations() {
			before := bytes.Clone(body)
			clean, err := op.CheckBody(body)
			if !bytes.Equal(before, body) {
				t.Fatal("the body was changed")
			}
			if err != nil {
				said(t, err)
				continue
			}
			if clean == nil {
				continue // nothing to read
			}
			if !json.Valid(body) || !json.Valid(clean) || !utf8.Valid(body) || bytes.Contains(body, []byte{0}) {
				t.Fatalf("%s accepted %q, clean %q", op.ID, body, clean)
			}
			if op.ID == "everything" {
				binds(t, body, clean)
			}
			if _, err := Canonical(clean); err != nil {
				t.Fatalf("%q has no canonical form: %v", clean, err)
			}
		}
	})
}

// FuzzCanonical: the form is JSON of the same meaning, its own form, and the
// same whatever order and spelling the members came in.
func FuzzCanonical(f *testing.F) {
	for _, seed := range seeds {
		f.Add([]byte(seed))
	}
	op := compiled(f).Operation("POST", "/everything")
	f.Fuzz(func(t *testing.T, value []byte) {
		body := slices.Concat([]byte(`{"free":{"v":`), value, []byte(`}}`))
		if _, err := op.CheckBody(body); err != nil {
			return
		}
		form, err := Canonical(body)
		if err != nil || !json.Valid(form) {
			t.Fatalf("%q: %q, %v", body, form, err)
		}
		if again, err := Canonical(form); err != nil || !bytes.Equal(form, again) {
			t.Fatalf("%q: %q, then %q, %v", body, form, again, err)
		}
		turned := reversed(t, body)
		if other, err := Canonical(turned); err != nil || !bytes.Equal(form, other) {
			t.Fatalf("%q: %q, turned round %q: %q, %v", body, form, turned, other, err)
		}
	})
}

// reversed writes a value with its members in falling order, white space, and
// all strings escaped as far as encoding/json does.
func reversed(t *testing.T, text []byte) []byte {
	var members map[string]json.RawMessage
	var items []json.RawMessage
	var word string
	switch {
	case bytes.HasPrefix(bytes.TrimSpace(text), []byte("{")) && json.Unmarshal(text, &members) == nil:
		out := []byte("{ ")
		names := slices.Sorted(maps.Keys(members))
		slices.Reverse(names)
		for i, name := range names {
			if i > 0 {
				out = append(out, " ,\n"...)
			}
			out = append(append(out, reversedString(t, name)...), ':')
			out = append(out, reversed(t, members[name])...)
		}
		return append(out, '}')
	case bytes.HasPrefix(bytes.TrimSpace(text), []byte("[")) && json.Unmarshal(text, &items) == nil:
		out := []byte("[\t")
		for i, item := range items {
			if i > 0 {
				out = append(out, ',')
			}
			out = append(out, reversed(t, item)...)
		}
		return append(out, ']')
	case json.Unmarshal(text, &word) == nil && !bytes.Equal(bytes.TrimSpace(text), []byte("null")):
		return reversedString(t, word)
	}
	return text
}

func reversedString(t *testing.T, s string) []byte {
	text, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	return text
}
