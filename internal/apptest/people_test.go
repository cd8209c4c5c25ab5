package apptest_test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/incent-dev/incent/internal/apptest"
	"github.com/incent-dev/incent/internal/store"
	"github.com/incent-dev/incent/internal/tenant"
)

func init() {
	addGolden(tenant.Management, map[string]func(ids) apptest.Request{
		"eraseMember":  func(i ids) apptest.Request { return apptest.NewRequest("POST", "/members/"+i.erased+"/erase", nil) },
		"getErasure":   func(i ids) apptest.Request { return apptest.NewRequest("GET", "/members/"+i.erased+"/erasure", nil) },
		"exportMember": func(i ids) apptest.Request { return apptest.NewRequest("GET", "/members/"+i.member+"/export", nil) },
	})
}

// forgotten makes a member and erases it.
func forgotten(t testing.TB, s *apptest.Server, member string) (tombstone string) {
	t.Helper()
	_, err := s.Core.Registry.CreateMember(t.Context(), s.Tenant.ID, tenant.Member{ID: member}, nil)
	if err != nil {
		t.Fatal(err)
	}
	e, err := s.Core.People.Erase(t.Context(), s.Tenant.ID, member, nil)
	if err != nil {
		t.Fatal(err)
	}
	return e.Member
}

// erase erases a member and wants it complete.
func erase(t testing.TB, s *apptest.Server, member string) (tombstone string) {
	t.Helper()
	m := s.Management.For(t)
	tombstone = m.Must(200, "POST", "/members/"+member+"/erase", nil).Text("id")
	// An audit of a neighbour's may have kept the erasure waiting, and may do so again.
	eventually(t, promptly, "the erasure is complete", func() bool {
		if m.Must(200, "GET", "/members/"+tombstone+"/erasure", nil).At("completedAt") != nil {
			return true
		}
		if err := s.Core.People.Finish(t.Context(), s.Tenant.ID); err != nil {
			t.Log(err)
		}
		return false
	})
	return tombstone
}

// anns finds Ann as a word: ids are made of letters, too.
var anns = regexp.MustCompile(`(?i)\bann\b`)

