package batch

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/incent-dev/incent/internal/fault"
)

var errPoison = errors.New("a row nobody can store")

// press is a run function whose batches the test lets through one by one.
type press struct {
	begun chan []string // a batch has begun
	let   chan struct{} // it may end

	mu      sync.Mutex
	running int
	most    int
}

func newPress() *press {
	return &press{begun: make(chan []string), let: make(chan struct{})}
}

func (p *press) run(_ context.Context, _ int64, calls []string, alone bool) ([]Result[string], error) {
	p.mu.Lock()
	p.running++
	p.most = max(p.most, p.running)
	p.mu.Unlock()
	p.begun <- slices.Clone(calls)
	<-p.let
	p.mu.Lock()
	p.running--
	p.mu.Unlock()
	if slices.Contains(calls, "poison") {
		return nil, errPoison
	}
	if slices.Contains(calls, "storm") {
		return nil, fault.New(fault.Unavailable, fault.CodeUnavailable, "The database is away")
	}
	results := make([]Result[string], len(calls))
	for i, c := range calls {
		results[i].Value = fmt.Sprintf("%s of %d, alone %t", c, len(calls), alone)
	}
	return results, nil
}

// pass lets one batch through and returns its calls.
func (p *press) pass() []string {
	calls := <-p.begun
	p.let <- struct{}{}
	return calls
}

// asked is one call under way.
type asked struct {
	value string
	err   error
	done  chan struct{}
}

// ask sends a call and returns when it stands in its lane: waiting is how many
// calls wait there with it.
func ask(ctx context.Context, t *testing.T, g *Group[string, string], key Key, command string, waiting int) *asked {
	t.Helper()
	a := &asked{done: make(chan struct{})}
	go func() {
		defer close(a.done)
		a.value, a.err = g.Do(ctx, key, command)
	}()
	for g.waiting(key) < waiting {
		select {
		case <-a.done:
			t.Fatalf("%s was answered before it waited: %q, %v", command, a.value, a.err)
		default:
		}
	}
	return a
}

func (g *Group[C, R]) waiting(key Key) int {
	g.mu.Lock()
	defer g.mu.Unlock()
	if l := g.lanes[key]; l != nil {
		return len(l.waiting)
	}
	return 0
}

func (a *asked) want(t *testing.T, value string, err error) {
	t.Helper()
	<-a.done
	if a.value != value || !errors.Is(a.err, err) {
		t.Errorf("got %q, %v; want %q, %v", a.value, a.err, value, err)
	}
}

// Calls that come while a batch runs go together, in order, as many as a batch
// may hold.
func TestGathersWhileABatchRuns(t *testing.T) {
	p, ctx, key := newPress(), context.Background(), Key{Tenant: 1}
	g := New(2, nil, p.run)
	defer g.Close(ctx)
	first := ask(ctx, t, g, key, "a", 0)
	if got := <-p.begun; !slices.Equal(got, []string{"a"}) {
		t.Fatalf("a lone call went as %q", got)
	}
	b, c, d := ask(ctx, t, g, key, "b", 1), ask(ctx, t, g, key, "c", 2), ask(ctx, t, g, key, "d", 3)
	select {
	case <-first.done:
		t.Fatal("answered before its batch ended")
	default:
	}
	p.let <- struct{}{}
	first.want(t, "a of 1, alone true", nil)
	if got := p.pass(); !slices.Equal(got, []string{"b", "c"}) {
		t.Errorf("the second batch is %q", got)
	}
	if got := p.pass(); !slices.Equal(got, []string{"d"}) {
		t.Errorf("the third batch is %q", got)
	}
	b.want(t, "b of 2, alone false", nil)
	c.want(t, "c of 2, alone false", nil)
	d.want(t, "d of 1, alone true", nil)
	if p.most != 1 {
		t.Errorf("%d batches of one lane ran at a time", p.most)
	}
}

// Lanes do not wait for each other.
func TestLanesAreIndependent(t *testing.T) {
	p, ctx := newPress(), context.Background()
	g := New(8, nil, p.run)
	defer g.Close(ctx)
	one := ask(ctx, t, g, Key{Tenant: 1}, "a", 0)
	<-p.begun
	two := ask(ctx, t, g, Key{Tenant: 2}, "b", 0)
	<-p.begun // while the first still runs
	p.let <- struct{}{}
	p.let <- struct{}{}
	one.want(t, "a of 1, alone true", nil)
	two.want(t, "b of 1, alone true", nil)
}

