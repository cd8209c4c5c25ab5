package tidy

import "go/ast"

// checkSkips refuses Skip, Skipf and SkipNow in tests: a test that cannot run
// is a problem to solve, not to pass over.
func checkSkips(t *tree) []problem {
	var found []problem
	for _, f := range t.gos {
		if !f.test() && short(f.dir()) != "apptest" {
			continue
		}
		ast.Inspect(f.File, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			if method, ok := call.Fun.(*ast.SelectorExpr); ok && lists("Skip Skipf SkipNow", method.Sel.Name) {
				found = append(found, problem{t.at(call),
					method.Sel.Name + " is not for us: provide what the test lacks (make deps), or delete the test"})
			}
			return true
		})
	}
	return found
}
