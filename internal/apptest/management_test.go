package apptest_test

import (
	"bytes"
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/incent-dev/incent/internal/apptest"
	"github.com/incent-dev/incent/internal/tenant"
)

func init() {
	ask := apptest.NewRequest
	addGolden(tenant.Management, map[string]func(ids) apptest.Request{
		"getSpec":     get("/openapi.json"),
		"getSettings": get("/settings"),
		"updateSettings": func(ids) apptest.Request {
			return ask("PATCH", "/settings", object{"expiry": object{"policy": "rolling", "days": 365}, "clawback": "negative"})
		},
		"listMembers": get("/members?limit=2"),
		"createMember": func(i ids) apptest.Request {
			return ask("POST", "/members", object{"id": "mem_new_" + i.member, "email": "a@b.c"})
		},
		"getMember": func(i ids) apptest.Request { return ask("GET", "/members/"+i.member, nil) },
		"updateMember": func(i ids) apptest.Request {
			return ask("PATCH", "/members/"+i.member, object{"name": "John H. Smith"})
		},
		"listKeys": get("/keys?kind=incentable"),
		"createKey": func(ids) apptest.Request {
			return ask("POST", "/keys", object{"kind": "incentable", "name": "Web shop", "scopes": []string{"points:write", "rewards:read"}})
		},
		"revokeKey": func(i ids) apptest.Request { return ask("DELETE", "/keys/"+i.key, nil) },
		"rotateKey": func(i ids) apptest.Request {
			return ask("POST", "/keys/"+i.key+"/rotate", object{"overlapSeconds": 60})
		},
		"listItems": get("/items?kind=digital"),
		"createItem": func(i ids) apptest.Request {
			return ask("POST", "/items", object{"name": "Gift card", "kind": "digital", "pointsCost": 2500, "codePoolId": i.pool})
		},
		"getItem":       func(i ids) apptest.Request { return ask("GET", "/items/"+i.digital, nil) },
		"updateItem":    func(i ids) apptest.Request { return ask("PATCH", "/items/"+i.physical, object{"stock": 7}) },
		"listCodePools": get("/code-pools"),
		"createCodePool": func(i ids) apptest.Request {
			return ask("POST", "/code-pools", object{"name": "pool_" + i.member, "mode": "imported"})
		},
		"getCodePool": func(i ids) apptest.Request { return ask("GET", "/code-pools/"+i.pool, nil) },
		"importCodes": func(i ids) apptest.Request {
			return ask("POST", "/code-pools/"+i.pool+"/codes", object{"codes": []string{"A-1", "A-2"}})
		},
		"listHolds": func(i ids) apptest.Request { return ask("GET", "/holds?status=pending&memberId="+i.member, nil) },
		"createHold": func(i ids) apptest.Request {
			return ask("POST", "/holds", object{"memberId": i.member, "asset": "points", "amount": 5, "reason": "Test", "maturesAt": "2098-07-18T12:00:00Z"})
		},
		"getHold":      func(i ids) apptest.Request { return ask("GET", "/holds/"+i.hold, nil) },
		"releaseHold":  func(i ids) apptest.Request { return ask("POST", "/holds/"+i.hold+"/release", nil) },
		"cancelHold":   func(i ids) apptest.Request { return ask("POST", "/holds/"+i.hold+"/cancel", nil) },
		"getLiability": get("/liability"),
		"reverseTransfer": func(i ids) apptest.Request {
			return ask("POST", "/transfers/"+i.transfer+"/reverse", object{"reason": "Returned"})
		},
	})
}

