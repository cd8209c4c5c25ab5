package apptest_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/incent-dev/incent/internal/apptest"
	"github.com/incent-dev/incent/internal/ledger"
	"github.com/incent-dev/incent/internal/store"
)

// What one facade writes, the other reads in the next call: an event earns coins,
// which are spent there, the redemption is listed here, and cancelled here they are back
// there. The audit at the end of the run finds the books whole.
func TestCoinsAcrossFacades(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t)
	here, there := s.Incenta, s.Twin().Incentable // also of two servers
	mug := here.Must(201, "POST", "/incentives/catalog", object{"name": "Mug", "type": "PHYSICAL", "coinPrice": 300, "stock": 2}).Text("id")
	hidden := here.Must(201, "POST", "/incentives/catalog", object{"name": "For tokens", "type": "DIGITAL", "tokenPrice": 1}).Text("id")
	rewards := there.Must(200, "GET", "/rewards", nil)
	equal(t, "rewards", rewards.At("meta", "total"), 1)
	equal(t, "the item", fmt.Sprint(rewards.At("data", 0, "id"), " ", rewards.At("data", 0, "points_cost"), " ", rewards.At("data", 0, "stock")), mug+" 300 2")

	here.Must(201, "POST", "/incentives/levels", object{"level": 1, "name": "Bronze", "xpThreshold": 100, "coins": 50})
	here.Must(201, "POST", "/incentives/actions", object{"key": "complete_profile", "name": "Complete Profile", "type": "STANDARD", "coins": 950, "xp": 150, "maxRepeats": 1})
	here.Must(201, "POST", "/incentives/events", object{"userId": "user_123", "actionKey": "complete_profile", "idempotencyKey": "user_123_complete_profile"})
	equal(t, "points", there.Must(200, "GET", "/members/user_123/balance", nil).At("data", "balance"), 1000)
	equal(t, "balance", shown(here.Must(200, "GET", "/incentives/balances/user_123", nil), "coins", "tokens", "xp", "level"), "1000 0 150 1")
	equal(t, "level", here.Must(200, "GET", "/incentives/balances", nil).At("data", 0, "level"), 1)

	bought := there.Must(201, "POST", "/rewards/redeem", redeem("user_123", mug, object{"quantity": 2, "shipping_address": address}))
	order := bought.Text("data", "order_id")
	equal(t, "left", bought.At("data", "new_balance"), 400)
	equal(t, "left here", here.Must(200, "GET", "/incentives/balances/user_123", nil).At("coins"), 400)
	listed := here.Must(200, "GET", "/incentives/redemptions?userId=user_123&status=PENDING", nil)
	equal(t, "total", listed.At("pagination", "total"), 1)
	first, _ := listed.At("data", 0).(map[string]any)
	equal(t, "listed", fmt.Sprint(first["id"], first["itemId"], first["quantity"], first["currency"], first["cost"], first["status"]),
		fmt.Sprint(order, mug, 2, "COINS", 600, "PENDING"))
	equal(t, "stock", here.Must(200, "GET", "/incentives/catalog/"+mug, nil).At("stock"), 0)
	refused(t, here.Call("POST", "/incentives/redeem", wants("user_123", mug, object{"shippingAddress": incentaAddress})), 400, "out_of_stock")

	equal(t, "cancelled", here.Must(200, "PATCH", "/incentives/redemptions/"+order, object{"status": "CANCELLED"}).At("status"), "CANCELLED")
	balance := there.Must(200, "GET", "/members/user_123/balance", nil)
	equal(t, "back", shown(balance, "data"), "map[balance:1000 lifetime_earned:1000 lifetime_redeemed:0 member_id:user_123 pending:0]")
	equal(t, "there", there.Must(200, "GET", "/orders?member_id=user_123", nil).At("data", 0, "status"), "cancelled")
	equal(t, "stock is back", there.Must(200, "GET", "/rewards/"+mug, nil).At("data", "stock"), 2)

	// And the other way round, with tokens, which the other side does not count.
	post(t, s, ledger.Command{Op: ledger.OpAward, Member: "user_123", Asset: ledger.Tokens, Amount: 3})
	paid := here.Must(201, "POST", "/incentives/redeem", wants("user_123", hidden, nil))
	equal(t, "paid", shown(paid, "currency", "cost", "balances"), "TOKENS 1 map[coins:1000 tokens:2 xp:150]")
	equal(t, "an order there", there.Must(200, "GET", "/orders?status=completed", nil).At("data", 0, "order_id"), paid.At("id"))
	equal(t, "for no points", there.Must(200, "GET", "/orders?status=completed", nil).At("data", 0, "points_spent"), 0)
	equal(t, "no transaction", there.Must(200, "GET", "/members/user_123/transactions?type=redeem", nil).At("meta", "total"), 2)
}

