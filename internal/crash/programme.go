package crash

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/incent-dev/incent/internal/referral"
)

type campaignRow struct {
	ID           string
	Budget       *int64
	Spent        int64
	Referrals    int64
	Clicks       int64
	Conversions  int64
	GrantedMinor int64
}

type referralRow struct {
	ID, Campaign, Code, Referrer, Referee string
	Completed                             bool
	Clicks, Conversions                   int64
}

type clickRow struct {
	ID, Code, Referee string
	Counted           bool
}

type conversionRow struct {
	ID, Code, Referee, Status, Reason string
	Amount, Minor, Units              int64
	Refunded                          bool
}

type rewardRow struct {
	ID, Conversion, Role, Member, Status, Code string
	Minor, Units                               int64
	Paid, Claimed, Used                        bool
}

// earned is how the reward was earned.
func (r rewardRow) earned() string { return earning(r.Conversion, r.Role) }

type attributionRow struct {
	Campaign, Referee, Code string
	Paid                    bool
}

type tallyRow struct {
	Campaign, Member string
	Rewards, Granted int64
}

const (
	campaignsSQL = `
SELECT c.id, c.budget_minor, c.spent_minor, coalesce(sum(t.referrals), 0)::bigint, coalesce(sum(t.clicks), 0)::bigint,
       coalesce(sum(t.conversions), 0)::bigint, coalesce(sum(t.reward_minor), 0)::bigint
  FROM campaigns c LEFT JOIN campaign_totals t ON t.tenant_id = c.tenant_id AND t.campaign_id = c.id
 WHERE c.tenant_id = $1 GROUP BY c.id, c.budget_minor, c.spent_minor ORDER BY c.id`

	referralsSQL = `
SELECT r.id::text, r.campaign_id, r.code, m.external_id, coalesce(e.external_id, ''), r.status = 'COMPLETED', coalesce(k.clicks, 0), r.conversions
  FROM referrals r JOIN members m ON m.tenant_id = r.tenant_id AND m.id = r.referrer_id
  LEFT JOIN referral_clicks k ON k.tenant_id = r.tenant_id AND k.referral_id = r.id
  LEFT JOIN members e ON e.tenant_id = r.tenant_id AND e.id = r.referee_id
 WHERE r.tenant_id = $1 ORDER BY r.id`

	clicksSQL = `
SELECT k.id::text, r.code, coalesce(e.external_id, ''), k.counted
  FROM clicks k JOIN referrals r ON r.tenant_id = k.tenant_id AND r.id = k.referral_id
  LEFT JOIN members e ON e.tenant_id = k.tenant_id AND e.id = k.referee_id
 WHERE k.tenant_id = $1 ORDER BY k.id`

	conversionsSQL = `
SELECT c.id::text, r.code, e.external_id, c.status, coalesce(c.reason, ''), coalesce(c.amount_minor, 0), c.reward_minor, c.reward_units,
       c.refunded_at IS NOT NULL
  FROM conversions c JOIN referrals r ON r.tenant_id = c.tenant_id AND r.id = c.referral_id
  JOIN members e ON e.tenant_id = c.tenant_id AND e.id = c.referee_id
 WHERE c.tenant_id = $1 ORDER BY c.id`

	rewardsSQL = `
SELECT w.id::text, w.conversion_id::text, w.role, m.external_id, w.status, coalesce(w.code, ''), w.value_minor, w.units,
       w.transfer_seq IS NOT NULL, w.claimed_at IS NOT NULL, w.redeemed_at IS NOT NULL
  FROM rewards w JOIN members m ON m.tenant_id = w.tenant_id AND m.id = w.member_id
 WHERE w.tenant_id = $1 ORDER BY w.id`

	attributionsSQL = `
SELECT a.campaign_id, e.external_id, r.code, a.paid_at IS NOT NULL
  FROM attributions a JOIN referrals r ON r.tenant_id = a.tenant_id AND r.id = a.referral_id
  JOIN members e ON e.tenant_id = a.tenant_id AND e.id = a.referee_id
 WHERE a.tenant_id = $1 ORDER BY a.campaign_id, e.external_id`

	talliesSQL = `
SELECT t.campaign_id, m.external_id, t.rewards, t.granted_minor
  FROM tallies t JOIN members m ON m.tenant_id = t.tenant_id AND m.id = t.member_id
 WHERE t.tenant_id = $1 ORDER BY t.campaign_id, m.external_id`
)

func (b *books) programmeReaders(ctx context.Context, tx pgx.Tx, tenantID int64) []func() error {
	return []func() error{
		func() error { return rows(ctx, tx, tenantID, &b.Campaigns, campaignsSQL) },
		func() error { return rows(ctx, tx, tenantID, &b.Referrals, referralsSQL) },
		func() error { return rows(ctx, tx, tenantID, &b.Clicks, clicksSQL) },
		func() error { return rows(ctx, tx, tenantID, &b.Conversions, conversionsSQL) },
		func() error { return rows(ctx, tx, tenantID, &b.Rewards, rewardsSQL) },
		func() error { return rows(ctx, tx, tenantID, &b.Attributions, attributionsSQL) },
		func() error { return rows(ctx, tx, tenantID, &b.Tallies, talliesSQL) },
	}
}

