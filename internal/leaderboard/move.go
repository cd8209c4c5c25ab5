package leaderboard

import (
	"context"
	"fmt"

	"github.com/incent-dev/incent/gen/query"
	"github.com/incent-dev/incent/internal/ledger"
	"github.com/incent-dev/incent/internal/pg"
)

var q = query.New()

const (
	// blockRoom is the least room of a block of level 1; see standing_room.
	blockRoom = 256

	// takeInMoves is about how many moves are taken in at once: readers wait
	// meanwhile, a third to half of a second, or one with boards of three periods
	// beside that of all time. Of 16,000 moves of 10,000 members each took 17 to 21 microseconds,
	// of 4,000 29: who moves twice is placed once. So where there are few members it
	// is more (standings_portion): of 64,000 each took 6 to 8.
	takeInMoves = 16_000
)

// Move queues on pipe, in the transaction that changes XP accounts, what the
// standings have to take in: changes are those of the ledger's session
// (Session.Changes(ledger.XP)).
func Move(ctx context.Context, pipe *pg.Pipeline, tenantID int64, changes []ledger.Change) error {
	if len(changes) == 0 {
		return nil
	}
	arg := query.StandingMoveInsertParams{TenantID: tenantID, ID: pg.NewUUID()}
	for _, c := range changes {
		arg.Members = append(arg.Members, c.Member)
		arg.Seqs = append(arg.Seqs, c.Seq)
		arg.FromXp = append(arg.FromXp, c.From)
		arg.ToXp = append(arg.ToXp, c.To)
		arg.At = append(arg.At, c.At)
	}
	return q.StandingMoveInsert(ctx, pipe, arg)
}

// TakeIn lets the standings of a tenant follow every move that was committed
// before the call. Any process may do it at any time; readers do it first.
func (b *Boards) TakeIn(ctx context.Context, tenantID int64) error {
	found, err := q.StandingMoveFind(ctx, b.db, query.StandingMoveFindParams{TenantID: tenantID, Moves: takeInMoves})
	for found.Waits && err == nil {
		var moves int32
		moves, err = pg.InTx(ctx, b.db, func(ctx context.Context, tx pg.Tx) (int32, error) {
			return q.StandingMoveDeleteOldest(ctx, tx, query.StandingMoveDeleteOldestParams{TenantID: tenantID, MaxMoves: found.Portion, Room: b.room})
		})
		found.Waits = moves >= found.Portion
	}
	if err != nil {
		return pg.Fault(fmt.Errorf("take moves in: %w", err))
	}
	return nil
}

// Waiting lists the tenants that have moves to take in.
func (b *Boards) Waiting(ctx context.Context) ([]int64, error) {
	return q.StandingMoveListTenants(ctx, b.db)
}

// Crowded lists those that have as many as are taken in at once.
func (b *Boards) Crowded(ctx context.Context) ([]int64, error) {
	return q.StandingMoveListCrowded(ctx, b.db, takeInMoves)
}
