package leaderboard

import (
	"context"

	"github.com/incent-dev/incent/gen/query"
	"github.com/incent-dev/incent/internal/ledger"
	"github.com/incent-dev/incent/internal/pg"
)

var q = query.New()

// blockRoom is the least room of a block of level 1; see standing_room.
const blockRoom = 256

// Move queues on pipe, in the transaction that changes XP accounts, that the
// standings follow: changes are those of the ledger's session
// (Session.Changes(ledger.XP)). It must come after everything else that may
// wait for a lock, idempotency keys excepted, so that the tenant's lock is held
// for the commit only (invariant 5).
func Move(ctx context.Context, pipe *pg.Pipeline, tenantID int64, changes []ledger.Change) error {
	return move(ctx, pipe, tenantID, changes, blockRoom)
}

func move(ctx context.Context, pipe *pg.Pipeline, tenantID int64, changes []ledger.Change, room int32) error {
	if len(changes) == 0 {
		return nil
	}
	arg := query.StandingMoveManyParams{TenantID: tenantID, Room: room}
	for _, c := range changes {
		arg.Members = append(arg.Members, c.Member)
		arg.FromXp = append(arg.FromXp, c.From)
		arg.ToXp = append(arg.ToXp, c.To)
		arg.At = append(arg.At, c.At)
	}
	return q.StandingMoveMany(ctx, pipe, arg)
}
