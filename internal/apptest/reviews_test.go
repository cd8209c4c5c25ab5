package apptest_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/incent-dev/incent/internal/apptest"
	"github.com/incent-dev/incent/internal/ledger"
	"github.com/incent-dev/incent/internal/referral"
)

// bothSides pays money and points to the referrer, points to the referee, from
// a budget.
func bothSides(pool string) referral.Campaign {
	budget := int64(10_000)
	return referral.Campaign{BudgetMinor: &budget, Rule: referral.Rule{
		Referrer: &referral.Side{BasisPoints: 1000, Units: 70, Asset: ledger.Points, Fulfilment: referral.DiscountCode, PoolID: pool},
		Referee:  &referral.Side{Units: 30, Asset: ledger.Points, Fulfilment: referral.Automated},
	}}
}

// convert records a conversion after a click.
func convert(s *apptest.Server, code, referee string, amount float64) apptest.Response {
	s.Incenta.Must(200, "POST", "/clicks", clicked(code, referee))
	return s.Incenta.Must(201, "POST", "/conversions", object{"referralCode": code, "refereeId": referee, "amount": amount})
}

func statsOf(s *apptest.Server, campaign string) string {
	return shown(s.Incenta.Must(200, "GET", "/stats?campaignId="+campaign, nil), "totalConversions", "totalRewardValue")
}

func spentOf(s *apptest.Server, campaign string) string {
	return fmt.Sprint(s.Management.Must(200, "GET", "/campaigns/"+campaign, nil).At("budgetSpent"))
}

func rewardOf(s *apptest.Server, member string) apptest.Response {
	r := s.Incenta.Must(200, "GET", "/users/"+member+"/rewards", nil)
	return s.Incenta.Must(200, "GET", "/rewards/"+r.Text(0, "id"), nil)
}

// flaggedCase makes a conversion that a case holds; the referee is the referrer.
func flaggedCase(t testing.TB, s *apptest.Server, campaign, who string) string {
	t.Helper()
	r := convert(s, newCode(t, s, campaign, who), who, 49.99)
	equal(t, "flagged", r.At("status"), "FLAGGED")
	for _, c := range s.Management.Must(200, "GET", "/cases?status=open", nil).At("data").([]any) {
		if found := c.(object); found["conversionId"] == r.At("conversionId") {
			return found["id"].(string)
		}
	}
	t.Fatal("no case")
	return ""
}

func TestReviewApproves(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t)
	m := s.Management
	campaign := addCampaign(t, s, bothSides(""))
	review := flaggedCase(t, s, campaign, "ann")
	equal(t, "counts at once", statsOf(s, campaign), "1 5.00")
	r := m.Must(200, "GET", "/cases/"+review, nil)
	equal(t, "case", shown(r, "status", "referrerId", "refereeId", "note", "reviewedAt"), "open ann ann  <nil>")
	equal(t, "heaviest", r.Text("signals", 0, "name"), "SELF_REFERRAL")
	equal(t, "holds", fmt.Sprint(r.Text("rewards", 0, "status"), r.Text("rewards", 1, "status")), "PENDINGPENDING")
	held := r.Text("rewards", 0, "id")
	refused(t, s.Incenta.Call("POST", "/rewards/"+held+"/claim", nil), 400, "reward_not_claimable")
	for _, verb := range []string{"approve", "cancel"} {
		refused(t, m.Call("POST", "/rewards/"+held+"/"+verb, nil), 400, "invalid_transition")
	}
	refused(t, m.Call("POST", "/conversions/"+r.Text("conversionId")+"/refund", object{"reason": "x"}), 400, "invalid_transition")
	advance(t, s, 400*24*time.Hour)
	equal(t, "no time frees it", s.Incenta.Must(200, "GET", "/rewards/"+held, nil).At("status"), "PENDING")

	equal(t, "noted", m.Must(200, "PATCH", "/cases/"+review, object{"note": "Calling them"}).At("note"), "Calling them")
	r = m.Must(200, "POST", "/cases/"+review+"/approve", nil)
	equal(t, "approved", shown(r, "status", "note"), "approved Calling them")
	equal(t, "freed", r.Text("rewards", 0, "status"), "APPROVED")
	equal(t, "again", m.Must(200, "POST", "/cases/"+review+"/approve", object{"note": "Fine"}).At("note"), "Fine")
	refused(t, m.Call("POST", "/cases/"+review+"/reject", nil), 400, "invalid_transition")
	equal(t, "still counts", statsOf(s, campaign), "1 5.00")
	equal(t, "conversion", s.Incenta.Must(200, "GET", "/conversions", nil).At("data", 0, "status"), "COMPLETED")
	s.Incenta.Must(200, "POST", "/rewards/"+held+"/claim", nil)
	equal(t, "paid", balanceOf(t, s, "ann"), int64(70))
	equal(t, "none open", m.Must(200, "GET", "/cases?status=open", nil).At("pagination", "total"), 0)
	equal(t, "one approved", m.Must(200, "GET", "/cases?status=approved", nil).At("pagination", "total"), 1)
}

