package apptest_test

import (
	"slices"
	"testing"
	"time"

	"github.com/incent-dev/incent/internal/apptest"
	"github.com/incent-dev/incent/internal/pg"
	"github.com/incent-dev/incent/internal/webhook"
)

// Deliveries that are settled are listed for 30 days after their last attempt, by
// the tenant's clock, and then forgotten, by however many at once; those still on
// their way are not. What was forgotten can be told again: the feed has it.
func TestDeliveriesAreForgotten(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t)
	good, bad := newReceiver(t, nil), newReceiver(t, status(500))
	h, failing := newHook(t, s, good.URL, "incentable", "points.awarded"), newHook(t, s, bad.URL, "incentable", "points.deducted")
	pay(t, s, "mem_1", 5)
	first := good.await(t, "the award", atLeast(1))[0]
	failing.try(t)
	bad.await(t, "the test", atLeast(1))
	h.settled(t)
	failing.settled(t)
	// More than one statement forgets, all tests: of endpoints' own, in no feed.
	const many = 2500
	_, err := s.Core.DB.Exec(t.Context(), `INSERT INTO webhook_deliveries (tenant_id, endpoint_id, number, kind, state, attempts, due_at, created_at, attempted_at, status)
		SELECT d.tenant_id, d.endpoint_id, $2::bigint - i, 0, 'delivered', 1, d.due_at, d.created_at, d.attempted_at + i * interval '1 microsecond', 200
		  FROM webhook_deliveries AS d, generate_series(1, $3::integer) AS i WHERE d.tenant_id = $1 AND d.number > 0`, s.Tenant.ID, -pg.NewKey(), many)
	if err != nil {
		t.Fatal(err)
	}
	left := func() (n int) {
		t.Helper()
		err := s.Core.DB.QueryRow(t.Context(), "SELECT count(*) FROM webhook_deliveries WHERE tenant_id = $1", s.Tenant.ID).Scan(&n)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	advance(t, s, webhook.Retention-time.Hour)
	equal(t, "before their time", left(), many+2)
	// On its way again, though last attempted long ago.
	h.patch(t, object{"status": "paused"})
	h.replay(t, object{"eventId": first.text("id")})

	if _, err := s.Core.DB.Exec(t.Context(), "UPDATE tenants SET clock_offset_us = clock_offset_us + 7200000000 WHERE tenant_id = $1", s.Tenant.ID); err != nil {
		t.Fatal(err)
	}
	twin := s.Twin()
	together(4, func(n int) {
		hooks := []*webhook.Hooks{s.Core.Hooks, twin.Core.Hooks}[n%2]
		if err := persist(func() error { return hooks.Forget(t.Context(), s.Tenant.ID) }); err != nil {
			t.Error(err)
		}
	})
	equal(t, "after it", left(), 1)
	equal(t, "what waits", h.delivery(t, first.id()).Text("status"), "pending")
	h.patch(t, object{"status": "active"})
	good.await(t, "the replay", atLeast(2))
	h.settled(t)

	// By itself, with the clock; and once more from the feed, under the same id.
	advance(t, s, webhook.Retention+time.Hour)
	equal(t, "in the end", left(), 0)
	refused(t, s.Management.Call("GET", "/webhook-endpoints/"+h.id+"/deliveries/"+first.id(), nil), 404, "not_found")
	h.replay(t, object{"eventId": first.text("id")})
	again := good.await(t, "what was forgotten", atLeast(3))
	equal(t, "ids", distinct(again), 1)
	equal(t, "bytes", string(again[2].body), string(first.body))
	h.settled(t)
}

// try asks for a test.
func (h hook) try(t testing.TB) {
	t.Helper()
	h.s.Management.For(t).Must(201, "POST", "/webhook-endpoints/"+h.id+"/test", nil)
}

// The sweep finds the tenants that have something to forget, and no others.
func TestOldDeliveriesAreFound(t *testing.T) {
	t.Parallel()
	s, young := apptest.Start(t), apptest.Start(t)
	r := newReceiver(t, nil)
	for _, s := range []*apptest.Server{s, young} {
		h := newHook(t, s, r.URL, "incentable")
		h.try(t)
		h.settled(t)
	}
	if _, err := s.Core.DB.Exec(t.Context(), "UPDATE tenants SET clock_offset_us = 31::bigint * 86400 * 1000000 WHERE tenant_id = $1", s.Tenant.ID); err != nil {
		t.Fatal(err)
	}
	found, err := s.Core.Hooks.Old(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "who has an old one", slices.Contains(found, s.Tenant.ID), true)
	equal(t, "who has a young one", slices.Contains(found, young.Tenant.ID), false)
}
