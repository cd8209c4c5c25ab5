package apptest_test

import (
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/incent-dev/incent/internal/apptest"
	happening "github.com/incent-dev/incent/internal/event"
	"github.com/incent-dev/incent/internal/tenant"
)

// muchLater is what a receiver asks for whose next attempt is to wait for the test
// to move the clock: the first pause is of seconds, and real time passes too.
var muchLater = http.Header{"Retry-After": {"7200"}}

// status answers with the statuses given, one after the other, the last for ever.
func status(list ...int) func(int, call) (int, http.Header) {
	return func(n int, _ call) (int, http.Header) { return list[min(n, len(list))-1], nil }
}

func (h hook) replay(t testing.TB, body object) apptest.Response {
	t.Helper()
	return h.s.Management.For(t).Must(200, "POST", "/webhook-endpoints/"+h.id+"/replay", body)
}

func instant(t testing.TB, r apptest.Response, place ...any) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339Nano, r.Text(place...))
	if err != nil {
		t.Errorf("%v: %v in %s", place, err, r.Body)
	}
	return at
}

// A delivery that fails comes again after a pause that grows, under the same id
// and with the same bytes, ten times in about three days; then it is given up. The
// replay of all that failed brings it, and the endpoint is well again.
func TestWebhookRetries(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t)
	failing := true
	r := newReceiver(t, nil)
	r.answer = func(n int, _ call) (int, http.Header) {
		switch {
		case n == 1:
			return 500, muchLater
		case failing:
			return 500, nil
		}
		return 204, nil
	}
	h := newHook(t, s, r.URL, "incentable", "points.awarded")
	pay(t, s, "mem_1", 5)
	delivery := r.await(t, "the first attempt", atLeast(1))[0].id()
	var whole time.Duration
	for attempt := 1; attempt < 10; attempt++ {
		eventually(t, promptly, "the attempt is marked", func() bool { return h.delivery(t, delivery).At("attempts") == int64(attempt) })
		d := h.delivery(t, delivery)
		equal(t, "status", d.Text("status"), "pending")
		equal(t, "answer", d.At("lastAttempt", "status"), 500)
		pause := instant(t, d, "nextAttemptAt").Sub(instant(t, d, "lastAttempt", "at"))
		whole += pause
		idle(t, s)
		advance(t, s, pause+time.Second)
		r.await(t, "the next attempt", atLeast(attempt+1))
	}
	if whole < 58*time.Hour || whole > 88*time.Hour { // with the two hours that were asked for
		t.Errorf("ten attempts take %v", whole)
	}
	eventually(t, promptly, "it is given up", func() bool { return h.delivery(t, delivery).Text("status") == "failed" })
	got := r.got()
	equal(t, "attempts", len(got), 10)
	equal(t, "ids", distinct(got), 1)
	for _, c := range got {
		equal(t, "bytes", string(c.body), string(got[0].body))
		verify(t, c, h.secret)
	}
	sick := h.get(t)
	equal(t, "failures", sick.At("failures"), 10)
	since := instant(t, sick, "failingSince")
	equal(t, "failed ones", h.deliveries(t, "?status=failed").Text("data", 0, "id"), delivery)

	r.mu.Lock()
	failing = false
	r.mu.Unlock()
	equal(t, "nothing failed since", h.replay(t, object{"failedSince": s.Tenant.Now().Add(1000 * time.Hour)}).At("queued"), 0)
	idle(t, s)
	equal(t, "replayed", fmt.Sprint(h.replay(t, object{"failedSince": since}).At("queued")), "1")
	advance(t, s, time.Hour) // past the rest that an endpoint gets which fails all the time
	r.await(t, "the replay", atLeast(11))
	h.settled(t)
	well := h.get(t)
	equal(t, "well again", fmt.Sprint(well.At("failures"), well.At("failingSince"), well.At("nextAttemptAt")), "0 <nil> <nil>")
	equal(t, "delivered", fmt.Sprint(h.delivery(t, delivery).At("attempts")), "1")
}

