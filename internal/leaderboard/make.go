package leaderboard

import (
	"context"
	"fmt"
	"time"

	"github.com/incent-dev/incent/gen/query"
	"github.com/incent-dev/incent/internal/fault"
	"github.com/incent-dev/incent/internal/ledger"
	"github.com/incent-dev/incent/internal/once"
	"github.com/incent-dev/incent/internal/pg"
	"github.com/incent-dev/incent/internal/tenant"
)

// NewBoard asks for the board of a period or, without one, for a snapshot.
type NewBoard struct {
	Name   string
	Period Period
}

// Made is a board with whether it was made just now.
type Made struct {
	Board
	New bool
}

// Create takes a snapshot of the board of all time, or defines the board of a
// period; one that is there already is answered as it is.
func (b *Boards) Create(ctx context.Context, tenantID int64, n NewBoard, ticket *once.Ticket) (Made, error) {
	// Each does part of its work ahead of the transaction that keeps the
	// answer, which a key that was used before must not set off.
	seen, err := once.Check(ctx, b.db, tenantID, []*once.Ticket{ticket})
	if err != nil || seen[0] != nil {
		return Made{}, pg.Fault(firstOf(seen[0], err))
	}
	if err := b.TakeIn(ctx, tenantID); err != nil {
		return Made{}, err
	}
	switch n.Period {
	case 0:
		return b.snapshot(ctx, tenantID, n.Name, ticket)
	case AllTime:
		return once.Run(ctx, b.db, tenantID, pg.Now(), ticket, func(ctx context.Context, tx pg.Tx) (Made, error) {
			t, err := tenant.Get(ctx, tx, tenantID)
			if err != nil {
				return Made{}, err
			}
			n, err := members(ctx, tx, tenantID, allTime)
			return Made{Board: Board{Period: AllTime, Members: n, CreatedAt: t.CreatedAt}}, err
		})
	}
	return b.define(ctx, tenantID, n, ticket)
}

func firstOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func (b *Boards) snapshot(ctx context.Context, tenantID int64, name string, ticket *once.Ticket) (Made, error) {
	// What has expired is not to be copied as coins.
	if err := b.books.SettleDue(ctx, tenantID); err != nil {
		return Made{}, err
	}
	return once.Run(ctx, b.db, tenantID, pg.Now(), ticket, func(ctx context.Context, tx pg.Tx) (Made, error) {
		t, err := tenant.Get(ctx, tx, tenantID)
		if err != nil {
			return Made{}, err
		}
		if err := q.BoardLock(ctx, tx, tenantID); err != nil {
			return Made{}, fmt.Errorf("lock boards: %w", err)
		}
		count, err := q.BoardCount(ctx, tx, tenantID)
		if err != nil {
			return Made{}, fmt.Errorf("count snapshots: %w", err)
		}
		if count.Snapshots >= maxSnapshots {
			return Made{}, fault.New(fault.Invalid, CodeLimitReached, "A tenant may keep %d snapshots", maxSnapshots)
		}
		row, err := insertBoard(ctx, tx, tenantID, kindSnapshot, NewBoard{name, AllTime}, t.Now())
		if err != nil {
			return Made{}, err
		}
		err = q.SnapshotPageCopy(ctx, tx, query.SnapshotPageCopyParams{
			TenantID: tenantID, BoardID: row.ID, PageSize: snapshotPage, Period: int16(AllTime), StartsOn: allTime.startsOn, Asset: int16(ledger.Points),
		})
		if err != nil {
			return Made{}, fmt.Errorf("copy standings: %w", err)
		}
		if err := q.BoardUpdateMembers(ctx, tx, query.BoardUpdateMembersParams{TenantID: tenantID, ID: row.ID}); err != nil {
			return Made{}, fmt.Errorf("count snapshot: %w", err)
		}
		row, err = q.BoardGet(ctx, tx, query.BoardGetParams{TenantID: tenantID, ID: row.ID})
		return Made{boardFromRow(row), true}, err
	})
}

