package incentive

import (
	"cmp"
	"math"
	"slices"
	"time"
)

// MaxRules bounds the definitions of one kind in one tenant: they are read as a
// whole, and kept in memory.
const MaxRules = 1_000

// never is a number that nobody reaches.
const never = math.MaxInt64

// Type says what makes an action happen.
type Type string

// The types. All but Standard fire by themselves, for the referrer.
const (
	Standard      Type = "STANDARD"
	CodeGenerated Type = "REFERRAL_CODE_GENERATE"
	CodeClicked   Type = "REFERRAL_CLICK"
	RefereeActed  Type = "REFERRAL_REFEREE_ACTION"
)

// Period is what a streak is counted in.
type Period string

// The periods. Weeks begin on Monday.
const (
	Daily  Period = "DAILY"
	Weekly Period = "WEEKLY"
)

// Pay is what something earns, in whole units, none negative.
type Pay struct {
	Coins, XP, Tokens int64
}

// StreakRule pays extra for an action that is done in consecutive periods.
type StreakRule struct {
	Period  Period         `json:"period"`
	Rewards []StreakReward `json:"rewards"` // by length, each length once
}

// StreakReward is paid when a run reaches a length.
type StreakReward struct {
	Length int   `json:"length"`
	Coins  int64 `json:"coins,omitempty"`
	XP     int64 `json:"xp,omitempty"`
	Tokens int64 `json:"tokens,omitempty"`
}

// Action is what a member can do to earn.
type Action struct {
	ID          int64
	Key         string
	Name        string
	Description *string
	Type        Type
	Pay         Pay
	Cooldown    int64  // seconds
	MaxRepeats  *int64 // nil: no limit
	Streak      *StreakRule
	Active      bool
	CreatedAt   time.Time
	UpdatedAt   time.Time
}

// Level is what an amount of XP grants.
type Level struct {
	ID          int64
	Level       int
	Name        string
	XPThreshold int64
	Coins       int64
	BadgeKey    *string
	Perks       []string
	CreatedAt   time.Time
	UpdatedAt   time.Time
}

// CriteriaType says what earns a badge by itself.
type CriteriaType string

// The criteria.
const (
	ActionCount CriteriaType = "ACTION_COUNT"
	XPBalance   CriteriaType = "XP"
)

// Criteria say when a badge is earned by itself.
type Criteria struct {
	Type      CriteriaType
	ActionKey string // ActionCount
	Threshold int64
}

// Badge is something that a member can have once.
type Badge struct {
	ID          int64
	Key         string
	Name        string
	Description *string
	ImageURL    *string
	Criteria    *Criteria // nil: not earned by itself
	Active      bool
	CreatedAt   time.Time
	UpdatedAt   time.Time
}

// Source says what a badge was earned by.
type Source string

// The sources of a badge.
const (
	FromLevel     Source = "LEVEL"
	FromMilestone Source = "MILESTONE"
	FromCriteria  Source = "CRITERIA"
	FromQuest     Source = "QUEST"
	FromAward     Source = "AWARD"
)

// MilestoneType says which number a milestone is about.
type MilestoneType string

// The types of milestones.
const (
	XPReached    MilestoneType = "XP_REACHED"
	ActionsDone  MilestoneType = "ACTION_COUNT"
	Referrals    MilestoneType = "REFERRALS"
	Conversions  MilestoneType = "CONVERSIONS"
	PointsEarned MilestoneType = "COINS_EARNED"
)

// Milestone is a number that is worth a note when it is reached.
type Milestone struct {
	ID        int64
	Key       string
	Name      string
	Type      MilestoneType
	ActionKey *string // ActionsDone
	Threshold int64
	Coins     int64
	BadgeKey  *string
	Active    bool
	CreatedAt time.Time
	UpdatedAt time.Time
}

// Quest is a set of actions to be done within a window; it pays once.
type Quest struct {
	ID          int64
	Key         string
	Name        string
	Description *string
	Steps       []QuestStep
	StartsAt    time.Time // zero: at once
	EndsAt      time.Time // zero: never; exclusive
	Pay         Pay
	BadgeKey    *string
	Active      bool
	CreatedAt   time.Time
	UpdatedAt   time.Time
}

// QuestStep is how often an action is to be done for a quest.
type QuestStep struct {
	ActionKey string
	Count     int
}

