package crash

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"slices"
	"sync"

	"github.com/incent-dev/incent/internal/ledger"
	"github.com/incent-dev/incent/internal/pg"
	"github.com/incent-dev/incent/internal/store"
)

// replays is how many requests of a round are asked again.
const replays = 60

// judge compares the journal with the books, the API with the books, and a
// sample of the answers with what their keys answer now.
func (r *round) judge(ctx context.Context) (verdict, string, error) {
	var v verdict
	b, err := r.site.books(ctx, r.shop.tenant.ID)
	if err != nil {
		return v, "", err
	}
	v.findings = compare(r.journal.entries, b)
	if err := tryComparison(r.journal.entries, b, len(v.findings)); err != nil {
		return v, "", err
	}
	again, err := r.replay(ctx, &v)
	if err != nil {
		return v, "", err
	}
	v.findings = append(v.findings, again...)
	seen, err := r.compareAPI(ctx, b)
	if err != nil {
		return v, "", err
	}
	v.findings = append(v.findings, seen...)
	if a := r.client.firstInternal.Load(); a != nil {
		v.findings = append(v.findings, finding{wrong, fmt.Sprintf("%d answers of 500 and above; the first: %v", r.client.internal.Load(), a)})
	}
	broken, err := r.site.audit(ctx, func(ctx context.Context, db *pg.DB) (ledger.AuditReport, error) {
		return ledger.AuditTenant(ctx, db, r.shop.tenant.ID, store.AuditChecks()...)
	})
	if err != nil {
		return v, "", err
	}
	v.findings = append(v.findings, broken...)
	after, err := r.site.books(ctx, r.shop.tenant.ID)
	if err != nil {
		return v, "", err
	}
	if after.digest() != b.digest() {
		v.findings = append(v.findings, finding{wrong, "the books changed while the answers were asked again"})
	}
	return v, after.digest(), nil
}

// audit has the product's own audit look at the books.
func (s *site) audit(ctx context.Context, run func(context.Context, *pg.DB) (ledger.AuditReport, error)) (findings []finding, err error) {
	err = s.database(ctx, func(db *pg.DB) error {
		report, err := run(ctx, db)
		for _, violation := range report.Violations {
			findings = append(findings, finding{wrong, "the audit says: " + violation.String()})
		}
		if err == nil && report.Tenants == 0 {
			err = errors.New("no tenant was audited")
		}
		return err
	})
	return findings, err
}

// tryComparison plants a fault of each kind and wants it found: a comparison
// that never complains proves nothing.
func tryComparison(entries []*entry, b *books, findings int) error {
	if findings > 0 {
		return nil // it complains
	}
	i := slices.IndexFunc(entries, func(e *entry) bool { return e.Op == opAward && e.answer.ok() })
	if i < 0 {
		return errors.New("no award was acknowledged: the load did not run")
	}
	forgotten := slices.Delete(slices.Clone(entries), i, i+1)
	if (verdict{findings: compare(forgotten, b)}).count(doubled) == 0 {
		return errors.New("the comparison does not notice an effect that nobody asked for")
	}
	shorter := *b
	shorter.Transfers = slices.DeleteFunc(slices.Clone(b.Transfers), func(t transferRow) bool { return t.Ref == entries[i].Key })
	if (verdict{findings: compare(entries, &shorter)}).count(lost) == 0 {
		return errors.New("the comparison does not notice a lost effect")
	}
	return nil
}

// replay asks a sample again: the same bytes, marked as repeated.
func (r *round) replay(ctx context.Context, v *verdict) ([]finding, error) {
	rng := rand.New(rand.NewPCG(r.seed, uint64(r.n)<<16))
	var findings []finding
	for range min(replays, len(r.journal.entries)) {
		e := r.journal.entries[rng.IntN(len(r.journal.entries))]
		a, err := r.client.settle(ctx, e, r.client.base(rng.IntN(2)))
		if err != nil {
			return nil, fmt.Errorf("ask again with key %s: %w", e.Key, err)
		}
		v.replayed++
		if !a.equal(e.answer) || !a.Replayed {
			findings = append(findings, finding{wrong, fmt.Sprintf("key %s was answered %v, and asked again %v (marked as replayed: %v)", e.Key, e.answer, a, a.Replayed)})
		}
	}
	return findings, nil
}

