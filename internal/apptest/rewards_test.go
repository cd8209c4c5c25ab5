package apptest_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/incent-dev/incent/internal/apptest"
	"github.com/incent-dev/incent/internal/tenant"
)

func init() {
	ask := apptest.NewRequest
	for name, good := range map[string]func(ids) apptest.Request{
		"listRewards":     func(i ids) apptest.Request { return ask("GET", "/rewards?userId="+i.member, nil) },
		"getReward":       func(i ids) apptest.Request { return ask("GET", "/rewards/"+i.earned, nil) },
		"claimReward":     func(i ids) apptest.Request { return ask("POST", "/rewards/"+i.earned+"/claim", nil) },
		"validateCode":    func(i ids) apptest.Request { return ask("GET", "/rewards/validate?code="+i.code, nil) },
		"redeemReward":    func(i ids) apptest.Request { return ask("POST", "/rewards/redeem", object{"code": i.code}) },
		"listUserRewards": func(i ids) apptest.Request { return ask("GET", "/users/"+i.member+"/rewards", nil) },
	} {
		golden[tenant.Incenta][name] = good
	}
	for name, good := range map[string]func(ids) apptest.Request{
		"listCases":   get("/cases?status=open"),
		"getCase":     func(i ids) apptest.Request { return ask("GET", "/cases/"+i.review, nil) },
		"updateCase":  func(i ids) apptest.Request { return ask("PATCH", "/cases/"+i.review, object{"note": "Looked at"}) },
		"approveCase": func(i ids) apptest.Request { return ask("POST", "/cases/"+i.review+"/approve", object{"note": "Fine"}) },
		"rejectCase": func(i ids) apptest.Request {
			return ask("POST", "/cases/"+i.review+"/reject", object{"note": "Not fine"})
		},
		"approveReward":   func(i ids) apptest.Request { return ask("POST", "/rewards/"+i.earned+"/approve", nil) },
		"cancelReward":    func(i ids) apptest.Request { return ask("POST", "/rewards/"+i.earned+"/cancel", nil) },
		"explainReward":   func(i ids) apptest.Request { return ask("GET", "/rewards/"+i.earned+"/why", nil) },
		"explainTransfer": func(i ids) apptest.Request { return ask("GET", "/transfers/"+i.transfer+"/why", nil) },
		"refundConversion": func(i ids) apptest.Request {
			return ask("POST", "/conversions/"+i.conversion+"/refund", object{"reason": "Returned"})
		},
	} {
		golden[tenant.Management][name] = good
	}
}

func TestClaimAndRedeemCodes(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t)
	c := s.Incenta
	pool := addPool(t, s, "Summer-1", "SUMMER-1", "Summer-2")
	first := earn(t, s, earned{Referrer: "u1", Referee: "u2", Pool: pool, ValueMinor: 500}).rewards[0]
	r := c.Must(200, "GET", "/rewards/"+first, nil)
	equal(t, "new", shown(r, "id", "rewardId", "userId", "status", "fulfillmentType", "coins", "discountCode", "claimedAt"),
		first+" "+first+" u1 APPROVED DISCOUNT_CODE 0 <nil> <nil>")
	equal(t, "money", strings.Contains(string(r.Body), `"amount":5.00`), true)
	refused(t, c.Call("POST", "/rewards/redeem", object{"rewardId": first}), 400, "reward_not_redeemable")
	equal(t, "not handed out", shown(c.Must(200, "GET", "/rewards/validate?code=Summer-1", nil), "valid", "reason", "reward"), "false UNKNOWN <nil>")

	claimed := c.Must(200, "POST", "/rewards/"+first+"/claim", nil)
	equal(t, "claimed", shown(claimed, "success", "status", "discountCode", "couponCode"), "true APPROVED Summer-1 <nil>")
	equal(t, "again", string(c.Must(200, "POST", "/rewards/"+first+"/claim", nil).Body), string(claimed.Body))
	equal(t, "valid", shown(c.Must(200, "GET", "/rewards/validate?code=sUMMER-1", nil), "valid", "code", "reason"), "true sUMMER-1 <nil>")
	for _, body := range []object{{}, {"code": "Summer-1", "rewardId": first}} {
		refused(t, c.Call("POST", "/rewards/redeem", body), 400, "invalid_request", "code", "rewardId")
	}
	refused(t, c.Call("POST", "/rewards/redeem", object{"code": "nothing"}), 404, "not_found")
	refused(t, c.Call("POST", "/rewards/redeem", object{"rewardId": "rwd_none"}), 404, "not_found")
	paid := c.Must(200, "POST", "/rewards/redeem", object{"code": "summer-1"})
	equal(t, "redeemed", shown(paid, "status", "discountCode"), "PAID Summer-1")
	equal(t, "when", paid.Text("redeemedAt") != "", true)
	for _, body := range []object{{"code": "SUMMER-1"}, {"rewardId": first}} {
		refused(t, c.Call("POST", "/rewards/redeem", body), 409, "already_redeemed")
	}
	equal(t, "used", shown(c.Must(200, "GET", "/rewards/validate?code=summer-1", nil), "valid", "reason"), "false ALREADY_REDEEMED")
	equal(t, "claimed once more", c.Must(200, "POST", "/rewards/"+first+"/claim", nil).At("status"), "PAID")

	// SUMMER-1 differs by case alone: it is left to orders.
	second := earn(t, s, earned{Referrer: "u1", Referee: "u3", Pool: pool, Fulfilment: "COUPON_CODE"}).rewards[0]
	equal(t, "coupon", shown(c.Must(200, "POST", "/rewards/"+second+"/claim", nil), "discountCode", "couponCode"), "<nil> Summer-2")
	third := earn(t, s, earned{Referrer: "u1", Referee: "u4", Pool: pool, Fulfilment: "GIFT_CARD"}).rewards[0]
	refused(t, c.Call("POST", "/rewards/"+third+"/claim", nil), 409, "code_pool_empty")
	equal(t, "nothing used up", shown(c.Must(200, "GET", "/rewards/"+third, nil), "status", "claimedAt"), "APPROVED <nil>")
	equal(t, "counts", shown(s.Management.Must(200, "GET", "/code-pools/"+pool, nil), "available", "issued", "voided"), "1 2 0")

	generated := s.Management.Must(201, "POST", "/code-pools", object{"name": "Ours", "mode": "generated"}).Text("id")
	for _, from := range []string{"", generated} {
		made := earn(t, s, earned{Referrer: "u1", Referee: "u5" + from, Pool: from, Fulfilment: "GIFT_CARD"}).rewards[0]
		code := c.Must(200, "POST", "/rewards/"+made+"/claim", nil).Text("discountCode")
		equal(t, "length of a made code", len(code), 16)
		equal(t, "is valid", c.Must(200, "GET", "/rewards/validate?code="+strings.ToLower(code), nil).At("valid"), true)
	}
	equal(t, "counts", shown(s.Management.Must(200, "GET", "/code-pools/"+generated, nil), "available", "issued"), "<nil> 1")
}