// Runs tells whether the quest counts what is done at an instant.
func (q *Quest) Runs(at time.Time) bool {
	return q.Active && !at.Before(q.StartsAt) && (q.EndsAt.IsZero() || at.Before(q.EndsAt))
}

// Rules are all definitions of a tenant at one version, with what makes them
// quick to apply. They never change: another version is another value.
type Rules struct {
	Version    int64
	Actions    []*Action // by key
	Levels     []*Level  // by level, which is by threshold, too
	Badges     []*Badge  // by key
	Milestones []*Milestone
	Quests     []*Quest

	actions   map[string]*Action
	actionIDs map[int64]*Action
	badges    map[string]*Badge
	fired     map[Type][]*Action // active ones that fire by themselves

	xp       []threshold            // levels, badges, milestones of XP, by threshold
	coins    []threshold            // milestones of points earned
	counts   map[string][]threshold // badges and milestones by action
	referred map[MilestoneType][]threshold
	quests   map[string][]*Quest // active ones by action of a step
	tokens   map[int64]bool      // actions that may pay tokens
}

// threshold is a number at which something is granted: exactly one of the three.
type threshold struct {
	at        int64
	level     *Level
	badge     *Badge
	milestone *Milestone
}

// Action finds an action by its key; nil when there is none.
func (r *Rules) Action(key string) *Action { return r.actions[key] }

// ActionByID finds an action by our key; nil when there is none.
func (r *Rules) ActionByID(id int64) *Action { return r.actionIDs[id] }

// Badge finds a badge by its key; nil when there is none.
func (r *Rules) Badge(key string) *Badge { return r.badges[key] }

// index fills what is derived from the definitions.
func (r *Rules) index() *Rules {
	r.actions, r.actionIDs, r.badges = map[string]*Action{}, map[int64]*Action{}, map[string]*Badge{}
	r.fired, r.counts, r.referred, r.quests = map[Type][]*Action{}, map[string][]threshold{}, map[MilestoneType][]threshold{}, map[string][]*Quest{}
	for _, a := range r.Actions {
		r.actions[a.Key], r.actionIDs[a.ID] = a, a
		if a.Active && a.Type != Standard {
			r.fired[a.Type] = append(r.fired[a.Type], a)
		}
	}
	for _, l := range r.Levels {
		r.xp = append(r.xp, threshold{at: l.XPThreshold, level: l})
	}
	for _, m := range r.Milestones {
		r.indexMilestone(m)
	}
	for _, b := range r.Badges {
		r.badges[b.Key] = b
		switch {
		case b.Criteria == nil || !b.Active:
		case b.Criteria.Type == XPBalance:
			r.xp = append(r.xp, threshold{at: b.Criteria.Threshold, badge: b})
		default:
			r.counts[b.Criteria.ActionKey] = append(r.counts[b.Criteria.ActionKey], threshold{at: b.Criteria.Threshold, badge: b})
		}
	}
	for _, q := range r.Quests {
		for _, s := range q.Steps {
			if q.Active {
				r.quests[s.ActionKey] = append(r.quests[s.ActionKey], q)
			}
		}
	}
	r.tokens = map[int64]bool{}
	for _, a := range r.Actions {
		r.tokens[a.ID] = r.most(a).Tokens > 0 || slices.ContainsFunc(r.quests[a.Key], func(q *Quest) bool { return q.Pay.Tokens > 0 })
	}
	r.sort()
	return r
}

func (r *Rules) indexMilestone(m *Milestone) {
	reached := threshold{at: m.Threshold, milestone: m}
	switch {
	case !m.Active:
	case m.Type == XPReached:
		r.xp = append(r.xp, reached)
	case m.Type == PointsEarned:
		r.coins = append(r.coins, reached)
	case m.Type == ActionsDone:
		r.counts[*m.ActionKey] = append(r.counts[*m.ActionKey], reached)
	default:
		r.referred[m.Type] = append(r.referred[m.Type], reached)
	}
}

// sort brings thresholds into ascending order; at the same number levels come
// first, lowest first, then milestones, then badges, as they were added.
func (r *Rules) sort() {
	ascending := func(list []threshold) {
		slices.SortStableFunc(list, func(a, b threshold) int { return cmp.Compare(a.at, b.at) })
	}
	ascending(r.xp)
	ascending(r.coins)
	for _, list := range r.counts {
		ascending(list)
	}
	for _, list := range r.referred {
		ascending(list)
	}
}