// shops are the four ways to buy: two facades on each of two servers.
func shops(s *apptest.Server, item string, more object) []func(member string) apptest.Response {
	var all []func(string) apptest.Response
	for _, at := range []*apptest.Server{s, s.Twin()} {
		all = append(all, func(member string) apptest.Response {
			body := wants(member, item, nil)
			if more != nil {
				body["shippingAddress"] = incentaAddress
			}
			return at.Incenta.Call("POST", "/incentives/redeem", body)
		}, func(member string) apptest.Response {
			return at.Incentable.Call("POST", "/rewards/redeem", redeem(member, item, more))
		})
	}
	return all
}

// Hundreds want the last one, through both facades of two servers.
func TestLastOneIsSoldOnce(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		item    store.Item
		codes   int
		more    object
		refusal string
	}{
		"stock of a physical item": {store.Item{Kind: store.Physical, Stock: whole(1)}, 0, object{"shipping_address": address}, "400 out_of_stock"},
		"stock of a digital item":  {store.Item{Kind: store.Digital, Stock: whole(1)}, 5, nil, "400 out_of_stock"},
		"code":                     {store.Item{Kind: store.Digital}, 1, nil, "409 code_pool_empty"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const callers, members = 400, 20
			s := apptest.Start(t)
			c.item.Name, c.item.PointsCost = "Last", whole(10)
			if c.codes > 0 {
				pool := addPool(t, s, codes("last", c.codes)...)
				c.item.PoolID = &pool
			}
			item := addItem(t, s, c.item)
			for i := range members {
				give(t, s, fmt.Sprint("m", i), 50)
			}
			buy := shops(s, item, c.more)
			var answers tally
			together(callers, func(i int) {
				answers.add(insist(func() apptest.Response { return buy[i%len(buy)](fmt.Sprint("m", i%members)) }))
			})
			equal(t, "answers", fmt.Sprint(answers.of), fmt.Sprint(map[string]int{"201 ": 1, c.refusal: callers - 1}))
			equal(t, "redemptions", s.Incenta.Must(200, "GET", "/incentives/redemptions", nil).At("pagination", "total"), 1)
			var left int64
			for i := range members {
				left += balanceOf(t, s, fmt.Sprint("m", i))
			}
			equal(t, "coins left", left, int64(members*50-10))
		})
	}
}

// One balance is spent through both facades, and one order is cancelled, shipped
// and fulfilled through both at once: it ends in one place and is refunded once.
func TestOneBalanceAndOneOrderAcrossFacades(t *testing.T) {
	t.Parallel()
	const callers = 200
	s := apptest.Start(t)
	item := addItem(t, s, store.Item{Name: "Mug", Kind: store.Physical, PointsCost: whole(10), Stock: whole(1000)})
	give(t, s, "m", 505)
	buy := shops(s, item, object{"shipping_address": address})
	var answers tally
	together(callers, func(i int) { answers.add(insist(func() apptest.Response { return buy[i%len(buy)]("m") })) })
	equal(t, "answers", fmt.Sprint(answers.of), fmt.Sprint(map[string]int{"201 ": 50, "400 insufficient_points": callers - 50}))

	order := s.Incenta.Must(200, "GET", "/incentives/redemptions?limit=1", nil).Text("data", 0, "id")
	both := []*apptest.Server{s, s.Twin()}
	together(callers, func(i int) {
		at := both[i%2]
		insist(func() apptest.Response {
			switch i / 2 % 4 {
			case 0:
				return at.Incenta.Call("PATCH", "/incentives/redemptions/"+order, object{"status": "CANCELLED"})
			case 1:
				return at.Incenta.Call("PATCH", "/incentives/redemptions/"+order, object{"status": "FULFILLED"})
			case 2:
				return at.Incentable.Call("PATCH", "/orders/"+order, object{"status": "cancelled"})
			}
			return at.Incentable.Call("PATCH", "/orders/"+order, object{"status": "processing"})
		})
	})
	status := s.Incenta.Must(200, "GET", "/incentives/redemptions?limit=1", nil).Text("data", 0, "status")
	if !slices.Contains([]string{"FULFILLED", "CANCELLED"}, status) {
		t.Errorf("the order is %s", status)
	}
	want := map[string]string{"FULFILLED": "5 950", "CANCELLED": "15 951"}[status]
	equal(t, "coins and stock", fmt.Sprint(balanceOf(t, s, "m"), " ", s.Incenta.Must(200, "GET", "/incentives/catalog/"+item, nil).At("stock")), want)
}

