package incentive

import (
	"context"
	"fmt"
	"time"

	"github.com/incent-dev/incent/gen/query"
	"github.com/incent-dev/incent/internal/fault"
	"github.com/incent-dev/incent/internal/once"
	"github.com/incent-dev/incent/internal/pg"
	"github.com/incent-dev/incent/internal/tenant"
)

const (
	maxSteps     = 20
	maxStepCount = 1_000_000
)

func (q Quest) check() error {
	if len(q.Steps) < 1 || len(q.Steps) > maxSteps {
		return fault.Field("steps", "must have 1 to %d entries", maxSteps)
	}
	seen := map[string]bool{}
	for i, s := range q.Steps {
		if s.Count < 1 || s.Count > maxStepCount {
			return fault.Field(fmt.Sprintf("steps[%d].count", i), "must be between 1 and %d", maxStepCount)
		}
		if seen[s.ActionKey] {
			return fault.Field(fmt.Sprintf("steps[%d].actionKey", i), "stands in a step before; an action is one step at most")
		}
		seen[s.ActionKey] = true
	}
	if !q.EndsAt.IsZero() && !q.EndsAt.After(q.StartsAt) {
		return fault.Field("endsAt", "must be after startsAt")
	}
	return first(checkText("key", q.Key, maxKey), checkText("name", q.Name, maxName), checkOptional("description", q.Description, maxDescription),
		checkUnits("coins", q.Pay.Coins), checkUnits("xp", q.Pay.XP), checkUnits("tokens", q.Pay.Tokens))
}

func (r *Rules) checkSteps(steps []QuestStep) error {
	for i, s := range steps {
		if err := r.checkAction(fmt.Sprintf("steps[%d].actionKey", i), s.ActionKey); err != nil {
			return err
		}
	}
	return nil
}

// quest finds a quest by its key; nil when there is none.
func (r *Rules) quest(key string) *Quest {
	for _, q := range r.Quests {
		if q.Key == key {
			return q
		}
	}
	return nil
}

// Quests lists the quests, by key.
func (e *Engine) Quests(ctx context.Context, tenantID int64) ([]*Quest, error) {
	_, r, err := e.current(ctx, tenantID)
	if err != nil {
		return nil, err
	}
	return r.Quests, nil
}

// CreateQuest makes a quest. It counts from now on.
func (e *Engine) CreateQuest(ctx context.Context, tenantID int64, quest Quest, ticket *once.Ticket) (Quest, error) {
	return define(ctx, e, tenantID, ticket, func(ctx context.Context, tx pg.Tx, t tenant.Tenant, r *Rules) (Quest, error) {
		if err := quest.check(); err != nil {
			return Quest{}, err
		}
		if r.quest(quest.Key) != nil {
			return Quest{}, taken("quest", "key")
		}
		if err := first(atMost(len(r.Quests), "quests"), r.checkSteps(quest.Steps), r.checkBadge(quest.BadgeKey)); err != nil {
			return Quest{}, err
		}
		made := quest
		made.ID, made.CreatedAt, made.UpdatedAt = pg.NewKey(), t.Now(), t.Now()
		return made, insertQuest(ctx, tx, tenantID, made)
	})
}

func insertQuest(ctx context.Context, tx pg.Tx, tenantID int64, made Quest) error {
	err := q.QuestInsert(ctx, tx, query.QuestInsertParams{
		TenantID: tenantID, Key: made.Key, ID: made.ID, Name: made.Name, Description: made.Description, StartsAt: nullable(made.StartsAt),
		EndsAt: nullable(made.EndsAt), Coins: made.Pay.Coins, Xp: made.Pay.XP, Tokens: made.Pay.Tokens, BadgeKey: made.BadgeKey,
		Active: made.Active, CreatedAt: made.CreatedAt,
	})
	if err != nil {
		return fmt.Errorf("insert quest: %w", err)
	}
	steps := query.QuestStepInsertManyParams{TenantID: tenantID, QuestKey: made.Key}
	for i, s := range made.Steps {
		steps.ActionKeys = append(steps.ActionKeys, s.ActionKey)
		steps.Positions = append(steps.Positions, int16(i))
		steps.Counts = append(steps.Counts, int32(s.Count))
	}
	if err := q.QuestStepInsertMany(ctx, tx, steps); err != nil {
		return fmt.Errorf("insert steps of quest: %w", err)
	}
	return nil
}

