package referral

import (
	"context"
	"errors"
	"fmt"

	"github.com/incent-dev/incent/internal/fault"
	"github.com/incent-dev/incent/internal/id"
	"github.com/incent-dev/incent/internal/ledger"
	"github.com/incent-dev/incent/internal/once"
	"github.com/incent-dev/incent/internal/pg"
	"github.com/incent-dev/incent/internal/store"
	"github.com/incent-dev/incent/internal/tenant"
)

// openAttempts bounds how often a claim opens the account it pays into and
// tries again.
const openAttempts = 3

// Claim hands out an approved reward: its code, its points, or the mark that it
// was asked for. Claiming again answers with the same reward.
func (p *Programme) Claim(ctx context.Context, tenantID int64, publicID string, ticket *once.Ticket) (Reward, error) {
	rewardID, known := id.ParseUUID(rewardPrefix, publicID)
	for attempt := 1; ; attempt++ {
		r, err := once.Run(ctx, p.db, tenantID, pg.Now(), ticket, func(ctx context.Context, tx pg.Tx) (Reward, error) {
			if !known {
				return Reward{}, fault.Missing("reward")
			}
			t, err := tenant.Get(ctx, tx, tenantID)
			if err != nil {
				return Reward{}, err
			}
			r, err := lockReward(ctx, tx, tenantID, rewardID, t.Now())
			if err != nil || r.handedOut() {
				return r, err
			}
			return claim(ctx, tx, t, r)
		})
		// The account is opened in a transaction of its own: see ledger/doc.go.
		var unopened *ledger.UnopenedError
		if !errors.As(err, &unopened) || attempt == openAttempts {
			return r, err
		}
		if err := ledger.Open(ctx, p.db, tenantID, unopened); err != nil {
			return Reward{}, pg.Fault(err)
		}
	}
}

// handedOut tells whether there is nothing left to claim. Automated points may
// have been paid when they were earned.
func (r Reward) handedOut() bool {
	return r.Status == RewardPaid || r.Status == RewardApproved && !r.ClaimedAt.IsZero()
}

func claim(ctx context.Context, tx pg.Tx, t tenant.Tenant, r Reward) (Reward, error) {
	if r.Status != RewardApproved {
		return r, fault.New(fault.Invalid, CodeRewardNotClaimable, "A reward that is %s cannot be claimed", r.Status)
	}
	if r.Fulfilment.HandsOutCode() {
		codes, err := store.TakeCodes(ctx, tx, t.ID, r.PoolID, r.ID, 1)
		if err != nil {
			return r, err
		}
		r.Code = codes[0]
	}
	var pipe pg.Pipeline
	if r.Units > 0 && r.TransferSeq == 0 {
		if err := payOut(ctx, tx, &pipe, t, &r); err != nil {
			return r, err
		}
	}
	if r.Fulfilment == Automated {
		r.Status = RewardPaid
	}
	r.ClaimedAt = t.Now()
	r.UpdatedAt = r.ClaimedAt
	if err := r.store(ctx, &pipe, t.ID); err != nil {
		return r, err
	}
	return r, pipe.Send(ctx, tx)
}

// payOut posts the points of a reward.
func payOut(ctx context.Context, tx pg.Tx, pipe *pg.Pipeline, t tenant.Tenant, r *Reward) error {
	results, err := ledger.Apply(ctx, tx, pipe, t, t.Now(), []ledger.Command{{
		Op: ledger.OpAward, Member: r.Member, Asset: r.Asset, Amount: r.Units, Cause: r.ID, Memo: ledger.Memo{Reason: "Referral reward"},
	}})
	if err != nil {
		return fmt.Errorf("pay reward: %w", err)
	}
	if results[0].Err != nil {
		return results[0].Err
	}
	r.TransferSeq = results[0].Transfer.Seq
	return nil
}
