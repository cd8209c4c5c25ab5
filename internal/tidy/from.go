package tidy

import "maps"

// from is what one statement reads and writes, and what ties it to a tenant:
// sets of sources whose tenant_id is known to be equal. The set named bound is
// that of the caller's tenant.
type from struct {
	*scope
	sources []source
	merge   map[string]string // source → another of its set
	outer   []outerJoin
	loose   []string
}

// outerJoin is a LEFT JOIN: its condition chooses rows of the table it joins,
// and leaves those before it as they are.
type outerJoin struct {
	alias     string
	condition []node
}

type source struct {
	alias  string
	table  string
	tenant bool // rows belong to tenants, so it must be tied
	given  bool // a function, or a bounded CTE or sub-select
}

const bound = "\x00bound"

func (f *from) root(alias string) string {
	for f.merge[alias] != "" {
		alias = f.merge[alias]
	}
	return alias
}

func (f *from) tie(a, b string) {
	if a, b = f.root(a), f.root(b); a != b {
		if a == bound {
			a, b = b, a
		}
		f.merge[a] = b
	}
}

// read collects the sources, which follow FROM, JOIN, UPDATE, USING and INTO,
// and ties what the conditions between and behind them equate.
func (f *from) read(nodes []node) {
	join := ""
	for i, n := range nodes {
		before, next := nth(nodes, i-1), nth(nodes, i+1)
		switch {
		case n.is("into"):
			f.insert(nodes[i+1:])
		case n.is("from") && !before.is("distinct"), n.is("using") && next.kind != group:
			f.items(nodes[i+1:])
		case n.is("update") && !before.is("for", "key", "do"):
			f.item(nodes[i+1:])
		case n.is("join"):
			if before.is("outer") {
				before = nth(nodes, i-2)
			}
			join = before.text
			f.item(nodes[i+1:])
		case n.is("using"):
			f.joined(join, f.merged(next))
		case n.is("on") && !next.is("conflict"):
			f.joined(join, clause(nodes[i+1:]))
		case n.is("where"):
			f.condition(clause(nodes[i+1:]))
		}
	}
}

// joined takes the condition of the last join. RIGHT and FULL keep rows that
// it does not hold for, so that it proves nothing.
func (f *from) joined(join string, condition []node) {
	switch {
	case join == "right" || join == "full" || len(f.sources) == 0:
	case join == "left":
		f.outer = append(f.outer, outerJoin{f.sources[len(f.sources)-1].alias, condition})
	default:
		f.condition(condition)
	}
}

// merged is what USING (tenant_id, …) means of tenant_id.
func (f *from) merged(columns node) []node {
	n := len(f.sources)
	if n < 2 || !has(columns.kids, "tenant_id") {
		return nil
	}
	a, b := f.sources[n-2].alias, f.sources[n-1].alias
	return bare(parse(a + ".tenant_id = " + b + ".tenant_id"))
}

// untied lists the tables that nothing ties to the caller's tenant.
func (f *from) untied() []string {
	for _, j := range f.outer {
		trial := &from{scope: f.scope, sources: f.sources, merge: maps.Clone(f.merge)}
		trial.condition(j.condition)
		if trial.root(j.alias) == bound {
			f.tie(j.alias, bound)
		}
	}
	for _, s := range f.sources {
		if s.tenant && f.root(s.alias) != bound {
			f.loose = append(f.loose, s.table)
		}
	}
	return f.loose
}

// insert wants tenant_id among the columns that INSERT fills.
func (f *from) insert(nodes []node) {
	name, rest := tableName(nodes)
	if nth(rest, 0).is("as") {
		rest = rest[2:]
	}
	if !f.tables[name] {
		return
	}
	if columns := nth(rest, 0); columns.kind != group || !has(columns.kids, "tenant_id") {
		f.loose = append(f.loose, name)
	}
}

// items reads a list of sources separated by commas, as far as it goes.
func (f *from) items(nodes []node) {
	for {
		n := f.item(nodes)
		if nodes = nodes[n:]; !nth(nodes, 0).is(",") {
			return
		}
		nodes = nodes[1:]
	}
}