func TestReviewRejects(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t)
	m := s.Management
	campaign := addCampaign(t, s, bothSides(""))
	review := flaggedCase(t, s, campaign, "ann")
	equal(t, "spent", spentOf(s, campaign), "5.00")
	r := m.Must(200, "POST", "/cases/"+review+"/reject", object{"note": "One person"})
	equal(t, "rejected", shown(r, "status", "note"), "rejected One person")
	equal(t, "cancelled", fmt.Sprint(r.Text("rewards", 0, "status"), r.Text("rewards", 1, "status")), "CANCELLEDCANCELLED")
	equal(t, "counts no more", statsOf(s, campaign), "0 0.00")
	equal(t, "given back", spentOf(s, campaign), "0.00")
	equal(t, "conversion", s.Incenta.Must(200, "GET", "/conversions", nil).At("data", 0, "status"), "REJECTED")
	refused(t, m.Call("POST", "/cases/"+review+"/approve", nil), 400, "invalid_transition")
	refused(t, m.Call("POST", "/rewards/"+r.Text("rewards", 0, "id")+"/approve", nil), 400, "invalid_transition")
	refused(t, m.Call("POST", "/conversions/"+r.Text("conversionId")+"/refund", object{"reason": "x"}), 400, "invalid_transition")

	// A hold that the rule asks for outlasts the review.
	rested := bothSides("")
	rested.Rule.HoldDays = 10
	slow := addCampaign(t, s, rested)
	freed := m.Must(200, "POST", "/cases/"+flaggedCase(t, s, slow, "eve")+"/approve", nil)
	equal(t, "rests", shown(m.Must(200, "POST", "/rewards/"+freed.Text("rewards", 0, "id")+"/approve", nil), "status"), "APPROVED")
	equal(t, "the other rests on", freed.Text("rewards", 1, "status"), "PENDING")
	advance(t, s, 11*24*time.Hour)
	equal(t, "free, and paid by itself", s.Incenta.Must(200, "GET", "/rewards/"+freed.Text("rewards", 1, "id"), nil).At("status"), "PAID")
	refused(t, m.Call("POST", "/cases/case_none/approve", nil), 404, "not_found")
}

func TestCancelReward(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t)
	m := s.Management
	pool := addPool(t, s, "ONE", "TWO")
	campaign := addCampaign(t, s, bothSides(pool))
	convert(s, newCode(t, s, campaign, "ann"), "bob", 49.99)
	reward := rewardOf(s, "ann").Text("id")
	s.Incenta.Must(200, "POST", "/rewards/"+reward+"/claim", nil)
	equal(t, "points beside the code", balanceOf(t, s, "ann"), int64(70))
	r := m.Must(200, "POST", "/rewards/"+reward+"/cancel", nil)
	equal(t, "cancelled", shown(r, "status", "memberId", "units"), "CANCELLED ann 70")
	m.Must(200, "POST", "/rewards/"+reward+"/cancel", nil)
	equal(t, "points", balanceOf(t, s, "ann"), int64(0))
	equal(t, "pool", shown(m.Must(200, "GET", "/code-pools/"+pool, nil), "available", "issued", "voided"), "1 0 1")
	equal(t, "code", shown(s.Incenta.Must(200, "GET", "/rewards/validate?code=one", nil), "valid", "reason"), "false CANCELLED")
	refused(t, s.Incenta.Call("POST", "/rewards/redeem", object{"code": "ONE"}), 400, "reward_not_redeemable")
	refused(t, s.Incenta.Call("POST", "/rewards/"+reward+"/claim", nil), 400, "reward_not_claimable")
	equal(t, "counts no more", statsOf(s, campaign), "1 0.00")
	equal(t, "given back", spentOf(s, campaign), "0.00")
	refused(t, m.Call("POST", "/rewards/"+rewardOf(s, "bob").Text("id")+"/cancel", nil), 400, "invalid_transition")
}

