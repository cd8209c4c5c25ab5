package apptest_test

import (
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/incent-dev/incent/internal/apptest"
	"github.com/incent-dev/incent/internal/ledger"
	"github.com/incent-dev/incent/internal/webhook"
)

// lateness measures how long awards of a tenant take to reach a healthy receiver,
// each from its answer to its arrival. They come four at a time, to an endpoint that
// nobody works on: that is the longest way, and the same each time.
func lateness(t *testing.T, s *apptest.Server, r *receiver, member string, awards int) []time.Duration {
	t.Helper()
	begun := map[string]time.Time{}
	before := len(r.got())
	for i := range awards {
		if i%4 == 0 {
			eventually(t, promptly, "nobody works on it", func() bool {
				var idle bool
				err := s.Core.DB.QueryRow(t.Context(), "SELECT worker IS NULL FROM webhook_endpoints WHERE tenant_id = $1 AND url = $2", s.Tenant.ID, r.URL).Scan(&idle)
				return err == nil && idle
			})
		}
		begun[pay(t, s, member, 1+i)] = time.Now()
		if i%4 == 3 {
			r.await(t, "what was awarded", atLeast(before+i+1))
		}
	}
	var late []time.Duration
	for _, c := range r.got()[before:] {
		if at, ours := begun[c.text("data", "transaction_id")]; ours {
			late = append(late, c.at.Sub(at))
		}
	}
	slices.Sort(late)
	return late
}

// A receiver that takes every connection and never answers does not slow the one
// beside it: it is measured without the dead ones and with them.
func TestDeadEndpointSlowsNobody(t *testing.T) {
	t.Parallel()
	const awards, deadOnes = 160, 6
	s := apptest.Start(t)
	r := newReceiver(t, nil)
	newHook(t, s, r.URL, "incentable", "points.awarded")
	before := lateness(t, s, r, "mem_alone", awards)

	release := make(chan struct{})
	silent := newReceiver(t, func(int, call) (int, http.Header) {
		<-release
		return 500, nil
	})
	t.Cleanup(func() { close(release) }) // before the receiver closes, which waits
	var dead []hook
	for range deadOnes / 2 {
		dead = append(dead, newHook(t, s, silent.URL, "incentable", "points.awarded"),
			newHook(t, s, "http://"+closedPort(t)+"/", "incentable", "points.awarded"))
	}
	pay(t, s, "mem_first", 1)
	eventually(t, promptly, "the dead one is tried", func() bool { return len(silent.got()) > 0 }) // its calls do not end
	r.await(t, "the first with dead ones beside", atLeast(awards+1))
	p99 := func(l []time.Duration) time.Duration { return l[len(l)*99/100-1] }
	// Two looks, of the sweep and of River, cost up to so much by themselves: which of
	// them a measurement met is chance.
	const looks = 400 * time.Millisecond
	// So is what else the machine does meanwhile, which may be less before and more
	// since: who seems slowed is measured without the dead ones again, and with them.
	// Who is slowed by them is slowed every time.
	const most, tries = 2, 6
	for try := 1; ; try++ {
		beside := lateness(t, s, r, fmt.Sprint("mem_beside_", try), awards)
		slowed := func(alone []time.Duration) bool {
			ratio := float64(p99(beside)) / float64(max(p99(alone), looks))
			t.Logf("p50 %v and %v, p99 %v alone and %v beside %d dead ones: %.2f", alone[awards/2], beside[awards/2], p99(alone), p99(beside), deadOnes, ratio)
			return ratio > most
		}
		if !slowed(before) {
			return
		}
		setAll(t, dead, "paused")
		after := lateness(t, s, r, fmt.Sprint("mem_alone_", try), awards)
		if !slowed(after) {
			return
		}
		if try == tries {
			t.Fatalf("p99 is more than %d times what it is without dead ones, %d times over", most, tries)
		}
		setAll(t, dead, "active")
		before = after
	}
}

// setAll makes endpoints active or paused; of paused ones it waits until nobody
// works on them, so that nothing of theirs is on its way.
func setAll(t *testing.T, hooks []hook, status string) {
	t.Helper()
	for _, h := range hooks {
		h.patch(t, object{"status": status})
	}
	idle(t, hooks[0].s, "paused")
}

// closedPort is an address where nobody listens.
func closedPort(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return fmt.Sprint(l.Addr())
}

// The audit finds deliveries of what never happened, or of something else.
func TestWebhookAudit(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t)
	r := newReceiver(t, nil)
	h := newHook(t, s, r.URL, "incentable", "points.awarded")
	pay(t, s, "mem_1", 5)
	pay(t, s, "mem_1", 6)
	r.await(t, "both", atLeast(2))
	h.settled(t)
	h.patch(t, object{"status": "paused"}) // nobody mends what is damaged
	for name, c := range map[string]struct{ damage, repair, says string }{
		"no such event":   {"UPDATE webhook_deliveries SET number = number + 1000 WHERE tenant_id = $1 AND number = (SELECT max(number) FROM webhook_deliveries WHERE tenant_id = $1)", "UPDATE webhook_deliveries SET number = number - 1000 WHERE tenant_id = $1 AND number > 1000", "every delivery has its event"},
		"another event":   {"UPDATE webhook_deliveries SET kind = 2 WHERE tenant_id = $1", "UPDATE webhook_deliveries SET kind = 1 WHERE tenant_id = $1", "every delivery has its event"},
		"never sent":      {"UPDATE webhook_deliveries SET status = 500 WHERE tenant_id = $1", "UPDATE webhook_deliveries SET status = 200 WHERE tenant_id = $1", "deliveries are of what was seen"},
		"seen too little": {"UPDATE webhook_endpoints SET seen = seen - 1 WHERE tenant_id = $1", "UPDATE webhook_endpoints SET seen = seen + 1 WHERE tenant_id = $1", "deliveries are of what was seen"},
		"seen too much":   {"UPDATE webhook_endpoints SET seen = seen + 1 WHERE tenant_id = $1", "UPDATE webhook_endpoints SET seen = seen - 1 WHERE tenant_id = $1", "endpoints see what there is"},
	} {
		for _, statement := range []string{c.damage, c.repair} {
			if _, err := s.Core.DB.Exec(t.Context(), statement, s.Tenant.ID); err != nil {
				t.Fatal(err)
			}
			report, err := ledger.AuditTenant(t.Context(), s.Core.DB, s.Tenant.ID, webhook.AuditChecks()...)
			if err != nil {
				t.Fatal(err)
			}
			found := fmt.Sprint(report.Violations)
			if strings.Contains(found, c.says) != (statement == c.damage) {
				t.Errorf("%s: after %s the audit says %s", name, statement, found)
			}
		}
	}
}
