package incentive

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/incent-dev/incent/gen/query"
	"github.com/incent-dev/incent/internal/event"
	"github.com/incent-dev/incent/internal/id"
	"github.com/incent-dev/incent/internal/wire"
)

// The data of what follows from activities, as it was; whom it is about is added
// when it is told. Activities themselves are told from their rows.
type (
	toldLevel struct {
		Level         int         `json:"level"`
		PreviousLevel int         `json:"previousLevel"` // highest before; 0: none
		Name          string      `json:"name"`
		XPThreshold   int64       `json:"xpThreshold"`
		Coins         int64       `json:"coins"`
		BadgeKey      *string     `json:"badgeKey"`
		Perks         []string    `json:"perks"`
		ReachedAt     wire.Millis `json:"reachedAt"`
	}
	toldBadge struct {
		BadgeID  string      `json:"badgeId"`
		BadgeKey string      `json:"badgeKey"`
		Name     string      `json:"name"`
		Source   Source      `json:"source"`
		EarnedAt wire.Millis `json:"earnedAt"`
	}
	toldMilestone struct {
		ID         string        `json:"id"`
		Key        string        `json:"key"`
		Name       string        `json:"name"`
		Type       MilestoneType `json:"type"`
		Threshold  int64         `json:"threshold"`
		Coins      int64         `json:"coins"`
		BadgeKey   *string       `json:"badgeKey"`
		AchievedAt wire.Millis   `json:"achievedAt"`
	}
)

// tell notes what callers hear of a round, in the order in which it was recorded.
func (r *round) tell(told *event.Journal) {
	for _, e := range r.done {
		who := e.state.member
		if e.action != nil {
			told.Row(event.IncentiveEventRecorded, who, e.place)
		}
		before := e.level
		for _, l := range e.levels {
			told.FactOf(event.IncentiveLevelUp, who, toldLevel{l.Level, before, l.Name, l.XPThreshold, l.Coins, l.BadgeKey, l.Perks, wire.Millis(e.at)})
			before = max(before, l.Level)
		}
		for _, g := range e.badges {
			told.FactOf(event.IncentiveBadgeEarned, who, g.badge.told(g.source, e.at))
		}
		for _, m := range e.achieved {
			told.FactOf(event.IncentiveMilestoneReached, who,
				toldMilestone{m.PublicID(), m.Key, m.Name, m.Type, m.Threshold, m.Coins, m.BadgeKey, wire.Millis(m.At)})
		}
	}
}

func (b *Badge) told(source Source, at time.Time) toldBadge {
	return toldBadge{b.PublicID(), b.Key, b.Name, source, wire.Millis(at)}
}

// toldActivity is the data of an activity.
type toldActivity struct {
	ID        string          `json:"id"`
	EventID   string          `json:"eventId"`
	UserID    string          `json:"userId"`
	ActionKey string          `json:"actionKey"`
	Rewarded  bool            `json:"rewarded"`
	Reason    *string         `json:"reason"`
	Coins     int64           `json:"coins"`
	XP        int64           `json:"xp"`
	Tokens    int64           `json:"tokens"`
	Metadata  json.RawMessage `json:"metadata,omitempty"`
	CreatedAt wire.Millis     `json:"createdAt"`
}

// Tell completes the events about activities.
func (e *Engine) Tell(ctx context.Context, tenantID int64, page []event.Event) error {
	events := event.Pick(page, event.IncentiveEventRecorded)
	if len(events) == 0 {
		return nil
	}
	arg := query.ActivityListToldParams{TenantID: tenantID}
	at := make(map[event.Address]*event.Event, len(events))
	for _, x := range events {
		at[x.Of] = x
		arg.MemberIds, arg.Places = append(arg.MemberIds, x.Of.Member), append(arg.Places, x.Of.Seq)
	}
	rows, err := q.ActivityListTold(ctx, e.db, arg)
	if err != nil {
		return fmt.Errorf("read activities of events: %w", err)
	}
	for _, a := range rows {
		publicID := id.UUID(activityPrefix, a.ID)
		err := at[event.Address{Member: a.MemberID, Seq: a.Place}].Tell(toldActivity{
			publicID, publicID, a.ExternalID, a.ActionKey, a.Reason == nil, a.Reason, a.Coins, a.Xp, a.Tokens, a.Metadata, wire.Millis(a.CreatedAt),
		})
		if err != nil {
			return err
		}
	}
	return nil
}
