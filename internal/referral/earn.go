package referral

import (
	"cmp"
	"fmt"
	"math/bits"
	"slices"
)

// Why a conversion earns nothing, as far as the rule decides it.
const (
	ReasonBelowMinimum    = "BELOW_MINIMUM"
	ReasonCapReached      = "CAP_REACHED"
	ReasonBudgetExhausted = "BUDGET_EXHAUSTED"
	ReasonNoReward        = "NO_REWARD"
)

// EarnInput is all that a side's reward depends on.
type EarnInput struct {
	AmountMinor     *int64 // of the conversion; nil: none given
	MinAmountMinor  int64  // below it nothing is earned; 0: no minimum
	Rewarded        int64  // conversions of the referrer that were rewarded before this one
	CapLeftMinor    *int64 // what this person may still be granted; nil: no cap
	BudgetLeftMinor *int64 // what the campaign may still grant; nil: no budget
}

// Earning is what a side earns. Either it is something, or Reason says why not.
type Earning struct {
	ValueMinor int64
	Units      int64
	Steps      []string // how it came about, in words
	Reason     string   // "": something is earned
}

// Pays tells whether anything is earned.
func (e Earning) Pays() bool { return e.Reason == "" }

func (e *Earning) say(format string, args ...any) {
	e.Steps = append(e.Steps, fmt.Sprintf(format, args...))
}

func (e Earning) nothing(reason, format string, args ...any) Earning {
	e.say(format, args...)
	return Earning{Steps: e.Steps, Reason: reason}
}

// Earn works out both sides. The referrer is served first; the cap per referrer
// is theirs alone, and the referee gets from the budget what they left.
func (r Rule) Earn(in EarnInput) (referrer, referee Earning) {
	in.MinAmountMinor = r.MinAmountMinor
	referrer = r.Referrer.Earn(in)
	in.CapLeftMinor = nil
	if in.BudgetLeftMinor != nil {
		left := *in.BudgetLeftMinor - referrer.ValueMinor
		in.BudgetLeftMinor = &left
	}
	return referrer, r.Referee.Earn(in)
}

// Earn works out what one side earns: a pure function of rule and input. Money
// is rounded half-even, once, where a percentage is taken. A limit that leaves
// less than the rule gives lowers the reward to what is left; one that leaves
// nothing takes the whole reward, its points included. Limits of money do not
// concern a reward that is points alone.
func (s *Side) Earn(in EarnInput) Earning {
	var e Earning
	if s == nil {
		return e.nothing(ReasonNoReward, "The campaign pays nothing to this side")
	}
	if in.MinAmountMinor > 0 && (in.AmountMinor == nil || *in.AmountMinor < in.MinAmountMinor) {
		return e.nothing(ReasonBelowMinimum, "The amount, %s, is below the minimum of %s", amountText(in.AmountMinor), money(in.MinAmountMinor))
	}
	t := s.tier(in.Rewarded+1, &e)
	e.take(t, in.AmountMinor)
	if e.ValueMinor == 0 && e.Units == 0 {
		return e.nothing(ReasonNoReward, "That is nothing")
	}
	hasMoney := e.ValueMinor > 0
	if s.CapMinor > 0 {
		e.limit(s.CapMinor, "The most that one reward is worth")
	}
	if hasMoney && in.CapLeftMinor != nil {
		if *in.CapLeftMinor <= 0 {
			return e.nothing(ReasonCapReached, "The referrer has been granted all that the campaign grants to one")
		}
		e.limit(*in.CapLeftMinor, "What the referrer may still be granted")
	}
	if hasMoney && in.BudgetLeftMinor != nil {
		if *in.BudgetLeftMinor <= 0 {
			return e.nothing(ReasonBudgetExhausted, "The campaign's budget is spent")
		}
		e.limit(*in.BudgetLeftMinor, "What is left of the campaign's budget")
	}
	return e
}

// tier finds what is paid for the referrer's nth rewarded conversion.
func (s *Side) tier(nth int64, e *Earning) Tier {
	if len(s.Tiers) == 0 {
		return Tier{FixedMinor: s.FixedMinor, BasisPoints: s.BasisPoints, Units: s.Units}
	}
	after, found := slices.BinarySearchFunc(s.Tiers, nth, func(t Tier, nth int64) int { return cmp.Compare(t.From, nth) })
	if !found {
		after--
	}
	if after < 0 {
		return Tier{} // no rule that was checked has this gap
	}
	t := s.Tiers[after]
	e.say("It is the referrer's rewarded conversion number %d: the tier from %d on applies", nth, t.From)
	return t
}

// take works out a tier's money and points.
func (e *Earning) take(t Tier, amount *int64) {
	switch {
	case t.FixedMinor > 0:
		e.ValueMinor = t.FixedMinor
		e.say("A fixed %s", money(t.FixedMinor))
	case t.BasisPoints > 0 && amount == nil:
		e.say("%s %% of the amount, but none was given", percent(t.BasisPoints))
	case t.BasisPoints > 0:
		value, exact := share(*amount, t.BasisPoints)
		e.ValueMinor = value
		rounded := ""
		if !exact {
			rounded = ", rounded half-even"
		}
		e.say("%s %% of %s is %s%s", percent(t.BasisPoints), money(*amount), money(value), rounded)
	}
	if t.Units > 0 {
		e.Units = t.Units
		e.say("%d points or tokens", t.Units)
	}
}

func (e *Earning) limit(most int64, what string) {
	if e.ValueMinor > most {
		e.say("%s, %s, lowers it from %s", what, money(most), money(e.ValueMinor))
		e.ValueMinor = most
	}
}

// share takes basis points of an amount, rounded half-even. It cannot overflow:
// no rule takes more than the whole.
func share(amount, basisPoints int64) (value int64, exact bool) {
	if amount <= 0 {
		return 0, true
	}
	return divHalfEven(uint64(amount), uint64(basisPoints), wholeBasis)
}

// divHalfEven is a × b / c, a tie going to the even neighbour. The quotient must
// fit.
func divHalfEven(a, b, c uint64) (quotient int64, exact bool) {
	hi, lo := bits.Mul64(a, b)
	whole, rest := bits.Div64(hi, lo, c)
	if twice := rest * 2; twice > c || twice == c && whole%2 == 1 {
		whole++
	}
	return int64(whole), rest == 0
}

// ConversionRate is conversions per hundred clicks, in tenths: 34 of 89 are 382,
// shown as 38.2. It is rounded half-even, 0 without clicks, and not clamped:
// with conversions that no click preceded it exceeds 1000. Counts below 10^15.
func ConversionRate(conversions, clicks int64) (tenths int64) {
	if clicks <= 0 || conversions <= 0 {
		return 0
	}
	tenths, _ = divHalfEven(uint64(conversions), 1000, uint64(clicks))
	return tenths
}

func amountText(amount *int64) string {
	if amount == nil {
		return "which was not given"
	}
	return money(*amount)
}

func money(minor int64) string { return fmt.Sprintf("%d.%02d", minor/100, minor%100) }

// percent writes basis points with as many decimals as they need.
func percent(basisPoints int64) string {
	whole, rest := basisPoints/100, basisPoints%100
	switch {
	case rest == 0:
		return fmt.Sprint(whole)
	case rest%10 == 0:
		return fmt.Sprintf("%d.%d", whole, rest/10)
	}
	return fmt.Sprintf("%d.%02d", whole, rest)
}
