package ledger

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/incent-dev/incent/gen/query"
	"github.com/incent-dev/incent/internal/fault"
	"github.com/incent-dev/incent/internal/id"
	"github.com/incent-dev/incent/internal/once"
	"github.com/incent-dev/incent/internal/pg"
	"github.com/incent-dev/incent/internal/tenant"
)

const holdPrefix = "hold_"

// PublicID renders the hold's id.
func (h Hold) PublicID() string { return id.UUID(holdPrefix, h.ID) }

// lastMaturity bounds when a hold matures, so that every instant in the books
// can be written in RFC 3339.
var lastMaturity = time.Date(9998, 12, 31, 0, 0, 0, 0, time.UTC)

// OpenHold gives a member something on hold: an OpHold command whose MaturesAt,
// where it has one, lies in the future.
func (l *Ledger) OpenHold(ctx context.Context, tenantID int64, c Command, ticket *once.Ticket) (Hold, error) {
	c.Op, c.MaturesAt, c.asked = OpHold, c.MaturesAt.UTC().Truncate(time.Microsecond), true
	for attempt := 1; ; attempt++ {
		hold, err := once.Run(ctx, l.db, tenantID, pg.Now(), ticket, func(ctx context.Context, tx pg.Tx) (Hold, error) {
			t, err := tenant.Get(ctx, tx, tenantID)
			if err != nil {
				return Hold{}, err
			}
			if due := c.MaturesAt; !due.IsZero() && (!due.After(t.Now()) || due.After(lastMaturity)) {
				return Hold{}, fault.Field("maturesAt", "must be in the future, and before the year 9999")
			}
			result, err := l.applyOne(ctx, tx, t, c)
			if err = errors.Join(err, result.Err); err != nil {
				return Hold{}, err
			}
			return *result.Hold, nil
		})
		if again, err := l.open(ctx, tenantID, err, attempt); !again {
			return hold, err
		}
	}
}

// applyOne carries out one command inside a transaction and stores its effect.
func (l *Ledger) applyOne(ctx context.Context, tx pg.Tx, t tenant.Tenant, c Command) (Result, error) {
	var pipe pg.Pipeline
	results, err := l.applyFollowed(ctx, tx, &pipe, t, t.Now(), []Command{c})
	if err != nil {
		return Result{}, err
	}
	return results[0], pipe.Send(ctx, tx)
}

// DecideHold ends a hold: Matured makes its units available now, Cancelled
// takes them back. A hold that ended that way before stays as it is.
func (l *Ledger) DecideHold(ctx context.Context, tenantID int64, publicID string, to HoldState, ticket *once.Ticket) (Hold, error) {
	holdID, known := id.ParseUUID(holdPrefix, publicID)
	return once.Run(ctx, l.db, tenantID, pg.Now(), ticket, func(ctx context.Context, tx pg.Tx) (Hold, error) {
		if !known {
			return Hold{}, fault.Missing("hold")
		}
		t, err := tenant.Get(ctx, tx, tenantID)
		if err != nil {
			return Hold{}, err
		}
		h, err := getHold(ctx, tx, tenantID, holdID)
		if err != nil {
			return Hold{}, err
		}
		op := OpRelease
		if to == Cancelled {
			op = OpCancel
		}
		result, err := l.applyOne(ctx, tx, t, Command{Op: op, Member: h.Member, Asset: h.Asset, HoldID: h.ID})
		if err != nil {
			return Hold{}, err
		}
		if result.Err == nil {
			return *result.Hold, nil
		}
		// It was not open any more: it ended before, or its time came just now.
		if h, err = getHold(ctx, tx, tenantID, holdID); err == nil && h.State != to {
			err = result.Err
		}
		return h, err
	})
}

func getHold(ctx context.Context, db query.DBTX, tenantID int64, holdID uuid.UUID) (Hold, error) {
	row, err := q.HoldGet(ctx, db, query.HoldGetParams{TenantID: tenantID, ID: holdID})
	if pg.IsNoRows(err) {
		return Hold{}, fault.Missing("hold")
	}
	if err != nil {
		return Hold{}, fmt.Errorf("read hold: %w", err)
	}
	return holdFromRow(row.Hold, row.ExternalID), nil
}

// Hold reads one hold, as of now.
func (l *Ledger) Hold(ctx context.Context, tenantID int64, publicID string) (Hold, error) {
	holdID, known := id.ParseUUID(holdPrefix, publicID)
	if !known {
		return Hold{}, fault.Missing("hold")
	}
	h, err := getHold(ctx, l.db, tenantID, holdID)
	if err != nil {
		return Hold{}, pg.Fault(err)
	}
	settled, err := l.settleHolds(ctx, tenantID, []Hold{h})
	if err != nil || !settled {
		return h, err
	}
	h, err = getHold(ctx, l.db, tenantID, holdID)
	return h, pg.Fault(err)
}

