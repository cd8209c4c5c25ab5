package referral

import "time"

// instant reads a column that may be null: the zero time stands for it.
func instant(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.UTC()
}

func nullable(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// clampSkip keeps an offset within SQL's integer; nothing lies beyond it.
func clampSkip(skip int) int32 { return int32(min(skip, 1<<31-1)) }
