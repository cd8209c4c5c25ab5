package apptest_test

import (
	"fmt"
	"maps"
	"testing"
	"time"

	"github.com/incent-dev/incent/internal/apptest"
	"github.com/incent-dev/incent/internal/incentive"
	"github.com/incent-dev/incent/internal/referral"
	"github.com/incent-dev/incent/internal/tenant"
)

func init() {
	ask := apptest.NewRequest
	addGolden(tenant.Incenta, map[string]func(ids) apptest.Request{
		"listActions": get("/incentives/actions"),
		"createAction": func(i ids) apptest.Request {
			return ask("POST", "/incentives/actions", object{
				"key": "new_" + i.member, "name": "New", "type": "STANDARD", "coins": 1, "xp": 2, "tokens": 3, "cooldown": 60, "maxRepeats": 4,
				"description": "Something", "active": true, "streak": object{"period": "DAILY", "rewards": []object{{"length": 7, "coins": 100}}},
			})
		},
		"updateAction": func(i ids) apptest.Request {
			return ask("PATCH", "/incentives/actions/"+i.action, object{"xp": 150, "maxRepeats": nil})
		},
		"listEvents": func(i ids) apptest.Request { return ask("GET", "/incentives/events?userId="+i.member, nil) },
		"recordEvent": func(i ids) apptest.Request {
			return ask("POST", "/incentives/events", object{"userId": i.member, "actionKey": i.action, "metadata": object{"a": 1}})
		},
		"recordEvents": func(i ids) apptest.Request {
			return ask("POST", "/incentives/events/bulk", object{"events": []object{
				{"userId": i.member, "actionKey": i.action, "idempotencyKey": "bulk_" + i.member}, {"userId": i.member, "actionKey": i.action},
			}})
		},
	})
}

// addAction defines an action; its name and type are filled in, and it is active.
func addAction(t testing.TB, s *apptest.Server, a incentive.Action) string {
	t.Helper()
	if a.Name == "" {
		a.Name = a.Key
	}
	if a.Type == "" {
		a.Type = incentive.Standard
	}
	a.Active = true
	made, err := s.Core.Incentive.CreateAction(t.Context(), s.Tenant.ID, a, nil)
	if err != nil {
		t.Fatal(err)
	}
	return made.Key
}

// define posts a definition of the engine.
func define(t testing.TB, s *apptest.Server, kind string, body object) {
	t.Helper()
	s.Incenta.For(t).Must(201, "POST", "/incentives/"+kind, body)
}

func event(member, action string) object { return object{"userId": member, "actionKey": action} }

// act records an event that must be recorded.
func act(t testing.TB, s *apptest.Server, member, action string) apptest.Response {
	t.Helper()
	return s.Incenta.For(t).Must(201, "POST", "/incentives/events", event(member, action))
}

// onboarding is what the documents' walk-through defines.
func onboarding(t testing.TB, s *apptest.Server) {
	t.Helper()
	define(t, s, "actions", object{"key": "complete_profile", "name": "Complete Profile", "type": "STANDARD", "xp": 100, "coins": 50, "maxRepeats": 1})
	define(t, s, "badges", object{"key": "newcomer", "name": "Newcomer", "description": "Reached the first level"})
	define(t, s, "levels", object{"level": 1, "name": "Newcomer", "xpThreshold": 100, "coins": 25, "badgeKey": "newcomer", "perks": []string{"Priority support"}})
}

