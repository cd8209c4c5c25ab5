package limit

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/incent-dev/incent/gen/query"
	"github.com/incent-dev/incent/internal/event"
	"github.com/incent-dev/incent/internal/fault"
	"github.com/incent-dev/incent/internal/pg"
	"github.com/incent-dev/incent/internal/tenant"
)

const (
	// portionShare is the part of a budget that a portion is at most: small
	// enough for invariant 2, large enough that even the busiest key asks the
	// database a few hundred times a window.
	portionShare = 400

	// quick and slow say when the next portion is doubled, or halved: by how long
	// the last one lasted.
	quick = time.Second
	slow  = 10 * time.Second

	// manyBudgets is how many budgets may be remembered before those are
	// forgotten whose window is over.
	manyBudgets = 10_000
)

var q = query.New()

// Limiter hands out calls. Make it with New; Close it.
type Limiter struct {
	db  *pg.DB
	now func() time.Time

	mu      sync.Mutex
	budgets map[account]*budget
}

// account is whose budget it is: a key's, or with key 0 that of all Incenta keys.
type account struct{ tenant, key int64 }

// New makes a limiter on a database. now tells real time; it is an argument so
// that tests may pass windows without waiting for them.
func New(db *pg.DB, now func() time.Time) *Limiter {
	return &Limiter{db: db, now: now, budgets: map[account]*budget{}}
}

// Standing is where a caller stands in the window.
type Standing struct {
	Limit     int64         // calls of the window; 0: there is no limit
	Remaining int64         // as far as this process knows
	Reset     time.Duration // until the next window
}

// window says which window an instant lies in.
type window func(at time.Time) (starts, ends time.Time)

func minute(at time.Time) (starts, ends time.Time) {
	starts = at.UTC().Truncate(time.Minute)
	return starts, starts.Add(time.Minute)
}

func month(at time.Time) (starts, ends time.Time) {
	at = at.UTC()
	starts = time.Date(at.Year(), at.Month(), 1, 0, 0, 0, 0, time.UTC)
	return starts, starts.AddDate(0, 1, 0)
}

// budget is what this process knows of one.
type budget struct {
	account
	window window

	mu     sync.Mutex
	limit  int64
	starts time.Time
	ends   time.Time
	left   int64     // of the portion
	beyond int64     // of the budget, behind that portion
	spent  bool      // nothing is left for anybody
	size   int64     // of the newest portion
	since  time.Time // when it was taken
	taking *taking   // nil: nobody is on the way to the database
}

// taking is one call's way to the database, for which the others wait.
type taking struct {
	done chan struct{}
	err  error // to be read once done is closed
}

// Take counts one call of a principal. A call too many is a fault that says
// when to come back.
func (l *Limiter) Take(ctx context.Context, p tenant.Principal) (Standing, error) {
	if p.Budget == 0 {
		return Standing{}, nil
	}
	b := l.budget(p)
	for {
		b.mu.Lock()
		now := l.now()
		b.turn(now, p.Budget)
		standing := Standing{Limit: b.limit, Remaining: b.left + b.beyond, Reset: b.ends.Sub(now)}
		if b.left > 0 {
			b.left--
			standing.Remaining--
			b.mu.Unlock()
			return standing, nil
		}
		if b.spent {
			b.mu.Unlock()
			return standing, refusal(p, standing)
		}
		way, first := b.taking, false
		if way == nil {
			way, first = &taking{done: make(chan struct{})}, true
			b.taking = way
		}
		b.mu.Unlock()
		if first {
			way.err = l.take(ctx, b)
			close(way.done)
		}
		select {
		case <-way.done:
		case <-ctx.Done():
			return standing, pg.Fault(ctx.Err())
		}
		if way.err != nil {
			return standing, pg.Fault(way.err)
		}
	}
}

func refusal(p tenant.Principal, s Standing) error {
	f := fault.New(fault.RateLimited, fault.CodeRateLimited, "This key may make %d calls a minute", s.Limit)
	if p.Kind == tenant.Incenta {
		f = fault.New(fault.RateLimited, fault.CodeRateLimited, "The quota of %d calls a month is used up", s.Limit)
	}
	f.RetryAfter = s.Reset
	return f
}

