package ledger

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/incent-dev/incent/gen/query"
	"github.com/incent-dev/incent/internal/fault"
	"github.com/incent-dev/incent/internal/id"
	"github.com/incent-dev/incent/internal/pg"
	"github.com/incent-dev/incent/internal/tenant"
)

// LotEntry is what a transfer put into (positive) or took from (negative) the
// lot that expires at an instant.
type LotEntry struct {
	ExpiresAt time.Time
	Amount    int64
}

// Undone is how a spend was refunded or a grant reversed.
type Undone struct {
	Taken, Owed, Forgiven int64
	At                    time.Time
}

// Explanation is what the books know of one transfer.
type Explanation struct {
	Transfer Transfer
	Member   string     // the caller's id
	Lots     []LotEntry // empty: nothing of it expires
	Undone   *Undone    // nil: it stands

	// Origin is the order, reward or other object that it belongs to: its own
	// cause, or that of the hold or grant that it follows from. Zero is none.
	Origin uuid.UUID
}

// ParseTransferID reads a transfer's public id; false when it is none.
func ParseTransferID(publicID string) (member int64, asset Asset, seq int64, ok bool) {
	a, ok := id.ParseTransfer(publicID)
	return a.Member, Asset(a.Asset), a.Seq, ok
}

// Explain reads one transfer by its public id, with what surrounds it.
func (l *Ledger) Explain(ctx context.Context, tenantID int64, transferID string) (Explanation, error) {
	member, asset, seq, known := ParseTransferID(transferID)
	if !known {
		return Explanation{}, fault.Missing("transfer")
	}
	e, err := l.ExplainAt(ctx, tenantID, member, asset, seq)
	if err == nil && e.Transfer.ID() != transferID {
		return Explanation{}, fault.Missing("transfer")
	}
	return e, err
}

// ExplainAt is Explain by account, our key of the member, and number.
func (l *Ledger) ExplainAt(ctx context.Context, tenantID, member int64, asset Asset, seq int64) (Explanation, error) {
	row, err := q.TransferGet(ctx, l.db, query.TransferGetParams{TenantID: tenantID, MemberID: member, Asset: int16(asset), Seq: seq})
	if pg.IsNoRows(err) {
		return Explanation{}, fault.Missing("transfer")
	}
	if err != nil {
		return Explanation{}, pg.Fault(fmt.Errorf("read transfer: %w", err))
	}
	e := Explanation{Transfer: transferFromRow(row.Transfer, row.MemoKey, time.Time{}), Member: row.ExternalID}
	entries, err := q.LotEntryListByTransfer(ctx, l.db, query.LotEntryListByTransferParams{
		TenantID: tenantID, MemberIds: []int64{member}, Assets: []int16{int16(asset)}, Seqs: []int64{seq},
	})
	if err != nil {
		return e, pg.Fault(fmt.Errorf("read lot entries: %w", err))
	}
	for _, entry := range entries {
		e.Lots = append(e.Lots, LotEntry{entry.ExpiresAt.UTC(), entry.Amount})
	}
	undone, err := q.UndoneGet(ctx, l.db, query.UndoneGetParams{TenantID: tenantID, MemberID: member, Asset: int16(asset), Seq: seq})
	if err == nil {
		e.Undone = &Undone{undone.Taken, undone.Owed, undone.Forgiven, undone.At.UTC()}
	} else if !pg.IsNoRows(err) {
		return e, pg.Fault(fmt.Errorf("read what was undone: %w", err))
	}
	e.Origin, err = l.origin(ctx, tenantID, e.Transfer)
	return e, pg.Fault(err)
}

