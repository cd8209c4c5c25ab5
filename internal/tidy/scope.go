package tidy

import (
	"fmt"
	"strings"
)

const crossTenant = "cross-tenant:"

// checkScope proves of every query that each table with a tenant_id in it is
// held to the caller's tenant. In each SELECT, UPDATE and DELETE, sub-selects
// too, every such table must be tied, by an equation of tenant_id in WHERE, ON or
// USING that no OR can undo, to
//
//   - the parameter @tenant_id (or the list @tenant_ids), or
//   - the tenant_id of what is tied itself: another table of the same FROM, a
//     CTE, an unnest of parameters, or the row around a correlated sub-select.
//
// An INSERT must list tenant_id among its columns. A query that means to cross
// tenants, such as a sweep, says `-- cross-tenant: why` under its name.
func checkScope(t *tree) []problem {
	tenants := map[string]bool{}
	for _, table := range readSchema(t) {
		tenants[table.name] = table.tenant() && table.exempt == ""
	}
	var found []problem
	for _, f := range t.glob("db/queries/*.sql") {
		queries, _ := readQueries(f) // checkQueries reports strays
		for _, q := range queries {
			if says := scopeOf(q, tenants); says != "" {
				found = append(found, problem{q.where, q.name + " " + says})
			}
		}
	}
	return found
}

func scopeOf(q *query, tenants map[string]bool) string {
	s := &scope{tables: tenants, ctes: map[string]bool{}}
	s.commonTables(q.nodes)
	loose := s.level(q.nodes)
	why, declared := "", false
	for _, note := range q.notes {
		if w, ok := strings.CutPrefix(note, crossTenant); ok {
			why, declared = strings.TrimSpace(w), true
		}
	}
	switch {
	case declared && why == "":
		return "crosses tenants without saying why: -- cross-tenant: why"
	case declared && len(loose) == 0:
		return "is declared cross-tenant and is not: delete the comment"
	case !declared && len(loose) > 0:
		return fmt.Sprintf("does not hold %s to one tenant: add tenant_id = @tenant_id, "+
			"or say -- cross-tenant: why", strings.Join(loose, ", "))
	}
	return ""
}

// commonTables are the query's CTEs, and whether each can only yield tenants
// that it was given. A CTE named like a table stays the table to us.
func (s *scope) commonTables(nodes []node) {
	for i, n := range nodes {
		s.commonTables(n.kids)
		body := nth(nodes, i+1)
		for j := i + 1; nth(nodes, j).is("not", "materialized"); j++ {
			body = nth(nodes, j+1)
		}
		if !n.is("as") || !selects(body) {
			continue
		}
		name := nth(nodes, i-1)
		if name.kind == group { // name (columns) AS (…)
			name = nth(nodes, i-2)
		}
		s.ctes[name.text] = true // while it is read: it may be recursive
		s.ctes[name.text] = s.bounded(body.kids)
	}
}

// bounded tells of a sub-select whether it can only yield tenants it was given:
// it reads parameters, or tables that are checked for themselves.
func (s *scope) bounded(nodes []node) bool {
	f := &from{scope: s, merge: map[string]string{}}
	f.read(nodes)
	for _, source := range f.sources {
		if !source.tenant && !source.given {
			return false
		}
	}
	return true
}

// selects tells whether a group holds a statement of its own.
func selects(n node) bool {
	first := nth(n.kids, 0)
	return n.kind == group && (first.is("select", "with", "insert", "update", "delete", "values") || selects(first))
}

// scope checks one query.
type scope struct {
	tables map[string]bool // those whose rows belong to tenants
	ctes   map[string]bool // those that are bounded
}

// level checks the statement in a list of nodes, and those within it. It
// returns the names of the tables that are not held to a tenant.
func (s *scope) level(nodes []node) []string {
	var loose []string
	for _, part := range split(nodes, ";", "union", "intersect", "except") {
		loose = append(loose, s.part(part)...)
	}
	each(nodes, func(n node) {
		// A statement within a statement is a level of its own; one within
		// that is found by the same walk.
		if selects(n) {
			for _, part := range split(n.kids, "union", "intersect", "except") {
				loose = append(loose, s.part(part)...)
			}
		}
	})
	return loose
}

// part checks one SELECT, INSERT, UPDATE or DELETE, without its sub-selects.
func (s *scope) part(nodes []node) []string {
	for nth(nodes, 0).is("all", "distinct") { // of UNION ALL
		nodes = nodes[1:]
	}
	if len(nodes) == 0 || nodes[0].kind == group {
		return nil
	}
	if !nodes[0].is("select", "with", "insert", "update", "delete", "values") {
		return s.unknown(nodes)
	}
	f := &from{scope: s, merge: map[string]string{}}
	f.read(nodes)
	return f.untied()
}

// unknown refuses a statement that this lint cannot read, if a table of tenants
// is named in it.
func (s *scope) unknown(nodes []node) []string {
	var loose []string
	each(nodes, func(n node) {
		if n.kind == word && s.tables[n.text] {
			loose = append(loose, n.text)
		}
	})
	return loose
}
