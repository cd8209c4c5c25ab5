package apptest_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/incent-dev/incent/internal/apptest"
	"github.com/incent-dev/incent/internal/ledger"
	"github.com/incent-dev/incent/internal/referral"
	"github.com/incent-dev/incent/internal/tenant"
)

func init() {
	ask := apptest.NewRequest
	for name, good := range map[string]func(ids) apptest.Request{
		"createReferral": func(i ids) apptest.Request {
			return ask("POST", "/referrals", object{
				"campaignId": i.campaign, "referrerId": i.member, "referrerUsername": "Ada", "referrerEmail": "ada@example.com",
				"ipAddress": "198.51.100.7", "userAgent": "Browser/1", "deviceId": "device-1",
			})
		},
		"getReferral": func(i ids) apptest.Request { return ask("GET", "/referrals/"+i.referral, nil) },
		"trackClick": func(i ids) apptest.Request {
			return ask("POST", "/clicks", object{"referralCode": i.referral, "refereeId": i.member})
		},
		"recordConversion": func(i ids) apptest.Request {
			return ask("POST", "/conversions", object{"referralCode": i.referral, "refereeId": i.member, "amount": 49.99, "metadata": object{"source": "test"}})
		},
		"listConversions": func(i ids) apptest.Request { return ask("GET", "/conversions?campaignId="+i.campaign, nil) },
		"getStats":        func(i ids) apptest.Request { return ask("GET", "/stats?campaignId="+i.campaign, nil) },
	} {
		golden[tenant.Incenta][name] = good
	}
}

// addCampaign makes a campaign; one without a rule pays the referrer 5.00.
func addCampaign(t testing.TB, s *apptest.Server, c referral.Campaign) string {
	t.Helper()
	if c.Name == "" {
		c.Name = "Friends"
	}
	if c.State == "" {
		c.State = referral.Active
	}
	standard := referral.DefaultRule()
	if c.Rule.WindowDays == 0 {
		c.Rule.WindowDays = standard.WindowDays
	}
	if c.Rule.FlagAt == 0 {
		c.Rule.FlagAt, c.Rule.BlockAt = standard.FlagAt, standard.BlockAt
	}
	if c.Rule.Referrer == nil && c.Rule.Referee == nil {
		c.Rule.Referrer = &referral.Side{FixedMinor: 500, Asset: ledger.Points, Fulfilment: referral.DiscountCode}
	}
	made, err := s.Core.Referral.CreateCampaign(t.Context(), s.Tenant.ID, c, nil)
	if err != nil {
		t.Fatal(err)
	}
	return made.ID
}

func newCode(t testing.TB, s *apptest.Server, campaign, referrer string) string {
	t.Helper()
	r := s.Incenta.For(t).Call("POST", "/referrals", object{"campaignId": campaign, "referrerId": referrer})
	if r.Status != 200 && r.Status != 201 {
		t.Fatalf("no code: %d %s", r.Status, r.Body)
	}
	return r.Text("referralCode")
}

func clicked(code string, referee string) object {
	return object{"referralCode": code, "refereeId": referee}
}

func TestOneCodePerReferrer(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t)
	campaign := addCampaign(t, s, referral.Campaign{})
	first := s.Incenta.Must(201, "POST", "/referrals", object{"campaignId": campaign, "referrerId": "ann", "referrerUsername": "Ann"})
	code := first.Text("referralCode")
	again := s.Incenta.Must(200, "POST", "/referrals", object{"campaignId": campaign, "referrerId": "ann"})
	equal(t, "second answer", string(again.Body), string(first.Body))
	equal(t, "length", len(code), 8)
	named := s.Incenta.Must(201, "POST", "/referrals", object{"campaignId": campaign, "referrerId": "ann", "refereeId": "bob"})
	if named.Text("referralCode") == code {
		t.Error("the code for bob is the one for anybody")
	}
	equal(t, "code for bob", s.Incenta.Must(200, "POST", "/referrals", object{"campaignId": campaign, "referrerId": "ann", "refereeId": "bob"}).Text("referralCode"), named.Text("referralCode"))
	other := addCampaign(t, s, referral.Campaign{})
	if newCode(t, s, other, "ann") == code {
		t.Error("two campaigns share a code")
	}
	found := s.Incenta.Must(200, "GET", "/referrals/"+strings.ToLower(code), nil)
	equal(t, "found", shown(found, "referralCode", "campaignId", "status", "referrerId", "refereeId", "referrerUsername", "totalClicks", "totalConversions", "completedAt"),
		fmt.Sprint(code, " ", campaign, " PENDING ann <nil> Ann 0 0 <nil>"))
	refused(t, s.Incenta.Call("GET", "/referrals/NOTHING2", nil), 404, "not_found")
	refused(t, s.Incenta.Call("POST", "/referrals", object{"campaignId": "nothing", "referrerId": "ann"}), 404, "not_found")
	strict(t, s)
	refused(t, s.Incenta.Call("POST", "/referrals", object{"campaignId": campaign, "referrerId": "stranger"}), 404, "member_unknown")
	refused(t, s.Incenta.Call("POST", "/clicks", clicked(code, "stranger")), 404, "member_unknown")
	refused(t, s.Incenta.Call("POST", "/conversions", clicked(code, "stranger")), 404, "member_unknown")
}