// One command that cannot be stored fails alone; what concerns all fails all.
func TestPoisonFailsAlone(t *testing.T) {
	p, ctx, key := newPress(), context.Background(), Key{Tenant: 1}
	g := New(8, nil, p.run)
	defer g.Close(ctx)
	first := ask(ctx, t, g, key, "a", 0)
	<-p.begun
	b, bad, c := ask(ctx, t, g, key, "b", 1), ask(ctx, t, g, key, "poison", 2), ask(ctx, t, g, key, "c", 3)
	p.let <- struct{}{}
	for range 4 { // all three, then each
		p.pass()
	}
	first.want(t, "a of 1, alone true", nil)
	b.want(t, "b of 1, alone true", nil)
	bad.want(t, "", errPoison)
	c.want(t, "c of 1, alone true", nil)

	hold := ask(ctx, t, g, key, "d", 0)
	<-p.begun
	e, storm := ask(ctx, t, g, key, "e", 1), ask(ctx, t, g, key, "storm", 2)
	p.let <- struct{}{}
	p.pass() // not tried again one by one
	hold.want(t, "d of 1, alone true", nil)
	for _, a := range []*asked{e, storm} {
		<-a.done
		if !fault.Is(a.err, fault.CodeUnavailable) {
			t.Errorf("got %v", a.err)
		}
	}
}

// A caller that left before its batch began is not served; one that leaves
// later is, and does not hear of it.
func TestCallersThatLeave(t *testing.T) {
	p, ctx, key := newPress(), context.Background(), Key{Tenant: 1}
	g := New(8, nil, p.run)
	defer g.Close(ctx)
	early, leaveEarly := context.WithCancel(ctx)
	late, leaveLate := context.WithCancel(ctx)
	first := ask(late, t, g, key, "a", 0)
	<-p.begun
	gone := ask(early, t, g, key, "b", 1)
	stays := ask(ctx, t, g, key, "c", 2)
	leaveEarly()
	gone.want(t, "", context.Canceled)
	leaveLate()
	first.want(t, "", context.Canceled)
	if fault.Is(gone.err, fault.CodeUnavailable) || !fault.Is(first.err, fault.CodeUnavailable) || !strings.Contains(first.err.Error(), "may or may not") {
		t.Errorf("who left early is told %v, who left late %v", gone.err, first.err)
	}
	p.let <- struct{}{}
	if got := p.pass(); !slices.Equal(got, []string{"c"}) {
		t.Errorf("the second batch is %q", got)
	}
	stays.want(t, "c of 1, alone true", nil)
}

// Close answers those that wait and refuses those that come.
func TestClose(t *testing.T) {
	p, ctx, key := newPress(), context.Background(), Key{Tenant: 1}
	g := New(8, nil, p.run)
	first := ask(ctx, t, g, key, "a", 0)
	<-p.begun
	second := ask(ctx, t, g, key, "b", 1)
	closed := make(chan struct{})
	go func() { g.Close(ctx); close(closed) }()
	p.let <- struct{}{}
	p.pass()
	first.want(t, "a of 1, alone true", nil)
	second.want(t, "b of 1, alone true", nil)
	<-closed
	if _, err := g.Do(ctx, key, "c"); !fault.Is(err, fault.CodeUnavailable) {
		t.Errorf("after Close: %v", err)
	}
	if len(g.lanes) != 0 {
		t.Errorf("%d lanes are left", len(g.lanes))
	}
}

// A lane takes so many and no more; nothing of what waits is dropped.
func TestQueueIsBounded(t *testing.T) {
	p, ctx, key := newPress(), context.Background(), Key{Tenant: 1}
	g := New(queueLimit, nil, p.run)
	defer g.Close(ctx)
	first := ask(ctx, t, g, key, "a", 0)
	<-p.begun
	g.mu.Lock()
	lane := g.lanes[key]
	for range queueLimit {
		lane.waiting = append(lane.waiting, &call[string, string]{ctx: ctx, cmd: "b", done: make(chan Result[string], 1)})
	}
	waiting := slices.Clone(lane.waiting)
	g.mu.Unlock()
	if _, err := g.Do(ctx, key, "c"); !fault.Is(err, fault.CodeUnavailable) {
		t.Errorf("past the bound: %v", err)
	}
	p.let <- struct{}{}
	p.pass()
	first.want(t, "a of 1, alone true", nil)
	for _, c := range waiting {
		if r := <-c.done; r.Err != nil {
			t.Fatal(r.Err)
		}
	}
}
