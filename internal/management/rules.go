package management

import (
	"strconv"
	"time"

	"github.com/oapi-codegen/nullable"

	gen "github.com/incent-dev/incent/gen/management"
	"github.com/incent-dev/incent/internal/fault"
	"github.com/incent-dev/incent/internal/fraud"
	"github.com/incent-dev/incent/internal/ledger"
	"github.com/incent-dev/incent/internal/referral"
	"github.com/incent-dev/incent/internal/wire"
)

// campaignChange reads a PATCH whole before anything is locked, so that what is
// malformed is refused as such, and answers the change it asks for.
func campaignChange(r gen.UpdateCampaignRequest) (func(*referral.Campaign), error) {
	budget, err := amount("budget", r.Budget)
	if err != nil {
		return nil, err
	}
	newRule := func(*referral.Rule) {}
	if r.Rule != nil {
		if newRule, err = ruleChange(*r.Rule); err != nil {
			return nil, err
		}
	}
	return func(c *referral.Campaign) {
		assign(&c.Name, r.Name, same)
		assign(&c.State, r.State, campaignState)
		setInstant(&c.StartsAt, r.StartsAt)
		setInstant(&c.EndsAt, r.EndsAt)
		if r.Budget.IsSpecified() {
			c.BudgetMinor = budget
		}
		newRule(&c.Rule)
	}, nil
}

func setInstant(target *time.Time, n nullable.Nullable[wire.Millis]) {
	if !n.IsSpecified() {
		return
	}
	*target = time.Time{}
	if at := orNil(n); at != nil {
		*target = at.Time()
	}
}

func ruleChange(r gen.CampaignRuleRequest) (func(*referral.Rule), error) {
	referrer, err := side("rule.referrer", r.Referrer)
	if err != nil {
		return nil, err
	}
	referee, err := side("rule.referee", r.Referee)
	if err != nil {
		return nil, err
	}
	minimum, err := amount("rule.minAmount", r.MinAmount)
	if err != nil {
		return nil, err
	}
	most, err := amount("rule.referrerCap", r.ReferrerCap)
	if err != nil {
		return nil, err
	}
	return func(out *referral.Rule) {
		if r.Referrer.IsSpecified() {
			out.Referrer = referrer
		}
		if r.Referee.IsSpecified() {
			out.Referee = referee
		}
		if r.MinAmount.IsSpecified() {
			out.MinAmountMinor = orZero(minimum)
		}
		if r.ReferrerCap.IsSpecified() {
			out.ReferrerCapMinor = orZero(most)
		}
		assign(&out.WindowDays, r.WindowDays, same)
		assign(&out.HoldDays, r.HoldDays, same)
		assign(&out.PayRepeats, r.PayRepeats, same)
		if r.Fraud != nil {
			assign(&out.FlagAt, r.Fraud.FlagAt, same)
			assign(&out.BlockAt, r.Fraud.BlockAt, same)
			assign(&out.Blocks, r.Fraud.Mode, func(m gen.FraudMode) bool { return m == gen.FraudModeBlock })
			assign(&out.Weights, r.Fraud.Weights, weights)
		}
	}, nil
}

func weights(given gen.SignalWeights) fraud.Weights {
	if len(given) == 0 {
		return nil
	}
	out := fraud.Weights{}
	for signal, weight := range given {
		out[fraud.Signal(signal)] = weight
	}
	return out
}

func side(field string, n nullable.Nullable[gen.RewardRule]) (*referral.Side, error) {
	r := orNil(n)
	if r == nil {
		return nil, nil
	}
	out := &referral.Side{Asset: ledger.Points, Fulfilment: referral.Fulfilment(r.FulfillmentType)}
	if r.Asset != nil {
		out.Asset = asset(gen.Asset(*r.Asset))
	}
	if pool := orNil(r.CodePoolId); pool != nil {
		out.PoolID = *pool
	}
	all, err := tier(field, gen.RewardTier{Fixed: r.Fixed, Percent: r.Percent, Units: r.Units})
	if err != nil {
		return nil, err
	}
	out.FixedMinor, out.BasisPoints, out.Units = all.FixedMinor, all.BasisPoints, all.Units
	most, err := amount(field+".cap", r.Cap)
	if err != nil {
		return nil, err
	}
	out.CapMinor = orZero(most)
	if r.Tiers == nil {
		return out, nil
	}
	for i, given := range *r.Tiers {
		t, err := tier(field+".tiers["+strconv.Itoa(i)+"]", given)
		if err != nil {
			return nil, err
		}
		out.Tiers = append(out.Tiers, t)
	}
	return out, nil
}

