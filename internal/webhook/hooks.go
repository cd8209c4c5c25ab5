package webhook

import (
	"context"
	"crypto/cipher"
	"errors"
	"log/slog"
	"math"
	"net/http"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
	"github.com/riverqueue/river"

	"github.com/incent-dev/incent/gen/query"
	"github.com/incent-dev/incent/internal/event"
	"github.com/incent-dev/incent/internal/once"
	"github.com/incent-dev/incent/internal/pg"
)

const (
	// beat is how often a process looks for endpoints that have something to be
	// told, and how often River looks for jobs: together the wait of an event
	// that finds everything idle.
	beat = 200 * time.Millisecond

	// readyBatch bounds the endpoints that one look finds.
	readyBatch = 100

	// workers is how many endpoints one process works on at a time; those that
	// have been failing have a queue of their own, so that healthy ones never
	// wait for the time-outs of others.
	workers        = 8
	failingWorkers = 4

	queueHealthy = "webhooks"
	queueFailing = "webhooks_failing"

	// failingFrom is how many failures in a row make an endpoint one of those.
	failingFrom = 3

	// rescueAfter is when River gives up a job whose process died. Nobody waits
	// for it: the endpoint's right to work ends long before (lease).
	rescueAfter = 10 * time.Minute

	// keepJobs is how long River keeps finished jobs, which tell nothing that
	// the deliveries do not.
	keepJobs = time.Minute

	// purgeEvery is how often what deleted endpoints left is looked for.
	purgeEvery = 10 * time.Second
	purgeBatch = 1000
)

var q = query.New()

var (
	attempted = promauto.NewCounterVec(prometheus.CounterOpts{
		Name: "incent_webhook_attempts_total", Help: "Attempts at deliveries that were marked, by what came: delivered, refused (another status) or why no answer came.",
	}, []string{"outcome"})
	gaveUp = promauto.NewCounterVec(prometheus.CounterOpts{
		Name: "incent_webhook_endpoints_disabled_total", Help: "Endpoints that were disabled, by reason.",
	}, []string{"reason"})
)

// Hooks keeps endpoints and delivers to them. Make it with New; it delivers
// between Start and Close.
type Hooks struct {
	db     *pg.DB
	feed   *event.Feed
	vault  cipher.AEAD
	sealer *once.Sealer

	senders map[reach]*http.Transport // none shares its connections with another

	pace pace

	log     *slog.Logger
	jobs    *river.Client[pgx.Tx] // nil until Start
	stop    context.CancelFunc
	closing chan struct{} // closed when workers are to finish what they hold
	running sync.WaitGroup
}

// New makes the hooks on a database.
func New(ctx context.Context, db *pg.DB, feed *event.Feed) (*Hooks, error) {
	sealer, err := once.NewSealer(ctx, db)
	if err != nil {
		return nil, err
	}
	vault, err := openVault(ctx, db)
	if err != nil {
		return nil, err
	}
	return &Hooks{
		db: db, feed: feed, vault: vault, sealer: sealer, closing: make(chan struct{}),
		senders: map[reach]*http.Transport{toPublic: newSender(toPublic), toPublicOrLoopback: newSender(toPublicOrLoopback), toLoopback: newSender(toLoopback)},
	}, nil
}

// Start begins to deliver, beside any other process that does. Close ends it.
func (h *Hooks) Start(ctx context.Context, log *slog.Logger) error {
	h.log = log
	registered := river.NewWorkers()
	river.AddWorker(registered, &worker{hooks: h})
	jobs, err := river.NewClient(h.db.River(), &river.Config{
		Schema: pg.RiverSchema, Workers: registered, Logger: slog.New(quiet{log.Handler()}),
		Queues: map[string]river.QueueConfig{queueHealthy: {MaxWorkers: workers}, queueFailing: {MaxWorkers: failingWorkers}},
		// Nothing depends on the state of a session, so that any pooler will do.
		PollOnly: true, FetchPollInterval: beat, FetchCooldown: beat / 2,
		MaxAttempts: 1, JobTimeout: -1, RescueStuckJobsAfter: rescueAfter, ReindexerSchedule: river.NeverSchedule(),
		CompletedJobRetentionPeriod: keepJobs, CancelledJobRetentionPeriod: keepJobs, DiscardedJobRetentionPeriod: keepJobs,
	})
	if err != nil {
		return err
	}
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	if err := jobs.Start(running); err != nil {
		stop()
		return err
	}
	h.jobs, h.stop = jobs, stop
	h.running.Go(func() { h.watch(running) })
	return nil
}

