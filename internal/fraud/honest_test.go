package fraud

import (
	"fmt"
	"strings"
	"time"
)

// settle brings honestCount honest referrals into the town.
func (t *town) settle() {
	for range 6000 {
		m := t.person("")
		if t.is(t.noReferrerMail) {
			m.email = ""
		}
		t.members = append(t.members, m)
	}
	for i := range influencers {
		t.influencer(i)
	}
	for range inviters {
		t.inviter()
	}
	for i := 0; len(t.labels) < honestCount; i++ {
		at := start.Add(time.Duration(float64(i) / honestCount * days * float64(day)))
		t.friend(t.hour(at))
	}
	for i := range inherited {
		t.listed["network "+t.joined[1000*(i+1)].home] = true
	}
}

// hour moves an instant to when people are awake, or to after a mailing.
func (t *town) hour(at time.Time) time.Time {
	midnight := at.Truncate(day)
	if t.is(newsletter) {
		mailing := start.Add(time.Duration(20+21*t.IntN(4))*day + 10*time.Hour)
		return mailing.Add(time.Duration(t.Float64() * float64(2*time.Hour)))
	}
	return midnight.Add(time.Duration((7 + 16*t.Float64()) * float64(time.Hour)))
}

func (t *town) referrer() member {
	if len(t.joined) > 100 && t.is(joinedRefer) {
		return t.joined[t.IntN(len(t.joined))]
	}
	return t.members[t.few(len(t.members), 1.5)] // the busiest refers once or twice in three days
}

// refereeOf is somebody whom the referrer knows.
func (t *town) refereeOf(referrer member) (member, *origin) {
	referee := t.person("")
	var office *origin
	switch {
	case t.is(t.household):
		referee = t.person(referrer.name)
		referee.home = referrer.home
		if t.is(t.houseTablet) {
			referee.device, referee.agent = referrer.device, referrer.agent
		}
		if t.is(housePhone) {
			referee.agent = referrer.agent
		}
		if t.is(t.houseAlike) {
			referee.email = t.alike(referrer.email)
		}
		if t.is(houseMailbox) {
			referee.email = strings.Replace(referrer.email, "@", "+home@", 1)
		}
	case t.is(colleague):
		o := t.blur(origin{"office of " + referrer.id, referee.agent, referee.device})
		office = &o
	}
	if t.is(t.throwaway) {
		referee.email = fmt.Sprintf("x%d@mailinator.com", t.IntN(1_000_000))
	}
	if t.is(t.noRefereeMail) {
		referee.email = ""
	}
	return referee, office
}

// alike is a mailbox that looks like another.
func (t *town) alike(email string) string {
	local, domain, ok := strings.Cut(email, "@")
	if !ok {
		return email
	}
	letter := string('a' + byte(t.IntN(26)))
	switch {
	case t.is(0.5): // a year of birth
		return fmt.Sprintf("%s%d@%s", strings.TrimRight(local, "0123456789"), 10+t.IntN(90), domain)
	case t.is(0.7): // an initial
		return letter + local[1:] + "@" + domain
	default: // jan and jana
		i := 1 + t.IntN(len(local)-1)
		return local[:i] + letter + local[i:] + "@" + domain
	}
}

// friend is the ordinary referral.
func (t *town) friend(created time.Time) {
	referrer := t.referrer()
	referee, office := t.refereeOf(referrer)
	r := referral{
		campaign: t.IntN(campaigns - 1), referrer: referrer, referee: referee, created: created,
		named: t.is(named), nobody: t.is(anonymous), converts: office,
	}
	r.amount = t.amount(r.campaign)
	if office != nil && t.is(0.5) {
		o := t.blur(origin{"office of " + referrer.id, referrer.agent, referrer.device})
		r.creates = &o
	}
	t.reach(&r)
	t.add(r)
	t.visitors(r.campaign, referrer, t.calls[len(t.calls)-1].code, created, 1+t.IntN(5))
	t.otherCodes(r)
	t.joined = append(t.joined, referee)
	if t.is(t.mutual) && len(t.labels) < honestCount {
		back := referral{campaign: r.campaign, referrer: referee, referee: referrer, created: r.converted.Add(day), amount: r.amount}
		t.reach(&back)
		t.add(back)
	}
}

// reach decides when the referee clicks, if at all, and when they convert.
func (t *town) reach(r *referral) {
	clicked := r.created.Add(t.spread(6*time.Hour, 1.5))
	r.converted = clicked.Add(t.spread(20*time.Minute, 2)) // under 10 s for one in a hundred
	switch {
	case t.is(typed):
	case t.is(t.together):
		r.clicked, r.nobody = r.converted.Add(-time.Duration(t.IntN(2000))*time.Millisecond), false
	default:
		r.clicked = clicked
	}
}

// otherCodes has the referee follow other members' links in the days before.
func (t *town) otherCodes(r referral) {
	count := 0
	switch {
	case t.is(t.couponPage):
		count = 2
		if t.is(0.2) {
			count = 5
		}
	case t.is(secondFriend):
		count = 1
	}
	for range count {
		other := t.referrer()
		t.calls = append(t.calls, call{
			at: r.converted.Add(-t.spread(20*time.Hour, 1)), do: 'c', label: -1, campaign: r.campaign,
			code: openCode(r.campaign, other), referrer: other, referee: r.referee, from: t.from(r.referee),
		})
	}
}

// influencer has 110 followers convert, half of them on one day. The last one
// is a podcast: its campaign is its own, and nobody clicks.
func (t *town) influencer(number int) {
	star := t.person("")
	posted := start.Add(time.Duration(10+15*number)*day + 9*time.Hour)
	spoken := number == influencers-1
	campaign := number
	if spoken {
		campaign = campaigns - 1
	}
	for i := range 110 {
		wait := time.Duration(t.Float64() * float64(14*time.Hour))
		if i%2 == 1 {
			wait = day + time.Duration(t.Float64()*float64(9*day))
		}
		referee := t.person("")
		r := referral{campaign: campaign, referrer: star, referee: referee, created: posted.Add(-time.Hour), amount: t.amount(campaign)}
		r.converted = posted.Add(wait)
		if !spoken && !t.is(typed) {
			r.clicked, r.nobody = r.converted.Add(-t.spread(20*time.Minute, 2)), t.is(anonymous)
			if r.clicked.Before(posted) {
				r.clicked = posted
			}
		}
		t.add(r)
		if !spoken {
			t.visitors(campaign, star, openCode(campaign, star), r.converted.Add(-5*time.Hour), 12)
		}
		t.joined = append(t.joined, referee)
	}
}

// inviter names a whole circle of friends within the hour.
func (t *town) inviter() {
	host := t.members[t.IntN(len(t.members))]
	at := start.Add(time.Duration(t.IntN(days))*day + 19*time.Hour)
	campaign := t.IntN(campaigns - 2)
	for range t.invitesLeast + t.IntN(31) {
		at = at.Add(t.spread(50*time.Second, 0.6))
		referee, _ := t.refereeOf(host)
		r := referral{campaign: campaign, referrer: host, referee: referee, created: at, named: true, amount: t.amount(campaign)}
		t.reach(&r)
		t.add(r)
		t.joined = append(t.joined, referee)
	}
}