func TestCampaignThatDoesNotRun(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t)
	now := time.Now()
	for name, c := range map[string]referral.Campaign{
		"paused": {State: referral.Paused}, "not started": {StartsAt: now.Add(time.Hour)}, "over": {StartsAt: now.Add(-2 * time.Hour), EndsAt: now.Add(-time.Hour)},
	} {
		id := addCampaign(t, s, c)
		if r := s.Incenta.Call("POST", "/referrals", object{"campaignId": id, "referrerId": "ann"}); r.Status != 400 || r.Code() != "campaign_not_active" {
			t.Errorf("%s: %d %s", name, r.Status, r.Body)
		}
	}
	id := addCampaign(t, s, referral.Campaign{})
	code := newCode(t, s, id, "ann")
	if _, err := s.Core.Referral.UpdateCampaign(t.Context(), s.Tenant.ID, id, func(c *referral.Campaign) { c.State = referral.Paused }, nil); err != nil {
		t.Fatal(err)
	}
	refused(t, s.Incenta.Call("POST", "/clicks", clicked(code, "bob")), 400, "campaign_not_active")
	refused(t, s.Incentable.Call("GET", "/members/bob/balance", nil), 404, "not_found") // enrolled for nothing otherwise
	refused(t, s.Incenta.Call("POST", "/conversions", clicked(code, "bob")), 400, "campaign_not_active")
}

func TestClicksCount(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t)
	campaign := addCampaign(t, s, referral.Campaign{})
	code := newCode(t, s, campaign, "ann")
	counted := func(body object) bool { return s.Incenta.Must(200, "POST", "/clicks", body).At("counted") == true }
	equal(t, "first", counted(clicked(strings.ToLower(code), "bob")), true)
	equal(t, "again", counted(clicked(code, "bob")), false)
	equal(t, "somebody else", counted(clicked(code, "cid")), true)
	equal(t, "nobody", counted(object{"referralCode": code}), true)
	equal(t, "nobody again", counted(object{"referralCode": code}), true)
	advance(t, s, 23*time.Hour)
	equal(t, "within a day", counted(clicked(code, "bob")), false)
	advance(t, s, 24*time.Hour+time.Second)
	equal(t, "a day later", counted(clicked(code, "bob")), true)
	equal(t, "clicks of the code", s.Incenta.Must(200, "GET", "/referrals/"+code, nil).At("totalClicks"), 5)
	equal(t, "clicks of the campaign", s.Incenta.Must(200, "GET", "/stats?campaignId="+campaign, nil).At("totalClicks"), 5)
	refused(t, s.Incenta.Call("POST", "/clicks", clicked("NOTHING2", "dan")), 404, "not_found")
}

