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

// ListBadges lists the badges, by key.
func (a *API) ListBadges(ctx context.Context, _ gen.ListBadgesRequestObject) (gen.ListBadgesResponseObject, error) {
	list, err := a.incentive.Badges(ctx, httpapi.Caller(ctx).Tenant)
	if err != nil {
		return nil, err
	}
	return gen.ListBadges200JSONResponse{Body: views(list, func(b *incentive.Badge) gen.Badge { return badge(*b) })}, nil
}

// CreateBadge makes a badge.
func (a *API) CreateBadge(ctx context.Context, r gen.CreateBadgeRequestObject) (gen.CreateBadgeResponseObject, error) {
	b := incentive.Badge{Key: r.Body.Key, Name: r.Body.Name, Description: r.Body.Description, ImageURL: r.Body.ImageUrl, Active: true}
	assign(&b.Active, r.Body.Active)
	setCriteria(&b, r.Body.Criteria)
	view := func(b incentive.Badge) gen.CreateBadgeResponseObject {
		return gen.CreateBadge201JSONResponse{Body: badge(b)}
	}
	return httpapi.Mutate(ctx, view, gen.CreateBadgeResponseObject.VisitCreateBadgeResponse,
		func(t *once.Ticket) (incentive.Badge, error) {
			return a.incentive.CreateBadge(ctx, httpapi.Caller(ctx).Tenant, b, t)
		})
}

// UpdateBadge changes a badge.
func (a *API) UpdateBadge(ctx context.Context, r gen.UpdateBadgeRequestObject) (gen.UpdateBadgeResponseObject, error) {
	patch := func(b *incentive.Badge) {
		assign(&b.Name, r.Body.Name)
		assign(&b.Active, r.Body.Active)
		change(&b.Description, r.Body.Description)
		change(&b.ImageURL, r.Body.ImageUrl)
		setCriteria(b, r.Body.Criteria)
	}
	view := func(b incentive.Badge) gen.UpdateBadgeResponseObject {
		return gen.UpdateBadge200JSONResponse{Body: badge(b)}
	}
	return httpapi.Mutate(ctx, view, gen.UpdateBadgeResponseObject.VisitUpdateBadgeResponse,
		func(t *once.Ticket) (incentive.Badge, error) {
			return a.incentive.UpdateBadge(ctx, httpapi.Caller(ctx).Tenant, r.Key, patch, t)
		})
}

// ListUserBadges lists what a member has, newest first.
func (a *API) ListUserBadges(ctx context.Context, r gen.ListUserBadgesRequestObject) (gen.ListUserBadgesResponseObject, error) {
	list, err := a.incentive.MemberBadges(ctx, httpapi.Caller(ctx).Tenant, r.UserId)
	if err != nil {
		return nil, err
	}
	return gen.ListUserBadges200JSONResponse{Body: views(list, earnedBadge)}, nil
}

// AwardBadge gives a badge to a member.
func (a *API) AwardBadge(ctx context.Context, r gen.AwardBadgeRequestObject) (gen.AwardBadgeResponseObject, error) {
	view := func(b incentive.EarnedBadge) gen.AwardBadgeResponseObject {
		if b.New {
			return gen.AwardBadge201JSONResponse{Body: earnedBadge(b)}
		}
		return gen.AwardBadge200JSONResponse{Body: earnedBadge(b)}
	}
	return httpapi.Mutate(ctx, view, gen.AwardBadgeResponseObject.VisitAwardBadgeResponse,
		func(t *once.Ticket) (incentive.EarnedBadge, error) {
			return a.incentive.AwardBadge(ctx, httpapi.Caller(ctx).Tenant, r.Body.UserId, r.Body.BadgeKey, t)
		})
}

// RevokeBadge takes a badge from a member.
func (a *API) RevokeBadge(ctx context.Context, r gen.RevokeBadgeRequestObject) (gen.RevokeBadgeResponseObject, error) {
	view := func(struct{}) gen.RevokeBadgeResponseObject {
		return gen.RevokeBadge200JSONResponse{Body: gen.Success{Success: true}}
	}
	return httpapi.Mutate(ctx, view, gen.RevokeBadgeResponseObject.VisitRevokeBadgeResponse,
		func(t *once.Ticket) (struct{}, error) {
			return struct{}{}, a.incentive.RevokeBadge(ctx, httpapi.Caller(ctx).Tenant, r.Body.UserId, r.Body.BadgeKey, t)
		})
}

func setCriteria(b *incentive.Badge, given nullable.Nullable[gen.BadgeCriteria]) {
	if !given.IsSpecified() {
		return
	}
	b.Criteria = nil
	if c, err := given.Get(); err == nil {
		b.Criteria = &incentive.Criteria{Type: incentive.CriteriaType(c.Type), ActionKey: orEmpty(c.ActionKey), Threshold: c.Threshold}
	}
}

func badge(b incentive.Badge) gen.Badge {
	out := gen.Badge{
		Id: b.PublicID(), Key: b.Key, Name: b.Name, Description: orNull(b.Description), ImageUrl: orNull(b.ImageURL), Active: b.Active,
		Criteria: nullable.NewNullNullable[gen.BadgeCriteria](), CreatedAt: wire.Millis(b.CreatedAt), UpdatedAt: wire.Millis(b.UpdatedAt),
	}
	if b.Criteria != nil {
		c := gen.BadgeCriteria{Type: gen.CriteriaType(b.Criteria.Type), Threshold: b.Criteria.Threshold}
		if b.Criteria.ActionKey != "" {
			c.ActionKey = &b.Criteria.ActionKey
		}
		out.Criteria = nullable.NewNullableWithValue(c)
	}
	return out
}

func earnedBadge(b incentive.EarnedBadge) gen.EarnedBadge {
	return gen.EarnedBadge{
		Id: b.PublicID(), Key: b.Key, Name: b.Name, Description: orNull(b.Description), ImageUrl: orNull(b.ImageURL),
		Source: gen.BadgeSource(b.Source), EarnedAt: wire.Millis(b.EarnedAt),
	}
}
