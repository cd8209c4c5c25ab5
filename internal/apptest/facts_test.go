package apptest_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/incent-dev/incent/internal/apptest"
	"github.com/incent-dev/incent/internal/ledger"
	"github.com/incent-dev/incent/internal/referral"
	"github.com/incent-dev/incent/internal/store"
)

// told is one event of the feed.
type told struct {
	kind string
	data object
}

// feed reads a whole feed in small pages, so that commits are cut at their middle.
func feed(t testing.TB, s *apptest.Server) []told {
	t.Helper()
	var all []told
	next := ""
	for {
		page := s.Management.For(t).Must(200, "GET", "/events?limit=7"+next, nil)
		for i := range page.Len("data") {
			data, _ := page.At("data", i, "data").(object)
			all = append(all, told{page.Text("data", i, "type"), data})
		}
		if page.Len("data") == 0 {
			return all
		}
		next = "&after=" + page.Text("next")
	}
}

// since reads what was told behind a number of events, and leaves out the kinds
// that a test is not about.
func since(t testing.TB, s *apptest.Server, n int, without ...string) []told {
	t.Helper()
	return slices.DeleteFunc(feed(t, s)[n:], func(e told) bool { return slices.Contains(without, e.kind) })
}

// say is a line per event: its kind, and what its data has under some names.
func say(events []told, names ...string) string {
	var lines []string
	for _, e := range events {
		line := e.kind
		for _, name := range names {
			if value, has := e.data[name]; has {
				line += fmt.Sprintf(" %v", value)
			}
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n")
}

// lines are what say is compared with.
func lines(list ...string) string { return strings.Join(list, "\n") }

// of picks the events of a kind.
func of(events []told, kind string) (list []told) {
	for _, e := range events {
		if e.kind == kind {
			list = append(list, e)
		}
	}
	return list
}

func TestFeedTellsMembers(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t)
	s.Management.Must(201, "POST", "/members", object{"id": "ada", "name": "Ada", "email": "ada@example.com"})
	s.Management.Must(200, "PATCH", "/members/ada", object{"email": "ada@example.org", "timeZone": "Europe/Berlin"})
	s.Management.Must(200, "PATCH", "/members/ada", object{"email": "ada@example.org"})
	equal(t, "told", say(feed(t, s), "member_id", "changed", "name", "email", "time_zone"), lines(
		"member.created ada Ada ada@example.org Europe/Berlin",
		"member.updated ada [email time_zone] Ada ada@example.org Europe/Berlin"))

	s.Management.Call("POST", "/members", object{"id": "ada"})
	s.Incentable.Must(200, "POST", "/points/award/bulk", object{"awards": []object{
		{"member_id": "ada", "points": 1, "reason": "a"}, {"member_id": "bob", "points": 2, "reason": "b"}, {"member_id": "cyd", "points": 3, "reason": "c"},
		{"member_id": "bob", "points": 4, "reason": "d"}}})
	bulk := since(t, s, 2)
	equal(t, "enrolled", say(bulk[:2], "member_id"), lines("member.created bob", "member.created cyd"))
	equal(t, "awards", len(of(bulk, "points.awarded")), 4)

	campaign := addCampaign(t, s, referral.Campaign{})
	before := len(feed(t, s))
	newCode(t, s, campaign, "dan")
	equal(t, "by a code", say(since(t, s, before), "member_id"), lines("member.created dan", "REFERRAL_CREATED"))
}

func TestFeedTellsOrders(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t)
	pool := addPool(t, s, "GIFT-1", "GIFT-2", "GIFT-3")
	addItem(t, s, store.Item{ID: "card", Name: "Gift card", Kind: store.Digital, PointsCost: whole(100), TokensCost: whole(7), PoolID: &pool})
	addItem(t, s, store.Item{ID: "buds", Name: "Earbuds", Kind: store.Physical, PointsCost: whole(300)})
	give(t, s, "ada", 5000)
	post(t, s, ledger.Command{Op: ledger.OpAward, Member: "ada", Asset: ledger.Tokens, Amount: 20})
	n := len(feed(t, s))

	bought := s.Incentable.Must(201, "POST", "/rewards/redeem", object{"member_id": "ada", "reward_id": "card", "quantity": 2})
	order := bought.Text("data", "order_id")
	purchase := since(t, s, n)
	equal(t, "a digital order", say(purchase, "order_id", "redemptionId", "member_id", "userId", "status", "previous_status", "points_spent", "cost", "new_balance", "discountCodes"), lines(
		"reward.redeemed "+order+" ada completed <nil> 200 4800", "order.created "+order+" ada completed <nil> 200 4800",
		"order.completed "+order+" ada completed <nil> 200 4800", "INCENTIVE_ITEM_REDEEMED "+order+" ada FULFILLED 200 [GIFT-1 GIFT-2]"))
	equal(t, "its codes", fmt.Sprint(purchase[2].data["fulfillment"].(object)["codes"]), "[GIFT-1 GIFT-2]")
	n += len(purchase)

	s.Incenta.Must(201, "POST", "/incentives/redeem", object{"userId": "ada", "itemId": "card", "currency": "TOKENS"})
	equal(t, "for tokens", say(since(t, s, n), "points_spent", "new_balance", "currency", "cost"), lines(
		"reward.redeemed 0", "order.created 0", "order.completed 0", "INCENTIVE_ITEM_REDEEMED TOKENS 7", "code_pool.empty"))
	n += 5

	physical := buyPhysical(t, s, "ada", "buds")
	move := func(to object) { s.Incentable.Must(200, "PATCH", "/orders/"+physical, to) }
	move(object{"status": "processing"})
	move(object{"status": "processing", "carrier": "UPS"})
	move(object{"status": "processing", "carrier": "UPS"})
	move(object{"status": "shipped", "tracking_number": "1Z9"})
	move(object{"status": "completed"})
	moves := since(t, s, n)
	equal(t, "moves", say(moves, "status", "previous_status", "tracking_number", "carrier"), lines(
		"reward.redeemed pending <nil> <nil> <nil>", "order.created pending <nil> <nil> <nil>", "INCENTIVE_ITEM_REDEEMED PENDING <nil>",
		"order.updated processing pending 1Z9 UPS", "order.updated processing processing 1Z9 UPS",
		"order.shipped shipped processing 1Z9 UPS", "order.completed completed shipped 1Z9 UPS", "INCENTIVE_ITEM_FULFILLED FULFILLED UPS"))
	equal(t, "not shipped then", moves[4].data["shipped_at"], nil)
	equal(t, "shipped, not completed", fmt.Sprint(moves[5].data["shipped_at"] != nil, moves[5].data["completed_at"]), "true <nil>")
	equal(t, "where to", fmt.Sprint(moves[1].data["fulfillment"].(object)["shipping_address"].(object)["city"], moves[2].data["shippingAddress"].(object)["postalCode"]), "New York10001")
	n += len(moves)

	second, third := buyPhysical(t, s, "ada", "buds"), buyPhysical(t, s, "ada", "buds")
	s.Incentable.Must(200, "PATCH", "/orders/"+second, object{"status": "cancelled"})
	s.Incentable.Must(200, "PATCH", "/orders/"+second, object{"status": "cancelled"})
	s.Incenta.Must(200, "PATCH", "/incentives/redemptions/"+third, object{"status": "FULFILLED"})
	equal(t, "cancelled, and both steps at once", say(since(t, s, n+6), "order_id", "redemptionId", "status", "previous_status"), lines(
		"order.cancelled "+second+" cancelled pending",
		"order.shipped "+third+" shipped pending", "order.completed "+third+" completed shipped", "INCENTIVE_ITEM_FULFILLED "+third+" FULFILLED"))
}

