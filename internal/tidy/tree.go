package tidy

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"strings"
)

// tree is the project as the rules read it.
type tree struct {
	fsys fs.FS
	top  []string // names at the top level
	gos  []goFile // hand-written and generated, sorted by path
	pos  *token.FileSet
}

// goFile is one parsed Go file; path is relative to the project's root.
type goFile struct {
	path  string
	lines int
	*ast.File
}

func (f goFile) dir() string     { return path.Dir(f.path) }
func (f goFile) test() bool      { return strings.HasSuffix(f.path, "_test.go") }
func (f goFile) generated() bool { return strings.HasPrefix(f.path, "gen/") }

// problem is one thing to mend. The sentence says how.
type problem struct {
	where string // path, or path:line
	says  string
}

func (p problem) String() string { return p.where + ": " + p.says }

// rule is one rule of the house.
type rule struct {
	name  string
	check func(*tree) []problem
}

var rules = []rule{
	{"imports", checkImports},
	{"ambient", checkAmbient},
	{"lengths", checkLengths},
	{"layout", checkLayout},
	{"skips", checkSkips},
	{"migrations", checkMigrations},
	{"queries", checkQueries},
	{"scope", checkScope},
}

// load reads a project. Folders of other modules, of test data and those that
// begin with a dot are not part of it.
func load(fsys fs.FS) (*tree, error) {
	t := &tree{fsys: fsys, pos: token.NewFileSet()}
	entries, err := fs.ReadDir(fsys, ".")
	if err != nil {
		return nil, fmt.Errorf("read the top level: %w", err)
	}
	for _, e := range entries {
		t.top = append(t.top, e.Name())
	}
	err = fs.WalkDir(fsys, ".", func(p string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && p != "." && t.foreign(p):
			return fs.SkipDir
		case d.IsDir() || path.Ext(p) != ".go":
			return nil
		}
		return t.add(p)
	})
	if err != nil {
		return nil, fmt.Errorf("read the tree: %w", err)
	}
	return t, nil
}

func (t *tree) foreign(dir string) bool {
	name := path.Base(dir)
	if name[0] == '.' || name == "testdata" || name == "node_modules" {
		return true
	}
	_, err := fs.Stat(t.fsys, dir+"/go.mod")
	return err == nil
}

func (t *tree) add(p string) error {
	source, err := fs.ReadFile(t.fsys, p)
	if err != nil {
		return err
	}
	f, err := parser.ParseFile(t.pos, p, source, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	lines := strings.Count(strings.TrimSuffix(string(source), "\n"), "\n") + 1
	t.gos = append(t.gos, goFile{path: p, lines: lines, File: f})
	return nil
}

// at names the line of a node.
func (t *tree) at(n ast.Node) string {
	p := t.pos.Position(n.Pos())
	return fmt.Sprintf("%s:%d", p.Filename, p.Line)
}

// glob reads the files that match, in order of name.
func (t *tree) glob(pattern string) []textFile {
	names, err := fs.Glob(t.fsys, pattern)
	if err != nil {
		panic(err) // the pattern is a constant of ours
	}
	var files []textFile
	for _, name := range names {
		text, err := fs.ReadFile(t.fsys, name)
		if err != nil {
			text = nil // vanished while we looked; the next run sees
		}
		files = append(files, textFile{name, string(text)})
	}
	return files
}

type textFile struct{ path, text string }

func (f textFile) at(line int) string { return fmt.Sprintf("%s:%d", f.path, line) }
