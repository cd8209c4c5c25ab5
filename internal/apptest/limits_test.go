package apptest_test

import (
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/incent-dev/incent/internal/apptest"
)

// limited is a tenant with limits, on two servers whose windows go by one clock.
func limited(t *testing.T, limits object) (one, other *apptest.Server, advance func(time.Duration)) {
	t.Helper()
	var at atomic.Int64
	at.Store(time.Date(2026, 5, 17, 10, 30, 20, 0, time.UTC).UnixMicro())
	now := func() time.Time { return time.UnixMicro(at.Load()).UTC() }
	s := apptest.Start(t)
	r := s.Management.Must(200, "PATCH", "/settings", object{"limits": limits})
	for name, calls := range limits {
		equal(t, name, fmt.Sprint(r.At("limits", name)), fmt.Sprint(calls))
	}
	log := slog.DiscardHandler
	return s.Own(now, log), s.Own(now, log), func(d time.Duration) { at.Add(d.Microseconds()) }
}

func rate(r apptest.Response) string {
	h := r.Header
	return fmt.Sprint(r.Status, " ", h.Get("RateLimit-Limit"), " ", h.Get("RateLimit-Remaining"), " ", h.Get("RateLimit-Reset"), " ", h.Get("Retry-After"))
}

// 64 callers on two servers get 1,000 calls a minute through, and no more.
func TestRateLimitHolds(t *testing.T) {
	t.Parallel()
	one, other, advance := limited(t, object{"incentableCallsPerMinute": 1000})
	for range 2 {
		var admitted, refusals atomic.Int64
		var wg sync.WaitGroup
		for i := range 64 {
			client := []*apptest.Client{one.Incentable, other.Incentable}[i%2]
			wg.Go(func() {
				for range 20 {
					switch r := insist(func() apptest.Response { return client.Call("GET", "/rewards", nil) }); r.Status {
					case 200:
						admitted.Add(1)
					case 429:
						refusals.Add(1)
					}
				}
			})
		}
		wg.Wait()
		if n := admitted.Load(); n < 980 || n > 1000 {
			t.Errorf("%d calls came through of a limit of 1,000", n)
		}
		equal(t, "calls", admitted.Load()+refusals.Load(), 64*20)
		advance(40 * time.Second) // to the next minute
	}
}

func TestRateLimitIsTold(t *testing.T) {
	t.Parallel()
	s, _, advance := limited(t, object{"incentableCallsPerMinute": 4})
	c := s.Incentable
	award := apptest.NewRequest("POST", "/points/award", object{"member_id": "mem_1", "points": 5, "reason": "Test"}, "Idempotency-Key: k")
	first := c.Send(award)
	equal(t, "an award", rate(first), "201 4 3 40 ")
	replay := c.Send(award)
	sameAnswer(t, replay, first)
	equal(t, "its replay", rate(replay), "201 4 2 40 ")
	advance(500 * time.Millisecond)
	equal(t, "what is unknown", rate(c.Call("GET", "/rewards/nothing", nil)), "404 4 1 40 ")
	equal(t, "what lacks the scope", rate(c.WithKey(s.NewKey("incentable", "orders:read").Text).Call("GET", "/rewards", nil)), "403 4 3 40 ")
	equal(t, "what is malformed", rate(c.Call("GET", "/rewards?page=0", nil)), "400 4 0 40 ")
	refusedCall := c.Send(award)
	refused(t, refusedCall, 429, "rate_limited")
	equal(t, "a call too many", rate(refusedCall), "429 4 0 40 40")
	equal(t, "no key", rate(c.WithKey("").Call("GET", "/rewards", nil)), "401    ")
	equal(t, "the contract", rate(c.Call("GET", "/openapi.json", nil)), "200    ")
	equal(t, "management", rate(s.Management.Call("GET", "/settings", nil)), "200    ")
	equal(t, "the other facade", rate(s.Incenta.Call("GET", "/rewards", nil)), "200    ")
	advance(39500 * time.Millisecond)
	again := c.Send(award) // a 429 is not kept under the key
	sameAnswer(t, again, first)
	equal(t, "the next minute", rate(again), "201 4 3 60 ")
}

func TestMonthlyQuota(t *testing.T) {
	t.Parallel()
	s, other, advance := limited(t, object{"incentaCallsPerMonth": 3})
	equal(t, "a call", rate(s.Incenta.Call("GET", "/rewards", nil)), "200 3 2 1258180 ") // 14 days and a half
	second := s.Incenta.WithKey(s.NewKey("incenta", "read").Text)
	equal(t, "another key", rate(second.Call("GET", "/rewards", nil)), "200 3 1 1258180 ")
	equal(t, "another server", rate(other.Incenta.Call("GET", "/rewards", nil)), "200 3 0 1258180 ")
	for _, c := range []*apptest.Client{s.Incenta, second, other.Incenta, s.Incenta.Bare("")} {
		r := c.Call("GET", "/rewards", nil)
		refused(t, r, 429, "rate_limited")
		equal(t, "a call too many", rate(r), "429 3 0 1258180 1258180")
	}
	feed := s.Management.Must(200, "GET", "/events", nil)
	equal(t, "events", feed.Len("data"), 1)
	equal(t, "type", feed.At("data", 0, "type"), "USAGE_LIMIT_EXCEEDED")
	equal(t, "month", feed.At("data", 0, "data", "month"), "2026-05")
	advance(15 * 24 * time.Hour)
	equal(t, "the next month", rate(s.Incenta.Call("GET", "/rewards", nil)), "200 3 2 2554180 ")
	s.Management.Must(200, "PATCH", "/settings", object{"limits": object{"incentaCallsPerMonth": nil}})
	equal(t, "settings", s.Management.Must(200, "GET", "/settings", nil).At("limits", "incentaCallsPerMonth"), nil)
	for _, bad := range []any{0, -1, 1e18, "many"} {
		refused(t, s.Management.Call("PATCH", "/settings", object{"limits": object{"incentableCallsPerMinute": bad}}), 400, "invalid_request", "limits.incentableCallsPerMinute")
	}
}
