package leaderboard

import (
	"context"
	"fmt"
	"time"

	"github.com/incent-dev/incent/gen/query"
	"github.com/incent-dev/incent/internal/ledger"
	"github.com/incent-dev/incent/internal/pg"
	"github.com/incent-dev/incent/internal/tenant"
)

// periodNames are how snapshots of past rounds are called.
var periodNames = map[Period]string{Daily: "DAILY", Weekly: "WEEKLY", Monthly: "MONTHLY"}

// closingDelay is how long after its end a round is kept: longer than a
// transaction may take that began before.
const closingDelay = time.Minute

// Ended lists the tenants with a round that is over and wants CloseEnded.
func (b *Boards) Ended(ctx context.Context) ([]int64, error) {
	return q.BoardListClosingTenants(ctx, b.db, pg.Now().Add(-closingDelay))
}

// CloseEnded keeps a snapshot of each round of a tenant's period boards that is
// over, once, unless nobody is in it. What falls due is settled, and what waits is
// taken in first, since it may still belong to the round.
func (b *Boards) CloseEnded(ctx context.Context, tenantID int64) error {
	if err := b.books.SettleDue(ctx, tenantID); err != nil {
		return err
	}
	if err := b.TakeIn(ctx, tenantID); err != nil {
		return err
	}
	for {
		more, err := pg.InTx(ctx, b.db, func(ctx context.Context, tx pg.Tx) (bool, error) { return closeEnded(ctx, tx, tenantID) })
		if err != nil || !more {
			return pg.Fault(err)
		}
	}
}

// closeEnded keeps one round of each board, and tells whether there was any.
func closeEnded(ctx context.Context, tx pg.Tx, tenantID int64) (bool, error) {
	if err := q.BoardLock(ctx, tx, tenantID); err != nil {
		return false, fmt.Errorf("lock boards: %w", err)
	}
	t, err := tenant.Get(ctx, tx, tenantID)
	if err != nil {
		return false, err
	}
	at := t.Now()
	over := at.Add(-closingDelay)
	ended, err := q.BoardListClosingForUpdate(ctx, tx, query.BoardListClosingForUpdateParams{TenantID: tenantID, At: over})
	if err != nil {
		return false, fmt.Errorf("find rounds that are over: %w", err)
	}
	for _, e := range ended {
		if err := keepRound(ctx, tx, tenantID, round{Period(e.Period), e.Round}, at); err != nil {
			return false, err
		}
		if err := q.BoardUpdateClosing(ctx, tx, query.BoardUpdateClosingParams{TenantID: tenantID, ID: e.ID, Ended: e.Ended, At: over}); err != nil {
			return false, fmt.Errorf("close round: %w", err)
		}
	}
	return len(ended) > 0, nil
}

// keepRound takes the snapshot.
func keepRound(ctx context.Context, tx pg.Tx, tenantID int64, r round, at time.Time) error {
	n, err := members(ctx, tx, tenantID, r)
	if err != nil || n == 0 {
		return err
	}
	name := periodNames[r.period] + " " + r.startsOn.Format(time.DateOnly)
	boardID := pg.NewUUID()
	err = q.BoardInsertRound(ctx, tx, query.BoardInsertRoundParams{
		TenantID: tenantID, ID: boardID, Period: int16(r.period), Name: &name, StartsOn: r.startsOn, CreatedAt: at,
	})
	if err != nil {
		return fmt.Errorf("insert round: %w", err)
	}
	err = q.SnapshotPageCopy(ctx, tx, query.SnapshotPageCopyParams{
		TenantID: tenantID, BoardID: boardID, PageSize: snapshotPage, Period: int16(r.period), StartsOn: r.startsOn, Asset: int16(ledger.Points),
	})
	if err != nil {
		return fmt.Errorf("copy standings: %w", err)
	}
	return q.BoardUpdateMembers(ctx, tx, query.BoardUpdateMembersParams{TenantID: tenantID, ID: boardID})
}