func TestClaimPointsAndMarks(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t)
	c := s.Incenta
	points := earn(t, s, earned{Referrer: "u1", Referee: "u2", Fulfilment: "AUTOMATED", Units: 250}).rewards[0]
	r := c.Must(200, "POST", "/rewards/"+points+"/claim", nil, "Idempotency-Key: p")
	equal(t, "paid", shown(r, "status", "coins", "discountCode"), "PAID 250 <nil>")
	sameAnswer(t, c.Must(200, "POST", "/rewards/"+points+"/claim", nil, "Idempotency-Key: p"), r)
	c.Must(200, "POST", "/rewards/"+points+"/claim", nil)
	equal(t, "balance", balanceOf(t, s, "u1"), int64(250))
	refused(t, c.Call("POST", "/rewards/redeem", object{"rewardId": points}), 400, "reward_not_redeemable")

	manual := earn(t, s, earned{Referrer: "u1", Referee: "u3", Fulfilment: "MANUAL", ValueMinor: 100}).rewards[0]
	equal(t, "marked", c.Must(200, "POST", "/rewards/"+manual+"/claim", nil).At("status"), "APPROVED")
	equal(t, "redeemed", c.Must(200, "POST", "/rewards/redeem", object{"rewardId": manual}).At("status"), "PAID")

	for _, status := range []string{"PENDING", "CANCELLED"} {
		held := earn(t, s, earned{Referrer: "u1", Referee: "u4" + status, Status: status, HeldUntil: time.Now().Add(time.Hour)}).rewards[0]
		refused(t, c.Call("POST", "/rewards/"+held+"/claim", nil), 400, "reward_not_claimable")
	}
	refused(t, c.Call("POST", "/rewards/rwd_none/claim", nil), 404, "not_found")
	refused(t, c.Call("POST", "/rewards/"+nobodys("rwd_")+"/claim", nil), 404, "not_found")
	equal(t, "pending", c.Must(200, "GET", "/rewards?status=PENDING", nil).At("pagination", "total"), 1)
	ahead(t, s, 2*time.Hour)
	equal(t, "its time has come", c.Must(200, "GET", "/rewards?status=PENDING", nil).At("pagination", "total"), 0)
	due := earn(t, s, earned{Referrer: "u1", Referee: "u5", Status: "PENDING", HeldUntil: time.Now().Add(3 * time.Hour)}).rewards[0]
	ahead(t, s, 4*time.Hour)
	equal(t, "claimed when due", c.Must(200, "POST", "/rewards/"+due+"/claim", nil).At("status"), "APPROVED")
}