func tier(field string, r gen.RewardTier) (referral.Tier, error) {
	fixed, err := amount(field+".fixed", r.Fixed)
	if err != nil {
		return referral.Tier{}, err
	}
	percent, err := amount(field+".percent", r.Percent) // 10.25 % are 1,025 basis points, as 10.25 are 1,025 cents
	return referral.Tier{From: r.From, FixedMinor: orZero(fixed), BasisPoints: orZero(percent), Units: orZero(orNil(r.Units))}, err
}

// amount reads a number of at most two decimals that may be null, in hundredths.
func amount(field string, n nullable.Nullable[wire.Decimal]) (*int64, error) {
	d := orNil(n)
	if d == nil {
		return nil, nil
	}
	var hundredths wire.Money
	if err := hundredths.UnmarshalJSON([]byte(d.String())); err != nil {
		return nil, outOfRange(field)
	}
	value := int64(hundredths)
	return &value, nil
}

func outOfRange(field string) error {
	return fault.Field(field, "must be a number with at most two decimals, within its limits")
}

func orZero(p *int64) int64 {
	if p == nil {
		return 0
	}
	return *p
}

func rule(r referral.Rule) gen.CampaignRule {
	out := gen.CampaignRule{
		Referrer: sideView(r.Referrer), Referee: sideView(r.Referee), MinAmount: moneyOrNull(r.MinAmountMinor), ReferrerCap: moneyOrNull(r.ReferrerCapMinor),
		WindowDays: r.WindowDays, HoldDays: r.HoldDays, PayRepeats: r.PayRepeats,
		Fraud: gen.FraudRuleView{FlagAt: r.FlagAt, BlockAt: r.BlockAt, Mode: gen.FraudMode(r.Fraud().Mode), Weights: gen.SignalWeights{}},
	}
	for signal, weight := range r.Weights {
		out.Fraud.Weights[string(signal)] = weight
	}
	return out
}

func sideView(s *referral.Side) nullable.Nullable[gen.RewardRuleView] {
	if s == nil {
		return nullable.NewNullNullable[gen.RewardRuleView]()
	}
	out := gen.RewardRuleView{
		Fixed: moneyOrNull(s.FixedMinor), Percent: percentOrNull(s.BasisPoints), Units: unitsOrNull(s.Units), Asset: gen.PayoutAsset(s.Asset.String()),
		Tiers: views(s.Tiers, tierView), Cap: moneyOrNull(s.CapMinor), FulfillmentType: gen.FulfillmentType(s.Fulfilment), CodePoolId: orNull[string](nil),
	}
	if s.PoolID != "" {
		out.CodePoolId = nullable.NewNullableWithValue(s.PoolID)
	}
	return nullable.NewNullableWithValue(out)
}

func tierView(t referral.Tier) gen.RewardTierView {
	return gen.RewardTierView{From: t.From, Fixed: moneyOrNull(t.FixedMinor), Percent: percentOrNull(t.BasisPoints), Units: unitsOrNull(t.Units)}
}

// In a rule, none and zero are the same; none is what is shown.

func moneyOrNull(minor int64) nullable.Nullable[wire.Money] {
	if minor == 0 {
		return nullable.NewNullNullable[wire.Money]()
	}
	return nullable.NewNullableWithValue(wire.Money(minor))
}

func percentOrNull(basisPoints int64) nullable.Nullable[wire.Decimal] {
	if basisPoints == 0 {
		return nullable.NewNullNullable[wire.Decimal]()
	}
	d, err := wire.ParseDecimal(wire.Money(basisPoints).String())
	if err != nil {
		panic("two decimals are a decimal: " + err.Error())
	}
	return nullable.NewNullableWithValue(d)
}

func unitsOrNull(units int64) nullable.Nullable[int64] {
	if units == 0 {
		return nullable.NewNullNullable[int64]()
	}
	return nullable.NewNullableWithValue(units)
}
