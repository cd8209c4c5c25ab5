package apptest_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/incent-dev/incent/internal/apptest"
	"github.com/incent-dev/incent/internal/store"
)

func TestCatalogue(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t)
	for i := range 30 {
		category, status := "Even", store.Active
		if i%2 == 1 {
			category = "Odd"
		}
		if i >= 28 {
			status = store.Inactive
		}
		addItem(t, s, store.Item{ID: fmt.Sprintf("rwd_%02d", i), Name: "Item", Kind: store.Digital, Category: category, Status: status, PointsCost: whole(int64(i + 1))})
	}
	addItem(t, s, store.Item{ID: "rwd_tokens", Name: "For tokens", Kind: store.Digital, TokensCost: whole(1)})
	list := func(query string) apptest.Response { return s.Incentable.Must(200, "GET", "/rewards?"+query, nil) }
	equal(t, "first", list("").At("data", 0, "id"), "rwd_00")
	for query, want := range map[string][2]int{ // total, length
		"": {30, 25}, "page=2": {30, 5}, "page=3": {30, 0}, "page=2147483647&per_page=100": {30, 0}, "per_page=100": {30, 30}, "category=Odd": {15, 15},
		"category=odd": {0, 0}, "status=active": {28, 25}, "status=inactive": {2, 2}, "min_points=30": {1, 1}, "max_points=3": {3, 3}, "min_points=3&max_points=3": {1, 1},
		"min_points=4&max_points=3": {0, 0}, "category=Odd&status=inactive&min_points=30": {1, 1}, "min_points=0&max_points=1000000000000000": {30, 25},
	} {
		r := list(query)
		equal(t, query+": total", r.At("meta", "total"), want[0])
		equal(t, query+": length", r.Len("data"), want[1])
	}
	badLists(t, s.Incentable, "/rewards", "status")
	for query, field := range map[string]string{"min_points=-1": "min_points", "max_points=1000000000000001": "max_points", "min_points=x": "min_points", "category=": "category"} {
		refused(t, s.Incentable.Call("GET", "/rewards?"+query, nil), 400, "invalid_request", field)
	}
	refused(t, s.Incentable.Call("GET", "/rewards/rwd_tokens", nil), 404, "not_found")
	refused(t, s.Incentable.Call("GET", "/rewards/redeem", nil), 404, "not_found")
	give(t, s, "m", 100)
	refused(t, s.Incentable.Call("POST", "/rewards/redeem", redeem("m", "rwd_tokens", nil)), 404, "not_found")
	refused(t, s.Incentable.Call("POST", "/rewards/redeem", redeem("m", "rwd_29", nil)), 400, "item_inactive")
	equal(t, "status", s.Incentable.Must(200, "GET", "/rewards/rwd_29", nil).At("data", "status"), "inactive")
	equal(t, "balance", balanceOf(t, s, "m"), int64(100))
}

// redeem is the request; more may be nil.
func redeem(member, item string, more object) object {
	r := object{"member_id": member, "reward_id": item}
	maps.Copy(r, more)
	return r
}

func TestQuantityAndCodes(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t)
	pool := addPool(t, s, "A", "B", "C", "D", "E")
	item := addItem(t, s, store.Item{Name: "Card", Kind: store.Digital, PointsCost: whole(10), PoolID: &pool, Stock: whole(6)})
	give(t, s, "m", 65)
	buy := func(quantity any) apptest.Response {
		return s.Incentable.Call("POST", "/rewards/redeem", redeem("m", item, object{"quantity": quantity}))
	}
	r := buy(3)
	equal(t, "points_spent", r.At("data", "points_spent"), 30)
	equal(t, "quantity", r.At("data", "quantity"), 3)
	equal(t, "new_balance", r.At("data", "new_balance"), 35)
	got := codesOf(r)
	equal(t, "code", r.At("data", "fulfillment", "code"), got[0])
	unchanged := func(stock int) {
		t.Helper()
		equal(t, "balance", balanceOf(t, s, "m"), int64(35))
		equal(t, "stock", s.Incentable.Must(200, "GET", "/rewards/"+item, nil).At("data", "stock"), stock)
	}
	refused(t, buy(3), 409, "code_pool_empty")
	refused(t, buy(4), 400, "out_of_stock")
	for _, bad := range []any{0, -1, 101, 1.5, "2", nil, true, object{}} {
		refused(t, buy(bad), 400, "invalid_request", "quantity")
	}
	unchanged(3)
	got = append(got, codesOf(buy(2))...)
	slices.Sort(got)
	equal(t, "codes", fmt.Sprint(got), "[A B C D E]")
	refused(t, buy(1), 409, "code_pool_empty")
	give(t, s, "poor", 9)
	addItem(t, s, store.Item{ID: "rwd_dear", Name: "Dear", Kind: store.Digital, PointsCost: whole(10), Stock: whole(1)})
	refused(t, s.Incentable.Call("POST", "/rewards/redeem", redeem("nobody", "rwd_dear", nil)), 404, "not_found")
	refused(t, s.Incentable.Call("POST", "/rewards/redeem", redeem("poor", "rwd_dear", nil)), 400, "insufficient_points")
	equal(t, "stock", s.Incentable.Must(200, "GET", "/rewards/rwd_dear", nil).At("data", "stock"), 1)
	s.Incentable.Must(201, "POST", "/rewards/redeem", redeem("m", "rwd_dear", nil))
	refused(t, s.Incentable.Call("POST", "/rewards/redeem", redeem("m", "rwd_dear", nil)), 400, "out_of_stock")

	r = s.Incentable.Must(200, "GET", "/orders?member_id=m", nil)
	equal(t, "orders", r.At("meta", "total"), 3)
	for _, to := range []string{"pending", "processing", "shipped", "cancelled"} {
		path := "/orders/" + r.Text("data", 0, "order_id")
		refused(t, s.Incentable.Call("PATCH", path, object{"status": to}), 400, "invalid_transition", "status")
	}
}