func TestDocumentedEvent(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t)
	onboarding(t, s)
	body := object{"userId": "user_123", "actionKey": "complete_profile", "idempotencyKey": "user_123_complete_profile"}
	first := s.Incenta.Must(201, "POST", "/incentives/events", body)
	equal(t, "coins of the action", first.At("coins"), 50)
	equal(t, "balances", fmt.Sprint(first.At("balances")), "map[coins:75 tokens:0 xp:100]")
	equal(t, "level", first.At("levelUps", 0, "level"), 1)
	equal(t, "perk", first.Text("levelUps", 0, "perks", 0), "Priority support")
	equal(t, "badge", first.Text("badges", 0, "key"), "newcomer")
	equal(t, "source", first.Text("badges", 0, "source"), "LEVEL")

	sameAnswer(t, s.Twin().Incenta.Call("POST", "/incentives/events", body), first)
	again := act(t, s, "user_123", "complete_profile")
	equal(t, "rewarded", again.At("rewarded"), false)
	equal(t, "reason", again.Text("reason"), "MAX_REPEATS")
	equal(t, "balances again", fmt.Sprint(again.At("balances")), "map[coins:75 tokens:0 xp:100]")
	equal(t, "points over the other facade", balanceOf(t, s, "user_123"), int64(75))
	refused(t, s.Incenta.Call("POST", "/incentives/events", object{"userId": "user_123", "actionKey": "other", "idempotencyKey": "user_123_complete_profile"}),
		422, "idempotency_conflict", "idempotencyKey")

	listed := s.Incenta.Must(200, "GET", "/incentives/events?userId=user_123", nil)
	equal(t, "events", listed.At("pagination", "total"), 2)
	equal(t, "key", listed.Text("data", 1, "idempotencyKey"), "user_123_complete_profile")
}

func TestRefusedEvents(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t)
	for key, more := range map[string]object{
		"off": {"active": false}, "click": {"type": "REFERRAL_CLICK"}, "vast": {"coins": 1_000_000_000_000_000}, "on": {},
	} {
		body := object{"key": key, "name": key, "type": "STANDARD", "xp": 1}
		maps.Copy(body, more)
		define(t, s, "actions", body)
	}
	refused(t, s.Incenta.Call("POST", "/incentives/events", event("m", "none")), 404, "not_found", "actionKey")
	refused(t, s.Incenta.Call("POST", "/incentives/events", event("m", "off")), 400, "action_inactive", "actionKey")
	refused(t, s.Incenta.Call("POST", "/incentives/events", event("m", "click")), 400, "invalid_request", "actionKey")
	equal(t, "members", s.Incenta.Must(200, "GET", "/incentives/events", nil).At("pagination", "total"), 0)

	// A refused event leaves its key free.
	keyed := object{"userId": "m", "actionKey": "off", "idempotencyKey": "m_off"}
	refused(t, s.Incenta.Call("POST", "/incentives/events", keyed), 400, "action_inactive", "actionKey")
	s.Incenta.Must(200, "PATCH", "/incentives/actions/off", object{"active": true})
	s.Incenta.Must(201, "POST", "/incentives/events", keyed)

	// What the account has no room for is refused as a whole.
	_, err := s.Core.DB.Exec(t.Context(), "UPDATE accounts SET earned = 1152921504606846976 WHERE tenant_id = $1 AND asset = 1", s.Tenant.ID)
	if err == nil {
		refused(t, s.Incenta.Call("POST", "/incentives/events", event("m", "vast")), 400, "balance_overflow")
		_, err = s.Core.DB.Exec(t.Context(), "UPDATE accounts SET earned = 0 WHERE tenant_id = $1 AND asset = 1", s.Tenant.ID)
	}
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "XP", act(t, s, "m", "on").At("balances", "xp"), 2)

	strict(t, s)
	refused(t, s.Incenta.Call("POST", "/incentives/events", event("stranger", "on")), 404, "member_unknown", "userId")
}

func TestCooldown(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t)
	define(t, s, "actions", object{"key": "visit", "name": "Visit", "type": "STANDARD", "xp": 1, "cooldown": 36_000})
	// An hour from the edge on each side: the test itself takes time.
	for i, step := range []struct {
		after    time.Duration
		rewarded bool
	}{{0, true}, {0, false}, {5 * time.Hour, false}, {6 * time.Hour, true}, {9 * time.Hour, false}, {2 * time.Hour, true}} {
		if step.after > 0 {
			advance(t, s, step.after)
		}
		r := act(t, s, "m", "visit")
		equal(t, fmt.Sprint("rewarded ", i), r.At("rewarded"), step.rewarded)
		if !step.rewarded {
			equal(t, "reason", r.Text("reason"), "COOLDOWN")
		}
	}
	s.Incenta.Must(200, "PATCH", "/incentives/actions/visit", object{"cooldown": 0})
	equal(t, "without cooldown", act(t, s, "m", "visit").At("rewarded"), true)
	equal(t, "balances", act(t, s, "m", "visit").At("balances", "xp"), 5)
}

