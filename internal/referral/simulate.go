package referral

import (
	"context"
	"fmt"

	"github.com/incent-dev/incent/gen/query"
	"github.com/incent-dev/incent/internal/once"
	"github.com/incent-dev/incent/internal/pg"
	"github.com/incent-dev/incent/internal/tenant"
)

// ReasonRepeat says that the referee's first conversion was paid already.
const ReasonRepeat = "REPEAT_CONVERSION"

// Trial is a conversion that did not happen.
type Trial struct {
	AmountMinor *int64 // nil: none given
	Referrer    string // "": somebody without rewards so far
	Referee     string // "": somebody who has not converted yet
	Rewarded    *int64 // rewarded conversions of the referrer before it; nil: as many as there are
}

// Simulation says what a trial would pay.
type Simulation struct {
	Campaign Campaign
	Runs     bool // false: such a conversion is refused
	Rewarded int64
	Referrer Earning
	Referee  Earning
}

// Simulate says what a conversion would pay each side under the rule in force,
// and why. It changes nothing. Fraud is not judged, and the attribution window is
// not looked at: both depend on clicks that a trial does not have.
func (p *Programme) Simulate(ctx context.Context, tenantID int64, campaignID string, trial Trial, ticket *once.Ticket) (Simulation, error) {
	return once.Run(ctx, p.db, tenantID, pg.Now(), ticket, func(ctx context.Context, tx pg.Tx) (Simulation, error) {
		t, err := tenant.Get(ctx, tx, tenantID)
		if err != nil {
			return Simulation{}, err
		}
		c, err := campaign(ctx, tx, tenantID, campaignID)
		if err != nil {
			return Simulation{}, err
		}
		s := Simulation{Campaign: c, Runs: c.Runs(t.Now())}
		in := EarnInput{AmountMinor: trial.AmountMinor}
		var granted int64
		if in.Rewarded, granted, err = grantedTo(ctx, tx, tenantID, c.ID, trial.Referrer); err != nil {
			return Simulation{}, err
		}
		if trial.Rewarded != nil {
			in.Rewarded = *trial.Rewarded
		}
		s.Rewarded = in.Rewarded
		in.CapLeftMinor, in.BudgetLeftMinor = c.left(granted)
		s.Referrer, s.Referee = c.Rule.Earn(in)
		repeat, err := paidBefore(ctx, tx, tenantID, c.ID, trial.Referee)
		if err == nil && repeat && !c.Rule.PayRepeats {
			again := Earning{}.nothing(ReasonRepeat, "The referee's first conversion was paid, and the campaign pays no later ones")
			s.Referrer, s.Referee = again, again
		}
		return s, err
	})
}

// left is what the campaign may still grant, to a referrer who was granted so
// much and at all; nil where there is no limit.
func (c Campaign) left(granted int64) (referrerCap, budget *int64) {
	if c.Rule.ReferrerCapMinor > 0 {
		left := c.Rule.ReferrerCapMinor - granted
		referrerCap = &left
	}
	if c.BudgetMinor != nil {
		left := *c.BudgetMinor - c.SpentMinor
		budget = &left
	}
	return referrerCap, budget
}

// grantedTo reads how often and how much a referrer was rewarded.
func grantedTo(ctx context.Context, tx pg.Tx, tenantID int64, campaignID, member string) (rewards, grantedMinor int64, err error) {
	tally, err := q.CampaignGetReferrer(ctx, tx, query.CampaignGetReferrerParams{TenantID: tenantID, ExternalID: member, CampaignID: campaignID})
	if err != nil && !pg.IsNoRows(err) {
		return 0, 0, fmt.Errorf("read tally: %w", err)
	}
	return tally.Rewards, tally.GrantedMinor, nil
}

// paidBefore tells whether a conversion of a referee was paid.
func paidBefore(ctx context.Context, tx pg.Tx, tenantID int64, campaignID, member string) (bool, error) {
	bound, err := q.CampaignGetReferee(ctx, tx, query.CampaignGetRefereeParams{TenantID: tenantID, ExternalID: member, CampaignID: campaignID})
	if err != nil && !pg.IsNoRows(err) {
		return false, fmt.Errorf("read attribution: %w", err)
	}
	return err == nil && bound.PaidAt != nil, nil
}
