package apptest_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/incent-dev/incent/internal/apptest"
	"github.com/incent-dev/incent/internal/ledger"
	"github.com/incent-dev/incent/internal/store"
	"github.com/incent-dev/incent/internal/tenant"
)

func init() {
	ask := apptest.NewRequest
	addGolden(tenant.Incenta, map[string]func(ids) apptest.Request{
		"listBalances":     get("/incentives/balances"),
		"getBalance":       func(i ids) apptest.Request { return ask("GET", "/incentives/balances/"+i.member, nil) },
		"listCatalogItems": get("/incentives/catalog?active=true"),
		"createCatalogItem": func(i ids) apptest.Request {
			return ask("POST", "/incentives/catalog", object{"name": "Voucher", "type": "DIGITAL", "coinPrice": 10, "tokenPrice": nil, "codePoolId": i.pool})
		},
		"getCatalogItem": func(i ids) apptest.Request { return ask("GET", "/incentives/catalog/"+i.digital, nil) },
		"updateCatalogItem": func(i ids) apptest.Request {
			return ask("PATCH", "/incentives/catalog/"+i.physical, object{"stock": 100, "imageUrl": nil})
		},
		"deleteCatalogItem": func(i ids) apptest.Request { return ask("DELETE", "/incentives/catalog/"+i.physical, nil) },
		"redeemItem": func(i ids) apptest.Request {
			return ask("POST", "/incentives/redeem", object{"userId": i.member, "itemId": i.digital, "currency": "TOKENS"})
		},
		"listRedemptions": func(i ids) apptest.Request { return ask("GET", "/incentives/redemptions?userId="+i.member, nil) },
		"updateRedemption": func(i ids) apptest.Request {
			return ask("PATCH", "/incentives/redemptions/"+i.order, object{"status": "FULFILLED", "carrier": "UPS"})
		},
	})
}

// catalog asks for a page of the Incenta catalogue and lists the ids on it.
func catalog(c *apptest.Client, query string) (total int64, ids []string) {
	r := c.Must(200, "GET", "/incentives/catalog?"+query, nil)
	for i := range r.Len("data") {
		ids = append(ids, r.Text("data", i, "id"))
	}
	total, _ = r.At("pagination", "total").(int64)
	return total, ids
}

func TestCatalogItems(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t)
	c := s.Incenta
	create := func(item object) apptest.Response { return c.Call("POST", "/incentives/catalog", item) }
	r := c.Must(201, "POST", "/incentives/catalog", object{"name": "Coffee voucher", "type": "DIGITAL", "coinPrice": 500, "category": "Food"})
	coffee := r.Text("id")
	equal(t, "made", shown(r, "name", "description", "category", "type", "coinPrice", "tokenPrice", "stock", "active", "imageUrl", "codePoolId"),
		"Coffee voucher  Food DIGITAL 500 <nil> <nil> true <nil> <nil>")
	equal(t, "got", string(c.Must(200, "GET", "/incentives/catalog/"+coffee, nil).Body), string(r.Body))
	pool := addPool(t, s, "A")
	for name, bad := range map[string]struct {
		item   object
		fields []string
	}{
		"no price":          {object{}, []string{"coinPrice"}},
		"null prices":       {object{"coinPrice": nil, "tokenPrice": nil}, []string{"coinPrice"}},
		"a price of 0":      {object{"coinPrice": 0}, []string{"coinPrice"}},
		"too high a price":  {object{"tokenPrice": store.MaxCost + 1}, []string{"tokenPrice"}},
		"half a coin":       {object{"coinPrice": 0.5}, []string{"coinPrice"}},
		"negative stock":    {object{"coinPrice": 1, "stock": -1}, []string{"stock"}},
		"another type":      {object{"coinPrice": 1, "type": "digital"}, []string{"type"}},
		"codes by the post": {object{"coinPrice": 1, "type": "PHYSICAL", "codePoolId": pool}, []string{"codePoolId"}},
		"an empty name":     {object{"coinPrice": 1, "name": ""}, []string{"name"}},
	} {
		item := object{"name": name, "type": "DIGITAL"}
		maps.Copy(item, bad.item)
		refused(t, create(item), 400, "invalid_request", bad.fields...)
	}
	refused(t, create(object{"name": "X", "type": "DIGITAL", "coinPrice": 1, "codePoolId": "pool_none"}), 404, "not_found", "codePoolId")

	patch := func(body object) apptest.Response { return c.Call("PATCH", "/incentives/catalog/"+coffee, body) }
	r = patch(object{"tokenPrice": 3, "coinPrice": nil, "stock": 7, "description": "One", "imageUrl": "https://example.com/a.png", "codePoolId": pool, "active": false})
	equal(t, "patched", shown(r, "name", "description", "category", "coinPrice", "tokenPrice", "stock", "active", "imageUrl", "codePoolId"),
		"Coffee voucher One Food <nil> 3 7 false https://example.com/a.png "+pool)
	refused(t, patch(object{"tokenPrice": nil}), 400, "invalid_request", "coinPrice")
	refused(t, patch(object{"codePoolId": "pool_none"}), 404, "not_found", "codePoolId")
	refused(t, s.Incentable.Call("GET", "/rewards/"+coffee, nil), 404, "not_found")
	r = patch(object{"coinPrice": 9, "tokenPrice": nil, "stock": nil, "imageUrl": nil, "codePoolId": nil, "active": true})
	equal(t, "cleared", shown(r, "coinPrice", "tokenPrice", "stock", "active", "imageUrl", "codePoolId"), "9 <nil> <nil> true <nil> <nil>")
	equal(t, "the same item", shown(s.Incentable.Must(200, "GET", "/rewards/"+coffee, nil), "data"), fmt.Sprint(s.Incentable.Must(200, "GET", "/rewards", nil).At("data", 0)))
	equal(t, "untouched", string(patch(object{}).Body) != "", true)

	c.Must(200, "DELETE", "/incentives/catalog/"+coffee, nil)
	for _, method := range []string{"GET", "DELETE"} {
		refused(t, c.Call(method, "/incentives/catalog/"+coffee, nil), 404, "not_found")
	}
	refused(t, patch(object{"stock": 1}), 404, "not_found")
	refused(t, s.Incentable.Call("GET", "/rewards/"+coffee, nil), 404, "not_found")
	total, _ := catalog(c, "")
	equal(t, "left", total, int64(0))
}

