package apptest

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/incent-dev/incent/internal/app"
	"github.com/incent-dev/incent/internal/limit"
	"github.com/incent-dev/incent/internal/pg"
	"github.com/incent-dev/incent/internal/pgtest"
	"github.com/incent-dev/incent/internal/tenant"
)

const (
	// poolSize is the connections of one server; two and the tests' own pool
	// stay below the cluster's limit.
	poolSize = 24

	// alonePool is those of a server with one tenant: each new one learns all
	// statements anew.
	alonePool = 8

	stopPatience = 2 * time.Minute
)

// running is the pair of servers that all tests of a binary share.
var running struct {
	once      sync.Once
	err       error
	instances []*instance // several processes of one installation
	facades   map[tenant.Kind]*Facade
	log       alarm
}

// instance is one server as a process would have it.
type instance struct {
	db      *pg.DB
	core    *app.Core
	handler http.Handler
	server  *http.Server
	url     string
}

// Main runs a package's tests around one PostgreSQL and two servers on it. The
// checks run after a full run that passed; one filtered by -run proves less.
func Main(m *testing.M, checks ...func() error) {
	code := pgtest.Run(func() int {
		code := m.Run()
		errs := []error{stop(), running.log.verdict()}
		if code == 0 && full() {
			for _, check := range checks {
				errs = append(errs, check())
			}
		}
		if code == 0 && running.facades != nil {
			errs = append(errs, audit(context.Background()))
		}
		return verdict(code, errors.Join(errs...))
	})
	callers.CloseIdleConnections()
	if code == 0 {
		code = verdict(code, leaked())
	}
	os.Exit(code)
}

// leaked are goroutines that do not end, however long a busy machine takes.
func leaked() error {
	for deadline := time.Now().Add(stopPatience); ; {
		if err := goleak.Find(); err == nil || time.Now().After(deadline) {
			return err
		}
	}
}

func verdict(code int, err error) int {
	if err == nil {
		return code
	}
	fmt.Fprintln(os.Stderr, err)
	return max(code, 1)
}

// full tells whether no flag left a test out.
func full() bool {
	for _, name := range []string{"test.run", "test.skip", "test.list"} {
		if flag.Lookup(name).Value.String() != "" {
			return false
		}
	}
	return running.facades != nil
}

func start() error {
	for range 2 {
		i, err := newInstance(context.Background(), pgtest.URL(), poolSize, &running.log)
		if err != nil {
			return fmt.Errorf("start server: %w", err)
		}
		running.instances = append(running.instances, i)
	}
	var err error
	running.facades, err = readFacades(running.instances[0].handler)
	return err
}

func serverConfig() app.Config {
	return app.Config{IncentaHost: "api.incenta.dev", IncentableHost: "api.incentable.com"}
}

func newInstance(ctx context.Context, database string, connections int32, log slog.Handler) (*instance, error) {
	db, err := pg.Open(ctx, pg.Config{URL: database, AllowVolatile: true, MaxConns: connections})
	if err != nil {
		return nil, err
	}
	core, err := app.NewCore(ctx, db)
	if err != nil {
		return nil, err
	}
	if err := core.Hooks.Start(ctx, slog.New(log)); err != nil {
		return nil, err
	}
	handler, err := core.Handler(serverConfig(), slog.New(log))
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	i := &instance{db: db, core: core, handler: handler, server: handler.Listener(), url: "http://" + listener.Addr().String()}
	go i.server.Serve(listener) // ends in stop
	return i, nil
}

func stop() error {
	ctx, cancel := context.WithTimeout(context.Background(), stopPatience)
	defer cancel()
	callers.CloseIdleConnections()
	var err error
	for _, i := range running.instances {
		err = errors.Join(err, i.stop(ctx))
	}
	return err
}

func (i *instance) stop(ctx context.Context) error {
	err := i.server.Shutdown(ctx)
	i.core.Close(ctx)
	i.db.Close()
	return err
}

// Server is one test's view of the running servers.
type Server struct {
	Tenant tenant.Tenant
	Core   *app.Core

	Incenta, Incentable, Management *Client

	t        testing.TB
	instance *instance
}

// Start gives a test a tenant of its own on the first server.
func Start(t testing.TB) *Server {
	t.Helper()
	started(t)
	return viewOf(t, running.instances[0], pgtest.Tenant(t))
}

func started(t testing.TB) {
	t.Helper()
	running.once.Do(func() { running.err = start() })
	if running.err != nil {
		t.Fatal(running.err)
	}
}

