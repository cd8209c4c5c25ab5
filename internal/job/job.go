package job

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"github.com/incent-dev/incent/gen/query"
	"github.com/incent-dev/incent/internal/fault"
	"github.com/incent-dev/incent/internal/pg"
)

// patience bounds how long a sweep of one tenant may take in one beat. It is well
// below the time after which the pool's settings end a transaction that is idle,
// as the one is that holds the sweep's lock.
const patience = 20 * time.Second

// ErrLater is, or wraps, what a Run says that cannot go on now and that nobody is
// to blame for: the next beat goes on with it.
var ErrLater = errors.New("not now")

// Sweep is something that is done when it is due.
type Sweep struct {
	Name string // one word; part of its lock, so it must not change between versions

	// Every is the time between two beats.
	Every time.Duration

	// Due lists the tenants that have something due, in any order; one that has
	// nothing does no harm. Nil: the sweep is the server's.
	Due func(ctx context.Context) ([]int64, error)

	// Run does all that is due for a tenant, or for the server, where the tenant is
	// 0, in bounded transactions. See invariant 1. ErrLater says that something has
	// to wait.
	Run func(ctx context.Context, tenantID int64) error
}

// Runner runs sweeps. Make it with New.
type Runner struct {
	db     *pg.DB
	sweeps []Sweep

	stop context.CancelFunc
	over sync.WaitGroup
}

// New makes a runner of sweeps on a database; where one's work makes work for
// another, that one comes later.
func New(db *pg.DB, sweeps ...Sweep) *Runner { return &Runner{db: db, sweeps: sweeps} }

var swept = promauto.NewCounterVec(prometheus.CounterOpts{
	Name: "incent_sweeps_total", Help: "Sweeps of a tenant, or of the server, by how they ended.",
}, []string{"sweep", "outcome"})

// Outcomes, as the counter and the log have them.
const (
	done   = "done"
	later  = "later"  // not done within patience, or has to wait: goes on with the next beat
	shared = "shared" // another process is at it
	failed = "failed"
)

// Start begins the beats, until Stop.
func (r *Runner) Start(log *slog.Logger) {
	ctx, stop := context.WithCancel(context.Background())
	r.stop = stop
	r.over.Go(func() { r.run(ctx, log) })
}

// Stop ends the beats: what is under way is cut off, and waited for until ctx ends.
func (r *Runner) Stop(ctx context.Context) {
	if r.stop == nil {
		return
	}
	r.stop()
	ended := make(chan struct{})
	go func() { // ends with the beats, which were told to
		r.over.Wait()
		close(ended)
	}()
	select {
	case <-ended:
	case <-ctx.Done():
	}
}

// run gives each sweep its beats, in turn.
func (r *Runner) run(ctx context.Context, log *slog.Logger) {
	next := make([]time.Duration, len(r.sweeps)) // of each sweep, since the start
	timer := time.NewTimer(0)
	defer timer.Stop()
	start := pg.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		soonest := time.Hour
		for i, s := range r.sweeps {
			if now := pg.Now().Sub(start); next[i] <= now {
				r.Beat(ctx, log, s)
				next[i] = now + s.Every // a beat that was missed is not made up for
			}
			soonest = min(soonest, next[i]-pg.Now().Sub(start))
		}
		timer.Reset(max(soonest, 0))
	}
}

// Beat runs one sweep where it is due.
func (r *Runner) Beat(ctx context.Context, log *slog.Logger, s Sweep) {
	tenants := []int64{0}
	if s.Due != nil {
		var err error
		if tenants, err = s.Due(ctx); err != nil {
			tell(ctx, log, s, 0, failed, fmt.Errorf("find what is due: %w", err))
			return
		}
	}
	for _, tenantID := range tenants {
		outcome, err := r.visit(ctx, s, tenantID)
		tell(ctx, log, s, tenantID, outcome, err)
		if ctx.Err() != nil {
			return
		}
	}
}

// visit runs a sweep for one tenant, unless another process is at it.
func (r *Runner) visit(ctx context.Context, s Sweep, tenantID int64) (outcome string, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	outcome, err = pg.InTx(ctx, r.db, func(ctx context.Context, tx pg.Tx) (string, error) {
		ours, err := query.New().SweepLock(ctx, tx, query.SweepLockParams{Sweep: s.Name, TenantID: tenantID})
		if err != nil || !ours {
			return shared, err
		}
		return done, s.Run(ctx, tenantID)
	})
	switch {
	case err == nil:
		return outcome, nil
	case errors.Is(err, ErrLater), errors.Is(ctx.Err(), context.DeadlineExceeded):
		return later, nil
	}
	return failed, err
}

// tell logs and counts how a sweep went. A database that is away is no defect of
// ours.
func tell(ctx context.Context, log *slog.Logger, s Sweep, tenantID int64, outcome string, err error) {
	if ctx.Err() != nil {
		return // we are stopping, and cut it off
	}
	swept.WithLabelValues(s.Name, outcome).Inc()
	args := []any{"sweep", s.Name, "tenant", tenantID}
	f := fault.As(pg.Fault(err))
	switch {
	case outcome == later:
		log.Info("sweep goes on with the next beat", args...)
	case err == nil:
		log.Debug("swept", append(args, "outcome", outcome)...)
	case f != nil && f.Kind == fault.Unavailable:
		log.Warn("sweep put off", append(args, "error", err)...)
	default:
		log.Error("sweep failed", append(args, "error", err)...)
	}
}

// Tenant runs all sweeps for one tenant now, whether another process is at them or
// not, and returns when nothing is due any more but what has to wait (ErrLater).
// Where somebody holds a row for too long it tries again, as the next beat would,
// until ctx ends.
func (r *Runner) Tenant(ctx context.Context, tenantID int64) error {
	for _, s := range r.sweeps {
		if s.Due == nil {
			continue
		}
		err := s.Run(ctx, tenantID)
		for pg.IsLockTimeout(err) && ctx.Err() == nil {
			err = s.Run(ctx, tenantID)
		}
		if err != nil && !errors.Is(err, ErrLater) {
			return fmt.Errorf("sweep %s: %w", s.Name, pg.Fault(err))
		}
	}
	return nil
}
