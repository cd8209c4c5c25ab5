package crash

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/incent-dev/incent/internal/store"
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
	warmUpPatience = 3 * time.Second
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
			continue
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
		} else if e.Op == opRedeem && e.answer.ok() && e.Item != "" {
			r.note(e)
		}
	}
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

// note remembers a physical order, so that it can be moved.
func (r *round) note(e *entry) {
	i := slices.IndexFunc(wares, func(w ware) bool { return w.id == e.Item })
	if wares[i].kind == store.Physical {
		if t, err := e.told(); err == nil {
			r.journal.ordered(t.Order)
		}
	}
}

// draw makes up a request; nil when there is nothing to do it with yet.
func (r *round) draw(rng *rand.Rand, n, i int) *entry {
	key := fmt.Sprintf("crash-%d-%d-%d", r.n, n, i)
	dice := rng.IntN(100)
	if i < 2*members/clients+1 { // everybody begins with something to spend
		dice = 0
	}
	switch {
	case dice < 40:
		return r.drawAward(rng, key, n, i)
	case dice < 47:
		return r.drawBulk(rng, key)
	case dice < 63:
		member, points := member(rng), 1+rng.Int64N(200)
		if rng.IntN(40) == 0 {
			member = "nobody"
		}
		body := map[string]any{"member_id": member, "points": points, "reason": "correction", "reference": key}
		return post(opDeduct, "/points/deduct", key, body, entry{Member: member, Points: points})
	case dice < 87:
		return r.drawRedeem(rng, key)
	}
	order := r.journal.order(rng.IntN)
	if order == "" {
		return nil
	}
	to := []string{"cancelled", "cancelled", "cancelled", "cancelled", "processing", "shipped"}[rng.IntN(6)]
	e := post(opMove, "/orders/"+order, key, map[string]any{"status": to}, entry{Order: order, To: to})
	e.Method = http.MethodPatch
	return e
}

func member(rng *rand.Rand) string {
	if rng.IntN(3) == 0 {
		return fmt.Sprintf("member-%d", rng.IntN(favourites))
	}
	return fmt.Sprintf("member-%d", rng.IntN(members))
}

func (r *round) drawAward(rng *rand.Rand, key string, n, i int) *entry {
	member, points := member(rng), 50+rng.Int64N(400)
	switch {
	case i < 2*members/clients+1:
		member = fmt.Sprintf("member-%d", (n+i*clients)%members)
	case rng.IntN(12) == 0:
		member = fmt.Sprintf("joined-%d-%d", n, i)
	}
	body := map[string]any{"member_id": member, "points": points, "reason": "work", "reference": key}
	return post(opAward, "/points/award", key, body, entry{Member: member, Points: points})
}

func (r *round) drawBulk(rng *rand.Rand, key string) *entry {
	awards := make([]award, 2+rng.IntN(20))
	for i := range awards {
		awards[i] = award{Member: member(rng), Points: 1 + rng.Int64N(100), Reason: "bonus", Ref: fmt.Sprintf("%s.%d", key, i)}
		if rng.IntN(15) == 0 {
			awards[i].Points = 0 // refused by itself
		}
	}
	return post(opBulk, "/points/award/bulk", key, map[string]any{"awards": awards}, entry{Awards: awards})
}

func (r *round) drawRedeem(rng *rand.Rand, key string) *entry {
	w, member, units := wares[rng.IntN(len(wares))], member(rng), 1
	if rng.IntN(6) == 0 {
		units = 2 + rng.IntN(2)
	}
	body := map[string]any{"member_id": member, "reward_id": w.id, "quantity": units}
	if w.kind == store.Physical {
		body["shipping_address"] = map[string]string{
			"name": "A. Member", "line1": "1 Main Street", "city": "Springfield", "postal_code": "12345", "country": "US",
		}
	}
	return post(opRedeem, "/rewards/redeem", key, body, entry{Member: member, Item: w.id, Units: units})
}

func post(o op, path, key string, body any, asked entry) *entry {
	text, err := json.Marshal(body)
	if err != nil {
		panic(err) // strings and numbers: cannot fail
	}
	asked.Op, asked.Method, asked.Path, asked.Key, asked.Body = o, http.MethodPost, path, key, text
	return &asked
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
