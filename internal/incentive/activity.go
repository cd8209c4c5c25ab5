package incentive

import (
	"encoding/json"
	"time"

	"github.com/google/uuid"

	"github.com/incent-dev/incent/internal/id"
)

// Public ids.
const (
	actionPrefix   = "act_"
	activityPrefix = "evt_"
	levelPrefix    = "lvl_"
	badgePrefix    = "bdg_"
	achievedPrefix = "mst_"
	questPrefix    = "qst_"
)

// PublicID renders the action's id.
func (a *Action) PublicID() string { return id.Key(actionPrefix, a.ID) }

// PublicID renders the level's id.
func (l *Level) PublicID() string { return id.Key(levelPrefix, l.ID) }

// PublicID renders the badge's id.
func (b *Badge) PublicID() string { return id.Key(badgePrefix, b.ID) }

// PublicID renders the quest's id.
func (q *Quest) PublicID() string { return id.Key(questPrefix, q.ID) }

// Activity is one occurrence of an action.
type Activity struct {
	ID        uuid.UUID
	Member    string // the caller's id
	ActionKey string
	Reason    string // why it earned nothing; "": it was rewarded
	Pay       Pay    // what the action itself paid
	Key       string // idempotency key of the body; "": none
	Metadata  json.RawMessage
	At        time.Time
}

// PublicID renders the activity's id.
func (a Activity) PublicID() string { return id.UUID(activityPrefix, a.ID) }

// Balances are what a member has after an activity.
type Balances struct {
	Coins, Tokens, XP int64
}

// EarnedBadge is a badge that a member has.
type EarnedBadge struct {
	*Badge
	Source   Source
	EarnedAt time.Time
	New      bool // given by this very call
}

// Achieved is a milestone that a member reached, as it was then.
type Achieved struct {
	ID        uuid.UUID
	Member    string // the caller's id
	Key       string
	Name      string
	Type      MilestoneType
	Threshold int64
	Coins     int64
	BadgeKey  *string
	At        time.Time
}

// PublicID renders its id.
func (a Achieved) PublicID() string { return id.UUID(achievedPrefix, a.ID) }

// StreakStep is where a run is after an activity, and what that paid.
type StreakStep struct {
	Period           Period
	Current, Longest int
	Pay              Pay
}

// Recorded is an activity and everything that followed from it.
type Recorded struct {
	Activity
	Balances   Balances
	Levels     []*Level // lowest first
	Badges     []EarnedBadge
	Milestones []Achieved
	Quests     []*Quest
	Streak     *StreakStep // nil: the action has none, or earned nothing
}
