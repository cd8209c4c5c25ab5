package fraud

import (
	"fmt"
	"math/rand/v2"
	"sort"
	"strings"
	"testing"
)

// promise is what must hold, in percent of referrals flagged or blocked.
type promise struct{ recallLeast, falsePositivesMost float64 }

var (
	// promised is what the project promises of the default policy.
	promised = promise{95, 1}
	// regressed guards the harsh population, for which nothing is promised, against
	// changes that make it much worse than it was measured.
	regressed = promise{93, 2}
)

// seedShown is the population of the printed table. Seeds 1 to 4 were looked at
// while weights, limits and rates were chosen; seedsHeldOut were not.
const seedShown = 1

var seedsHeldOut = []uint64{31337, 5150}

// A referral counts as caught when its creation or its conversion is flagged.
func TestRecall(t *testing.T) {
	labels := simulate(t, seedShown, settled)
	t.Log("\n" + report(labels))
	promised.check(t, labels)
}

func TestRecallHeldOut(t *testing.T) {
	for _, seed := range seedsHeldOut {
		t.Logf("seed %d", seed)
		promised.check(t, simulate(t, seed, settled))
	}
}

func TestRecallHarsh(t *testing.T) {
	labels := simulate(t, seedShown, harsh)
	t.Log("\n" + report(labels))
	regressed.check(t, labels)
}

// simulate makes a town of a seed and plays all that happens in it.
func simulate(t *testing.T, seed uint64, r rates) []label {
	t.Helper()
	town := &town{Rand: rand.New(rand.NewPCG(seed, 0)), rates: r, listed: map[string]bool{}, taken: map[string]bool{}}
	town.settle()
	if len(town.labels) != honestCount {
		t.Fatalf("%d honest referrals, not %d", len(town.labels), honestCount)
	}
	for _, p := range patterns {
		from, calls := len(town.labels), len(town.calls)
		p.play(town, p.name)
		town.cut(from+abuseCount, calls)
		if made := len(town.labels) - from; made != abuseCount {
			t.Fatalf("%s: %d referrals, not %d", p.name, made, abuseCount)
		}
	}
	sort.SliceStable(town.calls, func(i, j int) bool { return town.calls[i].at.Before(town.calls[j].at) })
	w := newWorld(town.listed)
	for _, c := range town.calls {
		verdict, judged := w.play(c)
		if !judged || c.label < 0 {
			continue
		}
		l := &town.labels[c.label]
		for _, f := range verdict.Signals {
			l.fired[string(f.Signal)] = true
		}
		l.caught = l.caught || verdict.Outcome != Clean
	}
	return town.labels
}

// cut drops the surplus of a pattern, labels and calls.
func (t *town) cut(labels, calls int) {
	if len(t.labels) <= labels {
		return
	}
	t.labels = t.labels[:labels]
	kept := t.calls[:calls]
	for _, c := range t.calls[calls:] {
		if c.label < labels {
			kept = append(kept, c)
		}
	}
	t.calls = kept
}

func (p promise) check(t *testing.T, labels []label) {
	t.Helper()
	caught, abuse, wronged, honest := totals(labels)
	recall, wrong := share(caught, abuse), share(wronged, honest)
	t.Logf("recall %.2f %%, false positives %.2f %%", recall, wrong)
	if recall < p.recallLeast {
		t.Errorf("recall is %.2f %%, at least %.1f %% must be", recall, p.recallLeast)
	}
	if wrong > p.falsePositivesMost {
		t.Errorf("false positives are %.2f %%, at most %.1f %% may be", wrong, p.falsePositivesMost)
	}
}

func totals(labels []label) (caught, abuse, wronged, honest int) {
	for _, l := range labels {
		switch {
		case l.pattern == "" && l.caught:
			wronged++
			honest++
		case l.pattern == "":
			honest++
		case l.caught:
			caught++
			abuse++
		default:
			abuse++
		}
	}
	return caught, abuse, wronged, honest
}

func share(part, whole int) float64 { return 100 * float64(part) / float64(whole) }

// report is the table per pattern, and one per signal.
func report(labels []label) string {
	var text strings.Builder
	count, caught := map[string]int{}, map[string]int{}
	fired, alone, missed := map[string][2]int{}, map[string]int{}, map[string]int{}
	for _, l := range labels {
		count[l.pattern]++
		if l.caught {
			caught[l.pattern]++
		}
		var names []string
		for name := range l.fired {
			both := fired[name]
			if l.pattern == "" {
				both[0]++
			} else {
				both[1]++
			}
			fired[name] = both
			names = append(names, name)
		}
		if l.pattern == "" && l.caught {
			sort.Strings(names)
			alone[strings.Join(names, " + ")]++
		}
		if l.pattern != "" && !l.caught {
			sort.Strings(names)
			missed[l.pattern+": "+strings.Join(names, " + ")]++
		}
	}
	fmt.Fprintf(&text, "%-22s %6s %7s %7s\n", "pattern", "n", "caught", "%")
	for _, p := range patterns {
		fmt.Fprintf(&text, "%-22s %6d %7d %7.1f\n", p.name, count[p.name], caught[p.name], share(caught[p.name], count[p.name]))
	}
	hits, abuse, wronged, honest := totals(labels)
	fmt.Fprintf(&text, "%-22s %6d %7d %7.2f\n", "all abuse", abuse, hits, share(hits, abuse))
	fmt.Fprintf(&text, "%-22s %6d %7d %7.2f\n", "honest", honest, wronged, share(wronged, honest))
	fmt.Fprintf(&text, "\n%-22s %14s %14s\n", "signal fired", "% of honest", "% of abuse")
	for _, s := range Signals() {
		both := fired[string(s)]
		fmt.Fprintf(&text, "%-22s %14.2f %14.2f\n", s, share(both[0], honest), share(both[1], abuse))
	}
	fmt.Fprintf(&text, "\nhonest referrals flagged, by what fired\n%s", most(alone))
	fmt.Fprintf(&text, "\nabuse missed, by what fired\n%s", most(missed))
	return text.String()
}

// most lists the largest counts.
func most(counts map[string]int) string {
	var text strings.Builder
	var sets []string
	for set := range counts {
		sets = append(sets, set)
	}
	sort.Slice(sets, func(i, j int) bool {
		return counts[sets[i]] > counts[sets[j]] || counts[sets[i]] == counts[sets[j]] && sets[i] < sets[j]
	})
	for _, set := range sets[:min(len(sets), 24)] {
		fmt.Fprintf(&text, "%6d  %s\n", counts[set], set)
	}
	return text.String()
}
