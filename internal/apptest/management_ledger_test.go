package apptest_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/incent-dev/incent/internal/apptest"
	"github.com/incent-dev/incent/internal/ledger"
)

func TestItemsAndPools(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t)
	m := s.Management
	pool := m.Must(201, "POST", "/code-pools", object{"name": "Amazon $25", "mode": "imported"}).Text("id")
	refused(t, m.Call("POST", "/code-pools", object{"name": "Amazon $25", "mode": "generated"}), 409, "already_exists", "name")
	r := m.Must(200, "POST", "/code-pools/"+pool+"/codes", object{"codes": []string{"A", "B", "A"}})
	equal(t, "import", shown(r, "imported", "duplicates"), "2 1")
	r = m.Must(200, "POST", "/code-pools/"+pool+"/codes", object{"codes": []string{"B", "C"}})
	equal(t, "import", shown(r, "imported", "duplicates"), "1 1")
	refused(t, m.Call("POST", "/code-pools/"+pool+"/codes", object{"codes": []string{"D", " E"}}), 400, "invalid_request", "codes[1]")
	generated := m.Must(201, "POST", "/code-pools", object{"name": "Ours", "mode": "generated"})
	equal(t, "available of a pool that makes its own", generated.At("available"), nil)
	refused(t, m.Call("POST", "/code-pools/"+generated.Text("id")+"/codes", object{"codes": []string{"D"}}), 400, "invalid_request")
	equal(t, "newest pool", m.Must(200, "GET", "/code-pools", nil).At("data", 0, "name"), "Ours")

	refused(t, m.Call("POST", "/items", object{"name": "x", "kind": "digital", "codePoolId": "pool_none"}), 404, "not_found", "codePoolId")
	refused(t, m.Call("POST", "/items", object{"name": "x", "kind": "physical", "codePoolId": pool}), 400, "invalid_request", "codePoolId")
	r = m.Must(201, "POST", "/items", object{"name": "Card", "kind": "digital", "codePoolId": pool, "stock": 2})
	card := r.Text("id")
	equal(t, "new item", shown(r, "status", "pointsCost", "description", "stock"), "active <nil>  2")
	refused(t, s.Incentable.Call("GET", "/rewards/"+card, nil), 404, "not_found")
	r = m.Must(200, "PATCH", "/items/"+card, object{"pointsCost": 100, "stock": nil, "category": "Gifts"})
	equal(t, "changed item", shown(r, "name", "pointsCost", "stock", "category"), "Card 100 <nil> Gifts")
	s.Incentable.Must(200, "GET", "/rewards/"+card, nil)
	give(t, s, "mem_1", 1000)
	bought := s.Incentable.Must(201, "POST", "/rewards/redeem", object{"member_id": "mem_1", "reward_id": card})
	equal(t, "first code", bought.At("data", "fulfillment", "code"), "A")
	r = m.Must(200, "GET", "/code-pools/"+pool, nil)
	equal(t, "counts", shown(r, "available", "issued", "voided"), "2 1 0")

	m.Must(201, "POST", "/items", object{"name": "Mug", "kind": "physical", "tokensCost": 5, "status": "inactive"})
	equal(t, "all", m.Must(200, "GET", "/items", nil).At("pagination", "total"), 2)
	equal(t, "inactive", m.Must(200, "GET", "/items?status=inactive&kind=physical", nil).At("data", 0, "name"), "Mug")
	equal(t, "none", m.Must(200, "GET", "/items?status=inactive&category=Gifts", nil).At("pagination", "total"), 0)
	refused(t, m.Call("PATCH", "/items/rwd_none", object{"stock": 1}), 404, "not_found")
	refused(t, m.Call("GET", "/items/rwd_none", nil), 404, "not_found")
}

// shown are members of an answer, as text in a row.
func shown(r apptest.Response, names ...any) string {
	list := make([]any, len(names))
	for i, name := range names {
		list[i] = r.At(name)
	}
	text := fmt.Sprintln(list...)
	return text[:len(text)-1]
}

// onHold opens a hold over the wire.
func onHold(s *apptest.Server, member string, amount int, more object) apptest.Response {
	body := object{"memberId": member, "asset": "points", "amount": amount, "reason": "Booking 4711"}
	for name, value := range more {
		body[name] = value
	}
	return s.Management.Must(201, "POST", "/holds", body)
}

