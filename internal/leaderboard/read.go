package leaderboard

import (
	"context"
	"fmt"
	"time"

	"github.com/incent-dev/incent/gen/query"
	"github.com/incent-dev/incent/internal/fault"
	"github.com/incent-dev/incent/internal/id"
	"github.com/incent-dev/incent/internal/ledger"
	"github.com/incent-dev/incent/internal/pg"
	"github.com/incent-dev/incent/internal/tenant"
)

const (
	// nearTop is how many places are walked to reach a page; one that begins
	// below is reached by the blocks.
	nearTop = 1000

	// snapshotPage is how many places one row of a snapshot holds.
	snapshotPage = 1000
)

// Choice says which board is meant. The zero value is that of all time.
type Choice struct {
	Period     Period    // 0: all time
	At         time.Time // any instant within the period; zero: now
	SnapshotID string    // "": none
}

// Entry is one place.
type Entry struct {
	Rank   int64
	Member string // the caller's id
	XP     int64
	Coins  int64 // what the member has now; in a snapshot, had then
}

// Top lists places, best first.
func (b *Boards) Top(ctx context.Context, tenantID int64, c Choice, limit, skip int) ([]Entry, error) {
	if c.SnapshotID != "" {
		if c.Period != 0 || !c.At.IsZero() {
			return nil, fault.Field("snapshotId", "cannot be joined with period or at")
		}
		return b.snapshotPlaces(ctx, tenantID, c.SnapshotID, int64(limit), int64(skip))
	}
	r, there, err := b.round(ctx, tenantID, c)
	if err != nil || !there {
		return nil, err
	}
	if err := b.TakeIn(ctx, tenantID); err != nil {
		return nil, err
	}
	if skip > nearTop {
		return b.below(ctx, tenantID, r, limit, skip)
	}
	rows, err := q.StandingList(ctx, b.db, query.StandingListParams{
		TenantID: tenantID, Period: int16(r.period), StartsOn: r.startsOn, MaxRows: int32(limit), SkipRows: int32(skip), Coins: int16(ledger.Points),
	})
	if err != nil {
		return nil, pg.Fault(fmt.Errorf("list standings: %w", err))
	}
	places := make([]place, len(rows))
	for i, row := range rows {
		places[i] = place(row)
	}
	return b.entries(ctx, tenantID, places, int64(skip)+1)
}

// below lists places at any depth.
func (b *Boards) below(ctx context.Context, tenantID int64, r round, limit, skip int) ([]Entry, error) {
	rows, err := q.StandingListDeep(ctx, b.db, query.StandingListDeepParams{
		TenantID: tenantID, Period: int16(r.period), StartsOn: r.startsOn, MaxRows: int64(limit), SkipRows: int64(skip), Coins: int16(ledger.Points),
	})
	if err != nil {
		return nil, pg.Fault(fmt.Errorf("list deep standings: %w", err))
	}
	places := make([]place, len(rows))
	for i, row := range rows {
		places[i] = place(row)
	}
	return b.entries(ctx, tenantID, places, int64(skip)+1)
}

// place is a row of a board without its rank.
type place query.StandingListRow

// entries numbers places that follow each other.
func (b *Boards) entries(ctx context.Context, tenantID int64, places []place, first int64) ([]Entry, error) {
	list := make([]Entry, len(places))
	for i, p := range places {
		list[i] = Entry{Rank: first + int64(i), Member: p.ExternalID, XP: p.Xp, Coins: p.Coins}
		if p.DueAt == nil || p.DueAt.After(tenant.At(p.ClockOffsetUs)) {
			continue
		}
		// Something of it has expired or matured: the ledger settles that first.
		h, err := b.books.Balance(ctx, tenantID, p.ExternalID, ledger.Points)
		if err != nil {
			return nil, err
		}
		list[i].Coins = h.Spendable()
	}
	return list, nil
}