// A receiver that asks for time gets it, for all that is on its way.
func TestWebhookRetryAfter(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t)
	r := newReceiver(t, func(n int, _ call) (int, http.Header) {
		if n == 1 {
			return 503, muchLater
		}
		return 200, nil
	})
	h := newHook(t, s, r.URL, "incentable", "points.awarded")
	pay(t, s, "mem_1", 5)
	first := r.await(t, "the first attempt", atLeast(1))[0].id()
	eventually(t, promptly, "the attempt is marked", func() bool { return h.delivery(t, first).At("attempts") == int64(1) })
	d := h.delivery(t, first)
	if wait := instant(t, d, "nextAttemptAt").Sub(instant(t, d, "lastAttempt", "at")); wait < 2*time.Hour {
		t.Errorf("comes again after %v", wait)
	}
	pay(t, s, "mem_1", 6)
	if err := persist(func() error { return s.Core.Hooks.Sweep(t.Context(), s.Tenant.ID) }); err != nil {
		t.Fatal(err)
	}
	advance(t, s, time.Hour)
	if err := persist(func() error { return s.Core.Hooks.Sweep(t.Context(), s.Tenant.ID) }); err != nil {
		t.Fatal(err)
	}
	equal(t, "deliveries while it rests", h.deliveries(t, "").Len("data"), 1)
	advance(t, s, 2*time.Hour)
	equal(t, "in the end", distinct(r.await(t, "both", func(got []call) bool { return distinct(got) == 2 })), 2)
}

// 410 ends it at once, and operators hear of it; made active again, the endpoint
// is told what it missed.
func TestWebhookGone(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t)
	r, watcher := newReceiver(t, status(410, 200)), newReceiver(t, nil)
	newHook(t, s, watcher.URL, "incentable", "endpoint.disabled")
	h := newHook(t, s, r.URL, "incentable", "points.awarded")
	pay(t, s, "mem_1", 5)
	told := watcher.await(t, "the event", atLeast(1))[0]
	equal(t, "told", fmt.Sprint(told.text("type"), " ", told.text("data", "endpoint_id"), " ", told.text("data", "reason")), "endpoint.disabled "+h.id+" gone")
	gone := h.get(t)
	equal(t, "state", gone.Text("status")+" "+gone.Text("disabledReason"), "disabled gone")
	pay(t, s, "mem_1", 6)
	equal(t, "requests", len(r.got()), 1)
	idle(t, s)
	advance(t, s, time.Hour)
	h.patch(t, object{"status": "active"})
	r.await(t, "what it missed", func(got []call) bool { return distinct(got) == 2 && len(got) == 3 })
	h.settled(t)
	equal(t, "state", h.get(t).Text("status"), "active")
}

// Five days of failures disable an endpoint, two failures in a quiet week do not.
func TestWebhookDisabledAfterDays(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t)
	r := newReceiver(t, func(int, call) (int, http.Header) { return 500, muchLater }) // so it fails when time passes, and only then
	h := newHook(t, s, r.URL, "incentable", "points.awarded")
	fails := func(failures int) {
		t.Helper()
		eventually(t, promptly, "it fails again", func() bool { return h.get(t).At("failures") == int64(failures) })
		idle(t, s)
	}
	pay(t, s, "mem_1", 1)
	fails(1)
	pay(t, s, "mem_1", 2) // waits in the feed
	advance(t, s, 7*24*time.Hour)
	fails(2)
	equal(t, "after a quiet week", h.get(t).Text("status"), "active")
	for failures := 3; failures <= 5; failures++ {
		equal(t, "before the fifth failure", h.get(t).Text("status"), "active")
		advance(t, s, 24*time.Hour)
		fails(failures)
	}
	equal(t, "it is disabled", h.get(t).Text("disabledReason"), "failing")
	equal(t, "what it did not get stays", h.deliveries(t, "?status=pending").Len("data") > 0, true)
	feed := s.Management.Must(200, "GET", "/events", nil)
	equal(t, "the event", feed.Text("data", feed.Len("data")-1, "type"), "endpoint.disabled")
}