func TestFeedTellsReferrals(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t)
	c := s.Incenta
	pool := addPool(t, s, "SUMMER-1", "SUMMER-2")
	addCampaign(t, s, referral.Campaign{ID: "camp_1", Rule: referral.Rule{
		Referrer: &referral.Side{FixedMinor: 500, Asset: ledger.Points, Fulfilment: referral.DiscountCode, PoolID: pool},
		Referee:  &referral.Side{Units: 40, Asset: ledger.Points, Fulfilment: referral.Automated},
	}})
	made := c.Must(201, "POST", "/referrals", object{"campaignId": "camp_1", "referrerId": "ada"})
	code, id := made.Text("referralCode"), made.Text("referralId")
	c.Must(200, "POST", "/referrals", object{"campaignId": "camp_1", "referrerId": "ada"})
	s.Management.Must(201, "POST", "/campaigns/camp_1/codes", object{"code": "SAVE20", "referrerId": "bob"})
	c.Must(200, "POST", "/clicks", clicked(code, "cyd"))
	c.Must(200, "POST", "/clicks", clicked(code, "cyd"))
	c.Must(200, "POST", "/clicks", object{"referralCode": code})
	converted := c.Must(201, "POST", "/conversions", object{"referralCode": code, "refereeId": "cyd", "amount": 49.99, "metadata": object{"source": "shop"}})
	repeated := c.Must(201, "POST", "/conversions", object{"referralCode": code, "refereeId": "cyd"})
	events := since(t, s, 0, "member.created")
	equal(t, "codes and clicks", say(events[:5], "referralCode", "campaignId", "referrerId", "refereeId", "counted", "riskScore"), lines(
		"REFERRAL_CREATED "+code+" camp_1 ada <nil> <nil>", "REFERRAL_CREATED SAVE20 camp_1 bob <nil> <nil>",
		"REFERRAL_CLICKED "+code+" camp_1 ada cyd true", "REFERRAL_CLICKED "+code+" camp_1 ada cyd false", "REFERRAL_CLICKED "+code+" camp_1 ada <nil> true"))
	equal(t, "conversions", say(events[5:], "conversionId", "referralId", "userId", "role", "status", "reason", "amount", "coins", "rewardAmount", "discountCode"), lines(
		"REFERRAL_CONVERTED "+converted.Text("conversionId")+" "+id+" COMPLETED <nil> 49.99 5.00",
		"REWARD_CREATED "+converted.Text("conversionId")+" "+id+" ada REFERRER APPROVED 5.00 0 <nil>",
		"REWARD_CREATED "+converted.Text("conversionId")+" "+id+" cyd REFEREE PAID 0.00 40 <nil>",
		"points.awarded Referral reward",
		"REFERRAL_CONVERTED "+repeated.Text("conversionId")+" "+id+" COMPLETED REPEAT_CONVERSION <nil> 0.00"))
	n := len(feed(t, s))

	reward := fmt.Sprint(events[6].data["rewardId"])
	c.Must(200, "POST", "/rewards/"+reward+"/claim", nil, "Idempotency-Key: once")
	c.Must(200, "POST", "/rewards/"+reward+"/claim", nil, "Idempotency-Key: once")
	c.Must(200, "POST", "/rewards/"+reward+"/claim", nil)
	c.Must(200, "POST", "/rewards/redeem", object{"code": "summer-1"})
	equal(t, "claimed and redeemed", say(since(t, s, n), "rewardId", "userId", "status", "discountCode", "couponCode"), lines(
		"REWARD_CLAIMED "+reward+" ada APPROVED SUMMER-1 <nil>", "REWARD_REDEEMED "+reward+" ada PAID SUMMER-1 <nil>"))
	equal(t, "not yet claimed, then", of(feed(t, s), "REWARD_CREATED")[0].data["discountCode"], nil)

	addBlock(t, s, "mallory@example.com")
	n = len(feed(t, s))
	suspect := c.Must(201, "POST", "/conversions", object{"referralCode": code, "refereeId": "mallory", "refereeEmail": "mallory@example.com"})
	want := lines(strings.Join([]string{"REFERRAL_CONVERTED", suspect.Text("conversionId"), "FLAGGED <nil>", suspect.Text("warning"), fmt.Sprint(suspect.At("riskScore"))}, " "),
		"REWARD_CREATED "+suspect.Text("conversionId")+" PENDING", "REWARD_CREATED "+suspect.Text("conversionId")+" PENDING")
	suspected := func() string {
		return say(since(t, s, n, "member.created"), "conversionId", "status", "reason", "warning", "riskScore")
	}
	equal(t, "suspected", suspected(), want)
	s.Management.Must(200, "POST", "/cases/"+s.Management.Must(200, "GET", "/cases?status=open", nil).Text("data", 0, "id")+"/approve", nil)
	equal(t, "approved, but that was later", suspected(), want)
}

