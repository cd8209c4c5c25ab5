package fraud

import (
	"fmt"
	"time"
)

// The patterns that show by how often, how fast, or between whom.

func invitations(t *town, name string) {
	for range abuseCount / 250 {
		referrer, at, campaign := t.cheater(), t.sometime(), t.IntN(campaigns-1)
		for range 250 {
			at = at.Add(t.spread(12*time.Second, 0.5))
			referee := t.person("") // does not know of it, and seldom buys
			r := t.ready(name, referrer, referee, at, t.from(referee))
			r.campaign, r.named = campaign, true
			r.onlyCreated = !t.is(0.1)
			t.add(r)
		}
	}
}

func clickFarm(t *town, name string) {
	for range abuseCount / 50 {
		referrer, at := t.cheater(), t.sometime().Truncate(day)
		campaign := t.IntN(campaigns - 1)
		for d := range 5 {
			morning := at.Add(time.Duration(d) * day)
			for range 1200 {
				t.calls = append(t.calls, call{
					at: morning.Add(time.Duration(t.Float64() * float64(day))), do: 'c', label: -1,
					campaign: campaign, code: openCode(campaign, referrer), referrer: referrer,
				})
			}
			for range 10 {
				referee := t.person("")
				r := t.ready(name, referrer, referee, at.Add(-time.Minute), origin{t.exit(), referee.agent, referee.device})
				r.campaign, r.amount = campaign, t.amount(campaign)
				r.converted = morning.Add(time.Duration(t.Float64() * float64(day)))
				r.clicked = r.converted.Add(-t.spread(8*time.Second, 1.2))
				t.add(r)
			}
		}
	}
}

func conversions(t *town, name string) {
	for range abuseCount / t.script {
		referrer, at, campaign := t.cheater(), t.sometime(), t.IntN(campaigns-1)
		servers := []string{t.exit(), t.exit()}
		for range t.script {
			referee := t.person("")
			at = at.Add(t.spread(30*time.Second, 0.7))
			r := t.ready(name, referrer, referee, at, origin{t.pick(servers), "", ""})
			r.campaign, r.amount, r.clicked, r.converted = campaign, t.amount(campaign), time.Time{}, at.Add(time.Minute)
			t.add(r)
		}
	}
}

func instant(t *town, name string) {
	for range abuseCount / 100 {
		referrer, at, campaign := t.cheater(), t.sometime(), t.IntN(campaigns-1)
		for range 100 {
			referee := t.person("")
			at = at.Add(t.spread(6*time.Minute, 0.7))
			r := t.ready(name, referrer, referee, at, origin{t.exit(), referee.agent, referee.device})
			r.campaign, r.amount = campaign, t.amount(campaign)
			r.clicked = at.Add(time.Minute)
			r.converted = r.clicked.Add(time.Second + t.spread(2*time.Second, 0.5))
			t.add(r)
		}
	}
}

// injection takes a share of purchases that people make anyway.
func injection(t *town, name string) {
	for range abuseCount / 100 {
		referrer, first, campaign := t.cheater(), t.sometime(), t.IntN(campaigns-1)
		for range 100 {
			referee := t.person("")
			r := t.ready(name, referrer, referee, first, t.from(referee))
			r.campaign, r.amount = campaign, t.amount(campaign)
			r.converted = first.Add(time.Hour + time.Duration(t.Float64()*float64(10*day)))
			r.clicked = r.converted.Add(-time.Second - t.spread(3*time.Second, 0.6))
			t.add(r)
		}
		for range 6000 {
			t.calls = append(t.calls, call{
				at: first.Add(time.Duration(t.Float64() * float64(10*day))), do: 'c', label: -1,
				campaign: campaign, code: openCode(campaign, referrer), referrer: referrer,
			})
		}
	}
}

