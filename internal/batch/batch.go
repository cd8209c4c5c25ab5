package batch

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/incent-dev/incent/internal/fault"
)

// queueLimit bounds the callers that wait in one lane: past it the server is
// not keeping up, and saying so beats a timeout.
const queueLimit = 20_000

// Lanes is how many batches of one tenant should be under way in a process: one
// for each pair of cores. Two lanes hide the flush of a commit and give a lone
// server on two cores more awards (7,700 a second, where one lane gave 6,600 in
// the run before), but each batch is smaller and an award takes more CPU (218
// microseconds in all, against 203), and two servers beside each other kept 0.74
// of the rate of one, against 0.97 (incent bench, 64 clients).
func Lanes() uint64 { return uint64(min(max(runtime.GOMAXPROCS(0)/2, 1), 4)) }

// Key names a lane. Calls of different tenants never share a transaction.
type Key struct {
	Tenant int64
	Shard  uint32
}

// Result is the outcome of one call.
type Result[R any] struct {
	Value R
	Err   error
}

// Run carries out a batch in one transaction and returns one result per call,
// or an error when the batch as a whole failed and nothing was committed.
// alone is true for the second try of a single call.
type Run[C, R any] func(ctx context.Context, tenant int64, calls []C, alone bool) ([]Result[R], error)

// Turn is waited for before a batch is cut; the batch runs with the context that it
// answers, and then done is called. More calls gather meanwhile.
type Turn func(ctx context.Context, tenant int64, shard uint32) (_ context.Context, done func())

// Group is a set of lanes around one run function. Make it with New.
type Group[C, R any] struct {
	run   Run[C, R]
	turn  Turn
	limit int
	ctx   context.Context
	stop  context.CancelFunc

	mu     sync.Mutex
	lanes  map[Key]*lane[C, R]
	closed bool
	busy   sync.WaitGroup
}

type lane[C, R any] struct {
	waiting []*call[C, R]
}

type call[C, R any] struct {
	ctx  context.Context
	cmd  C
	done chan Result[R]

	// decided: its batch has begun, or its caller has left; whichever was first.
	decided atomic.Bool
}

// New makes a group whose batches hold at most limit calls. Batches of a lane take
// turns with those of other processes if turn is not nil.
func New[C, R any](limit int, turn Turn, run Run[C, R]) *Group[C, R] {
	if turn == nil {
		turn = func(ctx context.Context, _ int64, _ uint32) (context.Context, func()) { return ctx, func() {} }
	}
	ctx, stop := context.WithCancel(context.Background())
	return &Group[C, R]{run: run, turn: turn, limit: limit, ctx: ctx, stop: stop, lanes: map[Key]*lane[C, R]{}}
}

// Do joins the lane and returns the outcome of cmd. When ctx ends before its batch
// has begun, cmd does not run, and the error is ctx's; when it ends later, cmd may
// still take effect, which the error says: the caller learns that only by its
// idempotency key.
func (g *Group[C, R]) Do(ctx context.Context, key Key, cmd C) (R, error) {
	var zero R
	c := &call[C, R]{ctx: ctx, cmd: cmd, done: make(chan Result[R], 1)}
	if err := g.join(key, c); err != nil {
		return zero, err
	}
	select {
	case r := <-c.done:
		return r.Value, r.Err
	case <-ctx.Done():
		if c.decided.CompareAndSwap(false, true) {
			return zero, ctx.Err()
		}
		return zero, fault.New(fault.Unavailable, fault.CodeUnavailable,
			"The request takes too long to be stored. It may or may not take effect; repeat it with the same Idempotency-Key to be sure").Because(ctx.Err())
	}
}

func (g *Group[C, R]) join(key Key, c *call[C, R]) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return fault.New(fault.Unavailable, fault.CodeUnavailable, "The server is stopping")
	}
	l, running := g.lanes[key]
	if !running {
		l = &lane[C, R]{}
		g.lanes[key] = l
		g.busy.Add(1)
		go g.drain(key, l)
	}
	if len(l.waiting) >= queueLimit {
		return fault.New(fault.Unavailable, fault.CodeUnavailable, "Too many requests are waiting; please slow down")
	}
	l.waiting = append(l.waiting, c)
	return nil
}

// drain serves one lane until it is empty, then ends.
func (g *Group[C, R]) drain(key Key, l *lane[C, R]) {
	defer g.busy.Done()
	for {
		g.mu.Lock()
		if len(l.waiting) == 0 {
			delete(g.lanes, key)
			g.mu.Unlock()
			return
		}
		g.mu.Unlock()
		g.next(key, l)
	}
}

// next serves one batch of a lane, in its turn.
func (g *Group[C, R]) next(key Key, l *lane[C, R]) {
	ctx, done := g.turn(g.ctx, key.Tenant, key.Shard)
	defer done()
	g.mu.Lock()
	n := min(len(l.waiting), g.limit)
	batch := l.waiting[:n:n]
	l.waiting = l.waiting[n:]
	g.mu.Unlock()
	g.serve(ctx, key.Tenant, live(batch))
}

// live leaves out the calls whose callers have gone.
func live[C, R any](batch []*call[C, R]) []*call[C, R] {
	kept := batch[:0]
	for _, c := range batch {
		if err := c.ctx.Err(); err != nil {
			c.done <- Result[R]{Err: err}
			continue
		}
		if !c.decided.CompareAndSwap(false, true) {
			continue // has just gone
		}
		kept = append(kept, c)
	}
	return kept
}

func (g *Group[C, R]) serve(ctx context.Context, tenant int64, batch []*call[C, R]) {
	if len(batch) == 0 {
		return
	}
	cmds := make([]C, len(batch))
	for i, c := range batch {
		cmds[i] = c.cmd
	}
	results, err := g.run(ctx, tenant, cmds, len(batch) == 1)
	if err == nil {
		for i, c := range batch {
			c.done <- results[i]
		}
		return
	}
	if len(batch) == 1 || fault.As(err) != nil {
		for _, c := range batch {
			c.done <- Result[R]{Err: err}
		}
		return
	}
	for _, c := range batch {
		g.serve(ctx, tenant, []*call[C, R]{c})
	}
}

// Close refuses new calls and waits until those that wait are answered, or
// until ctx ends, when what still runs is cancelled.
func (g *Group[C, R]) Close(ctx context.Context) {
	g.mu.Lock()
	g.closed = true
	g.mu.Unlock()
	idle := make(chan struct{})
	go func() { g.busy.Wait(); close(idle) }()
	select {
	case <-idle:
	case <-ctx.Done():
		g.stop()
		<-idle
	}
	g.stop()
}
