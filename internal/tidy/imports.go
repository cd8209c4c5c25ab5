package tidy

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

const module = "github.com/incent-dev/incent"

// Groups of the table below. Within a group nobody imports a sibling unless its
// own line says so.
const (
	facades = " incenta incentable management "
	domains = " referral incentive leaderboard store person webhook "
	books   = " ledger tenant event "
	data    = " pg gen/query once batch memo fault id "
)

// may is the import table: for each package, the packages of this module that it
// may import. `internal/` is left out of names. Edges go down only; to add one,
// add it here, and say in the package's doc.go what it is for.
var may = map[string]string{
	"cmd/incent": "app bench crash store" + books + data,

	"bench":   "app ledger store referral incentive leaderboard webhook tenant event pglocal" + data, // as its operator: through the domains, and with the product's own audit
	"crash":   "app apptest ledger tenant store referral incentive leaderboard webhook fraud pglocal" + data,
	"apptest": "app limit incenta referral incentive leaderboard store webhook pgtest contract wire pglocal db gen/incenta gen/incentable gen/management" + books + data,

	"app": "job dashboard httpapi limit contract wire pglocal" + facades + domains + books + data,

	"incenta":    "httpapi contract wire once gen/incenta fault id" + domains + books,
	"incentable": "httpapi contract wire once gen/incentable fault id" + domains + books,
	"management": "job httpapi contract wire once fraud gen/management fault id" + domains + books,
	"dashboard":  "httpapi fault id" + domains + books,
	"httpapi":    "contract wire limit tenant once pg fault id",

	"referral":    "incentive store fraud wire" + books + data, // wire: for the data of events
	"incentive":   "store leaderboard wire" + books + data,
	"leaderboard": books + data,
	"person":      "referral fraud" + books + data, // everybody's tables
	"store":       "wire" + books + data,
	"webhook":     "wire" + books + data,

	"limit":  "tenant event" + data,
	"ledger": "tenant event" + data,
	"tenant": "event" + data,
	"event":  data,

	"job":    "pg gen/query fault", // what is due, and what to do, is passed in
	"once":   "pg gen/query batch fault id",
	"batch":  "fault",
	"memo":   "", // pure
	"pgtest": "tenant pglocal pg",

	"pg":      "gen/query db fault id",
	"pglocal": "fault",

	"contract": "fault",
	"fraud":    "fault", // pure: facts in, verdict out
	"fault":    "",
	"id":       "",
	"wire":     "",
	"tidy":     "",
	"db":       "",

	"gen/query":      "",
	"gen/incenta":    "gen/shared wire",
	"gen/incentable": "gen/shared wire",
	"gen/management": "gen/shared wire",
	"gen/shared":     "wire",
	"gen/sdk/go":     "",
}

// testsMay is what every package's tests may import besides: the database, the
// whole server, and what an assertion looks at.
const testsMay = "apptest pgtest contract db pglocal" + books + data

// libraries says who alone may import a library that shapes all code it touches.
var libraries = map[string]string{
	"github.com/labstack/echo":          "httpapi dashboard app apptest gen/incenta gen/incentable gen/management gen/shared" + facades,
	"github.com/jackc/pgx":              "pglocal pgtest app apptest bench crash" + domains + books + data,
	"github.com/golang-migrate/migrate": "pg",
	"github.com/spf13/cobra":            "cmd/incent",
	"github.com/caarlos0/env":           "app",
}

func checkImports(t *tree) []problem {
	var found []problem
	for _, f := range t.gos {
		from := short(f.dir())
		allowed, known := may[from]
		if !known {
			found = append(found, problem{f.path, fmt.Sprintf(
				"package %s is not in the import table: add a line for it to may in internal/tidy/imports.go", from)})
			continue
		}
		if f.test() {
			allowed += " " + testsMay
		}
		for _, spec := range f.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				continue // the parser refuses it before we do
			}
			if says := refuse(from, imported, allowed, f.test()); says != "" {
				found = append(found, problem{t.at(spec), says})
			}
		}
	}
	return found
}

// refuse tells why from may not import a path, or nothing.
func refuse(from, imported, allowed string, test bool) string {
	if inside, ok := strings.CutPrefix(imported, module+"/"); ok {
		to := short(inside)
		if to == from || lists(allowed, to) {
			return ""
		}
		return fmt.Sprintf("%s may not import %s: move the code to where both may reach it, pass the value in, "+
			"or, if the edge goes down, add it to may in internal/tidy/imports.go", from, to)
	}
	for library, users := range libraries {
		if !test && (imported == library || strings.HasPrefix(imported, library+"/")) && !lists(users, from) {
			return fmt.Sprintf("%s may not import %s, which is for%s only: ask one of them for what is needed",
				from, library, " "+strings.Join(strings.Fields(users), ", "))
		}
	}
	return ""
}

// short is the name of a package's folder as the tables write it.
func short(dir string) string { return strings.TrimPrefix(dir, "internal/") }

func lists(names, name string) bool { return slices.Contains(strings.Fields(names), name) }
