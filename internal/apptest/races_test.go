package apptest_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/incent-dev/incent/internal/apptest"
	"github.com/incent-dev/incent/internal/pg"
	"github.com/incent-dev/incent/internal/store"
)

// tally counts answers by status and code.
type tally struct {
	mu sync.Mutex
	of map[string]int
}

func (c *tally) add(r apptest.Response) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.of == nil {
		c.of = map[string]int{}
	}
	c.of[fmt.Sprint(r.Status, " ", r.Code())]++
}

// insist asks again, as a caller should, where the server says that it is too
// busy and nothing was changed; on a machine with other work that may happen.
func insist(call func() apptest.Response) apptest.Response {
	const tries = 30
	r := call()
	for range tries {
		if r.Code() != "unavailable" && r.Code() != "idempotency_in_progress" {
			break
		}
		r = call()
	}
	return r
}

// persist runs something of a server's core again where somebody held a row for too
// long: what the server itself does with the next beat.
func persist(run func() error) error {
	const tries = 30
	err := run()
	for n := 1; n < tries && pg.IsLockTimeout(err); n++ {
		err = run()
	}
	return err
}

// servers are the callers of both servers; i picks one.
func servers(s *apptest.Server) func(i int) *apptest.Client {
	both := []*apptest.Client{s.Incentable, s.Twin().Incentable}
	return func(i int) *apptest.Client { return both[i%2] }
}

// A thousand want one of seven, be it the stock or the codes that are scarce.
func TestNothingIsOversold(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		stock   *int64
		codes   int
		refusal string
	}{
		"stock": {whole(7), 20, "400 out_of_stock"},
		"codes": {nil, 7, "409 code_pool_empty"},
		"both":  {whole(7), 7, "400 out_of_stock"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const callers, members, sold, cost = 1000, 25, 7, 10
			s := apptest.Start(t)
			pool := addPool(t, s, codes("race", c.codes)...)
			item := addItem(t, s, store.Item{Name: "Rare", Kind: store.Digital, PointsCost: whole(cost), Stock: c.stock, PoolID: &pool})
			for i := range members {
				give(t, s, fmt.Sprint("m", i), 1000)
			}
			at := servers(s)
			var answers tally
			together(callers, func(i int) {
				answers.add(insist(func() apptest.Response {
					return at(i).Call("POST", "/rewards/redeem", redeem(fmt.Sprint("m", i%members), item, nil))
				}))
			})
			equal(t, "answers", fmt.Sprint(answers.of), fmt.Sprint(map[string]int{"201 ": sold, c.refusal: callers - sold}))

			orders := s.Incentable.Must(200, "GET", "/orders?per_page=100", nil)
			equal(t, "orders", orders.At("meta", "total"), sold)
			var handed []string
			for i := range orders.Len("data") {
				handed = append(handed, orders.Text("data", i, "fulfillment", "code"))
			}
			slices.Sort(handed)
			equal(t, "different codes", len(slices.Compact(handed)), sold)
			var left, debits int64
			for i := range members {
				left += balanceOf(t, s, fmt.Sprint("m", i))
				debits += s.Incentable.Must(200, "GET", fmt.Sprint("/members/m", i, "/transactions?type=redeem"), nil).At("meta", "total").(int64)
			}
			equal(t, "points left", left, int64(members*1000-sold*cost))
			equal(t, "debits", debits, int64(sold))
			p, err := s.Core.Store.Pool(t.Context(), s.Tenant.ID, pool)
			if err != nil {
				t.Fatal(err)
			}
			equal(t, "codes left", p.Available, int64(c.codes-sold))
			if c.stock != nil {
				equal(t, "stock", s.Incentable.Must(200, "GET", "/rewards/"+item, nil).At("data", "stock"), 0)
			}
		})
	}
}

// Five hundred spend one balance: as many succeed as it pays for.
func TestNoBalanceIsSpentTwice(t *testing.T) {
	t.Parallel()
	const callers, balance, cost = 500, 1003, 10
	for name, spend := range map[string]func(c *apptest.Client, i int) apptest.Response{
		"redeem": func(c *apptest.Client, _ int) apptest.Response {
			return c.Call("POST", "/rewards/redeem", redeem("m", "rwd_x", nil))
		},
		"deduct": func(c *apptest.Client, _ int) apptest.Response {
			return c.Call("POST", "/points/deduct", award("m", cost))
		},
		"both": func(c *apptest.Client, i int) apptest.Response {
			if i%4 < 2 {
				return c.Call("POST", "/points/deduct", award("m", cost))
			}
			return c.Call("POST", "/rewards/redeem", redeem("m", "rwd_x", nil))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := apptest.Start(t)
			addItem(t, s, store.Item{ID: "rwd_x", Name: "Card", Kind: store.Digital, PointsCost: whole(cost)})
			give(t, s, "m", balance)
			at := servers(s)
			var answers tally
			together(callers, func(i int) { answers.add(insist(func() apptest.Response { return spend(at(i), i) })) })
			equal(t, "answers", fmt.Sprint(answers.of), fmt.Sprint(map[string]int{"201 ": balance / cost, "400 insufficient_points": callers - balance/cost}))
			equal(t, "balance", balanceOf(t, s, "m"), int64(balance%cost))
		})
	}
}