// The documents' lines on balances, catalogue and redemptions, in an order that
// makes sense, sent as they would be: to the documented host, and bare.
func TestDocumentedCatalogue(t *testing.T) {
	t.Parallel()
	for _, host := range []string{"api.incenta.dev", ""} {
		t.Run("host "+host, func(t *testing.T) {
			t.Parallel()
			s := apptest.Start(t)
			c := s.Incenta.Bare(host)
			give(t, s, "user_123", 900)
			post(t, s, ledger.Command{Op: ledger.OpAward, Member: "user_123", Asset: ledger.XP, Amount: 1800})
			equal(t, "balance", shown(c.Must(200, "GET", "/incentives/balances/user_123", nil), "userId", "coins", "tokens", "xp"), "user_123 900 0 1800")
			equal(t, "balances", c.Must(200, "GET", "/incentives/balances", nil).At("data", 0, "userId"), "user_123")

			made := c.Must(201, "POST", "/incentives/catalog", object{"name": "Coffee voucher", "type": "DIGITAL", "coinPrice": 500})
			mug := c.Must(201, "POST", "/incentives/catalog", object{"name": "Mug", "type": "PHYSICAL", "coinPrice": 100, "stock": 40}).Text("id")
			path := "/incentives/catalog/" + made.Text("id")
			equal(t, "catalogue", c.Must(200, "GET", "/incentives/catalog", nil).At("data", 1, "id"), made.At("id"))
			equal(t, "item", c.Must(200, "GET", path, nil).At("name"), "Coffee voucher")
			equal(t, "changed", c.Must(200, "PATCH", path, object{"stock": 100, "imageUrl": nil}).At("stock"), 100)

			bought := c.Must(201, "POST", "/incentives/redeem", object{"userId": "user_123", "itemId": made.Text("id")})
			equal(t, "redeemed", shown(bought, "status", "balances"), "FULFILLED map[coins:400 tokens:0 xp:1800]")
			equal(t, "a code", len(bought.Text("discountCode")), 16)
			for status, to := range map[string]object{
				"FULFILLED": {"status": "FULFILLED", "trackingNumber": "TRACK-1", "carrier": "Post"}, "CANCELLED": {"status": "CANCELLED"},
			} {
				sent := c.Must(201, "POST", "/incentives/redeem", wants("user_123", mug, object{"shippingAddress": incentaAddress}))
				equal(t, "redeemed", sent.At("status"), "PENDING")
				equal(t, "pending", c.Must(200, "GET", "/incentives/redemptions?status=PENDING", nil).At("data", 0, "id"), sent.At("id"))
				equal(t, "moved", c.Must(200, "PATCH", "/incentives/redemptions/"+sent.Text("id"), to).At("status"), status)
				equal(t, "listed", c.Must(200, "GET", "/incentives/redemptions?status="+status, nil).At("data", 0, "id"), sent.At("id"))
			}
			equal(t, "deleted", string(c.Must(200, "DELETE", path, nil).Body), "{\"success\":true}\n")
			equal(t, "left", c.Must(200, "GET", "/incentives/catalog", nil).At("pagination", "total"), 1)
			equal(t, "balance", c.Must(200, "GET", "/incentives/balances/user_123", nil).At("coins"), 300)
			at, err := time.Parse("2006-01-02T15:04:05.000Z", bought.Text("createdAt"))
			equal(t, "instants have milliseconds", err == nil && !at.IsZero(), true)
		})
	}
}
