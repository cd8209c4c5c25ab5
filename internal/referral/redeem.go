package referral

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"github.com/incent-dev/incent/gen/query"
	"github.com/incent-dev/incent/internal/event"
	"github.com/incent-dev/incent/internal/fault"
	"github.com/incent-dev/incent/internal/id"
	"github.com/incent-dev/incent/internal/once"
	"github.com/incent-dev/incent/internal/pg"
	"github.com/incent-dev/incent/internal/tenant"
)

// Redemption names a reward by its code, in any case, or by its public id.
type Redemption struct {
	Code, RewardID *string // exactly one
}

// Redeem marks a claimed reward as used. It is used once.
func (p *Programme) Redeem(ctx context.Context, tenantID int64, r Redemption, ticket *once.Ticket) (Reward, error) {
	if (r.Code == nil) == (r.RewardID == nil) {
		f := fault.New(fault.Invalid, fault.CodeInvalidRequest, "Send either code or rewardId, exactly one of them")
		return Reward{}, f.About("code").About("rewardId")
	}
	return once.Run(ctx, p.db, tenantID, pg.Now(), ticket, func(ctx context.Context, tx pg.Tx) (Reward, error) {
		t, err := tenant.Get(ctx, tx, tenantID)
		if err != nil {
			return Reward{}, err
		}
		rewardID, err := r.find(ctx, tx, tenantID)
		if err != nil {
			return Reward{}, err
		}
		found, err := lockReward(ctx, tx, tenantID, rewardID, t.Now())
		if err != nil {
			return Reward{}, err
		}
		if err := found.redeemable(); err != nil {
			return Reward{}, err
		}
		found.Status, found.RedeemedAt = RewardPaid, t.Now()
		found.UpdatedAt = found.RedeemedAt
		var told event.Journal
		told.Object(event.IncentaRewardRedeemed, found.ID, nil)
		return found, errors.Join(found.store(ctx, tx, tenantID), told.Store(ctx, tx, tenantID, found.RedeemedAt))
	})
}

// find tells which reward is meant; a code never changes its owner.
func (r Redemption) find(ctx context.Context, tx pg.Tx, tenantID int64) (uuid.UUID, error) {
	if r.Code == nil {
		rewardID, known := id.ParseUUID(rewardPrefix, *r.RewardID)
		if !known {
			return uuid.Nil, fault.Missing("reward")
		}
		return rewardID, nil
	}
	row, err := q.RewardFindByCode(ctx, tx, query.RewardFindByCodeParams{TenantID: tenantID, Code: *r.Code})
	if pg.IsNoRows(err) {
		return uuid.Nil, fault.Missing("code")
	}
	if err != nil {
		return uuid.Nil, fmt.Errorf("find code: %w", err)
	}
	return row.Reward.ID, nil
}

func (r Reward) redeemable() error {
	refuse := func(why string) error {
		return fault.New(fault.Invalid, CodeRewardNotRedeemable, "The reward cannot be redeemed: it %s", why)
	}
	switch {
	case !r.RedeemedAt.IsZero():
		return fault.New(fault.Conflict, CodeAlreadyRedeemed, "The reward was redeemed before")
	case r.Status == RewardCancelled:
		return refuse("was cancelled")
	case r.Status == RewardPaid:
		return refuse("was paid out when it was claimed")
	case r.ClaimedAt.IsZero():
		return refuse("was not claimed")
	}
	return nil
}
