package incentive

import (
	"fmt"
	"slices"
	"time"

	"github.com/incent-dev/incent/internal/ledger"
)

// Why an activity earns nothing.
const (
	ReasonCooldown   = "COOLDOWN"
	ReasonMaxRepeats = "MAX_REPEATS"
)

// occurrence is an action about to be recorded, or a number about to be noted.
type occurrence struct {
	action *Action // nil: only the number
	number number
}

// number is what a referral record brought one of the referrer's totals to.
type number struct {
	of MilestoneType // Referrals, Conversions; "": of an action
	is int64
}

func (o occurrence) actionID() int64 {
	if o.action == nil {
		return allActions
	}
	return o.action.ID
}

// payment is one award that an activity leads to.
type payment struct {
	asset  ledger.Asset
	amount int64 // > 0
	reason string
}

// badgeGrant is a badge earned.
type badgeGrant struct {
	badge  *Badge
	source Source
}

// decision is what one occurrence comes to. It is made without changing the
// state, so that it can be refused as a whole.
type decision struct {
	at     time.Time
	reason string // "": rewarded
	pay    Pay    // of the action itself
	run    *streak
	extra  Pay // of the streak

	payments   []payment
	levels     []*Level
	badges     []badgeGrant
	milestones []*Milestone
	quests     []*Quest
	steps      map[step]int // what becomes of the counts of quests
	totals     Pay          // of all payments
}

// decide says what an occurrence comes to at an instant, which is never before
// the member's newest activity. It is pure. Where the grants are not known it
// relies on mayGrant having said that there can be none.
func decide(r *Rules, s *state, o occurrence, at time.Time) *decision {
	d := &decision{at: at}
	var counted []threshold
	var rewarded int64
	if a := o.action; a != nil {
		c := s.counts[a.ID]
		if d.reason = c.limit(a, at); d.reason != "" {
			return d
		}
		d.pay = a.Pay
		d.add(a.Pay, a.Name)
		if a.Streak != nil {
			d.advance(a, c.streak, dateIn(at, s.zone))
		}
		counted, rewarded = r.counts[a.Key], c.rewarded+1
	}
	if !s.known {
		return d
	}
	for again := true; again; {
		// Each round grants something that was not granted before, so there are
		// at most as many rounds as definitions.
		again = d.reach(s, r, counted, rewarded)
		again = d.reach(s, r, r.referred[o.number.of], o.number.is) || again
		again = d.complete(s, r, o.action) || again
		again = d.reach(s, r, r.xp, s.xp+d.totals.XP) || again
		again = d.reach(s, r, r.coins, d.earned(s)) || again
	}
	return d
}

// earned is how many points the member has ever earned by now.
func (d *decision) earned(s *state) int64 {
	if s.coinsHeld {
		return s.earned
	}
	return s.earned + d.totals.Coins
}

// add notes what is paid.
func (d *decision) add(p Pay, reason string) {
	for _, x := range [...]payment{{ledger.Points, p.Coins, reason}, {ledger.XP, p.XP, reason}, {ledger.Tokens, p.Tokens, reason}} {
		if x.amount > 0 {
			d.payments = append(d.payments, x)
		}
	}
	d.totals = d.totals.plus(p)
}

// advance moves the run on, and pays where that brings it to a length of the rule.
func (d *decision) advance(a *Action, before streak, date time.Time) {
	run := before.advance(a.Streak.Period, date)
	d.run = &run
	if run.current <= before.current { // a second time in a period, or a new run
		return
	}
	for _, w := range a.Streak.Rewards {
		if w.Length == run.current {
			d.extra = Pay{w.Coins, w.XP, w.Tokens}
			d.add(d.extra, fmt.Sprintf("%s, %d in a row", a.Name, w.Length))
		}
	}
}

// reach grants everything up to a number that was not granted before, lowest
// first, and tells whether there was anything.
func (d *decision) reach(s *state, r *Rules, list []threshold, n int64) (granted bool) {
	for _, t := range list {
		if t.at > n {
			break
		}
		switch {
		case t.level != nil:
			granted = d.level(s, r, t.level) || granted
		case t.milestone != nil:
			granted = d.milestone(s, r, t.milestone) || granted
		default:
			granted = d.badge(s, t.badge, FromCriteria) || granted
		}
	}
	return granted
}

