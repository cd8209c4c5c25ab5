package crash

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"sync"

	"github.com/incent-dev/incent/internal/tenant"
)

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
	errs := make([]error, clients+2)
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
	working.Go(func() { errs[clients+1] = r.compareReferrals(ctx, b, find) })
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
	if err := r.client.get(ctx, tenant.Incentable, path+"/balance", &balance); err != nil {
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
		if err := r.client.get(ctx, tenant.Incentable, fmt.Sprintf("%s/transactions?page=%d&per_page=%d", path, page, perPage), &list); err != nil {
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
		if err := r.client.get(ctx, tenant.Incentable, fmt.Sprintf("/orders?page=%d&per_page=%d", page, perPage), &list); err != nil {
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
		if err := r.client.get(ctx, tenant.Incentable, "/rewards/"+i.ID, &reward); err != nil {
			return err
		}
		if got := reward.Data.Stock; (got == nil) != (i.Stock == nil) || got != nil && *got != *i.Stock {
			find("the API shows another stock of %s than the table", i.ID)
		}
	}
	return nil
}

// compareReferrals holds statistics, codes, and the lists of conversions and
// rewards against the tables.
func (r *round) compareReferrals(ctx context.Context, b *books, find func(string, ...any)) error {
	for _, of := range b.Campaigns {
		var got struct {
			TotalReferrals, TotalClicks, TotalConversions int64
			TotalRewardValue                              json.Number
		}
		if err := r.client.get(ctx, tenant.Incenta, "/stats?campaignId="+of.ID, &got); err != nil {
			return err
		}
		if got.TotalReferrals != of.Referrals || got.TotalClicks != of.Clicks || got.TotalConversions != of.Conversions || minor(got.TotalRewardValue) != of.GrantedMinor {
			find("the statistics of campaign %s are %+v, the table has %+v", of.ID, got, of)
		}
	}
	for _, code := range b.Referrals {
		var got struct{ TotalClicks, TotalConversions int64 }
		if err := r.client.get(ctx, tenant.Incenta, "/referrals/"+code.Code, &got); err != nil {
			return err
		}
		if got.TotalClicks != code.Clicks || got.TotalConversions != code.Conversions {
			find("the API shows code %s with %+v, the table %+v", code.Code, got, code)
		}
	}
	conversions := map[string]string{}
	for _, c := range b.Conversions {
		conversions[c.ID] = c.Status
	}
	if err := r.compareList(ctx, "/conversions", conversions, find); err != nil {
		return err
	}
	rewards := map[string]string{}
	for _, w := range b.Rewards {
		rewards[w.ID] = w.Status
	}
	return r.compareList(ctx, "/rewards", rewards, find)
}

// compareList wants a list of Incenta to show just these, by id, with these
// statuses.
func (r *round) compareList(ctx context.Context, path string, want map[string]string, find func(string, ...any)) error {
	total := len(want)
	for page := 1; ; page++ {
		var list struct {
			Data       []struct{ ID, Status string }
			Pagination struct{ Total int }
		}
		if err := r.client.get(ctx, tenant.Incenta, fmt.Sprintf("%s?page=%d&limit=%d", path, page, perPage), &list); err != nil {
			return err
		}
		if list.Pagination.Total != total {
			find("%s counts %d, the table has %d", path, list.Pagination.Total, total)
		}
		for _, got := range list.Data {
			if status, is := want[got.ID]; !is || status != got.Status {
				find("%s shows %+v, the table has it %q", path, got, status)
			}
			delete(want, got.ID)
		}
		if len(list.Data) < perPage {
			break
		}
	}
	if len(want) > 0 {
		find("%s does not show %d of them", path, len(want))
	}
	return nil
}
