package referral

import (
	"context"
	"time"

	"github.com/incent-dev/incent/internal/ledger"
	"github.com/incent-dev/incent/internal/pg"
)

// countChecks are the audit of what this package counts and grants.
func countChecks() []ledger.AuditCheck {
	return []ledger.AuditCheck{
		{Invariant: 2, Name: "referees are bound to codes", Find: func(ctx context.Context, tx pg.Tx, tenantID int64) (*ledger.Offence, error) {
			r, err := q.AttributionFindLost(ctx, tx, tenantID)
			return ledger.OffenceOf("campaign "+r.CampaignID, r.Says, err)
		}},
		{Invariant: 3, Name: "one conversion of a referee pays", Find: func(ctx context.Context, tx pg.Tx, tenantID int64) (*ledger.Offence, error) {
			r, err := q.AttributionFindDoublePaid(ctx, tx, tenantID)
			return ledger.OffenceOf("campaign "+r.CampaignID, r.Says, err)
		}},
		{Invariant: 4, Name: "budgets pay what was granted", Find: func(ctx context.Context, tx pg.Tx, tenantID int64) (*ledger.Offence, error) {
			r, err := q.CampaignFindOverdrawn(ctx, tx, tenantID)
			return ledger.OffenceOf("campaign "+r.ID, r.Says, err)
		}},
		{Invariant: 4, Name: "tallies are what was granted", Find: func(ctx context.Context, tx pg.Tx, tenantID int64) (*ledger.Offence, error) {
			r, err := q.TallyFindMiscounted(ctx, tx, tenantID)
			return ledger.OffenceOf("campaign "+r.CampaignID, r.Says, err)
		}},
		{Invariant: 7, Name: "campaigns count their rows", Find: func(ctx context.Context, tx pg.Tx, tenantID int64) (*ledger.Offence, error) {
			r, err := q.CampaignTotalFindMiscounted(ctx, tx, tenantID)
			return ledger.OffenceOf("campaign "+r.ID, r.Says, err)
		}},
		{Invariant: 7, Name: "codes count their rows", Find: func(ctx context.Context, tx pg.Tx, tenantID int64) (*ledger.Offence, error) {
			r, err := q.ReferralFindMiscounted(ctx, tx, tenantID)
			return ledger.OffenceOf("referral "+Referral{ID: r.ID}.PublicID(), r.Says, err)
		}},
		{Invariant: 7, Name: "days count their conversions", Find: func(ctx context.Context, tx pg.Tx, tenantID int64) (*ledger.Offence, error) {
			r, err := q.ConversionDayFindMiscounted(ctx, tx, tenantID)
			return ledger.OffenceOf("day "+r.Day.Format(time.DateOnly), r.Says, err)
		}},
		{Invariant: 7, Name: "blocks count their conversions", Find: func(ctx context.Context, tx pg.Tx, tenantID int64) (*ledger.Offence, error) {
			r, err := q.ConversionBlockFindMiscounted(ctx, tx, tenantID)
			return ledger.OffenceOf("referral "+Referral{ID: r.ReferralID}.PublicID(), r.Says, err)
		}},
		{Invariant: 7, Name: "conversions have their places", Find: func(ctx context.Context, tx pg.Tx, tenantID int64) (*ledger.Offence, error) {
			r, err := q.ConversionFindMisplaced(ctx, tx, tenantID)
			return ledger.OffenceOf("referral "+Referral{ID: r.ReferralID}.PublicID(), r.Says, err)
		}},
	}
}
