package apptest_test

import (
	"fmt"
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
		"verifyMarketplace": func(i ids) apptest.Request { return ask("GET", "/incentives/marketplace/verify/"+i.member, nil) },
		"redeemListing": func(i ids) apptest.Request {
			return ask("POST", "/incentives/marketplace/redeem", object{"listingId": i.listing, "userId": i.member})
		},
	})
	addGolden(tenant.Management, map[string]func(ids) apptest.Request{
		"listPartners":  get("/partners"),
		"createPartner": func(ids) apptest.Request { return ask("POST", "/partners", object{"name": "Corner Books"}) },
		"getPartner":    func(i ids) apptest.Request { return ask("GET", "/partners/"+i.partner, nil) },
		"updatePartner": func(i ids) apptest.Request {
			return ask("PATCH", "/partners/"+i.partner, object{"verified": true, "website": nil})
		},
		"getSettlement": func(i ids) apptest.Request {
			return ask("GET", "/partners/"+i.partner+"/settlement?from=2026-01-01&to=2099-12-31", nil)
		},
		"listListings": func(i ids) apptest.Request { return ask("GET", "/listings?status=active&partnerId="+i.partner, nil) },
		"createListing": func(i ids) apptest.Request {
			return ask("POST", "/listings", object{"partnerId": i.partner, "title": "Ten off", "pointsCost": 10, "codePoolId": i.pool, "settlementPrice": 7.5})
		},
		"getListing": func(i ids) apptest.Request { return ask("GET", "/listings/"+i.listing, nil) },
		"updateListing": func(i ids) apptest.Request {
			return ask("PATCH", "/listings/"+i.listing, object{"title": "Twelve off", "tokensCost": 3, "settlementPrice": nil})
		},
		"deleteListing": func(i ids) apptest.Request { return ask("DELETE", "/listings/"+i.listing, nil) },
		"importListingCodes": func(i ids) apptest.Request {
			return ask("POST", "/listings/"+i.listing+"/codes", object{"codes": []string{"BOOKS-1", "BOOKS-2"}})
		},
		"listOffers": get("/offers"),
		"createOffer": func(i ids) apptest.Request {
			return ask("POST", "/offers", object{"itemId": i.digital, "programme": "Morning Coffee", "settlementPrice": 2.25})
		},
		"getOffer":      func(i ids) apptest.Request { return ask("GET", "/offers/"+i.offer, nil) },
		"withdrawOffer": func(i ids) apptest.Request { return ask("POST", "/offers/"+i.offer+"/withdraw", nil) },
	})
}

// market puts up a listing, and an offer to nobody.
func (w *world) market(t testing.TB, name string) {
	w.partner = addPartner(t, w.Server, "Corner Books")
	w.listing = addListing(t, w.Server, object{"partnerId": w.partner, "title": "Ten off", "pointsCost": 10, "settlementPrice": 7.5}, codes("books-"+name, 100)...)
	made := w.Management.For(t).Must(201, "POST", "/offers", object{"itemId": w.digital, "programme": "Nobody " + name})
	w.offer = made.Text("id")
}

// addPartner makes a verified partner.
func addPartner(t testing.TB, s *apptest.Server, name string) string {
	t.Helper()
	made := s.Management.For(t).Must(201, "POST", "/partners", object{"name": name}).Text("id")
	s.Management.For(t).Must(200, "PATCH", "/partners/"+made, object{"verified": true})
	return made
}

// addListing puts a listing up, with codes of its own where it gets some.
func addListing(t testing.TB, s *apptest.Server, of object, codes ...string) string {
	t.Helper()
	made := s.Management.For(t).Must(201, "POST", "/listings", of).Text("id")
	if len(codes) > 0 {
		s.Management.For(t).Must(200, "POST", "/listings/"+made+"/codes", object{"codes": codes})
	}
	return made
}

// addOffer offers an item to the programme of another server.
func addOffer(t testing.TB, of *apptest.Server, item string, to *apptest.Server, price float64) string {
	t.Helper()
	return of.Management.For(t).Must(201, "POST", "/offers", object{"itemId": item, "programme": to.Tenant.Name, "settlementPrice": price}).Text("id")
}

