package apptest_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/incent-dev/incent/internal/apptest"
	"github.com/incent-dev/incent/internal/ledger"
	"github.com/incent-dev/incent/internal/referral"
)

// both are the Incenta callers of two servers; i picks one.
func both(s *apptest.Server) func(i int) *apptest.Client {
	pair := []*apptest.Client{s.Incenta, s.Twin().Incenta}
	return func(i int) *apptest.Client { return pair[i%2] }
}

// Two hundred conversions of one referee arrive at once, through two codes: the
// first attribution is paid, once.
func TestOneConversionPays(t *testing.T) {
	t.Parallel()
	const callers = 200
	s := apptest.Start(t)
	campaign := addCampaign(t, s, referral.Campaign{Rule: referral.Rule{Referrer: &referral.Side{Units: 100, Asset: ledger.Points, Fulfilment: referral.Automated}}})
	codes := []string{newCode(t, s, campaign, "ann"), newCode(t, s, campaign, "amy")}
	at := both(s)
	var mu sync.Mutex
	met := map[string]int{}
	together(callers, func(i int) {
		r := at(i).Must(201, "POST", "/conversions", clicked(codes[i/2%2], "bob"))
		mu.Lock()
		defer mu.Unlock()
		met[fmt.Sprint(r.At("rewardCreated"), " ", r.Text("reason"))]++
	})
	equal(t, "paid", met["true "], 1)
	equal(t, "repeats", met["false REPEAT_CONVERSION"], callers/2-1)
	equal(t, "through the other code", met["false OTHER_ATTRIBUTION"], callers/2)
	equal(t, "rewards", s.Incenta.Must(200, "GET", "/rewards", nil).At("pagination", "total"), 1)
	equal(t, "conversions", s.Incenta.Must(200, "GET", "/conversions?campaignId="+campaign, nil).At("pagination", "total"), callers)
	var points int64
	for _, referrer := range []string{"ann", "amy"} {
		if n, ok := s.Incentable.Call("GET", "/members/"+referrer+"/balance", nil).At("data", "balance").(int64); ok {
			points += n
		}
	}
	equal(t, "points", points, int64(100))
}

// Conversions of many want more than there is: budget and cap are used up to
// the cent, and not beyond.
func TestBudgetAndCapHold(t *testing.T) {
	t.Parallel()
	const callers, referrers = 300, 6
	for name, c := range map[string]struct {
		budget, limit int64
		granted       int64
	}{"budget": {10_01, 0, 10_01}, "cap": {0, 3_50, referrers * 3_50}, "both": {15_00, 3_50, 15_00}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := apptest.Start(t)
			of := referral.Campaign{Rule: referral.Rule{
				Referrer: &referral.Side{BasisPoints: 1000, Asset: ledger.Points, Fulfilment: referral.Manual}, ReferrerCapMinor: c.limit,
				FlagAt: 100, BlockAt: 100,
			}}
			if c.budget > 0 {
				of.BudgetMinor = &c.budget
			}
			campaign := addCampaign(t, s, of)
			var codes []string
			for i := range referrers {
				codes = append(codes, newCode(t, s, campaign, fmt.Sprint("r", i)))
			}
			at := both(s)
			together(callers, func(i int) {
				at(i).Must(201, "POST", "/conversions", object{"referralCode": codes[i%referrers], "refereeId": fmt.Sprint("m", i), "amount": 3.33})
			})
			var granted int64
			for page := 1; page <= 3; page++ {
				r := s.Incenta.Must(200, "GET", fmt.Sprint("/rewards?limit=100&page=", page), nil)
				for i := range r.Len("data") {
					granted += cents(t, r.At("data", i, "amount"))
				}
			}
			equal(t, "granted", granted, c.granted)
			total := s.Incenta.Must(200, "GET", "/stats?campaignId="+campaign, nil).At("totalRewardValue")
			equal(t, "total", cents(t, total), c.granted)
			if c.budget > 0 {
				now, err := s.Core.Referral.Campaign(t.Context(), s.Tenant.ID, campaign)
				if err != nil {
					t.Fatal(err)
				}
				equal(t, "spent", now.SpentMinor, c.granted)
			}
		})
	}
}

// cents reads money of an answer.
func cents(t testing.TB, money any) int64 {
	t.Helper()
	var whole, minor int64
	if _, err := fmt.Sscanf(fmt.Sprint(money), "%d.%d", &whole, &minor); err != nil {
		t.Errorf("%v is no money: %v", money, err)
	}
	return whole*100 + minor
}