func codesOf(r apptest.Response) []string {
	var got []string
	for i := range r.Len("data", "fulfillment", "codes") {
		got = append(got, r.Text("data", "fulfillment", "codes", i))
	}
	return append(got, make([]string, max(0, 1-len(got)))...)
}

func TestShippingAddress(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t)
	item := addItem(t, s, store.Item{Name: "Earbuds", Kind: store.Physical, PointsCost: whole(10), Stock: whole(1)})
	give(t, s, "m", 10)
	buy := func(address any) apptest.Response {
		return s.Incentable.Call("POST", "/rewards/redeem", redeem("m", item, object{"shipping_address": address}))
	}
	refused(t, s.Incentable.Call("POST", "/rewards/redeem", redeem("m", item, nil)), 400, "invalid_request", "shipping_address")
	refused(t, buy(nil), 400, "invalid_request", "shipping_address")
	refused(t, buy("home"), 400, "invalid_request", "shipping_address")
	for name := range address {
		for _, bad := range []any{nil, "", "  ", 7, object{}} {
			wrong := maps.Clone(address)
			wrong[name] = bad
			refused(t, buy(wrong), 400, "invalid_request", "shipping_address."+name)
		}
		wrong := maps.Clone(address)
		delete(wrong, name)
		refused(t, buy(wrong), 400, "invalid_request", "shipping_address."+name)
	}
	for _, country := range []string{"USA", "U", "U1"} {
		wrong := maps.Clone(address)
		wrong["country"] = country
		if r := buy(wrong); r.Status != 400 || r.Fields()[0] != "shipping_address.country" {
			t.Errorf("country %s: %d %s", country, r.Status, r.Body)
		}
	}
	r := buy(address)
	equal(t, "status", r.At("data", "status"), "pending")
	equal(t, "line1", r.At("data", "fulfillment", "shipping_address", "line1"), address["line1"])
	equal(t, "code", r.At("data", "fulfillment", "code"), nil)
}

// Every move there is, from every status to every status.
func TestOrderMoves(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t)
	item := addItem(t, s, store.Item{Name: "Earbuds", Kind: store.Physical, PointsCost: whole(10), Stock: whole(100)})
	give(t, s, "m", 1000)
	ways := map[string][]string{
		"pending": {}, "processing": {"processing"}, "shipped": {"shipped"}, "completed": {"processing", "shipped", "completed"}, "cancelled": {"cancelled"},
	}
	allowed := map[string][]string{
		"pending": {"pending", "processing", "shipped", "cancelled"}, "processing": {"processing", "shipped", "cancelled"}, "shipped": {"shipped", "completed"},
		"completed": {"completed"}, "cancelled": {"cancelled"},
	}
	open := 0
	for from, way := range ways {
		for to := range ways {
			order := "/orders/" + buyPhysical(t, s, "m", item)
			for _, step := range way {
				s.Incentable.Must(200, "PATCH", order, object{"status": step})
			}
			r := s.Incentable.Call("PATCH", order, object{"status": to, "tracking_number": "T1"})
			if slices.Contains(allowed[from], to) {
				equal(t, from+" to "+to, r.At("data", "status"), to)
				equal(t, "tracking_number", r.At("data", "tracking_number"), "T1")
			} else {
				refused(t, r, 400, "invalid_transition", "status")
			}
			if from != "cancelled" && (to != "cancelled" || !slices.Contains(allowed[from], to)) {
				open++
			}
		}
	}
	equal(t, "balance", balanceOf(t, s, "m"), int64(1000-10*open))
	equal(t, "stock", s.Incentable.Must(200, "GET", "/rewards/"+item, nil).At("data", "stock"), 100-open)
	refused(t, s.Incentable.Call("PATCH", "/orders/"+unknown().order, object{"status": "shipped"}), 404, "not_found")
	refused(t, s.Incentable.Call("PATCH", "/orders/nonsense", object{"status": "shipped"}), 404, "not_found")
	refused(t, s.Incentable.Call("PATCH", "/orders/nonsense", object{"status": "lost"}), 400, "invalid_request", "status")
}