// origin follows a transfer that belongs to a hold, or takes a grant back, to
// what that hold or grant belongs to.
func (l *Ledger) origin(ctx context.Context, tenantID int64, t Transfer) (uuid.UUID, error) {
	switch {
	case t.Kind == KindHold || t.Kind == KindMature || t.Kind == KindCancelHold:
		h, err := getHold(ctx, l.db, tenantID, t.Cause)
		return h.Cause, err
	case t.Cause == uuid.Nil && (t.Kind == KindClawback || t.Kind == KindOwe):
		grant, err := q.TransferGet(ctx, l.db, query.TransferGetParams{TenantID: tenantID, MemberID: t.Member, Asset: int16(t.Asset), Seq: t.CauseSeq})
		if err != nil {
			return uuid.Nil, fmt.Errorf("read grant: %w", err)
		}
		return l.origin(ctx, tenantID, transferFromRow(grant.Transfer, grant.MemoKey, time.Time{}))
	}
	return t.Cause, nil
}

// Grant names an award to be taken back inside a larger transaction.
type Grant struct {
	Member string // the caller's id
	Asset  Asset
	Seq    int64 // the transfer that its award was answered with
	Amount int64
	Cause  uuid.UUID // what it was awarded for
}

// ReverseGrants claws awards back inside a transaction, each as Reverse does,
// and locks all their accounts in the one order. A grant that was reversed
// before comes back with the zero Reversal. Followers are not told: what is
// followed (XP) is never granted by a larger transaction that takes it back.
func ReverseGrants(ctx context.Context, tx pg.Tx, t tenant.Tenant, grants []Grant, memo Memo) ([]Reversal, error) {
	if len(grants) == 0 {
		return nil, nil
	}
	settle := make([]Command, len(grants))
	for i, g := range grants {
		settle[i] = Command{Op: OpSettle, Member: g.Member, Asset: g.Asset}
	}
	if _, err := applyAll(ctx, tx, t, settle); err != nil {
		return nil, err
	}
	// All accounts are locked now; the second session locks none besides.
	reversals := make([]Reversal, len(grants))
	var commands []Command
	var places []int
	for i, g := range grants {
		reversals[i] = Reversal{Member: g.Member, Asset: g.Asset, Amount: g.Amount}
		c := Command{Op: OpReverse, Member: g.Member, Asset: g.Asset, Cause: g.Cause, Memo: memo}
		err := findGrant(ctx, tx, t, g, &c)
		if fault.Is(err, CodeAlreadyReversed) {
			continue
		}
		if err != nil {
			return nil, err
		}
		commands, places = append(commands, c), append(places, i)
	}
	results, err := applyAll(ctx, tx, t, commands)
	if err != nil {
		return nil, err
	}
	for i, result := range results {
		r := &reversals[places[i]]
		if fault.Is(result.Err, CodeInvalidTransition) {
			continue
		}
		if result.Err != nil {
			return nil, result.Err
		}
		r.Outcome, r.At = result.Outcome, t.Now()
		if result.Hold != nil {
			r.FromPending = result.Hold.Amount
		}
	}
	return reversals, nil
}

func findGrant(ctx context.Context, tx pg.Tx, t tenant.Tenant, g Grant, c *Command) error {
	member, found, err := tenant.MemberKey(ctx, tx, t.ID, g.Member)
	if err != nil || !found {
		return errors.Join(err, fault.Missing("member"))
	}
	row, err := q.TransferGet(ctx, tx, query.TransferGetParams{TenantID: t.ID, MemberID: member, Asset: int16(g.Asset), Seq: g.Seq})
	if err != nil {
		return fmt.Errorf("read transfer: %w", err)
	}
	c.UndoSeq, err = grantOf(ctx, tx, t, transferFromRow(row.Transfer, row.MemoKey, time.Time{}), *c,
		func(ctx context.Context, tx pg.Tx, t tenant.Tenant, c Command) (Result, error) {
			results, err := applyAll(ctx, tx, t, []Command{c})
			if err != nil {
				return Result{}, err
			}
			return results[0], nil
		})
	return err
}

// applyAll carries out commands inside a transaction and stores their effect.
func applyAll(ctx context.Context, tx pg.Tx, t tenant.Tenant, commands []Command) ([]Result, error) {
	if len(commands) == 0 {
		return nil, nil
	}
	var pipe pg.Pipeline
	results, err := Apply(ctx, tx, &pipe, t, t.Now(), commands)
	if err != nil {
		return nil, err
	}
	return results, pipe.Send(ctx, tx)
}
