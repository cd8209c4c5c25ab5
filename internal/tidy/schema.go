package tidy

import (
	"strings"
)

// table is what the up migrations say of one table, all of them together.
type table struct {
	name      string
	where     string
	columns   []column
	primary   []string
	foreign   []foreignKey
	partition bool   // of another table, whose columns and keys it has
	exempt    string // why it is not tenant data
}

type column struct {
	name, where string
	explained   bool
}

type foreignKey struct {
	where, first, target string // its first column, and the table it points to
}

// tenant tells whether rows of the table belong to a tenant.
func (t *table) tenant() bool {
	for _, c := range t.columns {
		if c.name == "tenant_id" {
			return true
		}
	}
	return false
}

const exemption = "not tenant data:"

// readSchema collects the tables of the up migrations, in order of creation.
// It follows CREATE TABLE and ALTER TABLE … ADD; what a migration drops or
// renames later stays listed under the name it was made with.
func readSchema(t *tree) []*table {
	var tables []*table
	byName := map[string]*table{}
	for _, f := range t.glob("db/migrations/*.up.sql") {
		for _, statement := range statements(parse(f.text)) {
			s := &definition{file: f, notes: notesOf(statement)}
			made, parent := s.create(bare(statement))
			if made != nil {
				if p := byName[parent]; p != nil {
					made.columns, made.exempt = p.columns, p.exempt
				}
				tables = append(tables, made)
				byName[made.name] = made
			}
			if name, actions := altered(bare(statement)); byName[name] != nil {
				for _, a := range actions {
					s.item(byName[name], a)
				}
			}
		}
	}
	return tables
}

// statements cuts at semicolons. A comment behind the semicolon, on its line,
// belongs to what it ends.
func statements(nodes []node) [][]node {
	var all [][]node
	var now []node
	last := 0
	for _, n := range nodes {
		switch {
		case n.is(";"):
			all, now, last = append(all, now), nil, n.line
		case n.kind == comment && n.line == last && len(now) == 0:
			all[len(all)-1] = append(all[len(all)-1], n)
		default:
			now = append(now, n)
		}
	}
	if len(now) > 0 {
		all = append(all, now)
	}
	return all
}

// definition reads one CREATE or ALTER TABLE.
type definition struct {
	file  textFile
	notes notes
}

// notes are a statement's comments: those that stand on a line of code, and
// those with a line of their own.
type notes struct {
	beside, alone map[int]bool
	texts         []string
}

func notesOf(statement []node) notes {
	n := notes{map[int]bool{}, map[int]bool{}, nil}
	coded := map[int]bool{}
	each(statement, func(x node) {
		switch {
		case x.kind == comment && coded[x.line]:
			n.beside[x.line] = true
		case x.kind == comment:
			n.alone[x.end] = true
		default:
			coded[x.line] = true
			if x.kind == group {
				return
			}
			coded[x.end] = true
		}
		if x.kind == comment {
			n.texts = append(n.texts, x.text)
		}
	})
	return n
}

// after is what a note says behind a marker, empty without one.
func (n notes) after(marker string) string {
	for _, text := range n.texts {
		if _, why, ok := strings.Cut(text, marker); ok {
			return strings.TrimSpace(why)
		}
	}
	return ""
}

// create reads CREATE TABLE; parent is set for a partition.
func (s *definition) create(statement []node) (made *table, parent string) {
	i := 1
	for nth(statement, i).is("unlogged", "temporary", "temp", "global", "local") {
		i++
	}
	if !nth(statement, 0).is("create") || !nth(statement, i).is("table") {
		return nil, ""
	}
	name, rest := tableName(statement[i+1:])
	made = &table{name: name, where: s.file.at(statement[0].line), exempt: s.notes.after(exemption)}
	if nth(rest, 0).is("partition") && nth(rest, 1).is("of") {
		parent, _ = tableName(rest[2:])
		made.partition = true
		return made, parent
	}
	if body := nth(rest, 0); body.kind == group {
		for _, item := range split(body.kids, ",") {
			s.item(made, item)
		}
	}
	return made, ""
}

// altered reads what ALTER TABLE adds, as items of a CREATE TABLE.
func altered(statement []node) (name string, items [][]node) {
	if !nth(statement, 0).is("alter") || !nth(statement, 1).is("table") {
		return "", nil
	}
	name, rest := tableName(statement[2:])
	for _, action := range split(rest, ",") {
		if !nth(action, 0).is("add") {
			continue
		}
		action = action[1:]
		for nth(action, 0).is("column", "if", "not", "exists") {
			action = action[1:]
		}
		items = append(items, action)
	}
	return name, items
}

// tableName reads a name, with or without its schema, behind IF NOT EXISTS.
func tableName(nodes []node) (string, []node) {
	for nth(nodes, 0).is("if", "not", "exists", "only") {
		nodes = nodes[1:]
	}
	if nth(nodes, 1).is(".") {
		nodes = nodes[2:]
	}
	if len(nodes) == 0 {
		return "", nil
	}
	return nodes[0].text, nodes[1:]
}

// item reads one column or one constraint.
func (s *definition) item(t *table, item []node) {
	if len(item) == 0 {
		return
	}
	where := s.file.at(item[0].line)
	name := item[0].text
	constraint := item[0].is("constraint", "primary", "foreign", "unique", "check", "exclude", "like")
	if !constraint {
		t.columns = append(t.columns, column{name, where, s.explained(item)})
	}
	for i := range item {
		list := namesIn(nth(item, i+2))
		switch {
		case item[i].is("primary") && nth(item, i+1).is("key"):
			if !constraint {
				list = []string{name}
			}
			t.primary = list
		case item[i].is("references"):
			target, _ := tableName(item[i+1:])
			t.foreign = append(t.foreign, foreignKey{where, firstOf(item, name), target})
		}
	}
}

// firstOf is the first column of the foreign key in an item.
func firstOf(item []node, column string) string {
	for i := range item {
		if item[i].is("foreign") {
			return append(namesIn(nth(item, i+2)), "")[0]
		}
	}
	return column
}

func namesIn(g node) []string {
	var names []string
	for _, part := range split(g.kids, ",") {
		names = append(names, nth(part, 0).text)
	}
	return names
}

// explained: a comment beside one of the column's lines, or alone above it.
func (s *definition) explained(item []node) bool {
	first, last := item[0].line, item[len(item)-1].end
	for line := first; line <= last; line++ {
		if s.notes.beside[line] {
			return true
		}
	}
	return s.notes.alone[first-1]
}