// Thirty items of both facades in one catalogue: there newest first, here oldest
// first and without what has no price in points.
func TestCatalogList(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t)
	type row struct {
		id, category, kind string
		active             bool
	}
	var rows []row // newest first
	points := 0
	for i := range 30 {
		w := row{category: []string{"Food", "Travel", "Fun"}[i%3], kind: []string{"DIGITAL", "PHYSICAL"}[i%2], active: i%5 != 0}
		item := object{"name": fmt.Sprint("Item ", i), "type": w.kind, "category": w.category, "active": w.active, "tokenPrice": 1}
		if i%4 != 0 {
			item["coinPrice"] = i
			points++
		}
		w.id = s.Incenta.Must(201, "POST", "/incentives/catalog", item).Text("id")
		rows = slices.Insert(rows, 0, w)
	}
	for query, fits := range map[string]func(row) bool{
		"":                           func(row) bool { return true },
		"&category=Food":             func(w row) bool { return w.category == "Food" },
		"&category=food":             func(w row) bool { return false },
		"&type=PHYSICAL":             func(w row) bool { return w.kind == "PHYSICAL" },
		"&active=true":               func(w row) bool { return w.active },
		"&active=false&type=DIGITAL": func(w row) bool { return !w.active && w.kind == "DIGITAL" },
		"&active=true&type=DIGITAL&category=Trave": func(w row) bool { return false },
		"&active=true&type=DIGITAL&category=Fun":   func(w row) bool { return w.active && w.kind == "DIGITAL" && w.category == "Fun" },
	} {
		var want, got []string
		for _, w := range rows {
			if fits(w) {
				want = append(want, w.id)
			}
		}
		for page := range 7 {
			total, ids := catalog(s.Incenta, fmt.Sprintf("limit=5&page=%d%s", page+1, query))
			equal(t, "total of "+query, total, int64(len(want)))
			got = append(got, ids...)
		}
		equal(t, "items of "+query, fmt.Sprint(got), fmt.Sprint(want))
	}
	equal(t, "rewards", s.Incentable.Must(200, "GET", "/rewards", nil).At("meta", "total"), points)
	_, behind := catalog(s.Incenta, "page=1000000000&limit=100")
	equal(t, "behind the last", len(behind), 0)
	for _, bad := range []string{"page=0", "limit=101", "active=yes", "type=digital", "category="} {
		refused(t, s.Incenta.Call("GET", "/incentives/catalog?"+bad, nil), 400, "invalid_request", strings.Split(bad, "=")[0])
	}
}

