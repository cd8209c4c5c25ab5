package ledger

import (
	"context"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/incent-dev/incent/internal/pgtest"
	"github.com/incent-dev/incent/internal/tenant"
)

// TestHistoryAgainstFilter compares pages of the history with a filter over all
// transfers, of an account in which many are not shown.
func TestHistoryAgainstFilter(t *testing.T) {
	sequences(t, "400")
	l := New(pgtest.DB())
	t.Cleanup(func() { l.Close(context.Background()) })
	made := pgtest.Tenant(t)
	all := longHistory(t, made)
	rapid.Check(t, func(r *rapid.T) {
		s := drawSpan(r, all)
		got, err := l.History(t.Context(), made.ID, "ann", Points, s)
		if err != nil {
			r.Fatal(err)
		}
		want := filter(all, s)
		if got.Total != int64(len(want)) {
			r.Fatalf("%+v: %d in all, want %d", s, got.Total, len(want))
		}
		want = want[min(len(want), (s.Page-1)*s.PerPage):]
		want = want[:min(len(want), s.PerPage)]
		if !slices.Equal(seqs(got.Transfers), seqs(want)) {
			r.Fatalf("%+v: %v, want %v", s, seqs(got.Transfers), seqs(want))
		}
		for i, x := range got.Transfers {
			if lineOf(x) != lineOf(want[i]) || x.Memo.Reason != want[i].Memo.Reason || !x.ExpiresAt.Equal(want[i].ExpiresAt) {
				r.Fatalf("%+v: %+v, want %+v", s, x, want[i])
			}
		}
	})
}

// longHistory gives ann a thousand transfers and more, among them every kind,
// several at many an instant. It returns them all, newest first.
func longHistory(t *testing.T, made tenant.Tenant) []Transfer {
	random := rand.New(rand.NewPCG(20240, 1))
	made.Policy.Expiry, made.Policy.ExpiryDays, made.Policy.Clawback = tenant.ExpiryRolling, 20, tenant.ClawbackNegative
	at := worldBegins
	newest := int64(1)
	for range 40 {
		at = at.Add(time.Duration(random.IntN(30)) * time.Hour)
		commands := make([]Command, 40)
		for i := range commands {
			commands[i] = anyCommand(random)
			commands[i].Member, commands[i].Asset = "ann", Points
			if commands[i].Op == OpHold {
				commands[i].MaturesAt = at.Add(time.Duration(random.IntN(200)) * time.Hour)
			}
			if commands[i].UndoSeq > 0 {
				commands[i].UndoSeq = max(newest-random.Int64N(60), 1)
			}
		}
		results, err := applyAt(t.Context(), pgtest.DB(), made, at, commands)
		must(t, err)
		for _, r := range results {
			newest = max(newest, r.Transfer.Seq)
		}
	}
	all, err := transfersOf(t.Context(), made.ID, holder{"ann", Points})
	must(t, err)
	slices.Reverse(all)
	kinds := map[Kind]int{}
	for _, x := range all {
		kinds[x.Kind]++
	}
	if len(all) < 1000 || len(kinds) < len(rules)-2 || kinds[KindRepay] == 0 {
		t.Fatalf("%d transfers of kinds %v are too few to prove anything", len(all), kinds)
	}
	return all
}

func drawSpan(r *rapid.T, all []Transfer) Span {
	instant := func(name string) time.Time {
		x := all[rapid.IntRange(0, len(all)-1).Draw(r, name)]
		near := rapid.SampledFrom([]time.Duration{0, 0, -time.Microsecond, time.Microsecond, -2000 * time.Hour, 2000 * time.Hour}).Draw(r, name+" near")
		return x.EffectedAt.Add(near)
	}
	s := Span{
		Type:    rapid.SampledFrom([]Type{"", "", TypeAward, TypeRedeem, TypeDeduct, TypeExpire, "gift"}).Draw(r, "type"),
		Page:    rapid.SampledFrom([]int{1, 2, 3, 7, 19, 20, 60, 500, MaxPage}).Draw(r, "page"),
		PerPage: rapid.SampledFrom([]int{1, 3, 25, 100}).Draw(r, "per page"),
	}
	if rapid.Bool().Draw(r, "has from") {
		s.From = instant("from")
	}
	if rapid.Bool().Draw(r, "has to") {
		s.To = instant("to")
	}
	return s
}

func filter(all []Transfer, s Span) (kept []Transfer) {
	for _, x := range all {
		if x.Type() == "" || s.Type != "" && x.Type() != s.Type || x.EffectedAt.Before(s.From) || !s.To.IsZero() && x.EffectedAt.After(s.To) {
			continue
		}
		kept = append(kept, x)
	}
	return kept
}

func seqs(transfers []Transfer) (numbers []int64) {
	for _, x := range transfers {
		numbers = append(numbers, x.Seq)
	}
	return numbers
}