func TestSettings(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t)
	m := s.Management
	r := m.Must(200, "GET", "/settings", nil)
	equal(t, "default", shown(r, "expiry", "expiryWarningDays", "clawback", "enrolment", "awardHoldDays"), "map[policy:none] 30 to_zero open 0")
	equal(t, "unchanged", r.Text("updatedAt") != "", true)

	for body, field := range map[string]string{
		`{"expiry": {"policy": "rolling"}}`:                             "expiry.days",
		`{"expiry": {"policy": "inactivity"}}`:                          "expiry.days",
		`{"expiry": {"policy": "fixed", "day": 3}}`:                     "expiry.month",
		`{"expiry": {"policy": "fixed", "month": 2, "day": 29}}`:        "expiry.day",
		`{"expiry": {"policy": "fixed", "month": 4, "day": 31}}`:        "expiry.day",
		`{"expiry": {"policy": "rolling", "days": 0}}`:                  "expiry.days",
		`{"enrolment": "strict", "expiry": {"policy": "sometimes"}}`:    "expiry.policy",
		`{"enrolment": "strict", "awardHoldDays": 366}`:                 "awardHoldDays",
		`{"enrolment": "strict", "expiry": {"days": 3}}`:                "expiry.policy",
		`{"enrolment": "strict", "clawback": null, "awardHoldDays": 1}`: "clawback",
	} {
		refused(t, m.Call("PATCH", "/settings", body), 400, "invalid_request", field)
	}
	equal(t, "enrolment after refusals", m.Must(200, "GET", "/settings", nil).At("enrolment"), "open")

	r = m.Must(200, "PATCH", "/settings", object{"expiry": object{"policy": "fixed", "month": 2, "day": 28}, "expiryWarningDays": 0, "clawback": "negative"})
	equal(t, "expiry", fmt.Sprint(r.At("expiry")), "map[day:28 month:2 policy:fixed]")
	r = m.Must(200, "PATCH", "/settings", object{"expiry": object{"policy": "rolling", "days": 10, "month": 3, "day": 4}, "enrolment": "strict"})
	equal(t, "expiry", fmt.Sprint(r.At("expiry")), "map[days:10 policy:rolling]")
	equal(t, "what was left out", shown(r, "expiryWarningDays", "clawback"), "0 negative")
	refused(t, s.Incentable.Call("POST", "/points/award", award("mem_new", 5)), 404, "not_found")
	m.Must(200, "PATCH", "/settings", object{"enrolment": "open", "awardHoldDays": 3})
	s.Incentable.Must(201, "POST", "/points/award", award("mem_new", 5))
	equal(t, "balance of held points", balanceOf(t, s, "mem_new"), int64(0))
}

func TestMembers(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t)
	m := s.Management
	equal(t, "no members", m.Must(200, "GET", "/members", nil).Len("data"), 0)
	r := m.Must(201, "POST", "/members", object{"id": "mem_1", "name": "John Smith", "email": "john@example.com"})
	equal(t, "member", shown(r, "id", "name", "email"), "mem_1 John Smith john@example.com")
	refused(t, m.Call("POST", "/members", object{"id": "mem_1"}), 409, "already_exists", "id")
	refused(t, m.Call("POST", "/members", object{"id": "mem_9", "email": "not an address@"}), 400, "invalid_request", "email")
	once := m.Must(201, "POST", "/members", object{"id": "a/b c?%"}, "Idempotency-Key: m")
	again := m.Must(201, "POST", "/members", object{"id": "a/b c?%"}, "Idempotency-Key: m")
	equal(t, "replay", string(again.Body), string(once.Body))
	equal(t, "said to be one", again.Header.Get("Idempotent-Replayed"), "true")
	equal(t, "odd id", m.Must(200, "GET", "/members/a%2Fb%20c%3F%25", nil).At("id"), "a/b c?%")

	r = m.Must(200, "PATCH", "/members/mem_1", object{"email": nil})
	equal(t, "cleared", shown(r, "name", "email"), "John Smith <nil>")
	refused(t, m.Call("PATCH", "/members/nobody", object{"email": nil}), 404, "not_found")
	refused(t, m.Call("GET", "/members/nobody", nil), 404, "not_found")

	give(t, s, "mem_1", 500)
	r = m.Must(200, "GET", "/members/mem_1", nil)
	equal(t, "balance", r.At("balances", "points", "balance"), 500)
	equal(t, "earned", r.At("balances", "points", "lifetimeEarned"), 500)
	equal(t, "tokens", r.At("balances", "tokens", "balance"), 0)
}

// Whoever makes members, alone or in batches on two servers: each has one place
// in the list, the total is exact, and the newest come first.
func TestMemberList(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t)
	const each, callers = 20, 8
	servers := []*apptest.Server{s, s.Twin()}
	together(callers, func(i int) {
		for j := range each {
			id := fmt.Sprintf("mem_%d_%d", i%4, j) // two callers want the same ones
			if i%2 == 0 {
				servers[i/4].Incentable.Must(201, "POST", "/points/award", award(id, 1))
			} else {
				insist(func() apptest.Response { return servers[i/4].Management.Call("POST", "/members", object{"id": id}) })
			}
		}
	})
	const total = 4 * each
	var seen []string
	for page := 1; page <= 5; page++ {
		r := s.Management.Must(200, "GET", fmt.Sprintf("/members?limit=25&page=%d", page), nil)
		equal(t, "total", r.At("pagination", "total"), total)
		equal(t, "pages", r.At("pagination", "totalPages"), 4)
		for i := range r.Len("data") {
			seen = append(seen, r.Text("data", i, "id"))
		}
	}
	slices.Sort(seen)
	equal(t, "listed", len(slices.Compact(seen)), total)
	s.Management.Must(201, "POST", "/members", object{"id": "newest"})
	equal(t, "first", s.Management.Must(200, "GET", "/members", nil).At("data", 0, "id"), "newest")
	equal(t, "far behind", s.Management.Must(200, "GET", "/members?page=2147483647&limit=100", nil).Len("data"), 0)
}

