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

func (b Badge) check() error {
	if b.ImageURL != nil {
		if err := checkText("imageUrl", *b.ImageURL, maxURL); err != nil {
			return err
		}
	}
	err := first(checkText("key", b.Key, maxKey), checkText("name", b.Name, maxName), checkOptional("description", b.Description, maxDescription))
	if err != nil || b.Criteria == nil {
		return err
	}
	switch c := b.Criteria; {
	case c.Type != ActionCount && c.Type != XPBalance:
		return fault.Field("criteria.type", "must be %s or %s", ActionCount, XPBalance)
	case c.Type == ActionCount && c.ActionKey == "":
		return fault.Field("criteria.actionKey", "is required with %s", ActionCount)
	case c.Type == XPBalance && c.ActionKey != "":
		return fault.Field("criteria.actionKey", "goes with %s only", ActionCount)
	}
	return checkThreshold("criteria.threshold", b.Criteria.Threshold)
}

// checkCriteria refuses criteria that count an action that there is not.
func (r *Rules) checkCriteria(c *Criteria) error {
	if c == nil || c.Type != ActionCount {
		return nil
	}
	return r.checkAction("criteria.actionKey", c.ActionKey)
}

// row is how criteria are stored.
func (c *Criteria) row() (kind, action *string, threshold *int64) {
	if c == nil {
		return nil, nil, nil
	}
	if c.ActionKey != "" {
		action = &c.ActionKey
	}
	return (*string)(&c.Type), action, &c.Threshold
}

// Badges lists the badges, by key.
func (e *Engine) Badges(ctx context.Context, tenantID int64) ([]*Badge, error) {
	_, r, err := e.current(ctx, tenantID)
	if err != nil {
		return nil, err
	}
	return r.Badges, nil
}

// CreateBadge makes a badge.
func (e *Engine) CreateBadge(ctx context.Context, tenantID int64, b Badge, ticket *once.Ticket) (Badge, error) {
	return define(ctx, e, tenantID, ticket, func(ctx context.Context, tx pg.Tx, t tenant.Tenant, r *Rules) (Badge, error) {
		if err := b.check(); err != nil {
			return Badge{}, err
		}
		if r.Badge(b.Key) != nil {
			return Badge{}, taken("badge", "key")
		}
		if err := first(atMost(len(r.Badges), "badges"), r.checkCriteria(b.Criteria)); err != nil {
			return Badge{}, err
		}
		made := b
		made.ID, made.CreatedAt, made.UpdatedAt = pg.NewKey(), t.Now(), t.Now()
		kind, action, threshold := made.Criteria.row()
		err := q.BadgeInsert(ctx, tx, query.BadgeInsertParams{
			TenantID: tenantID, Key: made.Key, ID: made.ID, Name: made.Name, Description: made.Description, ImageUrl: made.ImageURL,
			CriteriaType: kind, CriteriaAction: action, CriteriaThreshold: threshold, Active: made.Active, CreatedAt: made.CreatedAt,
		})
		if err != nil {
			return Badge{}, fmt.Errorf("insert badge: %w", err)
		}
		return made, nil
	})
}

// UpdateBadge changes a copy of a badge and stores it. change replaces the
// criteria, never what they point to.
func (e *Engine) UpdateBadge(ctx context.Context, tenantID int64, key string, change func(*Badge), ticket *once.Ticket) (Badge, error) {
	return define(ctx, e, tenantID, ticket, func(ctx context.Context, tx pg.Tx, t tenant.Tenant, r *Rules) (Badge, error) {
		was := r.Badge(key)
		if was == nil {
			return Badge{}, fault.Missing("badge")
		}
		b := *was
		change(&b)
		if err := first(b.check(), r.checkCriteria(b.Criteria)); err != nil {
			return Badge{}, err
		}
		b.UpdatedAt = t.Now()
		kind, action, threshold := b.Criteria.row()
		err := q.BadgeUpdate(ctx, tx, query.BadgeUpdateParams{
			TenantID: tenantID, Key: b.Key, Name: b.Name, Description: b.Description, ImageUrl: b.ImageURL,
			CriteriaType: kind, CriteriaAction: action, CriteriaThreshold: threshold, Active: b.Active, UpdatedAt: b.UpdatedAt,
		})
		if err != nil {
			return Badge{}, fmt.Errorf("store badge: %w", err)
		}
		return b, nil
	})
}
