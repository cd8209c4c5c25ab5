package crash

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/incent-dev/incent/internal/pg"
	"github.com/incent-dev/incent/internal/pglocal"
)

// site is a database with the servers that run on it.
type site struct {
	name    string
	servers []*server
	url     string // of the database, for its owner

	pidFile string          // embedded: of the private PostgreSQL
	own     *pglocal.Server // shared: the PostgreSQL that is ours

	mu    sync.RWMutex
	bases []string // of the servers that are believed to serve
	up    chan struct{}
}

// openEmbedded makes the site whose server runs its own PostgreSQL.
func openEmbedded(ctx context.Context, o Options, dir string) (*site, error) {
	if err := folder(dir); err != nil {
		return nil, err
	}
	place := filepath.Join(dir, "pg")
	s := &site{name: "embedded", pidFile: filepath.Join(place, "data", "postmaster.pid"), up: make(chan struct{})}
	s.add(o, dir, "INCENT_DATA_DIR="+dir)
	if err := s.ensure(ctx); err != nil {
		return nil, errors.Join(err, s.close())
	}
	url, found := pglocal.Running(place)
	if !found {
		return nil, errors.Join(fmt.Errorf("the server serves without a PostgreSQL in %s", place), s.close())
	}
	s.url = url
	return s, nil
}

// openShared makes the site whose two servers use a PostgreSQL of ours.
func openShared(ctx context.Context, o Options, dir string) (*site, error) {
	if err := folder(dir); err != nil {
		return nil, err
	}
	own, err := pglocal.Start(ctx, pglocal.Options{Dir: filepath.Join(dir, "pg")})
	if err != nil {
		return nil, err
	}
	s := &site{name: "shared", url: own.URL(), own: own, up: make(chan struct{})}
	for range 2 {
		s.add(o, dir, "INCENT_DATABASE_URL="+s.url, "INCENT_DATA_DIR="+filepath.Join(dir, "unused"))
	}
	return s, nil
}

func (s *site) add(o Options, dir string, settings ...string) {
	env := slices.DeleteFunc(os.Environ(), func(e string) bool { return strings.HasPrefix(e, "INCENT_") })
	s.servers = append(s.servers, &server{
		binary: o.Binary, env: append(env, settings...), logName: filepath.Join(dir, fmt.Sprintf("server-%d.log", len(s.servers)+1)),
	})
}

// ensure starts the servers that do not run and waits until all serve.
func (s *site) ensure(ctx context.Context) error {
	for _, srv := range s.servers {
		if srv.running() {
			continue
		}
		if err := srv.start(); err != nil {
			return err
		}
	}
	bases := make([]string, 0, len(s.servers))
	for _, srv := range s.servers {
		if err := srv.awaitReady(ctx); err != nil {
			return err
		}
		bases = append(bases, srv.base)
	}
	s.open(bases)
	return nil
}

// open lets clients in.
func (s *site) open(bases []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.bases = bases
	select {
	case <-s.up:
	default:
		close(s.up)
	}
}

// shut has clients wait once they notice.
func (s *site) shut() {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-s.up:
		s.up = make(chan struct{})
	default:
	}
}

// state is where the servers are (or were last), and what closes when they serve.
func (s *site) state() ([]string, <-chan struct{}) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.bases, s.up
}