// quiet turns River's log down: what it calls an error is an interruption that it
// gets over by itself, as the database being away; ours are told by us.
type quiet struct{ slog.Handler }

func (q quiet) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn && q.Handler.Enabled(ctx, slog.LevelWarn)
}

func (q quiet) Handle(ctx context.Context, r slog.Record) error {
	r.Level = min(r.Level, slog.LevelWarn)
	return q.Handler.Handle(ctx, r)
}

func (q quiet) WithAttrs(a []slog.Attr) slog.Handler { return quiet{q.Handler.WithAttrs(a)} }
func (q quiet) WithGroup(name string) slog.Handler   { return quiet{q.Handler.WithGroup(name)} }

// Close stops delivering: what is being sent is answered or, when ctx ends first,
// given up, and will be sent again.
func (h *Hooks) Close(ctx context.Context) {
	if h.jobs == nil {
		return
	}
	close(h.closing)
	if err := h.jobs.Stop(ctx); err != nil {
		cut, cancel := context.WithTimeout(context.WithoutCancel(ctx), markPatience)
		defer cancel()
		_ = h.jobs.StopAndCancel(cut) // what it left is found by whoever comes next
	}
	h.stop()
	h.running.Wait()
	for _, s := range h.senders {
		s.CloseIdleConnections()
	}
}

// watch dispatches what is ready until ctx ends.
func (h *Hooks) watch(ctx context.Context) {
	tick := time.NewTicker(beat)
	defer tick.Stop()
	purge := time.NewTicker(purgeEvery)
	defer purge.Stop()
	for {
		var err error
		select {
		case <-ctx.Done():
			return
		case <-h.closing:
			return
		case <-tick.C:
			err = h.sweep(ctx, math.MinInt64, math.MaxInt64)
		case <-purge.C:
			err = h.purge(ctx)
		}
		if err != nil && ctx.Err() == nil {
			h.log.Warn("webhooks wait", "error", err)
		}
	}
}

// Sweep hands the endpoints of one tenant that have something to be told to the
// workers.
func (h *Hooks) Sweep(ctx context.Context, tenantID int64) error {
	if h.jobs == nil {
		return nil
	}
	return h.sweep(ctx, tenantID, tenantID)
}

func (h *Hooks) sweep(ctx context.Context, from, to int64) error {
	ready, err := q.EndpointListReady(ctx, h.db, query.EndpointListReadyParams{At: pg.Now(), FromTenantID: from, ToTenantID: to, MaxRows: readyBatch})
	if err != nil {
		return err
	}
	var errs []error
	for _, e := range ready {
		// One endpoint's trouble is not the next one's.
		errs = append(errs, h.dispatch(ctx, e.TenantID, e.ID))
	}
	return errors.Join(errs...)
}

// purge removes some of what deleted endpoints left.
func (h *Hooks) purge(ctx context.Context) error {
	deleted, err := q.EndpointListDeleted(ctx, h.db, readyBatch)
	if err != nil {
		return err
	}
	for _, e := range deleted {
		gone, err := q.DeliveryDeleteMany(ctx, h.db, query.DeliveryDeleteManyParams{TenantID: e.TenantID, EndpointID: e.ID, MaxRows: purgeBatch})
		if err == nil && gone == 0 {
			err = q.EndpointDelete(ctx, h.db, query.EndpointDeleteParams(e))
		}
		if err != nil {
			return err
		}
	}
	return nil
}
