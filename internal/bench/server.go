package bench

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	readyPatience = time.Minute           // migrations included
	readyPoll     = 20 * time.Millisecond // between two looks
	drainPatience = 30 * time.Second      // before a server that does not stop is killed
	restPatience  = 2 * time.Minute       // for all that a row leaves behind
)

// server is a child process: this program's own `serve`.
type server struct {
	cmd        *exec.Cmd
	address    string
	operations string
	database   string // URL
	log        string // file
	ended      chan struct{}
}

// startServer starts a server on a database and waits until it is ready.
func startServer(ctx context.Context, program, dir, name, databaseURL string) (*server, error) {
	addresses, err := freeAddresses(2)
	if err != nil {
		return nil, err
	}
	s := &server{address: addresses[0], operations: addresses[1], database: databaseURL, log: filepath.Join(dir, name+".log"), ended: make(chan struct{})}
	log, err := os.Create(s.log)
	if err != nil {
		return nil, err
	}
	defer log.Close() // the child has its own
	s.cmd = exec.Command(program, "serve")
	s.cmd.Dir = dir
	s.cmd.Stdout, s.cmd.Stderr = log, log
	// Of our environment only what says how Go and the system run.
	s.cmd.Env = append(keep("PATH", "HOME", "TMPDIR", "GOMAXPROCS", "GOGC", "GOMEMLIMIT", "GODEBUG"),
		"INCENT_DATABASE_URL="+databaseURL, "INCENT_LISTEN="+s.address, "INCENT_OPERATIONS_LISTEN="+s.operations,
		"INCENT_DATA_DIR="+filepath.Join(dir, name))
	// Ctrl-C is for us; we stop the server after the load.
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := s.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the server: %w", err)
	}
	go func() { // ends with the process, which stop sees to
		_ = s.cmd.Wait()
		close(s.ended)
	}()
	if err := s.ready(ctx); err != nil {
		return nil, errors.Join(err, s.stop())
	}
	return s, nil
}

// freeAddresses are ports nobody listens on at this moment.
func freeAddresses(n int) ([]string, error) {
	addresses := make([]string, n)
	for i := range addresses {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer l.Close() // all at the end, so that they differ
		addresses[i] = l.Addr().String()
	}
	return addresses, nil
}

func keep(names ...string) (environment []string) {
	for _, name := range names {
		if value, set := os.LookupEnv(name); set {
			environment = append(environment, name+"="+value)
		}
	}
	return environment
}

func (s *server) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readyPatience)
	defer cancel()
	poll := time.NewTicker(readyPoll)
	defer poll.Stop()
	for {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.address+"/readyz", nil)
		if err != nil {
			return err
		}
		if answer, err := http.DefaultClient.Do(request); err == nil {
			_ = answer.Body.Close()
			if answer.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-poll.C:
		case <-s.ended:
			return fmt.Errorf("the server ended (%s): %s", s.cmd.ProcessState, tail(s.log))
		case <-ctx.Done():
			return fmt.Errorf("the server does not get ready: %w: %s", ctx.Err(), tail(s.log))
		}
	}
}

func (s *server) pid() int { return s.cmd.Process.Pid }

// stop drains the server. It is an error when it does not end well by itself.
func (s *server) stop() error {
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-s.ended:
		if !s.cmd.ProcessState.Success() {
			return fmt.Errorf("the server ended badly (%s): %s", s.cmd.ProcessState, tail(s.log))
		}
		return nil
	case <-time.After(drainPatience):
		_ = s.cmd.Process.Kill()
		<-s.ended
		return fmt.Errorf("the server did not stop within %s: %s", drainPatience, tail(s.log))
	}
}

// tail is the end of a log, for an error.
func tail(path string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	return string(text[max(0, len(text)-1000):])
}

// waiting is whether a server has something left to do that happens by itself:
// transfers to seal, events to number, moves that standings do not count yet,
// endpoints of which something is left.
const waiting = `SELECT EXISTS (SELECT FROM commits WHERE block IS NULL) OR EXISTS (SELECT FROM commits WHERE place IS NULL AND kinds <> '{}')
	OR EXISTS (SELECT FROM standing_moves) OR EXISTS (SELECT FROM activity_tallies) OR EXISTS (SELECT FROM webhook_endpoints WHERE state = 'deleted')`

// rest waits until the server has nothing left to do but to answer.
func (s *server) rest(ctx context.Context) error {
	conn, err := pgx.Connect(ctx, s.database)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	for {
		var busy bool
		if err := conn.QueryRow(ctx, waiting).Scan(&busy); err != nil || !busy {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(readyPoll):
		}
	}
}