func TestHolds(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t)
	m := s.Management
	in := func(d time.Duration) string { return time.Now().Add(d).UTC().Format(time.RFC3339Nano) }
	for _, at := range []string{in(-time.Second), "0001-01-01T00:00:00Z", "9999-12-31T23:59:59-14:00"} {
		refused(t, m.Call("POST", "/holds", object{"memberId": "mem_1", "asset": "points", "amount": 1, "reason": "x", "maturesAt": at}), 400, "invalid_request", "maturesAt")
	}
	r := onHold(s, "mem_1", 500, nil)
	open := r.Text("id")
	equal(t, "new hold", shown(r, "memberId", "asset", "amount", "status", "maturesAt", "settledAt"), "mem_1 points 500 pending <nil> <nil>")
	equal(t, "read", string(m.Must(200, "GET", "/holds/"+open, nil).Body), string(r.Body))
	equal(t, "pending", m.Must(200, "GET", "/members/mem_1", nil).At("balances", "points", "pending"), 500)

	released := m.Must(200, "POST", "/holds/"+open+"/release", nil)
	equal(t, "status", released.At("status"), "released")
	equal(t, "again", string(m.Must(200, "POST", "/holds/"+open+"/release", nil).Body), string(released.Body))
	refused(t, m.Call("POST", "/holds/"+open+"/cancel", nil), 400, "invalid_transition")
	equal(t, "balance", balanceOf(t, s, "mem_1"), int64(500))

	second := onHold(s, "mem_1", 70, object{"maturesAt": in(time.Hour)}).Text("id")
	cancelled := m.Must(200, "POST", "/holds/"+second+"/cancel", nil, "Idempotency-Key: c")
	equal(t, "replay", string(m.Must(200, "POST", "/holds/"+second+"/cancel", nil, "Idempotency-Key: c").Body), string(cancelled.Body))
	refused(t, m.Call("POST", "/holds/"+second+"/release", nil), 400, "invalid_transition")
	refused(t, m.Call("POST", "/holds/hold_none/release", nil), 404, "not_found")

	// Its time comes while nobody looks: whoever looks then sees it released.
	due := onHold(s, "mem_2", 30, object{"maturesAt": in(24 * time.Hour), "asset": "tokens"}).Text("id")
	ahead(t, s, 25*time.Hour)
	equal(t, "pending ones", m.Must(200, "GET", "/holds?status=pending", nil).Len("data"), 0)
	equal(t, "due", m.Must(200, "GET", "/holds/"+due, nil).At("status"), "released")
	refused(t, m.Call("POST", "/holds/"+due+"/cancel", nil), 400, "invalid_transition")
	third := onHold(s, "mem_2", 30, object{"maturesAt": in(26 * time.Hour)}).Text("id")
	ahead(t, s, 48*time.Hour)
	equal(t, "read when due", m.Must(200, "GET", "/holds/"+third, nil).At("status"), "released")
}

// Three holds a day over ten days; pages jump over the days before them.
func TestHoldList(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t)
	m := s.Management
	const count = 30
	var ids [count]string // newest first
	for i := range count {
		member := fmt.Sprintf("mem_%d", i%2)
		madeAt := time.Now().Add(time.Duration(i/3-10) * 24 * time.Hour).Add(time.Duration(i) * time.Millisecond)
		h := post(t, s, ledger.Command{Op: ledger.OpHold, Member: member, Asset: ledger.Points, Amount: 1, HoldID: idOf(madeAt)}).Hold
		ids[count-1-i] = h.PublicID()
		if i%3 == 0 {
			m.Must(200, "POST", "/holds/"+h.PublicID()+"/release", nil)
		}
	}
	for filter, want := range map[string][]string{
		"":                                ids[:],
		"&status=released":                every(ids[:], 2, 3),
		"&status=pending":                 append(every(ids[:], 0, 3), every(ids[:], 1, 3)...),
		"&status=released&memberId=mem_1": every(ids[:], 2, 6),
		"&memberId=mem_0":                 every(ids[:], 1, 2),
		"&memberId=nobody":                {}, "&status=cancelled": {},
	} {
		slices.Sort(want)
		slices.Reverse(want)
		var got []string
		for page := 1; page <= count/7+1; page++ {
			r := m.Must(200, "GET", fmt.Sprintf("/holds?limit=7&page=%d%s", page, filter), nil)
			equal(t, "total of "+filter, r.At("pagination", "total"), len(want))
			for i := range r.Len("data") {
				got = append(got, r.Text("data", i, "id"))
			}
		}
		equal(t, "holds of "+filter, fmt.Sprint(got), fmt.Sprint(want))
	}
	equal(t, "behind", m.Must(200, "GET", "/holds?page=2147483647&limit=100", nil).Len("data"), 0)
}

// idOf is a version 7 UUID as it would have been made at an instant.
func idOf(at time.Time) uuid.UUID {
	u := uuid.Must(uuid.NewV7())
	for i, shift := 0, 40; i < 6; i, shift = i+1, shift-8 {
		u[i] = byte(at.UnixMilli() >> shift)
	}
	return u
}

// every picks every n-th of a list.
func every(list []string, from, n int) []string {
	var picked []string
	for i := from; i < len(list); i += n {
		picked = append(picked, list[i])
	}
	return picked
}

// ahead sets a tenant's clock so far ahead of real time.
func ahead(t testing.TB, s *apptest.Server, by time.Duration) {
	t.Helper()
	if _, err := s.Core.DB.Exec(t.Context(), "UPDATE tenants SET clock_offset_us = $2 WHERE tenant_id = $1", s.Tenant.ID, by.Microseconds()); err != nil {
		t.Fatal(err)
	}
}

