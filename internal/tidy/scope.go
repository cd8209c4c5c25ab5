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
	loose := (&scope{tables: tenants, ctes: commonNames(q.nodes)}).level(q.nodes)
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

// commonNames are the names of the query's CTEs, which hide tables.
func commonNames(nodes []node) map[string]bool {
	names := map[string]bool{}
	var walk func([]node)
	walk = func(list []node) {
		for i, n := range list {
			walk(n.kids)
			if !n.is("as") || !selects(nth(list, i+1)) && !has(list[i+1:min(i+3, len(list))], "materialized") {
				continue
			}
			name := nth(list, i-1)
			if name.kind == group { // name (columns) AS (…)
				name = nth(list, i-2)
			}
			names[name.text] = true
		}
	}
	walk(nodes)
	return names
}

// selects tells whether a group holds a statement of its own.
func selects(n node) bool {
	first := nth(n.kids, 0)
	return n.kind == group && (first.is("select", "with", "insert", "update", "delete", "values") || selects(first))
}

// scope checks one query; what it knows of the schema and the query's CTEs.
type scope struct {
	tables map[string]bool
	ctes   map[string]bool
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
