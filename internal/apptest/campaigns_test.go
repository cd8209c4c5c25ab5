package apptest_test

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/incent-dev/incent/internal/apptest"
	"github.com/incent-dev/incent/internal/tenant"
)

func init() {
	ask := apptest.NewRequest
	addGolden(tenant.Management, map[string]func(ids) apptest.Request{
		"listCampaigns": get("/campaigns?state=active"),
		"createCampaign": func(i ids) apptest.Request {
			return ask("POST", "/campaigns", object{
				"name": "Spring", "budget": 5000.5, "startsAt": "2026-06-18T12:00:00Z", "rule": object{
					"referrer": object{"percent": 10, "cap": 25, "fulfillmentType": "DISCOUNT_CODE", "codePoolId": i.pool},
					"referee": object{"fulfillmentType": "AUTOMATED", "asset": "tokens", "tiers": []object{
						{"from": 1, "units": 5}, {"from": 3, "fixed": 2.5}, {"from": 10, "percent": 2.25},
					}},
					"minAmount": 20, "referrerCap": 500, "windowDays": 30, "holdDays": 14, "payRepeats": true,
					"fraud": object{"flagAt": 30, "blockAt": 90, "mode": "block", "weights": object{"NO_CLICK": 20}},
				},
			})
		},
		"getCampaign": func(i ids) apptest.Request { return ask("GET", "/campaigns/"+i.campaign, nil) },
		"updateCampaign": func(i ids) apptest.Request {
			return ask("PATCH", "/campaigns/"+i.campaign, object{"name": "Summer", "rule": object{"minAmount": 25}})
		},
		"listCampaignVersions": func(i ids) apptest.Request { return ask("GET", "/campaigns/"+i.campaign+"/versions", nil) },
		"simulateConversion": func(i ids) apptest.Request {
			return ask("POST", "/campaigns/"+i.campaign+"/simulate", object{"amount": 49.99, "referrerId": i.member, "refereeId": "user_789"})
		},
		"createVanityCode": func(i ids) apptest.Request {
			return ask("POST", "/campaigns/"+i.campaign+"/codes", object{"code": "SAVE20", "referrerId": "vain_" + i.member, "referrerUsername": "Jane"})
		},
		"listBlocks": get("/blocks?kind=email"),
		"addBlock": func(i ids) apptest.Request {
			return ask("POST", "/blocks", object{"kind": "email", "value": "eve@" + i.member + ".example", "note": "Charged back twice"})
		},
		"removeBlock": func(i ids) apptest.Request { return ask("DELETE", "/blocks/"+i.block, nil) },
	})
}

// line writes values with spaces between them.
func line(values ...any) string { return strings.TrimSuffix(fmt.Sprintln(values...), "\n") }

func TestCampaigns(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t)
	m := s.Management
	rule := object{"referrer": object{"percent": 10.25, "fulfillmentType": "DISCOUNT_CODE"}}
	r := m.Must(201, "POST", "/campaigns", object{"id": "camp_1", "name": "Spring", "rule": rule})
	equal(t, "campaign", shown(r, "id", "name", "state", "startsAt", "endsAt", "budget", "budgetSpent", "version"), "camp_1 Spring active <nil> <nil> <nil> <nil> 1")
	equal(t, "rule", line(r.At("rule", "referrer", "percent"), r.At("rule", "windowDays"), r.At("rule", "fraud")),
		"10.25 90 map[blockAt:80 flagAt:40 mode:flag weights:map[]]")
	refused(t, m.Call("POST", "/campaigns", object{"id": "camp_1", "name": "Spring", "rule": rule}), 409, "already_exists", "id")
	made := m.Must(201, "POST", "/campaigns", object{"name": "Made", "rule": rule})
	equal(t, "newest", m.Must(200, "GET", "/campaigns", nil).At("data", 0, "id"), made.At("id"))

	r = m.Must(200, "PATCH", "/campaigns/camp_1", object{"name": "Summer", "budget": 10, "endsAt": "2099-01-01T00:00:00Z"})
	equal(t, "no new rule", shown(r, "name", "version", "budget", "budgetSpent", "endsAt"), "Summer 1 10.00 0.00 2099-01-01T00:00:00.000Z")
	r = m.Must(200, "PATCH", "/campaigns/camp_1", object{"rule": object{"referee": object{"fixed": 3, "fulfillmentType": "MANUAL"}, "minAmount": 20.5}})
	equal(t, "new rule", shown(r, "version", "budget"), "2 10.00")
	equal(t, "what was left out", line(r.At("rule", "referrer", "percent"), r.At("rule", "minAmount")), "10.25 20.50")
	r = m.Must(200, "PATCH", "/campaigns/camp_1", object{"rule": object{"minAmount": 20.5}})
	equal(t, "the same rule", shown(r, "version"), "2")
	r = m.Must(200, "PATCH", "/campaigns/camp_1", object{"budget": nil, "rule": object{"referee": nil, "minAmount": nil}})
	equal(t, "back to the first", line(r.At("version"), r.At("budgetSpent"), r.At("rule", "referee"), r.At("rule", "minAmount")), "3 <nil> <nil> <nil>")
	versions := m.Must(200, "GET", "/campaigns/camp_1/versions?limit=2", nil)
	equal(t, "versions", versions.At("pagination", "total"), 3)
	equal(t, "the second", line(versions.At("data", 1, "version"), versions.At("data", 1, "rule", "minAmount")), "2 20.50")

	m.Must(200, "PATCH", "/campaigns/camp_1", object{"state": "paused"})
	equal(t, "paused ones", m.Must(200, "GET", "/campaigns?state=paused", nil).At("pagination", "total"), 1)
	m.Must(200, "PATCH", "/campaigns/camp_1", object{"state": "active"})
	m.Must(200, "PATCH", "/campaigns/camp_1", object{"state": "archived"})
	m.Must(200, "PATCH", "/campaigns/camp_1", object{"state": "archived"})
	for _, change := range []object{{"state": "active"}, {"name": "Autumn"}, {"budget": 5}, {"rule": object{"holdDays": 1}}} {
		refused(t, m.Call("PATCH", "/campaigns/camp_1", change), 400, "invalid_transition", "state")
	}
}

