package apptest_test

import (
	"fmt"
	"testing"

	"github.com/incent-dev/incent/internal/apptest"
	"github.com/incent-dev/incent/internal/tenant"
)

func init() {
	addGolden(tenant.Management, map[string]func(ids) apptest.Request{
		"listEvents": get("/events?limit=10"),
	})
}

// Every movement of points is in the feed once, in the order of the balance.
func TestFeedTellsPoints(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t)
	empty := s.Management.Must(200, "GET", "/events?wait=0", nil)
	equal(t, "an empty feed", fmt.Sprint(empty.At("data"), empty.At("next")), "[] <nil>")
	given := s.Incentable.Must(201, "POST", "/points/award", object{
		"member_id": "mem_1", "points": 500, "reason": "Q2", "reference": "INV-1", "metadata": object{"big": "9007199254740993"}})
	s.Incentable.Must(201, "POST", "/points/deduct", object{"member_id": "mem_1", "points": 20, "reason": "Mistake"})
	s.Incentable.Must(200, "POST", "/points/award/bulk", object{"awards": []object{
		{"member_id": "mem_1", "points": 1, "reason": "a"}, {"member_id": "mem_1", "points": 2, "reason": "b"}}})

	enrolled := s.Management.Must(200, "GET", "/events?limit=1", nil)
	equal(t, "type", enrolled.At("data", 0, "type"), "member.created")
	first := s.Management.Must(200, "GET", "/events?limit=1&after="+enrolled.Text("next"), nil)
	equal(t, "type", first.At("data", 0, "type"), "points.awarded")
	told := first.At("data", 0, "data")
	equal(t, "transfer", told.(map[string]any)["transaction_id"], given.At("data", "transaction_id"))
	rest := s.Management.Must(200, "GET", "/events?after="+first.Text("next"), nil)
	var seen string
	for i := range 3 {
		data := rest.At("data", i, "data").(map[string]any)
		seen += fmt.Sprintln(rest.At("data", i, "type"), data["points"], data["balance_after"])
	}
	equal(t, "the rest", seen, "points.deducted -20 480\npoints.awarded 1 481\npoints.awarded 2 483\n")
	equal(t, "nothing new", fmt.Sprint(s.Management.Must(200, "GET", "/events?wait=1&after="+rest.Text("next"), nil).At("data")), "[]")
	refused(t, s.Management.Call("GET", "/events?after=event_nonsense", nil), 400, "invalid_request", "after")
	refused(t, s.Management.Call("GET", "/events?wait=26", nil), 400, "invalid_request", "wait")
}
