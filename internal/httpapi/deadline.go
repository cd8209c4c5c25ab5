package httpapi

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/incent-dev/incent/internal/pg"
)

// deadlines gives all requests that begin within the same second one context
// to share: a timer and a cancellation per request cost as much as reading its
// body does. What a request does is therefore not cut short when its caller
// hangs up: a mutation under way is better finished than left unknown. The zero
// value is ready.
type deadlines struct {
	current atomic.Pointer[sharedDeadline]
}

type sharedDeadline struct {
	context.Context
	free context.CancelFunc // for vet; the timer frees it as well
	made time.Time
}

const deadlineGrain = time.Second

func (d *deadlines) context() context.Context {
	now, shared := pg.Now(), d.current.Load()
	if shared == nil || now.Sub(shared.made) >= deadlineGrain {
		ctx, free := context.WithTimeout(context.Background(), requestDeadline)
		shared = &sharedDeadline{ctx, free, now}
		d.current.Store(shared)
	}
	return shared.Context
}
