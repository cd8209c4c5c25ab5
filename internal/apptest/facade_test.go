package apptest

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// What the referee must not let pass, each beside the answer that it must.
func TestReferee(t *testing.T) {
	t.Parallel()
	Start(t)
	incentable := running.facades["incentable"]
	f := &Facade{Kind: incentable.Kind, Base: incentable.Base, Spec: incentable.Spec, Served: incentable.Served, fault: incentable.fault}
	const (
		id      = "req_0123456789abc"
		balance = `{"success":true,"data":{"member_id":"m","balance":1,"lifetime_earned":1,"lifetime_redeemed":0,"pending":0}}`
		missing = `{"success":false,"error":{"code":"not_found","message":"member not found","details":[],"request_id":"req_0123456789abc"}}`
	)
	swap := func(text, old, with string) string { return strings.Replace(text, old, with, 1) }
	for name, c := range map[string]struct {
		method, path string
		status       int
		header, body string
		says         string // "" lets it pass
	}{
		"good":                    {"GET", "/members/m/balance", 200, "", balance, ""},
		"good refusal":            {"GET", "/members/m/balance", 404, "", missing, ""},
		"good, no route":          {"GET", "/nothing", 404, "", missing, ""},
		"good, wrong method":      {"PUT", "/members/m/balance", 405, "", missing, ""},
		"status not documented":   {"GET", "/members/m/balance", 201, "", balance, "status is not supported"},
		"refusal not documented":  {"GET", "/rewards", 404, "", missing, "status is not supported"},
		"success of no operation": {"GET", "/nothing", 200, "", balance, "no operation"},
		"no request id":           {"GET", "/members/m/balance", 200, "X-Request-Id: ", balance, "X-Request-Id"},
		"another request id":      {"GET", "/members/m/balance", 404, "X-Request-Id: req_fffffffffffff", missing, "the body says"},
		"wrong type":              {"GET", "/members/m/balance", 200, "", swap(balance, "1", `"1"`), "balance"},
		"member missing":          {"GET", "/members/m/balance", 200, "", swap(balance, `,"pending":0`, ""), "pending"},
		"member undeclared":       {"GET", "/members/m/balance", 200, "", swap(balance, `"pending"`, `"extra":1,"pending"`), "does not know the member .data.extra"},
		"undeclared in a refusal": {"GET", "/nothing", 404, "", swap(missing, `"details"`, `"extra":1,"details"`), "does not know the member .error.extra"},
		"code not listed":         {"GET", "/nothing", 404, "", swap(missing, "not_found", "lost"), "enum"},
		"other envelope":          {"GET", "/nothing", 404, "", `{"message":"Not Found"}`, "success"},
		"no JSON":                 {"GET", "/nothing", 404, "", "404 page not found", "invalid character"},
		"other content type":      {"GET", "/nothing", 404, "Content-Type: text/plain", missing, "Content-Type"},
		"header of a wrong type":  {"GET", "/members/m/balance", 200, "RateLimit-Limit: many", balance, "RateLimit-Limit"},
		"replay of a read":        {"GET", "/members/m/balance", 200, "Idempotent-Replayed: true", balance, "Idempotent-Replayed"},
		"text of the driver":      {"GET", "/nothing", 404, "", swap(missing, "member not found", "ERROR: relation (SQLSTATE 42P01)"), "it says"},
		"text of a stack":         {"GET", "/nothing", 404, "", swap(missing, "member not found", "store.go:17"), "it says"},
	} {
		header := http.Header{"Content-Type": {"application/json"}, "X-Request-Id": {id}}
		if h, value, found := strings.Cut(c.header, ": "); found {
			header.Set(h, value)
		}
		_, err := f.check(c.method, c.path, Response{Status: c.status, Header: header, Body: []byte(c.body)})
		if (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %q", name, err, c.says)
		}
	}
	open := fmt.Sprint(f.uncovered())
	for _, want := range []string{"(getBalance) answer 403", "(awardPoints) answer 422", "(getReward) succeed"} {
		if !strings.Contains(open, want) {
			t.Errorf("%q is not missed", want)
		}
	}
	for _, met := range []string{"(getBalance) succeed", "(getBalance) answer 404", "answer 503"} {
		if strings.Contains(open, met) {
			t.Errorf("%q is missed", met)
		}
	}
}

func TestOperationOfAPath(t *testing.T) {
	t.Parallel()
	Start(t)
	for call, want := range map[string]string{
		"GET /rewards": "listRewards", "GET /rewards/redeem": "getReward", "POST /rewards/redeem": "redeemReward", "GET /rewards/a%2Fb": "getReward",
		"GET /rewards/": "", "GET /rewards/a/b": "", "POST /rewards/x": "", "GET /members/m/balance": "getBalance", "POST /points/award/bulk": "awardPointsBulk",
	} {
		method, path, _ := strings.Cut(call, " ")
		got := ""
		if op := running.facades["incentable"].operation(method, path); op != nil {
			got = op.ID
		}
		if got != want {
			t.Errorf("%s is %q, want %q", call, got, want)
		}
	}
}
