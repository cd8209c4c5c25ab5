package incentive

import (
	"fmt"
	"sort"
	"strconv"
	"time"

	"github.com/incent-dev/incent/gen/query"
)

// state is what is known of a member within one transaction: as it was read
// under the lock of the XP account, and what the activities so far made of it.
type state struct {
	member    int64
	xp        int64 // balance
	earned    int64 // points ever, without what rests on hold
	coinsHeld bool  // points that are paid rest on hold, and count as earned later
	zone      *time.Location

	remembered *remembered // nil: nothing that holds

	fresh    bool // something was recorded: it is to be stored
	stored   bool // there is a row
	progress progress
	counts   map[int64]*count // by action, as far as the transaction needs them

	known bool // the grants were read; without, there can be none to come
	had   had
	steps map[step]int // of quests that are not completed: what is done
}

type progress struct {
	activities int64
	activeAt   time.Time // zero: none
	level      int
	settled    int64
	nextXP     int64
	nextCoins  int64
}

// count is what a member did of one action.
type count struct {
	activities int64
	rewarded   int64
	rewardedAt time.Time // zero: never
	settled    int64
	streak     streak
	fresh      bool // to be stored
	stored     bool // there is a row
}

// had is what was granted, ever.
type had struct {
	levels                     map[int]bool
	badges, milestones, quests map[string]bool
}

type step struct{ quest, action int64 }

// limit tells why an action earns nothing at an instant; empty: it does. After
// the last repeat that stays so, hence it is said first.
func (c *count) limit(a *Action, at time.Time) string {
	switch {
	case a.MaxRepeats != nil && c.rewarded >= *a.MaxRepeats:
		return ReasonMaxRepeats
	case !c.rewardedAt.IsZero() && at.Before(c.rewardedAt.Add(time.Duration(a.Cooldown)*time.Second)):
		return ReasonCooldown
	}
	return ""
}

// nextXP is the XP below which there is nothing to grant under the rules. When
// that was found for other rules, nothing is certain but their lowest threshold.
func (s *state) nextXP(r *Rules) int64 {
	if s.progress.settled == r.Version {
		return s.progress.nextXP
	}
	return lowest(r.xp)
}

func (s *state) nextCoins(r *Rules) int64 {
	if s.progress.settled == r.Version {
		return s.progress.nextCoins
	}
	return lowest(r.coins)
}

func lowest(list []threshold) int64 {
	if len(list) == 0 {
		return never
	}
	return list[0].at
}

// mayGrant tells whether a number of occurrences of actions might grant the
// member anything, so that what was granted before has to be known. It errs on
// the side of yes: it counts what could be paid at most.
func (s *state) mayGrant(r *Rules, occurrences []occurrence, at time.Time) bool {
	xp, coins := s.xp, s.earned
	times := map[int64]int64{}
	if at.Before(s.progress.activeAt) {
		at = s.progress.activeAt // as for the decision
	}
	for _, o := range occurrences {
		if o.action == nil {
			if list := r.referred[o.number.of]; len(list) > 0 && list[0].at <= o.number.is {
				return true
			}
			continue
		}
		most := r.most(o.action)
		xp, coins = xp+most.XP, coins+most.Coins
		times[o.action.ID]++
		if r.questing(o.action, at) {
			return true
		}
	}
	for id, n := range times {
		if s.countMayGrant(r, r.actionIDs[id], n) {
			return true
		}
	}
	return xp >= s.nextXP(r) || coins >= s.nextCoins(r)
}

func (s *state) countMayGrant(r *Rules, a *Action, n int64) bool {
	list := r.counts[a.Key]
	if len(list) == 0 {
		return false
	}
	c := s.counts[a.ID]
	if c.settled != r.Version {
		return list[0].at <= c.rewarded+n
	}
	first := sort.Search(len(list), func(i int) bool { return list[i].at > c.rewarded })
	return first < len(list) && list[first].at <= c.rewarded+n
}

// most is what an action can pay at most by itself, its streak included.
func (r *Rules) most(a *Action) Pay {
	p := a.Pay
	if a.Streak == nil {
		return p
	}
	var extra Pay
	for _, w := range a.Streak.Rewards {
		extra = Pay{max(extra.Coins, w.Coins), max(extra.XP, w.XP), max(extra.Tokens, w.Tokens)}
	}
	return p.plus(extra)
}

// questing tells whether an action counts for a quest.
func (r *Rules) questing(a *Action, at time.Time) bool {
	for _, q := range r.quests[a.Key] {
		if q.Runs(at) {
			return true
		}
	}
	return false
}

func (p Pay) plus(q Pay) Pay { return Pay{p.Coins + q.Coins, p.XP + q.XP, p.Tokens + q.Tokens} }

// remember takes in one row of what was granted before.
func (s *state) remember(row query.GrantListManyRow) error {
	switch row.Kind {
	case "badge":
		s.had.badges[row.Name] = true
		return nil
	case "milestone":
		s.had.milestones[row.Name] = true
		return nil
	case "quest":
		s.had.quests[row.Name] = true
		return nil
	}
	n, err := strconv.ParseInt(row.Name, 10, 64)
	if err != nil {
		return fmt.Errorf("grant of member %d: %w", s.member, err)
	}
	if row.Kind == "level" {
		s.had.levels[int(n)] = true
	} else {
		s.steps[step{n, row.ActionID}] = int(row.Done)
	}
	return nil
}