// insertBoard makes the row; a period's board opens to readers later.
func insertBoard(ctx context.Context, tx pg.Tx, tenantID int64, kind string, n NewBoard, at time.Time) (query.Board, error) {
	arg := query.BoardInsertParams{TenantID: tenantID, ID: pg.NewUUID(), Kind: kind, Period: int16(n.Period), Ready: kind == kindSnapshot, CreatedAt: at}
	if n.Name != "" {
		arg.Name = &n.Name
	}
	if err := q.BoardInsert(ctx, tx, arg); err != nil {
		return query.Board{}, fmt.Errorf("insert board: %w", err)
	}
	return q.BoardGet(ctx, tx, query.BoardGetParams{TenantID: tenantID, ID: arg.ID})
}

// define makes a period's board in three steps, so that nobody waits for what it
// takes to count many members: from the first one on every change of XP counts;
// the second one adds what was earned earlier in the period; the third one opens
// it. One that was left half-way is taken up again by the next call.
func (b *Boards) define(ctx context.Context, tenantID int64, n NewBoard, ticket *once.Ticket) (Made, error) {
	board, err := b.begin(ctx, tenantID, n)
	if err != nil {
		return Made{}, pg.Fault(err)
	}
	if !board.Ready {
		if err := b.mend(ctx, tenantID, round{n.Period, board.StartsOn}); err != nil {
			return Made{}, pg.Fault(err)
		}
		b.forget(tenantID, round{n.Period, board.StartsOn})
	}
	return once.Run(ctx, b.db, tenantID, pg.Now(), ticket, func(ctx context.Context, tx pg.Tx) (Made, error) {
		if err := q.BoardLock(ctx, tx, tenantID); err != nil {
			return Made{}, fmt.Errorf("lock boards: %w", err)
		}
		t, err := tenant.Get(ctx, tx, tenantID)
		if err != nil {
			return Made{}, err
		}
		row, err := q.BoardGetPeriod(ctx, tx, query.BoardGetPeriodParams{TenantID: tenantID, Period: int16(n.Period), At: t.Now()})
		if err != nil {
			return Made{}, fmt.Errorf("read board: %w", err)
		}
		made := Made{boardFromRow(row.Board), !row.Board.Ready}
		if made.Members, err = members(ctx, tx, tenantID, round{n.Period, row.Round}); err != nil || !made.New {
			return made, err
		}
		return made, q.BoardUpdateReady(ctx, tx, query.BoardUpdateReadyParams{TenantID: tenantID, ID: row.Board.ID})
	})
}

// begin finds the period's board, or makes it. Under the lock of standings: a
// transaction that saw no board of the period has ended by then, so that its
// transfers are found by the count; one that comes later sees the board.
func (b *Boards) begin(ctx context.Context, tenantID int64, n NewBoard) (query.Board, error) {
	return pg.InTx(ctx, b.db, func(ctx context.Context, tx pg.Tx) (query.Board, error) {
		if err := q.BoardLock(ctx, tx, tenantID); err != nil {
			return query.Board{}, fmt.Errorf("lock boards: %w", err)
		}
		t, err := tenant.Get(ctx, tx, tenantID)
		if err != nil {
			return query.Board{}, err
		}
		row, err := q.BoardGetPeriod(ctx, tx, query.BoardGetPeriodParams{TenantID: tenantID, Period: int16(n.Period), At: t.Now()})
		switch {
		case err == nil && row.Board.Ready:
			return row.Board, nil
		case err == nil:
			err = q.BoardUpdateStart(ctx, tx, query.BoardUpdateStartParams{TenantID: tenantID, ID: row.Board.ID, At: t.Now()})
			row.Board.StartsOn = row.Round
			return row.Board, err
		case !pg.IsNoRows(err):
			return query.Board{}, fmt.Errorf("read board: %w", err)
		}
		if err := q.StandingLock(ctx, tx, tenantID); err != nil {
			return query.Board{}, fmt.Errorf("lock standings: %w", err)
		}
		return insertBoard(ctx, tx, tenantID, kindPeriod, n, t.Now())
	})
}
