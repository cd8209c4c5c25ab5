package httpapi

import (
	"strings"
	"time"

	"github.com/incent-dev/incent/internal/fault"
)

// DefaultLimit is the length of a page that asks for none.
const DefaultLimit = 25

// Page reads optional page parameters; the contract has checked their limits.
func Page[N ~int | ~int32 | ~int64](page, limit *N) (number, size int) {
	number, size = 1, DefaultLimit
	if page != nil {
		number = int(*page)
	}
	if limit != nil {
		size = int(*limit)
	}
	return number, size
}

// Span reads optional from and to parameters. Both are inclusive: a bare date
// is the whole day in UTC, an instant is the whole of its last written digit,
// so that what a list shows can be asked for again. Zero times are open ends.
func Span(from, to *string) (start, end time.Time, err error) {
	if from != nil {
		if start, _, err = instants("from", *from); err != nil {
			return start, end, err
		}
	}
	if to != nil {
		if _, end, err = instants("to", *to); err != nil {
			return start, end, err
		}
	}
	return start, end, nil
}

// Instant reads one optional instant: of a bare date its beginning. The zero time
// is none.
func Instant(name string, text *string) (at time.Time, err error) {
	if text != nil {
		at, _, err = instants(name, *text)
	}
	return at, err
}

func instants(name, text string) (first, last time.Time, err error) {
	const tick = time.Microsecond // the database's resolution
	if day, err := time.Parse(time.DateOnly, text); err == nil {
		return day, day.Add(24*time.Hour - tick), nil
	}
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil || at.Year() < 1 || at.Year() > 9998 {
		return at, at, fault.Field(name, "must be a date (2024-06-15) or an RFC 3339 instant (2024-06-15T14:30:00Z)")
	}
	step := time.Second
	if _, fraction, found := strings.Cut(text, "."); found {
		for _, digit := range fraction {
			if digit < '0' || digit > '9' {
				break
			}
			step /= 10
		}
	}
	at = at.UTC()
	return at, at.Add(max(step-tick, 0)), nil
}
