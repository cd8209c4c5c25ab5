package httpapi

import (
	"testing"
	"time"

	"github.com/incent-dev/incent/internal/fault"
)

func TestPage(t *testing.T) {
	number := func(n int32) *int32 { return &n }
	for name, c := range map[string]struct {
		page, limit  *int32
		wantN, wantL int
	}{
		"nothing said": {nil, nil, 1, DefaultLimit}, "page alone": {number(3), nil, 3, DefaultLimit}, "limit alone": {nil, number(100), 1, 100},
		"both": {number(2147483647), number(1), 2147483647, 1},
	} {
		if n, l := Page(c.page, c.limit); n != c.wantN || l != c.wantL {
			t.Errorf("%s: page %d of %d", name, n, l)
		}
	}
}

// Both ends of a span are inclusive, to the last digit that was written.
func TestSpan(t *testing.T) {
	for text, want := range map[string][2]string{
		"2024-06-15":                     {"2024-06-15T00:00:00Z", "2024-06-15T23:59:59.999999Z"},
		"2024-02-29":                     {"2024-02-29T00:00:00Z", "2024-02-29T23:59:59.999999Z"},
		"2024-06-15T14:30:00Z":           {"2024-06-15T14:30:00Z", "2024-06-15T14:30:00.999999Z"},
		"2024-06-15T16:30:00+02:00":      {"2024-06-15T14:30:00Z", "2024-06-15T14:30:00.999999Z"},
		"2024-06-15T14:30:00.5Z":         {"2024-06-15T14:30:00.5Z", "2024-06-15T14:30:00.599999Z"},
		"2024-06-15T14:30:00.123Z":       {"2024-06-15T14:30:00.123Z", "2024-06-15T14:30:00.123999Z"},
		"2024-06-15T14:30:00.123456Z":    {"2024-06-15T14:30:00.123456Z", "2024-06-15T14:30:00.123456Z"},
		"2024-06-15T14:30:00.123456789Z": {"2024-06-15T14:30:00.123456789Z", "2024-06-15T14:30:00.123456789Z"},
	} {
		from, to, err := Span(&text, &text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got := [2]string{from.Format(time.RFC3339Nano), to.Format(time.RFC3339Nano)}; got != want {
			t.Errorf("%s is %s, want %s", text, got, want)
		}
	}
	if from, to, err := Span(nil, nil); err != nil || !from.IsZero() || !to.IsZero() {
		t.Errorf("no span is %s to %s, %v", from, to, err)
	}
	good := "2024-06-15"
	for _, bad := range []string{"", "yesterday", "2024-02-30", "2024-6-15", "2024-06-15T14:30:00", "2024-06-15 14:30:00Z", "0000-01-01T00:00:00Z", "9999-01-01T00:00:00Z", "1718461800"} {
		for field, ask := range map[string][2]*string{"from": {&bad, &good}, "to": {&good, &bad}} {
			_, _, err := Span(ask[0], ask[1])
			if f := fault.As(err); f == nil || f.Kind != fault.Invalid || f.Details[0].Field != field {
				t.Errorf("%s %q: %v", field, bad, err)
			}
		}
	}
}