// Whatever is wrong with a campaign is refused with the name of the member, and
// nothing changes.
func TestCampaignsRefused(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t)
	m := s.Management
	good := object{"fixed": 5, "fulfillmentType": "MANUAL"}
	m.Must(201, "POST", "/campaigns", object{"id": "camp_1", "name": "Spring", "rule": object{"referrer": good}})
	with := func(more object) object {
		side := maps.Clone(good)
		maps.Copy(side, more)
		return object{"referrer": side}
	}
	tiers := func(list ...object) object { return with(object{"fixed": nil, "tiers": list}) }
	for _, c := range []struct {
		rule  object
		field string
	}{
		{object{"referrer": nil}, "rule"},
		{object{"referrer": object{"fixed": 5}}, "rule.referrer.fulfillmentType"},
		{with(object{"percent": 10}), "rule.referrer"},
		{with(object{"fixed": 0}), "rule.referrer"},
		{with(object{"fixed": 5.001}), "rule.referrer.fixed"},
		{with(object{"fixed": -1}), "rule.referrer.fixed"},
		{with(object{"fixed": 1e11}), "rule.referrer.fixed"},
		{with(object{"fixed": nil, "percent": 100.01}), "rule.referrer.percent"},
		{with(object{"fixed": nil, "percent": 0.001}), "rule.referrer.percent"},
		{with(object{"asset": "xp", "units": 1}), "rule.referrer.asset"},
		{with(object{"cap": 0.005}), "rule.referrer.cap"},
		{with(object{"codePoolId": "pool_none"}), "rule.referrer.codePoolId"},
		{with(object{"tiers": []object{{"from": 1, "fixed": 1}}}), "rule.referrer.tiers"},
		{tiers(object{"from": 2, "fixed": 1}), "rule.referrer.tiers[0].from"},
		{tiers(object{"from": 1, "fixed": 1}, object{"from": 1, "fixed": 2}), "rule.referrer.tiers[1].from"},
		{tiers(object{"from": 1, "fixed": 1}, object{"from": 2}), "rule.referrer.tiers[1]"},
		{object{"referee": object{"units": -1, "fulfillmentType": "AUTOMATED"}}, "rule.referee.units"},
		{object{"minAmount": 1.234}, "rule.minAmount"},
		{object{"windowDays": 0}, "rule.windowDays"},
		{object{"holdDays": 366}, "rule.holdDays"},
		{object{"referrer": nil, "referee": good, "referrerCap": 5}, "rule.referrerCap"},
		{object{"fraud": object{"flagAt": 81}}, "rule.fraud.flagAt"},
		{object{"fraud": object{"blockAt": 39}}, "rule.fraud.flagAt"},
		{object{"fraud": object{"mode": "shoot"}}, "rule.fraud.mode"},
		{object{"fraud": object{"weights": object{"NO_SIGNAL": 5}}}, "rule.fraud.weights"},
		{object{"fraud": object{"weights": object{"NO_CLICK": 101}}}, "rule.fraud.weights.NO_CLICK"},
	} {
		refused(t, m.Call("PATCH", "/campaigns/camp_1", object{"rule": c.rule}), 400, "invalid_request", c.field)
	}
	refused(t, m.Call("PATCH", "/campaigns/camp_1", object{"rule": with(object{"fulfillmentType": "GIFT_CARD", "codePoolId": "pool_none"})}),
		404, "not_found", "rule.referrer.codePoolId")
	refused(t, m.Call("PATCH", "/campaigns/camp_1", object{"startsAt": "2026-01-02T00:00:00Z", "endsAt": "2026-01-02T00:00:00Z"}), 400, "invalid_request", "endsAt")
	refused(t, m.Call("PATCH", "/campaigns/camp_1", object{"budget": 0.001}), 400, "invalid_request", "budget")
	refused(t, m.Call("POST", "/campaigns", object{"id": "a b", "name": "x", "rule": object{"referrer": good}}), 400, "invalid_request", "id")
	refused(t, m.Call("POST", "/campaigns", object{"name": "x", "state": "archived", "rule": object{"referrer": good}}), 400, "invalid_request", "state")
	refused(t, m.Call("POST", "/campaigns", object{"name": "x", "rule": object{}}), 400, "invalid_request", "rule")
	equal(t, "version", m.Must(200, "GET", "/campaigns/camp_1", nil).At("version"), 1)
}

