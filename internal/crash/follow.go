package crash

import (
	"slices"
	"strings"

	"github.com/incent-dev/incent/internal/referral"
)

// grant is a reward that an acknowledgement claims.
type grant struct {
	deal   *deal
	role   referral.Role
	side   *referral.Side
	member string
	value  int64 // minor units
	units  int64

	claim *toldReward // what a claim answered; nil: nobody claimed it
	used  bool
}

// atOnce tells whether the reward was paid when it was earned.
func (g *grant) atOnce() bool {
	return g.side.Fulfilment == referral.Automated && g.deal.Status == referral.ConversionCompleted
}

// claimed tells whether a claim took effect. One that came after the payment
// did not.
func (g *grant) claimed() bool {
	return g.claim != nil && !g.atOnce() && (g.side.Fulfilment != referral.Automated || g.claim.ClaimedAt != nil)
}

// swept tells whether the reward was paid by itself, after a review let it go. All
// are by the time of the comparison, but those of a refund that was faster.
func (g *grant) swept() bool {
	if g.side.Fulfilment != referral.Automated || g.deal.reviewed != approve || g.units == 0 || g.claimed() {
		return false
	}
	if g.deal.refund == nil {
		return true
	}
	return slices.ContainsFunc(g.deal.refund.Rewards, func(r toldRefunded) bool { return r.Reward.Role == string(g.role) && r.Reversal != nil })
}

// paid tells whether points went out.
func (g *grant) paid() bool { return g.units > 0 && (g.atOnce() || g.claimed() || g.swept()) }

// stands is the reward's status after all that became of it.
func (g *grant) stands() referral.RewardStatus {
	switch {
	case g.used:
		return referral.RewardPaid
	case g.deal.stands() == referral.ConversionRejected:
		return referral.RewardCancelled
	case g.deal.stands() == referral.ConversionFlagged:
		return referral.RewardPending
	case g.side.Fulfilment == referral.Automated && (g.atOnce() || g.claimed() || g.swept()):
		return referral.RewardPaid
	}
	return referral.RewardApproved
}

// counts tells whether totals include the reward.
func (g *grant) counts() bool { return g.stands() != referral.RewardCancelled }

// follow works out what the answers of the referral half come to, once all of
// them are gathered: who was granted what, and the transfers that go with it.
func (c *claims) follow() {
	p := &c.programme
	for code, t := range p.codes {
		if t.made != 1 {
			c.find(wrong, "code %s was new to %d answers", code, t.made)
		}
	}
	for _, d := range p.conversions {
		c.followConversion(d)
	}
	c.followOnce()
	byReward := map[string]*grant{}
	for reward, t := range p.claimed {
		g := p.grants[earning(t.Conversion, t.Role)]
		if g == nil || t.Coins != g.units {
			c.find(wrong, "key %s claimed reward %s, %d coins, of conversion %s (%s), which grants %+v", t.key, reward, t.Coins, t.Conversion, t.Role, g)
			continue
		}
		g.claim, byReward[reward] = &t, g
	}
	for reward, key := range p.used {
		if g := byReward[reward]; g != nil {
			g.used = true
		} else {
			c.find(wrong, "key %s redeemed reward %s, which nobody claimed", key, reward)
		}
	}
	for name, g := range p.grants {
		if g.paid() {
			key := g.deal.key
			if g.claimed() {
				key = g.claim.key
			}
			c.claim("payout "+name, effect{member: g.member, points: g.units, key: key})
		}
	}
	for _, d := range p.conversions {
		c.followRefund(d)
	}
}

