package management

import (
	"context"

	gen "github.com/incent-dev/incent/gen/management"
	"github.com/incent-dev/incent/internal/httpapi"
	"github.com/incent-dev/incent/internal/incentive"
	"github.com/incent-dev/incent/internal/once"
	"github.com/incent-dev/incent/internal/wire"
)

// ListMilestones lists the milestones, by key.
func (a *API) ListMilestones(ctx context.Context, r gen.ListMilestonesRequestObject) (gen.ListMilestonesResponseObject, error) {
	page, limit := httpapi.Page(r.Params.Page, r.Params.Limit)
	list, err := a.incentive.Milestones(ctx, httpapi.Caller(ctx).Tenant)
	if err != nil {
		return nil, err
	}
	from := min((page-1)*limit, len(list))
	shown := list[from:min(from+limit, len(list))]
	return gen.ListMilestones200JSONResponse{Body: gen.MilestoneList{
		Data:       views(shown, func(m *incentive.Milestone) gen.Milestone { return milestone(*m) }),
		Pagination: pagination(page, limit, int64(len(list))),
	}}, nil
}

// CreateMilestone makes a milestone.
func (a *API) CreateMilestone(ctx context.Context, r gen.CreateMilestoneRequestObject) (gen.CreateMilestoneResponseObject, error) {
	m := incentive.Milestone{
		Key: r.Body.Key, Name: r.Body.Name, Type: incentive.MilestoneType(r.Body.Type), Threshold: r.Body.Threshold,
		ActionKey: orNil(r.Body.ActionKey), BadgeKey: orNil(r.Body.BadgeKey), Active: true,
	}
	assign(&m.Coins, r.Body.Points, same)
	assign(&m.Active, r.Body.Active, same)
	view := func(m incentive.Milestone) gen.CreateMilestoneResponseObject {
		return gen.CreateMilestone201JSONResponse{Body: milestone(m)}
	}
	return httpapi.Mutate(ctx, view, gen.CreateMilestoneResponseObject.VisitCreateMilestoneResponse,
		func(t *once.Ticket) (incentive.Milestone, error) {
			return a.incentive.CreateMilestone(ctx, httpapi.Caller(ctx).Tenant, m, t)
		})
}

// GetMilestone reads one milestone.
func (a *API) GetMilestone(ctx context.Context, r gen.GetMilestoneRequestObject) (gen.GetMilestoneResponseObject, error) {
	m, err := a.incentive.Milestone(ctx, httpapi.Caller(ctx).Tenant, r.MilestoneKey)
	if err != nil {
		return nil, err
	}
	return gen.GetMilestone200JSONResponse{Body: milestone(m)}, nil
}

// UpdateMilestone changes a milestone.
func (a *API) UpdateMilestone(ctx context.Context, r gen.UpdateMilestoneRequestObject) (gen.UpdateMilestoneResponseObject, error) {
	change := func(m *incentive.Milestone) {
		assign(&m.Name, r.Body.Name, same)
		assign(&m.Threshold, r.Body.Threshold, same)
		assign(&m.Coins, r.Body.Points, same)
		set(&m.BadgeKey, r.Body.BadgeKey)
		assign(&m.Active, r.Body.Active, same)
	}
	view := func(m incentive.Milestone) gen.UpdateMilestoneResponseObject {
		return gen.UpdateMilestone200JSONResponse{Body: milestone(m)}
	}
	return httpapi.Mutate(ctx, view, gen.UpdateMilestoneResponseObject.VisitUpdateMilestoneResponse,
		func(t *once.Ticket) (incentive.Milestone, error) {
			return a.incentive.UpdateMilestone(ctx, httpapi.Caller(ctx).Tenant, r.MilestoneKey, change, t)
		})
}

// DeleteMilestone removes a milestone.
func (a *API) DeleteMilestone(ctx context.Context, r gen.DeleteMilestoneRequestObject) (gen.DeleteMilestoneResponseObject, error) {
	if err := a.incentive.DeleteMilestone(ctx, httpapi.Caller(ctx).Tenant, r.MilestoneKey); err != nil {
		return nil, err
	}
	return gen.DeleteMilestone200JSONResponse{Body: gen.Success{Success: true}}, nil
}

func milestone(m incentive.Milestone) gen.Milestone {
	return gen.Milestone{
		Key: m.Key, Name: m.Name, Type: gen.MilestoneType(m.Type), Threshold: m.Threshold, ActionKey: orNull(m.ActionKey), Points: m.Coins,
		BadgeKey: orNull(m.BadgeKey), Active: m.Active, CreatedAt: wire.Millis(m.CreatedAt), UpdatedAt: wire.Millis(m.UpdatedAt),
	}
}
