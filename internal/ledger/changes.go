package ledger

import (
	"context"
	"fmt"
	"time"

	"github.com/incent-dev/incent/gen/query"
	"github.com/incent-dev/incent/internal/pg"
	"github.com/incent-dev/incent/internal/tenant"
)

// Change is one transfer's effect on what a member has available of an asset.
type Change struct {
	Member   int64 // our key
	Seq      int64 // the transfer's number in its account
	From, To int64 // units available before and after
	At       time.Time
}

// Changes lists what the session did to what members have available of an
// asset, of each member in order, for whoever keeps something that must follow.
func (s *Session) Changes(asset Asset) []Change {
	var changes []Change
	for _, b := range s.books {
		if b == nil || b.asset != asset {
			continue
		}
		for _, t := range b.transfers {
			before := t.After.Available
			switch Available {
			case t.From:
				before += t.Amount
			case t.To:
				before -= t.Amount
			default:
				continue
			}
			changes = append(changes, Change{t.Member, t.Seq, before, t.After.Available, t.EffectedAt})
		}
	}
	return changes
}

// Follower keeps something that must follow an asset: it queues its writes in
// the transaction of the changes, whose accounts are locked.
type Follower func(ctx context.Context, pipe *pg.Pipeline, tenantID int64, changes []Change) error

// Follow lets f follow an asset, whatever command of this ledger changes it.
// Call it before the first command. Those who begin a Session themselves have
// to call f themselves.
func (l *Ledger) Follow(asset Asset, f Follower) {
	if l.followers == nil {
		l.followers = map[Asset]Follower{}
	}
	l.followers[asset] = f
}

// applyFollowed is Apply, with the followers told.
func (l *Ledger) applyFollowed(ctx context.Context, tx pg.Tx, pipe *pg.Pipeline, t tenant.Tenant, at time.Time, commands []Command) ([]Result, error) {
	s, err := Begin(ctx, tx, t, at, commands)
	if err != nil {
		return nil, err
	}
	return l.carryOut(ctx, pipe, s, commands)
}

// carryOut does all commands, and stores and tells what they did.
func (l *Ledger) carryOut(ctx context.Context, pipe *pg.Pipeline, s *Session, commands []Command) ([]Result, error) {
	results := make([]Result, len(commands))
	for i, c := range commands {
		results[i] = s.Do(c)
	}
	if err := s.Store(ctx, pipe); err != nil {
		return nil, err
	}
	return results, l.tellFollowers(ctx, pipe, s)
}

func (l *Ledger) tellFollowers(ctx context.Context, pipe *pg.Pipeline, s *Session) error {
	for asset, follow := range l.followers {
		if changes := s.Changes(asset); len(changes) > 0 {
			if err := follow(ctx, pipe, s.tenantID, changes); err != nil {
				return fmt.Errorf("follow %s: %w", asset, err)
			}
		}
	}
	return nil
}

// Due lists the tenants with something that has fallen due and wants SettleDue.
func (l *Ledger) Due(ctx context.Context) ([]int64, error) {
	return q.AccountListDueTenants(ctx, l.db, pg.Now())
}

// SettleDue posts everything of a tenant that has fallen due by now: holds that
// mature, lots and idle members' points that expire. Reads and commands settle the
// accounts they meet themselves, so this may be late; whoever comes second finds
// nothing to do.
func (l *Ledger) SettleDue(ctx context.Context, tenantID int64) error {
	t, err := tenant.Get(ctx, l.db, tenantID)
	if err != nil {
		return pg.Fault(err)
	}
	for {
		due, err := q.AccountListDue(ctx, l.db, query.AccountListDueParams{TenantID: tenantID, At: t.Now(), MaxRows: batchLimit})
		if err != nil || len(due) == 0 {
			return pg.Fault(err)
		}
		commands := make([]Command, len(due))
		for i, d := range due {
			commands[i] = Command{Op: OpSettle, Member: d.ExternalID, Asset: Asset(d.Asset)}
		}
		if _, err := l.PostMany(ctx, tenantID, commands, nil); err != nil {
			return err
		}
	}
}