func TestErasure(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t)
	m, c := s.Management, s.Incentable
	refused(t, m.Call("POST", "/members/ann/erase", nil), 404, "not_found")
	refused(t, m.Call("GET", "/members/ann/erasure", nil), 404, "not_found")
	m.Must(201, "POST", "/members", object{"id": "ann", "name": "Ann", "email": "ann@example.com", "timeZone": "Europe/Berlin"})
	award := apptest.NewRequest("POST", "/points/award", object{"member_id": "ann", "points": 100, "reason": "Ann's birthday", "metadata": object{"who": "Ann"}}, "Idempotency-Key: ann-1")
	given := c.Send(award)
	sameAnswer(t, c.Send(award), given)
	other := apptest.NewRequest("POST", "/points/award", object{"member_id": "bob", "points": 1, "reason": "Bob"}, "Idempotency-Key: bob-1")
	bobs := c.Send(other)
	refused(t, m.Call("GET", "/members/ann/erasure", nil), 404, "not_found")
	equal(t, "not erased", m.Must(200, "GET", "/members/ann", nil).At("erasedAt"), nil)

	request := apptest.NewRequest("POST", "/members/ann/erase", nil, "Idempotency-Key: erase-ann")
	first := m.Send(request)
	sameAnswer(t, m.Send(request), first)
	tomb := first.Text("id")
	equal(t, "again", m.Must(200, "POST", "/members/ann/erase", nil).Text("id"), tomb)
	equal(t, "and by its own id", m.Must(200, "POST", "/members/"+tomb+"/erase", nil).Text("id"), tomb)
	erase(t, s, tomb)
	for _, id := range []string{"ann", tomb} {
		equal(t, "the erasure of "+id, m.Must(200, "GET", "/members/"+id+"/erasure", nil).Text("id"), tomb)
	}

	refused(t, m.Call("GET", "/members/ann", nil), 404, "not_found")
	left := m.Must(200, "GET", "/members/"+tomb, nil)
	equal(t, "what is left", fmt.Sprint(left.At("name"), left.At("email"), left.At("timeZone"), left.At("balances", "points", "balance"), left.Text("erasedAt") == first.Text("erasedAt")), "<nil> <nil> <nil> 100 true")
	history := c.Must(200, "GET", "/members/"+tomb+"/transactions", nil)
	equal(t, "its history", fmt.Sprint(history.At("data", 0, "points"), history.At("data", 0, "reason"), history.At("data", 0, "metadata")), "100<nil>")
	told := m.Must(200, "GET", "/events", nil)
	for _, e := range told.At("data").([]any) {
		e := e.(object)
		data, _ := json.Marshal(e["data"])
		if anns.Match(data) {
			t.Errorf("the feed tells %s of Ann: %s", e["type"], data)
		}
	}

	// The stored answer is gone, and nothing happens twice. Bob's is there.
	refused(t, c.Send(award), 409, "idempotency_conflict", "Idempotency-Key")
	sameAnswer(t, c.Send(other), bobs)

	// Nothing more can be given to the tombstone, and nothing said of it.
	for _, r := range []apptest.Response{
		c.Call("POST", "/points/award", object{"member_id": tomb, "points": 1, "reason": "r"}),
		c.Call("POST", "/points/deduct", object{"member_id": tomb, "points": 1, "reason": "r"}),
		m.Call("PATCH", "/members/"+tomb, object{"name": "Ann"}),
		m.Call("POST", "/holds", object{"memberId": tomb, "asset": "points", "amount": 1, "reason": "r"}),
		s.Incenta.Call("POST", "/incentives/redeem", object{"userId": tomb, "itemId": addItem(t, s, store.Item{Name: "Gift card", Kind: store.Digital, PointsCost: whole(1)})}),
		s.Incenta.Call("POST", "/referrals", object{"campaignId": addCampaign(t, s, bothSides("")), "referrerId": tomb}),
	} {
		refused(t, r, 404, "not_found")
	}
	refused(t, m.Call("POST", "/members", object{"id": tomb}), 400, "invalid_request", "id")
	bulk := c.Must(200, "POST", "/points/award/bulk", object{"awards": []object{{"member_id": tomb, "points": 1, "reason": "r"}, {"member_id": "bob", "points": 1, "reason": "r"}}})
	equal(t, "in bulk", fmt.Sprint(bulk.At("data", "processed"), bulk.At("data", "failed")), "1 1")

	// The old id means somebody else now.
	c.Must(201, "POST", "/points/award", object{"member_id": "ann", "points": 7, "reason": "Welcome"})
	equal(t, "the new Ann", balanceOf(t, s, "ann"), 7)
	equal(t, "the old one", balanceOf(t, s, tomb), 100)
	second := erase(t, s, "ann")
	equal(t, "two tombstones", second != tomb, true)
	equal(t, "the newest erasure", m.Must(200, "GET", "/members/ann/erasure", nil).Text("id"), second)
}

// What had begun before an erasure ends as it would have.
func TestErasureLeavesWhatHasBegun(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t)
	m := s.Management
	give(t, s, "ann", 500)
	order := buyPhysical(t, s, "ann", addItem(t, s, store.Item{Name: "Earbuds", Kind: store.Physical, PointsCost: whole(100)}))
	hold := m.Must(201, "POST", "/holds", object{"memberId": "ann", "asset": "points", "amount": 30, "reason": "Later"}).Text("id")
	tomb := erase(t, s, "ann")
	equal(t, "after the purchase", balanceOf(t, s, tomb), 400)
	equal(t, "the order's address", s.Incentable.Must(200, "GET", "/orders?member_id="+tomb, nil).At("data", 0, "shipping_address"), nil)
	s.Incentable.Must(200, "PATCH", "/orders/"+order, object{"status": "cancelled"})
	released := m.Must(200, "POST", "/holds/"+hold+"/release", nil)
	equal(t, "the hold's reason", released.At("reason"), "")
	equal(t, "given back and released", balanceOf(t, s, tomb), 530)
}

