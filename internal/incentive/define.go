package incentive

import (
	"context"
	"unicode/utf8"

	"github.com/incent-dev/incent/internal/fault"
	"github.com/incent-dev/incent/internal/ledger"
	"github.com/incent-dev/incent/internal/once"
	"github.com/incent-dev/incent/internal/pg"
	"github.com/incent-dev/incent/internal/tenant"
)

// What a definition may be, in characters.
const (
	maxKey         = 255
	maxName        = 255
	maxDescription = 2_000
	maxURL         = 2_000
)

// define is edit for a change that looks at the rules as they are.
func define[T any](ctx context.Context, e *Engine, tenantID int64, ticket *once.Ticket, fn func(ctx context.Context, tx pg.Tx, t tenant.Tenant, r *Rules) (T, error)) (T, error) {
	return edit(ctx, e, tenantID, ticket, func(ctx context.Context, tx pg.Tx, t tenant.Tenant) (T, error) {
		// Not through Engine.Rules: what is not committed is no version yet.
		r, err := readDefinitions(ctx, tx, tenantID)
		if err != nil {
			var none T
			return none, err
		}
		return fn(ctx, tx, t, r.index())
	})
}

// current reads the rules in force, outside of any transaction.
func (e *Engine) current(ctx context.Context, tenantID int64) (tenant.Tenant, *Rules, error) {
	t, err := tenant.Get(ctx, e.db, tenantID)
	if err != nil {
		return t, nil, pg.Fault(err)
	}
	r, err := e.Rules(ctx, e.db, t)
	return t, r, pg.Fault(err)
}

func taken(what, field string) error {
	return fault.New(fault.Conflict, CodeAlreadyExists, "There is a %s with this %s already", what, field).About(field)
}

func checkText(field, text string, most int) error {
	if n := utf8.RuneCountInString(text); n == 0 || n > most {
		return fault.Field(field, "must have 1 to %d characters", most)
	}
	return nil
}

func checkOptional(field string, text *string, most int) error {
	if text != nil && utf8.RuneCountInString(*text) > most {
		return fault.Field(field, "must have at most %d characters", most)
	}
	return nil
}

func checkUnits(field string, n int64) error {
	if n < 0 || n > ledger.MaxAmount {
		return fault.Field(field, "must be between 0 and %d", int64(ledger.MaxAmount))
	}
	return nil
}

func checkThreshold(field string, n int64) error {
	if n < 1 || n > ledger.MaxAmount {
		return fault.Field(field, "must be between 1 and %d", int64(ledger.MaxAmount))
	}
	return nil
}

// first is the first of many checks that fails.
func first(checks ...error) error {
	for _, err := range checks {
		if err != nil {
			return err
		}
	}
	return nil
}

// checkBadge refuses to grant a badge that there is not.
func (r *Rules) checkBadge(key *string) error {
	if key != nil && r.Badge(*key) == nil {
		return fault.Missing("badge").About("badgeKey")
	}
	return nil
}

// checkAction refuses to count an action that there is not.
func (r *Rules) checkAction(field, key string) error {
	if r.Action(key) == nil {
		return fault.Missing("action").About(field)
	}
	return nil
}
