package ledger

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/incent-dev/incent/gen/query"
	"github.com/incent-dev/incent/internal/pg"
	"github.com/incent-dev/incent/internal/pgtest"
	"github.com/incent-dev/incent/internal/tenant"
)

// TestApplyAgainstModel runs random sequences through Apply on a real database,
// at instants of its own choosing.
func TestApplyAgainstModel(t *testing.T) {
	sequences(t, "400")
	l := New(pgtest.DB())
	t.Cleanup(func() { l.Close(context.Background()) })
	rapid.Check(t, func(r *rapid.T) {
		made := pgtest.Tenant(t)
		w := newWorld(r)
		for range rapid.SampledFrom([]int{5, 10, 25}).Draw(r, "steps") {
			w.moveClock(r)
			if rapid.IntRange(0, 9).Draw(r, "new policy") == 0 {
				w.policy = drawPolicy(r)
			}
			made.Policy = w.policy
			at := w.now.Add(-drawSkew(r))
			commands := make([]Command, rapid.SampledFrom([]int{1, 1, 2, 6}).Draw(r, "batch"))
			for i := range commands {
				commands[i] = w.drawCommand(r)
			}
			results, err := applyAt(t.Context(), pgtest.DB(), made, at, commands)
			if err != nil {
				r.Fatal(err)
			}
			w.expect(r, commands, at, results)
		}
		w.compare(r, t, l, made.ID, true)
	})
}

// applyAt carries out commands in one transaction at an instant.
func applyAt(ctx context.Context, db *pg.DB, made tenant.Tenant, at time.Time, commands []Command) ([]Result, error) {
	for {
		results, err := pg.InTx(ctx, db, func(ctx context.Context, tx pg.Tx) ([]Result, error) {
			var pipe pg.Pipeline
			results, err := Apply(ctx, tx, &pipe, made, at, commands)
			if err != nil {
				return nil, err
			}
			return results, pipe.Send(ctx, tx)
		})
		var unopened *UnopenedError
		if !errors.As(err, &unopened) {
			return results, err
		}
		if err := Open(ctx, db, made.ID, unopened); err != nil {
			return nil, err
		}
	}
}

// expect carries the commands out on the model too, and compares what they came to.
func (w *world) expect(r *rapid.T, commands []Command, at time.Time, results []Result) {
	for i, want := range w.do(commands, at) {
		r.Logf("%s %+v: %q", at.Format(time.RFC3339Nano), commands[i], want)
		if got := code(results[i].Err); got != want {
			r.Fatalf("the ledger says %v, the model %q", results[i].Err, want)
		}
	}
	last := map[holder]Holding{}
	for i, c := range commands {
		last[holder{c.Member, c.Asset}] = results[i].Holding
	}
	for h, got := range last {
		if a := w.accounts[h]; a != nil && got != a.holding() {
			r.Fatalf("%v: the ledger answers %+v, the model has %+v", h, got, a.holding())
		}
	}
}

func (a *modelAccount) holding() Holding { return Holding{a.balances(), a.earned, a.redeemed} }

// compare looks for any difference between what the ledger has stored and the
// model: balances, lifetime totals, all transfers, and the shown history. Times
// are compared where the model knows them.
func (w *world) compare(r *rapid.T, t *testing.T, l *Ledger, tenantID int64, timed bool) {
	for _, h := range w.holders() {
		a := w.accounts[h]
		got, err := l.Balance(t.Context(), tenantID, h.member, h.asset)
		if err != nil || got != a.holding() {
			r.Fatalf("%v: the ledger has %+v (%v), the model %+v", h, got, err, a.holding())
		}
		lines, err := linesOf(t.Context(), tenantID, h)
		if err != nil {
			r.Fatal(err)
		}
		if len(lines) != len(a.lines) {
			r.Fatalf("%v: the ledger has %d transfers, the model %d", h, len(lines), len(a.lines))
		}
		shown := 0
		for i, want := range a.lines {
			if !timed {
				want.at = lines[i].at
			}
			if lines[i] != want {
				r.Fatalf("%v transfer %d: the ledger has %+v, the model %+v", h, i+1, lines[i], want)
			}
			if want.what != "hold" && want.what != "cancel_hold" && want.what != "repay" {
				shown++
			}
		}
		history, err := l.History(t.Context(), tenantID, h.member, h.asset, Span{Page: 1, PerPage: 1})
		if err != nil || history.Total != int64(shown) {
			r.Fatalf("%v: the history has %d (%v), the model %d", h, history.Total, err, shown)
		}
	}
	if rapid.IntRange(0, 4).Draw(r, "audit") > 0 {
		return // it costs more than the sequence
	}
	report, err := AuditTenant(t.Context(), pgtest.DB(), tenantID)
	if err != nil || len(report.Violations) > 0 {
		r.Fatalf("the audit: %v %v", report.Violations, err)
	}
}

// linesOf reads all transfers of an account as the model writes them down.
func linesOf(ctx context.Context, tenantID int64, h holder) ([]modelLine, error) {
	transfers, err := transfersOf(ctx, tenantID, h)
	lines := make([]modelLine, len(transfers))
	for i, x := range transfers {
		lines[i] = lineOf(x)
	}
	return lines, err
}

