package apptest_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/incent-dev/incent/internal/apptest"
	"github.com/incent-dev/incent/internal/store"
)

// sameAnswer wants the very answer again, marked as a replay.
func sameAnswer(t testing.TB, got, first apptest.Response) {
	t.Helper()
	if got.Status != first.Status || !bytes.Equal(got.Body, first.Body) {
		t.Errorf("replay is %d %s\nfirst was %d %s", got.Status, got.Body, first.Status, first.Body)
	}
	if got.Header.Get("Idempotent-Replayed") != "true" || first.Header.Get("Idempotent-Replayed") != "" {
		t.Errorf("Idempotent-Replayed is %q, before %q", got.Header.Get("Idempotent-Replayed"), first.Header.Get("Idempotent-Replayed"))
	}
	if got.Header.Get("X-Request-Id") == first.Header.Get("X-Request-Id") {
		t.Error("a replay is a request of its own and has its own X-Request-Id")
	}
}

func TestIdempotency(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world, s subject) {
		if !s.mutates() {
			return
		}
		twin := w.Twin().Client(s.Facade.Kind)
		good := keyed(s.good(w.ids), "k")
		refused(t, s.WithKey("").Send(good), 401, "unauthorized") // is not kept
		refused(t, s.WithKey(w.NewKey(s.Facade.Kind, otherScope(s)).Text).Send(good), 403, "forbidden")
		first := s.Send(good)
		if first.Status >= 300 {
			t.Fatalf("%d %s", first.Status, first.Body)
		}
		sameAnswer(t, s.Send(good), first)
		sameAnswer(t, twin.Send(good), first)

		spaced := good // the same value, written otherwise
		spaced.Body = bytes.ReplaceAll(good.Body, []byte(`":`), []byte("\" :\n\t"))
		sameAnswer(t, s.Send(spaced), first)
		if len(good.Body) > 2 {
			other := good
			other.Body = append(append([]byte{}, good.Body[:len(good.Body)-1]...), `,"other":1}`...)
			refused(t, s.Send(other), 422, "idempotency_conflict", "Idempotency-Key")
		}
		for _, o := range subjects(w.Server) {
			if o.mutates() && o.op.ID != s.op.ID && o.Facade == s.Facade {
				refused(t, o.Send(keyed(o.good(w.ids), "k")), 422, "idempotency_conflict", "Idempotency-Key")
				break
			}
		}
		sameAnswer(t, s.Send(good), first)

		stranger := keyed(s.good(unknown()), "unknown")
		refusedOnce := s.Send(stranger)
		sameAnswer(t, twin.Send(stranger), refusedOnce)
		for name, bad := range map[string]string{"long": strings.Repeat("k", 256), "not ASCII": "clé", "tab": "a\tb"} {
			r, _ := s.Direct(keyed(good, bad))
			if r.Status != 400 || len(r.Fields()) == 0 || r.Fields()[0] != "Idempotency-Key" {
				t.Errorf("a key that is %s: %d %s", name, r.Status, r.Body)
			}
		}
		longest := keyed(good, strings.Repeat("~ ", 127)+"~")
		if r := s.Send(longest); r.Status == 400 && strings.Contains(string(r.Body), "Idempotency-Key") {
			t.Errorf("a key of 255 characters: %s", r.Body)
		}
	})
}

// Eight of one kind at once, on both servers: one effect, one answer.
func TestTwinsGetOneAnswer(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world, s subject) {
		if !s.mutates() {
			return
		}
		callers := []*apptest.Client{s.Client, w.Twin().Client(s.Facade.Kind)}
		good := keyed(s.good(w.ids), "twins")
		answers := make([]apptest.Response, 8)
		together(len(answers), func(i int) { answers[i] = insist(func() apptest.Response { return callers[i%2].Send(good) }) })
		effects := 0
		for _, a := range answers {
			if a.Header.Get("Idempotent-Replayed") == "" {
				effects++
			}
			if a.Status >= 300 || !bytes.Equal(a.Body, answers[0].Body) {
				t.Errorf("%d %s\nbeside %d %s", a.Status, a.Body, answers[0].Status, answers[0].Body)
			}
		}
		equal(t, "effects", effects, 1)
	})
}

// What state refused stays refused under its key, whatever the state is then;
// what could not even be read was never the key's.
func TestRefusalsAreKept(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t)
	pool := addPool(t, s)
	addItem(t, s, store.Item{ID: "rwd_none_left", Name: "Card", Kind: store.Digital, PointsCost: whole(1), PoolID: &pool})
	addItem(t, s, store.Item{ID: "rwd_dear", Name: "Card", Kind: store.Digital, PointsCost: whole(100)})
	give(t, s, "m", 10)
	const key = "Idempotency-Key: "
	calls := map[string]func() apptest.Response{
		"insufficient_points": func() apptest.Response {
			return s.Incentable.Call("POST", "/points/deduct", award("m", 11), key+"a")
		},
		"not_found": func() apptest.Response { return s.Incentable.Call("POST", "/points/deduct", award("new", 1), key+"b") },
		"code_pool_empty": func() apptest.Response {
			return s.Incentable.Call("POST", "/rewards/redeem", redeem("m", "rwd_none_left", nil), key+"c")
		},
	}
	first := map[string]apptest.Response{}
	for code, call := range calls {
		first[code] = call()
		equal(t, "code", first[code].Code(), code)
	}
	give(t, s, "m", 1000)
	give(t, s, "new", 1000)
	for code, call := range calls {
		sameAnswer(t, call(), first[code])
	}
	refused(t, s.Incentable.Call("POST", "/points/deduct", award("m", 0), key+"d"), 400, "invalid_request", "points")
	r := s.Incentable.Must(201, "POST", "/points/deduct", award("m", 1), key+"d")
	equal(t, "replayed", r.Header.Get("Idempotent-Replayed"), "")
	equal(t, "balance", balanceOf(t, s, "m"), int64(1009))
	equal(t, "replays of GET", s.Incentable.Must(200, "GET", "/orders", nil, key+"d").Header.Get("Idempotent-Replayed"), "")
}

// A key belongs to its tenant.
func TestKeysOfTenantsDoNotMeet(t *testing.T) {
	t.Parallel()
	for range 2 {
		r := apptest.Start(t).Incentable.Must(201, "POST", "/points/award", award("m", 1), "Idempotency-Key: same")
		equal(t, "replayed", r.Header.Get("Idempotent-Replayed"), "")
	}
}