// item reads one source and returns how many nodes it took.
func (f *from) item(nodes []node) int {
	i := 0
	for nth(nodes, i).is("only", "lateral") {
		i++
	}
	var s source
	switch n := nth(nodes, i); {
	case n.kind == group && !selects(n): // (a JOIN b ON …)
		f.read(append([]node{{kind: word, text: "from"}}, n.kids...))
		return i + 1
	case n.kind == group:
		s.given = f.bounded(n.kids)
		i++
	default:
		name, rest := tableName(nodes[i:])
		i = len(nodes) - len(rest)
		s = source{alias: name, table: name, tenant: f.tables[name], given: f.ctes[name] && !f.tables[name]}
		if nth(rest, 0).kind == group { // a function
			s.given, s.tenant = true, false
			i++
		}
	}
	for nth(nodes, i).is("with", "ordinality") {
		i++
	}
	if nth(nodes, i).is("as") {
		i++
	}
	if n := nth(nodes, i); n.kind == word && !n.is(notAliases...) {
		s.alias = n.text
		i++
	}
	if nth(nodes, i).kind == group && !nth(nodes, i-1).is("using") { // u(a, b)
		i++
	}
	f.sources = append(f.sources, s)
	if s.given {
		f.tie(s.alias, bound)
	}
	return i
}

var notAliases = []string{"where", "on", "using", "join", "left", "right", "full", "inner", "cross", "natural", "set",
	"group", "order", "having", "limit", "offset", "fetch", "for", "returning", "values", "select", "window", "tablesample"}

var clauses = []string{"where", "on", "join", "left", "right", "full", "inner", "cross", "natural", "using", "from", "set",
	"group", "order", "having", "limit", "offset", "fetch", "for", "returning", "window", "union", "do", ","}

// clause is the condition at the head of the nodes.
func clause(nodes []node) []node {
	for i, n := range nodes {
		call := nth(nodes, i+1).kind == group && n.is("left", "right")
		compare := n.is("from") && nth(nodes, i-1).is("distinct")
		if n.is(clauses...) && !call && !compare {
			return nodes[:i]
		}
	}
	return nodes
}

// condition ties what a condition equates whatever the rest of it says: not
// below OR, NOT or CASE.
func (f *from) condition(nodes []node) {
	if has(nodes, "or", "case") {
		return
	}
	for _, term := range split(nodes, "and") {
		f.term(term)
	}
}

func (f *from) term(term []node) {
	if inner := nth(term, 0); len(term) == 1 && inner.kind == group && !selects(inner) {
		f.condition(inner.kids)
		return
	}
	for i, n := range term {
		if n.is("=") || n.is("in") {
			f.equate(term[:i], term[i+1:])
		}
	}
}

// equate reads left = right, or left IN right; both may be rows.
func (f *from) equate(left, right []node) {
	lefts, rights := row(left), row(right)
	if len(lefts) > 1 && len(lefts) == len(rights) {
		for i := range lefts {
			f.equate(lefts[i], rights[i])
		}
		return
	}
	a, ok := f.side(left)
	if !ok && len(lefts) > 1 { // (tenant_id, id) IN (SELECT …) or = ANY (…)
		for _, one := range lefts {
			if a, ok = f.side(one); ok {
				break
			}
		}
	}
	b, tied := f.side(right)
	if ok && tied {
		f.tie(a, b)
	}
}

// row is the members of (a, b, …).
func row(nodes []node) [][]node {
	if len(nodes) == 1 && nodes[0].kind == group && !selects(nodes[0]) {
		return split(nodes[0].kids, ",")
	}
	return nil
}

// side names the source whose tenant_id stands on one side of an equation, or
// bound, where that side is the caller's tenant.
func (f *from) side(nodes []node) (string, bool) {
	for i, n := range nodes { // a cast says nothing of where a value is from
		if n.is("::") {
			nodes = nodes[:i]
			break
		}
	}
	if nth(nodes, 0).is("any") && len(nodes) == 2 {
		nodes = nodes[1:]
	}
	first := nth(nodes, 0)
	switch {
	case len(nodes) == 1 && first.kind == param && names(first):
		return bound, true
	case len(nodes) == 1 && first.is("tenant_id"):
		return f.unqualified(), true
	case len(nodes) == 3 && nodes[1].is(".") && nodes[2].is("tenant_id"):
		return f.qualified(first.text), true
	case len(nodes) == 4 && first.is("sqlc") && len(nodes[3].kids) == 1 && names(nodes[3].kids[0]):
		return bound, true
	case len(nodes) == 1 && selects(first):
		return bound, f.bounded(first.kids)
	case len(nodes) == 1 && first.kind == group:
		return f.side(first.kids)
	}
	return "", false
}

func names(n node) bool { return n.text == "tenant_id" || n.text == "tenant_ids" }

// unqualified is whose tenant_id is meant without a name before it: the only
// table that has one, or, under USING, all that share it.
func (f *from) unqualified() string {
	for _, s := range f.sources {
		if s.tenant {
			return s.alias
		}
	}
	return bound
}

// qualified: a name that is none of our sources is the row around a correlated
// sub-select, which is checked where it is read.
func (f *from) qualified(alias string) string {
	for _, s := range f.sources {
		if s.alias == alias {
			return alias
		}
	}
	return bound
}
