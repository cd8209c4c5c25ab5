package referral

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/incent-dev/incent/internal/fault"
)

// Many take turns on few codes at once, some of them with no patience: one is
// inside a code at a time, in any spelling of it, tenants do not meet, and nothing
// is left behind.
func TestTurnsAtOnce(t *testing.T) {
	t.Parallel()
	var line turns
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	var inside [2][3]atomic.Int32
	var all sync.WaitGroup
	for i := range 600 {
		all.Go(func() {
			tenantID, code := i%2, i%3
			ctx, spelt := t.Context(), fmt.Sprint("code", code)
			if i%5 == 0 {
				spelt = fmt.Sprint("CODE", code)
			}
			if i%7 == 0 {
				ctx = gone
			}
			giveBack, err := line.take(ctx, int64(tenantID), spelt)
			if err != nil {
				if i%7 != 0 {
					t.Error(err)
				}
				return
			}
			if n := inside[tenantID][code].Add(1); n != 1 {
				t.Errorf("%d are inside %s", n, spelt)
			}
			inside[tenantID][code].Add(-1)
			giveBack()
		})
	}
	all.Wait()
	if len(line.queues) != 0 {
		t.Errorf("%d queues are left", len(line.queues))
	}
}

// Who waits in vain leaves the line, and the next in it has its turn.
func TestTurnGivenUp(t *testing.T) {
	t.Parallel()
	var line turns
	first, err := line.take(t.Context(), 1, "a")
	if err != nil {
		t.Fatal(err)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := line.take(gone, 1, "A"); err == nil || fault.As(err) != nil && fault.As(err).Kind != fault.Unavailable {
		t.Errorf("the turn is taken, and had: %v", err)
	}
	if _, err := line.take(t.Context(), 2, "a"); err != nil {
		t.Errorf("another tenant waits: %v", err)
	}
	first()
	if again, err := line.take(t.Context(), 1, "a"); err != nil {
		t.Error(err)
	} else {
		again()
	}
}