func buyListing(listing, member string) object { return object{"listingId": listing, "userId": member} }

const (
	verifyPath = "/incentives/marketplace/verify/"
	buyPath    = "/incentives/marketplace/redeem"
)

// documentedListing lists what the documents redeem, with one code, and gives
// user_123 enough for it. It returns the partner.
func documentedListing(t testing.TB, s *apptest.Server) string {
	t.Helper()
	give(t, s, "user_123", 900)
	partner := addPartner(t, s, "Corner Books")
	pool := addPool(t, s, "BOOKS-9FQ4-2MXA")
	_, err := s.Core.Store.CreateListing(t.Context(), s.Tenant.ID, store.Listing{
		Item:    store.Item{ID: "listing_456", Name: "Ten off at the bookshop", Category: "Books", Status: store.Active, PointsCost: whole(800), PoolID: &pool},
		Partner: store.Partner{ID: partner}, OwedMinor: 750,
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return partner
}

// The documents' two calls, by both ways to write their address.
func TestDocumentedMarketplace(t *testing.T) {
	t.Parallel()
	for scheme, host := range map[string]string{"host": "api.incenta.dev", "bare": ""} {
		t.Run(scheme, func(t *testing.T) {
			t.Parallel()
			s := apptest.Start(t)
			partner := documentedListing(t, s)
			c := s.Incenta.Bare(host)
			listed := c.Must(200, "GET", "/incentives/marketplace/verify/user_123", nil)
			equal(t, "listings", listed.Len(), 1)
			got := listed.At(0).(map[string]any)
			equal(t, "listing", fmt.Sprint(got["id"], " ", got["listingId"], " ", got["coinPrice"], " ", got["tokenPrice"], " ", got["stock"], " ", got["affordable"]),
				"listing_456 listing_456 800 <nil> 1 true")
			r := c.Must(201, "POST", "/incentives/marketplace/redeem", `{ "listingId": "listing_456", "userId": "user_123" }`)
			equal(t, "answer", shown(r, "success", "listingId", "userId", "title", "currency", "cost", "discountCode", "expiresAt"),
				"true listing_456 user_123 Ten off at the bookshop COINS 800 BOOKS-9FQ4-2MXA <nil>")
			equal(t, "id", strings.HasPrefix(r.Text("id"), "ord_") && r.Text("id") == r.Text("redemptionId"), true)
			equal(t, "partner", fmt.Sprint(r.At("partner", "id"), r.At("partner", "name"), r.At("partner", "verified")), partner+"Corner Bookstrue")
			equal(t, "balances", fmt.Sprint(r.At("balances", "coins"), r.At("balances", "tokens"), r.At("balances", "xp")), "100 0 0")
			equal(t, "the other API", balanceOf(t, s, "user_123"), int64(100))
			equal(t, "nothing left", c.Must(200, "GET", "/incentives/marketplace/verify/user_123?all=true", nil).Len(), 0)
			refused(t, c.Call("POST", "/incentives/marketplace/redeem", buyListing("listing_456", "user_123")), 409, "code_pool_empty")
		})
	}
}

// What can be afforded, and what is missing for the rest.
func TestMarketplaceVerify(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t)
	m := s.Management
	post(t, s, ledger.Command{Op: ledger.OpAward, Member: "u", Asset: ledger.Points, Amount: 100})
	post(t, s, ledger.Command{Op: ledger.OpAward, Member: "u", Asset: ledger.Tokens, Amount: 5})
	partner := addPartner(t, s, "Books")
	generated := m.Must(201, "POST", "/code-pools", object{"name": "Made", "mode": "generated"}).Text("id")
	put := func(title string, more object) string {
		of := object{"partnerId": partner, "title": title, "codePoolId": generated}
		for k, v := range more {
			of[k] = v
		}
		return addListing(t, s, of)
	}
	cheap := put("Cheap", object{"pointsCost": 10})
	edge := put("Edge", object{"pointsCost": 100, "stock": 3})
	either := put("Either", object{"pointsCost": 500, "tokensCost": 5})
	dear := put("Dear", object{"pointsCost": 101, "tokensCost": 8})
	tokens := put("Tokens", object{"tokensCost": 6})
	gone := put("Sold out", object{"pointsCost": 1, "stock": 0})
	put("Without codes", object{"pointsCost": 1, "codePoolId": nil})
	off := put("Off", object{"pointsCost": 1, "status": "inactive"})
	m.Must(200, "DELETE", "/listings/"+put("Deleted", object{"pointsCost": 1}), nil)
	shy := m.Must(201, "POST", "/partners", object{"name": "Shy"}).Text("id")
	unverified := addListing(t, s, object{"partnerId": shy, "title": "Unverified", "pointsCost": 1}, "SHY-1")

	titles := func(query string) string {
		r := s.Incenta.Must(200, "GET", verifyPath+query, nil)
		list := make([]string, r.Len())
		for i := range list {
			list[i] = r.Text(i, "listingId")
			if missing := r.At(i, "shortfall"); missing != nil {
				list[i] += fmt.Sprint(" ", r.At(i, "shortfall", "coins"), "/", r.At(i, "shortfall", "tokens"))
			}
			equal(t, "affordable", r.At(i, "affordable"), r.At(i, "shortfall") == nil)
		}
		return strings.Join(list, ", ")
	}
	equal(t, "affordable", titles("u"), strings.Join([]string{cheap, edge, either}, ", "))
	equal(t, "all", titles("u?all=true"), strings.Join([]string{cheap, edge, dear + " 1/3", either, tokens + " <nil>/1"}, ", "))
	equal(t, "a page", titles("u?all=true&limit=2&page=2"), strings.Join([]string{dear + " 1/3", either}, ", "))
	equal(t, "a stranger", titles("stranger"), "")
	equal(t, "a stranger sees", titles("stranger?all=true&limit=1"), cheap+" 10/<nil>")

	c := s.Incenta
	refused(t, c.Call("POST", buyPath, buyListing(dear, "u")), 400, "insufficient_points")
	refused(t, c.Call("POST", buyPath, buyListing(gone, "u")), 400, "out_of_stock")
	for _, listing := range []string{off, unverified} {
		refused(t, c.Call("POST", buyPath, buyListing(listing, "u")), 400, "listing_inactive")
	}
	refused(t, c.Call("POST", buyPath, buyListing(cheap, "stranger")), 404, "member_unknown")
	refused(t, c.Call("POST", buyPath, buyListing("listing_none", "u")), 404, "not_found")
	refused(t, c.Call("POST", buyPath, object{"listingId": cheap, "userId": "u", "currency": "TOKENS"}), 400, "invalid_request")
	paid := c.Must(201, "POST", buyPath, object{"listingId": either, "userId": "u", "currency": "TOKENS"})
	equal(t, "paid", shown(paid, "currency", "cost"), "TOKENS 5")
	equal(t, "left", fmt.Sprint(paid.At("balances", "coins"), paid.At("balances", "tokens")), "100 0")
	m.Must(200, "PATCH", "/partners/"+shy, object{"verified": true})
	equal(t, "now verified", c.Must(201, "POST", buyPath, buyListing(unverified, "u")).Text("discountCode"), "SHY-1")
}

// A listing is no item: neither catalogue nor rewards know it, and no item can
// be bought as a listing. Its order is one like any other.
func TestListingsAreApart(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "a")
	c := w.Incentable
	refused(t, c.Call("GET", "/rewards/"+w.listing, nil), 404, "not_found")
	refused(t, c.Call("POST", "/rewards/redeem", redeem(w.member, w.listing, nil)), 404, "not_found")
	refused(t, w.Incenta.Call("POST", buyPath, buyListing(w.digital, w.member)), 404, "not_found")
	refused(t, w.Incenta.Call("POST", "/incentives/redeem", object{"itemId": w.listing, "userId": w.member}), 404, "not_found")
	refused(t, w.Incenta.Call("GET", "/incentives/catalog/"+w.listing, nil), 404, "not_found")
	refused(t, w.Incenta.Call("PATCH", "/incentives/catalog/"+w.listing, object{"name": "X"}), 404, "not_found")
	refused(t, w.Incenta.Call("DELETE", "/incentives/catalog/"+w.listing, nil), 404, "not_found")
	refused(t, w.Management.Call("GET", "/items/"+w.listing, nil), 404, "not_found")
	refused(t, w.Management.Call("PATCH", "/items/"+w.listing, object{"name": "X"}), 404, "not_found")
	refused(t, w.Management.Call("GET", "/listings/"+w.digital, nil), 404, "not_found")
	refused(t, w.Management.Call("PATCH", "/listings/"+w.digital, object{"title": "X"}), 404, "not_found")
	refused(t, w.Management.Call("DELETE", "/listings/"+w.digital, nil), 404, "not_found")
	refused(t, w.Management.Call("POST", "/offers", object{"itemId": w.listing, "programme": "X"}), 404, "not_found")
	for path, r := range map[string]apptest.Response{
		"rewards": c.Must(200, "GET", "/rewards", nil), "items": w.Management.Must(200, "GET", "/items", nil),
		"catalog": w.Incenta.Must(200, "GET", "/incentives/catalog", nil),
	} {
		equal(t, path+" hold the listing", strings.Contains(string(r.Body), w.listing), false)
	}
	bought := w.Incenta.Must(201, "POST", buyPath, buyListing(w.listing, w.member))
	order := c.Must(200, "GET", "/orders", nil)
	equal(t, "order", fmt.Sprint(order.At("data", 0, "order_id"), order.At("data", 0, "reward_id"), order.At("data", 0, "status")),
		bought.Text("id")+w.listing+"completed")
	redeemed := w.Incenta.Must(200, "GET", "/incentives/redemptions?userId="+w.member, nil)
	equal(t, "redemption", fmt.Sprint(redeemed.At("data", 0, "id"), redeemed.At("data", 0, "itemId"), redeemed.At("data", 0, "discountCode")),
		bought.Text("id")+w.listing+bought.Text("discountCode"))
	refused(t, c.Call("PATCH", "/orders/"+bought.Text("id"), object{"status": "cancelled"}), 400, "invalid_transition")
	w.Management.Must(200, "DELETE", "/listings/"+w.listing, nil)
	refused(t, w.Incenta.Call("POST", buyPath, buyListing(w.listing, w.member)), 404, "not_found")
	equal(t, "the order stays", c.Must(200, "GET", "/orders", nil).At("data", 0, "reward_id"), w.listing)
}