// compareAPI wants the API to tell what the tables tell.
func (r *round) compareAPI(ctx context.Context, b *books) ([]finding, error) {
	var mu sync.Mutex
	var findings []finding
	find := func(format string, args ...any) {
		mu.Lock()
		defer mu.Unlock()
		findings = append(findings, finding{wrong, fmt.Sprintf(format, args...)})
	}
	history := map[string][]transferRow{}
	for _, t := range b.Transfers {
		history[t.Member] = append(history[t.Member], t)
	}
	queue := make(chan accountRow, len(b.Accounts))
	for _, a := range b.Accounts {
		queue <- a
	}
	close(queue)
	errs := make([]error, clients+1)
	var working sync.WaitGroup
	for n := range clients {
		working.Go(func() {
			for a := range queue {
				if err := r.compareMember(ctx, a, history[a.Member], find); err != nil {
					errs[n] = err
				}
			}
		})
	}
	working.Go(func() { errs[clients] = r.compareShop(ctx, b, find) })
	working.Wait()
	return findings, errors.Join(errs...)
}

const perPage = 100

// compareMember holds a member's balance and whole history against the tables.
func (r *round) compareMember(ctx context.Context, a accountRow, want []transferRow, find func(string, ...any)) error {
	path := "/members/" + url.PathEscape(a.Member)
	var balance struct {
		Data struct {
			Balance  int64
			Earned   int64 `json:"lifetime_earned"`
			Redeemed int64 `json:"lifetime_redeemed"`
			Pending  int64
		}
	}
	if err := r.client.get(ctx, path+"/balance", &balance); err != nil {
		return err
	}
	if d := balance.Data; d.Balance != a.Available-a.Debt || d.Earned != a.Earned || d.Redeemed != a.Redeemed || d.Pending != a.Pending {
		find("the API says that %s has %+v, the table %+v", a.Member, d, a)
	}
	slices.Reverse(want) // newest first
	for page := 1; ; page++ {
		var list struct {
			Data []struct {
				ID      string `json:"transaction_id"`
				Points  int64
				Balance int64  `json:"balance_after"`
				Order   string `json:"order_id"`
			}
			Meta struct{ Total int }
		}
		if err := r.client.get(ctx, fmt.Sprintf("%s/transactions?page=%d&per_page=%d", path, page, perPage), &list); err != nil {
			return err
		}
		if page == 1 && list.Meta.Total != len(want) {
			find("the API counts %d transactions of %s, the table %d", list.Meta.Total, a.Member, len(want))
			return nil
		}
		for i, got := range list.Data {
			if i >= len(want) || got.ID != want[i].id() || got.Points != want[i].points() || got.Balance != want[i].After || got.Order != want[i].Order {
				find("page %d of the history of %s differs from the table at %+v", page, a.Member, got)
				return nil
			}
		}
		want = want[min(len(list.Data), len(want)):]
		if len(list.Data) < perPage {
			break
		}
	}
	if len(want) > 0 {
		find("the API does not show the oldest %d transactions of %s", len(want), a.Member)
	}
	return nil
}

// compareShop holds the lists of orders and rewards against the tables.
func (r *round) compareShop(ctx context.Context, b *books, find func(string, ...any)) error {
	want := map[string]orderRow{}
	for _, o := range b.Orders {
		want[o.ID] = o
	}
	for page := 1; ; page++ {
		var list struct {
			Data []struct {
				ID     string `json:"order_id"`
				Member string `json:"member_id"`
				Status string
				Spent  int64 `json:"points_spent"`
			}
			Meta struct{ Total int }
		}
		if err := r.client.get(ctx, fmt.Sprintf("/orders?page=%d&per_page=%d", page, perPage), &list); err != nil {
			return err
		}
		if list.Meta.Total != len(b.Orders) {
			find("the API counts %d orders, the table has %d", list.Meta.Total, len(b.Orders))
		}
		for _, got := range list.Data {
			if o, is := want[got.ID]; !is || o.Member != got.Member || o.Status != got.Status || o.Spent != got.Spent {
				find("the API shows order %+v, the table %+v", got, o)
			}
			delete(want, got.ID)
		}
		if len(list.Data) < perPage {
			break
		}
	}
	if len(want) > 0 {
		find("the API does not show %d of the orders", len(want))
	}
	return r.compareRewards(ctx, b, find)
}

func (r *round) compareRewards(ctx context.Context, b *books, find func(string, ...any)) error {
	for _, i := range b.Items {
		var reward struct{ Data struct{ Stock *int64 } }
		if err := r.client.get(ctx, "/rewards/"+i.ID, &reward); err != nil {
			return err
		}
		if got := reward.Data.Stock; (got == nil) != (i.Stock == nil) || got != nil && *got != *i.Stock {
			find("the API shows another stock of %s than the table", i.ID)
		}
	}
	return nil
}