func TestCancelGivesBack(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t)
	item := addItem(t, s, store.Item{Name: "Earbuds", Kind: store.Physical, PointsCost: whole(10), Stock: whole(5)})
	give(t, s, "m", 100)
	r := s.Incentable.Must(201, "POST", "/rewards/redeem", redeem("m", item, object{"quantity": 3, "shipping_address": address}))
	order := r.Text("data", "order_id")
	state := func(balance, redeemed, stock int) {
		t.Helper()
		r := s.Incentable.Must(200, "GET", "/members/m/balance", nil)
		equal(t, "balance", r.At("data", "balance"), balance)
		equal(t, "lifetime_redeemed", r.At("data", "lifetime_redeemed"), redeemed)
		equal(t, "stock", s.Incentable.Must(200, "GET", "/rewards/"+item, nil).At("data", "stock"), stock)
	}
	state(70, 30, 2)
	for range 3 {
		r := s.Incentable.Must(200, "PATCH", "/orders/"+order, object{"status": "cancelled"})
		if r.Text("data", "cancelled_at") == "" {
			t.Errorf("no cancelled_at: %s", r.Body)
		}
		state(100, 0, 5)
	}
	r = s.Incentable.Must(200, "GET", "/members/m/transactions?type=redeem", nil)
	equal(t, "redeem transactions", r.At("meta", "total"), 2)
	equal(t, "points back", r.At("data", 0, "points"), 30)
	equal(t, "points gone", r.At("data", 1, "points"), -30)
	for i := range 2 {
		equal(t, "order_id", r.At("data", i, "order_id"), order)
	}
}

func TestShippingDetails(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "a")
	move := func(body object) apptest.Response {
		return w.Incentable.Must(200, "PATCH", "/orders/"+w.order, body)
	}
	r := move(object{"status": "shipped", "tracking_number": "1Z", "carrier": "UPS"})
	shipped := r.Text("data", "shipped_at")
	r = move(object{"status": "shipped", "carrier": "DHL"})
	equal(t, "tracking_number", r.At("data", "tracking_number"), "1Z")
	equal(t, "carrier", r.At("data", "carrier"), "DHL")
	r = move(object{"status": "completed", "tracking_number": nil})
	equal(t, "tracking_number", r.At("data", "tracking_number"), nil)
	equal(t, "shipped_at", r.At("data", "shipped_at"), shipped)
	if r.Text("data", "completed_at") == "" {
		t.Errorf("no completed_at: %s", r.Body)
	}
}

func TestOrderList(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t)
	item := addItem(t, s, store.Item{Name: "Earbuds", Kind: store.Physical, PointsCost: whole(1)})
	give(t, s, "m", 100)
	give(t, s, "n", 100)
	var at []time.Time
	var orders []string
	for range 3 {
		orders = append(orders, buyPhysical(t, s, "m", item))
		moment, err := time.Parse(time.RFC3339, s.Incentable.Must(200, "GET", "/orders?per_page=1", nil).Text("data", 0, "created_at"))
		if err != nil {
			t.Fatal(err)
		}
		at = append(at, moment)
		advance(t, s, 24*time.Hour)
	}
	spans(t, s.Incentable, "/orders", at)
	badSpans(t, s.Incentable, "/orders")
	badLists(t, s.Incentable, "/orders", "status")
	s.Incentable.Must(200, "PATCH", "/orders/"+orders[0], object{"status": "shipped"})
	s.Incentable.Must(200, "PATCH", "/orders/"+orders[1], object{"status": "cancelled"})
	mine := buyPhysical(t, s, "n", item)
	for query, want := range map[string][]string{
		"": {mine, orders[2], orders[1], orders[0]}, "per_page=2&page=2": {orders[1], orders[0]}, "per_page=3&page=2": {orders[0]}, "page=2": {}, "page=2147483647&per_page=100": {},
		"member_id=m": {orders[2], orders[1], orders[0]}, "member_id=n": {mine}, "member_id=nobody": {}, "status=pending": {mine, orders[2]}, "status=shipped": {orders[0]},
		"status=cancelled": {orders[1]}, "status=completed": {}, "status=pending&member_id=m": {orders[2]}, "status=pending&member_id=n&page=2": {},
		"status=pending&from=" + at[2].Format(time.DateOnly): {mine, orders[2]}, "member_id=m&to=" + at[1].Format(time.RFC3339): {orders[1], orders[0]},
	} {
		r := s.Incentable.Must(200, "GET", "/orders?"+query, nil)
		var got []string
		for i := range r.Len("data") {
			got = append(got, r.Text("data", i, "order_id"))
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", query, got, want)
		}
	}
}
