package apptest_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
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
	"stats": {busyCampaign, 200},
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
	_, err := s.Core.Referral.CreateVanity(t.Context(), s.Tenant.ID, referral.Vanity{CampaignID: "camp_demo", Code: "ABC123", Referrer: "user_456"}, nil)
	if err != nil {
		t.Fatal(err)
	}
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

// ownShapes are of members whose values are ours to choose.
var ownShapes = map[string]*regexp.Regexp{
	"referralId": regexp.MustCompile(`^ref_[0-9a-z]{1,36}$`), "clickId": regexp.MustCompile(`^click_[0-9a-z]{1,36}$`),
	"conversionId": regexp.MustCompile(`^conv_[0-9a-z]{1,36}$`), "referralCode": regexp.MustCompile(`^(ABC123|[2-9A-HJKMNP-Z]{8})$`),
	"clickedAt": regexp.MustCompile(`^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$`),
}

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
		request, err := os.ReadFile(filepath.Join("testdata/incenta", folder.Name(), "request.txt"))
		if err != nil {
			t.Fatal(err)
		}
		response, err := os.ReadFile(filepath.Join("testdata/incenta", folder.Name(), "response.json"))
		if err != nil {
			t.Fatal(err)
		}
		for scheme, host := range map[string]string{"host": "api.incenta.dev", "bare": ""} {
			t.Run(folder.Name()+"/"+scheme, func(t *testing.T) {
				t.Parallel()
				s := apptest.Start(t)
				seed.prepare(t, s)
				line, body, _ := strings.Cut(string(request), "\n")
				method, path, _ := strings.Cut(line, " ")
				send := any(body)
				if body == "" {
					send = nil
				}
				answersAs(t, string(response), s.Incenta.Bare(host).Must(seed.status, method, strings.TrimPrefix(path, "/v1"), send))
			})
		}
	}
}

// answersAs wants every documented member, to the letter or in its shape.
func answersAs(t testing.TB, documented string, r apptest.Response) {
	t.Helper()
	var want, got map[string]json.RawMessage
	for text, into := range map[string]*map[string]json.RawMessage{documented: &want, string(r.Body): &got} {
		if err := json.Unmarshal([]byte(text), into); err != nil {
			t.Fatal(err)
		}
	}
	for name, value := range want {
		if shape := ownShapes[name]; shape != nil {
			if text := strings.Trim(string(got[name]), `"`); !shape.MatchString(text) {
				t.Errorf("%s is %s, want the shape of %s", name, text, value)
			}
		} else if string(got[name]) != string(value) {
			t.Errorf("%s is %s, want %s", name, got[name], value)
		}
	}
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