// What is refused when listings and offers are written.
func TestListingRules(t *testing.T) {
	t.Parallel()
	s, other := apptest.Start(t), apptest.Start(t)
	m := s.Management
	partner := addPartner(t, s, "Books")
	pool := addPool(t, other, "X-1")
	item := addItem(t, other, store.Item{Name: "Card", Kind: store.Digital, PointsCost: whole(1), PoolID: &pool})
	offer := addOffer(t, other, item, s, 2)
	for name, c := range map[string]struct {
		of     object
		status int
		field  string
	}{
		"no price":         {object{}, 400, "pointsCost"},
		"no such partner":  {object{"partnerId": "ptn_none", "pointsCost": 1}, 404, "partnerId"},
		"no such pool":     {object{"codePoolId": "pool_none", "pointsCost": 1}, 404, "codePoolId"},
		"another's pool":   {object{"codePoolId": pool, "pointsCost": 1}, 404, "codePoolId"},
		"no such offer":    {object{"offerId": "offer_none", "pointsCost": 1}, 404, "offerId"},
		"stock of theirs":  {object{"offerId": offer, "pointsCost": 1, "stock": 5}, 400, "stock"},
		"codes of theirs":  {object{"offerId": offer, "pointsCost": 1, "codePoolId": pool}, 400, "codePoolId"},
		"price of theirs":  {object{"offerId": offer, "pointsCost": 1, "settlementPrice": 1}, 400, "settlementPrice"},
		"too fine a price": {object{"pointsCost": 1, "settlementPrice": 0.001}, 400, "settlementPrice"},
	} {
		body := object{"partnerId": partner, "title": name}
		for k, v := range c.of {
			body[k] = v
		}
		code := map[int]string{400: "invalid_request", 404: "not_found"}[c.status]
		refused(t, m.Call("POST", "/listings", body), c.status, code, c.field)
	}
	physical := addItem(t, other, store.Item{Name: "Mug", Kind: store.Physical, PointsCost: whole(1)})
	refused(t, other.Management.Call("POST", "/offers", object{"itemId": physical, "programme": "x"}), 400, "invalid_request", "itemId")
	refused(t, other.Management.Call("POST", "/offers", object{"itemId": "rwd_none", "programme": "x"}), 404, "not_found", "itemId")

	listing := addListing(t, s, object{"partnerId": partner, "title": "Card", "pointsCost": 1, "offerId": offer})
	for field, value := range map[string]any{"stock": 1, "codePoolId": pool, "settlementPrice": 1} {
		refused(t, m.Call("PATCH", "/listings/"+listing, object{field: value}), 400, "invalid_request", field)
	}
	refused(t, m.Call("POST", "/listings/"+listing+"/codes", object{"codes": []string{"A"}}), 400, "invalid_request")
	refused(t, m.Call("PATCH", "/listings/"+listing, object{"pointsCost": nil}), 400, "invalid_request", "pointsCost")
	changed := m.Must(200, "PATCH", "/listings/"+listing, object{"title": "A card", "tokensCost": 4, "pointsCost": nil})
	equal(t, "changed", shown(changed, "title", "pointsCost", "tokensCost", "stock", "available", "codePoolId", "offerId", "settlementPrice"),
		"A card <nil> 4 <nil> 1 <nil> "+offer+" 2.00")
}