func (b *books) renderProgramme() {
	for i := range b.Referrals {
		b.Referrals[i].ID = publicID("ref_", b.Referrals[i].ID)
	}
	for i := range b.Clicks {
		b.Clicks[i].ID = publicID("click_", b.Clicks[i].ID)
	}
	for i := range b.Conversions {
		b.Conversions[i].ID = publicID("conv_", b.Conversions[i].ID)
	}
	for i := range b.Rewards {
		b.Rewards[i].ID, b.Rewards[i].Conversion = publicID("rwd_", b.Rewards[i].ID), publicID("conv_", b.Rewards[i].Conversion)
	}
}

// pair matches rows with what was told of them, one to one. differ finds what
// else is wrong with a pair.
func pair[R, T any](c *claims, what string, told map[string]T, rows []R, name func(R) string, differ func(R, T) (kind, says string)) {
	seen := map[string]bool{}
	for _, row := range rows {
		t, is := told[name(row)]
		switch {
		case !is:
			c.find(doubled, "%s %+v: no acknowledgement accounts for it", what, row)
		case seen[name(row)]:
			c.find(doubled, "%s %+v is there once more", what, row)
		default:
			if kind, says := differ(row, t); kind != "" {
				c.find(kind, "%s %+v: %s", what, row, says)
			}
		}
		seen[name(row)] = true
	}
	for name := range told {
		if !seen[name] {
			c.find(lost, "%s %s was acknowledged, and is not there", what, name)
		}
	}
}

// done compares one thing that happens once: whether it was acknowledged with
// whether it is in the books.
func done(what string, acknowledged, stored bool) (kind, says string) {
	switch {
	case acknowledged && !stored:
		return lost, "it was acknowledged that it is " + what
	case stored && !acknowledged:
		return doubled, "nobody was told that it is " + what
	}
	return "", ""
}

// compareProgramme holds the referral half against what was acknowledged.
func (c *claims) compareProgramme(b *books) {
	p := &c.programme
	pair(c, "code", p.codes, b.Referrals, func(r referralRow) string { return r.Code }, func(r referralRow, t *toldReferral) (string, string) {
		if r.ID != t.id || r.Campaign != t.campaign || r.Referrer != t.referrer || r.Referee != t.referee {
			return wrong, fmt.Sprintf("acknowledged as %+v", *t)
		}
		return "", ""
	})
	pair(c, "click", p.clicks, b.Clicks, func(r clickRow) string { return r.ID }, func(r clickRow, t toldClick) (string, string) {
		if r.Code != t.code || r.Referee != t.referee || r.Counted != t.counted {
			return wrong, fmt.Sprintf("acknowledged as %+v", t)
		}
		return "", ""
	})
	pair(c, "conversion", p.conversions, b.Conversions, func(r conversionRow) string { return r.ID }, compareConversion)
	pair(c, "reward", p.grants, b.Rewards, rewardRow.earned, compareReward)
	c.compareCounted(b)
	c.compareAttributions(b)
	c.compareTotals(b)
}

func compareConversion(r conversionRow, d *deal) (kind, says string) {
	if kind, says := done("refunded", d.refund != nil, r.Refunded); kind != "" {
		return kind, says
	}
	if r.Code != d.code || r.Referee != d.Referee || r.Status != d.stands() || r.Reason != d.Reason || r.Amount != d.minor ||
		r.Minor != minor(d.Amount) || r.Units != d.Coins {
		return wrong, fmt.Sprintf("acknowledged as %+v, should be %s", d.toldConversion, d.stands())
	}
	return "", ""
}

func compareReward(r rewardRow, g *grant) (kind, says string) {
	for _, once := range []struct {
		what                 string
		acknowledged, stored bool
	}{{"claimed", g.claimed(), r.Claimed}, {"redeemed", g.used, r.Used}, {"paid", g.paid(), r.Paid}} {
		if kind, says := done(once.what, once.acknowledged, once.stored); kind != "" {
			return kind, says
		}
	}
	code := ""
	if g.claim != nil {
		code = g.claim.code()
		if g.claim.ID != r.ID {
			return wrong, "it was claimed as " + g.claim.ID
		}
	}
	if r.Member != g.member || r.Status != string(g.stands()) || r.Minor != g.value || r.Units != g.units || r.Code != code {
		return wrong, fmt.Sprintf("acknowledged as %s of %s: %d, %d points, code %q", g.stands(), g.member, g.value, g.units, code)
	}
	if g.claimed() && g.side.Fulfilment.HandsOutCode() && code == "" {
		return lost, "it was claimed without a code"
	}
	return "", ""
}

// compareCounted wants one click of a referee on a code to count, and each of
// nobody in particular.
func (c *claims) compareCounted(b *books) {
	counted, clicked := map[string]int{}, map[string]bool{}
	for _, k := range b.Clicks {
		if k.Referee == "" && !k.Counted {
			c.find(lost, "click %+v does not count", k)
		}
		if k.Referee == "" {
			continue
		}
		clicked[k.Code+" "+k.Referee] = true
		if k.Counted {
			counted[k.Code+" "+k.Referee]++
		}
	}
	for who := range clicked {
		if n := counted[who]; n == 0 {
			c.find(lost, "no click on %s counts", who)
		} else if n > 1 {
			c.find(doubled, "%d clicks on %s count", n, who)
		}
	}
}