func TestSimulate(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t)
	m := s.Management
	m.Must(201, "POST", "/campaigns", object{"id": "camp_1", "name": "Spring", "budget": 6, "rule": object{
		"referrer": object{"percent": 10, "fulfillmentType": "DISCOUNT_CODE"}, "referee": object{"units": 50, "fixed": 2, "fulfillmentType": "AUTOMATED"}, "minAmount": 20,
	}})
	simulate := func(body object) apptest.Response { return m.Must(200, "POST", "/campaigns/camp_1/simulate", body) }
	r := simulate(object{"amount": 49.99, "referrerId": "user_456", "refereeId": "user_789"})
	equal(t, "referrer", line(r.At("accepted"), r.At("referrer", "value"), r.At("referrer", "reason"), r.At("referrer", "steps", 0)),
		"true 5.00 <nil> 10 % of 49.99 is 5.00, rounded half-even")
	equal(t, "referee gets what is left", line(r.At("referee", "value"), r.At("referee", "units")), "1.00 50")
	r = simulate(object{"amount": 19.994})
	equal(t, "below", line(r.At("referrer", "value"), r.At("referrer", "reason"), r.At("referee", "reason")), "0.00 BELOW_MINIMUM BELOW_MINIMUM")
	equal(t, "none given", simulate(object{}).At("referee", "reason"), "BELOW_MINIMUM")
	m.Must(200, "PATCH", "/campaigns/camp_1", object{"state": "paused"})
	equal(t, "paused", simulate(object{"amount": 20}).At("accepted"), false)
	m.Must(200, "PATCH", "/campaigns/camp_1", object{"rule": object{"referrer": object{"fulfillmentType": "MANUAL", "tiers": []object{{"from": 1, "fixed": 1}, {"from": 3, "fixed": 2}}}, "referee": nil}})
	r = simulate(object{"amount": 20, "rewardedConversions": 2})
	equal(t, "tier", line(r.At("version"), r.At("referrer", "value"), r.At("referee", "asset"), r.At("referee", "reason")), "2 2.00 <nil> NO_REWARD")
	refused(t, m.Call("POST", "/campaigns/camp_1/simulate", object{"amount": -1}), 400, "invalid_request", "amount")
	refused(t, m.Call("POST", "/campaigns/none/simulate", object{}), 404, "not_found")
}

func TestVanityCodes(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t)
	m := s.Management
	rule := object{"referrer": object{"percent": 10, "fulfillmentType": "DISCOUNT_CODE"}}
	for _, id := range []string{"camp_1", "camp_2"} {
		m.Must(201, "POST", "/campaigns", object{"id": id, "name": "Spring", "state": "paused", "rule": rule})
	}
	ask := func(campaign, code, referrer string) apptest.Response {
		return m.Call("POST", "/campaigns/"+campaign+"/codes", object{"code": code, "referrerId": referrer})
	}
	made := ask("camp_1", "Save-20_x", "user_1")
	equal(t, "made", shown(made, "campaignId", "code", "referrerId"), "camp_1 Save-20_x user_1")
	refused(t, ask("camp_1", "save-20_X", "user_2"), 409, "already_exists", "code")
	refused(t, ask("camp_2", "SAVE-20_X", "user_1"), 409, "already_exists", "code")
	refused(t, ask("camp_1", "OTHER", "user_1"), 409, "already_exists", "referrerId")
	equal(t, "the same in another campaign", ask("camp_2", "OTHER", "user_1").Status, 201)
	for _, bad := range []string{"ab", "a b", "ÄÖÜ", strings.Repeat("x", 33)} {
		refused(t, ask("camp_1", bad, "user_3"), 400, "invalid_request", "code")
	}
	refused(t, ask("none", "FINE", "user_3"), 404, "not_found")
	statuses := make([]int, 20)
	together(len(statuses), func(i int) {
		server := []*apptest.Server{s, s.Twin()}[i%2]
		statuses[i] = insist(func() apptest.Response {
			return server.Management.Call("POST", "/campaigns/camp_1/codes", object{"code": "RACE", "referrerId": fmt.Sprint("racer_", i)})
		}).Status
	})
	counts := map[int]int{}
	for _, status := range statuses {
		counts[status]++
	}
	equal(t, "who won", fmt.Sprint(counts), "map[201:1 409:19]")
	m.Must(200, "PATCH", "/campaigns/camp_1", object{"state": "archived"})
	refused(t, ask("camp_1", "LATE", "user_4"), 400, "campaign_not_active")
	strict(t, s)
	refused(t, ask("camp_2", "STRICT", "user_5"), 404, "member_unknown")
}

