package incenta

import (
	"context"

	"github.com/oapi-codegen/nullable"

	gen "github.com/incent-dev/incent/gen/incenta"
	"github.com/incent-dev/incent/internal/httpapi"
	"github.com/incent-dev/incent/internal/incentive"
	"github.com/incent-dev/incent/internal/once"
	"github.com/incent-dev/incent/internal/wire"
)

// ListActions lists all actions, by key.
func (a *API) ListActions(ctx context.Context, _ gen.ListActionsRequestObject) (gen.ListActionsResponseObject, error) {
	actions, err := a.incentive.Actions(ctx, httpapi.Caller(ctx).Tenant)
	if err != nil {
		return nil, err
	}
	return gen.ListActions200JSONResponse{Body: views(actions, actionView)}, nil
}

// CreateAction defines an action.
func (a *API) CreateAction(ctx context.Context, r gen.CreateActionRequestObject) (gen.CreateActionResponseObject, error) {
	n := incentive.Action{
		Key: r.Body.Key, Name: r.Body.Name, Description: r.Body.Description, Type: incentive.Type(r.Body.Type),
		Pay: incentive.Pay{Coins: orZero(r.Body.Coins), XP: orZero(r.Body.Xp), Tokens: orZero(r.Body.Tokens)}, Cooldown: orZero(r.Body.Cooldown), Active: true,
	}
	if r.Body.Active != nil {
		n.Active = *r.Body.Active
	}
	change(&n.MaxRepeats, r.Body.MaxRepeats)
	changeStreak(&n.Streak, r.Body.Streak)
	view := func(made *incentive.Action) gen.CreateActionResponseObject {
		return gen.CreateAction201JSONResponse{Body: actionView(made)}
	}
	return httpapi.Mutate(ctx, view, gen.CreateActionResponseObject.VisitCreateActionResponse,
		func(t *once.Ticket) (*incentive.Action, error) {
			return a.incentive.CreateAction(ctx, httpapi.Caller(ctx).Tenant, n, t)
		})
}

// UpdateAction changes an action.
func (a *API) UpdateAction(ctx context.Context, r gen.UpdateActionRequestObject) (gen.UpdateActionResponseObject, error) {
	view := func(changed *incentive.Action) gen.UpdateActionResponseObject {
		return gen.UpdateAction200JSONResponse{Body: actionView(changed)}
	}
	return httpapi.Mutate(ctx, view, gen.UpdateActionResponseObject.VisitUpdateActionResponse,
		func(t *once.Ticket) (*incentive.Action, error) {
			return a.incentive.UpdateAction(ctx, httpapi.Caller(ctx).Tenant, r.Key, func(x *incentive.Action) { patchAction(x, r.Body) }, t)
		})
}

func patchAction(x *incentive.Action, p *gen.ActionPatch) {
	assign(&x.Name, p.Name)
	assign((*gen.ActionType)(&x.Type), p.Type)
	assign(&x.Pay.Coins, p.Coins)
	assign(&x.Pay.XP, p.Xp)
	assign(&x.Pay.Tokens, p.Tokens)
	assign(&x.Cooldown, p.Cooldown)
	assign(&x.Active, p.Active)
	change(&x.MaxRepeats, p.MaxRepeats)
	change(&x.Description, p.Description)
	changeStreak(&x.Streak, p.Streak)
}

func changeStreak(to **incentive.StreakRule, sent nullable.Nullable[gen.StreakRule]) {
	if !sent.IsSpecified() {
		return
	}
	*to = nil
	if rule, err := sent.Get(); err == nil {
		s := &incentive.StreakRule{Period: incentive.Period(rule.Period)}
		for _, w := range rule.Rewards {
			s.Rewards = append(s.Rewards, incentive.StreakReward{Length: int(w.Length), Coins: orZero(w.Coins), XP: orZero(w.Xp), Tokens: orZero(w.Tokens)})
		}
		*to = s
	}
}

func actionView(a *incentive.Action) gen.Action {
	out := gen.Action{
		Id: a.PublicID(), Key: a.Key, Name: a.Name, Type: gen.ActionType(a.Type), Coins: a.Pay.Coins, Xp: a.Pay.XP, Tokens: a.Pay.Tokens,
		Cooldown: a.Cooldown, MaxRepeats: orNull(a.MaxRepeats), Active: a.Active, Description: orNull(a.Description),
		Streak: nullable.NewNullNullable[gen.StreakRule](), CreatedAt: wire.Millis(a.CreatedAt), UpdatedAt: wire.Millis(a.UpdatedAt),
	}
	if a.Streak == nil {
		return out
	}
	rule := gen.StreakRule{Period: gen.StreakPeriod(a.Streak.Period), Rewards: make([]gen.StreakReward, len(a.Streak.Rewards))}
	for i, w := range a.Streak.Rewards {
		rule.Rewards[i] = gen.StreakReward{Length: int32(w.Length), Coins: &w.Coins, Xp: &w.XP, Tokens: &w.Tokens}
	}
	out.Streak = nullable.NewNullableWithValue(rule)
	return out
}

func orZero(n *int64) int64 {
	if n == nil {
		return 0
	}
	return *n
}
