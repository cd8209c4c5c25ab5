package ledger

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/incent-dev/incent/internal/event"
	"github.com/incent-dev/incent/internal/pg"
	"github.com/incent-dev/incent/internal/pgtest"
	"github.com/incent-dev/incent/internal/tenant"
)

// sweep lets a tenant's sweeps by, in the ledger and in the model, and compares
// what members were warned of. It does so twice: the second time nothing happens.
func (w *world) sweep(r *rapid.T, t *testing.T, l *Ledger, tenantID int64) {
	for _, a := range w.accounts {
		a.pass(w.now, w.policy)
		a.warn(w.now, w.policy)
	}
	for range 2 {
		for _, do := range []func(context.Context, int64) error{l.SettleDue, l.Warn, l.Seal} {
			if err := do(t.Context(), tenantID); err != nil {
				r.Fatal(err)
			}
		}
		if due := stillDue(t, l, tenantID); len(due) > 0 {
			r.Fatalf("after its sweeps the tenant has something due: %v", due)
		}
	}
	for h, a := range w.accounts {
		var want []int64
		for _, at := range slices.SortedFunc(maps.Keys(a.warnings), time.Time.Compare) {
			want = append(want, a.warnings[at])
		}
		if got := warnedOf(t, tenantID, h); !slices.Equal(got, want) {
			r.Fatalf("%v was warned of %v, the model of %v", h, got, want)
		}
	}
}

// stillDue names the sweeps that a tenant is listed for.
func stillDue(t *testing.T, l *Ledger, tenantID int64) (names []string) {
	for name, due := range map[string]func(context.Context) ([]int64, error){"settle": l.Due, "warn": l.Unwarned, "seal": l.Unsealed} {
		tenants, err := due(t.Context())
		must(t, err)
		if slices.Contains(tenants, tenantID) {
			names = append(names, name)
		}
	}
	return names
}

// warnedOf lists the amounts of an account's warnings, by the instant of expiry.
func warnedOf(t *testing.T, tenantID int64, h holder) []int64 {
	rows, err := pgtest.DB().Query(t.Context(), `SELECT w.amount::bigint FROM expiry_warnings AS w JOIN members AS m ON m.tenant_id = w.tenant_id AND m.id = w.member_id
		WHERE w.tenant_id = $1 AND m.external_id = $2 AND w.asset = $3 ORDER BY w.expires_at`, tenantID, h.member, int16(h.asset))
	must(t, err)
	defer rows.Close()
	var amounts []int64
	for rows.Next() {
		var n int64
		must(t, rows.Scan(&n))
		amounts = append(amounts, n)
	}
	must(t, rows.Err())
	return amounts
}

// Units are there until their instant and gone from it on, to the microsecond:
// for holds, lots and idleness, before anything has swept.
func TestSettleAtTheInstant(t *testing.T) {
	begin := worldBegins
	policy := tenant.Policy{Expiry: tenant.ExpiryRolling, ExpiryDays: 10}
	idle := tenant.Policy{Expiry: tenant.ExpiryInactivity, ExpiryDays: 10}
	for _, p := range []*tenant.Policy{&policy, &idle} {
		for _, by := range []time.Duration{-time.Microsecond, 0, time.Microsecond} {
			b := book{asset: Points, policy: p, known: true}
			b.carryOut(Command{Op: OpAward, Amount: 7}, begin)
			b.refreshDue()
			due := begin.Add(10 * 24 * time.Hour)
			if !b.dueAt.Equal(due) {
				t.Fatalf("%s: due at %s", p.Expiry, b.dueAt)
			}
			want := int64(0)
			if by < 0 {
				want = 7
			}
			if got := b.carryOut(Command{Op: OpSettle}, due.Add(by)).Holding.Available; got != want {
				t.Errorf("%s, %s after the instant: %d, want %d", p.Expiry, by, got, want)
			}
		}
	}
}

