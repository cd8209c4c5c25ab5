package incentive

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/incent-dev/incent/internal/ledger"
	"github.com/incent-dev/incent/internal/pg"
	"github.com/incent-dev/incent/internal/pgtest"
)

// doing makes an action that earns a point and one XP, and gives two servers.
func doing(t *testing.T) (pair [2]*Engine, tenantID int64) {
	t.Helper()
	pair, tenantID = engines(t), pgtest.Tenant(t).ID
	if _, err := pair[0].CreateAction(t.Context(), tenantID, Action{Key: "a", Name: "A", Type: Standard, Active: true, Pay: Pay{Coins: 1, XP: 1}}, nil); err != nil {
		t.Fatal(err)
	}
	return pair, tenantID
}

func record(t *testing.T, e *Engine, tenantID int64) {
	t.Helper()
	if _, err := e.Record(t.Context(), tenantID, NewEvent{Member: "ann", ActionKey: "a"}, nil); err != nil {
		t.Fatal(err)
	}
}

// places are how many activities the member's progress and the action's count say.
func places(t *testing.T, tenantID int64) (progress, counted int64) {
	t.Helper()
	err := pgtest.DB().QueryRow(t.Context(), `SELECT p.activities, c.activities FROM member_progress AS p
		JOIN action_counts AS c ON c.tenant_id = p.tenant_id AND c.member_id = p.member_id WHERE p.tenant_id = $1`, tenantID).Scan(&progress, &counted)
	if err != nil {
		t.Fatal(err)
	}
	return progress, counted
}

func audited(t *testing.T, tenantID int64) {
	t.Helper()
	report, err := ledger.AuditTenant(t.Context(), pgtest.DB(), tenantID, AuditChecks()...)
	if err != nil || len(report.Violations) > 0 {
		t.Errorf("audit: %v %v", report.Violations, err)
	}
}

// What a server knows by heart holds until another one stores something, and what it
// learnt in a transaction that came to nothing never holds.
func TestKnownByHeart(t *testing.T) {
	t.Parallel()
	pair, of := doing(t)
	e := pair[0]
	for range 3 {
		record(t, pair[0], of)
		record(t, pair[0], of)
		record(t, pair[1], of)
	}
	nothing := errors.New("nothing comes of it")
	_, err := pg.InTx(t.Context(), pgtest.DB(), func(ctx context.Context, tx pg.Tx) (struct{}, error) {
		s, err := arrive(ctx, tx, of, []NewEvent{{Member: "ann", ActionKey: "a"}})
		if err != nil {
			return struct{}{}, err
		}
		var pipe pg.Pipeline
		if _, err := e.record(ctx, tx, &pipe, s, make([]error, 1)); err != nil {
			return struct{}{}, err
		}
		return struct{}{}, errors.Join(pipe.Send(ctx, tx), nothing)
	})
	if !errors.Is(err, nothing) {
		t.Fatal(err)
	}
	record(t, pair[0], of)
	if progress, counted := places(t, of); progress != 10 || counted != 10 {
		t.Errorf("after 10 events there are %d activities, %d of the action", progress, counted)
	}
	audited(t, of)

	// What is known is not read: a row that was changed behind the engine's back is
	// stored as it was known.
	if _, err := pgtest.DB().Exec(t.Context(), "UPDATE action_counts SET activities = 50 WHERE tenant_id = $1", of); err != nil {
		t.Fatal(err)
	}
	record(t, pair[0], of)
	if _, counted := places(t, of); counted != 11 {
		t.Errorf("what is known by heart was read: %d activities of the action", counted)
	}
	audited(t, of)
}

// Lists count what waits to be counted, and the same after it was.
func TestTallies(t *testing.T) {
	t.Parallel()
	pair, of := doing(t)
	totals := func(want int64) {
		t.Helper()
		for _, f := range []ActivityFilter{
			{Limit: 2, Skip: 1}, {ActionKey: "a", Limit: 2}, {From: time.Now().Add(-time.Hour), To: time.Now().Add(time.Hour), Limit: 1},
		} {
			list, total, err := pair[1].Activities(t.Context(), of, f)
			if err != nil || total != want || len(list) != f.Limit {
				t.Errorf("%+v: %d of %d, %v; want %d of %d", f, len(list), total, err, f.Limit, want)
			}
		}
		audited(t, of)
	}
	for n := range int64(3) {
		for range 3 {
			record(t, pair[0], of)
		}
		totals(3*n + 3)
		if n == 1 {
			continue // counted with the next ones
		}
		if err := pair[0].Count(t.Context(), of); err != nil {
			t.Fatal(err)
		}
		totals(3*n + 3)
	}
	var waits bool
	if err := pgtest.DB().QueryRow(t.Context(), "SELECT EXISTS (SELECT FROM activity_tallies WHERE tenant_id = $1)", of).Scan(&waits); err != nil || waits {
		t.Errorf("after all was counted something waits: %t, %v", waits, err)
	}
}