func TestManyEvents(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t)
	onboarding(t, s)
	keyed := object{"userId": "a", "actionKey": "complete_profile", "idempotencyKey": "a"}
	first := s.Incenta.Must(201, "POST", "/incentives/events", keyed)
	r := s.Incenta.Must(200, "POST", "/incentives/events/bulk", object{"events": []object{
		keyed, event("b", "complete_profile"), event("b", "none"), event("b", "complete_profile"),
		{"userId": "c", "actionKey": "complete_profile", "idempotencyKey": "c"}, {"userId": "c", "actionKey": "complete_profile", "idempotencyKey": "c"},
		{"userId": "d", "actionKey": "complete_profile", "idempotencyKey": "c"},
	}})
	equal(t, "processed", r.At("processed"), 5)
	equal(t, "failed", r.At("failed"), 2)
	equal(t, "replayed", r.At("results", 0, "replayed"), true)
	equal(t, "replayed event", r.At("results", 0, "event", "id"), first.At("id"))
	equal(t, "level", r.At("results", 1, "event", "levelUps", 0, "level"), 1)
	equal(t, "unknown action", r.Text("results", 2, "error", "code"), "not_found")
	equal(t, "its field", r.Text("results", 2, "error", "details", 0, "field"), "events[2].actionKey")
	equal(t, "second of b", r.Text("results", 3, "event", "reason"), "MAX_REPEATS")
	equal(t, "twin in the batch", r.At("results", 5, "replayed"), true)
	equal(t, "twin's event", r.At("results", 5, "event", "id"), r.At("results", 4, "event", "id"))
	equal(t, "other event", r.Text("results", 6, "error", "code"), "idempotency_conflict")

	thousand := make([]object, incentive.MaxBulk)
	for i := range thousand {
		thousand[i] = event(fmt.Sprint("m", i%100), "complete_profile")
	}
	r = s.Incenta.Must(200, "POST", "/incentives/events/bulk", object{"events": thousand})
	equal(t, "processed", r.At("processed"), 1000)
	equal(t, "in order", r.Text("results", 999, "event", "userId"), "m99")
	refused(t, s.Incenta.Call("POST", "/incentives/events/bulk", object{"events": append(thousand, event("x", "y"))}), 400, "invalid_request", "events")
}

// Pages of every filter together are all events, newest first, each once.
func TestEventLists(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t)
	for _, key := range []string{"a", "b"} {
		define(t, s, "actions", object{"key": key, "name": key, "type": "STANDARD", "xp": 1})
	}
	var middle string
	const rounds = 30
	for i := range rounds {
		act(t, s, fmt.Sprint("m", i%3), []string{"a", "b"}[i%2])
		switch {
		case i == 15:
			middle = s.Incenta.Must(200, "GET", "/incentives/events?limit=1", nil).Text("data", 0, "createdAt")
			advance(t, s, 26*time.Hour)
		case i%4 == 0, i == 14: // before the middle one, too: no other is of its millisecond
			advance(t, s, 40*time.Second)
		}
	}
	for query, total := range map[string]int{
		"": rounds, "&actionKey=a": rounds / 2, "&userId=m1": rounds / 3, "&userId=m1&actionKey=b": rounds / 6, "&userId=nobody": 0, "&actionKey=none": 0,
		"&to=" + middle: 16, "&from=" + middle: rounds - 15, "&userId=m0&to=" + middle: 6, "&actionKey=b&from=" + middle: 8, "&userId=m0&actionKey=b&to=" + middle: 3,
		"&from=2020-01-01&to=2020-01-02": 0,
	} {
		seen := map[string]bool{}
		last := "9"
		for page := 1; page <= total/7+2; page++ {
			r := s.Incenta.Must(200, "GET", fmt.Sprintf("/incentives/events?limit=7&page=%d%s", page, query), nil)
			equal(t, "total of "+query, r.At("pagination", "total"), total)
			for i := range r.Len("data") {
				id, at := r.Text("data", i, "id"), r.Text("data", i, "createdAt")
				if seen[id] || at > last {
					t.Errorf("%s: %s of %s comes twice or out of order", query, id, at)
				}
				seen[id], last = true, at
			}
		}
		equal(t, "events of "+query, len(seen), total)
	}
}

