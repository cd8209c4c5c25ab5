package referral

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/incent-dev/incent/gen/query"
	"github.com/incent-dev/incent/internal/fault"
	"github.com/incent-dev/incent/internal/id"
	"github.com/incent-dev/incent/internal/ledger"
	"github.com/incent-dev/incent/internal/pg"
	"github.com/incent-dev/incent/internal/store"
)

// maxWhyCases bounds the cases of one answer.
const maxWhyCases = 100

// Why is how something came to be: what the books say, and the way back from a
// reward to the referral. What has no such story has only its transfer.
type Why struct {
	Transfer *ledger.Explanation // nil: the reward has paid no points
	OrderID  string              // public; "": the transfer belongs to no order
	Story    *Story              // nil: no reward is behind it
}

// Story is the way from a reward back to its referral.
type Story struct {
	Reward     Reward
	Campaign   Campaign // as it is now
	Version    Version  // its rule, as it was
	Conversion Conversion
	RefundedAt time.Time // zero: not
	Click      *FollowedClick
	Referral   Referral
	Cases      []Case // of the conversion and the referral, with their signals
}

// FollowedClick is the click that a conversion followed.
type FollowedClick struct {
	ID      uuid.UUID
	At      time.Time
	Counted bool
}

// PublicID renders the click's id.
func (c FollowedClick) PublicID() string { return id.UUID(clickPrefix, c.ID) }

// WhyTransfer tells how a transfer came to be.
func (p *Programme) WhyTransfer(ctx context.Context, tenantID int64, transferID string) (Why, error) {
	e, err := p.ledger.Explain(ctx, tenantID, transferID)
	if err != nil {
		return Why{}, err
	}
	w := Why{Transfer: &e}
	if e.Origin == uuid.Nil {
		return w, nil
	}
	switch e.Transfer.Kind {
	case ledger.KindRedeem, ledger.KindRefund:
		w.OrderID = store.OrderID(e.Origin)
		return w, nil
	}
	r, err := p.reward(ctx, tenantID, e.Origin)
	if fault.Is(err, fault.CodeNotFound) {
		return w, nil
	}
	if err == nil {
		w.Story, err = p.story(ctx, tenantID, r)
	}
	return w, pg.Fault(err)
}

// WhyReward tells how a reward came to be.
func (p *Programme) WhyReward(ctx context.Context, tenantID int64, publicID string) (Why, error) {
	r, err := p.Reward(ctx, tenantID, publicID)
	if err != nil {
		return Why{}, err
	}
	var w Why
	if r.TransferSeq > 0 {
		e, err := p.ledger.ExplainAt(ctx, tenantID, r.member, r.Asset, r.TransferSeq)
		if err != nil {
			return Why{}, err
		}
		w.Transfer = &e
	}
	w.Story, err = p.story(ctx, tenantID, r)
	return w, pg.Fault(err)
}

func (p *Programme) story(ctx context.Context, tenantID int64, r Reward) (*Story, error) {
	s := &Story{Reward: r}
	var err error
	if s.Campaign, err = campaign(ctx, p.db, tenantID, r.CampaignID); err != nil {
		return nil, err
	}
	if s.Version, err = version(ctx, p.db, tenantID, r.CampaignID, r.Version); err != nil {
		return nil, err
	}
	row, err := q.ConversionGetWhy(ctx, p.db, query.ConversionGetWhyParams{TenantID: tenantID, ID: r.ConversionID})
	if err != nil {
		return nil, fmt.Errorf("read conversion: %w", err)
	}
	s.tell(row)
	cases, err := q.CaseListByConversion(ctx, p.db, query.CaseListByConversionParams{
		TenantID: tenantID, ConversionID: &r.ConversionID, ReferralID: &r.ReferralID, MaxRows: maxWhyCases,
	})
	if err != nil {
		return nil, fmt.Errorf("list cases: %w", err)
	}
	for _, c := range cases {
		s.Cases = append(s.Cases, caseFromRow(c.Case, &c.Code, c.Referrer, c.Referee))
	}
	return s, addSignals(ctx, p.db, tenantID, s.Cases)
}

func (s *Story) tell(row query.ConversionGetWhyRow) {
	c, r := row.Conversion, row.Referral
	s.Conversion = Conversion{
		ID: c.ID, CampaignID: c.CampaignID, ReferralID: c.ReferralID, Code: r.Code, Referrer: row.Referrer, Referee: row.Referee,
		Version: int(c.Version), Status: c.Status, AmountMinor: c.AmountMinor, RewardMinor: c.RewardMinor, RewardUnits: c.RewardUnits,
		Review: reviewOf(c.RiskScore, c.Warning, c.Reasons), Metadata: c.Metadata, CreatedAt: c.CreatedAt.UTC(),
	}
	if c.Reason != nil {
		s.Conversion.Reason = *c.Reason
	}
	s.RefundedAt = instant(c.RefundedAt)
	s.Referral = Referral{
		ID: r.ID, CampaignID: r.CampaignID, Code: r.Code, Referrer: row.Referrer, Status: r.Status,
		Review: reviewOf(r.RiskScore, r.Warning, r.Reasons), Clicks: row.Clicks, Conversions: r.Conversions,
		CreatedAt: r.CreatedAt.UTC(), CompletedAt: instant(r.CompletedAt),
	}
	if row.Named != nil {
		s.Referral.Referee = *row.Named
	}
	if r.Username != nil {
		s.Referral.Username = *r.Username
	}
	if c.ClickID != nil && row.ClickedAt != nil && row.ClickCounted != nil {
		s.Click = &FollowedClick{*c.ClickID, row.ClickedAt.UTC(), *row.ClickCounted}
	}
}

func reviewOf(score *int16, warning *string, reasons []string) Review {
	r := Review{Reasons: reasons}
	if score != nil {
		whole := int(*score)
		r.Score = &whole
	}
	if warning != nil {
		r.Warning = *warning
	}
	return r
}
