package referral

import (
	"context"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/incent-dev/incent/gen/query"
	"github.com/incent-dev/incent/internal/event"
	"github.com/incent-dev/incent/internal/fault"
	"github.com/incent-dev/incent/internal/id"
	"github.com/incent-dev/incent/internal/incentive"
	"github.com/incent-dev/incent/internal/ledger"
	"github.com/incent-dev/incent/internal/once"
	"github.com/incent-dev/incent/internal/pg"
	"github.com/incent-dev/incent/internal/tenant"
)

// maxNote bounds a reviewer's note, in characters.
const maxNote = 2000

// Review decides an open case: approved lets go what it holds, rejected takes it
// back. A case that was decided that way before stays as it is, but for the
// note; nil keeps the note.
//
// A case about a conversion holds its rewards. One about a referral holds
// nothing: it marks the code as looked at, and later conversions are judged by
// themselves.
func (p *Programme) Review(ctx context.Context, tenantID int64, publicID string, to CaseState, note *string, ticket *once.Ticket) (Case, error) {
	return p.onCase(ctx, tenantID, publicID, note, ticket, func(ctx context.Context, tx pg.Tx, t tenant.Tenant, row *query.Case) error {
		switch CaseState(row.State) {
		case to:
			return nil
		case CaseOpen:
		default:
			return fault.New(fault.Invalid, CodeInvalidTransition, "A case that is %s cannot become %s", row.State, to)
		}
		row.State = string(to)
		at := t.Now()
		row.ReviewedAt = &at
		return nil
	})
}

// NoteCase changes a case's note.
func (p *Programme) NoteCase(ctx context.Context, tenantID int64, publicID string, note *string, ticket *once.Ticket) (Case, error) {
	return p.onCase(ctx, tenantID, publicID, note, ticket, func(context.Context, pg.Tx, tenant.Tenant, *query.Case) error { return nil })
}

// onCase changes a locked case, and what it holds when it was decided.
func (p *Programme) onCase(ctx context.Context, tenantID int64, publicID string, note *string, ticket *once.Ticket,
	decide func(context.Context, pg.Tx, tenant.Tenant, *query.Case) error) (Case, error) {
	caseID, known := id.ParseUUID(casePrefix, publicID)
	return p.runOpening(ctx, tenantID, ticket, func(ctx context.Context, tx pg.Tx) (Case, error) {
		if !known {
			return Case{}, fault.Missing("case")
		}
		if note != nil && utf8.RuneCountInString(*note) > maxNote {
			return Case{}, fault.Field("note", "must have at most %d characters", maxNote)
		}
		t, err := tenant.Get(ctx, tx, tenantID)
		if err != nil {
			return Case{}, err
		}
		seen, err := readCase(ctx, tx, tenantID, caseID)
		if err != nil {
			return Case{}, err
		}
		var around *circle
		if seen.ConversionID != uuid.Nil {
			if around, err = lockCircle(ctx, tx, t, seen.ConversionID); err != nil {
				return Case{}, err
			}
		}
		row, err := q.CaseGetForUpdate(ctx, tx, query.CaseGetForUpdateParams{TenantID: tenantID, ID: caseID})
		if err != nil {
			return Case{}, fmt.Errorf("lock case: %w", err)
		}
		before := row.State
		if err := decide(ctx, tx, t, &row); err != nil {
			return Case{}, err
		}
		if note != nil {
			row.Note = *note
		}
		var pipe pg.Pipeline
		if around != nil && row.State != before {
			if err := p.follow(ctx, tx, &pipe, around, CaseState(row.State)); err != nil {
				return Case{}, err
			}
		}
		err = q.CaseUpdate(ctx, &pipe, query.CaseUpdateParams{TenantID: tenantID, ID: caseID, State: row.State, Note: row.Note, ReviewedAt: row.ReviewedAt})
		if err := errors.Join(err, pipe.Send(ctx, tx)); err != nil {
			return Case{}, err
		}
		return readCase(ctx, tx, tenantID, caseID)
	})
}

