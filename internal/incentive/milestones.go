package incentive

import (
	"context"
	"fmt"

	"github.com/incent-dev/incent/gen/query"
	"github.com/incent-dev/incent/internal/fault"
	"github.com/incent-dev/incent/internal/once"
	"github.com/incent-dev/incent/internal/pg"
	"github.com/incent-dev/incent/internal/tenant"
)

func (m Milestone) check() error {
	switch m.Type {
	case ActionsDone:
		if m.ActionKey == nil || *m.ActionKey == "" {
			return fault.Field("actionKey", "is required with %s", ActionsDone)
		}
	case XPReached, Referrals, Conversions, PointsEarned:
		if m.ActionKey != nil {
			return fault.Field("actionKey", "goes with %s only", ActionsDone)
		}
	default:
		return fault.Field("type", "must be %s, %s, %s, %s or %s", XPReached, ActionsDone, Referrals, Conversions, PointsEarned)
	}
	return first(checkText("key", m.Key, maxKey), checkText("name", m.Name, maxName), checkThreshold("threshold", m.Threshold),
		checkUnits("points", m.Coins))
}

// milestone finds a milestone by its key; nil when there is none.
func (r *Rules) milestone(key string) *Milestone {
	for _, m := range r.Milestones {
		if m.Key == key {
			return m
		}
	}
	return nil
}

// Milestones lists the milestones, by key.
func (e *Engine) Milestones(ctx context.Context, tenantID int64) ([]*Milestone, error) {
	_, r, err := e.current(ctx, tenantID)
	if err != nil {
		return nil, err
	}
	return r.Milestones, nil
}

// Milestone reads one milestone.
func (e *Engine) Milestone(ctx context.Context, tenantID int64, key string) (Milestone, error) {
	_, r, err := e.current(ctx, tenantID)
	if err != nil {
		return Milestone{}, err
	}
	if m := r.milestone(key); m != nil {
		return *m, nil
	}
	return Milestone{}, fault.Missing("milestone")
}

// CreateMilestone makes a milestone.
func (e *Engine) CreateMilestone(ctx context.Context, tenantID int64, m Milestone, ticket *once.Ticket) (Milestone, error) {
	return define(ctx, e, tenantID, ticket, func(ctx context.Context, tx pg.Tx, t tenant.Tenant, r *Rules) (Milestone, error) {
		if err := m.check(); err != nil {
			return Milestone{}, err
		}
		if r.milestone(m.Key) != nil {
			return Milestone{}, taken("milestone", "key")
		}
		if err := first(atMost(len(r.Milestones), "milestones"), r.checkBadge(m.BadgeKey)); err != nil {
			return Milestone{}, err
		}
		if m.ActionKey != nil {
			if err := r.checkAction("actionKey", *m.ActionKey); err != nil {
				return Milestone{}, err
			}
		}
		made := m
		made.ID, made.CreatedAt, made.UpdatedAt = pg.NewKey(), t.Now(), t.Now()
		err := q.MilestoneInsert(ctx, tx, query.MilestoneInsertParams{
			TenantID: tenantID, Key: made.Key, ID: made.ID, Name: made.Name, Type: string(made.Type), ActionKey: made.ActionKey,
			Threshold: made.Threshold, Coins: made.Coins, BadgeKey: made.BadgeKey, Active: made.Active, CreatedAt: made.CreatedAt,
		})
		if err != nil {
			return Milestone{}, fmt.Errorf("insert milestone: %w", err)
		}
		return made, nil
	})
}

// UpdateMilestone changes a copy of a milestone and stores it; type and action
// stay.
func (e *Engine) UpdateMilestone(ctx context.Context, tenantID int64, key string, change func(*Milestone), ticket *once.Ticket) (Milestone, error) {
	return define(ctx, e, tenantID, ticket, func(ctx context.Context, tx pg.Tx, t tenant.Tenant, r *Rules) (Milestone, error) {
		was := r.milestone(key)
		if was == nil {
			return Milestone{}, fault.Missing("milestone")
		}
		m := *was
		change(&m)
		if err := first(m.check(), r.checkBadge(m.BadgeKey)); err != nil {
			return Milestone{}, err
		}
		m.UpdatedAt = t.Now()
		err := q.MilestoneUpdate(ctx, tx, query.MilestoneUpdateParams{
			TenantID: tenantID, Key: m.Key, Name: m.Name, Threshold: m.Threshold, Coins: m.Coins, BadgeKey: m.BadgeKey, Active: m.Active,
			UpdatedAt: m.UpdatedAt,
		})
		if err != nil {
			return Milestone{}, fmt.Errorf("store milestone: %w", err)
		}
		return m, nil
	})
}

// DeleteMilestone removes a milestone. Who reached it keeps it, and does not
// reach another of the same key.
func (e *Engine) DeleteMilestone(ctx context.Context, tenantID int64, key string) error {
	_, err := edit(ctx, e, tenantID, nil, func(ctx context.Context, tx pg.Tx, _ tenant.Tenant) (struct{}, error) {
		found, err := q.MilestoneDelete(ctx, tx, query.MilestoneDeleteParams{TenantID: tenantID, Key: key})
		if err == nil && found == 0 {
			err = fault.Missing("milestone")
		}
		return struct{}{}, err
	})
	return err
}
