package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/incent-dev/incent/internal/event"
	"github.com/incent-dev/incent/internal/httpapi"
	"github.com/incent-dev/incent/internal/incenta"
	"github.com/incent-dev/incent/internal/incentable"
	"github.com/incent-dev/incent/internal/incentive"
	"github.com/incent-dev/incent/internal/job"
	"github.com/incent-dev/incent/internal/leaderboard"
	"github.com/incent-dev/incent/internal/ledger"
	"github.com/incent-dev/incent/internal/limit"
	"github.com/incent-dev/incent/internal/management"
	"github.com/incent-dev/incent/internal/person"
	"github.com/incent-dev/incent/internal/pg"
	"github.com/incent-dev/incent/internal/pglocal"
	"github.com/incent-dev/incent/internal/referral"
	"github.com/incent-dev/incent/internal/store"
	"github.com/incent-dev/incent/internal/tenant"
	"github.com/incent-dev/incent/internal/webhook"
)

// drainPatience bounds how long a stop waits for requests under way.
const drainPatience = 20 * time.Second

const (
	// databasePatience bounds how long a starting server waits for a database
	// that does not let anybody in yet.
	databasePatience = 30 * time.Second
	databasePoll     = 100 * time.Millisecond
)

// Core is the product without its listeners: what the server, the command line
// and the tests share.
type Core struct {
	DB        *pg.DB
	Registry  *tenant.Registry
	Keys      *tenant.Keys
	Ledger    *ledger.Ledger
	Store     *store.Store
	Incentive *incentive.Engine
	Referral  *referral.Programme
	Boards    *leaderboard.Boards
	Feed      *event.Feed
	Limits    *limit.Limiter
	People    *person.People
	Jobs      *job.Runner // not started
	Hooks     *webhook.Hooks
}

// NewCore builds the domains on an open database.
func NewCore(ctx context.Context, db *pg.DB) (*Core, error) {
	keys, err := tenant.NewKeys(ctx, db)
	if err != nil {
		return nil, err
	}
	books := ledger.New(db)
	books.Follow(ledger.XP, leaderboard.Move)
	engine := incentive.New(db)
	boards := leaderboard.New(db, books)
	people, err := person.New(ctx, db, boards.TakeIn)
	if err != nil {
		return nil, err
	}
	programme, err := referral.New(ctx, db, books, engine)
	if err != nil {
		return nil, err
	}
	registry, shop := tenant.NewRegistry(db), store.New(db)
	feed := event.New(db, []event.Reveal{registry.Tell, shop.Tell, programme.Tell, engine.Tell})
	hooks, err := webhook.New(ctx, db, feed)
	if err != nil {
		return nil, err
	}
	c := &Core{
		DB: db, Registry: registry, Keys: keys, Ledger: books, Store: shop, Incentive: engine, Referral: programme,
		Boards: boards, Feed: feed, Hooks: hooks, Limits: limit.New(db, pg.Now), People: people,
	}
	c.Jobs = job.New(db, c.sweeps()...)
	return c, nil
}

// Close stops the jobs and drains the domains' queues, the ledger's last: the
// others post to it.
func (c *Core) Close(ctx context.Context) {
	c.Jobs.Stop(ctx)
	c.Hooks.Close(ctx)
	c.Referral.Close(ctx)
	c.Incentive.Close(ctx)
	c.Store.Close(ctx)
	c.Ledger.Close(ctx)
	c.Limits.Close(ctx)
	c.People.Close(ctx)
}

// Handler hangs the facades over the core into the shell.
func (c *Core) Handler(cfg Config, log *slog.Logger) (*httpapi.Server, error) {
	incentaFacade, err := incenta.New(c.Referral, c.Incentive, c.Boards, c.Ledger, c.Store)
	if err != nil {
		return nil, err
	}
	incentableFacade, err := incentable.New(c.Ledger, c.Store)
	if err != nil {
		return nil, err
	}
	managementFacade, err := management.New(c.Registry, c.Keys, c.Ledger, c.Store, c.Referral, c.Incentive, c.Feed, c.Jobs, c.People, c.Hooks)
	if err != nil {
		return nil, err
	}
	return httpapi.New(httpapi.Config{
		Keys: c.Keys, Limits: c.Limits, Log: log, Ready: c.DB.Ping,
		Facades: []*httpapi.Facade{incentaFacade, incentableFacade, managementFacade},
		Hosts:   map[string]tenant.Kind{cfg.IncentaHost: tenant.Incenta, cfg.IncentableHost: tenant.Incentable},
	})
}

// Database is an open database: the private one, or somebody else's.
type Database struct {
	*pg.DB
	URL     string
	Private bool
	server  *pglocal.Server
}

// OpenDatabase starts the private PostgreSQL where none is configured, brings
// the schema up and opens the pool.
func OpenDatabase(ctx context.Context, cfg Config, log *slog.Logger) (*Database, error) {
	d := &Database{URL: cfg.DatabaseURL, Private: cfg.DatabaseURL == ""}
	if d.Private {
		if err := os.MkdirAll(cfg.DataDir, 0o755); err != nil {
			return nil, fmt.Errorf("data folder: %w", err)
		}
		server, err := pglocal.Start(ctx, pglocal.Options{
			Dir: filepath.Join(cfg.DataDir, "pg"),
			Log: func(format string, args ...any) { log.Info(fmt.Sprintf(format, args...)) },
		})
		if err != nil {
			return nil, err
		}
		d.server, d.URL = server, server.URL()
	}
	if err := d.await(ctx, cfg, log); err != nil {
		d.Close(ctx)
		return nil, err
	}
	return d, nil
}

