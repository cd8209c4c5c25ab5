package apptest_test

import (
	"maps"
	"testing"

	"github.com/incent-dev/incent/internal/apptest"
	"github.com/incent-dev/incent/internal/contract"
	"github.com/incent-dev/incent/internal/tenant"
)

// golden is one good request per operation: on the world whose ids it is given
// it succeeds, at least once. All suites start from these, so an operation that
// has none here is not tested; Covered fails then.
var golden = map[tenant.Kind]map[string]func(ids) apptest.Request{
	tenant.Incenta: {
		"getSpec": get("/openapi.json"),
	},
	tenant.Incentable: {
		"getSpec":     get("/openapi.json"),
		"listRewards": get("/rewards"),
		"getReward":   func(i ids) apptest.Request { return apptest.NewRequest("GET", "/rewards/"+i.digital, nil) },
		"redeemReward": func(i ids) apptest.Request {
			return apptest.NewRequest("POST", "/rewards/redeem", object{"member_id": i.member, "reward_id": i.digital})
		},
		"listOrders": func(i ids) apptest.Request { return apptest.NewRequest("GET", "/orders?member_id="+i.member, nil) },
		"updateOrder": func(i ids) apptest.Request {
			return apptest.NewRequest("PATCH", "/orders/"+i.order, object{"status": "processing", "carrier": "UPS"})
		},
		"getBalance": func(i ids) apptest.Request { return apptest.NewRequest("GET", "/members/"+i.member+"/balance", nil) },
		"listTransactions": func(i ids) apptest.Request {
			return apptest.NewRequest("GET", "/members/"+i.member+"/transactions", nil)
		},
		"awardPoints": func(i ids) apptest.Request {
			return apptest.NewRequest("POST", "/points/award", object{"member_id": i.member, "points": 5, "reason": "Test", "reference": "INV-1", "metadata": object{"a": 1}})
		},
		"awardPointsBulk": func(i ids) apptest.Request {
			return apptest.NewRequest("POST", "/points/award/bulk", object{"awards": []object{
				{"member_id": i.member, "points": 1, "reason": "Test"}, {"member_id": i.member, "points": 2, "reason": "Test"},
			}})
		},
		"deductPoints": func(i ids) apptest.Request {
			return apptest.NewRequest("POST", "/points/deduct", object{"member_id": i.member, "points": 1, "reason": "Test"})
		},
	},
}

// addGolden adds cases, in whatever order the files of this package begin.
func addGolden(kind tenant.Kind, cases map[string]func(ids) apptest.Request) {
	if golden[kind] == nil {
		golden[kind] = map[string]func(ids) apptest.Request{}
	}
	maps.Copy(golden[kind], cases)
}

func get(path string) func(ids) apptest.Request {
	return func(ids) apptest.Request { return apptest.NewRequest("GET", path, nil) }
}

// subject is one served operation with its good request.
type subject struct {
	*apptest.Client
	op   *contract.Operation
	good func(ids) apptest.Request
}

func (s subject) mutates() bool { return s.op.Method == "POST" || s.op.Method == "PATCH" }
func (s subject) public() bool  { return s.op.Scope == "" }

func (s subject) documents(status int) bool { return s.op.Spec.Responses.Status(status) != nil }

// subjects are the served operations that have a golden request, as callers of
// this server.
func subjects(s *apptest.Server) []subject {
	var all []subject
	for _, c := range s.Clients() {
		for _, op := range c.Facade.Served {
			if good := golden[c.Facade.Kind][op.ID]; good != nil {
				all = append(all, subject{c, op, good})
			}
		}
	}
	return all
}

// each runs a test for every subject, in a world of its own.
func each(t *testing.T, test func(t *testing.T, w *world, s subject)) {
	for _, s := range subjects(apptest.Start(t)) {
		t.Run(string(s.Facade.Kind)+"/"+s.op.ID, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, "a")
			s.Client = w.Client(s.Facade.Kind)
			test(t, w, s)
		})
	}
}

func TestGoldenRequestsSucceed(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world, s subject) {
		r := s.Send(s.good(w.ids))
		if r.Status >= 300 || r.Operation != s.op.ID {
			t.Errorf("%s answers %d %.500s (by %q)", s.good(w.ids), r.Status, r.Body, r.Operation)
		}
	})
}
