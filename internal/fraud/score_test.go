package fraud

import (
	"encoding/json"
	"flag"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// What is drawn is the same in every run; -rapid.seed says otherwise by hand.
func init() {
	if err := flag.Set("rapid.seed", "20240"); err != nil {
		panic(err)
	}
}

var noon = time.Date(2026, 6, 18, 12, 0, 0, 0, time.UTC)

// ordinary is a conversion at which nothing is wrong.
func ordinary() Facts {
	return Facts{
		Kind: Conversion, At: noon, ReferrerID: "user_456", RefereeID: "user_789",
		ReferrerEmail: "ada@example.com", RefereeEmail: "otto@example.org", LastClick: noon.Add(-time.Hour),
		AmountMinor: 4999, CampaignClicks24h: 100, CampaignConversions24h: 38,
	}
}

func usual() Moments {
	var m Moments
	for i := range int64(200) {
		m = m.Add(3000 + i*30)
	}
	return m
}

// cases shows each signal alone, beside the weight it adds.
var cases = map[Signal]struct {
	change func(*Facts)
	weight int
}{
	SelfReferral:        {func(f *Facts) { f.RefereeID, f.RefereeEmail = f.ReferrerID, "" }, 100},
	EmailMatch:          {func(f *Facts) { f.ReferrerEmail, f.RefereeEmail = "a.da+x@gmail.com", "ADA@googlemail.com" }, 60},
	EmailSimilar:        {func(f *Facts) { f.RefereeEmail = "adamo7@example.com"; f.ReferrerEmail = "adamo6@example.com" }, 40},
	DisposableEmail:     {func(f *Facts) { f.RefereeEmail = "otto@mailinator.com" }, 40},
	BlockListed:         {func(f *Facts) { f.Listed = []Listing{{Referee, "device"}} }, 80},
	VelocityReferrals:   {func(f *Facts) { f.Kind, f.Referrals24h = Creation, 30 }, 40},
	VelocityClicks:      {func(f *Facts) { f.Clicks24h = 100 }, 25},
	VelocityConversions: {func(f *Facts) { f.Conversions24h = 5 }, 25},
	FastConversion:      {func(f *Facts) { f.LastClick = f.At.Add(-3 * time.Second) }, 30},
	NoClick:             {func(f *Facts) { f.LastClick = time.Time{} }, 5},
	Reciprocal:          {func(f *Facts) { f.Ring = 2 }, 50},
	Ring:                {func(f *Facts) { f.Ring = 4 }, 50},
	MultipleCodes:       {func(f *Facts) { f.OtherCodes = 3 }, 40},
	AmountOutlier:       {func(f *Facts) { f.Amounts, f.AmountMinor = usual(), 19_000 }, 30},
	RateAnomaly:         {func(f *Facts) { f.CampaignConversions24h = 81 }, 5},
	SameNetwork:         {func(f *Facts) { f.SharedNetwork = true }, 25},
	SameDevice:          {func(f *Facts) { f.SharedDevice = true }, 45},
}

func TestEachSignalAlone(t *testing.T) {
	if v := Score(ordinary(), Policy{}); v.Score != nil || v.Outcome != Clean || v.Warning != "" || v.Reasons() != nil {
		t.Fatalf("an ordinary conversion is judged %+v", v)
	}
	for _, s := range Signals() {
		c, known := cases[s]
		if !known {
			t.Errorf("%s has no case", s)
			continue
		}
		f := ordinary()
		c.change(&f)
		v := Score(f, Policy{})
		if v.Score == nil || *v.Score != c.weight || len(v.Signals) != 1 || v.Signals[0].Signal != s {
			t.Errorf("%s: %+v", s, v)
			continue
		}
		if len(v.Signals[0].Evidence) == 0 {
			t.Errorf("%s comes without evidence", s)
		}
		if off := Score(f, Policy{Weights: Weights{s: 0}}); off.Score != nil {
			t.Errorf("%s is off and fires: %+v", s, off)
		}
	}
}

func TestOutcomes(t *testing.T) {
	fast := ordinary()
	fast.LastClick, fast.SharedNetwork = noon.Add(-time.Second), true // 55, as the spec's example
	self := ordinary()
	self.RefereeID = self.ReferrerID
	made := self
	made.Kind = Creation
	for _, c := range []struct {
		name    string
		facts   Facts
		policy  Policy
		outcome Outcome
		warning string
	}{
		{"below", fast, Policy{FlagAt: 56}, Clean, ""},
		{"at the threshold", fast, Policy{FlagAt: 55}, Flagged, "This conversion looks suspicious and will be reviewed."},
		{"flagged", fast, Policy{}, Flagged, "This conversion looks suspicious and will be reviewed."},
		{"mode flag", self, Policy{}, Flagged, "This conversion looks suspicious and will be reviewed."},
		{"mode block", self, Policy{Mode: ModeBlock}, Blocked, "This conversion was refused because fraud signals weigh too much."},
		{"a creation", made, Policy{}, Flagged, "This referral looks suspicious and will be reviewed."},
		{"block lower", fast, Policy{BlockAt: 55, Mode: ModeBlock}, Blocked, "This conversion was refused because fraud signals weigh too much."},
	} {
		if v := Score(c.facts, c.policy); v.Outcome != c.outcome || v.Warning != c.warning {
			t.Errorf("%s: %+v", c.name, v)
		}
	}
	if reasons := Score(fast, Policy{}).Reasons(); !reflect.DeepEqual(reasons, []string{"FAST_CONVERSION", "SAME_NETWORK"}) {
		t.Errorf("reasons are %v", reasons)
	}
}

func TestMissingAccusesNobody(t *testing.T) {
	if v := Score(Facts{}, Policy{}); v.Score != nil {
		t.Errorf("no facts at a creation: %+v", v)
	}
	if v := Score(Facts{Kind: Conversion}, Policy{}); !reflect.DeepEqual(v.Reasons(), []string{"NO_CLICK"}) {
		t.Errorf("no facts at a conversion: %+v", v)
	}
}

func TestPolicyValidate(t *testing.T) {
	for _, p := range []Policy{{}, DefaultPolicy(), {FlagAt: 1, BlockAt: 100, Mode: ModeBlock}} {
		if err := p.Validate("fraud"); err != nil {
			t.Errorf("%+v: %v", p, err)
		}
	}
	for want, p := range map[string]Policy{
		"fraud.flagAt":                {FlagAt: 90},
		"fraud.blockAt":               {BlockAt: 101},
		"fraud.mode":                  {Mode: "warn"},
		"fraud.weights":               {Weights: Weights{"MAGIC": 3}},
		"fraud.weights.SELF_REFERRAL": {Weights: Weights{SelfReferral: 101}},
		"fraud.limits":                {Limits: Limits{Fast: -1}},
	} {
		if err := p.Validate("fraud"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want one about %s", p, err, want)
		}
	}
}

func TestMoments(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		amounts := rapid.SliceOfN(rapid.Int64Range(1, 1e12), 2, 50).Draw(t, "amounts")
		var m Moments
		var sum float64
		for _, a := range amounts {
			m = m.Add(a)
			sum += math.Log(float64(a))
		}
		mean, m2 := sum/float64(len(amounts)), 0.0
		for _, a := range amounts {
			m2 += math.Pow(math.Log(float64(a))-mean, 2)
		}
		if math.Abs(m.Mean-mean) > 1e-9 || math.Abs(m.M2-m2) > 1e-6 || m.N != int64(len(amounts)) || m.Add(0) != m {
			t.Fatalf("%+v, not mean %g and m2 %g", m, mean, m2)
		}
	})
}

