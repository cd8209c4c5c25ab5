package leaderboard

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/incent-dev/incent/gen/query"
	"github.com/incent-dev/incent/internal/fault"
	"github.com/incent-dev/incent/internal/id"
	"github.com/incent-dev/incent/internal/ledger"
	"github.com/incent-dev/incent/internal/pg"
	"github.com/incent-dev/incent/internal/tenant"
)

// CodeLimitReached refuses one snapshot too many.
const CodeLimitReached = "limit_reached"

// maxSnapshots is one a day for a year. A snapshot of a million members takes
// some ten megabytes.
const maxSnapshots = 366

// Period is how long XP counts on a board. The values are stored.
type Period int16

// The periods, in UTC; weeks begin on Monday.
const (
	Daily   Period = 1
	Weekly  Period = 2
	Monthly Period = 3
	AllTime Period = 4
)

// Boards are the leaderboards of all tenants. Make them with New.
type Boards struct {
	db    *pg.DB
	books *ledger.Ledger
	room  int32 // see blockRoom

	mending sync.Map // roundOf to its progress
}

// New makes the leaderboards on a database. The ledger must have been told to
// let them follow its XP (Ledger.Follow).
func New(db *pg.DB, books *ledger.Ledger) *Boards {
	return &Boards{db: db, books: books, room: blockRoom}
}

// Board is what readers may choose from.
type Board struct {
	ID        uuid.UUID // zero for the board of all time
	Snapshot  bool
	Period    Period
	Name      string // "" is none
	Members   int64  // on it; on a period's board in the current one
	CreatedAt time.Time
}

const (
	boardPrefix    = "brd_"
	snapshotPrefix = "snap_"
	allTimeID      = "brd_all_time" // every tenant has it without having made it
)

// PublicID renders the board's id.
func (b Board) PublicID() string {
	switch {
	case b.Snapshot:
		return id.UUID(snapshotPrefix, b.ID)
	case b.Period == AllTime:
		return allTimeID
	}
	return id.UUID(boardPrefix, b.ID)
}

const (
	kindPeriod   = "period"
	kindSnapshot = "snapshot"
)

func boardFromRow(r query.Board) Board {
	b := Board{ID: r.ID, Snapshot: r.Kind == kindSnapshot, Period: Period(r.Period), Members: r.Members, CreatedAt: r.CreatedAt.UTC()}
	if r.Name != nil {
		b.Name = *r.Name
	}
	return b
}

// round is one period of one board.
type round struct {
	period   Period
	startsOn time.Time
}

var allTime = round{AllTime, time.Unix(0, 0).UTC()}

// List lists period boards and snapshots, newest first.
func (b *Boards) List(ctx context.Context, tenantID int64, limit, skip int) ([]Board, int64, error) {
	count, err := q.BoardCount(ctx, b.db, tenantID)
	if err != nil || int64(skip) >= count.Boards {
		return nil, count.Boards, pg.Fault(err)
	}
	rows, err := q.BoardList(ctx, b.db, query.BoardListParams{TenantID: tenantID, MaxRows: int32(limit), SkipRows: int32(skip)})
	if err != nil {
		return nil, 0, pg.Fault(fmt.Errorf("list boards: %w", err))
	}
	t, err := tenant.Get(ctx, b.db, tenantID)
	if err != nil {
		return nil, 0, pg.Fault(err)
	}
	current, err := b.currentRounds(ctx, tenantID, t.Now())
	if err != nil {
		return nil, 0, pg.Fault(err)
	}
	if err := b.TakeIn(ctx, tenantID); err != nil {
		return nil, 0, err
	}
	boards := make([]Board, len(rows))
	for i, r := range rows {
		boards[i] = boardFromRow(r)
		if now, ok := current[boards[i].Period]; ok && !boards[i].Snapshot {
			if boards[i].Members, err = members(ctx, b.db, tenantID, now); err != nil {
				return nil, 0, pg.Fault(err)
			}
		}
	}
	return boards, count.Boards, nil
}

// currentRounds are those of the period boards at an instant.
func (b *Boards) currentRounds(ctx context.Context, tenantID int64, at time.Time) (map[Period]round, error) {
	rows, err := q.BoardListPeriods(ctx, b.db, query.BoardListPeriodsParams{TenantID: tenantID, At: at})
	if err != nil {
		return nil, fmt.Errorf("list period boards: %w", err)
	}
	rounds := map[Period]round{}
	for _, r := range rows {
		rounds[Period(r.Period)] = round{Period(r.Period), r.Round}
	}
	return rounds, nil
}

func members(ctx context.Context, db query.DBTX, tenantID int64, r round) (int64, error) {
	n, err := q.StandingBlockSum(ctx, db, query.StandingBlockSumParams{TenantID: tenantID, Period: int16(r.period), StartsOn: r.startsOn})
	if err != nil {
		return 0, fmt.Errorf("count members of a board: %w", err)
	}
	return n, nil
}

func missingBoard() error { return fault.Missing("leaderboard") }
