package bench

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

func nothing() error { return nil }

// TestDriveCountsEveryAnswer runs a load against a server that writes down what
// it was sent, with answers of a known length and chunked ones.
func TestDriveCountsEveryAnswer(t *testing.T) {
	var mu sync.Mutex
	keys, members := map[string]bool{}, map[string]bool{}
	repeated := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		mu.Lock()
		defer mu.Unlock()
		key := r.Header.Get("Idempotency-Key")
		if keys[key] {
			repeated++
		}
		keys[key] = true
		members[string(body)] = true
		w.WriteHeader(http.StatusCreated)
		if len(keys)%2 == 0 {
			fmt.Fprint(w, `{"failed":0}`)
			return
		}
		fmt.Fprint(w, strings.Repeat("x", 100_000))
		w.(http.Flusher).Flush()
		fmt.Fprint(w, `{"failed":0}`)
	}))
	defer server.Close()
	l := load{
		template: newTemplate("POST", "/award", "secret", "Idempotency-Key: "+keyDigits+"\r\n", `{"member_id":"mem_`+memberDigits+`"}`),
		clients:  4, per: 1, says: []byte(`"failed":0`), first: 10, stride: 100, members: 3,
	}
	begun, ended := false, false
	var took []time.Duration
	// Which members requests speak of is drawn, and how many there are in so much time
	// is the machine's.
	for len(took) == 0 || len(members) < 3 {
		more, err := l.drive(t.Context(), []string{server.Listener.Addr().String()}, time.Millisecond, 200*time.Millisecond,
			func() error { begun = true; return nil }, func() error { ended = true; return nil })
		if err != nil {
			t.Fatal(err)
		}
		took = append(took, more...)
	}
	if len(took) == 0 || len(took) > len(keys) || repeated > 0 || !begun || !ended {
		t.Errorf("%d latencies of %d requests, %d keys repeated, begun %v, ended %v", len(took), len(keys), repeated, begun, ended)
	}
	for _, n := range []int{10, 110, 210} {
		if body := fmt.Sprintf(`{"member_id":"`+memberName+`"}`, n); !members[body] {
			t.Errorf("no request said %s", body)
		}
	}
	if len(members) != 3 {
		t.Errorf("requests said %v", members)
	}
}

func TestVisitSpeaksOfEveryMember(t *testing.T) {
	var said []string
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		said = append(said, string(body))
	}))
	defer server.Close()
	l := load{template: newTemplate("POST", "/", "secret", "", memberDigits+" "+memberDigits), first: 1, stride: 10, members: 3}
	if err := l.visit(t.Context(), server.Listener.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(said, ", "); got != "000000001 000000011, 000000021 000000001" {
		t.Errorf("the requests were %s", got)
	}
}

func TestDriveFailsOnAnyRefusal(t *testing.T) {
	for name, handler := range map[string]http.HandlerFunc{
		"status":  func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no points", http.StatusBadRequest) },
		"content": func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"failed":1, "why":"no points"}`) },
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(handler)
			defer server.Close()
			l := load{template: newTemplate("GET", "/", "secret", "", ""), clients: 2, says: []byte(`"failed":0`), members: 1}
			_, err := l.drive(t.Context(), []string{server.Listener.Addr().String()}, 0, time.Minute, nothing, nothing)
			if err == nil || !strings.Contains(err.Error(), "no points") {
				t.Errorf("the error was %v", err)
			}
		})
	}
}

func TestPercentile(t *testing.T) {
	hundred := make([]time.Duration, 100)
	for i := range hundred {
		hundred[i] = time.Duration(i)
	}
	for p, want := range map[int]time.Duration{50: 50, 99: 99, 100: 99} {
		if got := percentile(hundred, p); got != want {
			t.Errorf("p%d = %d, want %d", p, got, want)
		}
	}
	if percentile(nil, 50) != 0 {
		t.Error("nothing has a percentile")
	}
}