func TestFeedTellsIncentives(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t)
	onboarding(t, s)
	define(t, s, "badges", object{"key": "friend", "name": "Friend"})
	define(t, s, "actions", object{"key": "shared", "name": "Shared", "type": "REFERRAL_CLICK", "xp": 5})
	s.Management.Must(201, "POST", "/milestones", object{"key": "xp_100", "name": "100 XP reached", "type": "XP_REACHED", "threshold": 100, "points": 3, "badgeKey": "friend"})
	first := s.Incenta.Must(201, "POST", "/incentives/events", object{"userId": "ada", "actionKey": "complete_profile", "metadata": object{"a": 1}})
	act(t, s, "ada", "complete_profile")
	events := since(t, s, 0, "member.created")
	names := []string{"eventId", "userId", "actionKey", "rewarded", "reason", "xp", "level", "previousLevel", "badgeKey", "source", "key", "threshold", "coins"}
	equal(t, "an event and what follows", say(events, names...), lines(
		"INCENTIVE_EVENT_RECORDED "+first.Text("id")+" ada complete_profile true <nil> 100 50",
		"INCENTIVE_LEVEL_UP ada 1 0 newcomer 25", "INCENTIVE_BADGE_EARNED ada newcomer LEVEL", "INCENTIVE_BADGE_EARNED ada friend MILESTONE",
		"INCENTIVE_MILESTONE_REACHED ada friend xp_100 100 3",
		"points.awarded Complete Profile", "points.awarded Newcomer", "points.awarded 100 XP reached",
		"INCENTIVE_EVENT_RECORDED "+fmt.Sprint(events[8].data["eventId"])+" ada complete_profile false MAX_REPEATS 0 0"))
	equal(t, "metadata", fmt.Sprint(events[0].data["metadata"]), "map[a:1]")
	n := len(feed(t, s))

	s.Incenta.Must(201, "POST", "/incentives/badges/award", object{"userId": "bob", "badgeKey": "friend"})
	s.Incenta.Call("POST", "/incentives/badges/award", object{"userId": "bob", "badgeKey": "friend"})
	s.Incenta.Must(200, "POST", "/incentives/events/bulk", object{"events": []object{
		{"userId": "cyd", "actionKey": "none"}, {"userId": "bob", "actionKey": "complete_profile", "idempotencyKey": "k"},
		{"userId": "bob", "actionKey": "complete_profile", "idempotencyKey": "k"}}})
	equal(t, "by hand, and in bulk", say(since(t, s, n, "member.created", "points.awarded"), "userId", "badgeKey", "source", "actionKey"), lines(
		"INCENTIVE_BADGE_EARNED bob friend AWARD", "INCENTIVE_EVENT_RECORDED bob complete_profile", "INCENTIVE_LEVEL_UP bob newcomer",
		"INCENTIVE_BADGE_EARNED bob newcomer LEVEL", "INCENTIVE_MILESTONE_REACHED bob friend"))

	code := newCode(t, s, addCampaign(t, s, referral.Campaign{}), "ada")
	n = len(feed(t, s))
	s.Incenta.Must(200, "POST", "/clicks", clicked(code, "ada2"))
	equal(t, "fired by a click", say(since(t, s, n, "member.created"), "referrerId", "userId", "actionKey", "xp"), lines(
		"REFERRAL_CLICKED ada", "INCENTIVE_EVENT_RECORDED ada shared 5"))
}

