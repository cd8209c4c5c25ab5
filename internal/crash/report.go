package crash

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Report counts what Run did.
type Report struct {
	Seed   uint64
	Rounds int // finished

	// Kills by what died: "server", "servers" (both at once), "PostgreSQL",
	// "backend" (one process of PostgreSQL), "server and PostgreSQL"; "while
	// starting" are those once more, before they served again.
	Kills map[string]int

	// Kinds are the requests by what they ask for.
	Kinds map[string]Tally

	Requests     int // each with a key of its own; repetitions are not counted
	Acknowledged int // answered 2xx, at first or when repeated
	Refused      int // answered 4xx by a rule, likewise
	Resolved     int // outcome unknown at first, answered when repeated
	HadEffect    int // of those, how many had taken effect all the same
	AtOnce       int // sent twice at the same time
	Replayed     int // asked again after the round
	Unavailable  int // answers 503, which leave the outcome unknown
	Internal     int // answers 500, likewise: a database that dies is no reason for one

	Lost    int // acknowledged effects that are not in the books
	Doubled int // effects in the books that no answer accounts for
	Wrong   int // whatever else does not hold

	Elapsed time.Duration
}

// Tally counts the requests of one kind.
type Tally struct {
	Requests int
	Resolved int            // outcome unknown at first
	Outcomes map[string]int // by what was answered: a refusal's code, or what came of it
}

func (t Tally) String() string {
	outcomes := make([]string, 0, len(t.Outcomes))
	for _, name := range slices.Sorted(maps.Keys(t.Outcomes)) {
		outcomes = append(outcomes, fmt.Sprintf("%d %s", t.Outcomes[name], name))
	}
	return fmt.Sprintf("%d, %d of them unknown at first: %s", t.Requests, t.Resolved, strings.Join(outcomes, ", "))
}

// count adds a request to the tallies.
func count(kinds map[string]Tally, e *entry) {
	t := kinds[string(e.Op)]
	if t.Outcomes == nil {
		t.Outcomes = map[string]int{}
	}
	t.Requests++
	if e.unsure {
		t.Resolved++
	}
	switch {
	case e.answer == nil:
	case !e.answer.ok():
		t.Outcomes[errorCode(e.answer)]++
	case e.kind.outcome != nil:
		t.Outcomes[e.kind.outcome(e)]++
	default:
		t.Outcomes["done"]++
	}
	kinds[string(e.Op)] = t
}

func (r *Report) add(round *round, v verdict) {
	for _, k := range round.plan.kills {
		r.Kills[k.String()]++
		if k.stumbles() {
			r.Kills["while starting"]++
		}
	}
	for _, e := range round.journal.entries {
		r.Requests++
		count(r.Kinds, e)
		switch {
		case e.answer == nil:
		case e.answer.ok():
			r.Acknowledged++
		default:
			r.Refused++
		}
		if e.twin {
			r.AtOnce++
		}
		if e.unsure {
			r.Resolved++
		}
		if e.did {
			r.HadEffect++
		}
	}
	r.Replayed += v.replayed
	r.Unavailable += int(round.client.unavailable.Load())
	r.Internal += int(round.client.internal.Load())
	r.Lost += v.count(lost)
	r.Doubled += v.count(doubled)
	r.Wrong += v.count(wrong)
}

// String is the summary.
func (r Report) String() string {
	var b strings.Builder
	line := func(name string, value any) { fmt.Fprintf(&b, "  %-22s %v\n", name, value) }
	fmt.Fprintf(&b, "crash: seed %d, %.0f s\n", r.Seed, r.Elapsed.Seconds())
	line("rounds", r.Rounds)
	kills := 0
	for _, n := range r.Kills {
		kills += n
	}
	line("kills", kills)
	for _, name := range slices.Sorted(maps.Keys(r.Kills)) {
		line("  "+name, r.Kills[name])
	}
	line("requests", r.Requests)
	for _, k := range kinds {
		if t, asked := r.Kinds[string(k.op)]; asked {
			line("  "+string(k.op), t)
		}
	}
	line("acknowledged", r.Acknowledged)
	line("refused by a rule", r.Refused)
	line("unknown, then resolved", r.Resolved)
	line("  had taken effect", r.HadEffect)
	line("sent twice at once", r.AtOnce)
	line("replayed afterwards", r.Replayed)
	line("answers 503 / 500", fmt.Sprintf("%d / %d", r.Unavailable, r.Internal))
	line("lost", r.Lost)
	line("doubled", r.Doubled)
	line("wrong otherwise", r.Wrong)
	return b.String()
}
