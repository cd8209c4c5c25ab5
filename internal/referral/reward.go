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
	"github.com/incent-dev/incent/internal/tenant"
)

// settleBatch bounds the rewards approved by one statement.
const settleBatch = 1000

func rewardFromRow(r query.Reward, external string) Reward {
	out := Reward{
		ID: r.ID, CampaignID: r.CampaignID, ReferralID: r.ReferralID, ConversionID: r.ConversionID, Member: external,
		Role: Role(r.Role), Version: int(r.Version), Fulfilment: Fulfilment(r.Fulfilment), Status: RewardStatus(r.Status),
		ValueMinor: r.ValueMinor, Asset: ledger.Asset(r.Asset), Units: r.Units, HeldUntil: instant(r.HeldUntil),
		CreatedAt: r.CreatedAt.UTC(), UpdatedAt: r.UpdatedAt.UTC(), ClaimedAt: instant(r.ClaimedAt), RedeemedAt: instant(r.RedeemedAt),
		member: r.MemberID,
	}
	if r.PoolID != nil {
		out.PoolID = *r.PoolID
	}
	if r.Code != nil {
		out.Code = *r.Code
	}
	if r.TransferSeq != nil {
		out.TransferSeq = *r.TransferSeq
	}
	return out
}

// orNull stores a value whose zero stands for null.
func orNull[T comparable](v T) *T {
	var zero T
	if v == zero {
		return nil
	}
	return &v
}

// store queues a locked reward. Its trigger takes a shard of the counts, so it
// belongs behind the store's and the ledger's locks.
func (r Reward) store(ctx context.Context, db query.DBTX, tenantID int64) error {
	return q.RewardUpdate(ctx, db, query.RewardUpdateParams{
		TenantID: tenantID, ID: r.ID, Status: string(r.Status), HeldUntil: orNull(r.HeldUntil), Code: orNull(r.Code),
		TransferSeq: orNull(r.TransferSeq), UpdatedAt: r.UpdatedAt, ClaimedAt: orNull(r.ClaimedAt), RedeemedAt: orNull(r.RedeemedAt),
	})
}

// settle approves the reward in memory when its hold has ended by an instant.
func (r *Reward) settle(at time.Time) {
	if r.Status == RewardPending && !r.HeldUntil.IsZero() && !r.HeldUntil.After(at) {
		r.Status, r.UpdatedAt = RewardApproved, r.HeldUntil
	}
}

// lockReward reads and locks one reward as of now.
func lockReward(ctx context.Context, tx pg.Tx, tenantID int64, rewardID uuid.UUID, at time.Time) (Reward, error) {
	row, err := q.RewardGetForUpdate(ctx, tx, query.RewardGetForUpdateParams{TenantID: tenantID, ID: rewardID})
	if pg.IsNoRows(err) {
		return Reward{}, fault.Missing("reward")
	}
	if err != nil {
		return Reward{}, fmt.Errorf("lock reward: %w", err)
	}
	r := rewardFromRow(row.Reward, row.ExternalID)
	r.settle(at)
	return r, nil
}

// Reward reads one reward, as of now.
func (p *Programme) Reward(ctx context.Context, tenantID int64, publicID string) (Reward, error) {
	rewardID, known := id.ParseUUID(rewardPrefix, publicID)
	if !known {
		return Reward{}, fault.Missing("reward")
	}
	r, err := p.reward(ctx, tenantID, rewardID)
	return r, pg.Fault(err)
}

func (p *Programme) reward(ctx context.Context, tenantID int64, rewardID uuid.UUID) (Reward, error) {
	if err := p.settleDue(ctx, tenantID); err != nil {
		return Reward{}, err
	}
	row, err := q.RewardGet(ctx, p.db, query.RewardGetParams{TenantID: tenantID, ID: rewardID})
	if pg.IsNoRows(err) {
		return Reward{}, fault.Missing("reward")
	}
	if err != nil {
		return Reward{}, fmt.Errorf("read reward: %w", err)
	}
	return rewardFromRow(row.Reward, row.ExternalID), nil
}

// settleDue approves every reward of a tenant whose hold has ended, so that
// lists and counts are as of now. Nearly always there is none, which one look
// into an index tells.
func (p *Programme) settleDue(ctx context.Context, tenantID int64) error {
	t, err := tenant.Get(ctx, p.db, tenantID)
	if err != nil {
		return err
	}
	at := t.Now()
	due, err := q.RewardFindDue(ctx, p.db, query.RewardFindDueParams{TenantID: tenantID, At: at})
	if err != nil {
		return fmt.Errorf("find rewards due: %w", err)
	}
	for due {
		n, err := pg.InTx(ctx, p.db, func(ctx context.Context, tx pg.Tx) (int64, error) {
			return q.RewardUpdateDue(ctx, tx, query.RewardUpdateDueParams{TenantID: tenantID, At: at, MaxRows: settleBatch})
		})
		if err != nil {
			return fmt.Errorf("approve rewards due: %w", err)
		}
		due = n == settleBatch
	}
	return nil
}

// CodeReason says why a code cannot be redeemed; "" when it can.
type CodeReason string

// The reasons.
const (
	CodeUnknown   CodeReason = "UNKNOWN"
	CodeRedeemed  CodeReason = "ALREADY_REDEEMED"
	CodeCancelled CodeReason = "CANCELLED"
)

// ValidateCode finds the reward that has a code, in any case. Where the reason is
// CodeUnknown there is none.
func (p *Programme) ValidateCode(ctx context.Context, tenantID int64, code string) (Reward, CodeReason, error) {
	if err := p.settleDue(ctx, tenantID); err != nil {
		return Reward{}, "", pg.Fault(err)
	}
	row, err := q.RewardFindByCode(ctx, p.db, query.RewardFindByCodeParams{TenantID: tenantID, Code: code})
	if pg.IsNoRows(err) {
		return Reward{}, CodeUnknown, nil
	}
	if err != nil {
		return Reward{}, "", pg.Fault(fmt.Errorf("find code: %w", err))
	}
	r := rewardFromRow(row.Reward, row.ExternalID)
	switch {
	case !r.RedeemedAt.IsZero():
		return r, CodeRedeemed, nil
	case r.Status == RewardCancelled:
		return r, CodeCancelled, nil
	}
	return r, "", nil
}
