package apptest_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/incent-dev/incent/internal/apptest"
	"github.com/incent-dev/incent/internal/ledger"
	"github.com/incent-dev/incent/internal/pg"
	"github.com/incent-dev/incent/internal/tenant"
)

func TestBalances(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t)
	c := s.Incenta
	all := []any{"userId", "coins", "tokens", "xp", "level", "pendingCoins", "pendingTokens"}
	equal(t, "of nobody", shown(c.Must(200, "GET", "/incentives/balances/nobody", nil), all...), "nobody 0 0 0 0 0 0")
	equal(t, "none", shown(c.Must(200, "GET", "/incentives/balances", nil), "data", "pagination"), "[] map[limit:25 page:1 total:0 totalPages:0]")

	const members = 30
	for i := range members {
		member := fmt.Sprint("u", i*7%members) // not in the order of their names
		switch i % 3 {
		case 0:
			give(t, s, member, int64(i+1))
			post(t, s, ledger.Command{Op: ledger.OpHold, Member: member, Asset: ledger.Tokens, Amount: 5})
		case 1:
			post(t, s, ledger.Command{Op: ledger.OpAward, Member: member, Asset: ledger.XP, Amount: int64(i + 1)})
		case 2: // has no account at all
			_, err := pg.InTx(t.Context(), s.Core.DB, func(ctx context.Context, tx pg.Tx) (struct{}, error) {
				return struct{}{}, tenant.Enrol(ctx, tx, s.Tenant, []string{member})
			})
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	var got []string
	for page := range 5 {
		r := c.Must(200, "GET", fmt.Sprintf("/incentives/balances?limit=7&page=%d", page+1), nil)
		equal(t, "total", r.At("pagination", "total"), members)
		equal(t, "pages", r.At("pagination", "totalPages"), 5)
		for i := range r.Len("data") {
			got = append(got, fmt.Sprint(r.At("data", i, "userId"), " ", r.At("data", i, "coins"), " ", r.At("data", i, "xp"), " ", r.At("data", i, "pendingTokens")))
		}
	}
	for i := range members {
		want := fmt.Sprintf("u%d %d %d %d", i*7%members, []int{i + 1, 0, 0}[i%3], []int{0, i + 1, 0}[i%3], []int{5, 0, 0}[i%3])
		equal(t, fmt.Sprint("member ", i), got[i], want)
	}
	equal(t, "members", len(got), members)
	equal(t, "behind the last", c.Must(200, "GET", "/incentives/balances?page=1000000000&limit=100", nil).Len("data"), 0)
	for _, bad := range []string{"page=0", "page=x", "limit=0", "limit=101"} {
		refused(t, c.Call("GET", "/incentives/balances?"+bad, nil), 400, "invalid_request")
	}
}

// What has expired is gone and what has matured is there, in both calls, whether
// a sweep has been by or not.
func TestBalancesAreOfNow(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t)
	if _, err := s.Core.DB.Exec(t.Context(), "UPDATE tenants SET expiry_policy = 'rolling', expiry_days = 10 WHERE tenant_id = $1", s.Tenant.ID); err != nil {
		t.Fatal(err)
	}
	for _, member := range []string{"listed", "asked"} {
		give(t, s, member, 100)
		post(t, s, ledger.Command{Op: ledger.OpHold, Member: member, Asset: ledger.Tokens, Amount: 5, MaturesAt: pg.Now().Add(5 * 24 * time.Hour)})
	}
	equal(t, "before", shown(s.Incenta.Must(200, "GET", "/incentives/balances/asked", nil), "coins", "tokens", "pendingTokens"), "100 0 5")
	ahead(t, s, 6*24*time.Hour)
	equal(t, "matured", shown(s.Incenta.Must(200, "GET", "/incentives/balances/asked", nil), "coins", "tokens", "pendingTokens"), "100 5 0")
	ahead(t, s, 11*24*time.Hour)
	r := s.Incenta.Must(200, "GET", "/incentives/balances", nil)
	for i := range 2 {
		equal(t, "expired", fmt.Sprint(r.At("data", i, "coins"), r.At("data", i, "tokens"), r.At("data", i, "pendingTokens")), "0 5 0")
	}
}