func TestKeys(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t)
	m := s.Management
	wanted := object{"kind": "incentable", "name": "Web shop", "scopes": []string{"points:write", "points:read"}}
	made := m.Must(201, "POST", "/keys", wanted, "Idempotency-Key: secret")
	again := m.Must(201, "POST", "/keys", wanted, "Idempotency-Key: secret")
	equal(t, "replay", string(again.Body), string(made.Body))
	var stored []byte
	if err := s.Core.DB.QueryRow(t.Context(), "SELECT body FROM idempotency_keys WHERE tenant_id = $1 AND key = sha256('secret')", s.Tenant.ID).Scan(&stored); err != nil {
		t.Fatal(err)
	}
	secret, id := made.Text("secret"), made.Text("id")
	equal(t, "stored in the clear", bytes.Contains(stored, []byte(secret[len(secret)-40:])) || bytes.Contains(stored, []byte("Web shop")), false)

	shop := s.Incentable.WithKey(secret)
	shop.Must(201, "POST", "/points/award", award("mem_1", 5))
	refused(t, shop.Call("GET", "/rewards", nil), 403, "forbidden")
	refused(t, m.Call("POST", "/keys", object{"kind": "incentable", "name": "x", "scopes": []string{"points:read", "ledger:read"}}), 400, "invalid_request", "scopes[1]")

	second := m.Must(200, "POST", "/keys/"+id+"/rotate", nil)
	equal(t, "old one ends", second.Text("previousSecretUntil") != "", true)
	shop.Must(201, "POST", "/points/award", award("mem_1", 5))
	s.Incentable.WithKey(second.Text("secret")).Must(201, "POST", "/points/award", award("mem_1", 5))
	third := m.Must(200, "POST", "/keys/"+id+"/rotate", object{"overlapSeconds": 60}, "Idempotency-Key: rotate")
	equal(t, "replay", m.Must(200, "POST", "/keys/"+id+"/rotate", object{"overlapSeconds": 60}, "Idempotency-Key: rotate").At("secret"), third.At("secret"))
	ended := func(secret string) func() bool {
		return func() bool {
			return s.Incentable.WithKey(secret).Call("GET", "/members/mem_1/balance", nil).Status == http.StatusUnauthorized
		}
	}
	eventually(t, 5*time.Second, "the first secret ends", ended(secret))
	s.Incentable.WithKey(second.Text("secret")).Must(200, "GET", "/members/mem_1/balance", nil)

	listed := m.Must(200, "GET", "/keys?kind=incentable", nil)
	equal(t, "newest", listed.At("data", 0, "id"), id)
	equal(t, "of the kind", listed.At("pagination", "total"), 2)
	equal(t, "previous", listed.At("data", 0, "previousSecretUntil"), third.At("previousSecretUntil"))
	equal(t, "all", m.Must(200, "GET", "/keys?limit=1", nil).At("pagination", "total"), 4)

	m.Must(200, "DELETE", "/keys/"+id, nil)
	m.Must(200, "DELETE", "/keys/"+id, nil)
	eventually(t, 5*time.Second, "the revoked key ends", ended(third.Text("secret")))
	refused(t, m.Call("POST", "/keys/"+id+"/rotate", nil), 400, "invalid_transition")
	refused(t, m.Call("POST", "/keys/key_none/rotate", nil), 404, "not_found")
	refused(t, m.Call("DELETE", "/keys/key_none", nil), 404, "not_found")
}

// The groups that scopes may name are those that the contracts ask for.
func TestScopesAreThoseOfTheContracts(t *testing.T) {
	t.Parallel()
	for _, c := range apptest.Start(t).Clients() {
		asked := map[string]bool{}
		for _, op := range c.Facade.Spec.Paths.Map() {
			for _, o := range op.Operations() {
				if scope, ok := o.Extensions["x-scope"].(string); ok {
					group, _, _ := bytes.Cut([]byte(scope), []byte(":"))
					asked[string(group)] = true
				}
			}
		}
		for _, group := range tenant.Groups[c.Facade.Kind] {
			equal(t, fmt.Sprintf("%s asks for %s", c.Facade.Kind, group), asked[group], true)
		}
		equal(t, "groups", len(asked), len(tenant.Groups[c.Facade.Kind]))
	}
}
