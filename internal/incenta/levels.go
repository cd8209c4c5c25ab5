package incenta

import (
	"context"

	gen "github.com/incent-dev/incent/gen/incenta"
	"github.com/incent-dev/incent/internal/httpapi"
	"github.com/incent-dev/incent/internal/incentive"
	"github.com/incent-dev/incent/internal/once"
	"github.com/incent-dev/incent/internal/wire"
)

// ListLevels lists the levels, lowest first.
func (a *API) ListLevels(ctx context.Context, _ gen.ListLevelsRequestObject) (gen.ListLevelsResponseObject, error) {
	list, err := a.incentive.Levels(ctx, httpapi.Caller(ctx).Tenant)
	if err != nil {
		return nil, err
	}
	return gen.ListLevels200JSONResponse{Body: views(list, func(l *incentive.Level) gen.Level { return level(*l) })}, nil
}

// CreateLevel makes a level.
func (a *API) CreateLevel(ctx context.Context, r gen.CreateLevelRequestObject) (gen.CreateLevelResponseObject, error) {
	l := incentive.Level{Level: int(r.Body.Level), Name: orEmpty(r.Body.Name), XPThreshold: r.Body.XpThreshold}
	assign(&l.Coins, r.Body.Coins)
	assign(&l.Perks, r.Body.Perks)
	change(&l.BadgeKey, r.Body.BadgeKey)
	view := func(l incentive.Level) gen.CreateLevelResponseObject {
		return gen.CreateLevel201JSONResponse{Body: level(l)}
	}
	return httpapi.Mutate(ctx, view, gen.CreateLevelResponseObject.VisitCreateLevelResponse,
		func(t *once.Ticket) (incentive.Level, error) {
			return a.incentive.CreateLevel(ctx, httpapi.Caller(ctx).Tenant, l, t)
		})
}

// UpdateLevel changes a level.
func (a *API) UpdateLevel(ctx context.Context, r gen.UpdateLevelRequestObject) (gen.UpdateLevelResponseObject, error) {
	patch := func(l *incentive.Level) {
		assign(&l.Name, r.Body.Name)
		assign(&l.XPThreshold, r.Body.XpThreshold)
		assign(&l.Coins, r.Body.Coins)
		assign(&l.Perks, r.Body.Perks)
		change(&l.BadgeKey, r.Body.BadgeKey)
	}
	view := func(l incentive.Level) gen.UpdateLevelResponseObject {
		return gen.UpdateLevel200JSONResponse{Body: level(l)}
	}
	return httpapi.Mutate(ctx, view, gen.UpdateLevelResponseObject.VisitUpdateLevelResponse,
		func(t *once.Ticket) (incentive.Level, error) {
			return a.incentive.UpdateLevel(ctx, httpapi.Caller(ctx).Tenant, int(r.Level), patch, t)
		})
}

// DeleteLevel removes a level.
func (a *API) DeleteLevel(ctx context.Context, r gen.DeleteLevelRequestObject) (gen.DeleteLevelResponseObject, error) {
	if err := a.incentive.DeleteLevel(ctx, httpapi.Caller(ctx).Tenant, int(r.Level)); err != nil {
		return nil, err
	}
	return gen.DeleteLevel200JSONResponse{Body: gen.Success{Success: true}}, nil
}

func level(l incentive.Level) gen.Level {
	return gen.Level{
		Id: l.PublicID(), Level: int32(l.Level), Name: l.Name, XpThreshold: l.XPThreshold, Coins: l.Coins, BadgeKey: orNull(l.BadgeKey),
		Perks: append(gen.Perks{}, l.Perks...), CreatedAt: wire.Millis(l.CreatedAt), UpdatedAt: wire.Millis(l.UpdatedAt),
	}
}