// strike carries out a kill and brings everything back.
func (s *site) strike(ctx context.Context, k kill, rng *rand.Rand) error {
	postmaster, err := s.postmaster(ctx, 0)
	if err != nil {
		return err
	}
	s.shut()
	servers := func() {
		for _, i := range k.servers {
			_ = s.servers[i].cmd.Process.Kill()
		}
	}
	strokes := []func(){servers}
	if k.postgres {
		strokes = append(strokes, func() { _ = syscall.Kill(postmaster, syscall.SIGKILL) })
	}
	if k.backend {
		victims, err := children(ctx, postmaster)
		if err != nil {
			return err
		}
		strokes = append(strokes, func() {
			if len(victims) > 0 {
				_ = syscall.Kill(victims[rng.IntN(len(victims))], syscall.SIGKILL)
			}
		})
	}
	if k.reversed {
		slices.Reverse(strokes)
	}
	for i, stroke := range strokes {
		if i > 0 && len(k.servers) > 0 {
			pause(ctx, k.gap)
		}
		stroke()
	}
	for _, i := range k.servers {
		<-s.servers[i].gone
	}
	if k.await && s.own == nil && len(k.servers) > 0 {
		if err := awaitEnd(ctx, postmaster); err != nil {
			return err
		}
	}
	pause(ctx, k.rest)
	if k.stumbles() {
		if err := s.stumble(ctx, k); err != nil {
			return err
		}
	}
	if err := s.ensure(ctx); err != nil || !k.postgres {
		return err
	}
	// Processes of the dead PostgreSQL may answer for a moment.
	if _, err := s.postmaster(ctx, postmaster); err != nil {
		return err
	}
	return s.ensure(ctx)
}

// stumble starts the servers that were killed and kills them again before they
// serve, or just after; half the time with the PostgreSQL that they started.
func (s *site) stumble(ctx context.Context, k kill) error {
	for _, i := range k.servers {
		if err := s.servers[i].start(); err != nil {
			return err
		}
	}
	pause(ctx, k.stumble)
	recorded := 0
	if s.own == nil && k.reversed {
		recorded = recordedPID(s.pidFile)
	}
	for _, i := range k.servers {
		s.servers[i].kill()
	}
	if recorded != 0 && worksOn(ctx, recorded, filepath.Dir(s.pidFile)) {
		_ = syscall.Kill(recorded, syscall.SIGKILL)
	}
	return nil
}

// postmaster waits for PostgreSQL's first process to be there, and to be another
// one than the given. It must be ours or our server's, since it will be killed.
func (s *site) postmaster(ctx context.Context, not int) (int, error) {
	for deadline := time.Now().Add(readyPatience); ; pause(ctx, pollEvery) {
		pid := 0
		if s.own != nil {
			pid = s.own.PID()
		} else if recorded := recordedPID(s.pidFile); recorded != 0 && recorded != not && worksOn(ctx, recorded, filepath.Dir(s.pidFile)) {
			pid = recorded
		}
		if pid != 0 && pid != not {
			return pid, nil
		}
		if ctx.Err() != nil || time.Now().After(deadline) {
			return 0, fmt.Errorf("%s site: PostgreSQL is not there (%v)", s.name, ctx.Err())
		}
	}
}

// awaitEnd waits for a private PostgreSQL whose server is dead.
func awaitEnd(ctx context.Context, pid int) error {
	for deadline := time.Now().Add(orphanPatience); !ended(ctx, pid); pause(ctx, 4*pollEvery) {
		if err := ctx.Err(); err != nil {
			return err
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("the private PostgreSQL (process %d) outlived its server by %v", pid, orphanPatience)
		}
	}
	return nil
}

// lockTimeout is how long our own transactions wait for one of a server's, which may
// be paused at its own, or be that of a dead one.
const lockTimeout = 25 * time.Second

// database lends a pool of our own.
func (s *site) database(ctx context.Context, use func(*pg.DB) error) error {
	db, err := pg.Open(ctx, pg.Config{URL: s.url, MaxConns: 4, LockTimeout: lockTimeout})
	if err != nil {
		return err
	}
	defer db.Close()
	return use(db)
}

// close ends what the site started, with what may still be said about it.
func (s *site) close() error {
	var errs []error
	orphan := 0
	if s.own == nil && s.servers[0].running() {
		orphan = recordedPID(s.pidFile)
	}
	for _, srv := range s.servers {
		if err := srv.stop(); err != nil {
			errs = append(errs, fmt.Errorf("%s site: %w", s.name, err))
		}
	}
	ctx := context.Background()
	if orphan != 0 {
		errs = append(errs, awaitEnd(ctx, orphan))
	}
	if s.own != nil {
		errs = append(errs, s.own.Stop(ctx))
	}
	return errors.Join(errs...)
}

func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
