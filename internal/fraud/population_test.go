package fraud

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"time"
)

// The honest population. Nobody in it cheats, and much of what they do looks
// like cheating; each quirk stands here with its rate. Rates are of referrals
// unless said otherwise.
//
// No data stands behind the rates: they are a judgement of what a consumer shop
// sees, and the figures follow them. Whoever buys through a throw-away mailbox,
// on the referrer's tablet or after reading a page of coupons is flagged on that
// alone, so false positives are little else than the sum of such quirks. The
// rates in settled were lowered, and the weights tuned, in turns until the
// promise held; harsh keeps the first draft, at which it does not. Both are
// measured, so that neither is taken for a law of nature.
const (
	honestCount = 20_000
	days        = 90
	campaigns   = 8

	housePhone   = 0.20  // of households have the same model of phone, hence the same user agent
	houseMailbox = 0.005 // of households use the very same mailbox, a plus tag apart
	colleague    = 0.04  // buys from the office that the referrer works in too
	named        = 0.40  // the referral is made for one referee; else one open code serves all
	typed        = 0.12  // no click: a friend said the code, and it was typed in
	anonymous    = 0.25  // of clicks do not say who clicks
	secondFriend = 0.03  // clicked another member's code before
	noAmount     = 0.15  // conversions without an amount (sign-ups)
	plusTag      = 0.03  // of all mailboxes, either side
	mobile       = 0.25  // of requests come through a carrier's shared addresses
	noNetwork    = 0.02  // of requests
	newsletter   = 0.12  // happen in the two hours after one of four mailings
	influencers  = 4     // members with 110 referrals each, half of them on one day; one is a podcast whose code is spoken
	inviters     = 10    // members who name up to 35 or 40 friends within the hour
	inherited    = 3     // referees whose address was listed for somebody who had it before
	joinedRefer  = 0.30  // referrers who were referred before
)

// rates are the quirks that decide the figures, and the attacks' sizes.
type rates struct {
	household      float64 // the referee lives with the referrer: one network, one surname;
	houseTablet    float64 // … of these buy on the referrer's device,
	houseAlike     float64 // … have a mailbox a letter or a number away
	together       float64 // the shop posts click and conversion at once, at the checkout
	couponPage     float64 // clicked two others' codes; a fifth of them five
	large          float64 // orders 5 to 30 times the usual
	throwaway      float64 // a disposable mailbox
	mutual         float64 // referrals that a referee returns, in a campaign open to all
	noDevice       float64 // of requests, a browser that tells nothing; cheaters' too
	noReferrerMail float64 // of members; cheaters' too
	noRefereeMail  float64 // of members; cheaters' too
	invitesLeast   int     // friends whom an inviter names, and up to 30 more
	script         int     // conversions that a script posts in one run
	prepared       float64 // rings whose members make all codes before the first converts
}

var (
	settled = rates{
		household: 0.05, houseTablet: 0.02, houseAlike: 0.02, together: 0.012, couponPage: 0.004, large: 0.004,
		throwaway: 0.0015, mutual: 0.0003, noDevice: 0.04, noReferrerMail: 0.02, noRefereeMail: 0.02,
		invitesLeast: 5, script: 250, prepared: 0.85,
	}
	harsh = rates{
		household: 0.06, houseTablet: 0.04, houseAlike: 0.05, together: 0.02, couponPage: 0.006, large: 0.006,
		throwaway: 0.0025, mutual: 0.001, noDevice: 0.06, noReferrerMail: 0.05, noRefereeMail: 0.04,
		invitesLeast: 10, script: 100, prepared: 0.80,
	}
)

type member struct {
	id, email           string
	name                string // of the family
	home, device, agent string
}

type label struct {
	pattern string // empty is honest
	caught  bool
	fired   map[string]bool
}

// town makes people and what they do.
type town struct {
	*rand.Rand
	rates
	calls   []call
	labels  []label
	listed  map[string]bool
	members []member // customers of old
	joined  []member
	taken   map[string]bool // mailboxes
	people  int
	nets    int
}

var start = time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)

func (t *town) is(rate float64) bool { return t.Float64() < rate }

func (t *town) network() string {
	t.nets++
	return fmt.Sprintf("home-%d", t.nets)
}

// few picks one of n, the first ones far more often, the more so the steeper.
func (t *town) few(n int, steep float64) int { return int(float64(n) * math.Pow(t.Float64(), steep)) }

func (t *town) carrier() string { return fmt.Sprintf("carrier-%d", t.few(400, 2)) }

var (
	firstNames = strings.Fields(`ada anna ben bianca carl chloe clara david elena emil emma erik eva felix finn frida
		george greta hanna hugo ida ines ivan jack jana jonas julia karl kim lara lea leo lena liam lina lisa louis lucas
		maria marie mark max mia mila nina noah nora olga oscar otto paul peter rosa sara sofia theo tim tom vera zoe`)
	lastNames = strings.Fields(`adams bauer becker berg brown costa cruz diaz dubois evans fischer fontana garcia
		greco hansen hoffmann horvat ivanov jansen jones keller king klein koch kowalski kramer lang larsen leroy lopez
		martin meier meyer moreau moretti nagy nielsen novak olsen petit popov ricci rossi roth russo santos schmidt silva
		smith sousa taylor thomas toth vogel weber white wilson wolf young zimmermann`)
	providers = strings.Fields(`gmail.com gmail.com gmail.com outlook.com yahoo.com icloud.com gmx.net web.de proton.me
		orange.fr libero.it hotmail.com`)
)

