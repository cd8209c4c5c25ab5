package referral

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"github.com/incent-dev/incent/gen/query"
	"github.com/incent-dev/incent/internal/event"
	"github.com/incent-dev/incent/internal/id"
	"github.com/incent-dev/incent/internal/ledger"
	"github.com/incent-dev/incent/internal/wire"
)

// aboutRewards are the kinds of event whose object is a reward.
var aboutRewards = []event.Kind{event.RewardCreated, event.RewardClaimed, event.IncentaRewardRedeemed}

// Tell completes the events about codes, clicks, conversions and rewards.
func (p *Programme) Tell(ctx context.Context, tenantID int64, page []event.Event) error {
	return errors.Join(
		tell(page, func(ids []uuid.UUID) ([]query.ReferralListToldRow, error) {
			return q.ReferralListTold(ctx, p.db, query.ReferralListToldParams{TenantID: tenantID, Ids: ids})
		}, func(r query.ReferralListToldRow) uuid.UUID { return r.ID }, createdData, event.ReferralCreated),
		tell(page, func(ids []uuid.UUID) ([]query.ClickListToldRow, error) {
			return q.ClickListTold(ctx, p.db, query.ClickListToldParams{TenantID: tenantID, Ids: ids})
		}, func(r query.ClickListToldRow) uuid.UUID { return r.ID }, clickedData, event.ReferralClicked),
		tell(page, func(ids []uuid.UUID) ([]query.ConversionListToldRow, error) {
			return q.ConversionListTold(ctx, p.db, query.ConversionListToldParams{TenantID: tenantID, Ids: ids})
		}, func(r query.ConversionListToldRow) uuid.UUID { return r.ID }, convertedData, event.ReferralConverted),
		tell(page, func(ids []uuid.UUID) ([]query.RewardListToldRow, error) {
			return q.RewardListTold(ctx, p.db, query.RewardListToldParams{TenantID: tenantID, Ids: ids})
		}, func(r query.RewardListToldRow) uuid.UUID { return r.ID }, rewardData, aboutRewards...),
	)
}

// tell reads the rows that the events of some kinds are about, and makes of each
// row and the journal's own note the event's data.
func tell[R any](page []event.Event, read func([]uuid.UUID) ([]R, error), key func(R) uuid.UUID,
	data func(R, standing, event.Kind) any, kinds ...event.Kind) error {
	events := event.Pick(page, kinds...)
	if len(events) == 0 {
		return nil
	}
	list, err := read(event.Objects(events))
	if err != nil {
		return fmt.Errorf("read what %s is about: %w", events[0].Kind, err)
	}
	rows := make(map[uuid.UUID]R, len(list))
	for _, r := range list {
		rows[key(r)] = r
	}
	for _, e := range events {
		var was standing
		if e.Data != nil {
			if err := json.Unmarshal(e.Data, &was); err != nil {
				return fmt.Errorf("read event %d: %w", e.Number, err)
			}
		}
		if err := e.Tell(data(rows[e.Of.Object], was, e.Kind)); err != nil {
			return err
		}
	}
	return nil
}

// suspicion is what the scorer said, as Incenta's answers show it.
type suspicion struct {
	Warning   *string  `json:"warning"`
	Reasons   []string `json:"reasons"`
	RiskScore *int16   `json:"riskScore"`
}

type toldReferral struct {
	ID           string  `json:"id"`
	ReferralID   string  `json:"referralId"`
	ReferralCode string  `json:"referralCode"`
	CampaignID   string  `json:"campaignId"`
	ReferrerID   string  `json:"referrerId"`
	RefereeID    *string `json:"refereeId"`
	Status       string  `json:"status"`
	suspicion
	CreatedAt wire.Millis `json:"createdAt"`
}

func createdData(r query.ReferralListToldRow, _ standing, _ event.Kind) any {
	publicID := id.UUID(referralPrefix, r.ID)
	return toldReferral{
		publicID, publicID, r.Code, r.CampaignID, r.Referrer, orNull(r.Referee), ReferralPending,
		suspicion{r.Warning, r.Reasons, r.RiskScore}, wire.Millis(r.CreatedAt),
	}
}

type toldClick struct {
	ID           string      `json:"id"`
	ClickID      string      `json:"clickId"`
	ReferralID   string      `json:"referralId"`
	ReferralCode string      `json:"referralCode"`
	CampaignID   string      `json:"campaignId"`
	ReferrerID   string      `json:"referrerId"`
	RefereeID    *string     `json:"refereeId"`
	Counted      bool        `json:"counted"`
	ClickedAt    wire.Millis `json:"clickedAt"`
}