// incentaAddress is the address as Incenta writes it.
var incentaAddress = object{"name": "Ada King", "line1": "1 Example Road", "city": "London", "postalCode": "E1 6AN", "country": "GB"}

// wants is a request to redeem; more may be nil.
func wants(user, item string, more object) object {
	r := object{"userId": user, "itemId": item}
	maps.Copy(r, more)
	return r
}

func TestRedeemItem(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t)
	c := s.Incenta
	buy := func(item string, more object) apptest.Response {
		return c.Call("POST", "/incentives/redeem", wants("u", item, more))
	}
	pool := addPool(t, s, "A", "B", "C")
	both := addItem(t, s, store.Item{Name: "Both", Kind: store.Digital, PointsCost: whole(10), TokensCost: whole(2), PoolID: &pool})
	tokens := addItem(t, s, store.Item{Name: "For tokens", Kind: store.Digital, TokensCost: whole(3), Stock: whole(2)})
	coins := addItem(t, s, store.Item{Name: "For coins", Kind: store.Physical, PointsCost: whole(7)})
	off := addItem(t, s, store.Item{Name: "Off", Kind: store.Digital, PointsCost: whole(1), Status: store.Inactive})
	free := addItem(t, s, store.Item{Name: "Without a price", Kind: store.Digital})

	refused(t, buy(both, nil), 404, "member_unknown")
	post(t, s, ledger.Command{Op: ledger.OpAward, Member: "u", Asset: ledger.XP, Amount: 40})
	refused(t, buy(both, nil), 400, "insufficient_points") // known, without an account of coins
	refused(t, s.Incentable.Call("POST", "/rewards/redeem", redeem("u", both, nil)), 400, "insufficient_points")
	give(t, s, "u", 100)
	refused(t, buy(tokens, nil), 400, "insufficient_points")
	post(t, s, ledger.Command{Op: ledger.OpAward, Member: "u", Asset: ledger.Tokens, Amount: 20})

	r := buy(both, object{"quantity": 2})
	equal(t, "coins first", shown(r, "userId", "itemId", "itemName", "quantity", "currency", "cost", "status", "discountCode"),
		fmt.Sprint("u ", both, " Both 2 COINS 20 FULFILLED A"))
	equal(t, "codes", fmt.Sprint(r.At("discountCodes")), "[A B]")
	equal(t, "balances", shown(r, "balances"), "map[coins:80 tokens:20 xp:40]")
	equal(t, "ids", r.Text("id") == r.Text("redemptionId") && strings.HasPrefix(r.Text("id"), "ord_"), true)
	equal(t, "times", shown(r, "shippedAt", "cancelledAt", "trackingNumber", "carrier"), "<nil> <nil> <nil> <nil>")
	equal(t, "fulfilled at once", r.Text("fulfilledAt"), r.Text("createdAt"))
	equal(t, "tokens when asked", shown(buy(both, object{"currency": "TOKENS"}), "currency", "cost", "balances"), "TOKENS 2 map[coins:80 tokens:18 xp:40]")
	equal(t, "tokens when nothing else will do", shown(buy(tokens, nil), "currency", "cost", "balances"), "TOKENS 3 map[coins:80 tokens:15 xp:40]")
	r = buy(coins, object{"shippingAddress": incentaAddress})
	equal(t, "physical", shown(r, "currency", "status", "discountCode", "discountCodes", "balances"), "COINS PENDING <nil> [] map[coins:73 tokens:15 xp:40]")
	equal(t, "to where", fmt.Sprint(r.At("shippingAddress")), fmt.Sprint(map[string]any(incentaAddress)))

	for name, refusal := range map[string]struct {
		got    apptest.Response
		status int
		code   string
		fields []string
	}{
		"unknown item":        {buy("itm_none", nil), 404, "not_found", nil},
		"inactive":            {buy(off, nil), 400, "item_inactive", nil},
		"no coin price":       {buy(tokens, object{"currency": "COINS"}), 400, "invalid_request", []string{"currency"}},
		"no token price":      {buy(coins, object{"currency": "TOKENS"}), 400, "invalid_request", []string{"currency"}},
		"no price":            {buy(free, nil), 400, "invalid_request", []string{"currency"}},
		"another currency":    {buy(both, object{"currency": "XP"}), 400, "invalid_request", []string{"currency"}},
		"nowhere to send to":  {buy(coins, nil), 400, "invalid_request", []string{"shippingAddress"}},
		"too few left":        {buy(tokens, object{"quantity": 2}), 400, "out_of_stock", nil},
		"too dear":            {buy(both, object{"quantity": 100}), 409, "code_pool_empty", nil},
		"no codes left":       {buy(both, nil), 409, "code_pool_empty", nil},
		"quantity of nothing": {buy(coins, object{"quantity": 0}), 400, "invalid_request", []string{"quantity"}},
		"too many":            {buy(coins, object{"quantity": 101}), 400, "invalid_request", []string{"quantity"}},
	} {
		t.Run(name, func(t *testing.T) { refused(t, refusal.got, refusal.status, refusal.code, refusal.fields...) })
	}
	for name := range incentaAddress {
		blank := maps.Clone(incentaAddress)
		blank[name] = "  "
		refused(t, buy(coins, object{"shippingAddress": blank}), 400, "invalid_request", "shippingAddress."+name)
		delete(blank, name)
		refused(t, buy(coins, object{"shippingAddress": blank}), 400, "invalid_request", "shippingAddress."+name)
	}
	equal(t, "nothing was spent", shown(c.Must(200, "GET", "/incentives/balances/u", nil), "coins", "tokens", "xp"), "73 15 40")
}