// UpdateQuest changes a copy of a quest and stores it; the steps stay.
func (e *Engine) UpdateQuest(ctx context.Context, tenantID int64, key string, change func(*Quest), ticket *once.Ticket) (Quest, error) {
	return define(ctx, e, tenantID, ticket, func(ctx context.Context, tx pg.Tx, t tenant.Tenant, r *Rules) (Quest, error) {
		was := r.quest(key)
		if was == nil {
			return Quest{}, fault.Missing("quest")
		}
		now := *was
		change(&now)
		if err := first(now.check(), r.checkBadge(now.BadgeKey)); err != nil {
			return Quest{}, err
		}
		now.UpdatedAt = t.Now()
		err := q.QuestUpdate(ctx, tx, query.QuestUpdateParams{
			TenantID: tenantID, Key: now.Key, Name: now.Name, Description: now.Description, StartsAt: nullable(now.StartsAt),
			EndsAt: nullable(now.EndsAt), Coins: now.Pay.Coins, Xp: now.Pay.XP, Tokens: now.Pay.Tokens, BadgeKey: now.BadgeKey,
			Active: now.Active, UpdatedAt: now.UpdatedAt,
		})
		if err != nil {
			return Quest{}, fmt.Errorf("store quest: %w", err)
		}
		return now, nil
	})
}

// QuestProgress is how far a member is with a quest.
type QuestProgress struct {
	*Quest
	Done        []int     // of each step, at most its count
	CompletedAt time.Time // zero: not yet
}

// MemberQuests lists the active quests and those that a member completed, by
// key. Of an unknown member nothing is done.
func (e *Engine) MemberQuests(ctx context.Context, tenantID int64, member string) ([]QuestProgress, error) {
	m, _, err := tenant.MemberKey(ctx, e.db, tenantID, member) // nobody is 0
	if err != nil {
		return nil, pg.Fault(err)
	}
	progress, err := q.QuestProgressList(ctx, e.db, query.QuestProgressListParams{TenantID: tenantID, MemberID: m})
	if err != nil {
		return nil, pg.Fault(fmt.Errorf("read progress of quests: %w", err))
	}
	grants, err := q.QuestGrantList(ctx, e.db, query.QuestGrantListParams{TenantID: tenantID, MemberID: m})
	if err != nil {
		return nil, pg.Fault(fmt.Errorf("read completed quests: %w", err))
	}
	completed := make(map[string]time.Time, len(grants))
	for _, g := range grants {
		completed[g.QuestKey] = g.CompletedAt.UTC()
	}
	type step struct {
		quest  int64
		action string
	}
	done := make(map[step]int, len(progress))
	for _, p := range progress {
		done[step{p.QuestID, p.ActionKey}] = int(p.Done)
	}
	_, r, err := e.current(ctx, tenantID)
	if err != nil {
		return nil, err
	}
	var list []QuestProgress
	for _, quest := range r.Quests {
		p := QuestProgress{Quest: quest, CompletedAt: completed[quest.Key], Done: make([]int, len(quest.Steps))}
		if !quest.Active && p.CompletedAt.IsZero() {
			continue
		}
		for i, s := range quest.Steps {
			p.Done[i] = done[step{quest.ID, s.ActionKey}]
			if !p.CompletedAt.IsZero() {
				p.Done[i] = s.Count
			}
		}
		list = append(list, p)
	}
	return list, nil
}

// nullable stores the zero time as null.
func nullable(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
