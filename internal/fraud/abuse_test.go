package fraud

import (
	"fmt"
	"strings"
	"time"
)

// abuseCount is how many referrals each pattern makes.
const abuseCount = 500

// pattern is one known way of abuse. play adds about count referrals; the
// surplus is cut off. Each first referral counts as much as the hundredth, so a
// pattern that shows only by its volume cannot be caught entirely.
type pattern struct {
	name, what string
	play       func(t *town, name string)
}

var patterns = []pattern{
	{"own id", "a member refers themselves", ownID},
	{"own mailbox", "a second account, the mailbox in other letter case", ownMailbox(caseVariant)},
	{"plus tags", "five accounts, one mailbox with plus tags", ownMailbox(plusVariant)},
	{"gmail dots", "one Gmail mailbox, its dots moved, or googlemail", ownMailbox(dotsVariant)},
	{"numbered mailboxes", "lena.k1, lena.k2, … behind a rented exit", numbered},
	{"near mailboxes", "one letter changed, or the same name elsewhere", near},
	{"throw-away mailboxes", "ten accounts on disposable domains", throwAway},
	{"listed returns", "turned away before, back with one trait the same", returns},
	{"invitation script", "250 harvested ids named in an hour", invitations},
	{"click farm", "1,200 robot clicks a day, ten conversions", clickFarm},
	{"conversion script", "hundreds of conversions posted in an hour or two, no clicks", conversions},
	{"instant robot", "click and conversion seconds apart, rented exits", instant},
	{"click injection", "a click slipped in before other people's purchases", injection},
	{"pairs", "two members who refer each other", circles(2)},
	{"rings", "three or four who refer each other in a circle", circles(0)},
	{"code collector", "one person as referee of ten codes", collector},
	{"invented orders", "orders 15 to 300 times the usual", invented},
	{"one device", "ten accounts on one phone, over mobile data", oneDevice},
	{"one network", "forty accounts behind one router in a day", oneNetwork},
	{"bought accounts", "a farm of five phones converts for somebody else", bought},
}

// exit is one of the addresses that a proxy service rents out, shared by all
// who cheat through it.
func (t *town) exit() string { return fmt.Sprintf("exit-%d", t.IntN(300)) }

// sometime is an instant by day or night, leaving the campaigns their first week.
func (t *town) sometime() time.Time {
	return start.Add(7*day + time.Duration(t.Float64()*float64((days-12)*day)))
}

// cheat fills in what most second accounts have in common: half are on the
// referrer's device, and of the others' requests most come from the referrer's
// network, the rest through an exit; they click like everybody else.
func (t *town) cheat(name string, referrer, referee member, at time.Time) referral {
	o := origin{referrer.home, referee.agent, referee.device}
	if t.is(0.5) {
		o.device, o.agent = referrer.device, referrer.agent
	}
	if t.is(0.4) {
		o.network = t.exit()
	}
	return t.ready(name, referrer, referee, at, o)
}

// ready is a referral from a given origin.
func (t *town) ready(name string, referrer, referee member, at time.Time, o origin) referral {
	o = t.blur(o)
	r := referral{pattern: name, campaign: t.IntN(campaigns - 1), referrer: referrer, referee: referee, created: at, converts: &o}
	r.clicked = at.Add(t.spread(10*time.Minute, 1))
	r.converted = r.clicked.Add(12*time.Second + t.spread(5*time.Minute, 1.2))
	r.amount = t.amount(r.campaign)
	if t.is(t.noRefereeMail) {
		r.referee.email = ""
	}
	return r
}

func (t *town) cheater() member {
	m := t.person("")
	if t.is(t.noReferrerMail) {
		m.email = ""
	}
	return m
}

func ownID(t *town, name string) {
	for range abuseCount {
		m := t.cheater()
		t.add(t.cheat(name, m, m, t.sometime()))
	}
}