func clickedData(r query.ClickListToldRow, _ standing, _ event.Kind) any {
	publicID := id.UUID(clickPrefix, r.ID)
	return toldClick{
		publicID, publicID, id.UUID(referralPrefix, r.ReferralID), r.Code, r.CampaignID, r.Referrer, orNull(r.Referee), r.Counted, wire.Millis(r.CreatedAt),
	}
}

type toldConversion struct {
	ID            string      `json:"id"`
	ConversionID  string      `json:"conversionId"`
	ReferralID    string      `json:"referralId"`
	ReferralCode  string      `json:"referralCode"`
	CampaignID    string      `json:"campaignId"`
	ReferrerID    string      `json:"referrerId"`
	RefereeID     string      `json:"refereeId"`
	Amount        *wire.Money `json:"amount"`
	RewardAmount  wire.Money  `json:"rewardAmount"`
	RewardCoins   int64       `json:"rewardCoins"`
	RewardCreated bool        `json:"rewardCreated"`
	Status        string      `json:"status"`
	Reason        *string     `json:"reason"`
	suspicion
	Metadata  json.RawMessage `json:"metadata,omitempty"`
	CreatedAt wire.Millis     `json:"createdAt"`
}

func convertedData(r query.ConversionListToldRow, was standing, _ event.Kind) any {
	publicID := id.UUID(conversionPrefix, r.ID)
	return toldConversion{
		ID: publicID, ConversionID: publicID, ReferralID: id.UUID(referralPrefix, r.ReferralID), ReferralCode: r.Code, CampaignID: r.CampaignID,
		ReferrerID: r.Referrer, RefereeID: r.Referee, Amount: (*wire.Money)(r.AmountMinor), RewardAmount: wire.Money(r.RewardMinor), RewardCoins: r.RewardUnits,
		RewardCreated: r.Reason == nil, Status: was.Status, Reason: r.Reason, suspicion: suspicion{r.Warning, r.Reasons, r.RiskScore},
		Metadata: r.Metadata, CreatedAt: wire.Millis(r.CreatedAt),
	}
}

type toldReward struct {
	ID              string       `json:"id"`
	RewardID        string       `json:"rewardId"`
	ReferralID      string       `json:"referralId"`
	ConversionID    string       `json:"conversionId"`
	CampaignID      string       `json:"campaignId"`
	UserID          string       `json:"userId"`
	Role            string       `json:"role"`
	FulfillmentType string       `json:"fulfillmentType"`
	Amount          wire.Money   `json:"amount"`
	Coins           int64        `json:"coins"`
	Tokens          int64        `json:"tokens"`
	Status          string       `json:"status"`
	DiscountCode    *string      `json:"discountCode"`
	CouponCode      *string      `json:"couponCode"`
	HeldUntil       *wire.Millis `json:"heldUntil"`
	CreatedAt       wire.Millis  `json:"createdAt"`
	ClaimedAt       *wire.Millis `json:"claimedAt"`
	RedeemedAt      *wire.Millis `json:"redeemedAt"`
}

// rewardData is a reward as it was at an event: made, claimed, or redeemed. Its
// code is read when it is told.
func rewardData(r query.RewardListToldRow, was standing, k event.Kind) any {
	publicID := id.UUID(rewardPrefix, r.ID)
	out := toldReward{
		ID: publicID, RewardID: publicID, ReferralID: id.UUID(referralPrefix, r.ReferralID), ConversionID: id.UUID(conversionPrefix, r.ConversionID),
		CampaignID: r.CampaignID, UserID: r.ExternalID, Role: r.Role, FulfillmentType: r.Fulfilment, Amount: wire.Money(r.ValueMinor),
		Status: was.Status, HeldUntil: was.HeldUntil, CreatedAt: wire.Millis(r.CreatedAt),
	}
	if ledger.Asset(r.Asset) == ledger.Points {
		out.Coins = r.Units
	} else {
		out.Tokens = r.Units
	}
	if k == event.RewardCreated {
		return out
	}
	out.ClaimedAt = wire.MillisOrNull(instant(r.ClaimedAt))
	if Fulfilment(r.Fulfilment) == CouponCode {
		out.CouponCode = r.Code
	} else {
		out.DiscountCode = r.Code
	}
	if k == event.IncentaRewardRedeemed {
		out.Status, out.RedeemedAt = string(RewardPaid), wire.MillisOrNull(instant(r.RedeemedAt))
	}
	return out
}
