package apptest_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/incent-dev/incent/internal/apptest"
	"github.com/incent-dev/incent/internal/once"
	"github.com/incent-dev/incent/internal/pg"
	"github.com/incent-dev/incent/internal/pgtest"
	"github.com/incent-dev/incent/internal/tenant"
)

// Every status that any operation documents and that a caller can provoke.
func TestDocumentedStatuses(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world, s subject) {
		if s.public() {
			refused(t, s.Send(apptest.NewRequest("POST", "/openapi.json", nil)), 405, "method_not_allowed")
			return
		}
		good := s.good(w.ids)
		refused(t, s.WithKey("").Send(good), 401, "unauthorized")
		refused(t, s.WithKey("icb_test_nonsense").Send(good), 401, "unauthorized")
		refused(t, s.WithKey(w.NewKey(s.Facade.Kind, otherScope(s)).Text).Send(good), 403, "forbidden")

		bad := good
		bad.Path += "?q=%zz"
		if strings.Contains(good.Path, "?") {
			bad.Path = good.Path + "&q=%zz"
		}
		refused(t, s.Send(bad), 400, "invalid_request", "query")
		if s.documents(404) {
			strict(t, w.Server)
			refused(t, s.Send(s.good(unknown())), 404, "not_found")
		}
		if s.op.HasBody {
			big := good
			big.Body = make([]byte, 1<<20+1)
			if s.op.Spec.Extensions["x-bulk"] == true {
				big.Body = make([]byte, 8<<20+1)
			}
			r, _ := s.Direct(big)
			refused(t, r, 413, "payload_too_large")
			big.Chunked = true
			r, _ = s.Direct(big)
			refused(t, r, 413, "payload_too_large")
			big.Body = big.Body[1:] // just within the limit, and no JSON
			r, _ = s.Direct(big)
			refused(t, r, 400, "invalid_request", "body")
		}
		if s.documents(422) {
			keepKey(t, w, "used")
			refused(t, s.Send(keyed(good, "used")), 422, "idempotency_conflict", "Idempotency-Key")
		}
	})
}

// A twin that runs on another server holds the key's row; who comes meanwhile
// is told so in time, and nothing of that is kept. Each waits its two seconds,
// so all operations wait at the same time, each in a world of its own.
func TestTwinStillRunning(t *testing.T) {
	t.Parallel()
	var worlds []*world
	var waiting []subject
	for _, s := range subjects(apptest.Start(t)) {
		if s.documents(409) {
			w := newWorld(t, "a")
			s.Client = w.Client(s.Facade.Kind)
			worlds, waiting = append(worlds, w), append(waiting, s)
		}
	}
	// Each holds one connection of the tests' pool and makes one of the server's wait.
	const atOnce = 12
	for from := 0; from < len(worlds); from += atOnce {
		together(min(atOnce, len(worlds)-from), func(i int) { twinStillRunning(t, worlds[from+i], waiting[from+i]) })
	}
}

func twinStillRunning(t *testing.T, w *world, s subject) {
	good := keyed(s.good(w.ids), "running")
	var early apptest.Response
	undo := errors.New("undo")
	err := holdKey(t.Context(), w, "running", func() error {
		early = s.Send(good)
		return undo
	})
	if err != undo {
		t.Error(err)
	}
	refused(t, early, 409, "idempotency_in_progress", "Idempotency-Key")
	if early.Header.Get("Retry-After") == "" {
		t.Errorf("%s: there is no Retry-After", s.op.ID)
	}
	if r := insist(func() apptest.Response { return s.Send(good) }); r.Status >= 300 || r.Header.Get("Idempotent-Replayed") != "" {
		t.Errorf("%s, once the twin is gone: %d replayed %q", s.op.ID, r.Status, r.Header.Get("Idempotent-Replayed"))
	}
}

func keyed(r apptest.Request, key string) apptest.Request {
	r.Header = r.Header.Clone()
	r.Header.Set("Idempotency-Key", key)
	return r
}

// holdKey runs something while an uncommitted transaction has taken a key.
func holdKey(ctx context.Context, w *world, key string, run func() error) error {
	_, err := pg.InTx(ctx, pgtest.DB(), func(ctx context.Context, tx pg.Tx) (struct{}, error) {
		ticket := &once.Ticket{Key: key, Render: func(any, error) once.Stored { return once.Stored{Status: 200, Body: []byte("{}")} }}
		if err := once.Keep(ctx, tx, w.Tenant.ID, pg.Now(), []once.Outcome{{Ticket: ticket}}); err != nil {
			return struct{}{}, err
		}
		return struct{}{}, run()
	})
	return err
}

// keepKey takes a key for a request that nobody can send again.
func keepKey(t testing.TB, w *world, key string) {
	t.Helper()
	if err := holdKey(t.Context(), w, key, func() error { return nil }); err != nil {
		t.Fatal(err)
	}
}

// otherScope is a scope that does not open the operation.
func otherScope(s subject) string {
	_, verb, _ := strings.Cut(s.op.Scope, ":")
	for _, group := range tenant.Groups[s.Facade.Kind] {
		if scope := group + ":" + verb; scope != s.op.Scope {
			return scope
		}
	}
	panic("one group only")
}