// Settlements by day, in points, tokens and money, and no redemption twice.
func TestSettlement(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t)
	give(t, s, "u", 1000)
	post(t, s, ledger.Command{Op: ledger.OpAward, Member: "u", Asset: ledger.Tokens, Amount: 10})
	partner, idle := addPartner(t, s, "Books"), addPartner(t, s, "Idle")
	listing := addListing(t, s, object{"partnerId": partner, "title": "Book", "pointsCost": 100, "tokensCost": 2, "settlementPrice": 7.5}, codes("book", 10)...)
	first := s.Incenta.Must(201, "POST", buyPath, buyListing(listing, "u"), "Idempotency-Key: k")
	sameAnswer(t, s.Incenta.Must(201, "POST", buyPath, buyListing(listing, "u"), "Idempotency-Key: k"), first)
	s.Incenta.Must(201, "POST", buyPath, object{"listingId": listing, "userId": "u", "currency": "TOKENS"})
	today := s.Tenant.Now().UTC()
	advance(t, s, 48*time.Hour)
	s.Management.Must(200, "PATCH", "/listings/"+listing, object{"settlementPrice": 0.05, "pointsCost": 150})
	s.Incenta.Must(201, "POST", buyPath, buyListing(listing, "u"))
	for query, want := range map[string]string{
		"":                                   "3 250 2 15.05",
		"?to=" + today.Format(time.DateOnly): "2 100 2 15.00",
		"?from=" + today.AddDate(0, 0, 1).Format(time.DateOnly): "1 150 0 0.05",
		"?from=2020-01-01&to=2020-12-31":                        "0 0 0 0.00",
	} {
		r := s.Management.Must(200, "GET", "/partners/"+partner+"/settlement"+query, nil)
		equal(t, "settlement"+query, shown(r, "redemptions", "pointsSpent", "tokensSpent", "owed"), want)
	}
	equal(t, "idle", s.Management.Must(200, "GET", "/partners/"+idle+"/settlement", nil).At("redemptions"), 0)
	refused(t, s.Management.Call("GET", "/partners/"+partner+"/settlement?from=2026-02-31", nil), 400, "invalid_request", "from")
}

