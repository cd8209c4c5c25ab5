package pglocal

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

const (
	// A postmaster that dies sooner than this after its start died early.
	earlyDeath = 10 * time.Second
	// So many early deaths in a row mean that starting it again does not help.
	maxEarlyDeaths = 3
	// Leftovers that cannot be ended get this long to notice that their
	// postmaster is gone; they do when they next wait for something.
	leftoverPatience = 30 * time.Second
	// One attempt to connect. A postmaster that is there answers in milliseconds.
	connectTimeout = 5 * time.Second
)

// supervise keeps PostgreSQL running until Stop. An error says why it is gone.
func (s *Server) supervise(p *process) error {
	early := 0
	for {
		select {
		case <-s.life.Done():
			return s.shutdown(p)
		case <-p.gone:
		}
		s.pid.Store(0)
		died := fmt.Errorf("PostgreSQL ended by itself (%s)%s", p.ending, s.tail(p.logFrom))
		// SIGKILL comes from outside (an operator, the kernel short of memory)
		// and says nothing about whether PostgreSQL can run.
		if p.killed || time.Since(p.born) >= earlyDeath {
			early = 0
		} else {
			early++
		}
		s.say("PostgreSQL went away (%s); starting it again", p.ending)
		for p = nil; p == nil; {
			if early >= maxEarlyDeaths {
				return fmt.Errorf("gave up on PostgreSQL after %d early deaths in a row: %w", early, died)
			}
			if p, died = s.launch(s.life); died != nil {
				if s.life.Err() != nil {
					return nil
				}
				early++
			}
		}
	}
}

// launch returns a postmaster that accepts connections: an adopted orphan, or a
// new one.
func (s *Server) launch(ctx context.Context) (*process, error) {
	for patience := time.Now().Add(leftoverPatience); ; {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if orphan, err := s.settle(ctx); err != nil {
			return nil, err
		} else if orphan != nil {
			s.pid.Store(int64(orphan.pid))
			return orphan, nil
		}
		p, err := s.spawn()
		if err != nil {
			return nil, err
		}
		if err = s.awaitReady(ctx, p); err == nil {
			s.pid.Store(int64(p.pid))
			s.say("PostgreSQL %d is ready (process %d, folder %s)", s.bin.major, p.pid, s.dir)
			return p, nil
		}
		_ = s.shutdown(p)
		// Leftovers still hold the shared memory of the dead postmaster.
		if !strings.Contains(err.Error(), "still in use") || time.Now().After(patience) {
			return nil, err
		}
		pause(ctx, 50*time.Millisecond)
	}
}

// settle deals with what the last postmaster left. The orphan it returns is fit
// to be used; nil means that the way is free for a new one.
func (s *Server) settle(ctx context.Context) (*process, error) {
	pid, err := s.recordedPID()
	if err != nil {
		return nil, err
	}
	// A file that names no process at all is left to PostgreSQL, which checks more.
	if pid != 0 && !errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
		line := commandLine(pid)
		if !strings.Contains(line+" ", " -D "+s.data+" ") {
			// Another program was given the same number since (after a restart of
			// a container, say), or the postmaster is dead but its parent has not
			// collected it. PostgreSQL would believe the file and refuse.
			s.say("removing the stale process file of a former PostgreSQL (process %d is none)", pid)
			endLeftovers(s.data)
			return nil, s.forgetPID()
		}
		p := adopt(pid)
		if line == strings.Join(s.argv(), " ") && s.open(ctx) == nil {
			s.say("PostgreSQL still runs (process %d, folder %s); taking it over", pid, s.dir)
			return p, nil
		}
		s.say("ending a former PostgreSQL (process %d)", pid)
		if err := s.shutdown(p); err != nil {
			s.say("%v", err)
		}
	}
	endLeftovers(s.data)
	return nil, s.clearSocketFolder()
}

// awaitReady returns when PostgreSQL accepts connections and has the database.
// While the process lives there is no limit but ctx: recovery takes its time.
func (s *Server) awaitReady(ctx context.Context, p *process) error {
	wait := 10 * time.Millisecond
	for {
		err := s.open(ctx)
		if err == nil {
			return nil
		}
		var refused *pgconn.PgError
		if errors.As(err, &refused) && strings.HasPrefix(refused.Code, "28") {
			return fmt.Errorf("the cluster in %s does not let %s in: %w", s.data, role, err)
		}
		select {
		case <-p.gone:
			return fmt.Errorf("PostgreSQL did not start (%s)%s", p.ending, s.tail(p.logFrom))
		case <-ctx.Done():
			return fmt.Errorf("waiting for PostgreSQL to start: %w (last: %v)", ctx.Err(), err)
		case <-time.After(wait):
		}
		if time.Since(p.born) > time.Second {
			wait = 100 * time.Millisecond
		}
	}
}

// open connects once and makes the database when it is missing, which it also is
// when the owner died right after initdb.
func (s *Server) open(ctx context.Context) error {
	attempt, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	conn, err := pgconn.Connect(attempt, s.url("postgres"))
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(ctx) }()
	found := conn.ExecParams(attempt, "SELECT 1 FROM pg_database WHERE datname = $1", [][]byte{[]byte(database)}, nil, nil, nil).Read()
	if found.Err != nil {
		return fmt.Errorf("look for the database: %w", found.Err)
	}
	if len(found.Rows) > 0 {
		return nil
	}
	// It copies a database to the disk, which takes a slow one longer.
	if _, err := conn.Exec(ctx, "CREATE DATABASE "+database).ReadAll(); err != nil {
		return fmt.Errorf("create the database: %w", err)
	}
	return nil
}

// shutdown ends a postmaster, harder at each step, and returns when it is gone.
func (s *Server) shutdown(p *process) error {
	steps := []struct {
		signal syscall.Signal
		wait   time.Duration
		hurry  <-chan struct{}
	}{
		{syscall.SIGINT, 20 * time.Second, s.hurry}, // disconnect everybody, write a checkpoint
		{syscall.SIGQUIT, 8 * time.Second, nil},     // at once; kills stuck children after 5 s itself
		{syscall.SIGKILL, 5 * time.Second, nil},     // for a stopped or otherwise deaf process
	}
	for i, step := range steps {
		select {
		case <-p.gone:
			return nil
		default:
			_ = syscall.Kill(p.pid, step.signal)
		}
		select {
		case <-p.gone:
			if i == 0 {
				return nil
			}
			endLeftovers(s.data)
			return fmt.Errorf("PostgreSQL (process %d) did not stop in time and was ended by %v; it will recover when it next starts", p.pid, step.signal)
		case <-step.hurry:
		case <-time.After(step.wait):
		}
	}
	return fmt.Errorf("PostgreSQL (process %d) cannot be ended", p.pid)
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
