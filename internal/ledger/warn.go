package ledger

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/incent-dev/incent/gen/query"
	"github.com/incent-dev/incent/internal/event"
	"github.com/incent-dev/incent/internal/pg"
	"github.com/incent-dev/incent/internal/tenant"
)

// warnBatch bounds the lots, and the idle members, that one transaction warns of.
const warnBatch = 256

// Unwarned lists the tenants whose members want Warn.
func (l *Ledger) Unwarned(ctx context.Context) ([]int64, error) {
	return q.LotListUnwarnedTenants(ctx, l.db, pg.Now())
}

// Warn tells of points of a tenant's members that expire within the days of its
// policy's warning, once for each member and instant, with what is left to expire
// then. Points that live shorter than that are told of as soon as they are there.
func (l *Ledger) Warn(ctx context.Context, tenantID int64) error {
	for {
		members, err := l.unwarned(ctx, tenantID)
		if err != nil || len(members) == 0 {
			return pg.Fault(err)
		}
		_, err = pg.InTx(ctx, l.db, func(ctx context.Context, tx pg.Tx) (struct{}, error) {
			return struct{}{}, l.warn(ctx, tx, tenantID, members)
		})
		if err != nil {
			return pg.Fault(err)
		}
	}
}

// unwarned lists some of the members who want a warning; each once.
func (l *Ledger) unwarned(ctx context.Context, tenantID int64) ([]string, error) {
	t, err := tenant.Get(ctx, l.db, tenantID)
	if err != nil || t.Policy.WarningDays == 0 {
		return nil, err
	}
	until := warnedUntil(t, t.Now())
	members, err := q.LotListUnwarned(ctx, l.db, query.LotListUnwarnedParams{TenantID: tenantID, Until: until, MaxRows: warnBatch})
	if err != nil {
		return nil, fmt.Errorf("find lots to warn of: %w", err)
	}
	if t.Policy.Expiry == tenant.ExpiryInactivity {
		idle, err := q.AccountListUnwarned(ctx, l.db, query.AccountListUnwarnedParams{TenantID: tenantID, Until: until, MaxRows: warnBatch})
		if err != nil {
			return nil, fmt.Errorf("find idle members to warn: %w", err)
		}
		members = append(members, idle...)
	}
	slices.Sort(members)
	return slices.Compact(members), nil
}

// warnedUntil is the last instant of expiry that is warned of at an instant.
func warnedUntil(t tenant.Tenant, at time.Time) time.Time {
	return at.Add(time.Duration(t.Policy.WarningDays) * 24 * time.Hour)
}

// expiring is the data of points.expiring.
type expiring struct {
	Points    int64  `json:"points"`
	ExpiresAt string `json:"expires_at"`
}

// warn settles the members' accounts, so that what has expired is not warned of
// any more, and tells of what will.
func (l *Ledger) warn(ctx context.Context, tx pg.Tx, tenantID int64, members []string) error {
	t, err := tenant.Get(ctx, tx, tenantID)
	if err != nil {
		return err
	}
	at := t.Now()
	commands := make([]Command, len(members))
	for i, m := range members {
		commands[i] = Command{Op: OpSettle, Member: m, Asset: Points}
	}
	s, err := Begin(ctx, tx, t, at, commands)
	if err != nil {
		return err
	}
	for _, c := range commands {
		s.Do(c) // settling is never refused
	}
	var told event.Journal
	s.TellIn(&told)
	var settled, pipe pg.Pipeline
	if err := s.Store(ctx, &settled); err != nil {
		return err
	}
	if err := l.tellFollowers(ctx, &settled, s); err != nil {
		return err
	}
	if err := settled.Send(ctx, tx); err != nil {
		return err
	}
	w := warningsOf(s, t, warnedUntil(t, at))
	fresh, err := q.ExpiryWarningInsertMany(ctx, tx, query.ExpiryWarningInsertManyParams{
		TenantID: tenantID, MemberIds: w.told.members, Assets: w.told.assets, ExpiresAt: w.told.instants, Amounts: w.told.seqs, At: at,
	})
	if err != nil {
		return fmt.Errorf("record warnings: %w", err)
	}
	for _, f := range fresh {
		told.FactOf(event.PointsExpiring, f.MemberID, expiring{f.Amount, f.ExpiresAt.UTC().Format(time.RFC3339)})
	}
	if err := w.mark(ctx, &pipe, tenantID); err != nil {
		return err
	}
	if err := told.Store(ctx, &pipe, tenantID, at); err != nil {
		return err
	}
	return pipe.Send(ctx, tx)
}

// warnings are what a transaction of Warn tells, and what it has dealt with.
type warnings struct {
	told, lots dated // of told, seqs are amounts
	idle       places
}

// dated are places with an instant each.
type dated struct {
	places
	instants []time.Time
}

func (d *dated) add(b *book, amount int64, at time.Time) {
	d.places.add(b, amount)
	d.instants = append(d.instants, at)
}

func warningsOf(s *Session, t tenant.Tenant, until time.Time) (w warnings) {
	for _, b := range s.books {
		if b == nil {
			continue
		}
		undated := int64(0)
		if t.Policy.Expiry == tenant.ExpiryInactivity && !b.idleAt.IsZero() && !b.idleAt.After(until) {
			undated = b.balances.Available - b.dated
			w.idle.add(b, 0)
		}
		for _, lot := range b.lots {
			if lot.expiresAt.After(until) {
				break // they are in order
			}
			amount := lot.remaining
			if lot.expiresAt.Equal(b.idleAt) {
				amount, undated = amount+undated, 0 // one warning for one instant
			}
			w.lots.add(b, 0, lot.expiresAt)
			w.told.add(b, amount, lot.expiresAt)
		}
		if undated > 0 {
			w.told.add(b, undated, b.idleAt)
		}
	}
	return w
}

// mark lets the next look pass by what was dealt with.
func (w warnings) mark(ctx context.Context, pipe *pg.Pipeline, tenantID int64) error {
	if len(w.lots.members) > 0 {
		err := q.LotUpdateWarned(ctx, pipe, query.LotUpdateWarnedParams{
			TenantID: tenantID, MemberIds: w.lots.members, Assets: w.lots.assets, ExpiresAt: w.lots.instants,
		})
		if err != nil {
			return err
		}
	}
	if len(w.idle.members) == 0 {
		return nil
	}
	return q.AccountUpdateWarned(ctx, pipe, query.AccountUpdateWarnedParams{TenantID: tenantID, MemberIds: w.idle.members, Assets: w.idle.assets})
}