// A partner on the same server: what it offers is sold, its stock and codes are
// taken, and nothing else of it can be seen or touched, by either side.
func TestPartnerProgramme(t *testing.T) {
	t.Parallel()
	theirs, ours := apptest.Start(t), apptest.Start(t)
	give(t, ours, "u", 1000)
	pool := addPool(t, theirs, "SECRET-1", "SECRET-2", "SECRET-3")
	item := addItem(t, theirs, store.Item{ID: "rwd_theirs", Name: "Their name", Description: "Their words", Kind: store.Digital, PointsCost: whole(987_654_321), Stock: whole(2), PoolID: &pool})
	offer := addOffer(t, theirs, item, ours, 4.5)
	partner := addPartner(t, ours, "They")
	body := object{"partnerId": partner, "title": "Our words", "pointsCost": 300, "offerId": offer}

	stranger := apptest.Start(t)
	strangers := addPartner(t, stranger, "They")
	for name, at := range map[string]*apptest.Server{"a stranger": stranger, "its owner": theirs, "live mode": ours.Live()} {
		p := strangers
		if at != stranger {
			p = addPartner(t, at, "They")
		}
		asked := object{"partnerId": p, "title": name, "pointsCost": 1, "offerId": offer}
		got := at.Management.Call("POST", "/listings", asked)
		asked["offerId"] = "offer_none"
		none := at.Management.Call("POST", "/listings", asked)
		refused(t, got, 404, "not_found", "offerId")
		equal(t, name, masked(got, unknown()), masked(none, unknown()))
	}
	listing := addListing(t, ours, body)
	shownTo := func() string {
		r := ours.Incenta.Must(200, "GET", verifyPath+"u", nil)
		for _, sealed := range []string{"SECRET", "Their", item, pool, "987654321"} {
			equal(t, sealed+" is told", strings.Contains(string(r.Body), sealed), false)
		}
		if r.Len() == 0 {
			return "nothing"
		}
		return fmt.Sprint(r.At(0, "stock"))
	}
	equal(t, "on offer", shownTo(), "2")
	managed := ours.Management.Must(200, "GET", "/listings/"+listing, nil)
	for _, sealed := range []string{"SECRET", "Their", item, pool, "987654321"} {
		equal(t, sealed+" is told to the operator", strings.Contains(string(managed.Body), sealed), false)
	}
	bought := ours.Incenta.Must(201, "POST", buyPath, buyListing(listing, "u"), "Idempotency-Key: once")
	equal(t, "code", shown(bought, "title", "discountCode", "cost"), "Our words SECRET-1 300")
	sameAnswer(t, ours.Incenta.Must(201, "POST", buyPath, buyListing(listing, "u"), "Idempotency-Key: once"), bought)
	equal(t, "left", shownTo(), "1")
	// Both sides note the same; the partner learns nothing of the member.
	equal(t, "our books", shown(ours.Management.Must(200, "GET", "/partners/"+partner+"/settlement", nil), "redemptions", "owed"), "1 4.50")
	noted := theirs.Management.Must(200, "GET", "/offers/"+offer, nil)
	equal(t, "their books", shown(noted, "sold", "owed"), "1 4.50")
	equal(t, "their stock", theirs.Management.Must(200, "GET", "/items/"+item, nil).At("stock"), 1)
	equal(t, "their codes", shown(theirs.Management.Must(200, "GET", "/code-pools/"+pool, nil), "available", "issued"), "2 1")
	equal(t, "their orders", theirs.Incentable.Must(200, "GET", "/orders", nil).At("meta", "total"), 0)
	for _, path := range []string{"/code-pools/" + pool, "/items/" + item, "/offers/" + offer} {
		refused(t, ours.Management.Call("GET", path, nil), 404, "not_found")
	}
	refused(t, ours.Management.Call("POST", "/offers/"+offer+"/withdraw", nil), 404, "not_found")
	refused(t, ours.Management.Call("POST", "/code-pools/"+pool+"/codes", object{"codes": []string{"MINE"}}), 404, "not_found")
	refused(t, theirs.Management.Call("GET", "/listings/"+listing, nil), 404, "not_found")
	refused(t, theirs.Incentable.Call("PATCH", "/orders/"+bought.Text("id"), object{"status": "cancelled"}), 404, "not_found")

	// The partner sells its last one itself.
	give(t, theirs, "v", 1_000_000_000)
	own := theirs.Incentable.Must(201, "POST", "/rewards/redeem", redeem("v", item, nil))
	equal(t, "own code", own.Text("data", "fulfillment", "code"), "SECRET-2")
	equal(t, "sold out", shownTo(), "nothing")
	refused(t, ours.Incenta.Call("POST", buyPath, buyListing(listing, "u")), 400, "out_of_stock")
	theirs.Management.Must(200, "PATCH", "/items/"+item, object{"stock": nil})
	equal(t, "by codes", shownTo(), "1")
	theirs.Management.Must(200, "PATCH", "/items/"+item, object{"status": "inactive"})
	equal(t, "inactive", shownTo(), "nothing")
	refused(t, ours.Incenta.Call("POST", buyPath, buyListing(listing, "u")), 400, "listing_inactive")
	theirs.Management.Must(200, "PATCH", "/items/"+item, object{"status": "active"})
	ours.Incenta.Must(201, "POST", buyPath, buyListing(listing, "u"))
	refused(t, ours.Incenta.Call("POST", buyPath, buyListing(listing, "u")), 409, "code_pool_empty")
	gone := theirs.Management.Must(200, "POST", "/offers/"+offer+"/withdraw", nil)
	equal(t, "withdrawn", gone.At("withdrawnAt") != nil, true)
	equal(t, "again", theirs.Management.Must(200, "POST", "/offers/"+offer+"/withdraw", nil).At("withdrawnAt"), gone.At("withdrawnAt"))
	refused(t, ours.Incenta.Call("POST", buyPath, buyListing(listing, "u")), 400, "listing_inactive")
	refused(t, ours.Management.Call("POST", "/listings", body), 404, "not_found", "offerId")
	equal(t, "balance", balanceOf(t, ours, "u"), int64(400))
}

