package tidy

import (
	"fmt"
	"go/ast"
	"path"
	"strconv"
	"strings"
)

// ambient lists what a function can reach for without being given it. Only the
// packages that build the server, and tests, may: all others get an instant, an
// io.Reader or a setting passed in, so that a test can choose it. An empty list
// means the whole package.
var ambient = map[string]string{
	"time":                   "Now Since Until",
	"os":                     "Getenv LookupEnv Environ ExpandEnv Setenv Unsetenv",
	"math/rand":              "",
	"math/rand/v2":           "",
	"crypto/rand":            "",
	"github.com/google/uuid": "New NewString NewRandom NewUUID NewV6 NewV7",
}

const ambientMay = "cmd/incent app pg pglocal bench crash apptest"

func checkAmbient(t *tree) []problem {
	var found []problem
	for _, f := range t.gos {
		if f.test() || f.generated() || lists(ambientMay, short(f.dir())) {
			continue
		}
		for _, spec := range f.Imports {
			imported, _ := strconv.Unquote(spec.Path.Value)
			names, watched := ambient[imported]
			if !watched {
				continue
			}
			name := strings.TrimSuffix(imported, "/v2")
			name = path.Base(name)
			if spec.Name != nil {
				name = spec.Name.Name
			}
			if names == "" || name == "." {
				found = append(found, problem{t.at(spec), fmt.Sprintf(
					"%s may not import %s: have what it gives passed in by app", short(f.dir()), imported)})
				continue
			}
			found = append(found, t.uses(f, name, names)...)
		}
	}
	return found
}

// uses finds every mention of the names in an imported package, called or not.
func (t *tree) uses(f goFile, pkg, names string) []problem {
	var found []problem
	ast.Inspect(f.File, func(n ast.Node) bool {
		selector, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		if x, ok := selector.X.(*ast.Ident); ok && x.Name == pkg && lists(names, selector.Sel.Name) {
			found = append(found, problem{t.at(selector), fmt.Sprintf(
				"%s may not use %s.%s: have the value passed in by app", short(f.dir()), pkg, selector.Sel.Name)})
		}
		return true
	})
	return found
}