func TestConversionsPay(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t)
	campaign := addCampaign(t, s, referral.Campaign{Rule: referral.Rule{
		Referrer: &referral.Side{BasisPoints: 1000, Asset: ledger.Points, Fulfilment: referral.DiscountCode}, Referee: &referral.Side{FixedMinor: 100, Asset: ledger.Points, Fulfilment: referral.Manual},
		MinAmountMinor: 1000,
	}})
	code, other := newCode(t, s, campaign, "ann"), newCode(t, s, campaign, "amy")
	convert := func(body object) string {
		r := s.Incenta.Must(201, "POST", "/conversions", body)
		money := r.JSON().(map[string]any)["rewardAmount"]
		return fmt.Sprint(shown(r, "status", "rewardCreated", "reason", "referrerId"), " ", money)
	}
	s.Incenta.Must(200, "POST", "/clicks", clicked(code, "bob"))
	equal(t, "too small", convert(object{"referralCode": code, "refereeId": "bob", "amount": 9.99}), "COMPLETED false BELOW_MINIMUM ann 0.00")
	equal(t, "another's code", convert(object{"referralCode": other, "refereeId": "bob", "amount": 49.99}), "COMPLETED false OTHER_ATTRIBUTION amy 0.00")
	equal(t, "pays", convert(object{"referralCode": code, "refereeId": "bob", "amount": 49.99}), "COMPLETED true <nil> ann 5.00")
	equal(t, "repeat", convert(object{"referralCode": code, "refereeId": "bob", "amount": 49.99}), "COMPLETED false REPEAT_CONVERSION ann 0.00")
	equal(t, "status", s.Incenta.Must(200, "GET", "/referrals/"+code, nil).At("status"), "COMPLETED")
	equal(t, "status of the other", s.Incenta.Must(200, "GET", "/referrals/"+other, nil).At("status"), "PENDING")
	equal(t, "rewards of ann", s.Incenta.Must(200, "GET", "/rewards?userId=ann", nil).At("data", 0, "status"), "APPROVED")
	equal(t, "rewards of bob", s.Incenta.Must(200, "GET", "/rewards?userId=bob", nil).At("data", 0, "role"), "REFEREE")
	advance(t, s, 91*24*time.Hour)
	equal(t, "too late", convert(object{"referralCode": code, "refereeId": "cid", "amount": 49.99}), "EXPIRED false ATTRIBUTION_EXPIRED ann 0.00")
	s.Incenta.Must(200, "POST", "/clicks", clicked(code, "cid"))
	equal(t, "clicked again", convert(object{"referralCode": code, "refereeId": "cid", "amount": 1e2}), "COMPLETED true <nil> ann 10.00")
	stats := s.Incenta.Must(200, "GET", "/stats?campaignId="+campaign, nil)
	equal(t, "stats", strings.TrimSpace(string(stats.Body)), `{"conversionRate":250,"totalClicks":2,"totalConversions":5,"totalReferrals":2,"totalRewardValue":17.00}`)
	refused(t, s.Incenta.Call("POST", "/conversions", `{"referralCode":"`+code+`","refereeId":"d","amount":-1}`), 400, "invalid_request", "amount")
}

func TestPayoutInPoints(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t)
	points := &referral.Side{Units: 250, Asset: ledger.Points, Fulfilment: referral.Automated}
	campaign := addCampaign(t, s, referral.Campaign{Rule: referral.Rule{Referrer: points, Referee: points}})
	code := newCode(t, s, campaign, "ann")
	r := s.Incenta.Must(201, "POST", "/conversions", clicked(code, "bob"))
	equal(t, "coins", r.At("rewardCoins"), 250)
	for _, m := range []string{"ann", "bob"} {
		equal(t, "balance of "+m, balanceOf(t, s, m), int64(250))
		equal(t, "reward of "+m, s.Incenta.Must(200, "GET", "/rewards?userId="+m, nil).At("data", 0, "status"), "PAID")
	}
	held := addCampaign(t, s, referral.Campaign{Rule: referral.Rule{Referrer: points, HoldDays: 14}})
	s.Incenta.Must(201, "POST", "/conversions", clicked(newCode(t, s, held, "cid"), "bob"))
	equal(t, "held", s.Incenta.Must(200, "GET", "/rewards?userId=cid", nil).At("data", 0, "status"), "PENDING")
}

func TestFraudIsFlaggedAndBlocked(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t)
	campaign := addCampaign(t, s, referral.Campaign{})
	code := newCode(t, s, campaign, "ann")
	r := s.Incenta.Must(201, "POST", "/conversions", clicked(code, "ann"))
	equal(t, "own code", shown(r, "status", "rewardCreated"), "FLAGGED true")
	equal(t, "reward", s.Incenta.Must(200, "GET", "/rewards?userId=ann", nil).At("data", 0, "status"), "PENDING")
	equal(t, "referral", s.Incenta.Must(200, "GET", "/referrals/"+code, nil).At("status"), "PENDING")
	if r.At("riskScore") == nil || r.Text("warning") == "" || r.Text("reasons", 0) != "SELF_REFERRAL" {
		t.Errorf("nothing is said of it: %s", r.Body)
	}
	strictly := addCampaign(t, s, referral.Campaign{Rule: referral.Rule{Blocks: true}})
	refused(t, s.Incenta.Call("POST", "/referrals", object{"campaignId": strictly, "referrerId": "ann", "refereeId": "ann"}), 400, "fraud_blocked")
	r = s.Incenta.Must(201, "POST", "/conversions", clicked(newCode(t, s, strictly, "ann"), "ann"))
	equal(t, "blocked", shown(r, "status", "rewardCreated", "reason"), "REJECTED false BLOCKED")
	flagged := s.Incenta.Must(201, "POST", "/referrals", object{"campaignId": campaign, "referrerId": "eve", "referrerEmail": "e.ve+1@gmail.com", "refereeId": "x", "refereeEmail": "eve@googlemail.com"})
	if flagged.Text("reasons", 0) != "EMAIL_MATCH" || flagged.Text("warning") == "" {
		t.Errorf("two spellings of a mailbox: %s", flagged.Body)
	}
	device := object{"referralCode": code, "refereeId": "bob", "deviceId": "d1", "ipAddress": "203.0.113.9", "userAgent": "B"}
	s.Incenta.Must(201, "POST", "/referrals", object{"campaignId": campaign, "referrerId": "ann", "refereeId": "zed", "deviceId": "d1", "ipAddress": "203.0.113.9", "userAgent": "B"})
	s.Incenta.Must(200, "POST", "/clicks", device)
	r = s.Incenta.Must(201, "POST", "/conversions", device)
	if text := string(r.Body); !strings.Contains(text, "SAME_DEVICE") || !strings.Contains(text, "SAME_NETWORK") {
		t.Errorf("one device: %s", text)
	}
}

