package tidy

import (
	"fmt"
	"regexp"
	"strings"
)

// query is one query of db/queries, from its name line to the next.
type query struct {
	name  string
	where string
	head  int      // how many of the notes stand between the name and the SQL
	notes []string // its comments
	nodes []node   // the SQL without comments
}

var (
	nameLine = regexp.MustCompile(`^name:\s*(\S+)\s+:[a-z]+\s*$`)
	nounVerb = regexp.MustCompile(`[A-Z][a-z0-9]*`)
)

// verbs are what queries do. A query's name is its noun, then one of these,
// then whatever tells it from its siblings: AccountGetForUpdate. Add the verb
// that is missing; keep to one word for one thing.
const verbs = "Get List Find Count Sum Exists Insert Upsert Update Delete Lock Claim Take Give Add Set Move " +
	"Mark Open Close Release Expire Mature Cancel Seal Verify Purge Copy Rank Scan Touch Revoke Rotate Enable Disable"

// impure are functions whose answer nobody passed in: one instant per
// transaction, and ids from the process.
const impure = "now current_timestamp current_date current_time localtime localtimestamp clock_timestamp " +
	"statement_timestamp transaction_timestamp timeofday random gen_random_uuid nextval"

func checkQueries(t *tree) []problem {
	var found []problem
	seen := map[string]string{}
	for _, f := range t.glob("db/queries/*.sql") {
		queries, strays := readQueries(f)
		found = append(found, strays...)
		for _, q := range queries {
			if first := seen[q.name]; first != "" {
				found = append(found, problem{q.where, q.name + " stands already at " + first})
			}
			seen[q.name] = q.where
			for _, says := range []string{checkName(q), checkSentence(q), checkLockName(q), checkPure(q)} {
				if says != "" {
					found = append(found, problem{q.where, q.name + " " + says})
				}
			}
		}
	}
	return found
}

// readQueries cuts a file at its name lines, as sqlc does.
func readQueries(f textFile) (queries []*query, strays []problem) {
	var now *query
	for _, n := range parse(f.text) {
		if m := nameLine.FindStringSubmatch(n.text); n.kind == comment && m != nil {
			now = &query{name: m[1], where: f.at(n.line)}
			queries = append(queries, now)
			continue
		}
		switch {
		case now == nil && n.kind != comment:
			return queries, []problem{{f.at(n.line), "SQL before the first -- name: line"}}
		case now == nil:
		case n.kind == comment:
			now.notes = append(now.notes, n.text)
		default:
			if len(now.nodes) == 0 {
				now.head = len(now.notes)
			}
			each([]node{n}, func(x node) {
				if x.kind == comment {
					now.notes = append(now.notes, x.text)
				}
			})
			now.nodes = append(now.nodes, bare([]node{n})...)
		}
	}
	return queries, nil
}

func checkName(q *query) string {
	words := nounVerb.FindAllString(q.name, -1)
	if len(words) < 2 || strings.Join(words, "") != q.name {
		return "is not a noun and a verb, such as AccountGet"
	}
	if lists(verbs, words[0]) {
		return "begins with a verb: begin with the noun, such as AccountGet"
	}
	for _, w := range words[1:] {
		if lists(verbs, w) {
			return ""
		}
	}
	return "has no verb that internal/tidy/queries.go knows: use one of them, or add it to verbs there"
}

func checkSentence(q *query) string {
	for _, note := range q.notes[:q.head] {
		if len(strings.Fields(strings.TrimPrefix(note, crossTenant))) >= 2 {
			return ""
		}
	}
	return "has no sentence under its name: say what it gives, by which index, and what a cursor means"
}

// checkLockName looks at locks that outlive the statement because it returns
// the locked rows; one inside a subquery is part of how that works.
func checkLockName(q *query) string {
	for i, n := range q.nodes {
		if n.is("for") && nth(q.nodes, i+1).is("update", "no", "share", "key") &&
			!strings.Contains(q.name, "For") && !strings.Contains(q.name, "Lock") {
			return "takes a row lock that its name does not tell: end it in ForUpdate, ForShare …"
		}
	}
	return ""
}

func checkPure(q *query) string {
	found := ""
	each(q.nodes, func(n node) {
		if n.kind == word && lists(impure, n.text) {
			found = fmt.Sprintf("uses %s: pass the transaction's one instant, or the value, as a parameter", n.text)
		}
	})
	return found
}
