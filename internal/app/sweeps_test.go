package app_test

import (
	"bytes"
	"context"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/incent-dev/incent/internal/app"
	"github.com/incent-dev/incent/internal/ledger"
	"github.com/incent-dev/incent/internal/pg"
	"github.com/incent-dev/incent/internal/pgtest"
)

// A process whose jobs are started finds what is due by itself, on the fewest
// connections that it may be given, with callers beside it, and stops when it is
// told to.
func TestJobsFindWhatIsDue(t *testing.T) {
	db, err := pg.Open(t.Context(), pg.Config{URL: pgtest.URL(), AllowVolatile: true, MaxConns: 2, LockTimeout: pgtest.LockTimeout})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	core, err := app.NewCore(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	made := pgtest.Tenant(t)
	set := func(sql string) {
		t.Helper()
		if _, err := pgtest.DB().Exec(t.Context(), "UPDATE tenants SET "+sql+" WHERE tenant_id = $1", made.ID); err != nil {
			t.Fatal(err)
		}
	}
	set("expiry_policy = 'rolling', expiry_days = 10")
	for _, asset := range []ledger.Asset{ledger.Points, ledger.XP} {
		if _, err := core.Ledger.Post(t.Context(), made.ID, ledger.Command{Op: ledger.OpAward, Member: "ann", Asset: asset, Amount: 5}, nil); err != nil {
			t.Fatal(err)
		}
	}
	set("clock_offset_us = 11::bigint * 86400 * 1000000")
	var log bytes.Buffer
	logger := slog.New(slog.NewTextHandler(&log, nil))
	if err := core.Hooks.Start(t.Context(), logger); err != nil {
		t.Fatal(err)
	}
	core.Jobs.Start(logger)
	var callers sync.WaitGroup
	for range 8 {
		callers.Go(func() {
			for range 25 {
				_, err := core.Ledger.Post(t.Context(), made.ID, ledger.Command{Op: ledger.OpAward, Member: "bob", Asset: ledger.XP, Amount: 5}, nil)
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	callers.Wait()
	left := func() (n int) {
		t.Helper()
		err := pgtest.DB().QueryRow(t.Context(), `SELECT (SELECT count(*) FROM lots WHERE tenant_id = $1) + (SELECT count(*) FROM standing_moves WHERE tenant_id = $1)
			+ (SELECT count(*) FROM commits WHERE tenant_id = $1 AND (block IS NULL OR place IS NULL AND kinds <> '{}'))`, made.ID).Scan(&n)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	again := time.NewTicker(10 * time.Millisecond)
	defer again.Stop()
	patience := time.After(5 * time.Minute)
	for left() > 0 {
		select {
		case <-again.C:
		case <-patience:
			t.Fatalf("%d things are left to do: %s", left(), log.String())
		}
	}
	core.Close(context.WithoutCancel(t.Context()))
	if log.Len() > 0 {
		t.Errorf("the jobs say: %s", log.String())
	}
}