// Alone gives a test a server and a database of its own, for one that looks at all
// of a database, or keeps others from it. The server's log goes to the test.
func Alone(t testing.TB, log slog.Handler) (s *Server, database string) {
	t.Helper()
	started(t)
	database = pgtest.Database(t)
	if err := pg.Migrate(t.Context(), database, 0); err != nil {
		t.Fatal(err)
	}
	i, err := newInstance(t.Context(), database, alonePool, log)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), stopPatience)
		defer cancel()
		callers.CloseIdleConnections()
		if err := i.stop(ctx); err != nil {
			t.Error(err)
		}
	})
	made, err := tenant.Create(t.Context(), i.db, t.Name(), tenant.Test)
	if err != nil {
		t.Fatal(err)
	}
	return viewOf(t, i, made), database
}

// Twin is the same tenant, with the same keys, on the second server.
func (s *Server) Twin() *Server {
	return s.on(running.instances[1])
}

func (s *Server) on(i *instance) *Server {
	twin := *s
	twin.instance = i
	twin.Core = twin.instance.core
	for _, c := range []**Client{&twin.Incenta, &twin.Incentable, &twin.Management} {
		if *c != nil {
			copied := **c
			copied.url = twin.instance.url
			copied.handler = twin.instance.handler
			*c = &copied
		}
	}
	return &twin
}

// Own is the same tenant, with the same keys, on a server of the test's own, whose
// limits go by the test's clock and whose log goes to it.
func (s *Server) Own(now func() time.Time, log slog.Handler) *Server {
	s.t.Helper()
	core := *s.Core
	core.Limits = limit.New(core.DB, now)
	handler, err := core.Handler(serverConfig(), slog.New(log))
	if err != nil {
		s.t.Fatal(err)
	}
	server := httptest.NewServer(handler)
	s.t.Cleanup(func() {
		server.Close()
		core.Limits.Close(context.Background())
	})
	return s.on(&instance{core: &core, handler: handler, url: server.URL})
}

// Live makes the live-mode tenant of the same programme.
func (s *Server) Live() *Server {
	s.t.Helper()
	live, err := tenant.Create(s.t.Context(), s.Core.DB, s.Tenant.Name, tenant.Live)
	if err != nil {
		s.t.Fatal(err)
	}
	return viewOf(s.t, s.instance, live)
}

func viewOf(t testing.TB, i *instance, of tenant.Tenant) *Server {
	t.Helper()
	auditLater(t, i.core, of)
	s := &Server{Tenant: of, Core: i.core, t: t, instance: i}
	s.Incenta = s.client(tenant.Incenta)
	s.Incentable = s.client(tenant.Incentable)
	s.Management = s.client(tenant.Management)
	return s
}

// Client is the caller of a facade; nil where the server has no such facade.
func (s *Server) Client(kind tenant.Kind) *Client {
	return map[tenant.Kind]*Client{tenant.Incenta: s.Incenta, tenant.Incentable: s.Incentable, tenant.Management: s.Management}[kind]
}

func (s *Server) client(kind tenant.Kind) *Client {
	s.t.Helper()
	f := running.facades[kind]
	if f == nil {
		return nil
	}
	return &Client{Facade: f, Key: s.NewKey(kind, "read", "write").Text, t: s.t, url: s.instance.url, prefix: f.Base, handler: s.instance.handler}
}

// NewKey makes another key of the tenant.
func (s *Server) NewKey(kind tenant.Kind, scopes ...string) tenant.NewKey {
	s.t.Helper()
	key, err := s.Core.Keys.CreateKey(s.t.Context(), s.Core.DB, s.Tenant, kind, "Test", scopes)
	if err != nil {
		s.t.Fatal(err)
	}
	return key
}

// Clients lists the callers of all facades that the server has.
func (s *Server) Clients() []*Client {
	var all []*Client
	for _, kind := range []tenant.Kind{tenant.Incenta, tenant.Incentable, tenant.Management} {
		if c := s.Client(kind); c != nil {
			all = append(all, c)
		}
	}
	return all
}

// alarm is the servers' log: what is an error there is a failure here.
type alarm struct {
	mu      sync.Mutex
	errors  []error
	dropped int
}

// maxAlarms bounds how much of a storm is repeated.
const maxAlarms = 20

func (a *alarm) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelError }
func (a *alarm) WithAttrs([]slog.Attr) slog.Handler               { return a }
func (a *alarm) WithGroup(string) slog.Handler                    { return a }

func (a *alarm) Handle(_ context.Context, r slog.Record) error {
	text := "server log: " + r.Message
	r.Attrs(func(attr slog.Attr) bool {
		text += " " + attr.String()
		return true
	})
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.errors) == maxAlarms {
		a.dropped++
		return nil
	}
	a.errors = append(a.errors, errors.New(text))
	return nil
}

func (a *alarm) verdict() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.dropped > 0 {
		return fmt.Errorf("%w\nand %d more", errors.Join(a.errors...), a.dropped)
	}
	return errors.Join(a.errors...)
}
