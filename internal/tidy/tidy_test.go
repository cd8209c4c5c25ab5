package tidy

import (
	"io/fs"
	"os"
	"os/exec"
	"path"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// TestHouse holds the project to the rules of the house.
func TestHouse(t *testing.T) {
	t.Parallel()
	const root = "../.."
	project, err := load(os.DirFS(root))
	if err != nil {
		t.Fatal(err)
	}
	if tracked := trackedNames(root); tracked != nil {
		project.top = tracked // scratch files of a developer are nobody's concern
	}
	for _, r := range rules {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			for _, p := range r.check(project) {
				t.Error(p)
			}
		})
	}
}

// trackedNames are the top-level names that git knows, nil outside a clone.
func trackedNames(root string) []string {
	list, err := exec.Command("git", "-C", root, "ls-files").Output()
	if err != nil || len(list) == 0 {
		return nil
	}
	var names []string
	for _, file := range strings.Split(strings.TrimSpace(string(list)), "\n") {
		top, _, _ := strings.Cut(strings.Trim(file, `"`), "/")
		if _, err := os.Stat(path.Join(root, top)); err == nil {
			names = append(names, top)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// planted is a small project with a violation in it, or none.
type planted struct {
	name  string
	files map[string]string
	want  []string // a part of each problem, in order; none for a clean project
}

// run checks that the rule finds what was planted, and nothing else.
func run(t *testing.T, check func(*tree) []problem, cases []planted) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got := check(plant(t, c.files))
			for i, p := range got {
				if i >= len(c.want) || !strings.Contains(p.String(), c.want[i]) {
					t.Errorf("unexpected: %s", p)
				}
			}
			if len(got) < len(c.want) {
				t.Errorf("not found: %q", c.want[len(got):])
			}
		})
	}
}

func plant(t *testing.T, files map[string]string) *tree {
	t.Helper()
	m := fstest.MapFS{}
	for name, text := range files {
		m[name] = &fstest.MapFile{Data: []byte(text), Mode: fs.FileMode(0o644)}
	}
	project, err := load(m)
	if err != nil {
		t.Fatal(err)
	}
	return project
}

// one is a project of one file.
func one(name, text string) map[string]string { return map[string]string{name: text} }
