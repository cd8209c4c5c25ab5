package webhook

import (
	"context"
	"sync"
	"time"

	"github.com/incent-dev/incent/internal/pg"
)

// perSecond bounds the deliveries of one process, over all endpoints. An attempt
// costs more than the award that it tells of, and callers come first: what has to
// wait is in the feed. Several processes deliver so much more.
const perSecond = 1000

// pace spaces out what a process sends. Its zero value is ready.
type pace struct {
	mu   sync.Mutex
	next time.Time // when the next chunk may begin
}

// reserve gives n deliveries their time and tells how long it is until then.
func (p *pace) reserve(n int, now time.Time) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.next.Before(now) {
		p.next = now
	}
	wait := p.next.Sub(now)
	p.next = p.next.Add(time.Duration(n) * time.Second / perSecond)
	return wait
}

// paced waits until a chunk may be sent, or this process stops.
func (h *Hooks) paced(ctx context.Context, n int) {
	timer := time.NewTimer(h.pace.reserve(n, pg.Now()))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	case <-h.closing:
	}
}
