package bench

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

// load is requests of one kind.
type load struct {
	template template
	clients  int
	per      int    // units of work in a request
	says     []byte // what an answer must contain to count; nil: a 2xx will do

	// Members are first, first+stride, ... : so many of them, drawn evenly.
	first, stride, members int64

	codes int64 // how many there are; a member always meets the same one
}

// serial makes idempotency keys that no request of this process used before.
var serial atomic.Uint64

// fill puts another member, or another key, into each place of a request.
func (l *load) fill(c *client, random *rand.Rand) {
	var member int64
	for _, at := range c.request.members {
		member = l.draw(random)
		put(c.request.text[at:at+len(memberDigits)], uint64(member))
	}
	for _, at := range c.request.codes {
		if len(c.request.members) == 0 {
			member = l.draw(random)
		}
		put(c.request.text[at:at+len(codeDigits)], uint64(1+member%l.codes))
	}
	for _, at := range c.request.keys {
		put(c.request.text[at:at+len(keyDigits)], serial.Add(1))
	}
}

func (l *load) draw(random *rand.Rand) int64 { return l.first + l.stride*random.Int64N(l.members) }

// visit sends just enough requests that every member was in one, in order.
func (l *load) visit(ctx context.Context, address string) error {
	c, err := dial(ctx, address, l.template)
	if err != nil {
		return err
	}
	defer c.conn.Close()
	defer context.AfterFunc(ctx, func() { _ = c.conn.Close() })()
	for i := int64(0); i < l.members; {
		for _, at := range c.request.members {
			put(c.request.text[at:at+len(memberDigits)], uint64(l.first+l.stride*(i%l.members)))
			i++
		}
		if err := l.send(c); err != nil {
			return err
		}
	}
	return nil
}

// send sends one request and wants it to have worked.
func (l *load) send(c *client) error {
	status, body, err := c.do()
	if err != nil {
		return fmt.Errorf("request: %w", err)
	}
	if status < 200 || status > 299 || l.says != nil && !bytes.Contains(body, l.says) {
		return fmt.Errorf("answer %d: %.300s", status, body)
	}
	return nil
}

// window is when a load is measured: after everybody has warmed up.
type window struct{ from, to time.Time }

// drive sends a load to the addresses, its clients split evenly, and calls
// begin and end at the edges of the window. It returns the latencies of all
// requests answered within, ascending.
func (l *load) drive(ctx context.Context, addresses []string, warm, length time.Duration, begin, end func() error) ([]time.Duration, error) {
	clients := make([]*client, l.clients)
	for i := range clients {
		c, err := dial(ctx, addresses[i%len(addresses)], l.template)
		if err != nil {
			return nil, err
		}
		defer c.conn.Close()
		clients[i] = c
	}
	now := time.Now()
	w := window{now.Add(warm), now.Add(warm + length)}
	g, driving := errgroup.WithContext(ctx)
	// A client that waits for an answer only hears of the end by its connection.
	stop := context.AfterFunc(driving, func() {
		for _, c := range clients {
			_ = c.conn.SetDeadline(time.Unix(1, 0))
		}
	})
	defer stop()
	var mu sync.Mutex
	var all []time.Duration
	for i, c := range clients {
		_ = c.conn.SetDeadline(w.to.Add(ioTimeout))
		g.Go(func() error {
			took, err := l.loop(c, w, rand.New(rand.NewPCG(uint64(i), serial.Add(1))))
			mu.Lock()
			defer mu.Unlock()
			all = append(all, took...)
			return err
		})
	}
	g.Go(func() error { return at(driving, w.from, begin) })
	g.Go(func() error { return at(driving, w.to, end) })
	if err := g.Wait(); err != nil {
		return nil, err
	}
	slices.Sort(all)
	return all, nil
}

// at calls f when the instant has come, unless ctx ends before.
func at(ctx context.Context, instant time.Time, f func() error) error {
	timer := time.NewTimer(time.Until(instant))
	defer timer.Stop()
	select {
	case <-timer.C:
		return f()
	case <-ctx.Done():
		return ctx.Err()
	}
}

// loop is one client, from now until the window closes.
func (l *load) loop(c *client, w window, random *rand.Rand) ([]time.Duration, error) {
	took := make([]time.Duration, 0, 1<<14)
	sent := time.Now()
	for {
		l.fill(c, random)
		if err := l.send(c); err != nil {
			return nil, err
		}
		answered := time.Now()
		if answered.After(w.to) {
			return took, nil
		}
		if answered.After(w.from) {
			took = append(took, answered.Sub(sent))
		}
		sent = answered
	}
}

// percentile of ascending latencies.
func percentile(sorted []time.Duration, p int) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[min(len(sorted)*p/100, len(sorted)-1)]
}