func TestFeedTellsTheMarketplace(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t)
	made := s.Management.Must(201, "POST", "/partners", object{"name": "Corner Books", "website": "https://books.example"}).Text("id")
	for range 2 {
		s.Management.Must(200, "PATCH", "/partners/"+made, object{"verified": true})
	}
	listing := addListing(t, s, object{"partnerId": made, "title": "Ten off", "pointsCost": 10, "settlementPrice": 7.5}, "BOOKS-1", "BOOKS-2")
	give(t, s, "ada", 100)
	bought := s.Incenta.Must(201, "POST", buyPath, buyListing(listing, "ada"))
	equal(t, "told", say(since(t, s, 0, "member.created", "points.awarded"), "partnerId", "name", "verified", "redemptionId", "title", "userId", "discountCode"), lines(
		"MARKETPLACE_PROFILE_CREATED "+made+" Corner Books false", "MARKETPLACE_PROFILE_VERIFIED "+made+" Corner Books true",
		"reward.redeemed", "order.created", "order.completed", "INCENTIVE_ITEM_REDEEMED "+bought.Text("redemptionId")+" ada BOOKS-1",
		"MARKETPLACE_LISTING_REDEEMED "+bought.Text("redemptionId")+" Ten off ada BOOKS-1"))
	sold := of(feed(t, s), "MARKETPLACE_LISTING_REDEEMED")[0]
	equal(t, "partner", fmt.Sprint(sold.data["partner"]), "map[id:"+made+" name:Corner Books]")
}

