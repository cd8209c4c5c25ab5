package webhook

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/incent-dev/incent/internal/event"
)

var noon = time.Date(2026, 6, 18, 12, 0, 0, 0, time.UTC)

// Ten attempts take about three days, each pause within a fifth of its plan, the
// same for the same delivery.
func TestPauses(t *testing.T) {
	var least, most time.Duration
	for attempt, planned := range pauses {
		shortest, longest := planned*2, time.Duration(0)
		for i := range 2000 {
			pause := pauseAfter(attempt+1, fmt.Sprint("dlv_", i))
			shortest, longest = min(shortest, pause), max(longest, pause)
			if pause != pauseAfter(attempt+1, fmt.Sprint("dlv_", i)) {
				t.Fatal("a pause changes")
			}
		}
		if shortest < planned*4/5 || longest > planned*6/5 || shortest > planned*9/10 || longest < planned*11/10 {
			t.Errorf("after attempt %d: %v to %v, planned %v", attempt+1, shortest, longest, planned)
		}
		least, most = least+shortest, most+longest
	}
	if least < 56*time.Hour || most > 88*time.Hour {
		t.Errorf("all pauses: %v to %v", least, most)
	}
}

func TestOutcome(t *testing.T) {
	for name, c := range map[string]struct {
		answer   answer
		attempts int
		test     bool
		state    string
		least    time.Duration
	}{
		"delivered":             {answer{status: 204}, 1, false, Delivered, 0},
		"redirected":            {answer{status: 301}, 1, false, Pending, 4 * time.Second},
		"silent":                {answer{}, 2, false, Pending, 4 * time.Minute},
		"asked to wait":         {answer{status: 429, retryAfter: time.Hour}, 1, false, Pending, time.Hour},
		"asked to wait shortly": {answer{status: 429, retryAfter: time.Second}, 4, false, Pending, 96 * time.Minute},
		"the last":              {answer{status: 500}, MaxAttempts, false, Failed, 0},
		"delivered at last":     {answer{status: 200}, MaxAttempts, false, Delivered, 0},
		"a test":                {answer{status: 500}, 1, true, Failed, 0},
		"hopeless":              {answer{permanent: true}, 1, false, Failed, 0},
	} {
		state, due := c.answer.outcome("dlv_1", c.attempts, c.test, noon)
		if state != c.state || due.Sub(noon) < c.least {
			t.Errorf("%s: %s, due after %v", name, state, due.Sub(noon))
		}
	}
}

func TestHealth(t *testing.T) {
	fail, ok := answer{status: 500}, answer{status: 200}
	h := health{state: Active, retryAt: noon}
	for i := range holdFrom - 1 {
		h = h.after(fail, noon.Add(time.Duration(i)*time.Minute))
	}
	if h.failures != holdFrom-1 || !h.failingSince.Equal(noon) || !h.retryAt.Equal(noon) || h.state != Active {
		t.Errorf("before it is held: %+v", h)
	}
	now := noon.Add(time.Hour)
	held := h.after(fail, now)
	if !held.retryAt.Equal(now.Add(holdFirst)) || !held.after(fail, now).retryAt.Equal(now.Add(2*holdFirst)) {
		t.Errorf("held: %+v", held)
	}
	for range 1000 {
		held = held.after(fail, now)
	}
	if !held.retryAt.Equal(now.Add(holdMost)) {
		t.Errorf("held for long: %+v", held)
	}
	if well := held.after(ok, now); well.failures != 0 || !well.failingSince.IsZero() || well.state != Active {
		t.Errorf("well again: %+v", well)
	}
	if gone := h.after(answer{status: http.StatusGone}, now); gone.state != Disabled || gone.reason != ReasonGone {
		t.Errorf("gone: %+v", gone)
	}
	if late := h.after(fail, noon.Add(failingDays-time.Microsecond)); late.state != Active {
		t.Errorf("just before five days: %+v", late)
	}
	if late := h.after(fail, noon.Add(failingDays)); late.state != Disabled || late.reason != ReasonFailing {
		t.Errorf("after five days: %+v", late)
	}
	if few := (health{state: Active, failures: 1, failingSince: noon}).after(fail, noon.Add(2*failingDays)); few.state != Active {
		t.Errorf("two failures in a quiet time: %+v", few)
	}
	if paused := (health{state: Paused}).after(answer{status: http.StatusGone}, now); paused.state != Paused {
		t.Errorf("paused: %+v", paused)
	}
}