// Two programmes sell each other's items, and their own, on two servers at once:
// nothing is oversold, no code goes out twice, nobody waits for ever.
func TestMarketplaceRace(t *testing.T) {
	t.Parallel()
	const callers, members, stock, spareCodes, cost = 600, 20, 40, 25, 10
	type side struct {
		*apptest.Server
		item, listing, pool, partner, offer string
	}
	sides := []*side{{Server: apptest.Start(t)}, {Server: apptest.Start(t)}}
	for i, s := range sides {
		// One is short of stock, the other of codes.
		n, limit := stock+spareCodes, whole(stock)
		if i == 1 {
			n, limit = stock, nil
		}
		s.pool = addPool(t, s.Server, codes(fmt.Sprint("race", i), n)...)
		s.item = addItem(t, s.Server, store.Item{Name: "Rare", Kind: store.Digital, PointsCost: whole(cost), Stock: limit, PoolID: &s.pool})
		for m := range members {
			give(t, s.Server, fmt.Sprint("m", m), callers*cost)
		}
		s.partner = addPartner(t, s.Server, "Other")
	}
	for i, s := range sides {
		other := sides[1-i]
		other.offer = addOffer(t, other.Server, other.item, s.Server, 1.25)
		s.listing = addListing(t, s.Server, object{"partnerId": s.partner, "title": "Theirs", "pointsCost": cost, "offerId": other.offer})
	}
	var answers tally
	together(callers, func(i int) {
		s := sides[i%2]
		at := s.Server
		if i/2%2 == 1 {
			at = s.Twin()
		}
		member := fmt.Sprint("m", i%members)
		answers.add(insist(func() apptest.Response {
			if i/4%2 == 0 {
				return at.Incentable.Call("POST", "/rewards/redeem", redeem(member, s.item, nil))
			}
			return at.Incenta.Call("POST", buyPath, buyListing(s.listing, member))
		}))
	})
	equal(t, "sold", answers.of["201 "], 2*stock)
	equal(t, "refused", answers.of["400 out_of_stock"]+answers.of["409 code_pool_empty"], callers-2*stock)
	var handed []string
	for i, s := range sides {
		orders := s.Incentable.Must(200, "GET", "/orders?per_page=100", nil)
		for n := range orders.Len("data") {
			handed = append(handed, orders.Text("data", n, "fulfillment", "code"))
		}
		sold := s.Management.Must(200, "GET", "/offers/"+s.offer, nil).At("sold").(int64)
		other := sides[1-i]
		equal(t, "both sides", other.Management.Must(200, "GET", "/partners/"+other.partner+"/settlement", nil).At("redemptions"), sold)
		equal(t, "issued", s.Management.Must(200, "GET", "/code-pools/"+s.pool, nil).At("issued"), stock)
	}
	slices.Sort(handed)
	equal(t, "codes handed out", len(slices.Compact(handed)), 2*stock)
}