// await opens the database, waiting for one that is starting or recovering: it
// may have been started, or killed, together with us.
func (d *Database) await(ctx context.Context, cfg Config, log *slog.Logger) error {
	patience, cancel := context.WithTimeout(ctx, databasePatience)
	defer cancel()
	for attempt := 0; ; attempt++ {
		err := d.open(ctx, cfg)
		if err == nil || !pg.IsAway(err) {
			return err
		}
		if attempt == 0 {
			log.Info("waiting for the database", "error", err)
		}
		select {
		case <-patience.Done():
			return err
		case <-time.After(databasePoll):
		}
	}
}

func (d *Database) open(ctx context.Context, cfg Config) (err error) {
	if err := pg.Migrate(ctx, d.URL, 0); err != nil {
		return err
	}
	d.DB, err = pg.Open(ctx, pg.Config{URL: d.URL, MaxConns: cfg.DatabaseConnections, AllowVolatile: cfg.AllowVolatileDatabase})
	return err
}

// Close closes the pool and stops the private PostgreSQL.
func (d *Database) Close(ctx context.Context) {
	if d.DB != nil {
		d.DB.Close()
	}
	if d.server != nil {
		_ = d.server.Stop(ctx) // it has told its log; nobody else can mend it
	}
}

// gone is closed when the private PostgreSQL has ended for good.
func (d *Database) gone() <-chan struct{} {
	if d.server == nil {
		return nil
	}
	return d.server.Done()
}

// WithCore runs a tool on the configured database. A private one may be in use
// by a running server, which then lends it.
func WithCore(ctx context.Context, cfg Config, log *slog.Logger, run func(ctx context.Context, core *Core) error) error {
	if cfg.DatabaseURL == "" {
		if url, running := pglocal.Running(filepath.Join(cfg.DataDir, "pg")); running {
			cfg.DatabaseURL = url
		}
	}
	db, err := OpenDatabase(ctx, cfg, log)
	if err != nil {
		return err
	}
	defer db.Close(context.WithoutCancel(ctx))
	core, err := NewCore(ctx, db.DB)
	if err != nil {
		return err
	}
	defer core.Close(context.WithoutCancel(ctx))
	return run(ctx, core)
}

// Serve runs the server until ctx ends, then drains. announce is called once
// the server answers, with its base address and the path of demo.env, if any.
func Serve(ctx context.Context, cfg Config, log *slog.Logger, announce func(base string, demo *Demo)) error {
	tuneCollector()
	db, err := OpenDatabase(ctx, cfg, log)
	if err != nil {
		return err
	}
	defer func() {
		stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainPatience)
		defer cancel()
		db.Close(stop)
	}()
	core, err := NewCore(ctx, db.DB)
	if err != nil {
		return err
	}
	handler, err := core.Handler(cfg, log)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", cfg.Listen)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	base := "http://" + listener.Addr().String()
	var demo *Demo
	if db.Private {
		if demo, err = EnsureDemo(ctx, core, cfg.DataDir, base); err != nil {
			return fmt.Errorf("demo data: %w", err)
		}
	}
	operations, err := operationsListener(cfg, handler)
	if err != nil {
		return err
	}
	if err := core.Hooks.Start(ctx, log); err != nil {
		return fmt.Errorf("start webhooks: %w", err)
	}
	failed := make(chan error, 2)
	main := handler.Listener()
	go func() { failed <- main.Serve(listener) }()
	if operations != nil {
		go func() { failed <- operations.server.Serve(operations.listener) }()
	}
	core.Jobs.Start(log)
	announce(base, demo)
	select {
	case <-ctx.Done():
	case err = <-failed:
	case <-db.gone():
		err = fmt.Errorf("the private PostgreSQL is gone: %w", db.server.Err())
	}
	return errors.Join(err, drain(ctx, log, core, main, operations))
}

// tuneCollector trades memory for time: the live heap is a few megabytes, and
// the default would collect it many times a second, about a third of the
// process's work in a profile of awards without HTTP. The limit keeps the whole process well below 256 MiB under load.
func tuneCollector() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(800)
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(160 << 20)
	}
}

type operationsServer struct {
	server   *http.Server
	listener net.Listener
}

// operationsListener is for operators, never for the public.
func operationsListener(cfg Config, handler http.Handler) (*operationsServer, error) {
	if cfg.OperationsListen == "" {
		return nil, nil
	}
	listener, err := net.Listen("tcp", cfg.OperationsListen)
	if err != nil {
		return nil, fmt.Errorf("listen for operations: %w", err)
	}
	mux := http.NewServeMux()
	mux.Handle("/metrics", promhttp.Handler())
	mux.Handle("/livez", handler)
	mux.Handle("/readyz", handler)
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	return &operationsServer{&http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}, listener}, nil
}

func drain(ctx context.Context, log *slog.Logger, core *Core, main *http.Server, operations *operationsServer) error {
	log.Info("draining")
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainPatience)
	defer cancel()
	err := main.Shutdown(stop)
	core.Close(stop)
	if operations != nil {
		err = errors.Join(err, operations.server.Shutdown(stop))
	}
	return err
}

// AuditChecks are those of every package that has invariants on the books,
// besides the ledger's own.
func AuditChecks() []ledger.AuditCheck {
	return slices.Concat(store.AuditChecks(), referral.AuditChecks(), leaderboard.AuditChecks(), incentive.AuditChecks(), webhook.AuditChecks())
}

// Audit checks the invariants of every package that has any on the books.
func (c *Core) Audit(ctx context.Context, progress func(ledger.AuditProgress)) (ledger.AuditReport, error) {
	return ledger.Audit(ctx, c.DB, progress, AuditChecks()...)
}
