package ledger

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/incent-dev/incent/gen/query"
	"github.com/incent-dev/incent/internal/fault"
	"github.com/incent-dev/incent/internal/id"
	"github.com/incent-dev/incent/internal/once"
	"github.com/incent-dev/incent/internal/pg"
	"github.com/incent-dev/incent/internal/tenant"
)

// Codes of a reversal's refusals.
const (
	CodeAlreadyReversed = "already_reversed"
	CodeNotReversible   = "not_reversible"
)

// Reversal is what a clawback took. FromPending, Taken, Owed and Forgiven add
// up to what the award had given.
type Reversal struct {
	Outcome
	Member      string // the caller's id
	Asset       Asset
	Amount      int64
	FromPending int64
	At          time.Time
}

// Reverse claws an award back, by its public id. An award that went on hold is
// cancelled while the hold is open, and taken back through the transfer it
// became once it has matured.
func (l *Ledger) Reverse(ctx context.Context, tenantID int64, transferID string, memo Memo, ticket *once.Ticket) (Reversal, error) {
	address, known := id.ParseTransfer(transferID)
	return once.Run(ctx, l.db, tenantID, pg.Now(), ticket, func(ctx context.Context, tx pg.Tx) (Reversal, error) {
		if !known {
			return Reversal{}, fault.Missing("transfer")
		}
		t, err := tenant.Get(ctx, tx, tenantID)
		if err != nil {
			return Reversal{}, err
		}
		row, err := q.TransferGet(ctx, tx, query.TransferGetParams{TenantID: tenantID, MemberID: address.Member, Asset: address.Asset, Seq: address.Seq})
		if pg.IsNoRows(err) {
			return Reversal{}, fault.Missing("transfer")
		}
		if err != nil {
			return Reversal{}, fmt.Errorf("read transfer: %w", err)
		}
		given := transferFromRow(row.Transfer, row.MemoKey, time.Time{})
		if given.ID() != transferID {
			return Reversal{}, fault.Missing("transfer")
		}
		return l.reverseTx(ctx, tx, t, given, Command{Op: OpReverse, Member: row.ExternalID, Asset: given.Asset, Memo: memo})
	})
}

func (l *Ledger) reverseTx(ctx context.Context, tx pg.Tx, t tenant.Tenant, given Transfer, c Command) (Reversal, error) {
	r := Reversal{Member: c.Member, Asset: c.Asset, Amount: given.Amount}
	var err error
	if c.UndoSeq, err = grantOf(ctx, tx, t, given, c, l.applyOne); err != nil {
		return r, err
	}
	result, err := l.applyOne(ctx, tx, t, c)
	if fault.Is(result.Err, CodeInvalidTransition) {
		return r, alreadyReversed()
	}
	if err = errors.Join(err, result.Err); err != nil {
		return r, err
	}
	r.Outcome, r.At = result.Outcome, result.Transfer.EffectedAt
	if r.At.IsZero() { // all of it was forgiven
		r.At = t.Now()
	}
	if result.Hold != nil {
		r.FromPending = result.Hold.Amount
	}
	return r, nil
}

func alreadyReversed() error {
	return fault.New(fault.Invalid, CodeAlreadyReversed, "The award was reversed before")
}

// grantOf finds the transfer to undo. For an award on hold the account is
// settled first, which also locks it: from then on the hold's state stands. The
// reversal's own session locks nothing but this account again, so the order of
// locks is kept.
func grantOf(ctx context.Context, tx pg.Tx, t tenant.Tenant, given Transfer, c Command,
	apply func(context.Context, pg.Tx, tenant.Tenant, Command) (Result, error),
) (int64, error) {
	switch given.Kind {
	case KindAward, KindMature:
		return given.Seq, nil
	case KindHold:
	default:
		return 0, fault.New(fault.Invalid, CodeNotReversible, "Only an award can be reversed; this transfer is a %s", given.Kind)
	}
	settled, err := apply(ctx, tx, t, Command{Op: OpSettle, Member: c.Member, Asset: c.Asset})
	if err = errors.Join(err, settled.Err); err != nil {
		return 0, err
	}
	h, err := getHold(ctx, tx, t.ID, given.Cause)
	switch {
	case err != nil:
		return 0, err
	case h.State == Cancelled:
		return 0, alreadyReversed()
	case h.State == Matured:
		return h.closedSeq, nil
	}
	return given.Seq, nil
}
