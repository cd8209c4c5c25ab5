package referral

import (
	"context"
	"strings"
	"sync"

	"github.com/incent-dev/incent/internal/pg"
)

// turns lets the conversions of one code into the database one at a time. They
// would wait there for the same row anyway, each with a connection of its own,
// until connections or patience run out. The zero value is ready. Order between
// servers, and correctness, are the row lock's alone.
type turns struct {
	mu     sync.Mutex
	queues map[turnKey]*queue
}

type turnKey struct {
	tenant int64
	code   string
}

type queue struct {
	turn chan struct{} // full while somebody has it; Go serves those who wait in order
	all  int           // who has it or waits
}

// take waits for the code's turn and returns the function that gives it back.
func (t *turns) take(ctx context.Context, tenantID int64, code string) (giveBack func(), err error) {
	key := turnKey{tenantID, strings.ToUpper(code)}
	t.mu.Lock()
	line := t.queues[key]
	if line == nil {
		if t.queues == nil {
			t.queues = map[turnKey]*queue{}
		}
		line = &queue{turn: make(chan struct{}, 1)}
		t.queues[key] = line
	}
	line.all++
	t.mu.Unlock()
	select {
	case line.turn <- struct{}{}:
		return func() { <-line.turn; t.leave(key, line) }, nil
	case <-ctx.Done():
		t.leave(key, line)
		return nil, pg.Fault(ctx.Err())
	}
}

func (t *turns) leave(key turnKey, line *queue) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if line.all--; line.all == 0 {
		delete(t.queues, key)
	}
}
