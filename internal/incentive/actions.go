package incentive

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"unicode/utf8"

	"github.com/incent-dev/incent/gen/query"
	"github.com/incent-dev/incent/internal/fault"
	"github.com/incent-dev/incent/internal/ledger"
	"github.com/incent-dev/incent/internal/once"
	"github.com/incent-dev/incent/internal/pg"
	"github.com/incent-dev/incent/internal/tenant"
)

const (
	// maxCooldown is ten years, in seconds.
	maxCooldown = 315_360_000

	// maxRepeatsLimit bounds maxRepeats where there is a limit.
	maxRepeatsLimit = 1_000_000_000

	// Streaks pay at a handful of lengths.
	maxStreakRewards = 50
	maxStreakLength  = 10_000

	maxActionText        = 255
	maxActionDescription = 2_000
)

// Actions lists all actions, by key.
func (e *Engine) Actions(ctx context.Context, tenantID int64) ([]*Action, error) {
	t, err := tenant.Get(ctx, e.db, tenantID)
	if err != nil {
		return nil, pg.Fault(err)
	}
	r, err := e.Rules(ctx, e.db, t)
	if err != nil {
		return nil, pg.Fault(err)
	}
	return r.Actions, nil
}

// CreateAction makes an action.
func (e *Engine) CreateAction(ctx context.Context, tenantID int64, a Action, ticket *once.Ticket) (*Action, error) {
	return edit(ctx, e, tenantID, ticket, func(ctx context.Context, tx pg.Tx, t tenant.Tenant) (*Action, error) {
		there, err := q.ActionList(ctx, tx, tenantID)
		if err != nil {
			return nil, fmt.Errorf("read actions: %w", err)
		}
		if slices.ContainsFunc(there, func(r query.Action) bool { return r.Key == a.Key }) {
			return nil, fault.New(fault.Conflict, CodeAlreadyExists, "There is an action with this key already").About("key")
		}
		if err := atMost(len(there), "actions"); err != nil {
			return nil, err
		}
		if err := a.check(); err != nil {
			return nil, err
		}
		a.ID, a.CreatedAt, a.UpdatedAt = pg.NewKey(), t.Now(), t.Now()
		err = q.ActionInsert(ctx, tx, query.ActionInsertParams{
			TenantID: tenantID, Key: a.Key, ID: a.ID, Name: a.Name, Description: a.Description, Type: string(a.Type), Coins: a.Pay.Coins, Xp: a.Pay.XP,
			Tokens: a.Pay.Tokens, Cooldown: a.Cooldown, MaxRepeats: a.MaxRepeats, Streak: streakJSON(a.Streak), Active: a.Active, CreatedAt: a.CreatedAt,
		})
		if err != nil {
			return nil, fmt.Errorf("insert action: %w", err)
		}
		return &a, nil
	})
}

// UpdateAction changes a copy of an action and stores it. What was earned before
// stays as it was.
func (e *Engine) UpdateAction(ctx context.Context, tenantID int64, key string, change func(*Action), ticket *once.Ticket) (*Action, error) {
	return edit(ctx, e, tenantID, ticket, func(ctx context.Context, tx pg.Tx, t tenant.Tenant) (*Action, error) {
		row, err := q.ActionGet(ctx, tx, query.ActionGetParams{TenantID: tenantID, Key: key})
		if pg.IsNoRows(err) {
			return nil, fault.Missing("action")
		}
		if err != nil {
			return nil, fmt.Errorf("read action: %w", err)
		}
		a, err := actionFromRow(row)
		if err != nil {
			return nil, err
		}
		change(a)
		if err := a.check(); err != nil {
			return nil, err
		}
		a.UpdatedAt = t.Now()
		err = q.ActionUpdate(ctx, tx, query.ActionUpdateParams{
			TenantID: tenantID, Key: a.Key, Name: a.Name, Description: a.Description, Type: string(a.Type), Coins: a.Pay.Coins, Xp: a.Pay.XP,
			Tokens: a.Pay.Tokens, Cooldown: a.Cooldown, MaxRepeats: a.MaxRepeats, Streak: streakJSON(a.Streak), Active: a.Active, UpdatedAt: a.UpdatedAt,
		})
		if err != nil {
			return nil, fmt.Errorf("store action: %w", err)
		}
		return a, nil
	})
}

func (a *Action) check() error {
	switch n := utf8.RuneCountInString(a.Key); {
	case n == 0 || n > maxActionText:
		return fault.Field("key", "must have 1 to %d characters", maxActionText)
	case a.Cooldown < 0 || a.Cooldown > maxCooldown:
		return fault.Field("cooldown", "must be between 0 and %d", maxCooldown)
	case a.MaxRepeats != nil && (*a.MaxRepeats < 1 || *a.MaxRepeats > maxRepeatsLimit):
		return fault.Field("maxRepeats", "must be between 1 and %d, or null", maxRepeatsLimit)
	}
	if n := utf8.RuneCountInString(a.Name); n == 0 || n > maxActionText {
		return fault.Field("name", "must have 1 to %d characters", maxActionText)
	}
	if a.Description != nil && utf8.RuneCountInString(*a.Description) > maxActionDescription {
		return fault.Field("description", "must have at most %d characters", maxActionDescription)
	}
	switch a.Type {
	case Standard, CodeGenerated, CodeClicked, RefereeActed:
	default:
		return fault.Field("type", "must be %s, %s, %s or %s", Standard, CodeGenerated, CodeClicked, RefereeActed)
	}
	if err := a.Pay.check(""); err != nil {
		return err
	}
	return a.Streak.check()
}

// check refuses what no account could take; in names what the members belong to.
func (p Pay) check(in string) error {
	for _, x := range []struct {
		name  string
		units int64
	}{{"coins", p.Coins}, {"xp", p.XP}, {"tokens", p.Tokens}} {
		if x.units < 0 || x.units > ledger.MaxAmount {
			return fault.Field(in+x.name, "must be between 0 and %d", int64(ledger.MaxAmount))
		}
	}
	return nil
}

// check brings the rewards into order, and refuses what cannot be paid.
func (s *StreakRule) check() error {
	if s == nil {
		return nil
	}
	if s.Period != Daily && s.Period != Weekly {
		return fault.Field("streak.period", "must be %s or %s", Daily, Weekly)
	}
	if n := len(s.Rewards); n == 0 || n > maxStreakRewards {
		return fault.Field("streak.rewards", "must have 1 to %d entries", maxStreakRewards)
	}
	slices.SortFunc(s.Rewards, func(a, b StreakReward) int { return cmp.Compare(a.Length, b.Length) })
	for i, w := range s.Rewards {
		at := fmt.Sprintf("streak.rewards[%d].", i)
		if w.Length < 2 || w.Length > maxStreakLength {
			return fault.Field(at+"length", "must be between 2 and %d", maxStreakLength)
		}
		if i > 0 && s.Rewards[i-1].Length == w.Length {
			return fault.Field("streak.rewards", "must have each length once")
		}
		if err := (Pay{w.Coins, w.XP, w.Tokens}).check(at); err != nil {
			return err
		}
	}
	return nil
}

func streakJSON(s *StreakRule) json.RawMessage {
	if s == nil {
		return nil
	}
	b, _ := json.Marshal(s) // numbers and a word: cannot fail
	return b
}
