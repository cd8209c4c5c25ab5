package referral

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/incent-dev/incent/gen/query"
	"github.com/incent-dev/incent/internal/event"
	"github.com/incent-dev/incent/internal/id"
	"github.com/incent-dev/incent/internal/ledger"
	"github.com/incent-dev/incent/internal/pg"
)

// rewardChecks are the audit of what this package promises of rewards.
func rewardChecks() []ledger.AuditCheck {
	about := func(rewardID uuid.UUID, says string, err error) (*ledger.Offence, error) {
		return ledger.OffenceOf("reward "+id.UUID(rewardPrefix, rewardID), says, err)
	}
	return []ledger.AuditCheck{
		{Invariant: 5, Name: "claimed rewards have their code", Find: func(ctx context.Context, tx pg.Tx, tenantID int64) (*ledger.Offence, error) {
			r, err := q.RewardFindMiscoded(ctx, tx, tenantID)
			return about(r.ID, r.Says, err)
		}},
		{Invariant: 5, Name: "rejected conversions keep nothing unused", Find: func(ctx context.Context, tx pg.Tx, tenantID int64) (*ledger.Offence, error) {
			r, err := q.RewardFindKept(ctx, tx, tenantID)
			return about(r.ID, r.Says, err)
		}},
		{Invariant: 7, Name: "days count their rewards", Find: func(ctx context.Context, tx pg.Tx, tenantID int64) (*ledger.Offence, error) {
			r, err := q.RewardDayFindMiscounted(ctx, tx, tenantID)
			return ledger.OffenceOf("day "+r.Day.Format(time.DateOnly), r.Says, err)
		}},
		{Invariant: 7, Name: "blocks count their rewards", Find: func(ctx context.Context, tx pg.Tx, tenantID int64) (*ledger.Offence, error) {
			r, err := q.RewardBlockFindMiscounted(ctx, tx, tenantID)
			return ledger.OffenceOf(fmt.Sprint("member ", r.MemberID), r.Says, err)
		}},
		{Invariant: 7, Name: "rewards have their places", Find: func(ctx context.Context, tx pg.Tx, tenantID int64) (*ledger.Offence, error) {
			r, err := q.RewardFindMisplaced(ctx, tx, tenantID)
			return ledger.OffenceOf(fmt.Sprint("member ", r.MemberID), r.Says, err)
		}},
		{Invariant: 8, Name: "rewards are paid by the books", Find: func(ctx context.Context, tx pg.Tx, tenantID int64) (*ledger.Offence, error) {
			r, err := q.RewardFindUnpaid(ctx, tx, tenantID)
			return about(r.ID, r.Says, err)
		}},
	}
}

// AuditChecks are the audit of this package's invariants.
func AuditChecks() []ledger.AuditCheck {
	checks := append(countChecks(), rewardChecks()...)
	for i := range checks {
		checks[i].Of = "referral"
	}
	return append(checks, ledger.EventCheck(5, "events name what was referred", func(ctx context.Context, tx pg.Tx, tenantID int64) (string, string, error) {
		arg := query.CommitFindUnreferredParams{
			TenantID: tenantID, Code: int16(event.ReferralCreated), Click: int16(event.ReferralClicked), Conversion: int16(event.ReferralConverted),
		}
		for _, k := range aboutRewards {
			arg.Rewards = append(arg.Rewards, int16(k))
		}
		r, err := q.CommitFindUnreferred(ctx, tx, arg)
		return r.ID, r.Says, err
	}))
}
