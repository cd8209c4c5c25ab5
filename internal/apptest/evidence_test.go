package apptest_test

import (
	"testing"
	"time"

	"github.com/incent-dev/incent/internal/apptest"
	"github.com/incent-dev/incent/internal/ledger"
	"github.com/incent-dev/incent/internal/referral"
)

// A code that is refused as abuse leaves a case with its signals and nothing
// else, once per key however often it is sent.
func TestRefusedCodeLeavesItsCase(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t)
	m := s.Management
	campaign := addCampaign(t, s, referral.Campaign{Rule: referral.Rule{Blocks: true}})
	own := object{"campaignId": campaign, "referrerId": "eve", "refereeId": "eve"}
	first := s.Incenta.Call("POST", "/referrals", own, "Idempotency-Key: one")
	refused(t, first, 400, "fraud_blocked")
	sameAnswer(t, s.Incenta.Call("POST", "/referrals", own, "Idempotency-Key: one"), first)
	sameAnswer(t, s.Twin().Incenta.Call("POST", "/referrals", own, "Idempotency-Key: one"), first)

	r := m.Must(200, "GET", "/cases?status=blocked", nil)
	equal(t, "cases", r.At("pagination", "total"), 1)
	equal(t, "in the list", shown(m.Must(200, "GET", "/cases", nil), "pagination"), shown(m.Must(200, "GET", "/cases?status=blocked", nil), "pagination"))
	c := m.Must(200, "GET", "/cases/"+r.Text("data", 0, "id"), nil)
	equal(t, "case", shown(c, "campaignId", "referralId", "referralCode", "conversionId", "referrerId", "refereeId", "status", "reviewedAt"),
		campaign+" <nil> <nil> <nil> eve eve blocked <nil>")
	equal(t, "signal", c.Text("signals", 0, "name"), "SELF_REFERRAL")
	equal(t, "holds", c.Len("rewards"), 0)
	refused(t, m.Call("POST", "/cases/"+c.Text("id")+"/approve", nil), 400, "invalid_transition")
	equal(t, "noted", m.Must(200, "PATCH", "/cases/"+c.Text("id"), object{"note": "Known"}).At("note"), "Known")

	equal(t, "no code", s.Incenta.Must(200, "GET", "/stats?campaignId="+campaign, nil).At("totalReferrals"), 0)
	refused(t, s.Incenta.Call("POST", "/referrals", own), 400, "fraud_blocked")
	equal(t, "another try, another case", m.Must(200, "GET", "/cases?status=blocked", nil).At("pagination", "total"), 2)
	m.Must(201, "POST", "/blocks", object{"kind": "member", "value": "mallory"})
	refused(t, s.Incenta.Call("POST", "/referrals", object{"campaignId": campaign, "referrerId": "mallory"}), 400, "fraud_blocked")
	anybody := m.Must(200, "GET", "/cases?status=blocked", nil)
	equal(t, "for anybody", anybody.At("data", 0, "referrerId"), "mallory")
	equal(t, "referee", anybody.At("data", 0, "refereeId"), nil)
}

// Many send one refused creation at once, on two servers, with one key.
func TestRefusedTwinsLeaveOneCase(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t)
	campaign := addCampaign(t, s, referral.Campaign{Rule: referral.Rule{Blocks: true}})
	at := both(s)
	together(40, func(i int) {
		refused(t, insist(func() apptest.Response {
			return at(i).Call("POST", "/referrals", object{"campaignId": campaign, "referrerId": "eve", "refereeId": "eve"}, "Idempotency-Key: twins")
		}), 400, "fraud_blocked")
	})
	equal(t, "cases", s.Management.Must(200, "GET", "/cases?status=blocked", nil).At("pagination", "total"), 1)
}

// The address that a click told is what a later conversion is judged by, unless
// something better is known.
func TestClickTellsTheAddress(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t)
	campaign := addCampaign(t, s, referral.Campaign{Rule: referral.Rule{
		Referrer: &referral.Side{FixedMinor: 500, Asset: ledger.Points, Fulfilment: referral.Manual}, PayRepeats: true,
	}})
	code := s.Incenta.Must(201, "POST", "/referrals", object{"campaignId": campaign, "referrerId": "ann", "referrerEmail": "ann.lee@gmail.com"}).Text("referralCode")
	click := func(body object) {
		body["referralCode"] = code
		s.Incenta.Must(200, "POST", "/clicks", body)
	}
	converts := func(what, referee, want string, more object) {
		t.Helper()
		advance(t, s, time.Hour) // at once would be a signal of its own
		body := clicked(code, referee)
		for name, value := range more {
			body[name] = value
		}
		equal(t, what, s.Incenta.Must(201, "POST", "/conversions", body).Text("reasons", 0), want)
	}
	click(object{"refereeId": "bob", "refereeEmail": "annlee+bob@googlemail.com"})
	click(object{"refereeId": "bob"})
	converts("told by a click", "bob", "EMAIL_MATCH", nil)
	converts("told by the conversion", "bob", "", object{"refereeEmail": "robert.jones@example.com"})

	click(object{"refereeId": "cid", "refereeEmail": "cid.moore@example.com"})
	click(object{"refereeId": "cid", "refereeEmail": "annlee@gmail.com"})
	converts("the newest counts", "cid", "EMAIL_MATCH", nil)

	s.Management.Must(201, "POST", "/members", object{"id": "dan", "email": "dan.west@example.com"})
	click(object{"refereeId": "dan", "refereeEmail": "annlee@gmail.com"})
	converts("the profile's goes before", "dan", "", nil)

	click(object{"refereeEmail": "annlee@gmail.com"})
	click(object{"refereeId": "eli"})
	converts("of nobody in particular", "eli", "", nil)
}