// A streak is counted in the member's own days, and pays once a run.
func TestStreakSteps(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t)
	noon(t, s)
	define(t, s, "actions", object{"key": "login", "name": "Login", "type": "STANDARD", "xp": 1,
		"streak": object{"period": "DAILY", "rewards": []object{{"length": 3, "coins": 100}, {"length": 2, "tokens": 5}}}})
	step := func(days int, current, longest int, pays string) {
		t.Helper()
		if days > 0 {
			advance(t, s, time.Duration(days)*24*time.Hour)
		}
		r := act(t, s, "m", "login")
		equal(t, "current", r.At("streak", "current"), current)
		equal(t, "longest", r.At("streak", "longest"), longest)
		equal(t, "pays", fmt.Sprint(r.At("streak", "coins"), r.At("streak", "tokens")), pays)
	}
	step(0, 1, 1, "0 0")
	step(0, 1, 1, "0 0")
	step(1, 2, 2, "0 5")
	step(0, 2, 2, "0 0")
	step(1, 3, 3, "100 0")
	step(1, 4, 4, "0 0")
	step(2, 1, 4, "0 0")
	step(1, 2, 4, "0 5")
	step(1, 3, 4, "100 0")
	equal(t, "balances", fmt.Sprint(act(t, s, "m", "login").At("balances")), "map[coins:200 tokens:10 xp:10]")
}

// Records of the referral programme fire actions for the referrer, each once.
func TestReferralsFire(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t)
	for key, kind := range map[string]string{"shared": "REFERRAL_CODE_GENERATE", "clicked": "REFERRAL_CLICK", "brought": "REFERRAL_REFEREE_ACTION"} {
		define(t, s, "actions", object{"key": key, "name": key, "type": kind, "xp": 10, "coins": 1})
	}
	s.Management.Must(201, "POST", "/milestones", object{"key": "two_codes", "name": "Two codes", "type": "REFERRALS", "threshold": 2, "points": 500})
	s.Management.Must(201, "POST", "/milestones", object{"key": "two_friends", "name": "Two friends", "type": "CONVERSIONS", "threshold": 2, "points": 1000})
	xp := func(want int) {
		t.Helper()
		equal(t, "XP", s.Incenta.Must(200, "GET", "/incentives/events?userId=ref", nil).At("pagination", "total"), want/10)
		equal(t, "board", s.Incenta.Must(200, "GET", "/incentives/events?userId=friend1", nil).At("pagination", "total"), 0)
	}
	code := newCode(t, s, addCampaign(t, s, referral.Campaign{}), "ref")
	xp(10)
	for range 3 { // one of them counts
		s.Incenta.Must(200, "POST", "/clicks", clicked(code, "friend1"))
	}
	xp(20)
	keyed := "Idempotency-Key: c1"
	s.Incenta.Must(201, "POST", "/conversions", object{"referralCode": code, "refereeId": "friend1", "amount": 10}, keyed)
	s.Incenta.Must(201, "POST", "/conversions", object{"referralCode": code, "refereeId": "friend1", "amount": 10}, keyed)
	xp(30)
	newCode(t, s, addCampaign(t, s, referral.Campaign{}), "ref")
	xp(40)
	equal(t, "points after two codes", balanceOf(t, s, "ref"), int64(504))

	// A flagged conversion fires when it is approved.
	s.Incenta.Must(200, "POST", "/clicks", clicked(code, "friend2"))
	xp(50)
	flagged := s.Incenta.Must(201, "POST", "/conversions", object{"referralCode": code, "refereeId": "friend2", "refereeEmail": "x@mailinator.com", "amount": 10})
	equal(t, "status", flagged.Text("status"), "FLAGGED")
	xp(50)
	equal(t, "points before the review", balanceOf(t, s, "ref"), int64(505))
	open := s.Management.Must(200, "GET", "/cases?state=open", nil)
	s.Management.Must(200, "POST", "/cases/"+open.Text("data", 0, "id")+"/approve", object{})
	xp(60)
	equal(t, "points after the review", balanceOf(t, s, "ref"), int64(1506))
	equal(t, "milestones", s.Incenta.Must(200, "GET", "/incentives/milestones?userId=ref", nil).At("pagination", "total"), 2)
}