// compareAttributions wants everybody who clicked or converted to be bound to
// one code, through which they were paid, and no other.
func (c *claims) compareAttributions(b *books) {
	p := &c.programme
	met := map[string]bool{}
	meet := func(code, referee string) {
		if t := p.codes[code]; t != nil && referee != "" {
			met[t.campaign+" "+referee] = true
		}
	}
	for _, k := range p.clicks {
		meet(k.code, k.referee)
	}
	paid := map[string]bool{}
	for _, d := range p.conversions {
		meet(d.code, d.Referee)
		if t := p.codes[d.code]; t != nil && d.Created {
			paid[t.campaign+" "+d.Referee] = true
		}
	}
	bound := map[string]string{}
	pair(c, "attribution", met, b.Attributions, func(r attributionRow) string { return r.Campaign + " " + r.Referee }, func(r attributionRow, _ bool) (string, string) {
		bound[r.Campaign+" "+r.Referee] = r.Code
		return done("paid", paid[r.Campaign+" "+r.Referee], r.Paid)
	})
	for _, d := range p.conversions {
		t := p.codes[d.code]
		if t == nil || d.Reason == "BLOCKED" {
			continue
		}
		if elsewhere := bound[t.campaign+" "+d.Referee] != d.code; elsewhere != (d.Reason == "OTHER_ATTRIBUTION") {
			c.find(wrong, "conversion %s of %s through %s, who is bound to %s, has the reason %q", d.ID, d.Referee, d.code, bound[t.campaign+" "+d.Referee], d.Reason)
		}
	}
}

// compareTotals wants counters, budgets and tallies to be the sums of what was
// acknowledged.
func (c *claims) compareTotals(b *books) {
	p := &c.programme
	codes, totals, tallies := map[string]*referralRow{}, map[string]*campaignRow{}, map[string]*tallyRow{}
	for _, of := range campaigns {
		totals[of.id] = &campaignRow{}
	}
	for code, t := range p.codes {
		codes[code] = &referralRow{}
		totals[t.campaign].Referrals++
	}
	for _, k := range p.clicks {
		if t := p.codes[k.code]; t != nil && k.counted {
			codes[k.code].Clicks++
			totals[t.campaign].Clicks++
		}
	}
	for _, d := range p.conversions {
		if t := p.codes[d.code]; t != nil && d.stands() != referral.ConversionRejected {
			codes[d.code].Conversions++
			totals[t.campaign].Conversions++
		}
	}
	for _, name := range slices.Sorted(maps.Keys(p.grants)) {
		g := p.grants[name]
		t := p.codes[g.deal.code]
		if g.deal.Status == referral.ConversionCompleted || g.deal.reviewed == approve {
			codes[g.deal.code].Completed = true
		}
		who := t.campaign + " " + t.referrer
		if tallies[who] == nil {
			tallies[who] = &tallyRow{}
		}
		if !g.counts() {
			continue
		}
		totals[t.campaign].GrantedMinor += g.value
		if g == p.grants[earning(g.deal.ID, string(referral.Referrer))] {
			tallies[who].Rewards++
			tallies[who].Granted += g.value
		}
	}
	for _, r := range b.Referrals {
		if w := codes[r.Code]; w != nil && (r.Clicks != w.Clicks || r.Conversions != w.Conversions || r.Completed != w.Completed) {
			c.find(wrong, "code %s counts %d clicks and %d conversions, completed: %v; acknowledged were %d and %d, %v",
				r.Code, r.Clicks, r.Conversions, r.Completed, w.Clicks, w.Conversions, w.Completed)
		}
	}
	for _, r := range b.Tallies {
		if w := tallies[r.Campaign+" "+r.Member]; w == nil && r.Rewards+r.Granted != 0 || w != nil && (r.Rewards != w.Rewards || r.Granted != w.Granted) {
			c.find(wrong, "tally %+v: acknowledged were %+v", r, w)
		}
	}
	c.compareCampaigns(b, totals)
}

func (c *claims) compareCampaigns(b *books, totals map[string]*campaignRow) {
	for _, r := range b.Campaigns {
		w := totals[r.ID]
		if r.Referrals != w.Referrals || r.Clicks != w.Clicks || r.Conversions != w.Conversions || r.GrantedMinor != w.GrantedMinor {
			c.find(wrong, "campaign %s counts %+v, acknowledged were %+v", r.ID, r, *w)
		}
		if r.Budget != nil && (r.Spent != w.GrantedMinor || r.Spent > *r.Budget) {
			c.find(wrong, "campaign %s has spent %d of %d, granted were %d", r.ID, r.Spent, *r.Budget, w.GrantedMinor)
		}
		delete(totals, r.ID)
	}
	for id := range totals {
		c.find(lost, "campaign %s is not there", id)
	}
}