func TestRetryAfter(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"120": 2 * time.Minute, " 5 ": 5 * time.Second, "0": 0, "": 0, "-1": 0, "soon": 0, "1e3": 0, "99999999": maxRetryAfter, "99999999999999999999": 0,
		noon.Add(time.Hour).Format(http.TimeFormat):        time.Hour,
		noon.Add(-time.Hour).Format(http.TimeFormat):       0,
		noon.Add(9999 * time.Hour).Format(http.TimeFormat): maxRetryAfter,
	} {
		if got := retryAfter(text, noon); got != want {
			t.Errorf("%q: %v, want %v", text, got, want)
		}
	}
}

func TestBodies(t *testing.T) {
	e := toldEvent(event.Event{Number: 10, Kind: event.PointsAwarded, At: noon.Add(1234567 * time.Microsecond), Data: []byte(`{"b":"<&>","10":9007199254740993,"a":1.0}`)})
	for style, want := range map[Style]string{
		Incenta:    `{"event":"points.awarded","data":{"10":"9007199254740993","b":"<&>","a":1},"timestamp":"2026-06-18T12:00:01.234Z"}`,
		Incentable: `{"id":"event_000000000000m","type":"points.awarded","created_at":"2026-06-18T12:00:01Z","data":{"10":"9007199254740993","b":"<&>","a":1}}`,
	} {
		if got, err := body(style, e); err != nil || string(got) != want {
			t.Errorf("%s: %s, %v", style, got, err)
		}
	}
}

// A delivery's id is that of its endpoint and its number, and tells both.
func TestDeliveryID(t *testing.T) {
	for _, number := range []int64{1, 9, 1 << 40, -1, -1 << 62} {
		text := DeliveryID(77, number)
		if got, known := parseDelivery(77, text); !known || got != number || len(text) > 40 {
			t.Errorf("%s: %d, %v", text, got, known)
		}
		if _, known := parseDelivery(78, text); known {
			t.Error("another endpoint knows it")
		}
	}
	if DeliveryID(77, 9) >= DeliveryID(77, 10) {
		t.Error("ids do not sort by event")
	}
}

// Receivers of a style hear of its facade's kinds, and of what concerns operators.
func TestStyles(t *testing.T) {
	for _, k := range event.Kinds() {
		for _, style := range []Style{Incenta, Incentable} {
			mine := k.Facade() != Incenta && k.Facade() != Incentable || k.Facade() == style
			if (Endpoint{Style: style}).wants(k) != mine || (Endpoint{Style: style, Kinds: []event.Kind{k}}).wants(k) != mine {
				t.Errorf("%s for %s: wanted wrongly", k, style)
			}
			if (Endpoint{Style: style, Kinds: []event.Kind{-1}}).wants(k) {
				t.Errorf("%s: wanted though it was not named", k)
			}
		}
	}
}

// However many ask at once, no more than so many deliveries begin in a second.
func TestPace(t *testing.T) {
	var p pace
	if wait := p.reserve(chunk, noon); wait != 0 {
		t.Errorf("the first waits %v", wait)
	}
	sent := chunk
	for ; sent < 10*perSecond; sent += chunk {
		if wait, want := p.reserve(chunk, noon), time.Duration(sent)*time.Second/perSecond; wait != want {
			t.Fatalf("after %d it waits %v, want %v", sent, wait, want)
		}
	}
	if wait := p.reserve(1, noon.Add(time.Hour)); wait != 0 {
		t.Errorf("after a quiet hour it waits %v", wait)
	}
}