// exported gathers all pages of an export, section by section.
func exported(t testing.TB, s *apptest.Server, member string, limit int) map[string][]any {
	t.Helper()
	m := s.Management.For(t)
	all := map[string][]any{}
	first := m.Must(200, "GET", fmt.Sprintf("/members/%s/export?limit=%d", member, limit), nil)
	sections, _ := first.At("sections").(map[string]any)
	for name := range sections {
		for r, after := first, ""; ; {
			data, _ := r.At("sections", name, "data").([]any)
			all[name] = append(all[name], data...)
			if after = r.Text("sections", name, "next"); after == "" {
				break
			}
			r = m.Must(200, "GET", fmt.Sprintf("/members/%s/export?limit=%d&section=%s&after=%s", member, limit, name, after), nil)
		}
	}
	return all
}

func TestExport(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "a")
	for range 5 {
		w.Incentable.Must(201, "POST", "/points/award", object{"member_id": w.member, "points": 5, "reason": "Reason", "reference": "INV-1", "metadata": object{"big": "9007199254740993"}})
	}
	w.Incenta.Must(200, "POST", "/clicks", object{"referralCode": w.referral, "refereeId": w.member, "deviceId": "d"})
	w.Incenta.Must(201, "POST", "/incentives/events", object{"userId": w.member, "actionKey": w.action, "metadata": object{"a": 1}, "idempotencyKey": "k"})
	whole := exported(t, w.Server, w.member, 1000)
	pages := exported(t, w.Server, w.member, 2)
	var filled []string
	for name, data := range whole {
		if fmt.Sprint(pages[name]) != fmt.Sprint(data) {
			t.Errorf("%s in pages is\n%v\nas a whole\n%v", name, pages[name], data)
		}
		if len(data) > 0 {
			filled = append(filled, name)
		}
	}
	slices.Sort(filled)
	equal(t, "sections with something in them", strings.Join(filled, " "),
		"actions activities attributions badges balances cases clicks holds levels milestones orders profile progress referrals rewards sightings standings transfers")
	newest := whole["transfers"][0].(map[string]any)
	for _, x := range whole["transfers"] {
		if x := x.(map[string]any); x["reason"] == "Reason" {
			newest = x
		}
	}
	equal(t, "a transfer", fmt.Sprint(newest["reference"], newest["metadata"], newest["kind"], newest["asset"]), "INV-1map[big:9007199254740993]awardpoints")
	history := w.Incentable.Must(200, "GET", "/members/"+w.member+"/transactions?type=award&per_page=1", nil)
	var ids []any
	for _, x := range whole["transfers"] {
		ids = append(ids, x.(map[string]any)["id"])
	}
	equal(t, "ids are the API's", slices.Contains(ids, history.At("data", 0, "transaction_id")), true)
	equal(t, "an order's, too", whole["orders"][0].(map[string]any)["id"], w.order)

	m := w.Management
	refused(t, m.Call("GET", "/members/nobody/export", nil), 404, "not_found")
	refused(t, m.Call("GET", "/members/"+w.member+"/export?after=x", nil), 400, "invalid_request", "after")
	for section := range whole {
		for _, bad := range []string{"eA", "*", "AA", "MTIz!"} {
			r := m.Call("GET", "/members/"+w.member+"/export?section="+section+"&after="+bad, nil)
			if r.Status != 200 && (r.Status != 400 || r.Fields()[0] != "after") {
				t.Errorf("%s after %q: %d %s", section, bad, r.Status, r.Body)
			}
		}
	}

	var document strings.Builder
	if err := w.Core.People.Write(t.Context(), w.Tenant.ID, w.member, &document); err != nil {
		t.Fatal(err)
	}
	var written struct{ Sections map[string][]any }
	if err := json.Unmarshal([]byte(document.String()), &written); err != nil {
		t.Fatal(err)
	}
	for name, data := range whole {
		equal(t, "entries of "+name, len(written.Sections[name]), len(data))
	}
}
