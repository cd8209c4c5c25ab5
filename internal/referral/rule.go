package referral

import (
	"fmt"

	"github.com/incent-dev/incent/internal/fault"
	"github.com/incent-dev/incent/internal/fraud"
	"github.com/incent-dev/incent/internal/ledger"
)

// Fulfilment says how a reward reaches whoever earned it.
type Fulfilment string

// The kinds of fulfilment, as Incenta spells them.
const (
	DiscountCode Fulfilment = "DISCOUNT_CODE"
	CouponCode   Fulfilment = "COUPON_CODE"
	GiftCard     Fulfilment = "GIFT_CARD"
	Manual       Fulfilment = "MANUAL"
	Automated    Fulfilment = "AUTOMATED"
	Custom       Fulfilment = "CUSTOM"
)

// HandsOutCode tells whether a claim takes a code.
func (f Fulfilment) HandsOutCode() bool {
	return f == DiscountCode || f == CouponCode || f == GiftCard
}

// Tier pays from a number of rewarded conversions of the referrer on, the one
// at hand included.
type Tier struct {
	From        int64 `json:"from"`                  // 1, 2, 3 ...
	FixedMinor  int64 `json:"fixedMinor,omitempty"`  // minor units
	BasisPoints int64 `json:"basisPoints,omitempty"` // hundredths of a percent of the amount
	Units       int64 `json:"units,omitempty"`       // points or tokens
}

// Side is what one side of a referral earns. One of FixedMinor, BasisPoints,
// Units or Tiers says how much; points may come beside money.
type Side struct {
	FixedMinor  int64        `json:"fixedMinor,omitempty"`  // minor units
	BasisPoints int64        `json:"basisPoints,omitempty"` // hundredths of a percent of the amount: 10 % is 1000
	Units       int64        `json:"units,omitempty"`       // points or tokens
	Asset       ledger.Asset `json:"asset,omitempty"`       // of Units
	Tiers       []Tier       `json:"tiers,omitempty"`       // ascending; instead of the above
	CapMinor    int64        `json:"capMinor,omitempty"`    // most of one reward; 0: none
	Fulfilment  Fulfilment   `json:"fulfilment"`
	PoolID      string       `json:"poolId,omitempty"` // where codes come from; "": generated
}

// Rule is what a campaign pays, and when. It is stored as JSON, one row per
// version, so members are only ever added.
type Rule struct {
	Referrer         *Side `json:"referrer"`
	Referee          *Side `json:"referee,omitempty"`
	MinAmountMinor   int64 `json:"minAmountMinor,omitempty"`   // below: recorded, earns nothing
	ReferrerCapMinor int64 `json:"referrerCapMinor,omitempty"` // most that one referrer is granted; 0: none
	WindowDays       int   `json:"windowDays"`                 // attribution window
	HoldDays         int   `json:"holdDays,omitempty"`         // rewards rest in PENDING
	PayRepeats       bool  `json:"payRepeats,omitempty"`       // later conversions of a referee pay too
	FlagAt           int   `json:"flagAt"`                     // risk score from which a thing is reviewed
	BlockAt          int   `json:"blockAt"`                    // and from which it is blocked, in that mode
	Blocks           bool  `json:"blocks,omitempty"`           // false: from BlockAt on it is reviewed, too

	Weights fraud.Weights `json:"weights,omitempty"` // of signals that do not have their default weight
}

// Fraud is the campaign's say in what is suspicious.
func (r Rule) Fraud() fraud.Policy {
	p := fraud.Policy{FlagAt: r.FlagAt, BlockAt: r.BlockAt, Mode: fraud.ModeFlag, Weights: r.Weights}
	if r.Blocks {
		p.Mode = fraud.ModeBlock
	}
	return p
}

// DefaultRule has the defaults of what a campaign leaves out. It pays nobody yet.
func DefaultRule() Rule {
	p := fraud.DefaultPolicy()
	return Rule{WindowDays: DefaultWindowDays, FlagAt: p.FlagAt, BlockAt: p.BlockAt}
}

// Limits of a rule.
const (
	DefaultWindowDays = 90
	MaxWindowDays     = 3650
	MaxHoldDays       = 365
	MaxTiers          = 20
	maxRuleMinor      = 1_000_000_000_000
	wholeBasis        = 10_000 // basis points of 100 %
)

