package incentive

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/incent-dev/incent/gen/query"
)

// readRules reads the rules of a tenant at one version. Where they are changed
// meanwhile it reads them again: changes are rare, and the last to come wins.
func readRules(ctx context.Context, db query.DBTX, tenantID int64) (*Rules, error) {
	for {
		before, err := q.RulesGetVersion(ctx, db, tenantID)
		if err != nil {
			return nil, err
		}
		r, err := readDefinitions(ctx, db, tenantID)
		if err != nil {
			return nil, err
		}
		after, err := q.RulesGetVersion(ctx, db, tenantID)
		if err != nil {
			return nil, err
		}
		if r.Version = before; before == after {
			return r.index(), nil
		}
	}
}

func readDefinitions(ctx context.Context, db query.DBTX, tenantID int64) (*Rules, error) {
	r := &Rules{}
	actions, err := q.ActionList(ctx, db, tenantID)
	if err != nil {
		return nil, err
	}
	for _, row := range actions {
		a, err := actionFromRow(row)
		if err != nil {
			return nil, err
		}
		r.Actions = append(r.Actions, a)
	}
	levels, err := q.LevelList(ctx, db, tenantID)
	if err != nil {
		return nil, err
	}
	for _, row := range levels {
		r.Levels = append(r.Levels, levelFromRow(row))
	}
	badges, err := q.BadgeList(ctx, db, tenantID)
	if err != nil {
		return nil, err
	}
	for _, row := range badges {
		r.Badges = append(r.Badges, badgeFromRow(row))
	}
	milestones, err := q.MilestoneList(ctx, db, tenantID)
	if err != nil {
		return nil, err
	}
	for _, row := range milestones {
		r.Milestones = append(r.Milestones, milestoneFromRow(row))
	}
	r.Quests, err = readQuests(ctx, db, tenantID)
	return r, err
}

func readQuests(ctx context.Context, db query.DBTX, tenantID int64) ([]*Quest, error) {
	rows, err := q.QuestList(ctx, db, tenantID)
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	steps, err := q.QuestStepList(ctx, db, tenantID)
	if err != nil {
		return nil, err
	}
	quests := make([]*Quest, len(rows))
	byKey := make(map[string]*Quest, len(rows))
	for i, row := range rows {
		quests[i] = questFromRow(row)
		byKey[row.Key] = quests[i]
	}
	for _, s := range steps {
		if q := byKey[s.QuestKey]; q != nil { // one made in between is not there yet
			q.Steps = append(q.Steps, QuestStep{s.ActionKey, int(s.Count)})
		}
	}
	return quests, nil
}

func actionFromRow(r query.Action) (*Action, error) {
	a := &Action{
		ID: r.ID, Key: r.Key, Name: r.Name, Description: r.Description, Type: Type(r.Type), Pay: Pay{r.Coins, r.Xp, r.Tokens},
		Cooldown: r.Cooldown, MaxRepeats: r.MaxRepeats, Active: r.Active, CreatedAt: r.CreatedAt.UTC(), UpdatedAt: r.UpdatedAt.UTC(),
	}
	if r.Streak == nil {
		return a, nil
	}
	a.Streak = &StreakRule{}
	if err := json.Unmarshal(r.Streak, a.Streak); err != nil {
		return nil, fmt.Errorf("streak of action %s: %w", a.Key, err)
	}
	return a, nil
}

func levelFromRow(r query.Level) *Level {
	return &Level{
		ID: r.ID, Level: int(r.Level), Name: r.Name, XPThreshold: r.XpThreshold, Coins: r.Coins, BadgeKey: r.BadgeKey, Perks: r.Perks,
		CreatedAt: r.CreatedAt.UTC(), UpdatedAt: r.UpdatedAt.UTC(),
	}
}

func badgeFromRow(r query.Badge) *Badge {
	b := &Badge{
		ID: r.ID, Key: r.Key, Name: r.Name, Description: r.Description, ImageURL: r.ImageUrl, Active: r.Active,
		CreatedAt: r.CreatedAt.UTC(), UpdatedAt: r.UpdatedAt.UTC(),
	}
	if r.CriteriaType != nil {
		b.Criteria = &Criteria{Type: CriteriaType(*r.CriteriaType), Threshold: *r.CriteriaThreshold}
		if r.CriteriaAction != nil {
			b.Criteria.ActionKey = *r.CriteriaAction
		}
	}
	return b
}

func milestoneFromRow(r query.Milestone) *Milestone {
	return &Milestone{
		ID: r.ID, Key: r.Key, Name: r.Name, Type: MilestoneType(r.Type), ActionKey: r.ActionKey, Threshold: r.Threshold, Coins: r.Coins,
		BadgeKey: r.BadgeKey, Active: r.Active, CreatedAt: r.CreatedAt.UTC(), UpdatedAt: r.UpdatedAt.UTC(),
	}
}

func questFromRow(r query.Quest) *Quest {
	return &Quest{
		ID: r.ID, Key: r.Key, Name: r.Name, Description: r.Description, StartsAt: instant(r.StartsAt), EndsAt: instant(r.EndsAt),
		Pay: Pay{r.Coins, r.Xp, r.Tokens}, BadgeKey: r.BadgeKey, Active: r.Active, CreatedAt: r.CreatedAt.UTC(), UpdatedAt: r.UpdatedAt.UTC(),
	}
}

// instant reads a nullable column; the zero time is null.
func instant(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.UTC()
}
