package bench

import (
	"errors"
	"sync/atomic"
	"testing"

	"github.com/incent-dev/incent/internal/leaderboard"
	"github.com/incent-dev/incent/internal/ledger"
	"github.com/incent-dev/incent/internal/pg"
	"github.com/incent-dev/incent/internal/pgtest"
)

// TestRankedIsWhatTheServerWouldHaveWritten audits a board that was filled in,
// then goes on with it.
func TestRankedIsWhatTheServerWouldHaveWritten(t *testing.T) {
	ctx := t.Context()
	owner, _, err := newTenant(ctx, pgtest.DB(), t.Name())
	if err != nil {
		t.Fatal(err)
	}
	k := ranked{Tenant: owner.ID, Members: 3000}
	var rows atomic.Int64
	if err := k.make(ctx, pgtest.DB(), pgtest.URL(), pg.Now(), func(n int) { rows.Add(int64(n)) }); err != nil {
		t.Fatal(err)
	}
	if rows.Load() != k.rows() {
		t.Errorf("made %d rows, announced %d", rows.Load(), k.rows())
	}
	books := ledger.New(pgtest.DB())
	books.Follow(ledger.XP, leaderboard.Move)
	defer books.Close(ctx)
	boards := leaderboard.New(pgtest.DB(), books)
	last := "mem_000003000"
	if _, err := books.Post(ctx, owner.ID, ledger.Command{Op: ledger.OpAward, Member: last, Asset: ledger.XP, Amount: 1_000_000}, nil); err != nil {
		t.Fatal(err)
	}
	if s, err := boards.Standing(ctx, owner.ID, last, leaderboard.Choice{}, 0); err != nil || s.Rank != 1 {
		t.Errorf("the best one stands at %+v (%v)", s, err)
	}
	if page, err := boards.Top(ctx, owner.ID, leaderboard.Choice{}, 100, 2950); err != nil || len(page) != 50 || page[49].Rank != 3000 {
		t.Errorf("the last page has %d places (%v), want 50", len(page), err)
	}
	report, err := ledger.AuditTenant(ctx, pgtest.DB(), owner.ID, leaderboard.AuditChecks()...)
	for _, v := range report.Violations {
		err = errors.Join(err, errors.New(v.String()))
	}
	if err != nil {
		t.Errorf("audit: %v", err)
	}
}
