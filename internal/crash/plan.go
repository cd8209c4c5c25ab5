package crash

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"
)

// plan is what a round's seed decides.
type plan struct {
	kills   []kill
	expires bool // the tenant's points expire, so that they lie in lots
}

// kill is one stroke against one or several processes.
type kill struct {
	after    time.Duration // of load, which has got going since the round began or the last restart
	servers  []int         // indexes of servers
	postgres bool
	backend  bool          // one process of PostgreSQL
	reversed bool          // PostgreSQL before the servers
	gap      time.Duration // between the strokes
	rest     time.Duration // before the restart
	await    bool          // restart only when the private PostgreSQL is gone
	stumble  time.Duration // after the restart the servers die once more; 0: they do not
}

const (
	// A round's load runs so long before a kill, at most, and so long at the end.
	longestWait = 1000 * time.Millisecond
	lastWords   = 150 * time.Millisecond

	longestGap  = 30 * time.Millisecond
	longestRest = 150 * time.Millisecond

	// A server starts, its PostgreSQL's recovery included, in about this time.
	longestStumble = 300 * time.Millisecond
)

// drawPlan makes the plan of a round. The first kinds of kill rotate with the
// rounds, so that a short run has seen them all.
func drawPlan(seed uint64, n int, s *site) plan {
	rng := rand.New(rand.NewPCG(seed, uint64(n)))
	p := plan{expires: rng.IntN(2) == 0}
	kills := 1
	if rng.IntN(3) == 0 {
		kills = 2 + rng.IntN(2)
	}
	for i := range kills {
		kind := (n - 1) / 2
		if i > 0 {
			kind = rng.IntN(5)
		}
		p.kills = append(p.kills, drawKill(rng, kind, len(s.servers)))
	}
	return p
}

func drawKill(rng *rand.Rand, kind, servers int) kill {
	draw := func(limit time.Duration) time.Duration { return time.Duration(rng.Int64N(int64(limit))) }
	k := kill{
		after: 20*time.Millisecond + draw(longestWait), gap: draw(longestGap), rest: draw(longestRest),
		reversed: rng.IntN(2) == 0, await: rng.IntN(2) == 0,
	}
	all := make([]int, servers)
	for i := range all {
		all[i] = i
	}
	one := []int{rng.IntN(servers)}
	if rng.IntN(3) == 0 {
		k.stumble = 1 + draw(longestStumble)
	}
	switch kind % 5 {
	case 0:
		k.servers = one
	case 1:
		k.postgres = true
	case 2:
		k.servers, k.postgres = all, true
	case 3:
		k.backend = true
	default:
		k.servers = all
		if servers > 1 && rng.IntN(2) == 0 {
			k.servers, k.postgres = one, true
		}
	}
	return k
}

// stumbles tells whether what was killed dies again while it starts.
func (k kill) stumbles() bool { return k.stumble > 0 && len(k.servers) > 0 }

// String names who dies; it is the key of Report.Kills.
func (k kill) String() string {
	server := "server"
	if len(k.servers) > 1 {
		server = "servers"
	}
	switch {
	case k.backend:
		return "backend"
	case len(k.servers) == 0:
		return "PostgreSQL"
	case k.postgres:
		return server + " and PostgreSQL"
	}
	return server
}

func (p plan) String() string {
	names := make([]string, len(p.kills))
	for i, k := range p.kills {
		names[i] = fmt.Sprintf("%v after %d ms", k, k.after.Milliseconds())
		if k.stumbles() {
			names[i] += " (again while starting)"
		}
	}
	return strings.Join(names, ", ")
}