func TestReverse(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t)
	m := s.Management
	reverse := func(id string) apptest.Response {
		return m.Call("POST", "/transfers/"+id+"/reverse", object{"reason": "Order 4711 was returned"})
	}
	took := func(r apptest.Response) string {
		return shown(r, "amount", "fromPending", "fromAvailable", "toDebt", "forgiven", "newBalance")
	}
	first := give(t, s, "mem_1", 500).Transfer.ID()
	spent := post(t, s, ledger.Command{Op: ledger.OpDeduct, Member: "mem_1", Asset: ledger.Points, Amount: 120, Memo: ledger.Memo{Reason: "x"}}).Transfer.ID()
	refused(t, reverse(spent), 400, "not_reversible")
	r := reverse(first)
	equal(t, "status", r.Status, 201)
	equal(t, "to zero", took(r), "500 0 380 0 120 0")
	equal(t, "said", shown(r, "transferId", "memberId", "asset", "reason"), first+" mem_1 points Order 4711 was returned")
	refused(t, reverse(first), 400, "already_reversed")
	refused(t, reverse("txn_none"), 404, "not_found")
	refused(t, reverse(first[:len(first)-1]+"z"), 404, "not_found")
	refused(t, reverse("txn_zzz"+first[7:]), 404, "not_found")

	m.Must(200, "PATCH", "/settings", object{"clawback": "pending_only"})
	second := give(t, s, "mem_1", 50).Transfer.ID()
	equal(t, "pending only", took(reverse(second)), "50 0 0 0 50 50")
	m.Must(200, "PATCH", "/settings", object{"clawback": "negative"})
	third := give(t, s, "mem_2", 50).Transfer.ID()
	post(t, s, ledger.Command{Op: ledger.OpDeduct, Member: "mem_2", Asset: ledger.Points, Amount: 20, Memo: ledger.Memo{Reason: "x"}})
	equal(t, "negative", took(reverse(third)), "50 0 30 20 0 -20")

	// An award on hold keeps the id it was answered with.
	m.Must(200, "PATCH", "/settings", object{"awardHoldDays": 2, "clawback": "to_zero"})
	held := func(member string) string {
		return s.Incentable.Must(201, "POST", "/points/award", award(member, 40)).Text("data", "transaction_id")
	}
	open, later := held("mem_3"), held("mem_4")
	equal(t, "on hold", took(reverse(open)), "40 40 0 0 0 0")
	refused(t, reverse(open), 400, "already_reversed")
	ahead(t, s, 49*time.Hour)
	equal(t, "matured", took(reverse(later)), "40 0 40 0 0 0")
	refused(t, reverse(later), 400, "already_reversed")
	matured := held("mem_5")
	ahead(t, s, 98*time.Hour)
	equal(t, "balance", balanceOf(t, s, "mem_5"), int64(40))
	became := s.Incentable.Must(200, "GET", "/members/mem_5/transactions", nil).Text("data", 0, "transaction_id")
	equal(t, "what it became", took(reverse(became)), "40 0 40 0 0 0")
	refused(t, reverse(matured), 400, "already_reversed")
}

func TestLiability(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t)
	m := s.Management
	books := func(query string) string {
		r := m.Must(200, "GET", "/liability"+query, nil)
		equal(t, "balanced", r.At("balanced"), true)
		var list []any
		for _, name := range []string{"issued", "outstanding", "pending", "debt", "redeemed", "expired", "adjusted"} {
			list = append(list, r.At("assets", "points", name))
		}
		return fmt.Sprint(list...)
	}
	equal(t, "nothing", books(""), "0 0 0 0 0 0 0")
	give(t, s, "mem_1", 700)
	onHold(s, "mem_2", 50, nil)
	before := m.Must(200, "GET", "/liability", nil).Text("at")
	m.Must(200, "PATCH", "/settings", object{"expiry": object{"policy": "rolling", "days": 10}})
	ahead(t, s, time.Hour)
	give(t, s, "mem_1", 300)
	post(t, s, ledger.Command{Op: ledger.OpDeduct, Member: "mem_1", Asset: ledger.Points, Amount: 100, Memo: ledger.Memo{Reason: "x"}})
	equal(t, "now", books(""), "1050 900 50 0 0 0 100")
	equal(t, "then", books("?at="+before), "750 700 50 0 0 0 0")
	r := m.Must(200, "GET", "/liability", nil)
	equal(t, "expires first", r.At("assets", "points", "ageing", 0, "amount"), 200)
	equal(t, "never expires", r.At("assets", "points", "ageing", 1, "expiresAt"), nil)
	ahead(t, s, 12*24*time.Hour)
	equal(t, "expired, though not posted", books(""), "1050 700 50 0 0 200 100")
	for _, at := range []string{"2998-01-01T00:00:00Z", "0001-01-01T00:00:00Z", "0000-01-01T00:00:00Z", "2024-02-30T00:00:00Z"} {
		refused(t, m.Call("GET", "/liability?at="+at, nil), 400, "invalid_request", "at")
	}
}
