package apptest_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/incent-dev/incent/internal/apptest"
	"github.com/incent-dev/incent/internal/id"
	"github.com/incent-dev/incent/internal/ledger"
	"github.com/incent-dev/incent/internal/pg"
	"github.com/incent-dev/incent/internal/tenant"
)

// earned is a conversion with its rewards as a fixture: written as the
// conversion itself would, so that states can be had which take it long.
type earned struct {
	Referrer, Referee string // the caller's ids
	Fulfilment        string // default DISCOUNT_CODE
	Status            string // of the rewards; default APPROVED
	Pool              string
	ValueMinor        int64
	Units             int64
	HeldUntil         time.Time
	Flagged           bool // an open case holds it, and Status is PENDING
	BothSides         bool // the referee earns the same

	// Filled in.
	campaign, referral, conversion, review string
	rewards                                []string
}

const fixtureCampaign = "camp_fixture"

// earn writes the fixture: one campaign per tenant, one referral per referrer.
func earn(t testing.TB, s *apptest.Server, e earned) earned {
	t.Helper()
	if e.Fulfilment == "" {
		e.Fulfilment = "DISCOUNT_CODE"
	}
	if e.Status == "" {
		e.Status = "APPROVED"
	}
	if e.Flagged {
		e.Status = "PENDING"
	}
	done, err := pg.InTx(t.Context(), s.Core.DB, func(ctx context.Context, tx pg.Tx) (earned, error) { return e.write(ctx, tx, s.Tenant) })
	if err != nil {
		t.Fatal(err)
	}
	return done
}

func (e earned) write(ctx context.Context, tx pg.Tx, t tenant.Tenant) (earned, error) {
	if err := tenant.Enrol(ctx, tx, t, []string{e.Referrer, e.Referee}); err != nil {
		return e, err
	}
	w := writer{ctx: ctx, tx: tx, tenantID: t.ID, at: t.Now()}
	referrer, referee := w.member(e.Referrer), w.member(e.Referee)
	w.exec(`INSERT INTO campaigns (tenant_id, id, position, name, state, version, created_at, updated_at)
		VALUES ($1, $2, 1, 'Fixture', 'active', 1, $3, $3) ON CONFLICT DO NOTHING`, fixtureCampaign, w.at)
	w.exec(`INSERT INTO campaign_versions (tenant_id, campaign_id, version, rule, created_at) VALUES ($1, $2, 1,
		'{"referrer":{"fixedMinor":500,"asset":1,"fulfilment":"DISCOUNT_CODE"},"windowDays":90,"flagAt":40,"blockAt":80}', $3) ON CONFLICT DO NOTHING`, fixtureCampaign, w.at)
	referral := pg.NewUUID()
	w.exec(`INSERT INTO referrals (tenant_id, id, campaign_id, code, referrer_id, status, completed_at, conversions, created_at)
		VALUES ($1, $2, $3, $4, $5, 'COMPLETED', $6, 0, $6) ON CONFLICT DO NOTHING`, referral, fixtureCampaign, pg.NewCode(8), referrer, w.at)
	w.scan(&referral, `UPDATE referrals SET conversions = conversions + 1
		WHERE tenant_id = $1 AND campaign_id = $2 AND referrer_id = $3 AND referee_id IS NULL RETURNING id`, fixtureCampaign, referrer)
	w.exec(`INSERT INTO tallies (tenant_id, campaign_id, member_id, rewards, granted_minor) VALUES ($1, $2, $3, 1, $4)
		ON CONFLICT (tenant_id, campaign_id, member_id) DO UPDATE SET rewards = tallies.rewards + 1, granted_minor = tallies.granted_minor + $4`,
		fixtureCampaign, referrer, e.ValueMinor)
	conversion := pg.NewUUID()
	status := "COMPLETED"
	if e.Flagged {
		status = "FLAGGED"
	}
	w.exec(`INSERT INTO conversions (tenant_id, id, campaign_id, referral_id, referee_id, version, status, amount_minor, reward_minor, reward_units, created_at)
		VALUES ($1, $2, $3, $4, $5, 1, $6, 4999, $7, $8, $9)`, conversion, fixtureCampaign, referral, referee, status, e.ValueMinor, e.Units, w.at)
	e.campaign, e.referral, e.conversion = fixtureCampaign, id.UUID("ref_", referral), id.UUID("conv_", conversion)
	sides := []struct {
		role   string
		member int64
	}{{"REFERRER", referrer}, {"REFEREE", referee}}
	if !e.BothSides {
		sides = sides[:1]
	}
	for _, side := range sides {
		reward := pg.NewUUID()
		w.exec(`INSERT INTO rewards (tenant_id, id, campaign_id, referral_id, conversion_id, member_id, role, version, fulfilment, status, value_minor,
			asset, units, held_until, pool_id, created_at, updated_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, 1, $8, $9, $10, $11, $12, $13, NULLIF($14, ''), $15, $15)`,
			reward, fixtureCampaign, referral, conversion, side.member, side.role, e.Fulfilment, e.Status, e.ValueMinor, int16(ledger.Points), e.Units,
			orNil(e.HeldUntil), e.Pool, w.at)
		e.rewards = append(e.rewards, id.UUID("rwd_", reward))
	}
	w.exec(`INSERT INTO campaign_totals (tenant_id, campaign_id, shard, referrals, conversions, reward_minor)
		VALUES ($1, $2, 0, (SELECT count(*) FROM referrals WHERE tenant_id = $1 AND campaign_id = $2), 1, $3)
		ON CONFLICT (tenant_id, campaign_id, shard) DO UPDATE
		SET referrals = excluded.referrals, conversions = campaign_totals.conversions + 1, reward_minor = campaign_totals.reward_minor + $3`,
		fixtureCampaign, e.ValueMinor*int64(len(sides)))
	if e.Flagged {
		review := pg.NewUUID()
		w.exec(`INSERT INTO cases (tenant_id, id, campaign_id, referral_id, conversion_id, state, score, created_at)
			VALUES ($1, $2, $3, $4, $5, 'open', 60, $6)`, review, fixtureCampaign, referral, conversion, w.at)
		w.exec(`INSERT INTO signals (tenant_id, case_id, name, weight, evidence) VALUES
			($1, $2, 'NO_CLICK', 5, '{}'), ($1, $2, 'EMAIL_MATCH', 55, '{"referrer":"j***@example.com"}')`, review)
		e.review = id.UUID("case_", review)
	}
	return e, w.err
}

func orNil(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// writer runs statements until one fails; the tenant is $1 of each.
type writer struct {
	ctx      context.Context
	tx       pg.Tx
	tenantID int64
	at       time.Time
	err      error
}

func (w *writer) exec(sql string, args ...any) {
	if w.err == nil {
		_, w.err = w.tx.Exec(w.ctx, sql, append([]any{w.tenantID}, args...)...)
	}
}

func (w *writer) scan(into any, sql string, args ...any) {
	if w.err == nil {
		w.err = w.tx.QueryRow(w.ctx, sql, append([]any{w.tenantID}, args...)...).Scan(into)
	}
}

func (w *writer) member(external string) (key int64) {
	w.scan(&key, "SELECT id FROM members WHERE tenant_id = $1 AND external_id = $2", external)
	return key
}

// nobodys are ids of the right shapes that name nothing.
func nobodys(prefix string) string { return id.UUID(prefix, uuid.New()) }
