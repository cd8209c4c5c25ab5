package apptest_test

import (
	"testing"

	"github.com/incent-dev/incent/internal/apptest"
	"github.com/incent-dev/incent/internal/incentive"
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
