package apptest_test

import (
	"bufio"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/incent-dev/incent/internal/apptest"
	"github.com/incent-dev/incent/internal/contract"
	"github.com/incent-dev/incent/internal/tenant"
)

// testdata/operations.txt lists what the documents promise.
func TestPromisedOperations(t *testing.T) {
	t.Parallel()
	file, err := os.Open("testdata/operations.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	s := apptest.Start(t)
	for lines := bufio.NewScanner(file); lines.Scan(); {
		words := strings.Fields(lines.Text())
		f := s.Client(tenant.Kind(words[0])).Facade
		is := func(op *contract.Operation) bool { return op.Method == words[1] && op.Path == words[2] }
		if !slices.ContainsFunc(f.Served, is) {
			t.Errorf("%s: not served", lines.Text())
		}
	}
}

// A spec promises nothing that is not served.
func TestEverythingIsServed(t *testing.T) {
	t.Parallel()
	for _, c := range apptest.Start(t).Clients() {
		for _, op := range c.Facade.Absent {
			t.Errorf("%s: %s is in the spec and not served", c.Facade.Kind, op.ID)
		}
	}
}

// What a server gives out is the contract as it was written.
func TestServedDocumentIsTheContract(t *testing.T) {
	t.Parallel()
	for _, c := range apptest.Start(t).Clients() {
		written, err := openapi3.NewLoader().LoadFromFile(filepath.Join("..", "..", "openapi", string(c.Facade.Kind)+".yaml"))
		if err != nil {
			t.Fatal(err)
		}
		text, err := written.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		var want any
		if err := json.Unmarshal(text, &want); err != nil {
			t.Fatal(err)
		}
		var got any
		if err := json.Unmarshal(c.Must(200, "GET", "/openapi.json", nil).Body, &got); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: /openapi.json is not openapi/%s.yaml: %s", c.Facade.Kind, c.Facade.Kind, difference("", got, want))
		}
	}
}

// difference names the first place where two JSON values differ.
func difference(at string, got, want any) string {
	switch w := want.(type) {
	case map[string]any:
		g, _ := got.(map[string]any)
		for name := range w {
			if d := difference(at+"."+name, g[name], w[name]); d != "" {
				return d
			}
		}
		for name := range g {
			if _, there := w[name]; !there {
				return at + "." + name + " is too much"
			}
		}
	case []any:
		g, _ := got.([]any)
		if len(g) != len(w) {
			return at + " has another length"
		}
		for i := range w {
			if d := difference(at+"[]", g[i], w[i]); d != "" {
				return d
			}
		}
	}
	if !reflect.DeepEqual(got, want) {
		return at
	}
	return ""
}
