package wire_test

import (
	"encoding/json"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/incent-dev/incent/internal/wire"
)

func TestMillisAlwaysHasThreeDigitsAndZ(t *testing.T) {
	berlin := time.FixedZone("CEST", 2*60*60)
	for want, instant := range map[string]time.Time{
		`"2026-06-18T12:00:00.000Z"`: time.Date(2026, 6, 18, 12, 0, 0, 0, time.UTC),
		`"2026-06-18T12:00:00.100Z"`: time.Date(2026, 6, 18, 14, 0, 0, 100_000_000, berlin),
		`"2026-06-18T12:00:00.999Z"`: time.Date(2026, 6, 18, 12, 0, 0, 999_999_999, time.UTC),
		`"0001-01-01T00:00:00.000Z"`: {},
		`"9999-12-31T23:59:59.999Z"`: time.Date(9999, 12, 31, 23, 59, 59, 999_000_000, time.UTC),
	} {
		got, err := json.Marshal(wire.Millis(instant))
		if err != nil || string(got) != want {
			t.Errorf("%v: got %s, %v; want %s", instant, got, err, want)
		}
	}
}

func TestMillisRefusesWhatItCannotWriteOrRead(t *testing.T) {
	if text, err := json.Marshal(wire.Millis(time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC))); err == nil {
		t.Errorf("year 10000 was written as %s", text)
	}
	for _, text := range []string{`null`, `""`, `"2026-06-18"`, `"yesterday"`, `1`, `{}`} {
		m := new(wire.Millis)
		if err := m.UnmarshalJSON([]byte(text)); err == nil {
			t.Errorf("%s was read as %v", text, m)
		}
	}
}

func TestMillisReadsBackWhatItWrote(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		milli := rapid.Int64Range(0, 253402300799999).Draw(t, "milli")
		instant := wire.Millis(time.UnixMilli(milli))
		text, err := json.Marshal(instant)
		if err != nil {
			t.Fatal(err)
		}
		var back wire.Millis
		if err := json.Unmarshal(text, &back); err != nil {
			t.Fatal(err)
		}
		if !back.Time().Equal(instant.Time()) || back.String() != instant.String() {
			t.Fatalf("%s came back as %s", instant, back)
		}
	})
}
