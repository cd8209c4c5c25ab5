package tidy

import (
	"fmt"
	"path"
	"regexp"
	"strconv"
)

var migrationName = regexp.MustCompile(`^([0-9]+)_([a-z0-9_]+)\.(up|down)\.sql$`)

// checkMigrations: up and down in pairs, numbered 1, 2, 3 …; none waits for a
// lock for ever; the tables they make are keyed by tenant and explained.
func checkMigrations(t *tree) []problem {
	var found []problem
	names := map[int]map[string]string{} // number → direction → name
	for _, f := range t.glob("db/migrations/*") {
		m := migrationName.FindStringSubmatch(path.Base(f.path))
		if m == nil {
			found = append(found, problem{f.path, "is not named 0001_what_it_does.up.sql or .down.sql"})
			continue
		}
		number, _ := strconv.Atoi(m[1])
		if names[number] == nil {
			names[number] = map[string]string{}
		}
		if names[number][m[3]] != "" {
			found = append(found, problem{f.path, fmt.Sprintf("number %d is taken: give it the next one", number)})
		}
		names[number][m[3]] = m[2]
		found = append(found, checkLocks(f)...)
	}
	for number := 1; len(names) > 0; number++ {
		pair, ok := names[number]
		delete(names, number)
		where := fmt.Sprintf("db/migrations number %d", number)
		if !ok {
			found = append(found, problem{where, "is missing: migrations are numbered from 1 without a gap"})
			break // what comes behind the gap moves when it is closed
		}
		if pair["up"] != pair["down"] {
			found = append(found, problem{where, "needs an .up.sql and a .down.sql of the same name"})
		}
	}
	return append(found, checkTables(readSchema(t))...)
}

// checkLocks wants SET lock_timeout first, so that a migration that meets a
// long transaction fails instead of stopping all traffic behind it. CREATE
// INDEX CONCURRENTLY must be alone in its file, and waits without blocking.
func checkLocks(f textFile) []problem {
	limited, concurrent, count := false, false, 0
	for _, s := range statements(parse(f.text)) {
		s = bare(s)
		if len(s) == 0 {
			continue
		}
		count++
		concurrent = concurrent || has(s, "concurrently")
		limited = limited || count == 1 && s[0].is("set") && has(s, "lock_timeout")
	}
	switch {
	case concurrent && count > 1:
		return []problem{{f.path, "CONCURRENTLY runs outside a transaction: leave it alone in its file"}}
	case !concurrent && !limited:
		return []problem{{f.path, "does not begin with SET LOCAL lock_timeout = '5s'"}}
	}
	return nil
}

func checkTables(tables []*table) []problem {
	var found []problem
	exempt := map[string]bool{}
	for _, t := range tables {
		exempt[t.name] = t.exempt != ""
	}
	for _, t := range tables {
		if t.partition {
			continue
		}
		for _, c := range t.columns {
			if !c.explained {
				found = append(found, problem{c.where, fmt.Sprintf(
					"column %s.%s is not explained: say its meaning and unit in a -- comment beside or above it", t.name, c.name)})
			}
		}
		if t.exempt != "" {
			continue
		}
		if len(t.primary) == 0 || t.primary[0] != "tenant_id" {
			found = append(found, problem{t.where, fmt.Sprintf(
				"the primary key of %s does not begin with tenant_id: begin it so, or say -- %s why", t.name, exemption)})
		}
		for _, k := range t.foreign {
			if k.first != "tenant_id" && !exempt[k.target] {
				found = append(found, problem{k.where, fmt.Sprintf(
					"a foreign key of %s to %s does not begin with tenant_id: without it a row can point into another tenant", t.name, k.target)})
			}
		}
	}
	return found
}
