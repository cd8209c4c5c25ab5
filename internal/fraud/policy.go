package fraud

import (
	"maps"
	"slices"
	"time"

	"github.com/incent-dev/incent/internal/fault"
)

// Signal is the stable code of one indication of abuse, as it stands in the
// `reasons` of an answer.
type Signal string

// The signals. signals.go says of each what it catches and whom it may wrong.
const (
	SelfReferral        Signal = "SELF_REFERRAL"
	EmailMatch          Signal = "EMAIL_MATCH"
	EmailSimilar        Signal = "EMAIL_SIMILAR"
	DisposableEmail     Signal = "DISPOSABLE_EMAIL"
	BlockListed         Signal = "BLOCK_LISTED"
	VelocityReferrals   Signal = "VELOCITY_REFERRALS"
	VelocityClicks      Signal = "VELOCITY_CLICKS"
	VelocityConversions Signal = "VELOCITY_CONVERSIONS"
	FastConversion      Signal = "FAST_CONVERSION"
	NoClick             Signal = "NO_CLICK"
	Reciprocal          Signal = "RECIPROCAL"
	Ring                Signal = "RING"
	MultipleCodes       Signal = "MULTIPLE_CODES"
	AmountOutlier       Signal = "AMOUNT_OUTLIER"
	RateAnomaly         Signal = "RATE_ANOMALY"
	SameNetwork         Signal = "SAME_NETWORK"
	SameDevice          Signal = "SAME_DEVICE"
)

// Mode is what a campaign does at its upper threshold.
type Mode string

// The modes. The zero Mode flags.
const (
	ModeFlag  Mode = "flag"
	ModeBlock Mode = "block"
)

// scoreMax caps the score and each weight.
const scoreMax = 100

// Weights is what each signal adds to the score. A signal that is absent has
// its default weight; 0 turns it off.
type Weights map[Signal]int

// DefaultWeights returns a copy of the defaults. They follow one rule: what
// alone proves an abuse blocks, what alone makes it likely flags, and what
// happens to honest people every day flags only in company.
func DefaultWeights() Weights { return maps.Clone(defaultWeights) }

var defaultWeights = Weights{
	SelfReferral:        100,
	BlockListed:         80,
	EmailMatch:          60,
	Reciprocal:          50,
	Ring:                50,
	SameDevice:          45,
	EmailSimilar:        40,
	DisposableEmail:     40,
	VelocityReferrals:   40,
	MultipleCodes:       40,
	FastConversion:      30,
	AmountOutlier:       30,
	VelocityClicks:      25,
	VelocityConversions: 25,
	SameNetwork:         25,
	RateAnomaly:         5,
	NoClick:             5,
}

// Signals lists all signals in the order of the alphabet.
func Signals() []Signal { return slices.Sorted(maps.Keys(defaultWeights)) }

// Limits is where ordinary use ends. A zero limit stands for its default.
type Limits struct {
	Referrals24h   int64         // codes created per referrer and day
	Clicks24h      int64         // clicks on a referrer's codes per day
	Conversions24h int64         // conversions per referrer and day
	NetworkOthers  int64         // other members per network and day
	Fast           time.Duration // from click to conversion
}

// DefaultLimits suits a shop or an app whose members invite whom they know.
func DefaultLimits() Limits {
	return Limits{Referrals24h: 30, Clicks24h: 100, Conversions24h: 5, NetworkOthers: 6, Fast: 10 * time.Second}
}

func (l Limits) filled() Limits {
	d := DefaultLimits()
	for _, f := range []struct{ limit, ordinary *int64 }{
		{&l.Referrals24h, &d.Referrals24h}, {&l.Clicks24h, &d.Clicks24h},
		{&l.Conversions24h, &d.Conversions24h}, {&l.NetworkOthers, &d.NetworkOthers},
	} {
		if *f.limit <= 0 {
			*f.limit = *f.ordinary
		}
	}
	if l.Fast <= 0 {
		l.Fast = d.Fast
	}
	return l
}

// Policy is a campaign's own say. The zero Policy is the default one.
type Policy struct {
	// FlagAt and BlockAt are scores from 1 to 100, FlagAt not above BlockAt; 0
	// stands for the default, 40 and 80.
	FlagAt, BlockAt int
	Mode            Mode
	Weights         Weights
	Limits          Limits
}

// The thresholds of a campaign that sets none.
const (
	defaultFlagAt  = 40
	defaultBlockAt = 80
)

// DefaultPolicy returns the zero Policy with its defaults written out, to show.
func DefaultPolicy() Policy {
	return Policy{FlagAt: defaultFlagAt, BlockAt: defaultBlockAt, Mode: ModeFlag, Weights: DefaultWeights(), Limits: DefaultLimits()}
}

func (p Policy) filled() Policy {
	if p.FlagAt <= 0 {
		p.FlagAt = defaultFlagAt
	}
	if p.BlockAt <= 0 {
		p.BlockAt = defaultBlockAt
	}
	p.Limits = p.Limits.filled()
	return p
}

// Validate refuses a policy that could not mean what it says, naming the member
// below field.
func (p Policy) Validate(field string) error {
	full := p.filled()
	switch {
	case p.FlagAt < 0 || p.FlagAt > scoreMax:
		return fault.Field(field+".flagAt", "must be from 1 to %d", scoreMax)
	case p.BlockAt < 0 || p.BlockAt > scoreMax:
		return fault.Field(field+".blockAt", "must be from 1 to %d", scoreMax)
	case full.FlagAt > full.BlockAt:
		return fault.Field(field+".flagAt", "must not be above blockAt (%d)", full.BlockAt)
	case p.Mode != "" && p.Mode != ModeFlag && p.Mode != ModeBlock:
		return fault.Field(field+".mode", "must be %s or %s", ModeFlag, ModeBlock)
	case p.Limits.Referrals24h < 0 || p.Limits.Clicks24h < 0 || p.Limits.Conversions24h < 0 ||
		p.Limits.NetworkOthers < 0 || p.Limits.Fast < 0:
		return fault.Field(field+".limits", "must not be negative")
	}
	for _, signal := range slices.Sorted(maps.Keys(p.Weights)) {
		if _, known := defaultWeights[signal]; !known {
			return fault.Field(field+".weights", "names an unknown signal, %q", string(signal))
		}
		if w := p.Weights[signal]; w < 0 || w > scoreMax {
			return fault.Field(field+".weights."+string(signal), "must be from 0 to %d", scoreMax)
		}
	}
	return nil
}

// weight is what a signal adds at full grade, whatever was stored.
func (p Policy) weight(s Signal) int {
	w, set := p.Weights[s]
	if !set {
		w = defaultWeights[s]
	}
	return min(max(w, 0), scoreMax)
}
