package apptest_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/incent-dev/incent/internal/apptest"
	"github.com/incent-dev/incent/internal/ledger"
	"github.com/incent-dev/incent/internal/referral"
)

// referrals are the examples of the Incenta documents that speak of referrals:
// what prepares them, and the status they are answered with.
var referrals = map[string]struct {
	prepare func(testing.TB, *apptest.Server)
	status  int
}{
	"referrals-create":      {runCampaign, 201},
	"referrals-create-full": {runCampaign, 201},
	"clicks":                {shareCode, 200},
	"conversions": {func(t testing.TB, s *apptest.Server) {
		shareCode(t, s)
		s.Incenta.For(t).Must(200, "POST", "/clicks", clicked("ABC123", "user_789"))
	}, 201},
	"stats":            {busyCampaign, 200},
	"referrals-lookup": {shareCode, 200},
	"conversions-list": {earnedReward, 200},
	"rewards-list":     {earnedReward, 200},
	"rewards-get":      {earnedReward, 200},
	"rewards-claim":    {earnedReward, 200},
	"rewards-validate": {claimedReward, 200},
	"rewards-redeem":   {claimedReward, 200},
	"users-rewards":    {earnedReward, 200},
}

// runCampaign starts the documents' campaign: a tenth of the purchase.
func runCampaign(t testing.TB, s *apptest.Server) {
	t.Helper()
	addCampaign(t, s, referral.Campaign{ID: "camp_demo", Rule: referral.Rule{
		Referrer: &referral.Side{BasisPoints: 1000, Asset: ledger.Points, Fulfilment: referral.DiscountCode},
	}})
}

// shareCode gives user_456 the documents' code.
func shareCode(t testing.TB, s *apptest.Server) {
	t.Helper()
	runCampaign(t, s)
	vanity(t, s, "ABC123", "user_456")
}

// busyCampaign lets happen what the documents' totals say: 33 tenths of 49.99,
// rounded, and one of 49.90.
func busyCampaign(t testing.TB, s *apptest.Server) {
	t.Helper()
	runCampaign(t, s)
	c := s.Incenta.For(t)
	var code string
	for i := range 142 {
		code = newCode(t, s, "camp_demo", fmt.Sprint("referrer_", i))
	}
	for i := range 89 {
		c.Must(200, "POST", "/clicks", clicked(code, fmt.Sprint("friend_", i)))
	}
	for i := range 34 {
		amount := 49.99
		if i == 33 {
			amount = 49.9
		}
		c.Must(201, "POST", "/conversions", object{"referralCode": code, "refereeId": fmt.Sprint("friend_", i), "amount": amount})
	}
}

// Every example is sent three ways: by host, by the kind of key, and by curl in
// a shell with nothing but base address and key exchanged. {rewardId} stands for
// the reward of user_456.
func TestDocumentedReferrals(t *testing.T) {
	t.Parallel()
	folders, err := os.ReadDir("testdata/incenta")
	if err != nil {
		t.Fatal(err)
	}
	for _, folder := range folders {
		seed, known := referrals[folder.Name()]
		if !known {
			continue // of the other half of the programme
		}
		text, err := os.ReadFile(filepath.Join("testdata/incenta", folder.Name(), "request.txt"))
		if err != nil {
			t.Fatal(err)
		}
		for scheme, send := range map[string]func(testing.TB, *apptest.Server, documented) []byte{
			"host": func(t testing.TB, s *apptest.Server, d documented) []byte {
				return d.send(t, s, "api.incenta.dev", seed.status)
			},
			"bare": func(t testing.TB, s *apptest.Server, d documented) []byte { return d.send(t, s, "", seed.status) },
			"curl": func(t testing.TB, s *apptest.Server, d documented) []byte { return d.curl(t, s) },
		} {
			t.Run(folder.Name()+"/"+scheme, func(t *testing.T) {
				t.Parallel()
				s := apptest.Start(t)
				seed.prepare(t, s)
				d := readDocumented(string(text))
				if strings.Contains(d.path, "{rewardId}") {
					d.path = strings.ReplaceAll(d.path, "{rewardId}", s.Incenta.For(t).Must(200, "GET", "/users/user_456/rewards", nil).Text(0, "id"))
				}
				fitsText(t, filepath.Join("testdata/incenta", folder.Name(), "response.json"), send(t, s, d))
			})
		}
	}
}

// documented is a request of the documents: its line, and below it the body.
type documented struct{ method, path, body string }

func readDocumented(text string) (d documented) {
	line, body, _ := strings.Cut(text, "\n")
	d.method, d.path, _ = strings.Cut(line, " ")
	d.body = strings.TrimSpace(body)
	return d
}

func (d documented) send(t testing.TB, s *apptest.Server, host string, status int) []byte {
	t.Helper()
	send := any(d.body)
	if d.body == "" {
		send = nil
	}
	return s.Incenta.For(t).Bare(host).Must(status, d.method, strings.TrimPrefix(d.path, "/v1"), send).Body
}

func (d documented) curl(t testing.TB, s *apptest.Server) []byte {
	t.Helper()
	tool(t, "curl")
	command := `curl --fail-with-body -X ` + d.method + ` "$INCENT_URL` + d.path + `" -H "x-api-key: $INCENTA_API_KEY"`
	if d.body != "" {
		command += ` -H "Content-Type: application/json" -d '` + d.body + `'`
	}
	return launch(t, s, "sh", "-euc", command)
}

// The e-commerce walk-through: a code is made, a friend buys, the health of the
// campaign is looked at.
func TestReferralWalkThrough(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t)
	runCampaign(t, s)
	code := newCode(t, s, "camp_demo", "customer_1")
	bought := s.Incenta.Must(201, "POST", "/conversions", object{
		"referralCode": code, "refereeId": "customer_2", "amount": 120.5, "metadata": object{"source": "ecommerce_checkout"},
	})
	equal(t, "reward", cents(t, bought.JSON().(map[string]any)["rewardAmount"]), int64(12_05))
	equal(t, "rate without clicks", s.Incenta.Must(200, "GET", "/stats?campaignId=camp_demo", nil).At("conversionRate"), 0)
	s.Incenta.Must(200, "POST", "/clicks", clicked(code, "customer_3"))
	equal(t, "rate", s.Incenta.Must(200, "GET", "/stats?campaignId=camp_demo", nil).At("conversionRate"), 100)
	listed := s.Incenta.Must(200, "GET", "/conversions?referralCode="+code, nil)
	equal(t, "source", listed.Text("data", 0, "metadata", "source"), "ecommerce_checkout")
	stats := s.Incenta.Must(200, "GET", "/stats?campaignId=camp_demo", nil)
	equal(t, "value", cents(t, stats.JSON().(map[string]any)["totalRewardValue"]), int64(12_05))
}
