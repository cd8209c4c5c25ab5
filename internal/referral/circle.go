package referral

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/incent-dev/incent/gen/query"
	"github.com/incent-dev/incent/internal/fault"
	"github.com/incent-dev/incent/internal/ledger"
	"github.com/incent-dev/incent/internal/pg"
	"github.com/incent-dev/incent/internal/store"
	"github.com/incent-dev/incent/internal/tenant"
)

// circle is a conversion with all that its review, its refund, or a decision
// about one of its rewards may change, locked in the one order.
type circle struct {
	t          tenant.Tenant
	campaign   Campaign
	referral   query.Referral
	referrer   string // the caller's id
	conversion query.Conversion
	rewards    []Reward // settled as of now

	rewarded  int64 // rewards of the referrer taken back
	granted   int64 // their value
	withdrawn int64 // value of all rewards taken back
}

func lockCircle(ctx context.Context, tx pg.Tx, t tenant.Tenant, conversionID uuid.UUID) (*circle, error) {
	place, err := q.ConversionGetPlace(ctx, tx, query.ConversionGetPlaceParams{TenantID: t.ID, ID: conversionID})
	if pg.IsNoRows(err) {
		return nil, fault.Missing("conversion")
	}
	if err != nil {
		return nil, fmt.Errorf("find conversion: %w", err)
	}
	c := &circle{t: t}
	if c.campaign, err = lockCampaign(ctx, tx, t.ID, place.CampaignID); err != nil {
		return nil, err
	}
	referral, err := q.ReferralGetForReview(ctx, tx, query.ReferralGetForReviewParams{TenantID: t.ID, ID: place.ReferralID})
	if err != nil {
		return nil, fmt.Errorf("lock referral: %w", err)
	}
	c.referral, c.referrer = referral.Referral, referral.ExternalID
	_, err = q.TallyGetForUpdate(ctx, tx, query.TallyGetForUpdateParams{TenantID: t.ID, CampaignID: c.campaign.ID, MemberID: c.referral.ReferrerID})
	if err != nil && !pg.IsNoRows(err) {
		return nil, fmt.Errorf("lock tally: %w", err)
	}
	if c.conversion, err = q.ConversionGetForReview(ctx, tx, query.ConversionGetForReviewParams{TenantID: t.ID, ID: conversionID}); err != nil {
		return nil, fmt.Errorf("lock conversion: %w", err)
	}
	rows, err := q.RewardListByConversionForUpdate(ctx, tx, query.RewardListByConversionForUpdateParams{TenantID: t.ID, ConversionID: conversionID})
	if err != nil {
		return nil, fmt.Errorf("lock rewards: %w", err)
	}
	for _, r := range rows {
		reward := rewardFromRow(r.Reward, r.ExternalID)
		reward.settle(t.Now())
		c.rewards = append(c.rewards, reward)
	}
	return c, nil
}

// Withdrawn is what taking a reward back came to.
type Withdrawn struct {
	Reward   Reward
	Kept     bool             // it was used: it stays as it is, but for its points
	Reversal *ledger.Reversal // nil: it had paid no points, or they were taken back before
}