// follow does to a flagged conversion what its review decided.
func (p *Programme) follow(ctx context.Context, tx pg.Tx, pipe *pg.Pipeline, c *circle, to CaseState) error {
	if c.conversion.Status != ConversionFlagged {
		return nil // it was taken back otherwise
	}
	if to == CaseRejected {
		if _, err := c.withdraw(ctx, tx, c.everyReward(), "Referral rejected"); err != nil {
			return err
		}
		return c.store(ctx, pipe, c.reject())
	}
	rule, err := version(ctx, tx, c.t.ID, c.campaign.ID, int(c.conversion.Version))
	if err != nil {
		return err
	}
	at := c.t.Now()
	c.conversion.Status = ConversionCompleted
	for i := range c.rewards {
		c.rewards[i].release(rule.Rule, at)
	}
	if len(c.rewards) > 0 && c.referral.CompletedAt == nil {
		c.referral.Status, c.referral.CompletedAt = ReferralCompleted, &at
	}
	// It is flagged no more, so it fires what others fire at once.
	var occasions []incentive.Occasion
	if orEmpty(c.conversion.Reason) != ReasonOtherAttribution {
		occasions = append(occasions, converted(c.t.ID, c.conversion.ID, c.referrer, c.referral.ReferrerID))
	}
	var told event.Journal
	fired, err := p.fire(ctx, tx, pipe, &told, c.t, occasions...)
	if err != nil {
		return err
	}
	return errors.Join(c.store(ctx, pipe, 0), fired.Store(ctx, pipe), told.Store(ctx, pipe, c.t.ID, at))
}

// runOpening is once.Run for a command about a case, which may open accounts.
func (p *Programme) runOpening(ctx context.Context, tenantID int64, ticket *once.Ticket, fn func(context.Context, pg.Tx) (Case, error)) (Case, error) {
	for attempt := 1; ; attempt++ {
		c, err := once.Run(ctx, p.db, tenantID, pg.Now(), ticket, fn)
		if again, err := p.open(ctx, tenantID, err, attempt); !again {
			return c, err
		}
	}
}

// release lets a held reward go, unless its rule asks for a rest that lasts.
func (r *Reward) release(rule Rule, at time.Time) {
	if r.Status != RewardPending {
		return
	}
	r.UpdatedAt = at
	if until := heldUntil(*r, rule, at); !until.IsZero() {
		r.HeldUntil = until
		return
	}
	r.Status = RewardApproved
}

// ApproveReward lets a pending reward go before its time. One that a case holds
// leaves PENDING by the review of the case only.
func (p *Programme) ApproveReward(ctx context.Context, tenantID int64, publicID string, ticket *once.Ticket) (Reward, error) {
	return p.onReward(ctx, tenantID, publicID, ticket, func(ctx context.Context, tx pg.Tx, c *circle, r *Reward) error {
		if r.Status == RewardApproved {
			return nil
		}
		if r.Status != RewardPending {
			return r.cannot("be approved")
		}
		r.Status, r.UpdatedAt = RewardApproved, c.t.Now()
		return nil
	})
}

// CancelReward takes back a reward that is neither used nor paid out.
func (p *Programme) CancelReward(ctx context.Context, tenantID int64, publicID string, ticket *once.Ticket) (Reward, error) {
	return p.onReward(ctx, tenantID, publicID, ticket, func(ctx context.Context, tx pg.Tx, c *circle, r *Reward) error {
		switch r.Status {
		case RewardCancelled:
			return nil
		case RewardPaid:
			return r.cannot("be cancelled; refund its conversion to take its points back")
		}
		_, err := c.withdraw(ctx, tx, []*Reward{r}, "Referral reward cancelled")
		return err
	})
}

func (r Reward) cannot(what string) error {
	return fault.New(fault.Invalid, CodeInvalidTransition, "A reward that is %s cannot %s", r.Status, what)
}