// That a pool has run out is told once until codes are put in, also where
// whoever asked was refused, with and without a key, and to the tenant whose
// pool it is.
func TestFeedTellsEmptyPools(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t)
	none := addPool(t, s)
	empty := func(of *apptest.Server) string {
		return say(since(t, of, 0, slices.Collect(func(yield func(string) bool) {
			for _, e := range feed(t, of) {
				if e.kind != "code_pool.empty" && !yield(e.kind) {
					return
				}
			}
		})...), "pool_id", "available")
	}
	for i, keys := range [][]string{{"Idempotency-Key: a"}, {"Idempotency-Key: a"}, nil, nil} {
		var reward string
		if i == 0 {
			reward = earn(t, s, earned{Referrer: "u1", Referee: "u2", Pool: none}).rewards[0]
		} else {
			reward = s.Incenta.Must(200, "GET", "/rewards?userId=u1", nil).Text("data", 0, "rewardId")
		}
		refused(t, s.Incenta.Call("POST", "/rewards/"+reward+"/claim", nil, keys...), 409, "code_pool_empty")
		equal(t, "told once", empty(s), "code_pool.empty "+none+" 0")
	}

	s.Management.Must(200, "POST", "/code-pools/"+none+"/codes", object{"codes": []string{"A-1", "A-2", "A-3"}})
	addItem(t, s, store.Item{ID: "card", Name: "Gift card", Kind: store.Digital, PointsCost: whole(1), PoolID: &none})
	give(t, s, "ada", 100)
	want := lines("code_pool.empty "+none+" 0", "code_pool.empty "+none+" 3")
	refused(t, s.Incentable.Call("POST", "/rewards/redeem", object{"member_id": "ada", "reward_id": "card", "quantity": 4}), 409, "code_pool_empty")
	equal(t, "too few", empty(s), want)
	s.Incentable.Must(201, "POST", "/rewards/redeem", object{"member_id": "ada", "reward_id": "card", "quantity": 3})
	equal(t, "and none", empty(s), want)
	s.Management.Must(200, "POST", "/code-pools/"+none+"/codes", object{"codes": []string{"A-4"}})
	s.Incentable.Must(201, "POST", "/rewards/redeem", object{"member_id": "ada", "reward_id": "card"})
	equal(t, "the last one", empty(s), lines(want, "code_pool.empty "+none+" 0"))

	keeper, seller := apptest.Start(t), apptest.Start(t)
	coffee := addPool(t, keeper, "COFFEE-1")
	item := addItem(t, keeper, store.Item{ID: "coffee", Name: "Coffee", Kind: store.Digital, PointsCost: whole(5), PoolID: &coffee})
	offer := addOffer(t, keeper, item, seller, 2.25)
	partner := addPartner(t, seller, "Morning Coffee")
	listing := addListing(t, seller, object{"partnerId": partner, "title": "A coffee", "pointsCost": 5, "offerId": offer})
	give(t, seller, "ada", 100)
	seller.Incenta.Must(201, "POST", buyPath, buyListing(listing, "ada"))
	equal(t, "keeper", empty(keeper), "code_pool.empty "+coffee+" 0")
	equal(t, "seller", empty(seller), "")
}