// transfersOf reads all transfers of an account, oldest first.
func transfersOf(ctx context.Context, tenantID int64, h holder) ([]Transfer, error) {
	m, err := q.MemberGet(ctx, pgtest.DB(), query.MemberGetParams{TenantID: tenantID, ExternalID: h.member})
	if pg.IsNoRows(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	rows, err := q.TransferListRange(ctx, pgtest.DB(), query.TransferListRangeParams{
		TenantID: tenantID, MemberID: m.ID, Asset: int16(h.asset), Oldest: 1, Newest: 1 << 40,
	})
	transfers := make([]Transfer, len(rows))
	for i, row := range rows {
		transfers[len(rows)-1-i] = transferFromRow(row.Transfer, m.MemoKey, row.LotExpiresAt)
	}
	return transfers, err
}

// TestPostAgainstModel runs random sequences through Post and PostMany, where
// commands about different accounts are under way at the same time, with the
// tenant's clock moved by whole days.
func TestPostAgainstModel(t *testing.T) {
	sequences(t, "150")
	l := New(pgtest.DB())
	t.Cleanup(func() { l.Close(context.Background()) })
	rapid.Check(t, func(r *rapid.T) {
		made := pgtest.Tenant(t)
		w := newWorld(r)
		started := pg.Now()
		// What a hold's end is compared with comes from the machine's clock, so
		// it must not be near: half a day is.
		w.holdUntil = 12 * time.Hour
		for range rapid.SampledFrom([]int{4, 8, 16}).Draw(r, "steps") {
			// The model's clock ticks as the machine's does: between two steps
			// a little, or a little more than so many days.
			w.now = w.now.Add(time.Microsecond)
			w.now = w.now.AddDate(0, 0, rapid.SampledFrom([]int{0, 0, 0, 1, 5, 10, 30, 400}).Draw(r, "days"))
			if rapid.IntRange(0, 9).Draw(r, "new policy") == 0 {
				w.policy = drawPolicy(r)
			}
			must(t, setTenant(t.Context(), made.ID, w.policy, w.now.Sub(started)))
			commands := w.drawOnePerAccount(r)
			must(t, enrolGiven(t.Context(), made, commands))
			results := make([]Result, len(commands))
			if rapid.Bool().Draw(r, "in one request") {
				var err error
				results, err = l.PostMany(t.Context(), made.ID, commands, nil)
				must(t, err)
			} else {
				postAll(t.Context(), l, made.ID, commands, results)
			}
			w.expect(r, commands, w.now, results)
			if rapid.IntRange(0, 2).Draw(r, "sweep") == 0 {
				w.sweep(r, t, l, made.ID)
			}
		}
		w.sweep(r, t, l, made.ID)
		w.compare(r, t, l, made.ID, false)
	})
}

// drawOnePerAccount draws commands about different accounts, so that their order
// does not matter.
func (w *world) drawOnePerAccount(r *rapid.T) (commands []Command) {
	seen := map[holder]bool{}
	for range rapid.IntRange(1, 5).Draw(r, "commands") {
		c := w.drawCommand(r)
		if h := (holder{c.Member, c.Asset}); !seen[h] {
			seen[h] = true
			commands = append(commands, c)
		}
	}
	return commands
}

// enrolGiven makes the members that commands give to, since what is taken from
// their other accounts at the same time depends on whether they exist.
func enrolGiven(ctx context.Context, made tenant.Tenant, commands []Command) error {
	var members []string
	for _, c := range commands {
		if c.Op.gives() {
			members = append(members, c.Member)
		}
	}
	_, err := pg.InTx(ctx, pgtest.DB(), func(ctx context.Context, tx pg.Tx) (struct{}, error) {
		return struct{}{}, tenant.Enrol(ctx, tx, made, members)
	})
	return err
}

func postAll(ctx context.Context, l *Ledger, tenantID int64, commands []Command, results []Result) {
	var busy sync.WaitGroup
	for i, c := range commands {
		busy.Go(func() {
			out, err := l.Post(ctx, tenantID, c, nil)
			results[i] = Result{out, err}
		})
	}
	busy.Wait()
}

// setTenant stores a policy, and how far the tenant's clock runs ahead.
func setTenant(ctx context.Context, tenantID int64, p tenant.Policy, ahead time.Duration) error {
	err := q.TenantUpdate(ctx, pgtest.DB(), query.TenantUpdateParams{
		TenantID: tenantID, ExpiryPolicy: string(p.Expiry), ExpiryDays: int32(p.ExpiryDays), ExpiryMonth: int16(p.ExpiryMonth),
		ExpiryDay: int16(p.ExpiryDay), ExpiryWarningDays: int32(p.WarningDays), ClawbackPolicy: string(p.Clawback), Enrolment: string(p.Enrolment),
		AwardHoldDays: int32(p.AwardHoldDays), ClockOffsetUs: ahead.Microseconds(),
	})
	if err != nil {
		return fmt.Errorf("set tenant: %w", err)
	}
	return nil
}
