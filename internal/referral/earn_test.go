package referral

import (
	"flag"
	"math/big"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// What is drawn is the same in every run; -rapid.seed says otherwise by hand.
func init() {
	if err := flag.Set("rapid.seed", "20240"); err != nil {
		panic(err)
	}
}

func whole(n int64) *int64 { return &n }

func TestEarn(t *testing.T) {
	tenPercent := &Side{BasisPoints: 1000, Fulfilment: DiscountCode}
	tiered := &Side{Tiers: []Tier{{From: 1, FixedMinor: 500}, {From: 3, BasisPoints: 1500}, {From: 10, Units: 50}}}
	for name, c := range map[string]struct {
		side   *Side
		in     EarnInput
		value  int64
		units  int64
		reason string
		step   string // found in the steps
	}{
		"nobody":                           {nil, EarnInput{AmountMinor: whole(100)}, 0, 0, ReasonNoReward, "nothing to this side"},
		"fixed":                            {&Side{FixedMinor: 500}, EarnInput{}, 500, 0, "", "A fixed 5.00"},
		"percent":                          {tenPercent, EarnInput{AmountMinor: whole(4999)}, 500, 0, "", "10 % of 49.99 is 5.00, rounded half-even"},
		"tie to even, down":                {tenPercent, EarnInput{AmountMinor: whole(25)}, 2, 0, "", "0.02"},
		"tie to even, up":                  {tenPercent, EarnInput{AmountMinor: whole(35)}, 4, 0, "", "0.04"},
		"exact":                            {tenPercent, EarnInput{AmountMinor: whole(5000)}, 500, 0, "", "10 % of 50.00 is 5.00"},
		"no amount":                        {tenPercent, EarnInput{}, 0, 0, ReasonNoReward, "none was given"},
		"rounds to nothing":                {tenPercent, EarnInput{AmountMinor: whole(5)}, 0, 0, ReasonNoReward, "nothing"},
		"zero amount":                      {tenPercent, EarnInput{AmountMinor: whole(0)}, 0, 0, ReasonNoReward, "nothing"},
		"the largest amount":               {&Side{BasisPoints: 9999}, EarnInput{AmountMinor: whole(100_000_000_000_000)}, 99_990_000_000_000, 0, "", ""},
		"minimum met":                      {tenPercent, EarnInput{AmountMinor: whole(2000), MinAmountMinor: 2000}, 200, 0, "", ""},
		"below the minimum":                {tenPercent, EarnInput{AmountMinor: whole(1999), MinAmountMinor: 2000}, 0, 0, ReasonBelowMinimum, "19.99, is below the minimum of 20.00"},
		"minimum, no amount":               {&Side{FixedMinor: 5}, EarnInput{MinAmountMinor: 2000}, 0, 0, ReasonBelowMinimum, "was not given"},
		"points":                           {&Side{Units: 100}, EarnInput{}, 0, 100, "", "100 points"},
		"points and money":                 {&Side{Units: 100, FixedMinor: 1}, EarnInput{}, 1, 100, "", ""},
		"points, no amount":                {&Side{Units: 100, BasisPoints: 1000}, EarnInput{}, 0, 100, "", ""},
		"cap of the reward":                {&Side{BasisPoints: 1000, CapMinor: 300}, EarnInput{AmountMinor: whole(4999)}, 300, 0, "", "lowers it from 5.00"},
		"cap left":                         {tenPercent, EarnInput{AmountMinor: whole(4999), CapLeftMinor: whole(499)}, 499, 0, "", "4.99, lowers"},
		"cap reached":                      {tenPercent, EarnInput{AmountMinor: whole(4999), CapLeftMinor: whole(0)}, 0, 0, ReasonCapReached, ""},
		"cap overdrawn":                    {tenPercent, EarnInput{AmountMinor: whole(4999), CapLeftMinor: whole(-5)}, 0, 0, ReasonCapReached, ""},
		"budget left":                      {tenPercent, EarnInput{AmountMinor: whole(4999), BudgetLeftMinor: whole(1)}, 1, 0, "", "budget"},
		"budget spent":                     {tenPercent, EarnInput{AmountMinor: whole(4999), BudgetLeftMinor: whole(0)}, 0, 0, ReasonBudgetExhausted, ""},
		"both":                             {tenPercent, EarnInput{AmountMinor: whole(4999), CapLeftMinor: whole(7), BudgetLeftMinor: whole(6)}, 6, 0, "", ""},
		"budget takes points beside money": {&Side{Units: 9, FixedMinor: 1}, EarnInput{BudgetLeftMinor: whole(0)}, 0, 0, ReasonBudgetExhausted, ""},
		"budget leaves points alone":       {&Side{Units: 9}, EarnInput{BudgetLeftMinor: whole(0), CapLeftMinor: whole(0)}, 0, 9, "", ""},
		"tier 1":                           {tiered, EarnInput{AmountMinor: whole(4999)}, 500, 0, "", "number 1: the tier from 1 on"},
		"tier 1, second":                   {tiered, EarnInput{AmountMinor: whole(4999), Rewarded: 1}, 500, 0, "", "number 2: the tier from 1 on"},
		"tier 2":                           {tiered, EarnInput{AmountMinor: whole(4999), Rewarded: 2}, 750, 0, "", "number 3: the tier from 3 on"},
		"tier 2, the last":                 {tiered, EarnInput{AmountMinor: whole(4999), Rewarded: 8}, 750, 0, "", "the tier from 3 on"},
		"tier 3":                           {tiered, EarnInput{AmountMinor: whole(4999), Rewarded: 9}, 0, 50, "", "the tier from 10 on"},
		"tier 3, for good":                 {tiered, EarnInput{Rewarded: 1 << 40}, 0, 50, "", "the tier from 10 on"},
	} {
		e := c.side.Earn(c.in)
		if e.ValueMinor != c.value || e.Units != c.units || e.Reason != c.reason || e.Pays() != (c.reason == "") || len(e.Steps) == 0 {
			t.Errorf("%s: %+v, want %d and %d units, %q", name, e, c.value, c.units, c.reason)
		}
		if !strings.Contains(strings.Join(e.Steps, "\n"), c.step) {
			t.Errorf("%s: steps are %q, want %q among them", name, e.Steps, c.step)
		}
	}
}

// The documented sum: 34 rewards of 10 % of 49.99, and one of mixed tiers.
func TestEarnSums(t *testing.T) {
	sum := func(s *Side, amounts ...int64) (total int64) {
		for i, a := range amounts {
			e := s.Earn(EarnInput{AmountMinor: &a, Rewarded: int64(i)})
			total += e.ValueMinor
		}
		return total
	}
	amounts := make([]int64, 34)
	for i := range amounts {
		amounts[i] = 4999
	}
	if got := sum(&Side{BasisPoints: 1000}, amounts...); got != 34*500 { // 4.999 each, rounded once each
		t.Errorf("34 rewards make %d", got)
	}
	mixed := &Side{Tiers: []Tier{{From: 1, BasisPoints: 333}, {From: 3, BasisPoints: 1250}, {From: 5, FixedMinor: 999}}}
	// 3.33 % of 49.99 = 1.664667; of 10.00 = 0.333; 12.5 % of 0.12 = 0.015; of 0.20 = 0.025; 9.99
	if got := sum(mixed, 4999, 1000, 12, 20, 1); got != 166+33+2+2+999 {
		t.Errorf("mixed tiers make %d", got)
	}
}

func TestRuleEarn(t *testing.T) {
	r := Rule{Referrer: &Side{FixedMinor: 500}, Referee: &Side{FixedMinor: 300}, MinAmountMinor: 100}
	for name, c := range map[string]struct {
		in       EarnInput
		referrer int64
		referee  int64
		second   string // the referee's reason
	}{
		"no limits":             {EarnInput{AmountMinor: whole(100)}, 500, 300, ""},
		"below the minimum":     {EarnInput{AmountMinor: whole(99)}, 0, 0, ReasonBelowMinimum},
		"referrer first":        {EarnInput{AmountMinor: whole(100), BudgetLeftMinor: whole(600)}, 500, 100, ""},
		"nothing left":          {EarnInput{AmountMinor: whole(100), BudgetLeftMinor: whole(500)}, 500, 0, ReasonBudgetExhausted},
		"cap is the referrer's": {EarnInput{AmountMinor: whole(100), CapLeftMinor: whole(0), BudgetLeftMinor: whole(200)}, 0, 200, ""},
	} {
		referrer, referee := r.Earn(c.in)
		if referrer.ValueMinor != c.referrer || referee.ValueMinor != c.referee || referee.Reason != c.second {
			t.Errorf("%s: %+v and %+v", name, referrer, referee)
		}
	}
}

// Whatever the rule: no limit is passed, and a percentage is the exact one
// rounded half-even.
func TestEarnProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		money := rapid.Int64Range(0, 100_000_000_000_000)
		maybe := rapid.Ptr(rapid.Int64Range(-10, 100_000), true)
		amount, basis := money.Draw(t, "amount"), rapid.Int64Range(1, wholeBasis).Draw(t, "basis points")
		in := EarnInput{AmountMinor: &amount, CapLeftMinor: maybe.Draw(t, "cap left"), BudgetLeftMinor: maybe.Draw(t, "budget left")}
		side := &Side{BasisPoints: basis, CapMinor: rapid.Int64Range(0, 100_000).Draw(t, "cap")}

		free := (&Side{BasisPoints: basis}).Earn(EarnInput{AmountMinor: &amount}).ValueMinor
		if want := halfEven(amount, basis); free != want {
			t.Fatalf("share is %d, want %d", free, want)
		}
		got := side.Earn(in).ValueMinor
		if got < 0 || got > free || side.CapMinor > 0 && got > side.CapMinor ||
			in.CapLeftMinor != nil && got > max(*in.CapLeftMinor, 0) || in.BudgetLeftMinor != nil && got > max(*in.BudgetLeftMinor, 0) {
			t.Fatalf("%d passes a limit", got)
		}
	})
}

