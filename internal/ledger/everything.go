package ledger

import (
	"context"
	"fmt"
	"time"

	"github.com/incent-dev/incent/gen/query"
	"github.com/incent-dev/incent/internal/pg"
	"github.com/incent-dev/incent/internal/tenant"
)

// Everything is what one member has of every asset. What there is no account of
// is zero.
type Everything struct {
	Member             string // the caller's id
	Points, Tokens, XP Holding
}

// Of is the place of one asset's account.
func (e *Everything) Of(a Asset) *Holding {
	switch a {
	case Points:
		return &e.Points
	case Tokens:
		return &e.Tokens
	}
	return &e.XP
}

// Everything reads all accounts of one member, as of now, as Balance reads one.
// An unknown member has nothing.
func (l *Ledger) Everything(ctx context.Context, tenantID int64, member string) (Everything, error) {
	e := Everything{Member: member}
	err := l.settled(ctx, tenantID, func(due *falling) error {
		rows, err := q.AccountListByMember(ctx, l.db, query.AccountListByMemberParams{TenantID: tenantID, ExternalID: member})
		for _, r := range rows {
			asset := Asset(r.Asset)
			*e.Of(asset) = Holding{Balances{r.Available, r.Pending, r.Debt}, r.Earned, r.Redeemed}
			due.add(member, asset, instant(r.DueAt))
		}
		return err
	})
	return e, err
}

// Everybody reads all accounts of a page of members, in the order in which they
// were enrolled, as of now. Their places are numbered without a gap, so any page
// is a range of a key, and the total is the newest place.
func (l *Ledger) Everybody(ctx context.Context, tenantID int64, limit, skip int) (page []Everything, total int64, err error) {
	total, err = q.MemberCountGet(ctx, l.db, tenantID)
	if pg.IsNoRows(err) || err == nil && int64(skip) >= total {
		return nil, total, nil
	}
	if err != nil {
		return nil, 0, pg.Fault(fmt.Errorf("count members: %w", err))
	}
	err = l.settled(ctx, tenantID, func(due *falling) error {
		page = nil
		rows, err := q.AccountListByPlace(ctx, l.db, query.AccountListByPlaceParams{TenantID: tenantID, Oldest: int64(skip) + 1, Newest: int64(skip) + int64(limit)})
		for _, r := range rows {
			if n := len(page); n == 0 || page[n-1].Member != r.ExternalID {
				page = append(page, Everything{Member: r.ExternalID})
			}
			if r.Asset != 0 {
				*page[len(page)-1].Of(Asset(r.Asset)) = Holding{Balances{r.Available, r.Pending, r.Debt}, r.Earned, r.Redeemed}
				due.add(r.ExternalID, Asset(r.Asset), r.DueAt)
			}
		}
		return err
	})
	return page, total, err
}

// falling gathers the accounts that have something to settle.
type falling struct {
	at       time.Time // zero: gathers none
	commands []Command
}

func (f *falling) add(member string, asset Asset, due time.Time) {
	if !due.IsZero() && !f.at.IsZero() && !due.After(f.at) {
		f.commands = append(f.commands, Command{Op: OpSettle, Member: member, Asset: asset})
	}
}

// settled reads, and once more where something it read has fallen due and had to
// be settled first.
func (l *Ledger) settled(ctx context.Context, tenantID int64, read func(*falling) error) error {
	t, err := tenant.Get(ctx, l.db, tenantID)
	if err != nil {
		return pg.Fault(err)
	}
	due := &falling{at: t.Now()}
	if err := read(due); err != nil {
		return pg.Fault(fmt.Errorf("read accounts: %w", err))
	}
	if len(due.commands) == 0 {
		return nil
	}
	if _, err := l.PostMany(ctx, tenantID, due.commands, nil); err != nil {
		return err
	}
	return pg.Fault(read(&falling{}))
}