// A paused endpoint gets nothing and misses nothing; a deleted one is gone with
// all that is known of it.
func TestWebhookPauseAndDelete(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t)
	r := newReceiver(t, nil)
	h := newHook(t, s, r.URL, "incentable", "points.awarded")
	pay(t, s, "mem_1", 1)
	r.await(t, "the first", atLeast(1))
	h.settled(t)
	h.patch(t, object{"status": "paused"})
	for i := range 5 {
		pay(t, s, "mem_1", 2+i)
	}
	if err := persist(func() error { return s.Core.Hooks.Sweep(t.Context(), s.Tenant.ID) }); err != nil {
		t.Fatal(err)
	}
	equal(t, "while paused", len(r.got()), 1)
	h.patch(t, object{"status": "active", "description": "Back"})
	got := r.await(t, "the rest", func(got []call) bool { return distinct(got) == 6 })
	var points []string
	for _, c := range got {
		points = append(points, c.text("data", "points"))
	}
	slices.Sort(points)
	equal(t, "what came", fmt.Sprint(slices.Compact(points)), "[1 2 3 4 5 6]")
	s.Management.Must(200, "DELETE", "/webhook-endpoints/"+h.id, nil)
	refused(t, s.Management.Call("GET", "/webhook-endpoints/"+h.id, nil), 404, "not_found")
	equal(t, "listed", s.Management.Must(200, "GET", "/webhook-endpoints", nil).Len("data"), 0)
	pay(t, s, "mem_1", 9)
	eventually(t, promptly, "its rows go", func() bool {
		var left int
		err := s.Core.DB.QueryRow(t.Context(), `SELECT (SELECT count(*) FROM webhook_deliveries WHERE tenant_id = $1) +
			(SELECT count(*) FROM webhook_secrets WHERE tenant_id = $1) + (SELECT count(*) FROM webhook_endpoints WHERE tenant_id = $1)`, s.Tenant.ID).Scan(&left)
		return err == nil && left == 0
	})
	equal(t, "after it was deleted", distinct(r.got()), 6)
}

// Replays bring one event, a range of them, also from before the endpoint was made.
func TestWebhookReplay(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t)
	for i := range 4 {
		pay(t, s, "mem_1", 1+i)
	}
	s.Incentable.Must(201, "POST", "/points/deduct", object{"member_id": "mem_1", "points": 1, "reason": "Mistake"})
	feed := s.Management.Must(200, "GET", "/events", nil)
	var ids []string
	for i := range feed.Len("data") {
		ids = append(ids, feed.Text("data", i, "id"))
	}
	r := newReceiver(t, nil)
	h := newHook(t, s, r.URL, "incentable", "points.awarded")
	last := ids[len(ids)-1]
	equal(t, "a range", fmt.Sprint(h.replay(t, object{"firstEventId": ids[0], "lastEventId": last}).JSON()), "map[more:false queued:4]")
	got := r.await(t, "the range", func(got []call) bool { return distinct(got) == 4 })
	h.settled(t)
	again := got[0]
	equal(t, "one", h.replay(t, object{"eventId": again.text("id")}).At("queued"), 1)
	got = r.await(t, "the event again", atLeast(5))
	equal(t, "its id", got[4].id(), again.id())
	equal(t, "its bytes", string(got[4].body), string(again.body))
	equal(t, "not on its list", h.replay(t, object{"eventId": last}).At("queued"), 1)
	equal(t, "that one", r.await(t, "the other event", atLeast(6))[5].text("type"), "points.deducted")

	path := "/webhook-endpoints/" + h.id + "/replay"
	refused(t, s.Management.Call("POST", path, object{}), 400, "invalid_request", "body")
	refused(t, s.Management.Call("POST", path, object{"eventId": ids[0], "failedSince": "2026-01-01T00:00:00Z"}), 400, "invalid_request", "body")
	refused(t, s.Management.Call("POST", path, object{"firstEventId": ids[0]}), 400, "invalid_request", "lastEventId")
	refused(t, s.Management.Call("POST", path, object{"lastEventId": ids[0]}), 400, "invalid_request", "firstEventId")
	refused(t, s.Management.Call("POST", path, object{"firstEventId": ids[1], "lastEventId": ids[0]}), 400, "invalid_request", "lastEventId")
	refused(t, s.Management.Call("POST", path, object{"firstEventId": ids[0], "lastEventId": happening.Event{Number: 10_001}.PublicID()}), 400, "invalid_request", "lastEventId")
	refused(t, s.Management.Call("POST", path, object{"eventId": happening.Event{Number: 10_001}.PublicID()}), 404, "not_found")
	refused(t, s.Management.Call("POST", path, object{"eventId": "nonsense"}), 404, "not_found")
	foreign := newHook(t, s, r.URL, "incenta")
	refused(t, s.Management.Call("POST", "/webhook-endpoints/"+foreign.id+"/replay", object{"eventId": ids[0]}), 400, "invalid_request", "eventId")
}

