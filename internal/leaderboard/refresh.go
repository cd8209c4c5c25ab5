package leaderboard

import (
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/incent-dev/incent/gen/query"
	"github.com/incent-dev/incent/internal/once"
	"github.com/incent-dev/incent/internal/pg"
	"github.com/incent-dev/incent/internal/tenant"
)

// mendMembers is how many members one transaction of a refresh compares. Where
// some differ, the others' changes wait for as long as it takes to set these right.
const mendMembers = 2000

// Refreshed tells what a refresh found.
type Refreshed struct {
	Members int64 // on the board of all time
	At      time.Time
}

// Refresh sets right whatever differs from the ledger, on the board of all time
// and in the current period of the others.
func (b *Boards) Refresh(ctx context.Context, tenantID int64, ticket *once.Ticket) (Refreshed, error) {
	seen, err := once.Check(ctx, b.db, tenantID, []*once.Ticket{ticket})
	if err != nil || seen[0] != nil {
		return Refreshed{}, pg.Fault(firstOf(seen[0], err))
	}
	t, err := tenant.Get(ctx, b.db, tenantID)
	if err != nil {
		return Refreshed{}, pg.Fault(err)
	}
	current, err := b.currentRounds(ctx, tenantID, t.Now())
	if err != nil {
		return Refreshed{}, pg.Fault(err)
	}
	if err := b.TakeIn(ctx, tenantID); err != nil {
		return Refreshed{}, err
	}
	rounds := append(slices.Collect(maps.Values(current)), allTime)
	for _, r := range rounds {
		if err := b.mend(ctx, tenantID, r); err != nil {
			return Refreshed{}, pg.Fault(err)
		}
	}
	for _, r := range rounds {
		b.forget(tenantID, r)
	}
	return once.Run(ctx, b.db, tenantID, pg.Now(), ticket, func(ctx context.Context, tx pg.Tx) (Refreshed, error) {
		n, err := members(ctx, tx, tenantID, allTime)
		return Refreshed{n, t.Now()}, err
	})
}

// mendPatience is how long a mend that a deadline has ended may be gone on with.
const mendPatience = 10 * time.Minute

// progress is how far a mend has come: the key of the last member, the greatest
// one when it is done.
type progress struct {
	after int64
	at    time.Time
}

// roundOf is a tenant's round.
type roundOf struct {
	tenant int64
	round
}

// mend sets a round right in many short transactions. The blocks come first: a
// standing that moves must find its block counted right. A round too large for
// one request is gone on with by the next one, where this one stopped, until the
// caller forgets it.
func (b *Boards) mend(ctx context.Context, tenantID int64, r round) error {
	after := int64(math.MinInt64)
	if p, ok := b.mending.Load(roundOf{tenantID, r}); ok && pg.Now().Sub(p.(progress).at) < mendPatience {
		after = p.(progress).after
	}
	if after == math.MinInt64 {
		if err := b.mendBlocks(ctx, tenantID, r); err != nil {
			return err
		}
	}
	for after < math.MaxInt64 {
		next, err := pg.InTx(ctx, b.db, func(ctx context.Context, tx pg.Tx) (int64, error) {
			return q.StandingUpsertDiffering(ctx, tx, query.StandingUpsertDifferingParams{
				TenantID: tenantID, Period: int16(r.period), StartsOn: r.startsOn, After: after, MaxMembers: mendMembers, Room: b.room,
			})
		})
		if err != nil {
			return fmt.Errorf("mend standings: %w", err)
		}
		after = next
		b.mending.Store(roundOf{tenantID, r}, progress{after, pg.Now()})
	}
	return nil
}

func (b *Boards) mendBlocks(ctx context.Context, tenantID int64, r round) error {
	_, err := pg.InTx(ctx, b.db, func(ctx context.Context, tx pg.Tx) (struct{}, error) {
		return struct{}{}, q.StandingBlockUpsertDiffering(ctx, tx, query.StandingBlockUpsertDifferingParams{
			TenantID: tenantID, Period: int16(r.period), StartsOn: r.startsOn, Room: b.room,
		})
	})
	if err != nil {
		return fmt.Errorf("mend blocks: %w", err)
	}
	return nil
}

// forget lets the next mend of a round begin anew.
func (b *Boards) forget(tenantID int64, r round) { b.mending.Delete(roundOf{tenantID, r}) }