func anyFacts(t *rapid.T) Facts {
	mail := rapid.SampledFrom([]string{"", "ada1@example.com", "ada2@example.com", "Ada1+x@example.com", "x@mailinator.com"})
	count := rapid.Int64Range(0, 3000)
	flag := rapid.Bool()
	f := Facts{
		Kind: rapid.SampledFrom([]Kind{Creation, Conversion}).Draw(t, "kind"), At: noon,
		ReferrerID:    rapid.SampledFrom([]string{"a", "b", "ada1@example.com"}).Draw(t, "referrer"),
		RefereeID:     rapid.SampledFrom([]string{"", "a", "b"}).Draw(t, "referee"),
		ReferrerEmail: mail.Draw(t, "referrer mail"), RefereeEmail: mail.Draw(t, "referee mail"),
		Referrals24h: count.Draw(t, "referrals"), Clicks24h: count.Draw(t, "clicks"), Conversions24h: count.Draw(t, "conversions"),
		Ring: rapid.IntRange(0, 6).Draw(t, "ring"), OtherCodes: rapid.Int64Range(0, CountMax).Draw(t, "codes"),
		SharedNetwork: flag.Draw(t, "network"), SharedAgent: flag.Draw(t, "agent"), SharedDevice: flag.Draw(t, "device"),
		NetworkOthers: rapid.Int64Range(0, CountMax).Draw(t, "network others"),
		DeviceOthers:  rapid.Int64Range(0, CountMax).Draw(t, "device others"),
		AmountMinor:   rapid.Int64Range(0, 1e9).Draw(t, "amount"), Amounts: usual(),
		CampaignClicks24h: count.Draw(t, "campaign clicks"), CampaignConversions24h: count.Draw(t, "campaign conversions"),
	}
	if flag.Draw(t, "clicked") {
		f.LastClick = noon.Add(-time.Duration(rapid.Int64Range(0, 100).Draw(t, "ago")) * time.Second)
	}
	if flag.Draw(t, "listed") {
		f.Listed = []Listing{{Referrer, "email"}}
	}
	return f
}