func TestBlocks(t *testing.T) {
	t.Parallel()
	m := apptest.Start(t).Management
	for _, c := range []struct{ kind, value, kept, again, bad string }{
		{"member", "Mem 1", "Mem 1", "Mem 1", ""},
		{"email", "J.Smith+x@GoogleMail.com", "jsmith@gmail.com", "jsmith@gmail.com", "nobody"},
		{"domain", "Example.COM", "example.com", "@example.com", "a b"},
		{"network", "2001:db9:1:2:3::4", "", "2001:db9:1:2::5", "127.0.0.1"},
		{"device", "device-1", "", "device-1", ""},
	} {
		r := m.Must(201, "POST", "/blocks", object{"kind": c.kind, "value": c.value})
		if kept := r.Text("value"); c.kept != "" && kept != c.kept || c.kept == "" && len(kept) != 64 {
			t.Errorf("%s %q is kept as %q", c.kind, c.value, kept)
		}
		refused(t, m.Call("POST", "/blocks", object{"kind": c.kind, "value": c.again}), 409, "already_exists", "value")
		if c.bad != "" {
			refused(t, m.Call("POST", "/blocks", object{"kind": c.kind, "value": c.bad}), 400, "invalid_request", "value")
		}
		equal(t, "listed", m.Must(200, "GET", "/blocks?kind="+c.kind, nil).At("data", 0, "id"), r.At("id"))
		m.Must(200, "DELETE", "/blocks/"+r.Text("id"), nil)
		refused(t, m.Call("DELETE", "/blocks/"+r.Text("id"), nil), 404, "not_found")
	}
	equal(t, "left", m.Must(200, "GET", "/blocks", nil).At("pagination", "total"), 0)
	refused(t, m.Call("DELETE", "/blocks/block_1", nil), 404, "not_found")
}

// A budget that begins while conversions run knows of every one of them: what is
// spent is what was granted, and never more than the budget.
func TestBudgetBeginsUnderWay(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t)
	m := s.Management
	m.Must(201, "POST", "/campaigns", object{"id": "camp_1", "name": "Spring", "rule": object{
		"referrer": object{"fixed": 1, "fulfillmentType": "MANUAL"}, "referee": object{"fixed": 0.5, "fulfillmentType": "MANUAL"},
		"fraud": object{"flagAt": 100, "blockAt": 100},
	}})
	codes := make([]string, 4)
	for i := range codes {
		codes[i] = newCode(t, s, "camp_1", fmt.Sprint("referrer_", i))
	}
	servers := []*apptest.Server{s, s.Twin()}
	convert := func(i int) {
		servers[i%2].Incenta.For(t).Must(201, "POST", "/conversions", object{"referralCode": codes[i%len(codes)], "refereeId": fmt.Sprint("referee_", i)})
	}
	const half = 20 // of 1.50 each: the budget is enough for 30 whole ones, and 0.25
	together(half+1, func(i int) {
		if i == half {
			m.For(t).Must(200, "PATCH", "/campaigns/camp_1", object{"budget": 45.25})
			return
		}
		convert(i)
	})
	equal(t, "spent by the first half", line(m.Must(200, "GET", "/campaigns/camp_1", nil).At("budgetSpent")), "30.00")
	together(half, func(i int) { convert(half + i) })
	granted := s.Incenta.Must(200, "GET", "/stats?campaignId=camp_1", nil).At("totalRewardValue")
	now := m.Must(200, "GET", "/campaigns/camp_1", nil)
	equal(t, "budget", line(now.At("budget")), "45.25")
	equal(t, "spent", now.At("budgetSpent"), granted)
	equal(t, "spent", line(granted), "45.25")
	refused(t, m.Call("PATCH", "/campaigns/camp_1", object{"budget": 45.24}), 400, "invalid_request", "budget")
	m.Must(200, "PATCH", "/campaigns/camp_1", object{"budget": nil})
	equal(t, "spent, begun again", m.Must(200, "PATCH", "/campaigns/camp_1", object{"budget": 100}).At("budgetSpent"), granted)
}