// halfEven is the definition, in big numbers: of the two nearest, the even one.
func halfEven(amount, basis int64) int64 {
	product := new(big.Int).Mul(big.NewInt(amount), big.NewInt(basis))
	whole, rest := new(big.Int).DivMod(product, big.NewInt(wholeBasis), new(big.Int))
	twice := rest.Int64() * 2
	if twice > wholeBasis || twice == wholeBasis && whole.Bit(0) == 1 {
		return whole.Int64() + 1
	}
	return whole.Int64()
}

func TestConversionRate(t *testing.T) {
	for _, c := range []struct{ conversions, clicks, tenths int64 }{
		{34, 89, 382}, {0, 0, 0}, {5, 0, 0}, {0, 7, 0}, {1, 3, 333}, {2, 3, 667}, {1, 1, 1000}, {3, 2, 1500},
		{1, 2000, 0}, {3, 2000, 2}, {5, 2000, 2}, {7, 2000, 4}, // ties: 0.5, 1.5, 2.5, 3.5
		{500_000, 5_000_000, 100}, {999_999_999_999_999, 1, 999_999_999_999_999_000},
	} {
		if got := ConversionRate(c.conversions, c.clicks); got != c.tenths {
			t.Errorf("%d of %d is %d tenths, want %d", c.conversions, c.clicks, got, c.tenths)
		}
	}
}