// Invariants 1, 2 and 4 of the package.
func TestVerdictHolds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := anyFacts(t)
		v := Score(f, Policy{})
		if again := Score(f, Policy{}); !reflect.DeepEqual(v, again) {
			t.Fatalf("%+v, and then %+v", v, again)
		}
		if (v.Score == nil) != (len(v.Signals) == 0) {
			t.Fatalf("score and signals disagree: %+v", v)
		}
		if v.Score == nil {
			return
		}
		sum := 0
		for _, s := range v.Signals {
			sum += s.Weight
		}
		if *v.Score != min(sum, 100) || *v.Score < 1 {
			t.Fatalf("the weights sum to %d: %+v", sum, v)
		}
		text, err := json.Marshal(v.Signals)
		if err != nil {
			t.Fatal(err)
		}
		for _, mail := range []string{"ada1@", "ada2@", "Ada1+x@"} {
			if strings.Contains(string(text), mail) {
				t.Fatalf("a mailbox shows in %s", text)
			}
		}
	})
}

// Invariant 3: turning one more signal on never lowers the score.
func TestMoreSignalsNeverHelp(t *testing.T) {
	rank := map[Outcome]int{Clean: 0, Flagged: 1, Blocked: 2}
	rapid.Check(t, func(t *rapid.T) {
		f := anyFacts(t)
		weights := Weights{}
		for _, s := range Signals() {
			weights[s] = rapid.IntRange(0, 100).Draw(t, string(s))
		}
		all := Score(f, Policy{Mode: ModeBlock, Weights: weights})
		off := rapid.SampledFrom(Signals()).Draw(t, "off")
		weights[off] = 0
		fewer := Score(f, Policy{Mode: ModeBlock, Weights: weights})
		if fewer.Score != nil && (all.Score == nil || *all.Score < *fewer.Score) || rank[all.Outcome] < rank[fewer.Outcome] {
			t.Fatalf("with %s %+v, without %+v", off, all, fewer)
		}
	})
}

func BenchmarkScore(b *testing.B) {
	f := ordinary()
	for b.Loop() {
		Score(f, Policy{})
	}
}
