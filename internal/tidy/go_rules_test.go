package tidy

import (
	"strings"
	"testing"
)

func TestAmbient(t *testing.T) {
	t.Parallel()
	const clock = "package store\nimport \"time\"\nvar now = time.Now\nvar old = time.Hour"
	run(t, checkAmbient, []planted{
		{"the clock", one("internal/store/a.go", clock),
			[]string{"internal/store/a.go:3: store may not use time.Now: have the value passed in"}},
		{"by another name", one("internal/store/a.go",
			"package store\nimport clock \"time\"\nvar d = clock.Since(x)"), []string{"clock.Since"}},
		{"by no name", one("internal/store/a.go", "package store\nimport . \"time\"\nvar now = Now"),
			[]string{"may not import time"}},
		{"randomness", one("internal/store/a.go",
			"package store\nimport (\n\"crypto/rand\"\n\"math/rand/v2\"\n)"),
			[]string{"a.go:3: store may not import crypto/rand", "math/rand/v2"}},
		{"the environment", one("internal/store/a.go",
			"package store\nimport \"os\"\nvar a, _ = os.LookupEnv(\"A\")\nvar b = os.Args"), []string{"os.LookupEnv"}},
		{"random ids", one("internal/store/a.go",
			"package store\nimport \"github.com/google/uuid\"\nvar a = uuid.New()\nvar b uuid.UUID"), []string{"uuid.New"}},
		{"where the server is built", one("internal/app/a.go", strings.Replace(clock, "store", "app", 1)), nil},
		{"a test", one("internal/store/a_test.go", clock), nil},
	})
}

func TestLengths(t *testing.T) {
	t.Parallel()
	body := func(lines int) string { return "{\n" + strings.Repeat("\n", lines-2) + "}\n" }
	run(t, checkLengths, []planted{
		{"at the limits", one("internal/store/a.go",
			"package store\n// Doc\n// is not counted.\nfunc a() "+body(functionLines)+strings.Repeat("//\n", fileLines-functionLines-3)), nil},
		{"a long function", one("internal/store/a.go", "package store\nfunc a() "+body(functionLines+1)),
			[]string{"internal/store/a.go:2: a has 71 lines, the limit is 70"}},
		{"a long function value", one("internal/store/a.go", "package store\nvar a = func() "+body(functionLines+1)),
			[]string{"a function value has 71 lines"}},
		{"a long file", one("internal/store/a.go", "package store\n"+strings.Repeat("//\n", fileLines)),
			[]string{"internal/store/a.go: 501 lines"}},
		{"a long test", one("internal/store/a_test.go", "package store\nfunc a() "+body(400)), nil},
		{"a long test file", one("internal/store/a_test.go", "package store\n"+strings.Repeat("//\n", fileLines)),
			[]string{"501 lines"}},
		{"generated", one("gen/query/a.go", "package query\nfunc a() "+body(1000)), nil},
	})
}

func TestLayout(t *testing.T) {
	t.Parallel()
	project := func(change func(map[string]string)) map[string]string {
		files := map[string]string{
			"openapi/a.yaml": "", "gen/a": "", "db/a": "", "cmd/a": "", "sqlc.yaml": "", "Makefile": "", "go.mod": "",
			"go.sum": "", "README.md": "", ".ci/run": "", "internal/store/doc.go": "// Package store is here.\npackage store",
			"internal/store/a.go": "package store",
		}
		change(files)
		return files
	}
	run(t, checkLayout, []planted{
		{"the card", project(func(map[string]string) {}), nil},
		{"something more", project(func(f map[string]string) { f["tools/go.mod"] = "" }),
			[]string{"tools: is not on the design card"}},
		{"something less", project(func(f map[string]string) { delete(f, "README.md") }),
			[]string{"README.md: is on the design card and missing"}},
		{"no doc.go", project(func(f map[string]string) { delete(f, "internal/store/doc.go") }),
			[]string{`internal/store: has no doc.go that begins "Package store"`}},
		{"an empty doc.go", project(func(f map[string]string) { f["internal/store/doc.go"] = "package store" }),
			[]string{"internal/store: has no doc.go"}},
		{"a second package comment", project(func(f map[string]string) {
			f["internal/store/a.go"] = "// Package store again.\npackage store"
		}), []string{"internal/store/a.go: the package comment belongs in doc.go"}},
	})
}

func TestSkips(t *testing.T) {
	t.Parallel()
	const skipping = "package store\nfunc TestA(t *testing.T) {\n\tt.Skipf(\"later\")\n}"
	run(t, checkSkips, []planted{
		{"a skip", one("internal/store/a_test.go", skipping),
			[]string{"internal/store/a_test.go:3: Skipf is not for us"}},
		{"a skip for all", one("internal/apptest/a.go", skipping), []string{"Skipf"}},
		{"no test", one("internal/store/a.go", skipping), nil},
	})
}