// What is no operation is answered in the facade's words, too.
func TestNoSuchRoute(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t)
	for _, c := range s.Clients() {
		for _, path := range []string{"", "/", "/nothing", "/rewards/", "//", "/../../v1", "/openapi.json/", "/OPENAPI.JSON", "/%00", "/%2e%2e/", "/a//b", "/rewards/a/b/c/d"} {
			for _, method := range []string{"GET", "POST", "DELETE"} {
				r := c.Call(method, path, nil)
				if r.Status != 404 && r.Status != 405 {
					t.Errorf("%s %s%s answers %d %s", method, c.Facade.Base, path, r.Status, r.Body)
				}
			}
		}
		for _, op := range c.Facade.Served {
			path := strings.NewReplacer("{", "", "}", "").Replace(op.Path)
			for _, method := range []string{"HEAD", "PUT", "OPTIONS", "TRACE", "CONNECT", "PROPFIND", "FROBNICATE"} {
				if method == "CONNECT" { // an HTTP client sends no path with it
					continue
				}
				if r := c.Call(method, path, nil); r.Status != http.StatusMethodNotAllowed {
					t.Errorf("%s %s%s answers %d %s", method, c.Facade.Base, path, r.Status, r.Body)
				}
			}
		}
	}
	outside := s.Incenta.Below("")
	for _, path := range []string{"/", "/v2/rewards", "/favicon.ico", "/incentable", "/incentable/v2/rewards", "/incentablev1/rewards", "/v1rewards"} {
		refused(t, outside.Call("GET", path, nil), 404, "not_found")
	}
}

// The documented bare /v1 is led by host, else by the kind of credential.
func TestBareBase(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "a")
	byHost := w.Incentable.Bare("api.incentable.com")
	byHost.Must(200, "GET", "/rewards", nil)
	w.Incentable.Bare("API.Incentable.com:443").Must(200, "GET", "/rewards", nil)
	refused(t, byHost.WithKey("").Call("GET", "/rewards", nil), 401, "unauthorized")
	refused(t, byHost.Call("GET", "/nothing", nil), 404, "not_found")
	w.Incentable.Bare("localhost").Must(200, "GET", "/rewards", nil)
	w.Incenta.Bare("api.incenta.dev").Must(200, "GET", "/openapi.json", nil)
	w.Incenta.Bare("").Must(200, "GET", "/openapi.json", nil)

	neither := w.Incenta.Bare("").WithKey("")
	refused(t, neither.Call("GET", "/rewards", nil), 401, "unauthorized")
	both := w.Incenta.Bare("").Call("GET", "/rewards", nil, "Authorization: Bearer "+w.Incentable.Key)
	refused(t, both, 401, "unauthorized")
	for _, word := range []string{"x-api-key", "Authorization: Bearer"} {
		if !strings.Contains(string(both.Body), word) {
			t.Errorf("the answer does not name %s: %s", word, both.Body)
		}
	}
}

// Each request has an id of its own.
func TestRequestIDsDiffer(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t)
	var mu sync.Mutex
	var seen []string
	together(64, func(i int) {
		c := s.Incentable
		if i%2 == 1 {
			c = s.Twin().Incentable
		}
		id := c.Call("GET", "/nothing", nil).Header.Get("X-Request-Id")
		mu.Lock()
		defer mu.Unlock()
		seen = append(seen, id)
	})
	slices.Sort(seen)
	equal(t, "number of different ids", len(slices.Compact(seen)), 64)
}

// together runs n calls at the same time and waits for them.
func together(n int, call func(i int)) {
	var ready, done sync.WaitGroup
	ready.Add(n)
	for i := range n {
		done.Go(func() {
			ready.Done()
			ready.Wait()
			call(i)
		})
	}
	done.Wait()
}

// A row that somebody holds for too long is a 503 that asks to come again, and
// under a key a 409; neither is kept.
func TestBusy(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "a")
	undo := errors.New("undo")
	answers := make([]apptest.Response, 2)
	_, err := pg.InTx(t.Context(), pgtest.DB(), func(ctx context.Context, tx pg.Tx) (struct{}, error) {
		if _, err := tx.Exec(ctx, "SELECT 1 FROM accounts WHERE tenant_id = $1 FOR UPDATE", w.Tenant.ID); err != nil {
			return struct{}{}, err
		}
		together(len(answers), func(i int) {
			header := []string{}
			if i == 1 {
				header = append(header, "Idempotency-Key: k")
			}
			answers[i] = w.Incentable.Call("POST", "/points/award", award(w.member, 1), header...)
		})
		return struct{}{}, undo
	})
	if err != undo {
		t.Fatal(err)
	}
	refused(t, answers[0], 503, "unavailable")
	refused(t, answers[1], 409, "idempotency_in_progress")
	for _, a := range answers {
		if a.Header.Get("Retry-After") == "" {
			t.Errorf("%d without Retry-After", a.Status)
		}
	}
	r := w.Incentable.Must(201, "POST", "/points/award", award(w.member, 1), "Idempotency-Key: k")
	equal(t, "replayed", r.Header.Get("Idempotent-Replayed"), "")
	equal(t, "new_balance", r.At("data", "new_balance"), plenty-100+1)
}