func TestRedemptionMoves(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t)
	c := s.Incenta
	item := addItem(t, s, store.Item{Name: "Mug", Kind: store.Physical, PointsCost: whole(10), Stock: whole(9)})
	card := addItem(t, s, store.Item{Name: "Card", Kind: store.Digital, PointsCost: whole(10)})
	give(t, s, "u", 100)
	bought := func() string {
		return c.Must(201, "POST", "/incentives/redeem", wants("u", item, object{"shippingAddress": incentaAddress})).Text("id")
	}
	move := func(order string, body object) apptest.Response {
		return c.Call("PATCH", "/incentives/redemptions/"+order, body)
	}
	order := bought()
	equal(t, "no move", shown(move(order, object{}), "status", "shippedAt", "carrier"), "PENDING <nil> <nil>")
	equal(t, "noted", shown(move(order, object{"status": "PENDING", "trackingNumber": "T-1", "carrier": "Post"}), "status", "trackingNumber", "carrier"), "PENDING T-1 Post")
	equal(t, "cleared", shown(move(order, object{"trackingNumber": nil}), "status", "trackingNumber", "carrier"), "PENDING <nil> Post")
	r := move(order, object{"status": "FULFILLED"})
	equal(t, "status", r.At("status"), "FULFILLED")
	equal(t, "shipped on the way", r.Text("shippedAt") != "" && r.Text("shippedAt") == r.Text("fulfilledAt"), true)
	equal(t, "there", orderStatus(s, order), "completed")
	equal(t, "again", string(move(order, object{"status": "FULFILLED"}).Body), string(r.Body))
	for _, to := range []string{"PENDING", "CANCELLED"} {
		refused(t, move(order, object{"status": to}), 400, "invalid_transition", "status")
	}

	for _, step := range []string{"processing", "shipped"} {
		order = bought()
		s.Incentable.Must(200, "PATCH", "/orders/"+order, object{"status": step})
		equal(t, step, shown(move(order, object{"status": "PENDING"}), "status"), "PENDING")
		equal(t, "there", orderStatus(s, order), step)
		shippedAt := move(order, object{}).Text("shippedAt")
		if step == "shipped" {
			refused(t, move(order, object{"status": "CANCELLED"}), 400, "invalid_transition", "status")
		}
		r := move(order, object{"status": "FULFILLED"})
		equal(t, "fulfilled", r.At("status"), "FULFILLED")
		if shippedAt != "" {
			equal(t, "shipped when it was", r.Text("shippedAt"), shippedAt)
		}
	}
	order = bought()
	r = move(order, object{"status": "CANCELLED"})
	equal(t, "cancelled", shown(r, "status", "fulfilledAt"), "CANCELLED <nil>")
	equal(t, "again", string(move(order, object{"status": "CANCELLED"}).Body), string(r.Body))
	equal(t, "coins", balanceOf(t, s, "u"), int64(70))
	equal(t, "stock", c.Must(200, "GET", "/incentives/catalog/"+item, nil).At("stock"), 6)
	for _, to := range []string{"PENDING", "FULFILLED"} {
		refused(t, move(order, object{"status": to}), 400, "invalid_transition", "status")
	}
	order = bought()
	c.Must(200, "DELETE", "/incentives/catalog/"+item, nil)
	equal(t, "of a deleted item", shown(move(order, object{"status": "CANCELLED"}), "status"), "CANCELLED")
	order = c.Must(201, "POST", "/incentives/redeem", wants("u", card, nil)).Text("id")
	refused(t, move(order, object{"status": "CANCELLED"}), 400, "invalid_transition", "status")
	refused(t, move("ord_none", object{"status": "CANCELLED"}), 404, "not_found")
	refused(t, move(order, object{"status": "shipped"}), 400, "invalid_request", "status")
}