func TestRefund(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t)
	m := s.Management
	pool := addPool(t, s, "ONE", "TWO", "THREE")
	campaign := addCampaign(t, s, bothSides(pool))
	code := newCode(t, s, campaign, "ann")
	refund := func(r apptest.Response) apptest.Response {
		return m.Call("POST", "/conversions/"+r.Text("conversionId")+"/refund", object{"reason": "Returned"})
	}
	unused := convert(s, code, "bob", 49.99)
	equal(t, "automated at once", balanceOf(t, s, "bob"), int64(30))
	s.Incenta.Must(200, "POST", "/rewards/"+rewardOf(s, "ann").Text("id")+"/claim", nil)
	r := refund(unused)
	equal(t, "refunded", fmt.Sprint(r.Status, shown(r, "status", "reason")), "201REJECTED Returned")
	for i, want := range []string{"cancelled ann 70 70", "cancelled bob 30 30"} {
		equal(t, "reward", fmt.Sprint(r.At("rewards", i, "outcome"), " ", r.At("rewards", i, "reward", "memberId"), " ",
			r.At("rewards", i, "reversal", "amount"), " ", r.At("rewards", i, "reversal", "fromAvailable")), want)
	}
	equal(t, "points", fmt.Sprint(balanceOf(t, s, "ann"), balanceOf(t, s, "bob")), "0 0")
	refused(t, refund(unused), 400, "already_reversed")
	equal(t, "counts no more", statsOf(s, campaign), "0 0.00")
	equal(t, "given back", spentOf(s, campaign), "0.00")
	equal(t, "void", s.Incenta.Must(200, "GET", "/rewards/validate?code=one", nil).At("reason"), "CANCELLED")
	refused(t, m.Call("POST", "/conversions/conv_none/refund", object{"reason": "x"}), 404, "not_found")

	// What was used stays; its points go back, as far as they are there.
	used := convert(s, code, "cid", 100)
	claimed := s.Incenta.Must(200, "POST", "/rewards/"+rewardOf(s, "ann").Text("id")+"/claim", nil)
	s.Incenta.Must(200, "POST", "/rewards/redeem", object{"code": claimed.Text("discountCode")})
	post(t, s, ledger.Command{Op: ledger.OpDeduct, Member: "ann", Asset: ledger.Points, Amount: 50, Memo: ledger.Memo{Reason: "x"}})
	r = refund(used)
	equal(t, "kept", fmt.Sprint(r.At("rewards", 0, "outcome"), r.At("rewards", 0, "reward", "status"), r.At("rewards", 0, "reversal", "fromAvailable"),
		r.At("rewards", 0, "reversal", "forgiven")), "keptPAID20 50")
	equal(t, "its value counts", statsOf(s, campaign), "0 10.00")
	equal(t, "repeat stays a repeat", convert(s, code, "cid", 100).At("reason"), "REPEAT_CONVERSION")

	// Points on hold are taken from there.
	m.Must(200, "PATCH", "/settings", object{"awardHoldDays": 5})
	r = refund(convert(s, code, "dan", 10))
	equal(t, "on hold", fmt.Sprint(r.At("rewards", 0, "reversal"), r.At("rewards", 1, "reversal", "fromPending")), "<nil> 30")
}

// Ten refund and ten cancel the same at once, on two servers.
func TestTakenBackOnce(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t)
	campaign := addCampaign(t, s, bothSides(""))
	made := convert(s, newCode(t, s, campaign, "ann"), "bob", 49.99).Text("conversionId")
	reward := rewardOf(s, "ann").Text("id")
	servers := []*apptest.Client{s.Management, s.Twin().Management}
	var answers tally
	together(30, func(i int) {
		switch i % 3 {
		case 0:
			answers.add(insist(func() apptest.Response {
				return servers[i%2].Call("POST", "/conversions/"+made+"/refund", object{"reason": "Returned"})
			}))
		case 1:
			servers[i%2].Call("POST", "/rewards/"+reward+"/cancel", nil)
		case 2:
			incentas(s)(i).Call("POST", "/rewards/"+reward+"/claim", nil)
		}
	})
	equal(t, "refunds", fmt.Sprint(answers.of), fmt.Sprint(map[string]int{"201 ": 1, "400 already_reversed": 9}))
	equal(t, "points", fmt.Sprint(balanceOf(t, s, "ann"), balanceOf(t, s, "bob")), "0 0")
	equal(t, "given back", spentOf(s, campaign), "0.00")
}