// budget finds the one that a principal draws on.
func (l *Limiter) budget(p tenant.Principal) *budget {
	at, within := account{p.Tenant, p.Key}, window(minute)
	if p.Kind == tenant.Incenta {
		at, within = account{p.Tenant, 0}, month
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	b := l.budgets[at]
	if b == nil {
		if len(l.budgets) >= manyBudgets {
			l.forget()
		}
		b = &budget{account: at, window: within}
		l.budgets[at] = b
	}
	return b
}

// forget drops the budgets whose window is over.
func (l *Limiter) forget() {
	now := l.now()
	for at, b := range l.budgets {
		b.mu.Lock()
		over := b.taking == nil && !now.Before(b.ends)
		b.mu.Unlock()
		if over {
			delete(l.budgets, at)
		}
	}
}

// turn begins a new window, where the last one is over. Another limit than
// before leaves the portion as it is, and may have room for another one.
func (b *budget) turn(now time.Time, limit int64) {
	if !now.Before(b.ends) {
		b.starts, b.ends = b.window(now)
		b.left, b.beyond, b.spent = 0, limit, false
	}
	if b.limit != limit {
		b.limit, b.spent = limit, false
	}
}

// take gets the next portion, or finds that there is none.
func (l *Limiter) take(ctx context.Context, b *budget) error {
	b.mu.Lock()
	switch lasted := l.now().Sub(b.since); {
	case lasted < quick:
		b.size *= 2
	case lasted > slow:
		b.size /= 2
	}
	b.size = max(1, min(b.size, b.limit/portionShare))
	limit, size, starts := b.limit, b.size, b.starts
	b.mu.Unlock()
	got, err := q.BudgetTake(ctx, l.db, query.BudgetTakeParams{
		TenantID: b.tenant, KeyID: b.key, StartsAt: starts, FreshPortion: min(size, (limit+15)/16), Wanted: size, Budget: limit,
	})
	if err != nil {
		err = fmt.Errorf("take of a budget: %w", err)
	} else if got.Portion == 0 && b.key == 0 {
		err = l.tell(ctx, b.tenant, got.StartsAt, limit)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.taking = nil
	if err == nil && !got.StartsAt.Before(b.starts) {
		b.starts, b.ends = b.window(got.StartsAt) // that of the process whose clock is ahead
		b.left, b.beyond = got.Portion, max(limit-got.Taken, 0)
		b.spent = got.Portion == 0 && b.limit == limit
		b.since = l.now()
	}
	return err
}

// exceeded is what USAGE_LIMIT_EXCEEDED says.
type exceeded struct {
	Limit    int64     `json:"limit"` // calls
	Month    string    `json:"month"`
	ResetsAt time.Time `json:"resetsAt"`
}

// tell notes in the feed that a month's budget is exceeded, if nobody has.
func (l *Limiter) tell(ctx context.Context, tenantID int64, starts time.Time, limit int64) error {
	_, err := pg.InTx(ctx, l.db, func(ctx context.Context, tx pg.Tx) (struct{}, error) {
		first, err := q.BudgetMarkExceeded(ctx, tx, query.BudgetMarkExceededParams{TenantID: tenantID, StartsAt: starts, At: l.now()})
		if err != nil || first == 0 {
			return struct{}{}, err
		}
		t, err := tenant.Get(ctx, tx, tenantID)
		if err != nil {
			return struct{}{}, err
		}
		_, ends := month(starts)
		var journal event.Journal
		journal.Fact(event.UsageLimitExceeded, exceeded{limit, starts.UTC().Format("2006-01"), ends})
		var pipe pg.Pipeline
		if err := journal.Store(ctx, &pipe, tenantID, t.Now()); err != nil {
			return struct{}{}, err
		}
		return struct{}{}, pipe.Send(ctx, tx)
	})
	if err != nil {
		return fmt.Errorf("tell of an exceeded quota: %w", err)
	}
	return nil
}

// Close gives back what nobody used. No call may come after it.
func (l *Limiter) Close(ctx context.Context) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, b := range l.budgets {
		b.mu.Lock()
		left, starts := b.left, b.starts
		b.left = 0
		b.mu.Unlock()
		if left > 0 {
			// What cannot be given back is lost, within invariant 2.
			_ = q.BudgetRelease(ctx, l.db, query.BudgetReleaseParams{TenantID: b.tenant, KeyID: b.key, StartsAt: starts, Unused: left})
		}
	}
}