func TestConversionsAreListed(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t)
	one, two := addCampaign(t, s, referral.Campaign{}), addCampaign(t, s, referral.Campaign{})
	codes := []string{newCode(t, s, one, "ann"), newCode(t, s, one, "amy"), newCode(t, s, two, "ann")}
	noon(t, s)
	start := now(t, s)
	for day := range 3 {
		for i, code := range codes {
			s.Incenta.Must(201, "POST", "/conversions", clicked(code, fmt.Sprint("m", day, "-", i)))
		}
		advance(t, s, 24*time.Hour)
	}
	total := func(query string) any {
		return s.Incenta.Must(200, "GET", "/conversions?"+query, nil).At("pagination", "total")
	}
	day := start.UTC().Add(24 * time.Hour).Format(time.DateOnly)
	for query, want := range map[string]int{
		"": 9, "campaignId=" + one: 6, "referralCode=" + strings.ToLower(codes[1]): 3, "campaignId=" + two + "&referralCode=" + codes[1]: 0,
		"status=COMPLETED": 9, "status=FLAGGED": 0, "campaignId=nothing": 0, "referralCode=nothing": 0,
		"campaignId=" + one + "&status=COMPLETED&from=" + day + "&to=" + day: 2, "from=" + day: 6, "to=" + day: 6,
		"from=" + start.UTC().Add(-time.Hour).Format(time.RFC3339) + "&to=" + start.UTC().Add(time.Hour).Format(time.RFC3339): 3,
	} {
		equal(t, "total of "+query, total(query), want)
	}
	var seen []string
	for page := 1; page <= 5; page++ {
		r := s.Incenta.Must(200, "GET", fmt.Sprint("/conversions?limit=2&page=", page), nil)
		for i := range r.Len("data") {
			seen = append(seen, r.Text("data", i, "createdAt"))
		}
	}
	equal(t, "listed", len(seen), 9)
	for i := 1; i < len(seen); i++ {
		if seen[i] > seen[i-1] {
			t.Errorf("conversion %d is newer than the one before", i)
		}
	}
}

// Servers know by heart where codes lead, as long as that is true: a change through
// one of them holds on the other one at once.
func TestCodesKnownByHeart(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t)
	campaign := addCampaign(t, s, referral.Campaign{})
	code := newCode(t, s, campaign, "ann")
	at := both(s)
	visits := 0
	visit := func() []apptest.Response {
		visits++
		return []apptest.Response{
			at(visits).Call("POST", "/clicks", object{"referralCode": code}),
			at(visits+1).Call("POST", "/clicks", clicked(strings.ToLower(code), fmt.Sprint("friend", visits))),
		}
	}
	for range 4 {
		for _, r := range visit() {
			equal(t, "click", r.Status, 200)
		}
	}
	for range 2 {
		s.Management.Must(200, "PATCH", "/campaigns/"+campaign, object{"state": "paused"})
		for range 2 {
			for _, r := range visit() {
				refused(t, r, 400, "campaign_not_active")
			}
		}
		s.Management.Must(200, "PATCH", "/campaigns/"+campaign, object{"state": "active"})
		for _, r := range visit() {
			equal(t, "click", r.Status, 200)
		}
	}
	equal(t, "clicks", s.Incenta.Must(200, "GET", "/referrals/"+code, nil).At("totalClicks"), 12)
	erase(t, s, "ann")
	for range 2 {
		for _, r := range visit() {
			refused(t, r, 404, "not_found")
		}
	}
}
