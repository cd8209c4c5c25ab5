package fraud

// Outcome is what is to happen to the thing judged.
type Outcome string

// The outcomes, from mild to severe.
const (
	Clean   Outcome = "clean"
	Flagged Outcome = "flagged" // goes ahead; what it earns is held until a review
	Blocked Outcome = "blocked" // earns nothing
)

// Fired is one signal that fired. Weight is what it added to the score.
type Fired struct {
	Signal   Signal         `json:"signal"`
	Weight   int            `json:"weight"`
	Evidence map[string]any `json:"evidence,omitempty"` // strings, whole numbers, floats, booleans
}

// Verdict is the judgement. Signals stand in the order of the table, which is
// that of the spec.
type Verdict struct {
	Score   *int // nil when nothing fired
	Signals []Fired
	Outcome Outcome
	// Warning is a sentence for the caller, empty when the outcome is clean.
	Warning string
}

// Reasons are the codes of the signals that fired, nil when none did.
func (v Verdict) Reasons() []string {
	var reasons []string
	for _, f := range v.Signals {
		reasons = append(reasons, string(f.Signal))
	}
	return reasons
}

// Score judges the facts under a campaign's policy.
func Score(f Facts, p Policy) Verdict {
	p = p.filled()
	f.ReferrerEmail = mailbox(f.ReferrerEmail, f.ReferrerID)
	f.RefereeEmail = mailbox(f.RefereeEmail, f.RefereeID)
	verdict := Verdict{Outcome: Clean}
	total := 0
	for _, s := range table {
		weight := p.weight(s.signal)
		if weight == 0 || (s.conversions && f.Kind != Conversion) {
			continue
		}
		grade, evidence := s.judge(&f, &p.Limits)
		if grade == none {
			continue
		}
		// At least 1, so that a signal that fired always shows in the score.
		added := min(max(weight*int(grade)/int(plain), 1), scoreMax)
		verdict.Signals = append(verdict.Signals, Fired{Signal: s.signal, Weight: added, Evidence: evidence})
		total += added
	}
	if len(verdict.Signals) == 0 {
		return verdict
	}
	total = min(total, scoreMax)
	verdict.Score = &total
	verdict.Outcome = p.outcome(total)
	verdict.Warning = warning(verdict.Outcome, f.Kind)
	return verdict
}

func (p Policy) outcome(score int) Outcome {
	switch {
	case score >= p.BlockAt && p.Mode == ModeBlock:
		return Blocked
	case score >= p.FlagAt:
		return Flagged
	default:
		return Clean
	}
}

func warning(o Outcome, k Kind) string {
	what := "referral"
	if k == Conversion {
		what = "conversion"
	}
	switch o {
	case Flagged:
		return "This " + what + " looks suspicious and will be reviewed."
	case Blocked:
		return "This " + what + " was refused because fraud signals weigh too much."
	default:
		return ""
	}
}