// orderStatus is what the Incentable side calls it.
func orderStatus(s *apptest.Server, order string) string {
	r := s.Incentable.Must(200, "GET", "/orders?per_page=100", nil)
	for i := range r.Len("data") {
		if r.Text("data", i, "order_id") == order {
			return r.Text("data", i, "status")
		}
	}
	return ""
}

func TestRedemptionList(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t)
	give(t, s, "u", 100)
	give(t, s, "v", 100)
	mug := addItem(t, s, store.Item{Name: "Mug", Kind: store.Physical, PointsCost: whole(1)})
	card := addItem(t, s, store.Item{Name: "Card", Kind: store.Digital, PointsCost: whole(1)})
	statuses := map[string]string{"": "PENDING", "processing": "PENDING", "shipped": "PENDING", "cancelled": "CANCELLED", "completed": "FULFILLED"}
	type row struct{ id, user, item, status, day string }
	var rows []row // newest first
	for i := range 24 {
		w := row{user: []string{"u", "v"}[i/2%2], item: mug}
		if i%6 == 5 {
			w.item = card
		}
		r := s.Incenta.Must(201, "POST", "/incentives/redeem", wants(w.user, w.item, object{"shippingAddress": incentaAddress}))
		w.id, w.status, w.day = r.Text("id"), r.Text("status"), r.Text("createdAt")[:10]
		if to := []string{"", "processing", "shipped", "cancelled", ""}[i%5]; w.item == mug && to != "" {
			s.Incentable.Must(200, "PATCH", "/orders/"+w.id, object{"status": to})
			w.status = statuses[to]
		}
		rows = slices.Insert(rows, 0, w)
		if i%4 == 3 {
			ahead(t, s, time.Duration(i/4+1)*24*time.Hour)
		}
	}
	noon := rows[8].day
	for query, fits := range map[string]func(row) bool{
		"":                               func(row) bool { return true },
		"&status=PENDING":                func(w row) bool { return w.status == "PENDING" },
		"&status=FULFILLED":              func(w row) bool { return w.status == "FULFILLED" },
		"&status=CANCELLED&userId=u":     func(w row) bool { return w.status == "CANCELLED" && w.user == "u" },
		"&userId=v":                      func(w row) bool { return w.user == "v" },
		"&userId=nobody":                 func(row) bool { return false },
		"&itemId=" + card:                func(w row) bool { return w.item == card },
		"&itemId=none":                   func(row) bool { return false },
		"&status=PENDING&itemId=" + mug:  func(w row) bool { return w.item == mug && w.status == "PENDING" },
		"&userId=u&itemId=" + mug:        func(w row) bool { return w.item == mug && w.user == "u" },
		"&from=" + noon:                  func(w row) bool { return w.day >= noon },
		"&status=PENDING&to=" + noon:     func(w row) bool { return w.day <= noon && w.status == "PENDING" },
		"&itemId=" + mug + "&to=" + noon: func(w row) bool { return w.day <= noon && w.item == mug },
		"&from=" + noon + "&to=" + noon:  func(w row) bool { return w.day == noon },
	} {
		var want, got []string
		for _, w := range rows {
			if fits(w) {
				want = append(want, w.id)
			}
		}
		for page := range 5 {
			r := s.Incenta.Must(200, "GET", fmt.Sprintf("/incentives/redemptions?limit=5&page=%d%s", page+1, query), nil)
			equal(t, "total of "+query, r.At("pagination", "total"), len(want))
			for i := range r.Len("data") {
				got = append(got, r.Text("data", i, "id"))
			}
		}
		equal(t, "redemptions of "+query, fmt.Sprint(got), fmt.Sprint(want))
	}
	for _, bad := range []string{"page=0", "limit=101", "status=shipped", "from=yesterday", "to=2024-13-01", "itemId="} {
		refused(t, s.Incenta.Call("GET", "/incentives/redemptions?"+bad, nil), 400, "invalid_request", strings.Split(bad, "=")[0])
	}
}