func TestWhy(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t)
	m := s.Management
	m.Must(200, "PATCH", "/settings", object{"expiry": object{"policy": "rolling", "days": 30}})
	campaign := addCampaign(t, s, bothSides(""))
	code := newCode(t, s, campaign, "ann")
	click := s.Incenta.Must(200, "POST", "/clicks", clicked(code, "bob"))
	made := s.Incenta.Must(201, "POST", "/conversions", object{"referralCode": code, "refereeId": "bob", "amount": 49.99, "metadata": object{"order": "4711"}})
	m.Must(200, "PATCH", "/campaigns/"+campaign, object{"rule": object{"referrer": object{"fixed": 1, "fulfillmentType": "MANUAL"}}})
	reward := rewardOf(s, "ann").Text("id")
	equal(t, "nothing paid yet", m.Must(200, "GET", "/rewards/"+reward+"/why", nil).At("transfer"), nil)
	s.Incenta.Must(200, "POST", "/rewards/"+reward+"/claim", nil)
	transfer := s.Incentable.Must(200, "GET", "/members/ann/transactions", nil).Text("data", 0, "transaction_id")

	why := m.Must(200, "GET", "/transfers/"+transfer+"/why", nil)
	equal(t, "the same from both ends", string(why.Body), string(m.Must(200, "GET", "/rewards/"+reward+"/why", nil).Body))
	equal(t, "transfer", fmt.Sprint(why.At("transfer", "kind"), why.At("transfer", "amount"), why.At("transfer", "lots", 0, "amount")), "award70 70")
	equal(t, "reward", why.At("reward", "id"), reward)
	equal(t, "rule as it was", fmt.Sprint(why.At("rule", "version"), " ", why.At("rule", "rule", "referrer", "percent")), "1 10")
	equal(t, "conversion", why.At("conversion", "id"), made.At("conversionId"))
	equal(t, "metadata", why.At("conversion", "metadata", "order"), "4711")
	equal(t, "click", why.At("click", "id"), click.At("clickId"))
	equal(t, "referral", fmt.Sprint(why.At("referral", "code"), why.At("referral", "referrerId")), code+"ann")
	if strings.Contains(string(why.Body), s.Incenta.Must(200, "GET", "/rewards/"+reward, nil).Text("discountCode")) {
		t.Error("the code is told")
	}

	m.Must(201, "POST", "/conversions/"+made.Text("conversionId")+"/refund", object{"reason": "Returned"})
	why = m.Must(200, "GET", "/transfers/"+transfer+"/why", nil)
	equal(t, "undone", fmt.Sprint(why.At("transfer", "undone", "taken"), why.At("reward", "status"), why.At("conversion", "status")), "70CANCELLEDREJECTED")
	back := s.Incentable.Must(200, "GET", "/members/ann/transactions", nil).Text("data", 0, "transaction_id")
	equal(t, "the reversal", fmt.Sprint(m.Must(200, "GET", "/transfers/"+back+"/why", nil).At("transfer", "kind")), "clawback")
	equal(t, "has the same story", m.Must(200, "GET", "/transfers/"+back+"/why", nil).At("reward", "id"), reward)

	// With a case; and without any story.
	review := flaggedCase(t, s, addCampaign(t, s, bothSides("")), "eve")
	held := m.Must(200, "GET", "/cases/"+review, nil).Text("rewards", 0, "id")
	equal(t, "signals", m.Must(200, "GET", "/rewards/"+held+"/why", nil).At("cases", 0, "signals", 0, "name"), "SELF_REFERRAL")
	plain := m.Must(200, "GET", "/transfers/"+give(t, s, "dan", 5).Transfer.ID()+"/why", nil)
	equal(t, "no story", shown(plain, "orderId", "reward", "rule", "referral"), "<nil> <nil> <nil> <nil>")
	refused(t, m.Call("GET", "/transfers/txn_none/why", nil), 404, "not_found")
	refused(t, m.Call("GET", "/rewards/rwd_none/why", nil), 404, "not_found")
}

// Held awards keep their story through the hold and after it.
func TestWhyOfHeldPoints(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t)
	s.Management.Must(200, "PATCH", "/settings", object{"awardHoldDays": 3})
	convert(s, newCode(t, s, addCampaign(t, s, bothSides("")), "ann"), "bob", 49.99)
	reward := rewardOf(s, "bob").Text("id")
	equal(t, "on hold", s.Management.Must(200, "GET", "/rewards/"+reward+"/why", nil).At("transfer", "kind"), "hold")
	advance(t, s, 4*24*time.Hour)
	equal(t, "balance", balanceOf(t, s, "bob"), int64(30))
	matured := s.Incentable.Must(200, "GET", "/members/bob/transactions", nil).Text("data", 0, "transaction_id")
	why := s.Management.Must(200, "GET", "/transfers/"+matured+"/why", nil)
	equal(t, "matured", fmt.Sprint(why.At("transfer", "kind"), why.At("reward", "id")), "mature"+reward)
}
