package pglocal

import (
	"context"
	"net/url"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
)

// The superuser made by initdb, and the database made for the application.
const (
	role     = "incent_owner"
	database = "incent"
)

// Options of Start. Only Dir is required.
type Options struct {
	// Dir is made when missing, readable by its owner only. As root it comes to
	// belong to the user PostgreSQL runs as; its parents are left alone.
	Dir string

	// BinDir is the folder of the programs postgres and initdb; empty: look in
	// the usual places.
	BinDir string

	// Volatile trades durability for speed: for tests.
	Volatile bool

	// Settings are further settings of PostgreSQL; they win over the defaults.
	Settings map[string]string

	// Log receives progress in sentences for people; nil: silence.
	Log func(format string, args ...any)

	// watch makes Linux use the watcher of the other systems (tests).
	watch bool
}

// Server is a running private PostgreSQL. Its methods may be called from
// anywhere, at any time.
type Server struct {
	o    Options
	dir  string // Options.Dir, absolute and without symbolic links
	data string
	sock string // folder of the socket

	bin  binaries
	as   identity
	lock *os.File
	log  *os.File

	pid    atomic.Int64
	life   context.Context // ends when Stop is called
	cancel context.CancelFunc
	hurry  chan struct{} // closed when Stop's caller can wait no longer
	once   sync.Once     // guards hurry
	done   chan struct{}
	err    error // written before done closes
}

// Start returns once PostgreSQL accepts connections and the database exists. It
// makes the cluster when there is none, and adopts or clears away whatever an
// earlier owner left behind. ctx bounds the start only (recovery after a crash may
// take minutes), not the life of the server.
func Start(ctx context.Context, o Options) (*Server, error) {
	s := &Server{o: o, hurry: make(chan struct{}), done: make(chan struct{})}
	s.life, s.cancel = context.WithCancel(context.Background())
	started := make(chan error, 1)
	go s.run(ctx, started)
	if err := <-started; err != nil {
		<-s.done
		return nil, err
	}
	return s, nil
}

// run is the server's one goroutine. Every process is started from here because
// the parent-death signal is tied to the starting *thread*: the thread must live
// as long as PostgreSQL does.
func (s *Server) run(ctx context.Context, started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer close(s.done)
	defer s.release()

	p, err := s.begin(ctx)
	started <- err
	if err == nil {
		s.err = s.supervise(p)
	}
}

func (s *Server) begin(ctx context.Context) (*process, error) {
	if err := s.claim(ctx); err != nil {
		return nil, err
	}
	major, err := s.clusterMajor()
	if err != nil {
		return nil, err
	}
	if s.bin, err = findBinaries(ctx, s.o.BinDir, major); err != nil {
		return nil, err
	}
	if err := s.assume(ctx); err != nil {
		return nil, err
	}
	if err := s.makeSocketFolder(ctx); err != nil {
		return nil, err
	}
	if major == 0 {
		if err := s.initdb(ctx); err != nil {
			return nil, err
		}
	}
	return s.launch(ctx)
}

// release gives up what claim and makeSocketFolder took.
func (s *Server) release() {
	s.cancel()
	s.pid.Store(0)
	if s.sock != "" {
		_ = os.RemoveAll(s.sock)
	}
	if s.log != nil {
		_ = s.log.Close()
	}
	if s.lock != nil {
		releaseLock(s.lock)
	}
}

// URL is the address of the database, for the superuser: a connection string
// over the socket that stays the same across restarts of PostgreSQL.
func (s *Server) URL() string { return s.url(database) }

func (s *Server) url(database string) string { return address(s.sock, database) }

func address(socket, database string) string {
	q := url.Values{"host": {socket}, "port": {port}, "sslmode": {"disable"}}
	u := url.URL{Scheme: "postgres", User: url.User(role), Path: "/" + database, RawQuery: q.Encode()}
	return u.String()
}

// PID is the postmaster's process id, 0 while there is none.
func (s *Server) PID() int { return int(s.pid.Load()) }

// Done closes when PostgreSQL is gone for good: after Stop, or because it could
// not be kept running; Err tells.
func (s *Server) Done() <-chan struct{} { return s.done }

// Err is nil while the server runs and after a clean stop.
func (s *Server) Err() error {
	select {
	case <-s.done:
		return s.err
	default:
		return nil
	}
}

// Stop shuts PostgreSQL down and waits until it is gone: open transactions are
// rolled back, everything committed is kept. Close the pools before. When ctx
// ends first PostgreSQL is made to quit at once, and recovers at its next start;
// the call still returns only when it is gone. Calling it again is harmless.
func (s *Server) Stop(ctx context.Context) error {
	s.cancel()
	select {
	case <-s.done:
	case <-ctx.Done():
		s.once.Do(func() { close(s.hurry) })
		<-s.done
	}
	return s.err
}

func (s *Server) say(format string, args ...any) {
	if s.o.Log != nil {
		s.o.Log(format, args...)
	}
}
