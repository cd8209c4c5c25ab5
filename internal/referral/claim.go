package referral

import (
	"context"
	"errors"
	"fmt"

	"github.com/incent-dev/incent/internal/event"
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
	var told event.Journal
	if r.Fulfilment.HandsOutCode() {
		codes, err := store.TakeCodes(ctx, tx, &told, t, r.PoolID, r.ID, 1)
		if err != nil {
			return r, err
		}
		r.Code = codes[0]
	}
	var pipe pg.Pipeline
	if r.Units > 0 && r.TransferSeq == 0 {
		if err := payOut(ctx, tx, &pipe, &told, t, &r); err != nil {
			return r, err
		}
	}
	if r.Fulfilment == Automated {
		r.Status = RewardPaid
	}
	r.ClaimedAt = t.Now()
	r.UpdatedAt = r.ClaimedAt
	told.Object(event.RewardClaimed, r.ID, standing{Status: string(r.Status)})
	return r, errors.Join(r.store(ctx, &pipe, t.ID), told.Store(ctx, &pipe, t.ID, r.ClaimedAt), pipe.Send(ctx, tx))
}

// payOut posts the points of a reward.
func payOut(ctx context.Context, tx pg.Tx, pipe *pg.Pipeline, told *event.Journal, t tenant.Tenant, r *Reward) error {
	award := ledger.Command{
		Op: ledger.OpAward, Member: r.Member, Asset: r.Asset, Amount: r.Units, Cause: r.ID, Memo: ledger.Memo{Reason: "Referral reward"},
	}
	session, err := ledger.Begin(ctx, tx, t, t.Now(), []ledger.Command{award})
	if err != nil {
		return fmt.Errorf("pay reward: %w", err)
	}
	session.TellIn(told)
	paid := session.Do(award)
	if paid.Err != nil {
		return paid.Err
	}
	r.TransferSeq = paid.Transfer.Seq
	return session.Store(ctx, pipe)
}