func (d *decision) level(s *state, r *Rules, l *Level) bool {
	if s.had.levels[l.Level] || slices.Contains(d.levels, l) {
		return false
	}
	d.levels = append(d.levels, l)
	d.add(Pay{Coins: l.Coins}, l.Name)
	d.badgeOf(s, r, l.BadgeKey, FromLevel)
	return true
}

func (d *decision) milestone(s *state, r *Rules, m *Milestone) bool {
	if s.had.milestones[m.Key] || slices.Contains(d.milestones, m) {
		return false
	}
	d.milestones = append(d.milestones, m)
	d.add(Pay{Coins: m.Coins}, m.Name)
	d.badgeOf(s, r, m.BadgeKey, FromMilestone)
	return true
}

func (d *decision) badgeOf(s *state, r *Rules, key *string, from Source) {
	if key != nil {
		d.badge(s, r.badges[*key], from)
	}
}

// badge gives a badge that the member never had. An inactive one is earned by
// nobody; who would have earned it does not get it later.
func (d *decision) badge(s *state, b *Badge, from Source) bool {
	if b == nil || !b.Active || s.had.badges[b.Key] {
		return false
	}
	if slices.ContainsFunc(d.badges, func(g badgeGrant) bool { return g.badge == b }) {
		return false
	}
	d.badges = append(d.badges, badgeGrant{b, from})
	return true
}

// complete counts the action for the quests that it belongs to, once, and pays
// those that are full.
func (d *decision) complete(s *state, r *Rules, a *Action) (granted bool) {
	if a == nil || d.steps != nil {
		return false
	}
	d.steps = map[step]int{}
	for _, q := range r.quests[a.Key] {
		if s.had.quests[q.Key] || !q.Runs(d.at) {
			continue
		}
		full := true
		for _, w := range q.Steps {
			at := step{q.ID, r.actions[w.ActionKey].ID}
			done := s.steps[at]
			if at.action == a.ID && done < w.Count {
				done++
				d.steps[at] = done
			}
			full = full && done >= w.Count
		}
		if !full {
			continue
		}
		granted = true
		d.quests = append(d.quests, q)
		d.add(q.Pay, q.Name)
		d.badgeOf(s, r, q.BadgeKey, FromQuest)
	}
	return granted
}

// take makes the decision part of the state: the next one sees it.
func (s *state) take(r *Rules, o occurrence, d *decision) {
	if o.action != nil {
		s.count(r, o.action, d)
	}
	if d.reason != "" {
		return
	}
	s.xp += d.totals.XP
	s.earned = d.earned(s)
	if !s.known {
		if s.progress.settled != r.Version {
			s.progress.settled, s.progress.nextXP, s.progress.nextCoins = r.Version, lowest(r.xp), lowest(r.coins)
		}
		return
	}
	s.fresh = true
	for _, l := range d.levels {
		s.had.levels[l.Level] = true
		s.progress.level = max(s.progress.level, l.Level)
	}
	for _, g := range d.badges {
		s.had.badges[g.badge.Key] = true
	}
	for _, m := range d.milestones {
		s.had.milestones[m.Key] = true
	}
	for _, q := range d.quests {
		s.had.quests[q.Key] = true
	}
	for at, done := range d.steps {
		s.steps[at] = done
	}
	s.progress.settled, s.progress.nextXP, s.progress.nextCoins = r.Version, s.next(r.xp), s.next(r.coins)
}

// count notes an activity.
func (s *state) count(r *Rules, a *Action, d *decision) {
	s.progress.activities++
	s.progress.activeAt = d.at
	c := s.counts[a.ID]
	s.fresh, c.fresh = true, true
	c.activities++
	if d.reason != "" {
		return
	}
	c.rewarded++
	c.rewardedAt = d.at
	c.settled = r.Version
	if d.run != nil {
		c.streak = *d.run
	}
}

// next is the lowest number at which something is left to grant.
func (s *state) next(list []threshold) int64 {
	for _, t := range list {
		switch {
		case t.level != nil && !s.had.levels[t.level.Level],
			t.milestone != nil && !s.had.milestones[t.milestone.Key],
			t.badge != nil && !s.had.badges[t.badge.Key]:
			return t.at
		}
	}
	return never
}