func (t *town) pick(from []string) string { return from[t.IntN(len(from))] }

func (t *town) localPart(first, last string) string {
	switch t.IntN(5) {
	case 0:
		return first + "." + last
	case 1:
		return first[:1] + last
	case 2:
		return fmt.Sprintf("%s%d", first, 1950+t.IntN(58))
	case 3:
		return fmt.Sprintf("%s.%s%d", first, last, t.IntN(100))
	default:
		return last + "." + first
	}
}

// person is somebody new; family gives the surname where not empty.
func (t *town) person(family string) member {
	t.people++
	if family == "" {
		family = t.pick(lastNames)
	}
	m := member{
		id: fmt.Sprintf("u%d", t.people), name: family, home: t.network(),
		device: fmt.Sprintf("device-%d", t.people), agent: fmt.Sprintf("agent-%d", t.few(60, 2.5)),
	}
	local, domain := t.localPart(t.pick(firstNames), family), t.pick(providers)
	for t.taken[local+domain] { // providers give a name away once
		local = fmt.Sprintf("%s%d", local, t.IntN(1000))
	}
	t.taken[local+domain] = true
	m.email = local + "@" + domain
	if t.is(plusTag) {
		m.email = strings.Replace(m.email, "@", "+shop@", 1)
	}
	return m
}

// from is where a request of m comes from, with what browsers keep back.
func (t *town) from(m member) origin {
	o := origin{m.home, m.agent, m.device}
	if t.is(mobile) {
		o.network = t.carrier()
	}
	return t.blur(o)
}

func (t *town) blur(o origin) origin {
	if t.is(noNetwork) {
		o.network = ""
	}
	if t.is(t.noDevice) {
		o.device = ""
	}
	return o
}

func (t *town) spread(median time.Duration, sigma float64) time.Duration {
	return time.Duration(float64(median) * math.Exp(t.NormFloat64()*sigma))
}

func (t *town) amount(campaign int) int64 {
	if t.is(noAmount) {
		return 0
	}
	if campaign == 6 { // a subscription: by the month, or by the year
		if t.is(0.2) {
			return 9990
		}
		return 999
	}
	minor := float64(2500+1500*campaign) * math.Exp(t.NormFloat64()*(0.45+0.05*float64(campaign)))
	if t.is(t.large) {
		minor *= 5 + 25*t.Float64()
	}
	return int64(minor)
}

func openCode(campaign int, referrer member) string {
	return fmt.Sprintf("%d/%s", campaign, referrer.id)
}

// referral is one labelled unit: a creation, clicks and a conversion. Fields
// left zero take ordinary values.
type referral struct {
	pattern           string
	campaign          int
	referrer, referee member
	created, clicked  time.Time // clicked zero: no click
	converted         time.Time
	named             bool
	nobody            bool // the click does not say who
	creates, converts *origin
	amount            int64
	onlyCreated       bool
}

func (t *town) add(r referral) {
	label := len(t.labels)
	t.labels = append(t.labels, label0(r.pattern))
	c := call{label: label, campaign: r.campaign, code: openCode(r.campaign, r.referrer), referrer: r.referrer}
	if r.named {
		c.code += "/" + r.referee.id
	}
	creates, converts := t.from(r.referrer), t.from(r.referee)
	if r.creates != nil {
		creates = *r.creates
	}
	if r.converts != nil {
		converts = *r.converts
	}
	create := c
	create.at, create.do, create.from = r.created, 'r', creates
	if r.named {
		create.referee = r.referee
	}
	t.calls = append(t.calls, create)
	if r.onlyCreated {
		return
	}
	if !r.clicked.IsZero() {
		click := c
		click.at, click.do, click.from, click.referee = r.clicked, 'c', converts, r.referee
		if r.nobody {
			click.referee = member{}
		}
		t.calls = append(t.calls, click)
	}
	convert := c
	convert.at, convert.do, convert.from, convert.referee, convert.amount = r.converted, 'v', converts, r.referee, r.amount
	t.calls = append(t.calls, convert)
}

func label0(pattern string) label { return label{pattern: pattern, fired: map[string]bool{}} }

// visitors click a code and do not convert.
func (t *town) visitors(campaign int, referrer member, code string, at time.Time, count int) {
	for range count {
		c := call{at: at.Add(t.spread(5*time.Hour, 1.2)), do: 'c', label: -1, campaign: campaign, code: code, referrer: referrer}
		if !t.is(anonymous) {
			c.referee = t.person("")
			c.from = t.from(c.referee)
		}
		t.calls = append(t.calls, c)
	}
}