// Twenty cancel one order, ten of them against ten who ship it: points and
// stock come back once, or not at all.
func TestOneRefund(t *testing.T) {
	t.Parallel()
	for name, to := range map[string][]string{"cancels": {"cancelled", "cancelled"}, "cancels and shipments": {"cancelled", "shipped"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := apptest.Start(t)
			item := addItem(t, s, store.Item{Name: "Earbuds", Kind: store.Physical, PointsCost: whole(10), Stock: whole(5)})
			give(t, s, "m", 100)
			order := buyPhysical(t, s, "m", item)
			at := servers(s)
			var answers tally
			together(20, func(i int) {
				answers.add(insist(func() apptest.Response {
					return at(i).Call("PATCH", "/orders/"+order, object{"status": to[i/2%2]})
				}))
			})
			status := s.Incentable.Must(200, "GET", "/orders", nil).Text("data", 0, "status")
			balance, stock, refunds, done := 90, 4, 0, 10
			if status == "cancelled" {
				balance, stock, refunds = 100, 5, 1
			}
			if to[0] == to[1] {
				equal(t, "status", status, "cancelled")
				done = 20
			}
			equal(t, "moves that were made, or were none", answers.of["200 "], done)
			equal(t, "refused moves", answers.of["400 invalid_transition"], 20-done)
			equal(t, "balance", balanceOf(t, s, "m"), int64(balance))
			equal(t, "stock", s.Incentable.Must(200, "GET", "/rewards/"+item, nil).At("data", "stock"), stock)
			r := s.Incentable.Must(200, "GET", "/members/m/transactions?type=redeem", nil)
			equal(t, "refunds", r.At("meta", "total"), 1+refunds)
		})
	}
}

// Everybody buys, cancels, gives and takes at once, each with a key of its own
// and each call sent to both servers; then the books must be whole.
func TestEverythingAtOnce(t *testing.T) {
	t.Parallel()
	const callers, members = 240, 6
	s := apptest.Start(t)
	item := addItem(t, s, store.Item{Name: "Earbuds", Kind: store.Physical, PointsCost: whole(10), Stock: whole(1_000)})
	for i := range members {
		give(t, s, fmt.Sprint("m", i), 10_000)
	}
	at := servers(s)
	var mu sync.Mutex
	gone := map[string]int64{} // by member
	together(callers, func(i int) {
		m := fmt.Sprint("m", i%members)
		twice := func(status int, method, path string, body object, step string) apptest.Response {
			key := fmt.Sprint("Idempotency-Key: ", i, step)
			first := insist(func() apptest.Response { return at(i).Call(method, path, body, key) })
			equal(t, "status", first.Status, status)
			sameAnswer(t, insist(func() apptest.Response { return at(i+1).Call(method, path, body, key) }), first)
			return first
		}
		var moved int64
		switch i % 4 {
		case 0:
			twice(201, "POST", "/points/award", award(m, 3), "award")
			moved = -3
		case 1:
			twice(201, "POST", "/points/deduct", award(m, 2), "deduct")
			moved = 2
		case 2:
			twice(201, "POST", "/rewards/redeem", redeem(m, item, object{"shipping_address": address}), "buy")
			moved = 10
		case 3:
			order := twice(201, "POST", "/rewards/redeem", redeem(m, item, object{"shipping_address": address}), "buy").Text("data", "order_id")
			twice(200, "PATCH", "/orders/"+order, object{"status": "cancelled"}, "cancel")
		}
		mu.Lock()
		defer mu.Unlock()
		gone[m] += moved
	})
	for i := range members {
		m := fmt.Sprint("m", i)
		equal(t, "balance of "+m, balanceOf(t, s, m), 10_000-gone[m])
	}
	equal(t, "stock", s.Incentable.Must(200, "GET", "/rewards/"+item, nil).At("data", "stock"), 1000-callers/4)
	equal(t, "cancelled", s.Incentable.Must(200, "GET", "/orders?status=cancelled", nil).At("meta", "total"), callers/4)
}