// settleHolds posts what has fallen due of the accounts of open holds whose time
// has come, and tells whether there were any.
func (l *Ledger) settleHolds(ctx context.Context, tenantID int64, holds []Hold) (bool, error) {
	t, err := tenant.Get(ctx, l.db, tenantID)
	if err != nil {
		return false, pg.Fault(err)
	}
	var commands []Command
	seen := map[holder]bool{}
	for _, h := range holds {
		at := holder{h.Member, h.Asset}
		if h.State == Held && !h.MaturesAt.IsZero() && !h.MaturesAt.After(t.Now()) && !seen[at] {
			seen[at] = true
			commands = append(commands, Command{Op: OpSettle, Member: h.Member, Asset: h.Asset})
		}
	}
	if len(commands) == 0 {
		return false, nil
	}
	_, err = l.PostMany(ctx, tenantID, commands, nil)
	return true, err
}

// HoldFilter selects holds. Zero members select all.
type HoldFilter struct {
	Member      string // the caller's id; an unknown one has no holds
	State       HoldState
	Limit, Skip int
}

// Holds lists holds, newest first. Totals and deep pages of a tenant's holds
// come from the counts per day, so they cost one row per day and at most one
// day's index entries.
func (l *Ledger) Holds(ctx context.Context, tenantID int64, f HoldFilter) (holds []Hold, total int64, err error) {
	list := l.allHolds
	if f.Member != "" {
		list = l.memberHolds
	}
	holds, total, err = list(ctx, tenantID, f)
	if err != nil {
		return nil, 0, pg.Fault(err)
	}
	// One look again is enough: by then what this page showed as due is
	// settled, and what may have moved onto it is at most late in the list.
	settled, err := l.settleHolds(ctx, tenantID, holds)
	if err != nil || !settled {
		return holds, total, err
	}
	holds, total, err = list(ctx, tenantID, f)
	return holds, total, pg.Fault(err)
}

func stateOrAll(s HoldState) *string {
	if s == "" {
		return nil
	}
	text := string(s)
	return &text
}

func (l *Ledger) memberHolds(ctx context.Context, tenantID int64, f HoldFilter) ([]Hold, int64, error) {
	m, found, err := tenant.MemberKey(ctx, l.db, tenantID, f.Member)
	if err != nil || !found {
		return nil, 0, err
	}
	total, err := q.HoldCountByMember(ctx, l.db, query.HoldCountByMemberParams{TenantID: tenantID, MemberID: m, State: stateOrAll(f.State)})
	if err != nil || int64(f.Skip) >= total {
		return nil, total, err
	}
	rows, err := q.HoldListByMember(ctx, l.db, query.HoldListByMemberParams{
		TenantID: tenantID, MemberID: m, State: stateOrAll(f.State), MaxRows: int32(f.Limit), SkipRows: int32(f.Skip),
	})
	holds := make([]Hold, len(rows))
	for i, r := range rows {
		holds[i] = holdFromRow(r, f.Member)
	}
	return holds, total, err
}

func (l *Ledger) allHolds(ctx context.Context, tenantID int64, f HoldFilter) (holds []Hold, total int64, err error) {
	days, err := q.HoldDayList(ctx, l.db, query.HoldDayListParams{TenantID: tenantID, State: stateOrAll(f.State)})
	if err != nil {
		return nil, 0, fmt.Errorf("count holds by day: %w", err)
	}
	newest, skip := lastOf(lastMaturity), int64(f.Skip)
	for _, d := range days {
		if total+d.Holds <= int64(f.Skip) {
			// The page begins before this day: leave it out of the scan.
			newest, skip = lastOf(d.Day.Add(-time.Millisecond)), skip-d.Holds
		}
		total += d.Holds
	}
	if int64(f.Skip) >= total {
		return nil, total, nil
	}
	if f.State != "" {
		rows, err := q.HoldListByState(ctx, l.db, query.HoldListByStateParams{
			TenantID: tenantID, State: string(f.State), Newest: newest, MaxRows: int32(f.Limit), SkipRows: int32(skip),
		})
		for _, r := range rows {
			holds = append(holds, holdFromRow(r.Hold, r.ExternalID))
		}
		return holds, total, err
	}
	rows, err := q.HoldList(ctx, l.db, query.HoldListParams{TenantID: tenantID, Newest: newest, MaxRows: int32(f.Limit), SkipRows: int32(skip)})
	for _, r := range rows {
		holds = append(holds, holdFromRow(r.Hold, r.ExternalID))
	}
	return holds, total, err
}

// lastOf is the greatest version 7 UUID of an instant's millisecond.
func lastOf(at time.Time) uuid.UUID {
	u := uuid.Max
	var ms [8]byte
	binary.BigEndian.PutUint64(ms[:], uint64(at.UnixMilli()))
	copy(u[:6], ms[2:])
	return u
}
