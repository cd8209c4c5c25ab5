package referral_test

import (
	"context"
	"strings"
	"testing"

	"github.com/incent-dev/incent/internal/ledger"
	"github.com/incent-dev/incent/internal/pg"
	"github.com/incent-dev/incent/internal/pgtest"
	"github.com/incent-dev/incent/internal/referral"
)

// An event about nothing, or told twice, is found by the audit; good ones are not.
func TestAuditFindsStrayEvents(t *testing.T) {
	t.Parallel()
	for _, d := range []struct{ says, sql string }{
		{"", "SELECT 1 FROM tenants WHERE tenant_id = $1"},
		{"which there is not", "UPDATE commits SET objects = ARRAY(SELECT gen_random_uuid() FROM unnest(kinds)) WHERE 21 = ANY(kinds) AND tenant_id = $1"},
		{"which there is not", "UPDATE commits SET objects = '{}' WHERE 22 = ANY(kinds) AND tenant_id = $1"},
		{"which there is not", "UPDATE commits SET kinds = '{24}' WHERE 22 = ANY(kinds) AND tenant_id = $1"},
		{"which there is not", "DELETE FROM clicks WHERE tenant_id = $1"},
		{"2 times", "INSERT INTO commits SELECT tenant_id, gen_random_uuid(), at, drawn, place, kinds, members, assets, seqs, facts, objects FROM commits WHERE 22 = ANY(kinds) AND tenant_id = $1"},
	} {
		p, of := programme(t)
		rule := referral.DefaultRule()
		rule.Referrer = &referral.Side{FixedMinor: 500, Asset: ledger.Points, Fulfilment: referral.DiscountCode}
		c, err := p.CreateCampaign(t.Context(), of.ID, referral.Campaign{ID: "c", Name: "C", State: referral.Active, Rule: rule}, nil)
		if err != nil {
			t.Fatal(err)
		}
		made, err := p.CreateReferral(t.Context(), of.ID, referral.NewReferral{CampaignID: c.ID, Referrer: "ann"}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := p.TrackClick(t.Context(), of.ID, referral.NewClick{Code: made.Code, Referee: "friend"}, nil); err != nil {
			t.Fatal(err)
		}
		if err := inTx(t, func(ctx context.Context, tx pg.Tx) error { _, err := tx.Exec(ctx, d.sql, of.ID); return err }); err != nil {
			t.Fatal(err)
		}
		report, err := ledger.AuditTenant(t.Context(), pgtest.DB(), of.ID, referral.AuditChecks()...)
		if err != nil {
			t.Fatal(err)
		}
		found := d.says == "" && len(report.Violations) == 0
		for _, v := range report.Violations {
			found = found || v.Name == "events name what was referred" && strings.Contains(v.Says, d.says)
		}
		if !found {
			t.Errorf("after %s the audit says %v", d.sql, report.Violations)
		}
	}
}