func TestTwinsGetOneCode(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t)
	campaign := addCampaign(t, s, referral.Campaign{})
	at := both(s)
	var mu sync.Mutex
	made := map[int]int{}
	codes := map[string]bool{}
	together(100, func(i int) {
		r := insist(func() apptest.Response {
			return at(i).Call("POST", "/referrals", object{"campaignId": campaign, "referrerId": "ann"})
		})
		mu.Lock()
		defer mu.Unlock()
		made[r.Status]++
		codes[r.Text("referralCode")] = true
	})
	equal(t, "answers", fmt.Sprint(made), "map[200:99 201:1]")
	equal(t, "codes", len(codes), 1)
	equal(t, "counted", s.Incenta.Must(200, "GET", "/stats?campaignId="+campaign, nil).At("totalReferrals"), 1)
}

// Everybody clicks everything at once, each twice and some without a name, on
// both servers; with keys, and every call sent again.
func TestClicksAreCountedExactly(t *testing.T) {
	t.Parallel()
	const callers, referees, referrers = 400, 20, 5
	s := apptest.Start(t)
	campaign := addCampaign(t, s, referral.Campaign{})
	var codes []string
	for i := range referrers {
		codes = append(codes, newCode(t, s, campaign, fmt.Sprint("r", i)))
	}
	at := both(s)
	var mu sync.Mutex
	var counted, named int
	first := map[string]map[string]bool{} // codes by referee
	together(callers, func(i int) {
		code := codes[i%referrers]
		body := clicked(code, fmt.Sprint("m", i/referrers%referees))
		if i%4 == 3 {
			body = object{"referralCode": code}
		}
		key := fmt.Sprint("Idempotency-Key: click", i)
		r := at(i).Must(200, "POST", "/clicks", body, key)
		sameAnswer(t, at(i+1).Must(200, "POST", "/clicks", body, key), r)
		mu.Lock()
		defer mu.Unlock()
		if r.At("counted") == true {
			counted++
		}
		if who, ok := body["refereeId"].(string); ok {
			if first[who] == nil {
				first[who] = map[string]bool{}
			}
			if !first[who][code] {
				named++
			}
			first[who][code] = true
		}
	})
	want := named + callers/4
	equal(t, "answers that say counted", counted, want)
	equal(t, "clicks of the campaign", s.Incenta.Must(200, "GET", "/stats?campaignId="+campaign, nil).At("totalClicks"), want)
	var sum int64
	for _, code := range codes {
		n, _ := s.Incenta.Must(200, "GET", "/referrals/"+code, nil).At("totalClicks").(int64)
		sum += n
	}
	equal(t, "clicks of the codes", sum, int64(want))
}

// Codes are made, clicked and converted by everybody at once: nothing waits for
// itself, and the totals are those of the rows, which the audit compares.
func TestReferralsAtOnce(t *testing.T) {
	t.Parallel()
	const callers, people = 240, 12
	s := apptest.Start(t)
	both := both(s)
	points := &referral.Side{Units: 10, FixedMinor: 100, Asset: ledger.Points, Fulfilment: referral.Automated}
	budget := int64(1_000_00)
	campaigns := []string{
		addCampaign(t, s, referral.Campaign{Rule: referral.Rule{Referrer: points, Referee: points}}),
		addCampaign(t, s, referral.Campaign{BudgetMinor: &budget, Rule: referral.Rule{Referrer: points, PayRepeats: true}}),
	}
	var mu sync.Mutex
	var codes []string
	for i := range people {
		codes = append(codes, newCode(t, s, campaigns[i%2], fmt.Sprint("p", i)))
	}
	together(callers, func(i int) {
		me := fmt.Sprint("p", i%people)
		origin := object{"ipAddress": fmt.Sprint("203.0.113.", i%5), "deviceId": fmt.Sprint("d", i%7)}
		send := func(path string, body object, statuses ...int) apptest.Response {
			for name, value := range origin {
				body[name] = value
			}
			r := insist(func() apptest.Response { return both(i).Call("POST", path, body) })
			if !slices.Contains(statuses, r.Status) {
				t.Errorf("%s answers %d %s", path, r.Status, r.Body)
			}
			return r
		}
		mu.Lock()
		code := codes[(i*7+1)%len(codes)]
		mu.Unlock()
		switch i % 3 {
		case 0:
			r := send("/referrals", object{"campaignId": campaigns[i%2], "referrerId": me, "refereeId": fmt.Sprint("p", i*5%people)}, 200, 201)
			mu.Lock()
			defer mu.Unlock()
			codes = append(codes, r.Text("referralCode"))
		case 1:
			send("/clicks", clicked(code, me), 200)
		case 2:
			send("/conversions", clicked(code, me), 201)
		}
	})
}
