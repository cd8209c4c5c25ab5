package limit_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/incent-dev/incent/internal/event"
	"github.com/incent-dev/incent/internal/fault"
	"github.com/incent-dev/incent/internal/limit"
	"github.com/incent-dev/incent/internal/pg"
	"github.com/incent-dev/incent/internal/pgtest"
	"github.com/incent-dev/incent/internal/tenant"
)

// clock is real time as a test wants it.
type clock struct{ at atomic.Int64 }

func newClock(text string) *clock {
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		panic(err)
	}
	c := &clock{}
	c.at.Store(at.UnixMicro())
	return c
}

func (c *clock) now() time.Time          { return time.UnixMicro(c.at.Load()).UTC() }
func (c *clock) advance(d time.Duration) { c.at.Add(d.Microseconds()) }
func (c *clock) limiter() *limit.Limiter { return limit.New(pgtest.DB(), c.now) }
func isRefused(err error) bool           { return fault.Is(err, fault.CodeRateLimited) }
func taken(t *testing.T, id int64) (n int) {
	return scan(t, "SELECT sum(taken) FROM budgets WHERE tenant_id = $1", id)
}

func scan(t *testing.T, sql string, args ...any) (n int) {
	t.Helper()
	if err := pgtest.DB().QueryRow(t.Context(), sql, args...).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func incentable(t *testing.T, budget int64) tenant.Principal {
	return tenant.Principal{Tenant: pgtest.Tenant(t).ID, Kind: tenant.Incentable, Key: pg.NewKey(), Budget: budget}
}

// admit asks as often as it is let through, from so many callers at once.
func admit(t *testing.T, l *limit.Limiter, p tenant.Principal, callers, most int) (admitted int64) {
	t.Helper()
	var n atomic.Int64
	var wg sync.WaitGroup
	for range callers {
		wg.Go(func() {
			for range most {
				if _, err := l.Take(t.Context(), p); err != nil {
					if !isRefused(err) {
						t.Error(err)
					}
					return
				}
				n.Add(1)
			}
		})
	}
	wg.Wait()
	return n.Load()
}

// Processes that are all asked let exactly the budget through, whatever its size.
func TestProcessesShareABudget(t *testing.T) {
	t.Parallel()
	for _, budget := range []int64{1, 7, 100, 1000, 20_000} {
		p, c := incentable(t, budget), newClock("2026-05-17T10:30:20Z")
		processes := []*limit.Limiter{c.limiter(), c.limiter(), c.limiter()}
		var total atomic.Int64
		var wg sync.WaitGroup
		for _, l := range processes {
			wg.Go(func() { total.Add(admit(t, l, p, 32, 1_000_000)) })
		}
		wg.Wait()
		if total.Load() != budget {
			t.Errorf("a budget of %d let %d through", budget, total.Load())
		}
	}
}

// Processes that stop asking keep what they hold: eight of them less than 2 %.
func TestIdleProcessesWasteLittle(t *testing.T) {
	t.Parallel()
	for _, budget := range []int64{1000, 100_000} {
		p, c := incentable(t, budget), newClock("2026-05-17T10:30:20Z")
		var total int64
		for i := range 8 {
			total += admit(t, c.limiter(), p, 4, int(budget/100)+i)
		}
		total += admit(t, c.limiter(), p, 4, int(budget))
		if total > budget || total*100 < budget*98 {
			t.Errorf("of a budget of %d, %d came through", budget, total)
		}
	}
}

func TestAWindowEnds(t *testing.T) {
	t.Parallel()
	p, c := incentable(t, 10), newClock("2026-05-17T10:30:20.5Z")
	ours, theirs := c.limiter(), c.limiter()
	first, err := ours.Take(t.Context(), p)
	if err != nil || first != (limit.Standing{Limit: 10, Remaining: 9, Reset: 39500 * time.Millisecond}) {
		t.Errorf("the first call: %+v, %v", first, err)
	}
	if n := admit(t, ours, p, 1, 100) + admit(t, theirs, p, 1, 100); n != 9 {
		t.Errorf("%d more came through, want 9", n)
	}
	last, err := ours.Take(t.Context(), p)
	if !isRefused(err) || fault.As(err).RetryAfter != 39500*time.Millisecond || last.Remaining != 0 {
		t.Errorf("a call too many: %+v, %v", last, err)
	}
	c.advance(39500 * time.Millisecond)
	if n := admit(t, theirs, p, 1, 100) + admit(t, ours, p, 1, 100); n != 10 {
		t.Errorf("%d came through in the next window, want 10", n)
	}
	// A server whose clock is behind takes part in the window that is on.
	behind := newClock("2026-05-17T10:30:59Z").limiter()
	if _, err := behind.Take(t.Context(), p); !isRefused(err) {
		t.Errorf("a clock that is behind: %v", err)
	}
	// A larger limit has room at once, a smaller one has none.
	p.Budget = 12
	if n := admit(t, ours, p, 1, 100); n != 2 {
		t.Errorf("%d came through with 12 instead of 10, want 2", n)
	}
	p.Budget = 5
	if _, err := ours.Take(t.Context(), p); !isRefused(err) {
		t.Errorf("with 5 instead of 12: %v", err)
	}
	// Another key has a budget of its own.
	p.Key = pg.NewKey()
	if n := admit(t, ours, p, 1, 100); n != 5 {
		t.Errorf("another key: %d came through, want 5", n)
	}
}

// Incenta's keys share a calendar month, whose end is told once.
func TestAMonthIsToldOnce(t *testing.T) {
	t.Parallel()
	p, c := incentable(t, 20), newClock("2026-02-28T23:59:59Z")
	p.Kind = tenant.Incenta
	processes := []*limit.Limiter{c.limiter(), c.limiter()}
	feed := event.New(pgtest.DB(), nil)
	for month := 1; month <= 2; month++ {
		var total int64
		for i := range 6 {
			p.Key = int64(i)
			total += admit(t, processes[i%2], p, 4, 100)
		}
		if total != 20 {
			t.Errorf("%d came through, want 20", total)
		}
		told, err := feed.Read(t.Context(), p.Tenant, "", 100, 0)
		if err != nil || len(told) != month || told[0].Kind != event.UsageLimitExceeded ||
			string(told[0].Data) != `{"limit":20,"month":"2026-02","resetsAt":"2026-03-01T00:00:00Z"}` {
			t.Errorf("month %d: told %+v, %v", month, told, err)
		}
		c.advance(time.Second)
	}
}

// Without a limit nothing touches the database, and with one few calls do.
func TestFewCallsAskTheDatabase(t *testing.T) {
	t.Parallel()
	unlimited, err := limit.New(nil, pg.Now).Take(t.Context(), tenant.Principal{Kind: tenant.Incentable, Key: 1})
	if err != nil || unlimited != (limit.Standing{}) {
		t.Errorf("without a limit: %+v, %v", unlimited, err)
	}
	p, c := incentable(t, 4_000_000), newClock("2026-05-17T10:30:20Z")
	l := c.limiter()
	admit(t, l, p, 1, 20_000)
	if n := taken(t, p.Tenant); n != 1<<14-1+10_000 { // 1 + 2 + 4 ... 8192, then a 400th of all
		t.Errorf("taken are %d", n)
	}
	c.advance(time.Minute)
	admit(t, l, p, 1, 100)
	l.Close(context.Background())
	if n := taken(t, p.Tenant); n != 100 {
		t.Errorf("%d are taken after the process gave back what it had not used of 100", n)
	}
}