// Thirty rewards of two members in three kinds and two states.
func TestRewardList(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t)
	c := s.Incenta
	const count = 30
	kinds, states := []string{"MANUAL", "CUSTOM", "GIFT_CARD"}, []string{"APPROVED", "CANCELLED"}
	type row struct{ id, member, kind, state string }
	var rows []row // newest first
	for i := range count {
		w := row{member: fmt.Sprint("u", i%5%2), kind: kinds[i%3], state: states[i%2]}
		w.id = earn(t, s, earned{Referrer: w.member, Referee: fmt.Sprint("r", i), Fulfilment: w.kind, Status: w.state}).rewards[0]
		rows = slices.Insert(rows, 0, w)
	}
	for query, fits := range map[string]func(row) bool{
		"":                                  func(row) bool { return true },
		"&status=APPROVED":                  func(w row) bool { return w.state == "APPROVED" },
		"&fulfillmentType=CUSTOM":           func(w row) bool { return w.kind == "CUSTOM" },
		"&fulfillmentType=CUSTOM&userId=u1": func(w row) bool { return w.kind == "CUSTOM" && w.member == "u1" },
		"&fulfillmentType=MANUAL&status=CANCELLED": func(w row) bool { return w.kind == "MANUAL" && w.state == "CANCELLED" },
		"&userId=u0&status=APPROVED":               func(w row) bool { return w.member == "u0" && w.state == "APPROVED" },
		"&userId=nobody":                           func(row) bool { return false }, "&status=PAID": func(row) bool { return false },
	} {
		var want, got []string
		for _, w := range rows {
			if fits(w) {
				want = append(want, w.id)
			}
		}
		for page := 1; page <= count/7+1; page++ {
			r := c.Must(200, "GET", fmt.Sprintf("/rewards?limit=7&page=%d%s", page, query), nil)
			equal(t, "total of "+query, r.At("pagination", "total"), len(want))
			for i := range r.Len("data") {
				got = append(got, r.Text("data", i, "id"))
			}
		}
		equal(t, "rewards of "+query, fmt.Sprint(got), fmt.Sprint(want))
	}
	equal(t, "behind", c.Must(200, "GET", "/rewards?page=1000000000&limit=100", nil).Len("data"), 0)
	equal(t, "of a user", c.Must(200, "GET", "/users/u0/rewards", nil).Len(), 18)
	equal(t, "approved of a user", c.Must(200, "GET", "/users/u0/rewards?status=APPROVED&limit=4&page=2", nil).Len(), 4)
	equal(t, "of nobody", c.Must(200, "GET", "/users/nobody/rewards", nil).Len(), 0)
}

// incentas are the callers of both servers; i picks one.
func incentas(s *apptest.Server) func(i int) *apptest.Client {
	both := []*apptest.Client{s.Incenta, s.Twin().Incenta}
	return func(i int) *apptest.Client { return both[i%2] }
}

func TestRewardRaces(t *testing.T) {
	t.Parallel()
	const callers = 500
	t.Run("one reward", func(t *testing.T) {
		t.Parallel()
		s := apptest.Start(t)
		pool := addPool(t, s, codes("claim", 10)...)
		reward := earn(t, s, earned{Referrer: "u1", Referee: "u2", Pool: pool, Units: 7}).rewards[0]
		at := incentas(s)
		var answers [callers]string
		together(callers, func(i int) {
			answers[i] = at(i).Must(200, "POST", "/rewards/"+reward+"/claim", nil).Text("discountCode")
		})
		slices.Sort(answers[:])
		equal(t, "different codes", len(slices.Compact(answers[:])), 1)
		equal(t, "issued", s.Management.Must(200, "GET", "/code-pools/"+pool, nil).At("issued"), 1)
		equal(t, "points, once", balanceOf(t, s, "u1"), int64(7))

		var redeemed tally
		together(callers, func(i int) {
			redeemed.add(insist(func() apptest.Response { return at(i).Call("POST", "/rewards/redeem", object{"code": answers[0]}) }))
		})
		equal(t, "redemptions", fmt.Sprint(redeemed.of), fmt.Sprint(map[string]int{"200 ": 1, "409 already_redeemed": callers - 1}))
	})
	t.Run("one pool", func(t *testing.T) {
		t.Parallel()
		const enough = 100
		s := apptest.Start(t)
		pool := addPool(t, s, codes("pool", enough)...)
		var rewards [callers]string
		for i := range rewards {
			rewards[i] = earn(t, s, earned{Referrer: fmt.Sprint("u", i%7), Referee: fmt.Sprint("r", i), Pool: pool}).rewards[0]
		}
		at := incentas(s)
		var answers tally
		var handed [callers]string
		together(callers, func(i int) {
			r := insist(func() apptest.Response { return at(i).Call("POST", "/rewards/"+rewards[i]+"/claim", nil) })
			answers.add(r)
			handed[i] = r.Text("discountCode")
		})
		equal(t, "answers", fmt.Sprint(answers.of), fmt.Sprint(map[string]int{"200 ": enough, "409 code_pool_empty": callers - enough}))
		slices.Sort(handed[:])
		equal(t, "different codes, and none", len(slices.Compact(handed[:])), enough+1)
		equal(t, "counts", shown(s.Management.Must(200, "GET", "/code-pools/"+pool, nil), "available", "issued"), fmt.Sprint("0 ", enough))
	})
}
