package tidy

import (
	"strings"
	"testing"
)

func TestImports(t *testing.T) {
	t.Parallel()
	run(t, checkImports, []planted{
		{"down is fine", one("internal/store/a.go",
			"package store\nimport _ \"github.com/incent-dev/incent/internal/ledger\""), nil},
		{"up is not", one("internal/ledger/a.go",
			"package ledger\nimport _ \"github.com/incent-dev/incent/internal/store\""),
			[]string{"internal/ledger/a.go:2: ledger may not import store: move the code"}},
		{"facade to facade", one("internal/incenta/a.go",
			"package incenta\nimport _ \"github.com/incent-dev/incent/internal/incentable\""),
			[]string{"incenta may not import incentable"}},
		{"facade to generated queries", one("internal/incenta/a.go",
			"package incenta\nimport _ \"github.com/incent-dev/incent/gen/query\""),
			[]string{"incenta may not import gen/query"}},
		{"facade to pgx", one("internal/incenta/a.go",
			"package incenta\nimport _ \"github.com/jackc/pgx/v5\""),
			[]string{"incenta may not import github.com/jackc/pgx"}},
		{"domain to echo", one("internal/store/a.go",
			"package store\nimport _ \"github.com/labstack/echo/v4\""),
			[]string{"store may not import github.com/labstack/echo"}},
		{"a test may use the whole server", one("internal/store/a_test.go",
			"package store_test\nimport _ \"github.com/incent-dev/incent/internal/apptest\""), nil},
		{"a package nobody listed", one("internal/utils/a.go", "package utils"),
			[]string{"package utils is not in the import table"}},
		{"another module in the tree", map[string]string{
			"gen/sdk/go/go.mod": "module sdk", "gen/sdk/go/deep/a.go": "package deep"}, nil},
	})
}

// TestImportTable keeps the table itself honest: it names packages it knows,
// has no cycle, and does not allow what the house rules out by name.
func TestImportTable(t *testing.T) {
	t.Parallel()
	depth := map[string]int{}
	var visit func(name string, trail []string)
	visit = func(name string, trail []string) {
		trail = append(trail, name)
		switch depth[name] {
		case 1:
			t.Errorf("the import table has a cycle: %s", strings.Join(trail, " → "))
			return
		case 2:
			return
		}
		depth[name] = 1
		for _, to := range strings.Fields(may[name]) {
			if _, known := may[to]; !known {
				t.Errorf("the import table lets %s import %s, which it does not know", name, to)
			}
			visit(to, trail)
		}
		depth[name] = 2
	}
	for name := range may {
		visit(name, nil)
	}
	never := map[string]string{
		facades:  facades + "pg gen/query",
		domains:  "httpapi gen/incenta gen/incentable gen/management" + facades,
		"ledger": domains,
	}
	for from, to := range never {
		for _, a := range strings.Fields(from) {
			for _, b := range strings.Fields(to) {
				if lists(may[a], b) {
					t.Errorf("the import table lets %s import %s", a, b)
				}
			}
		}
	}
}
