package job

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/incent-dev/incent/internal/pg"
	"github.com/incent-dev/incent/internal/pgtest"
)

// always is a sweep of one tenant that is always due.
func always(name string, tenantID int64, run func(context.Context, int64) error) Sweep {
	return Sweep{Name: name, Every: time.Millisecond, Due: func(context.Context) ([]int64, error) { return []int64{tenantID}, nil }, Run: run}
}

// logTo is a log that a test can read when it is over.
func logTo(b *bytes.Buffer) *slog.Logger {
	return slog.New(slog.NewTextHandler(b, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// While one process is at a tenant's sweep, others pass the tenant by; they work
// on other tenants, and on the tenant's other sweeps.
func TestProcessesShare(t *testing.T) {
	t.Parallel()
	mine, other := pg.NewKey(), pg.NewKey()
	begun, let := make(chan struct{}), make(chan struct{})
	busy := New(pgtest.DB())
	over := make(chan struct{})
	release := sync.OnceFunc(func() { close(let) })
	defer release()
	go func() {
		defer close(over)
		outcome, err := busy.visit(t.Context(), always("a", mine, func(context.Context, int64) error {
			close(begun)
			<-let
			return nil
		}), mine)
		if outcome != done || err != nil {
			t.Error(outcome, err)
		}
	}()
	select {
	case <-begun:
	case <-over:
		t.Fatal("it did not run")
	}
	second := New(pgtest.DB())
	visit := func(name string, tenantID int64, want string) {
		t.Helper()
		ran := false
		outcome, err := second.visit(t.Context(), always(name, tenantID, func(context.Context, int64) error { ran = true; return nil }), tenantID)
		if outcome != want || err != nil || ran != (want == done) {
			t.Errorf("sweep %s: %s, %v, ran: %v", name, outcome, err, ran)
		}
	}
	visit("a", mine, shared)
	visit("b", mine, done)
	visit("a", other, done)
	release()
	<-over
	visit("a", mine, done)
}

// A sweep that fails is logged and tried again with the next beat, and others are
// not kept from theirs. Stop waits for what is under way.
func TestBeats(t *testing.T) {
	t.Parallel()
	tenantID := pg.NewKey()
	var fails, works, server atomic.Int64
	all := func() bool { return fails.Load() >= 5 && works.Load() >= 5 && server.Load() >= 5 }
	enough, stopping := make(chan struct{}), make(chan struct{})
	begun := sync.OnceFunc(func() { close(enough) })
	var cutOff atomic.Bool
	r := New(pgtest.DB(),
		always("fails", tenantID, func(context.Context, int64) error { fails.Add(1); return errors.New("broken") }),
		Sweep{Name: "blind", Every: time.Hour, Due: func(context.Context) ([]int64, error) { return nil, errors.New("cannot see") }},
		Sweep{Name: "server", Every: time.Millisecond, Run: func(_ context.Context, id int64) error {
			server.Add(1)
			if id != 0 {
				t.Errorf("a sweep of the server is run for tenant %d", id)
			}
			return nil
		}},
		always("works", tenantID, func(ctx context.Context, id int64) error {
			if id != tenantID {
				t.Errorf("run for tenant %d", id)
			}
			if works.Add(1); all() {
				begun()
				<-ctx.Done()
				<-stopping
				cutOff.Store(true)
			}
			return nil
		}))
	var log bytes.Buffer
	r.Start(logTo(&log))
	select {
	case <-enough:
	case <-time.After(5 * time.Minute):
		t.Errorf("%d failures, %d runs, %d of the server's", fails.Load(), works.Load(), server.Load())
	}
	close(stopping)
	r.Stop(t.Context())
	if !cutOff.Load() {
		t.Error("Stop did not wait")
	}
	for _, want := range []string{`level=ERROR msg="sweep failed" sweep=fails`, "error=broken", "find what is due: cannot see", "level=DEBUG msg=swept sweep=works"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log lacks %s:\n%s", want, log.String())
		}
	}
}

// Tenant runs the sweeps in their order, also one that another process is at, and
// leaves the server's alone.
func TestTenantNow(t *testing.T) {
	t.Parallel()
	tenantID := pg.NewKey()
	var order []string
	note := func(name string) Sweep {
		return always(name, tenantID, func(context.Context, int64) error { order = append(order, name); return nil })
	}
	inner := New(pgtest.DB(), note("first"), Sweep{Name: "server", Run: func(context.Context, int64) error { return errors.New("not asked for") }}, note("second"))
	outcome, err := inner.visit(t.Context(), always("first", tenantID, func(ctx context.Context, id int64) error { return inner.Tenant(ctx, id) }), tenantID)
	if err != nil || outcome != done || strings.Join(order, " ") != "first second" {
		t.Errorf("%s, %v, ran %v", outcome, err, order)
	}
	waits := New(pgtest.DB(), always("waits", tenantID, func(context.Context, int64) error { return fmt.Errorf("others are at it: %w", ErrLater) }), note("third"))
	if outcome, err := waits.visit(t.Context(), waits.sweeps[0], tenantID); outcome != later || err != nil {
		t.Error(outcome, err)
	}
	if err := waits.Tenant(t.Context(), tenantID); err != nil || order[len(order)-1] != "third" {
		t.Errorf("what waits keeps others: %v, ran %v", err, order)
	}
	failing := New(pgtest.DB(), always("fails", tenantID, func(context.Context, int64) error { return errors.New("broken") }))
	if err := failing.Tenant(t.Context(), tenantID); err == nil || err.Error() != "sweep fails: broken" {
		t.Error(err)
	}
}