// What an endpoint may be.
func TestWebhookEndpointRules(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t)
	live := s.Live()
	for _, bad := range []object{
		{"url": "http://example.com/", "style": "incenta"}, {"url": "https://127.0.0.1/", "style": "incenta"}, {"url": "https://localhost/", "style": "incenta"},
		{"url": "ftp://example.com/", "style": "incenta"}, {"url": "https://u:p@example.com/", "style": "incenta"},
	} {
		refused(t, live.Management.Call("POST", "/webhook-endpoints", bad), 400, "invalid_request", "url")
	}
	refused(t, s.Management.Call("POST", "/webhook-endpoints", object{"url": "http://10.0.0.1/", "style": "incenta"}), 400, "invalid_request", "url")
	refused(t, s.Management.Call("POST", "/webhook-endpoints", object{"url": "http://shop.example/", "style": "incenta"}), 400, "invalid_request", "url")
	made := live.Management.Must(201, "POST", "/webhook-endpoints", object{"url": "https://shop.example/", "style": "incentable", "events": []string{"endpoint.disabled"}})
	equal(t, "events", fmt.Sprint(made.At("events")), "[endpoint.disabled]")
	refused(t, live.Management.Call("POST", "/webhook-endpoints", object{"url": "https://shop.example/", "style": "incenta", "events": []string{"points.awarded"}}), 400, "invalid_request", "events[0]")
	refused(t, live.Management.Call("PATCH", "/webhook-endpoints/"+made.Text("id"), object{"events": []string{"points.awarded", "nonsense"}}), 400, "invalid_request", "events[1]")
	refused(t, live.Management.Call("PATCH", "/webhook-endpoints/"+made.Text("id"), object{"url": "https://[::1]/"}), 400, "invalid_request", "url")
	refused(t, live.Management.Call("GET", "/webhook-endpoints/"+made.Text("id")+"/deliveries?before=dlv_x", nil), 400, "invalid_request", "before")
	for range 49 {
		newHook(t, s, "http://127.0.0.1:9/", "incenta", "USAGE_LIMIT_EXCEEDED")
	}
	newHook(t, s, "http://127.0.0.1:9/", "incenta", "USAGE_LIMIT_EXCEEDED")
	refused(t, s.Management.Call("POST", "/webhook-endpoints", object{"url": "https://shop.example/", "style": "incenta"}), 400, "limit_reached")
	equal(t, "listed", s.Management.Must(200, "GET", "/webhook-endpoints?limit=20&page=3", nil).Len("data"), 10)
}

// The secret of a new endpoint is told again under its key, and lies nowhere in
// the clear.
func TestWebhookSecretIsSealed(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t)
	body := object{"url": "https://shop.example/", "style": "incenta", "events": []string{"USAGE_LIMIT_EXCEEDED"}}
	made := s.Management.Must(201, "POST", "/webhook-endpoints", body, "Idempotency-Key: k1")
	again := s.Management.Must(201, "POST", "/webhook-endpoints", body, "Idempotency-Key: k1")
	equal(t, "the repeated answer", string(again.Body), string(made.Body))
	equal(t, "endpoints", s.Management.Must(200, "GET", "/webhook-endpoints", nil).Len("data"), 1)
	var found int
	err := s.Core.DB.QueryRow(t.Context(), `SELECT count(*) FROM idempotency_keys WHERE tenant_id = $1 AND position('whsec_' IN encode(body, 'escape')) > 0`, s.Tenant.ID).Scan(&found)
	if err != nil || found != 0 {
		t.Errorf("%d stored answers show a secret, %v", found, err)
	}
}

// A key for another tenant's webhooks opens nothing, nor does one without the scope.
func TestWebhookScope(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t)
	reader := s.Management.WithKey(s.NewKey(tenant.Management, "webhooks:read").Text)
	reader.Must(200, "GET", "/webhook-endpoints", nil)
	refused(t, reader.Call("POST", "/webhook-endpoints", object{"url": "https://shop.example/", "style": "incenta"}), 403, "forbidden")
	refused(t, reader.Call("GET", "/events", nil), 403, "forbidden")
}
