package tidy

import (
	"fmt"
	"go/ast"
)

const (
	functionLines = 70  // one screen
	fileLines     = 500 // one subject
)

// checkLengths measures hand-written Go. A test's function may be one long
// table, so tests are held to the file's limit alone.
func checkLengths(t *tree) []problem {
	var found []problem
	for _, f := range t.gos {
		if f.generated() {
			continue
		}
		if f.lines > fileLines {
			found = append(found, problem{f.path, fmt.Sprintf(
				"%d lines, the limit is %d: split it where its functions stop calling each other", f.lines, fileLines)})
		}
		if !f.test() {
			found = append(found, t.longFunctions(f)...)
		}
	}
	return found
}

func (t *tree) longFunctions(f goFile) []problem {
	var found []problem
	ast.Inspect(f.File, func(n ast.Node) bool {
		name := ""
		switch fn := n.(type) {
		case *ast.FuncDecl:
			name = fn.Name.Name
		case *ast.FuncLit:
			name = "a function value"
		default:
			return true
		}
		lines := t.pos.Position(n.End()).Line - t.pos.Position(n.Pos()).Line + 1
		if lines > functionLines {
			found = append(found, problem{t.at(n), fmt.Sprintf(
				"%s has %d lines, the limit is %d: give a part of it a name", name, lines, functionLines)})
		}
		return false // what is inside is counted already
	})
	return found
}
