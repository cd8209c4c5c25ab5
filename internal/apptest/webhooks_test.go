package apptest_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/incent-dev/incent/internal/apptest"
	happening "github.com/incent-dev/incent/internal/event"
	"github.com/incent-dev/incent/internal/pg"
	"github.com/incent-dev/incent/internal/tenant"
	"github.com/incent-dev/incent/internal/webhook"
)

func init() {
	at := func(i ids, rest string) string { return "/webhook-endpoints/" + i.endpoint + rest }
	addGolden(tenant.Management, map[string]func(ids) apptest.Request{
		"listEndpoints": get("/webhook-endpoints?page=1&limit=10"),
		"createEndpoint": func(ids) apptest.Request {
			return apptest.NewRequest("POST", "/webhook-endpoints", object{
				"url": "http://127.0.0.1:9/hooks", "style": "incenta", "description": "Shop", "events": []string{"USAGE_LIMIT_EXCEEDED"}})
		},
		"getEndpoint": func(i ids) apptest.Request { return apptest.NewRequest("GET", at(i, ""), nil) },
		"updateEndpoint": func(i ids) apptest.Request {
			return apptest.NewRequest("PATCH", at(i, ""), object{
				"url": "http://127.0.0.1:9/other", "description": "Moved", "status": "paused", "events": []string{"code_pool.empty", "points.expired"}})
		},
		"deleteEndpoint": func(i ids) apptest.Request { return apptest.NewRequest("DELETE", at(i, ""), nil) },
		"rotateEndpoint": func(i ids) apptest.Request {
			return apptest.NewRequest("POST", at(i, "/rotate"), object{"overlapSeconds": 60})
		},
		"testEndpoint": func(i ids) apptest.Request { return apptest.NewRequest("POST", at(i, "/test"), nil) },
		"replayDeliveries": func(i ids) apptest.Request {
			return apptest.NewRequest("POST", at(i, "/replay"), object{"failedSince": "2026-01-01T00:00:00.000Z"})
		},
		"listDeliveries": func(i ids) apptest.Request {
			return apptest.NewRequest("GET", at(i, "/deliveries?status=pending&limit=10&before="+i.delivery), nil)
		},
		"getDelivery": func(i ids) apptest.Request {
			return apptest.NewRequest("GET", at(i, "/deliveries/"+i.delivery), nil)
		},
	})
}

