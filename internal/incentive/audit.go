package incentive

import (
	"context"
	"fmt"
	"time"

	"github.com/incent-dev/incent/gen/query"
	"github.com/incent-dev/incent/internal/event"
	"github.com/incent-dev/incent/internal/ledger"
	"github.com/incent-dev/incent/internal/pg"
)

// AuditChecks are this package's part of an audit.
func AuditChecks() []ledger.AuditCheck {
	checks := append(activityChecks(), grantChecks()...)
	for i := range checks {
		checks[i].Of = "incentive"
	}
	return append(checks, ledger.EventCheck(5, "events name activities", func(ctx context.Context, tx pg.Tx, tenantID int64) (string, string, error) {
		r, err := q.CommitFindInactive(ctx, tx, query.CommitFindInactiveParams{TenantID: tenantID, Recorded: int16(event.IncentiveEventRecorded)})
		return r.ID, r.Says, err
	}))
}

func activityChecks() []ledger.AuditCheck {
	return []ledger.AuditCheck{
		{Invariant: 2, Name: "activities are numbered without gap", Find: func(ctx context.Context, tx pg.Tx, tenantID int64) (*ledger.Offence, error) {
			r, err := q.MemberProgressFindMiscounted(ctx, tx, tenantID)
			return ledger.OffenceOf(ofMember(r.MemberID), r.Says, err)
		}},
		{Invariant: 2, Name: "actions count their activities", Find: func(ctx context.Context, tx pg.Tx, tenantID int64) (*ledger.Offence, error) {
			r, err := q.ActionCountFindMiscounted(ctx, tx, tenantID)
			return ledger.OffenceOf(ofMember(r.MemberID), r.Says, err)
		}},
		{Invariant: 4, Name: "activities are paid", Find: func(ctx context.Context, tx pg.Tx, tenantID int64) (*ledger.Offence, error) {
			r, err := q.ActivityFindUnpaid(ctx, tx, query.ActivityFindUnpaidParams{TenantID: tenantID, XpAsset: int16(ledger.XP), AwardKind: int16(ledger.KindAward)})
			return ledger.OffenceOf("event "+Activity{ID: r.ID}.PublicID(), r.Says, err)
		}},
		{Invariant: 8, Name: "keys of activities are kept", Find: func(ctx context.Context, tx pg.Tx, tenantID int64) (*ledger.Offence, error) {
			r, err := q.ActivityKeyFindStray(ctx, tx, tenantID)
			return ledger.OffenceOf("event "+Activity{ID: r.ID}.PublicID(), r.Says, err)
		}},
		{Invariant: 10, Name: "days count their activities", Find: func(ctx context.Context, tx pg.Tx, tenantID int64) (*ledger.Offence, error) {
			r, err := q.ActivityDayFindMiscounted(ctx, tx, tenantID)
			return ledger.OffenceOf("day "+r.Day.Format(time.DateOnly), r.Says, err)
		}},
		{Invariant: 10, Name: "minutes count their activities", Find: func(ctx context.Context, tx pg.Tx, tenantID int64) (*ledger.Offence, error) {
			r, err := q.ActivityMinuteFindMiscounted(ctx, tx, tenantID)
			return ledger.OffenceOf("minute "+r.Minute.Format(time.RFC3339), r.Says, err)
		}},
	}
}

func grantChecks() []ledger.AuditCheck {
	return []ledger.AuditCheck{
		{Invariant: 5, Name: "levels are those granted", Find: func(ctx context.Context, tx pg.Tx, tenantID int64) (*ledger.Offence, error) {
			r, err := q.LevelGrantFindMisplaced(ctx, tx, tenantID)
			return ledger.OffenceOf(ofMember(r.MemberID), r.Says, err)
		}},
		{Invariant: 6, Name: "no level is owed", Find: func(ctx context.Context, tx pg.Tx, tenantID int64) (*ledger.Offence, error) {
			r, err := q.LevelGrantFindOwed(ctx, tx, query.LevelGrantFindOwedParams{TenantID: tenantID, XpAsset: int16(ledger.XP)})
			return ledger.OffenceOf(ofMember(r.MemberID), r.Says, err)
		}},
		{Invariant: 7, Name: "quests count what was rewarded", Find: func(ctx context.Context, tx pg.Tx, tenantID int64) (*ledger.Offence, error) {
			r, err := q.QuestProgressFindOverdone(ctx, tx, tenantID)
			return ledger.OffenceOf(ofMember(r.MemberID), r.Says, err)
		}},
		{Invariant: 7, Name: "full quests are paid", Find: func(ctx context.Context, tx pg.Tx, tenantID int64) (*ledger.Offence, error) {
			r, err := q.QuestGrantFindUndone(ctx, tx, tenantID)
			return ledger.OffenceOf(ofMember(r.MemberID), r.Says, err)
		}},
		{Invariant: 10, Name: "days count their milestones", Find: func(ctx context.Context, tx pg.Tx, tenantID int64) (*ledger.Offence, error) {
			r, err := q.MilestoneDayFindMiscounted(ctx, tx, tenantID)
			return ledger.OffenceOf("day "+r.Day.Format(time.DateOnly), r.Says, err)
		}},
	}
}

func ofMember(key int64) string { return fmt.Sprintf("member %d", key) }