// round finds the round that is meant; there is none before a board was defined.
func (b *Boards) round(ctx context.Context, tenantID int64, c Choice) (r round, there bool, err error) {
	if c.Period == 0 || c.Period == AllTime {
		if !c.At.IsZero() {
			return r, false, fault.Field("at", "means nothing without a period, or for ALL_TIME")
		}
		return allTime, true, nil
	}
	if c.At.IsZero() {
		t, err := tenant.Get(ctx, b.db, tenantID)
		if err != nil {
			return r, false, pg.Fault(err)
		}
		c.At = t.Now()
	}
	row, err := q.BoardGetPeriod(ctx, b.db, query.BoardGetPeriodParams{TenantID: tenantID, Period: int16(c.Period), At: c.At})
	if pg.IsNoRows(err) || err == nil && !row.Board.Ready {
		return r, false, missingBoard()
	}
	if err != nil {
		return r, false, pg.Fault(fmt.Errorf("read board: %w", err))
	}
	return round{c.Period, row.Round}, !row.Round.Before(row.Board.StartsOn), nil
}

func (b *Boards) snapshotPlaces(ctx context.Context, tenantID int64, publicID string, limit, skip int64) ([]Entry, error) {
	boardID, known := id.ParseUUID(snapshotPrefix, publicID)
	if !known {
		return nil, missingBoard()
	}
	board, err := q.BoardGet(ctx, b.db, query.BoardGetParams{TenantID: tenantID, ID: boardID})
	if pg.IsNoRows(err) || err == nil && board.Kind != kindSnapshot {
		return nil, missingBoard()
	}
	if err != nil {
		return nil, pg.Fault(fmt.Errorf("read snapshot: %w", err))
	}
	if skip >= board.Members {
		return nil, nil
	}
	rows, err := q.SnapshotPageList(ctx, b.db, query.SnapshotPageListParams{
		TenantID: tenantID, BoardID: boardID, PageSize: snapshotPage, FirstPlace: skip, LastPlace: min(skip+limit, board.Members) - 1,
	})
	if err != nil {
		return nil, pg.Fault(fmt.Errorf("read snapshot's places: %w", err))
	}
	list := make([]Entry, len(rows))
	for i, r := range rows {
		list[i] = Entry{Rank: skip + int64(i) + 1, Member: r.ExternalID, XP: r.Xp, Coins: r.Coins}
	}
	return list, nil
}

// Standing is where one member stands.
type Standing struct {
	Entry              // Rank is 0 for one who is not on the board, or unknown
	Neighbours []Entry // those around and the member, best first; empty when not on the board
}

// Standing reads a member's place with so many neighbours on each side.
func (b *Boards) Standing(ctx context.Context, tenantID int64, member string, c Choice, around int) (Standing, error) {
	r, there, err := b.round(ctx, tenantID, c)
	if err != nil {
		return Standing{}, err
	}
	var rows []query.StandingRankRow
	if there {
		if err := b.TakeIn(ctx, tenantID); err != nil {
			return Standing{}, err
		}
		rows, err = q.StandingRank(ctx, b.db, query.StandingRankParams{
			TenantID: tenantID, Period: int16(r.period), StartsOn: r.startsOn, ExternalID: member, Around: int64(around), Coins: int16(ledger.Points),
		})
		if err != nil {
			return Standing{}, pg.Fault(fmt.Errorf("rank member: %w", err))
		}
	}
	if len(rows) == 0 {
		h, err := b.books.Balance(ctx, tenantID, member, ledger.Points)
		if f := fault.As(err); f != nil && f.Kind == fault.NotFound {
			err = nil
		}
		return Standing{Entry: Entry{Member: member, Coins: h.Spendable()}}, err
	}
	places := make([]place, len(rows))
	for i, row := range rows {
		places[i] = place{ExternalID: row.ExternalID, Xp: row.Xp, Coins: row.Coins, DueAt: row.DueAt, ClockOffsetUs: row.ClockOffsetUs}
	}
	list, err := b.entries(ctx, tenantID, places, rows[0].Rank)
	if err != nil {
		return Standing{}, err
	}
	for _, e := range list {
		if e.Member == member {
			return Standing{e, list}, nil
		}
	}
	return Standing{}, fmt.Errorf("rank member: the member is not among the neighbours")
}