// A reader who looks all the time while points come to expire never sees one too
// many or too few, whether sweeps come by meanwhile or not.
func TestReadersAtTheInstant(t *testing.T) {
	for _, swept := range []bool{false, true} {
		t.Run(fmt.Sprint("swept ", swept), func(t *testing.T) {
			t.Parallel()
			l := openLedger(t, pgtest.URL())
			made := pgtest.Tenant(t)
			p := tenant.Policy{Expiry: tenant.ExpiryRolling, ExpiryDays: 1, WarningDays: 1, Clawback: tenant.ClawbackToZero, Enrolment: tenant.EnrolmentOpen}
			must(t, setTenant(t.Context(), made.ID, p, 0))
			for round := range 5 {
				lookOver(t, l, made.ID, fmt.Sprint("member ", round), p, swept)
			}
			auditClean(t, made.ID)
		})
	}
}

// lookOver gives a member points and looks at them over the instant at which they
// expire, which it has come in some milliseconds.
func lookOver(t *testing.T, l *Ledger, tenantID int64, member string, p tenant.Policy, swept bool) {
	const away = 40 * time.Millisecond
	must(t, setTenant(t.Context(), tenantID, p, 0))
	out, err := l.Post(t.Context(), tenantID, Command{Op: OpAward, Member: member, Asset: Points, Amount: 9}, nil)
	must(t, err)
	expires := p.ExpiresAt(out.Transfer.EffectedAt)
	ahead := expires.Sub(pg.Now()) - away
	must(t, setTenant(t.Context(), tenantID, p, ahead))
	for before, after := 0, 0; after < 20; {
		if swept {
			must(t, l.SettleDue(t.Context(), tenantID))
		}
		from := pg.Now().Add(ahead)
		got, err := l.Balance(t.Context(), tenantID, member, Points)
		to := pg.Now().Add(ahead)
		switch {
		case err != nil:
			t.Fatal(err)
		case to.Before(expires):
			if before++; got.Available != 9 {
				t.Fatalf("%s before they expire the member has %d points", expires.Sub(to), got.Available)
			}
		case !from.Before(expires):
			if after++; got.Available != 0 {
				t.Fatalf("%s after they expired the member has %d points", from.Sub(expires), got.Available)
			}
		}
	}
}

// A warning is told once, of what is left, and not again when its lot comes back.
func TestWarnings(t *testing.T) {
	t.Parallel()
	l := openLedger(t, pgtest.URL())
	made := pgtest.Tenant(t)
	p := tenant.Policy{Expiry: tenant.ExpiryRolling, ExpiryDays: 100, WarningDays: 30, Clawback: tenant.ClawbackToZero, Enrolment: tenant.EnrolmentOpen}
	day := func(n int) { must(t, setTenant(t.Context(), made.ID, p, time.Duration(n)*24*time.Hour)) }
	post := func(c Command) Outcome {
		c.Member, c.Asset = "ann", Points
		out, err := l.Post(t.Context(), made.ID, c, nil)
		must(t, err)
		return out
	}
	warned := func(when string, want ...int64) {
		t.Helper()
		must(t, l.Warn(t.Context(), made.ID))
		if got := warnedOf(t, made.ID, holder{"ann", Points}); !slices.Equal(got, want) {
			t.Errorf("%s: warned of %v, want %v", when, got, want)
		}
	}
	day(0)
	post(Command{Op: OpAward, Amount: 50})
	warned("at once")
	day(60)
	post(Command{Op: OpAward, Amount: 8})
	warned("on day 60")
	day(71)
	spent := post(Command{Op: OpSpend, Amount: 50}).Transfer.Seq
	warned("with nothing left in the lot")
	post(Command{Op: OpRefund, UndoSeq: spent})
	warned("on day 71", 50)
	again := post(Command{Op: OpSpend, Amount: 50}).Transfer.Seq
	post(Command{Op: OpRefund, UndoSeq: again})
	warned("again", 50)
	day(101)
	warned("when it has expired", 50)
	day(131)
	warned("of the second one", 50, 8)

	f := event.New(pgtest.DB(), nil)
	events, err := f.Read(t.Context(), made.ID, "", 100, 0)
	must(t, err)
	told := 0
	for _, e := range events {
		if e.Kind == event.PointsExpiring {
			told++
		}
	}
	if told != 2 {
		t.Errorf("told %d warnings: %+v", told, events)
	}
	auditClean(t, made.ID)
}
