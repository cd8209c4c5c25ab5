package bench

import (
	"errors"
	"sync/atomic"
	"testing"

	"github.com/incent-dev/incent/internal/incentive"
	"github.com/incent-dev/incent/internal/ledger"
	"github.com/incent-dev/incent/internal/pg"
	"github.com/incent-dev/incent/internal/pgtest"
	"github.com/incent-dev/incent/internal/referral"
	"github.com/incent-dev/incent/internal/store"
)

// TestProgrammeIsWhatTheServerWouldHaveWritten audits a campaign that was filled
// in, then goes on with it as callers would.
func TestProgrammeIsWhatTheServerWouldHaveWritten(t *testing.T) {
	ctx := t.Context()
	tenantID, _, err := newCampaign(ctx, pgtest.DB(), t.Name())
	if err != nil {
		t.Fatal(err)
	}
	past := programme{Tenant: tenantID, Campaign: campaignID, Members: 50, Referrals: 40, Clicks: 200, Conversions: 20}
	var rows atomic.Int64
	if err := past.make(ctx, pgtest.URL(), pg.Now(), func(n int) { rows.Add(int64(n)) }); err != nil {
		t.Fatal(err)
	}
	if rows.Load() != past.rows() {
		t.Errorf("made %d rows, announced %d", rows.Load(), past.rows())
	}
	books := ledger.New(pgtest.DB())
	defer books.Close(ctx)
	p, err := referral.New(ctx, pgtest.DB(), books, incentive.New(pgtest.DB()))
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close(ctx)
	want := referral.Stats{Referrals: 40, Clicks: 160, Conversions: 20, RewardMinor: 20 * rewardMinor}
	if got, err := p.Stats(ctx, tenantID, campaignID); err != nil || got != want {
		t.Errorf("stats are %+v (%v), want %+v", got, err, want)
	}
	if list, total, err := p.Conversions(ctx, tenantID, referral.ConversionFilter{CampaignID: campaignID, Limit: 100}); err != nil || len(list) != 20 || total != 20 {
		t.Errorf("%d of %d conversions listed (%v), want 20", len(list), total, err)
	}
	// The newest code was made within the last two hours, so its referee's click is
	// not old; and half of the referees were paid for.
	if c, err := p.TrackClick(ctx, tenantID, referral.NewClick{Code: "CODE000000040", Referee: "mem_000000001"}, nil); err != nil || c.Counted {
		t.Errorf("a click soon after: %+v (%v), want one that does not count", c, err)
	}
	again, err := p.RecordConversion(ctx, tenantID, referral.NewConversion{Code: "CODE000000002", Referee: "mem_000000003"}, nil)
	if err != nil || again.Reason != referral.ReasonRepeat {
		t.Errorf("a second conversion: %+v (%v), want a repeated one", again, err)
	}
	first, err := p.RecordConversion(ctx, tenantID, referral.NewConversion{Code: "CODE000000001", Referee: "mem_000000002"}, nil)
	if err != nil || first.RewardMinor != rewardMinor {
		t.Errorf("a first conversion: %+v (%v), want it to pay %d", first, err, rewardMinor)
	}
	report, err := ledger.AuditTenant(ctx, pgtest.DB(), tenantID, append(store.AuditChecks(), referral.AuditChecks()...)...)
	for _, v := range report.Violations {
		err = errors.Join(err, errors.New(v.String()))
	}
	if err != nil {
		t.Errorf("audit: %v", err)
	}
}
