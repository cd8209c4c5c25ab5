package leaderboard

import (
	"context"
	"math/rand/v2"
	"slices"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/incent-dev/incent/internal/ledger"
	"github.com/incent-dev/incent/internal/pgtest"
)

// Two servers change the same members' XP in batches while boards are defined,
// read, copied and refreshed: nothing waits in a circle, and in the end the
// boards are what the ledger says.
func TestWritersAtOnce(t *testing.T) {
	t.Parallel()
	owner := newTenant(t)
	servers := []*programme{newProgramme(t, owner, smallRoom), newProgramme(t, owner, smallRoom)}
	g, ctx := errgroup.WithContext(t.Context())
	for writer := range 6 {
		g.Go(func() error {
			roll := rand.New(rand.NewPCG(uint64(writer), 1))
			for range 40 {
				if err := servers[writer%2].random(ctx, roll); err != nil {
					return err
				}
			}
			return nil
		})
	}
	for _, p := range []Period{Daily, Weekly, Monthly} {
		g.Go(func() error {
			_, err := servers[0].boards.Create(ctx, owner.ID, NewBoard{Period: p}, nil)
			return err
		})
	}
	g.Go(func() error { return servers[1].disturb(ctx) })
	must(t, g.Wait())
	servers[0].clean(t)
	var deadlocks int64
	must(t, pgtest.DB().QueryRow(t.Context(), "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()").Scan(&deadlocks))
	if deadlocks > 0 {
		t.Errorf("%d deadlocks", deadlocks)
	}
	before := servers[0].everything(t)
	_, err := servers[1].boards.Refresh(t.Context(), owner.ID, nil)
	must(t, err)
	if after := servers[0].everything(t); !slices.Equal(before, after) {
		t.Errorf("a refresh changed\n%v into\n%v", before, after)
	}
}

// random posts one batch; what is refused is refused.
func (p *programme) random(ctx context.Context, roll *rand.Rand) error {
	commands := make([]ledger.Command, 1+roll.IntN(30))
	for i := range commands {
		commands[i] = ledger.Command{Op: ledger.OpAward, Member: name(roll.IntN(100)), Asset: ledger.XP, Amount: 1 + roll.Int64N(4)}
		if roll.IntN(4) == 0 {
			commands[i].Op = ledger.OpDeduct
		}
	}
	_, err := p.books.PostMany(ctx, p.ID, commands, nil)
	return err
}

// disturb does what is rare, often.
func (p *programme) disturb(ctx context.Context) error {
	for range 10 {
		if _, err := p.boards.Refresh(ctx, p.ID, nil); err != nil {
			return err
		}
		if _, err := p.boards.Create(ctx, p.ID, NewBoard{Name: "Copy"}, nil); err != nil {
			return err
		}
		list, err := p.boards.Top(ctx, p.ID, Choice{}, 10, 0)
		if err != nil {
			return err
		}
		for _, e := range list {
			if _, err := p.boards.Standing(ctx, p.ID, e.Member, Choice{}, 2); err != nil {
				return err
			}
		}
	}
	return nil
}

// everything lists all boards, in their current period.
func (p *programme) everything(t *testing.T) []Entry {
	var all []Entry
	for _, period := range []Period{AllTime, Daily, Weekly, Monthly} {
		all = append(all, p.top(t, Choice{Period: period}, 1000, 0)...)
	}
	return all
}
