package wire

import (
	"fmt"
	"time"
)

// millisLayout is RFC 3339 in UTC with the fraction that JavaScript writes.
const millisLayout = "2006-01-02T15:04:05.000Z"

// Millis is an instant as responses write it. What is finer than a millisecond
// is cut off, never rounded up, so that no instant is shown before it came.
// The zero value is the year 1, as for time.Time.
type Millis time.Time

// Time gives the instant back, in UTC, with whatever precision it came with.
func (m Millis) Time() time.Time { return time.Time(m).UTC() }

// MillisOrNull is an instant that may be missing: of the zero time, null.
func MillisOrNull(t time.Time) *Millis {
	if t.IsZero() {
		return nil
	}
	m := Millis(t)
	return &m
}

func (m Millis) String() string { return m.Time().Format(millisLayout) }

// MarshalJSON refuses years that RFC 3339 cannot write.
func (m Millis) MarshalJSON() ([]byte, error) {
	t := m.Time()
	if year := t.Year(); year < 0 || year > 9999 {
		return nil, fmt.Errorf("instant in the year %d cannot be written", year)
	}
	text := make([]byte, 0, len(millisLayout)+2)
	text = append(text, '"')
	text = t.AppendFormat(text, millisLayout)
	return append(text, '"'), nil
}

// UnmarshalJSON reads any RFC 3339 instant, so that clients built from the spec
// do not depend on the exact form.
func (m *Millis) UnmarshalJSON(text []byte) error {
	var t time.Time
	if string(text) == "null" {
		return fmt.Errorf("null is no instant")
	}
	if err := t.UnmarshalJSON(text); err != nil {
		return fmt.Errorf("read instant: %w", err)
	}
	*m = Millis(t.UTC())
	return nil
}
