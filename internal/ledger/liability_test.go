package ledger

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/incent-dev/incent/internal/fault"
	"github.com/incent-dev/incent/internal/pg"
	"github.com/incent-dev/incent/internal/pgtest"
	"github.com/incent-dev/incent/internal/tenant"
)

// TestLiabilityAgainstModel keeps random books, remembers what the model owed
// after each step, and then asks for all those instants, in any order, whether
// what fell due by them has been posted or not.
func TestLiabilityAgainstModel(t *testing.T) {
	sequences(t, "60")
	l := New(pgtest.DB())
	t.Cleanup(func() { l.Close(context.Background()) })
	rapid.Check(t, func(r *rapid.T) {
		made := pgtest.Tenant(t)
		w := newWorld(r)
		made.Policy = w.policy
		var instants []time.Time
		var owed []map[Asset]AssetLiability
		for range rapid.SampledFrom([]int{4, 8, 16}).Draw(r, "steps") {
			w.moveClock(r)
			commands := make([]Command, rapid.IntRange(1, 4).Draw(r, "batch"))
			for i := range commands {
				commands[i] = w.drawCommand(r)
			}
			results, err := applyAt(t.Context(), pgtest.DB(), made, w.now, commands)
			if err != nil {
				r.Fatal(err)
			}
			w.expect(r, commands, w.now, results)
			instants, owed = append(instants, w.now), append(owed, w.liability(w.now))
		}
		// Long after, when much more is due than has been posted.
		w.now = w.now.AddDate(0, 0, rapid.SampledFrom([]int{0, 3, 20, 500}).Draw(r, "days later"))
		instants, owed = append(instants, w.now), append(owed, w.liability(w.now))
		must(t, setTenant(t.Context(), made.ID, w.policy, w.now.Add(time.Hour).Sub(pg.Now())))
		for i, at := range instants {
			if i+1 < len(instants) && instants[i+1].Equal(at) {
				continue // more happened at that instant
			}
			got, err := l.Liability(t.Context(), made.ID, at)
			if err != nil {
				r.Fatal(err)
			}
			if !got.Balanced || !got.At.Equal(at) {
				r.Fatalf("at %s: not balanced: %+v", at, got)
			}
			if fmt.Sprint(got.Assets) != fmt.Sprint(owed[i]) {
				r.Fatalf("at %s: the ledger says %+v, the model %+v", at, got.Assets, owed[i])
			}
		}
	})
}

// liability is what the model owes once all that is due by an instant has come.
func (w *world) liability(at time.Time) map[Asset]AssetLiability {
	sums := map[Asset]AssetLiability{}
	for _, asset := range Assets {
		sums[asset] = AssetLiability{Balanced: true, Ageing: []AgeingBucket{}}
	}
	for _, h := range w.holders() {
		a := w.accounts[h].clone()
		a.pass(at, w.policy)
		s := sums[h.asset]
		s.Outstanding += int64(len(a.units))
		s.Pending += a.pending()
		s.Debt += a.debt
		for _, l := range a.lines {
			switch l.what {
			case "award", "hold":
				s.Issued += l.amount
			case "cancel_hold", "clawback", "owe":
				s.Issued -= l.amount
			case "redeem":
				s.Redeemed += l.amount
			case "refund":
				s.Redeemed -= l.amount
			case "expire":
				s.Expired += l.amount
			case "deduct":
				s.Adjusted += l.amount
			}
		}
		for _, u := range a.units {
			s.Ageing = ageUnit(s.Ageing, u)
		}
		sums[h.asset] = s
	}
	for _, s := range sums {
		slices.SortFunc(s.Ageing, func(x, y AgeingBucket) int {
			if x.ExpiresAt.IsZero() {
				return 1
			}
			if y.ExpiresAt.IsZero() {
				return -1
			}
			return x.ExpiresAt.Compare(y.ExpiresAt)
		})
	}
	return sums
}

func ageUnit(ageing []AgeingBucket, expires time.Time) []AgeingBucket {
	if expires.Equal(never) {
		expires = time.Time{}
	}
	for i, b := range ageing {
		if b.ExpiresAt.IsZero() == expires.IsZero() && b.ExpiresAt.Format(time.DateOnly) == expires.Format(time.DateOnly) {
			ageing[i].Amount++
			if expires.After(b.ExpiresAt) {
				ageing[i].ExpiresAt = expires
			}
			return ageing
		}
	}
	return append(ageing, AgeingBucket{expires, 1})
}

// TestLiabilityNow looks at the documented example's figures, as of now, and at
// an instant that has not come.
func TestLiabilityNow(t *testing.T) {
	t.Parallel()
	made := pgtest.Tenant(t)
	l := New(pgtest.DB())
	t.Cleanup(func() { l.Close(context.Background()) })
	for _, c := range []Command{
		{Op: OpAward, Amount: 12700}, {Op: OpSpend, Amount: 7500}, {Op: OpDeduct, Amount: 200}, {Op: OpHold, Amount: 500},
	} {
		c.Member, c.Asset = "mem_abc123", Points
		_, err := l.Post(t.Context(), made.ID, c, nil)
		must(t, err)
	}
	got, err := l.Liability(t.Context(), made.ID, time.Time{})
	must(t, err)
	want := AssetLiability{
		Outstanding: 5000, Pending: 500, Issued: 13200, Redeemed: 7500, Adjusted: 200,
		Ageing: []AgeingBucket{{Amount: 5000}}, Balanced: true,
	}
	if fmt.Sprint(got.Assets[Points]) != fmt.Sprint(want) || !got.Balanced {
		t.Errorf("%+v", got)
	}
	if _, err := l.Liability(t.Context(), made.ID, pg.Now().Add(time.Hour)); !fault.Is(err, fault.CodeInvalidRequest) {
		t.Errorf("in an hour: %v", err)
	}
	if _, err := l.Liability(t.Context(), 1, time.Time{}); !fault.Is(err, fault.CodeNotFound) {
		t.Errorf("of nobody: %v", err)
	}
	if got, err := l.Liability(t.Context(), made.ID, tenant.At(0).AddDate(-1, 0, 0)); err != nil || !got.Balanced || got.Assets[Points].Issued != 0 {
		t.Errorf("a year ago: %+v %v", got, err)
	}
}
