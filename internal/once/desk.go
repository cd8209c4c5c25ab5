package once

import (
	"context"
	"sync"
	"time"
)

// twinPatience is how long a request waits for another one with the same key.
const twinPatience = 2 * time.Second

// Desk lets one request per key into this process at a time. Its zero value is
// ready.
type Desk struct {
	mu      sync.Mutex
	running map[slot]chan struct{}
}

type slot struct {
	tenant int64
	key    string
}

// Enter waits until no request of this key runs and returns the function that
// leaves, or the fault of a twin that takes too long.
func (d *Desk) Enter(ctx context.Context, tenant int64, key string) (leave func(), err error) {
	s := slot{tenant, key}
	var patience <-chan time.Time
	for {
		gone, free := d.take(s)
		if free {
			return func() { d.leave(s, gone) }, nil
		}
		if patience == nil {
			timer := time.NewTimer(twinPatience)
			defer timer.Stop()
			patience = timer.C
		}
		select {
		case <-gone:
		case <-patience:
			return nil, inProgress()
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func (d *Desk) take(s slot) (gone chan struct{}, free bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if twin, taken := d.running[s]; taken {
		return twin, false
	}
	if d.running == nil {
		d.running = map[slot]chan struct{}{}
	}
	gone = make(chan struct{})
	d.running[s] = gone
	return gone, true
}

func (d *Desk) leave(s slot, gone chan struct{}) {
	d.mu.Lock()
	delete(d.running, s)
	d.mu.Unlock()
	close(gone)
}