// followConversion checks an answer against the campaign and notes its grants.
func (c *claims) followConversion(d *deal) {
	p := &c.programme
	code := p.codes[d.code]
	if code == nil {
		c.find(wrong, "key %s converted through code %s, which nobody was told of", d.key, d.code)
		return
	}
	of := code.in()
	if d.Referral != code.id || d.Referrer != code.referrer {
		c.find(wrong, "key %s: conversion %s through code %s is of referral %s and %s", d.key, d.ID, d.code, d.Referral, d.Referrer)
	}
	if want := of.status(d); d.Status != want {
		c.find(wrong, "key %s: conversion %s is %s, and should be %s", d.key, d.ID, d.Status, want)
	}
	reasons := []string{"", "REPEAT_CONVERSION", "OTHER_ATTRIBUTION"}
	if of.budget > 0 {
		reasons = append(reasons, "BUDGET_EXHAUSTED")
	}
	if of.status(d) == referral.ConversionRejected {
		reasons = []string{"BLOCKED"}
	}
	if !slices.Contains(reasons, d.Reason) || d.Created != (d.Reason == "") {
		c.find(wrong, "key %s: conversion %s, rewarded: %v, for the reason %q", d.key, d.ID, d.Created, d.Reason)
	}
	value, units := of.pays(of.rule.Referrer, d)
	told := minor(d.Amount)
	switch {
	case !d.Created && (told != 0 || d.Coins != 0),
		d.Created && (told <= 0 && value > 0 || told > value || told < value && of.budget == 0 || d.Coins != units):
		c.find(wrong, "key %s: conversion %s of %d earns %s and %d coins, by campaign %s it is %d and %d", d.key, d.ID, d.minor, d.Amount, d.Coins, of.id, value, units)
	}
	if !d.Created {
		return
	}
	p.grants[earning(d.ID, string(referral.Referrer))] = &grant{deal: d, role: referral.Referrer, side: of.rule.Referrer, member: d.Referrer, value: told, units: d.Coins}
	if side := of.rule.Referee; side != nil {
		value, units := of.pays(side, d)
		p.grants[earning(d.ID, string(referral.Referee))] = &grant{deal: d, role: referral.Referee, side: side, member: d.Referee, value: value, units: units}
	}
}

// in is the code's campaign.
func (t *toldReferral) in() campaign {
	return campaigns[slices.IndexFunc(campaigns, func(c campaign) bool { return c.id == t.campaign })]
}

// status is how the campaign takes a conversion.
func (c campaign) status(d *deal) string {
	switch {
	case d.Referee != d.Referrer:
		return referral.ConversionCompleted
	case c.rule.Blocks:
		return referral.ConversionRejected
	}
	return referral.ConversionFlagged
}

// pays is what a side earns, but for the budget. The load's amounts leave
// nothing to round.
func (c campaign) pays(side *referral.Side, d *deal) (value, units int64) {
	return side.FixedMinor + d.minor*side.BasisPoints/10_000, side.Units
}

// followOnce wants one conversion of a referee to pay in a campaign, and those
// that are told that another one did to be right.
func (c *claims) followOnce() {
	paid := map[string]string{}
	for _, d := range c.programme.conversions {
		code := c.programme.codes[d.code]
		if code == nil || !d.Created || code.in().rule.PayRepeats {
			continue
		}
		pair := code.campaign + " " + d.Referee
		if before, twice := paid[pair]; twice {
			c.find(doubled, "conversions %s and %s of %s pay in campaign %s", before, d.ID, d.Referee, code.campaign)
		}
		paid[pair] = d.ID
	}
	for _, d := range c.programme.conversions {
		code := c.programme.codes[d.code]
		if code != nil && d.Reason == "REPEAT_CONVERSION" && paid[code.campaign+" "+d.Referee] == "" {
			c.find(lost, "conversion %s of %s was told that another one paid in campaign %s, and none did", d.ID, d.Referee, code.campaign)
		}
	}
}

// followRefund wants a refund to take back exactly what was granted.
func (c *claims) followRefund(d *deal) {
	if d.refund == nil {
		return
	}
	left := map[string]*grant{}
	for name, g := range c.programme.grants {
		if g.deal == d {
			left[name] = g
		}
	}
	for _, r := range d.refund.Rewards {
		name := earning(d.ID, r.Reward.Role)
		g := left[name]
		delete(left, name)
		if g == nil || g.used != (r.Outcome == "kept") || g.paid() != (r.Reversal != nil) {
			c.find(wrong, "key %s: the refund of %s takes back %+v of the grant %+v", d.refund.key, name, r, g)
			continue
		}
		v := r.Reversal
		if v == nil {
			continue
		}
		if v.Amount != g.units || v.FromAvailable+v.Forgiven != v.Amount {
			c.find(wrong, "key %s: the refund of %s takes back %+v of %d points", d.refund.key, name, *v, g.units)
		}
		if v.FromAvailable > 0 {
			c.claim("clawback "+name, effect{member: g.member, points: -v.FromAvailable, key: d.refund.key})
		}
	}
	for name := range left {
		c.find(wrong, "key %s: the refund does not take back %s", d.refund.key, strings.ToLower(name))
	}
}