// hooks makes a paused endpoint with a test that waits for it.
func (w *world) hooks(t testing.TB) {
	t.Helper()
	made, err := w.Core.Hooks.Create(t.Context(), w.Tenant.ID, webhook.Endpoint{
		URL: "http://127.0.0.1:9/hooks", Style: webhook.Incentable, Kinds: []happening.Kind{happening.CodePoolEmpty},
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	w.endpoint = webhook.EndpointID(made.ID)
	err = persist(func() error { // who looks for work may have its row
		_, err := w.Core.Hooks.Update(t.Context(), w.Tenant.ID, w.endpoint, func(e *webhook.Endpoint) error {
			e.State = webhook.Paused
			return nil
		}, nil)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	waiting, err := w.Core.Hooks.Test(t.Context(), w.Tenant.ID, w.endpoint, nil)
	if err != nil {
		t.Fatal(err)
	}
	w.delivery = waiting.PublicID()
}

// promptly bounds the wait for what takes milliseconds on an idle machine, and a
// look that begins later sees it on a busy one.
const promptly = 3 * time.Minute

// call is a request that a receiver got.
type call struct {
	header http.Header
	body   []byte
	at     time.Time
}

func (c call) id() string { return c.header.Get("webhook-id") }

// text is the value at a place of the body.
func (c call) text(place ...any) string {
	return fmt.Sprint(apptest.Response{Body: c.body}.At(place...))
}

// receiver is somebody's program that is told events.
type receiver struct {
	*httptest.Server
	answer func(n int, c call) (status int, header http.Header) // nil: 200

	mu    sync.Mutex
	calls []call
	news  chan struct{} // has a value after each call
}

func newReceiver(t testing.TB, answer func(int, call) (int, http.Header)) *receiver {
	r := &receiver{answer: answer, news: make(chan struct{}, 1)}
	r.Server = httptest.NewServer(r)
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	body, err := io.ReadAll(q.Body)
	if err != nil {
		return // cut off: it did not arrive
	}
	c := call{q.Header.Clone(), body, time.Now()}
	r.mu.Lock()
	r.calls = append(r.calls, c)
	n := len(r.calls)
	r.mu.Unlock()
	status := http.StatusOK
	if r.answer != nil {
		var header http.Header
		status, header = r.answer(n, c)
		for name := range header {
			w.Header().Set(name, header.Get(name))
		}
	}
	w.WriteHeader(status)
	select {
	case r.news <- struct{}{}:
	default:
	}
}

// got are the requests so far.
func (r *receiver) got() []call {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]call(nil), r.calls...)
}

// await waits until the requests so far are what a test waits for, for as long as
// they come.
func (r *receiver) await(t testing.TB, what string, enough func([]call) bool) []call {
	t.Helper()
	patience := time.NewTimer(promptly)
	defer patience.Stop()
	for {
		r.mu.Lock()
		met := enough(r.calls)
		r.mu.Unlock()
		if met {
			return r.got()
		}
		select {
		case <-r.news:
			patience.Reset(promptly)
		case <-patience.C:
			t.Fatalf("%s: not after %d requests", what, len(r.got()))
		}
	}
}

func atLeast(n int) func([]call) bool { return func(got []call) bool { return len(got) >= n } }

// hook is an endpoint as its owner knows it.
type hook struct {
	s          *apptest.Server
	id, secret string
}

func newHook(t testing.TB, s *apptest.Server, url, style string, events ...string) hook {
	t.Helper()
	if events == nil {
		events = []string{}
	}
	made := s.Management.For(t).Must(201, "POST", "/webhook-endpoints", object{"url": url, "style": style, "events": events})
	return hook{s, made.Text("id"), made.Text("secret")}
}

func (h hook) get(t testing.TB) apptest.Response {
	t.Helper()
	return h.s.Management.For(t).Must(200, "GET", "/webhook-endpoints/"+h.id, nil)
}

func (h hook) patch(t testing.TB, body object) apptest.Response {
	t.Helper()
	return h.s.Management.For(t).Must(200, "PATCH", "/webhook-endpoints/"+h.id, body)
}

func (h hook) deliveries(t testing.TB, query string) apptest.Response {
	t.Helper()
	return h.s.Management.For(t).Must(200, "GET", "/webhook-endpoints/"+h.id+"/deliveries"+query, nil)
}

func (h hook) delivery(t testing.TB, id string) apptest.Response {
	t.Helper()
	return h.s.Management.For(t).Must(200, "GET", "/webhook-endpoints/"+h.id+"/deliveries/"+id, nil)
}

// idle waits until nobody works on a tenant's endpoints, or on those in a state: a
// worker who is at it when the clock is moved, which ends his right, may send what
// the next one sends, too.
func idle(t testing.TB, s *apptest.Server, states ...string) {
	t.Helper()
	if len(states) == 0 {
		states = []string{"active", "paused", "disabled"}
	}
	eventually(t, promptly, "nobody works on them", func() bool {
		var busy int
		err := s.Core.DB.QueryRow(t.Context(), "SELECT count(*) FROM webhook_endpoints WHERE tenant_id = $1 AND worker IS NOT NULL AND state = ANY($2)", s.Tenant.ID, states).Scan(&busy)
		return err == nil && busy == 0
	})
}

// settled waits until none of the deliveries is on its way.
func (h hook) settled(t testing.TB) {
	t.Helper()
	eventually(t, promptly, "deliveries are settled", func() bool { return h.deliveries(t, "?status=pending&limit=1").Len("data") == 0 })
}

// again waits until a delivery was attempted so often, and lets the time until the
// next attempt pass.
func (h hook) again(t testing.TB, id string, attempts int) {
	t.Helper()
	eventually(t, promptly, "the attempt is marked", func() bool { return h.delivery(t, id).At("attempts") == int64(attempts) })
	idle(t, h.s)
	advance(t, h.s, 25*time.Hour)
}

// plant has something happen that no operation can bring about.
func plant(t testing.TB, s *apptest.Server, kind string, data any) {
	t.Helper()
	k, known := happening.ParseKind(kind)
	if !known {
		t.Fatalf("%s is no event", kind)
	}
	_, err := pg.InTx(t.Context(), s.Core.DB, func(ctx context.Context, tx pg.Tx) (struct{}, error) {
		var j happening.Journal
		var pipe pg.Pipeline
		j.Fact(k, data)
		return struct{}{}, errors.Join(j.Store(ctx, &pipe, s.Tenant.ID, s.Tenant.Now()), pipe.Send(ctx, tx))
	})
	if err != nil {
		t.Fatal(err)
	}
}

func pay(t testing.TB, s *apptest.Server, member string, points int) string {
	t.Helper()
	return s.Incentable.For(t).Must(201, "POST", "/points/award", object{"member_id": member, "points": points, "reason": "Test"}).Text("data", "transaction_id")
}

// What happens reaches who subscribed, in the style of each, once, with headers
// that verify; and the log tells of it.
func TestWebhooksReachReceivers(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t)
	pay(t, s, "mem_0", 1) // before anybody listens
	all, some, other := newReceiver(t, nil), newReceiver(t, nil), newReceiver(t, nil)
	ours := newHook(t, s, all.URL+"/hooks?token=x", "incentable")
	newHook(t, s, some.URL, "incentable", "points.deducted")
	foreign := newHook(t, s, other.URL, "incenta")
	txn := pay(t, s, "mem_1", 500)
	s.Incentable.Must(201, "POST", "/points/deduct", object{"member_id": "mem_1", "points": 20, "reason": "Mistake"})

	told := all.await(t, "both events", func(got []call) bool {
		return len(ofType(got, "points.awarded")) > 0 && len(ofType(got, "points.deducted")) > 0
	})
	first := ofType(told, "points.awarded")[0]
	equal(t, "type", first.text("type"), "points.awarded")
	equal(t, "transfer", first.text("data", "transaction_id"), txn)
	equal(t, "content type", first.header.Get("Content-Type"), "application/json")
	feed := s.Management.Must(200, "GET", "/events", nil)
	var said map[string]any
	for i := range feed.Len("data") {
		if feed.Text("data", i, "id") == first.text("id") {
			said = feed.At("data", i).(map[string]any)
		}
	}
	equal(t, "type in the feed", fmt.Sprint(said["type"]), "points.awarded")
	if at := first.text("created_at"); !strings.HasPrefix(fmt.Sprint(said["createdAt"]), strings.TrimSuffix(at, "Z")) || len(at) != len("2026-06-18T12:00:00Z") {
		t.Errorf("created_at is %s, the feed says %v", at, said["createdAt"])
	}
	equal(t, "members in their order", string(first.body[:8]), `{"id":"e`)
	verify(t, first, ours.secret)
	deducted := some.await(t, "one event", atLeast(1))
	equal(t, "the subscribed one", deducted[0].text("type"), "points.deducted")

	ours.settled(t)
	log := ours.deliveries(t, "")
	equal(t, "deliveries", log.Len("data"), distinct(all.got())) // others may have come since
	entry := ours.delivery(t, first.id())
	equal(t, "status", entry.Text("status"), "delivered")
	equal(t, "event", entry.Text("eventId"), first.text("id"))
	equal(t, "answer", entry.At("lastAttempt", "status"), 200)
	equal(t, "kept head", entry.Text("lastAttempt", "requestHeaders", "Webhook-Id"), first.id())
	equal(t, "answer's head", entry.Text("lastAttempt", "responseHeaders", "Content-Length"), "0")
	equal(t, "the other style", foreign.deliveries(t, "").Len("data"), 0)
	refused(t, s.Management.Call("GET", "/webhook-endpoints/"+foreign.id+"/deliveries/"+first.id(), nil), 404, "not_found")
	if strings.Contains(string(ours.get(t).Body), "whsec_") {
		t.Error("the secret is shown again")
	}
}

func ofType(calls []call, name string) (some []call) {
	for _, c := range calls {
		if c.text("type") == name {
			some = append(some, c)
		}
	}
	return some
}

func distinct(calls []call) int {
	seen := map[string]bool{}
	for _, c := range calls {
		seen[c.id()] = true
	}
	return len(seen)
}

// Both styles of bodies and headers, by a test event.
func TestWebhookTestEvent(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t)
	for style, want := range map[string]string{
		"incenta":    `{"event":"WEBHOOK_TEST","data":{"message":"This is a test; nothing has happened."},"timestamp":"`,
		"incentable": `{"id":"dlv_`,
	} {
		r := newReceiver(t, func(int, call) (int, http.Header) { return 500, nil })
		h := newHook(t, s, r.URL, style)
		made := s.Management.Must(201, "POST", "/webhook-endpoints/"+h.id+"/test", nil)
		got := r.await(t, "the test", atLeast(1))[0]
		verify(t, got, h.secret)
		if !bytes.HasPrefix(got.body, []byte(want)) {
			t.Errorf("%s: body is %s", style, got.body)
		}
		equal(t, "id", got.id(), made.Text("id"))
		h.settled(t)
		entry := h.delivery(t, got.id())
		equal(t, "tried once", fmt.Sprint(entry.Text("status"), " ", entry.At("attempts"), " ", entry.At("eventId")), "failed 1 <nil>")
	}
}
