package crash

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"
)

// round is one tenant's life on one site.
type round struct {
	n       int
	site    *site
	shop    *shop
	plan    plan
	seed    uint64
	client  *client
	journal journal
}

// members is how many people there are from the start; the first few are wanted
// by everybody. Others join under way.
const (
	members    = 40
	favourites = 4
)

const (
	warmUpAnswers  = 100
	warmUpPatience = 30 * time.Second
)

// live runs the load and, beside it, the plan.
func (r *round) live(ctx context.Context) error {
	load, stop := context.WithCancel(ctx)
	defer stop()
	var working sync.WaitGroup
	for n := range clients {
		working.Go(func() { r.work(ctx, load, n) })
	}
	rng := rand.New(rand.NewPCG(r.seed, uint64(r.n)<<32))
	var err error
	for _, k := range r.plan.kills {
		r.warmUp(ctx)
		pause(ctx, k.after)
		if err = r.site.strike(ctx, k, rng); err != nil {
			err = fmt.Errorf("after killing %v: %w", k, err)
			break
		}
	}
	pause(ctx, lastWords)
	stop()
	working.Wait()
	return errors.Join(err, ctx.Err())
}

// warmUp waits until the load has got going, so that a kill hits more than its
// beginnings on a slow machine too.
func (r *round) warmUp(ctx context.Context) {
	patience, cancel := context.WithTimeout(ctx, warmUpPatience)
	defer cancel()
	for enough := r.client.answered.Load() + warmUpAnswers; r.client.answered.Load() < enough && patience.Err() == nil; {
		pause(patience, pollEvery)
	}
}

// work is one client: it makes requests until the load ends. The request that
// is under way then is still waited for.
func (r *round) work(ctx, load context.Context, n int) {
	rng := rand.New(rand.NewPCG(r.seed^uint64(n+1)<<48, uint64(r.n)))
	for i := 0; load.Err() == nil; i++ {
		e := r.draw(rng, n, i)
		if e == nil {
			continue // there is nothing to do it with yet
		}
		e.twin = rng.IntN(25) == 0
		r.journal.add(e)
		err := r.client.try(ctx, e, rng.IntN(2))
		// Some callers repeat at once, others come back much later: resolve.
		for insists := rng.IntN(2) == 0; err != nil && insists && load.Err() == nil; {
			r.await(load)
			err = r.client.try(ctx, e, rng.IntN(2))
		}
		if err != nil {
			r.await(load)
		} else if e.answer.ok() && e.kind.note != nil {
			e.kind.note(ctx, r, e)
		}
	}
}

// opening is how many awards every client begins with, so that everybody has
// something to spend.
const opening = members/clients + 1

// draw makes up a request of a drawn kind; nil when there is nothing to do it
// with yet.
func (r *round) draw(rng *rand.Rand, n, i int) *entry {
	d := &draft{Rand: rng, client: n, nth: i, key: fmt.Sprintf("crash-%d-%d-%d", r.n, n, i), journal: &r.journal}
	k := &kinds[0]
	if i >= opening {
		dice := rng.IntN(shares)
		for j := range kinds {
			if k = &kinds[j]; dice < k.share {
				break
			}
			dice -= k.share
		}
	}
	e := k.draw(d)
	if e != nil {
		e.kind, e.Op, e.Key = k, k.op, d.key
	}
	return e
}

// await waits until the servers are believed to serve.
func (r *round) await(load context.Context) {
	pause(load, backOff)
	_, up := r.site.state()
	select {
	case <-up:
	case <-load.Done():
	}
}

// resolve repeats every request whose outcome is still unknown until it is
// answered.
func (r *round) resolve(ctx context.Context) error {
	var open []*entry
	for _, e := range r.journal.entries {
		if e.answer == nil {
			open = append(open, e)
		}
	}
	ctx, cancel := context.WithTimeout(ctx, resolvePatience)
	defer cancel()
	queue := make(chan *entry, len(open))
	for _, e := range open {
		queue <- e
	}
	close(queue)
	var working sync.WaitGroup
	errs := make([]error, clients)
	for n := range clients {
		working.Go(func() {
			for e := range queue {
				if err := r.insist(ctx, e, n); err != nil {
					errs[n] = err
				}
			}
		})
	}
	working.Wait()
	return errors.Join(errs...)
}

// insist repeats one request until it is answered.
func (r *round) insist(ctx context.Context, e *entry, n int) error {
	began := time.Now()
	for attempt := n; ; attempt++ {
		err := r.client.try(ctx, e, attempt)
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return fmt.Errorf("%s %s with key %s is not answered after %v: %w", e.Method, e.Path, e.Key, time.Since(began), err)
		}
		pause(ctx, backOff)
	}
}