// ownMailbox makes five accounts whose mailboxes are variants of one.
func ownMailbox(variant func(t *town, local, domain string) string) func(*town, string) {
	return func(t *town, name string) {
		for range abuseCount / 5 {
			referrer, at := t.person(""), t.sometime()
			local, _, _ := strings.Cut(referrer.email, "@")
			local, _, _ = strings.Cut(local, "+")
			referrer.email = local + "@gmail.com"
			if name != "gmail dots" && t.is(0.5) {
				referrer.email = local + "@outlook.com"
			}
			for range 5 {
				referee := t.person("")
				_, domain, _ := strings.Cut(referrer.email, "@")
				referee.email = variant(t, local, domain)
				if t.is(t.noReferrerMail) {
					referrer.email = ""
				}
				at = at.Add(t.spread(8*time.Hour, 1))
				t.add(t.cheat(name, referrer, referee, at))
				referrer.email = local + "@" + domain
			}
		}
	}
}

func caseVariant(t *town, local, domain string) string {
	text := []byte(local + "@" + domain)
	i := t.IntN(len(local))
	for ; text[i] < 'a' || text[i] > 'z'; i = (i + 1) % len(local) {
	}
	text[i] -= 'a' - 'A'
	return string(text) + t.pick([]string{"", "", "."})
}

func plusVariant(t *town, local, domain string) string {
	return fmt.Sprintf("%s+%s%d@%s", local, t.pick(firstNames), t.IntN(100), domain)
}

func dotsVariant(t *town, local, domain string) string {
	i := 1 + t.IntN(len(local)-1)
	return local[:i] + "." + local[i:] + "@" + t.pick([]string{"gmail.com", "googlemail.com"})
}

func numbered(t *town, name string) {
	for range abuseCount / 10 {
		referrer, at := t.cheater(), t.sometime()
		stem := t.pick(firstNames) + t.pick([]string{".", "_", ""}) + t.pick(lastNames)
		domain := t.pick(providers)
		if referrer.email != "" {
			referrer.email = stem + "1@" + domain
		}
		for i := range 10 {
			referee := t.person("")
			referee.email = fmt.Sprintf("%s%d@%s", stem, i+2, domain)
			at = at.Add(t.spread(time.Hour, 1))
			t.add(t.ready(name, referrer, referee, at, origin{t.exit(), referee.agent, referee.device}))
		}
	}
}

func near(t *town, name string) {
	for range abuseCount / 2 {
		referrer, at := t.cheater(), t.sometime()
		local := t.pick(firstNames) + "." + t.pick(lastNames)
		domain := t.pick(providers)
		if referrer.email != "" {
			referrer.email = local + "@" + domain
		}
		for range 2 {
			referee := t.person("")
			i := t.IntN(len(local))
			referee.email = local[:i] + string('a'+byte(t.IntN(26))) + local[i+1:] + "@" + domain
			if t.is(0.5) {
				referee.email = local + "@" + t.pick([]string{"mail.com", "aol.com", "zoho.com"})
			}
			at = at.Add(t.spread(day, 1))
			t.add(t.cheat(name, referrer, referee, at))
		}
	}
}

func throwAway(t *town, name string) {
	list := strings.Split(disposable(), "\n")
	for range abuseCount / 10 {
		referrer, at := t.cheater(), t.sometime()
		for range 10 {
			referee := t.person("")
			domain := strings.TrimPrefix(list[t.IntN(len(list)-1)], ".")
			if t.is(0.05) {
				domain = fmt.Sprintf("fresh%d.example", t.people) // not listed yet
			}
			referee.email = t.localPart(t.pick(firstNames), t.pick(lastNames)) + "@" + domain
			at = at.Add(t.spread(2*time.Hour, 1))
			t.add(t.cheat(name, referrer, referee, at))
		}
	}
}

func returns(t *town, name string) {
	for range abuseCount {
		referrer, referee := t.cheater(), t.person("")
		r := t.ready(name, referrer, referee, t.sometime(), origin{t.exit(), referee.agent, referee.device})
		switch t.IntN(5) {
		case 0:
			t.listed["network "+referee.home] = true
			r.converts.network = referee.home
		case 1:
			t.listed["email "+NormalEmail(referee.email)] = true
			r.referee.email = plusVariant(t, strings.Split(NormalEmail(referee.email), "@")[0], EmailDomain(referee.email))
		case 2:
			t.listed["domain farm.example"] = true
			r.referee.email = "new" + t.pick(lastNames) + "@mail.FARM.example"
			r.referee.email = strings.Replace(r.referee.email, "mail.", "", 1)
		default:
			t.listed["device "+referee.device] = true
		}
		t.add(r)
	}
}
