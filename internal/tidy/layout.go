package tidy

import (
	"fmt"
	"path"
	"strings"
)

// card is the top level of the project, dotfiles apart.
const card = "openapi gen internal db cmd sqlc.yaml Makefile go.mod go.sum README.md"

func checkLayout(t *tree) []problem {
	var found []problem
	top := strings.Join(t.top, " ")
	for _, name := range t.top {
		if name[0] != '.' && !lists(card, name) {
			found = append(found, problem{name, "is not on the design card: the top level is " + card + " and dotfiles"})
		}
	}
	for _, name := range strings.Fields(card) {
		if !lists(top, name) {
			found = append(found, problem{name, "is on the design card and missing at the top level"})
		}
	}
	return append(found, checkOpenings(t)...)
}

// checkOpenings wants every internal package to open with a doc.go, and with
// no second package comment elsewhere.
func checkOpenings(t *tree) []problem {
	var found []problem
	opened := map[string]bool{}
	for _, f := range t.gos {
		if path.Base(f.path) == "doc.go" && f.Doc != nil &&
			strings.HasPrefix(f.Doc.Text(), "Package "+f.Name.Name+" ") {
			opened[f.dir()] = true
		}
	}
	asked := map[string]bool{}
	for _, f := range t.gos {
		dir := f.dir()
		if !strings.HasPrefix(dir, "internal/") {
			continue
		}
		if f.Doc != nil && path.Base(f.path) != "doc.go" {
			found = append(found, problem{f.path, "the package comment belongs in doc.go"})
		}
		if !opened[dir] && !asked[dir] {
			asked[dir] = true
			found = append(found, problem{dir, fmt.Sprintf(
				"has no doc.go that begins %q: write its nouns, its numbered invariants, and what it owns", "Package "+path.Base(dir))})
		}
	}
	return found
}
