package ledger

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/incent-dev/incent/internal/fault"
	"github.com/incent-dev/incent/internal/once"
	"github.com/incent-dev/incent/internal/pg"
	"github.com/incent-dev/incent/internal/pgtest"
)

// TestLostCommits loses the answers to COMMITs, of which half took effect. A
// keyed command comes to exactly one effect all the same; one without a key is
// told that nothing is known, and is never doubled.
func TestLostCommits(t *testing.T) {
	t.Parallel()
	p, url := startProxy(t)
	l := openLedger(t, url)
	for _, through := range []struct {
		name string
		post func(ctx context.Context, tenantID int64, c Command, k *once.Ticket) error
	}{
		{"one by one", func(ctx context.Context, tenantID int64, c Command, k *once.Ticket) error {
			_, err := l.Post(ctx, tenantID, c, k)
			return err
		}},
		{"in one request", func(ctx context.Context, tenantID int64, c Command, k *once.Ticket) error {
			_, err := l.PostMany(ctx, tenantID, []Command{c}, many(k))
			return err
		}},
	} {
		t.Run(through.name, func(t *testing.T) {
			p.every.Store(0)
			made := pgtest.Tenant(t)
			for _, member := range []string{"keyed", "not keyed"} {
				must(t, through.post(t.Context(), made.ID, Command{Op: OpAward, Member: member, Asset: Points, Amount: 1}, nil))
			}
			p.every.Store(3)
			var told, unknown atomic.Int64
			var busy sync.WaitGroup
			for i := range 120 {
				busy.Go(func() {
					c := Command{Op: OpAward, Member: "keyed", Asset: Points, Amount: 1}
					k := ticket(fmt.Sprint(through.name, i), "award 1")
					if i%2 == 1 {
						c.Member, k = "not keyed", nil
					}
					err := through.post(t.Context(), made.ID, c, k)
					var replay *once.Replay
					switch {
					case k != nil && (err == nil || errors.As(err, &replay)):
					case k == nil && err == nil:
						told.Add(1)
					case k == nil && fault.Is(err, fault.CodeUnavailable) && errors.Is(err, pg.ErrCommitUnknown):
						unknown.Add(1)
					default:
						t.Errorf("command %d: %v", i, err)
					}
				})
			}
			busy.Wait()
			p.every.Store(0)
			holds := func(member string) int64 {
				h, err := l.Balance(t.Context(), made.ID, member, Points)
				must(t, err)
				return h.Available - 1
			}
			if n := holds("keyed"); n != 60 {
				t.Errorf("60 keyed awards of 1 came to %d", n)
			}
			if n := holds("not keyed"); n < told.Load() || n > told.Load()+unknown.Load() || told.Load()+unknown.Load() != 60 {
				t.Errorf("of 60 awards %d were told to succeed and %d to be unknown; they came to %d", told.Load(), unknown.Load(), n)
			}
			auditClean(t, made.ID)
		})
	}
	if p.lost.Load() < 4 || p.applied.Load() < 2 {
		t.Errorf("only %d commits were lost, %d of them had taken effect", p.lost.Load(), p.applied.Load())
	}
}

// many makes a ticket of one command that of a request with one command.
func many(k *once.Ticket) *once.Ticket {
	if k == nil {
		return nil
	}
	one := k.Render
	k.Render = func(value any, refusal error) once.Stored { return one(value.([]Result)[0].Outcome, refusal) }
	return k
}

// TestLostCommitsOneAtATime knows of each lost commit whether it took effect.
func TestLostCommitsOneAtATime(t *testing.T) {
	t.Parallel()
	p, url := startProxy(t)
	l := openLedger(t, url)
	made := pgtest.Tenant(t)
	award := Command{Op: OpAward, Member: "ann", Asset: Points, Amount: 1}
	_, err := l.Post(t.Context(), made.ID, award, nil)
	must(t, err)
	want := int64(1)
	for i := range 20 {
		k := ticket(fmt.Sprint(i), "award 1")
		if i%4 >= 2 {
			k = nil
		}
		applied := p.applied.Load()
		// The next COMMIT is lost, and for a keyed command those after it are not.
		p.every.Store(p.commits.Add(100) + 1)
		_, err := l.Post(t.Context(), made.ID, award, k)
		p.every.Store(0)
		switch {
		case k == nil && !fault.Is(err, fault.CodeUnavailable):
			t.Errorf("award %d: %v", i, err)
		case k != nil && string(answer(k, err)) != fmt.Sprint(want+1):
			t.Errorf("award %d: %q %v, want %d", i, answer(k, err), err, want+1)
		}
		if k != nil || p.applied.Load() > applied {
			want++
		}
		if h, err := l.Balance(t.Context(), made.ID, "ann", Points); err != nil || h.Available != want {
			t.Fatalf("after award %d: %+v %v, want %d", i, h, err, want)
		}
	}
	if p.lost.Load() != 20 || p.applied.Load() != 10 {
		t.Errorf("%d commits were lost, %d of them had taken effect", p.lost.Load(), p.applied.Load())
	}
	auditClean(t, made.ID)
}