// circles are members who refer each other all round and have nothing else in
// common. Most make all the codes first, naming each other, and convert
// afterwards; the others go one by one, so that only the last closes the ring.
func circles(size int) func(*town, string) {
	return func(t *town, name string) {
		for made := 0; made < abuseCount; {
			n := size
			if n == 0 {
				n = 3 + t.IntN(2)
			}
			var all []member
			for range n {
				all = append(all, t.cheater())
			}
			at, campaign, prepared := t.sometime(), t.IntN(campaigns-1), t.is(t.prepared)
			for i, referrer := range all {
				referee := all[(i+1)%n]
				r := t.ready(name, referrer, referee, at.Add(time.Duration(i)*10*time.Minute), t.from(referee))
				r.campaign, r.amount, r.named = campaign, t.amount(campaign), prepared
				r.clicked = at.Add(time.Duration(i+n)*2*time.Hour + t.spread(10*time.Minute, 0.5))
				r.converted = r.clicked.Add(t.spread(10*time.Minute, 0.5))
				t.add(r)
				made++
			}
		}
	}
}

// collector follows ten members' links; most follow all before they convert.
func collector(t *town, name string) {
	for range abuseCount / 10 {
		referee, at, campaign := t.person(""), t.sometime(), t.IntN(campaigns-1)
		all := t.is(0.8)
		for i := range 10 {
			r := t.ready(name, t.members[t.IntN(len(t.members))], referee, at, t.from(referee))
			r.campaign, r.amount = campaign, t.amount(campaign)
			r.clicked = at.Add(time.Duration(i+1) * 3 * time.Minute)
			r.converted = r.clicked.Add(t.spread(4*time.Minute, 0.3))
			if all {
				r.converted = at.Add(time.Hour + time.Duration(i)*7*time.Minute)
			}
			t.add(r)
		}
	}
}

func invented(t *town, name string) {
	for range abuseCount / 2 {
		referrer, at := t.cheater(), t.sometime()
		for range 2 {
			referee := t.person("")
			r := t.ready(name, referrer, referee, at, t.from(referee))
			r.campaign = t.IntN(campaigns - 2) // what a subscription costs cannot be invented
			r.amount = int64(float64(2500+1500*r.campaign) * (15 + 285*t.Float64()))
			at = at.Add(t.spread(day, 1))
			t.add(r)
		}
	}
}

func oneDevice(t *town, name string) {
	for range abuseCount / 10 {
		referrer, at := t.cheater(), t.sometime()
		for range 10 {
			referee := t.person("")
			at = at.Add(t.spread(10*time.Hour, 1))
			t.add(t.ready(name, referrer, referee, at, origin{t.carrier(), referrer.agent, referrer.device}))
		}
	}
}

// oneNetwork wears a new device for each account, though often the same model,
// and runs partly by script.
func oneNetwork(t *town, name string) {
	for range abuseCount / 40 {
		referrer, at, campaign := t.cheater(), t.sometime(), t.IntN(campaigns-1)
		for range 42 {
			referee := t.person("")
			o := origin{referrer.home, referee.agent, referee.device}
			if t.is(0.6) {
				o.agent = referrer.agent
			}
			at = at.Add(t.spread(20*time.Minute, 0.8))
			r := t.ready(name, referrer, referee, at, o)
			r.campaign, r.amount = campaign, t.amount(campaign)
			if t.is(0.4) {
				r.converted = r.clicked.Add(t.spread(4*time.Second, 0.6))
			}
			t.add(r)
		}
	}
}

// bought has a farm elsewhere convert for the referrer.
func bought(t *town, name string) {
	for range abuseCount / 100 {
		referrer, at, campaign := t.cheater(), t.sometime(), t.IntN(campaigns-1)
		farm := t.network()
		var phones []string
		for i := range 5 {
			phones = append(phones, fmt.Sprintf("%s phone %d", farm, i))
		}
		for range 100 {
			referee := t.person("")
			at = at.Add(t.spread(25*time.Minute, 0.8))
			r := t.ready(name, referrer, referee, at, origin{farm, "agent-0", t.pick(phones)})
			r.campaign, r.amount = campaign, t.amount(campaign)
			t.add(r)
		}
	}
}