func (p *Programme) onReward(ctx context.Context, tenantID int64, publicID string, ticket *once.Ticket,
	decide func(context.Context, pg.Tx, *circle, *Reward) error) (Reward, error) {
	rewardID, known := id.ParseUUID(rewardPrefix, publicID)
	return once.Run(ctx, p.db, tenantID, pg.Now(), ticket, func(ctx context.Context, tx pg.Tx) (Reward, error) {
		if !known {
			return Reward{}, fault.Missing("reward")
		}
		t, err := tenant.Get(ctx, tx, tenantID)
		if err != nil {
			return Reward{}, err
		}
		row, err := q.RewardGet(ctx, tx, query.RewardGetParams{TenantID: tenantID, ID: rewardID})
		if pg.IsNoRows(err) {
			return Reward{}, fault.Missing("reward")
		}
		if err != nil {
			return Reward{}, fmt.Errorf("read reward: %w", err)
		}
		c, err := lockCircle(ctx, tx, t, row.Reward.ConversionID)
		if err != nil {
			return Reward{}, err
		}
		for i := range c.rewards {
			r := &c.rewards[i]
			if r.ID != rewardID {
				continue
			}
			if r.Status == RewardPending && c.conversion.Status == ConversionFlagged {
				return *r, fault.New(fault.Invalid, CodeInvalidTransition, "A case holds this reward: review the case")
			}
			if err := decide(ctx, tx, c, r); err != nil {
				return *r, err
			}
			var pipe pg.Pipeline
			return *r, errors.Join(c.store(ctx, &pipe, 0), pipe.Send(ctx, tx))
		}
		return Reward{}, fault.Missing("reward")
	})
}

// Refund is what taking a conversion back came to.
type Refund struct {
	ConversionID uuid.UUID
	Status       string
	RefundedAt   time.Time
	Rewards      []Withdrawn
}

// PublicID renders the conversion's id.
func (r Refund) PublicID() string { return id.UUID(conversionPrefix, r.ConversionID) }

// RefundConversion takes back exactly what a conversion granted, once. It is
// REJECTED then and counts no more; whose first conversion it was is not decided
// anew.
func (p *Programme) RefundConversion(ctx context.Context, tenantID int64, publicID, reason string, ticket *once.Ticket) (Refund, error) {
	conversionID, known := id.ParseUUID(conversionPrefix, publicID)
	return once.Run(ctx, p.db, tenantID, pg.Now(), ticket, func(ctx context.Context, tx pg.Tx) (Refund, error) {
		if !known {
			return Refund{}, fault.Missing("conversion")
		}
		t, err := tenant.Get(ctx, tx, tenantID)
		if err != nil {
			return Refund{}, err
		}
		c, err := lockCircle(ctx, tx, t, conversionID)
		if err != nil {
			return Refund{}, err
		}
		switch {
		case c.conversion.RefundedAt != nil:
			return Refund{}, fault.New(fault.Invalid, ledger.CodeAlreadyReversed, "The conversion was refunded before")
		case c.conversion.Status == ConversionFlagged:
			return Refund{}, fault.New(fault.Invalid, CodeInvalidTransition, "A case holds this conversion: review the case")
		case c.conversion.Status != ConversionCompleted:
			return Refund{}, fault.New(fault.Invalid, CodeInvalidTransition, "A conversion that is %s has granted nothing", c.conversion.Status)
		}
		at := t.Now()
		out := Refund{ConversionID: conversionID, Status: ConversionRejected, RefundedAt: at}
		if out.Rewards, err = c.withdraw(ctx, tx, c.everyReward(), reason); err != nil {
			return Refund{}, err
		}
		c.conversion.RefundedAt = &at
		var pipe pg.Pipeline
		return out, errors.Join(c.store(ctx, &pipe, c.reject()), pipe.Send(ctx, tx))
	})
}