// Check says what is wrong with a rule, naming the member below field; nil when
// nothing is.
func (r Rule) Check(field string) error {
	if r.Referrer == nil && r.Referee == nil {
		return fault.Field(field, "pays nobody: give referrer or referee")
	}
	if err := r.Referrer.check(field + ".referrer"); err != nil {
		return err
	}
	if err := r.Referee.check(field + ".referee"); err != nil {
		return err
	}
	switch {
	case r.MinAmountMinor < 0 || r.MinAmountMinor > maxRuleMinor:
		return fault.Field(field+".minAmount", "must be between 0 and %s", money(maxRuleMinor))
	case r.ReferrerCapMinor < 0 || r.ReferrerCapMinor > maxRuleMinor:
		return fault.Field(field+".referrerCap", "must be between 0 and %s", money(maxRuleMinor))
	case r.ReferrerCapMinor > 0 && r.Referrer == nil:
		return fault.Field(field+".referrerCap", "bounds what the referrer earns, but the referrer earns nothing")
	case r.HoldDays < 0 || r.HoldDays > MaxHoldDays:
		return fault.Field(field+".holdDays", "must be between 0 and %d", MaxHoldDays)
	case r.WindowDays < 1 || r.WindowDays > MaxWindowDays:
		return fault.Field(field+".windowDays", "must be between 1 and %d", MaxWindowDays)
	case r.FlagAt < 1:
		return fault.Field(field+".fraud.flagAt", "must be at least 1")
	case r.BlockAt < 1:
		return fault.Field(field+".fraud.blockAt", "must be at least 1")
	}
	return r.Fraud().Validate(field + ".fraud")
}

func (s *Side) check(field string) error {
	if s == nil {
		return nil
	}
	if err := s.checkAmounts(field); err != nil {
		return err
	}
	switch s.Fulfilment {
	case DiscountCode, CouponCode, GiftCard, Manual, Automated, Custom:
	default:
		return fault.Field(field+".fulfillmentType", "must be one of DISCOUNT_CODE, COUPON_CODE, MANUAL, AUTOMATED, GIFT_CARD, CUSTOM")
	}
	switch {
	case s.CapMinor < 0 || s.CapMinor > maxRuleMinor:
		return fault.Field(field+".cap", "must be between 0 and %s", money(maxRuleMinor))
	case s.PoolID != "" && !s.Fulfilment.HandsOutCode():
		return fault.Field(field+".codePoolId", "belongs to fulfilments that hand out a code")
	case s.Asset != ledger.Points && s.Asset != ledger.Tokens:
		return fault.Field(field+".asset", "must be points or tokens")
	}
	return nil
}

func (s *Side) checkAmounts(field string) error {
	if len(s.Tiers) == 0 {
		return Tier{FixedMinor: s.FixedMinor, BasisPoints: s.BasisPoints, Units: s.Units}.check(field)
	}
	if s.FixedMinor != 0 || s.BasisPoints != 0 || s.Units != 0 {
		return fault.Field(field+".tiers", "cannot stand beside fixed, percent or units")
	}
	if len(s.Tiers) > MaxTiers {
		return fault.Field(field+".tiers", "may list at most %d tiers", MaxTiers)
	}
	from := int64(0)
	for i, t := range s.Tiers {
		where := fmt.Sprintf("%s.tiers[%d]", field, i)
		if t.From <= from || i == 0 && t.From != 1 {
			return fault.Field(where+".from", "must begin with 1 and ascend")
		}
		from = t.From
		if err := t.check(where); err != nil {
			return err
		}
	}
	return nil
}

func (t Tier) check(field string) error {
	switch {
	case t.FixedMinor < 0 || t.FixedMinor > maxRuleMinor:
		return fault.Field(field+".fixed", "must be between 0 and %s", money(maxRuleMinor))
	case t.BasisPoints < 0 || t.BasisPoints > wholeBasis:
		return fault.Field(field+".percent", "must be between 0 and 100")
	case t.Units < 0 || t.Units > ledger.MaxAmount:
		return fault.Field(field+".units", "must be between 0 and %d", int64(ledger.MaxAmount))
	case t.FixedMinor > 0 && t.BasisPoints > 0:
		return fault.Field(field, "must be fixed or percent, not both")
	case t.FixedMinor == 0 && t.BasisPoints == 0 && t.Units == 0:
		return fault.Field(field, "pays nothing: give fixed, percent or units")
	}
	return nil
}