// withdraw takes rewards back: codes become void, points go back by the
// tenant's clawback policy, the reward is cancelled. One that was redeemed stays,
// since what it bought is gone; its points go back all the same.
func (c *circle) withdraw(ctx context.Context, tx pg.Tx, rewards []*Reward, reason string) ([]Withdrawn, error) {
	at := c.t.Now()
	out := make([]Withdrawn, len(rewards))
	var grants []ledger.Grant
	var paid []int
	for i, r := range rewards {
		out[i].Kept = !r.RedeemedAt.IsZero()
		if r.TransferSeq > 0 && r.Status != RewardCancelled {
			grants = append(grants, ledger.Grant{Member: r.Member, Asset: r.Asset, Seq: r.TransferSeq, Amount: r.Units, Cause: r.ID})
			paid = append(paid, i)
		}
		if out[i].Kept || r.Status == RewardCancelled {
			continue
		}
		if r.Code != "" && r.PoolID != "" {
			if err := store.VoidCode(ctx, tx, c.t.ID, r.PoolID, r.ID, r.Code); err != nil {
				return nil, err
			}
		}
		r.Status, r.UpdatedAt = RewardCancelled, at
		c.withdrawn += r.ValueMinor
		if r.Role == Referrer {
			c.rewarded++
			c.granted += r.ValueMinor
		}
	}
	reversals, err := ledger.ReverseGrants(ctx, tx, c.t, grants, ledger.Memo{Reason: reason})
	if err != nil {
		return nil, fmt.Errorf("take points back: %w", err)
	}
	for i := range reversals {
		if !reversals[i].At.IsZero() {
			out[paid[i]].Reversal = &reversals[i]
		}
	}
	for i, r := range rewards {
		out[i].Reward = *r
	}
	return out, nil
}

// everyReward points at the circle's rewards.
func (c *circle) everyReward() []*Reward {
	all := make([]*Reward, len(c.rewards))
	for i := range c.rewards {
		all[i] = &c.rewards[i]
	}
	return all
}

// reject makes the conversion count no more.
func (c *circle) reject() (conversions int64) {
	c.conversion.Status = ConversionRejected
	return 1
}

// store queues what changed, shards of counts last. conversions is how many
// count no more: 0 or 1.
func (c *circle) store(ctx context.Context, db query.DBTX, conversions int64) error {
	if c.withdrawn > 0 {
		if err := q.CampaignUpdateWithdrawn(ctx, db, query.CampaignUpdateWithdrawnParams{TenantID: c.t.ID, ID: c.campaign.ID, ValueMinor: c.withdrawn}); err != nil {
			return err
		}
	}
	err := q.ReferralUpdateReviewed(ctx, db, query.ReferralUpdateReviewedParams{
		TenantID: c.t.ID, ID: c.referral.ID, Withdrawn: conversions, Status: c.referral.Status, CompletedAt: c.referral.CompletedAt,
	})
	if err != nil {
		return err
	}
	if c.rewarded > 0 {
		err := q.TallyUpdateWithdrawn(ctx, db, query.TallyUpdateWithdrawnParams{
			TenantID: c.t.ID, CampaignID: c.campaign.ID, MemberID: c.referral.ReferrerID, Rewards: c.rewarded, ValueMinor: c.granted,
		})
		if err != nil {
			return err
		}
	}
	err = q.ConversionUpdateStatus(ctx, db, query.ConversionUpdateStatusParams{
		TenantID: c.t.ID, ID: c.conversion.ID, Status: c.conversion.Status, RefundedAt: c.conversion.RefundedAt,
	})
	if err != nil {
		return err
	}
	inOrder := slices.SortedFunc(slices.Values(c.rewards), func(a, b Reward) int { return cmp.Compare(a.member, b.member) })
	for _, r := range inOrder {
		if err := r.store(ctx, db, c.t.ID); err != nil {
			return err
		}
	}
	if conversions == 0 && c.withdrawn == 0 {
		return nil
	}
	return q.CampaignTotalUpdateWithdrawn(ctx, db, query.CampaignTotalUpdateWithdrawnParams{
		TenantID: c.t.ID, CampaignID: c.campaign.ID, Shard: int16(c.conversion.ID[15] % shards), Conversions: conversions, ValueMinor: c.withdrawn,
	})
}

// heldUntil is when a reward that a case no longer holds is free: the rule that
// made it may ask for a rest of its own. The zero time: at once.
func heldUntil(r Reward, rule Rule, at time.Time) time.Time {
	until := r.CreatedAt.Add(time.Duration(rule.HoldDays) * wholeDay)
	if !until.After(at) {
		return time.Time{}
	}
	return until
}
