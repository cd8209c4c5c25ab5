package management

import (
	"context"

	"github.com/oapi-codegen/nullable"

	gen "github.com/incent-dev/incent/gen/management"
	"github.com/incent-dev/incent/internal/httpapi"
	"github.com/incent-dev/incent/internal/once"
	"github.com/incent-dev/incent/internal/referral"
	"github.com/incent-dev/incent/internal/wire"
)

// ListCampaigns lists campaigns, newest first.
func (a *API) ListCampaigns(ctx context.Context, r gen.ListCampaignsRequestObject) (gen.ListCampaignsResponseObject, error) {
	page, limit := httpapi.Page(r.Params.Page, r.Params.Limit)
	var state referral.CampaignState
	assign(&state, r.Params.State, campaignState)
	list, total, err := a.referral.Campaigns(ctx, httpapi.Caller(ctx).Tenant, state, limit, (page-1)*limit)
	if err != nil {
		return nil, err
	}
	return gen.ListCampaigns200JSONResponse{Body: gen.CampaignList{Data: views(list, campaign), Pagination: pagination(page, limit, total)}}, nil
}

// CreateCampaign makes a campaign.
func (a *API) CreateCampaign(ctx context.Context, r gen.CreateCampaignRequestObject) (gen.CreateCampaignResponseObject, error) {
	c := referral.Campaign{Name: r.Body.Name, State: referral.Active, Rule: referral.DefaultRule()}
	assign(&c.ID, r.Body.Id, same)
	change, err := campaignChange(gen.UpdateCampaignRequest{
		State: r.Body.State, StartsAt: r.Body.StartsAt, EndsAt: r.Body.EndsAt, Budget: r.Body.Budget, Rule: &r.Body.Rule,
	})
	if err != nil {
		return nil, err
	}
	change(&c)
	view := func(c referral.Campaign) gen.CreateCampaignResponseObject {
		return gen.CreateCampaign201JSONResponse{Body: campaign(c)}
	}
	return httpapi.Mutate(ctx, view, gen.CreateCampaignResponseObject.VisitCreateCampaignResponse,
		func(t *once.Ticket) (referral.Campaign, error) {
			return a.referral.CreateCampaign(ctx, httpapi.Caller(ctx).Tenant, c, t)
		})
}

// GetCampaign reads one campaign.
func (a *API) GetCampaign(ctx context.Context, r gen.GetCampaignRequestObject) (gen.GetCampaignResponseObject, error) {
	c, err := a.referral.Campaign(ctx, httpapi.Caller(ctx).Tenant, r.CampaignId)
	if err != nil {
		return nil, err
	}
	return gen.GetCampaign200JSONResponse{Body: campaign(c)}, nil
}

// UpdateCampaign changes a campaign.
func (a *API) UpdateCampaign(ctx context.Context, r gen.UpdateCampaignRequestObject) (gen.UpdateCampaignResponseObject, error) {
	change, err := campaignChange(*r.Body)
	if err != nil {
		return nil, err
	}
	view := func(c referral.Campaign) gen.UpdateCampaignResponseObject {
		return gen.UpdateCampaign200JSONResponse{Body: campaign(c)}
	}
	return httpapi.Mutate(ctx, view, gen.UpdateCampaignResponseObject.VisitUpdateCampaignResponse,
		func(t *once.Ticket) (referral.Campaign, error) {
			return a.referral.UpdateCampaign(ctx, httpapi.Caller(ctx).Tenant, r.CampaignId, change, t)
		})
}

// ListCampaignVersions lists a campaign's rules, newest first.
func (a *API) ListCampaignVersions(ctx context.Context, r gen.ListCampaignVersionsRequestObject) (gen.ListCampaignVersionsResponseObject, error) {
	page, limit := httpapi.Page(r.Params.Page, r.Params.Limit)
	list, total, err := a.referral.Versions(ctx, httpapi.Caller(ctx).Tenant, r.CampaignId, limit, (page-1)*limit)
	if err != nil {
		return nil, err
	}
	view := func(v referral.Version) gen.CampaignVersion {
		return gen.CampaignVersion{Version: v.Number, Rule: rule(v.Rule), CreatedAt: wire.Millis(v.CreatedAt)}
	}
	return gen.ListCampaignVersions200JSONResponse{
		Body: gen.CampaignVersionList{Data: views(list, view), Pagination: pagination(page, limit, total)},
	}, nil
}

// SimulateConversion says what a conversion would pay.
func (a *API) SimulateConversion(ctx context.Context, r gen.SimulateConversionRequestObject) (gen.SimulateConversionResponseObject, error) {
	trial := referral.Trial{Rewarded: r.Body.RewardedConversions}
	assign(&trial.Referrer, r.Body.ReferrerId, same)
	assign(&trial.Referee, r.Body.RefereeId, same)
	if r.Body.Amount != nil {
		amount, err := r.Body.Amount.Minor()
		if err != nil {
			return nil, outOfRange("amount")
		}
		minor := int64(amount)
		trial.AmountMinor = &minor
	}
	view := func(s referral.Simulation) gen.SimulateConversionResponseObject {
		return gen.SimulateConversion200JSONResponse{Body: gen.Simulation{
			CampaignId: s.Campaign.ID, Version: s.Campaign.Version, Accepted: s.Runs, RewardedConversions: s.Rewarded,
			Referrer: earning(s.Referrer, s.Campaign.Rule.Referrer), Referee: earning(s.Referee, s.Campaign.Rule.Referee),
		}}
	}
	return httpapi.Mutate(ctx, view, gen.SimulateConversionResponseObject.VisitSimulateConversionResponse,
		func(t *once.Ticket) (referral.Simulation, error) {
			return a.referral.Simulate(ctx, httpapi.Caller(ctx).Tenant, r.CampaignId, trial, t)
		})
}

// CreateVanityCode gives a referrer a chosen code.
func (a *API) CreateVanityCode(ctx context.Context, r gen.CreateVanityCodeRequestObject) (gen.CreateVanityCodeResponseObject, error) {
	v := referral.Vanity{CampaignID: r.CampaignId, Code: r.Body.Code, Referrer: r.Body.ReferrerId}
	assign(&v.Username, r.Body.ReferrerUsername, same)
	view := func(r referral.Referral) gen.CreateVanityCodeResponseObject {
		return gen.CreateVanityCode201JSONResponse{Body: gen.VanityCode{
			ReferralId: r.PublicID(), CampaignId: r.CampaignID, Code: r.Code, ReferrerId: r.Referrer, CreatedAt: wire.Millis(r.CreatedAt),
		}}
	}
	return httpapi.Mutate(ctx, view, gen.CreateVanityCodeResponseObject.VisitCreateVanityCodeResponse,
		func(t *once.Ticket) (referral.Referral, error) {
			return a.referral.CreateVanity(ctx, httpapi.Caller(ctx).Tenant, v, t)
		})
}

func earning(e referral.Earning, s *referral.Side) gen.Earning {
	out := gen.Earning{
		Value: wire.Money(e.ValueMinor), Units: e.Units, Asset: orNull[gen.PayoutAsset](nil), FulfillmentType: orNull[gen.FulfillmentType](nil),
		Reason: orNull[gen.EarningReason](nil), Steps: e.Steps,
	}
	if s != nil {
		out.Asset = nullable.NewNullableWithValue(gen.PayoutAsset(s.Asset.String()))
		out.FulfillmentType = nullable.NewNullableWithValue(gen.FulfillmentType(s.Fulfilment))
	}
	if !e.Pays() {
		out.Reason = nullable.NewNullableWithValue(gen.EarningReason(e.Reason))
	}
	return out
}

func campaignState(s gen.CampaignState) referral.CampaignState { return referral.CampaignState(s) }

func campaign(c referral.Campaign) gen.Campaign {
	out := gen.Campaign{
		Id: c.ID, Name: c.Name, State: gen.CampaignState(c.State), StartsAt: maybe(c.StartsAt), EndsAt: maybe(c.EndsAt), Version: c.Version,
		Budget: orNull[wire.Money](nil), BudgetSpent: orNull[wire.Money](nil), Rule: rule(c.Rule),
		CreatedAt: wire.Millis(c.CreatedAt), UpdatedAt: wire.Millis(c.UpdatedAt),
	}
	if c.BudgetMinor != nil {
		out.Budget = nullable.NewNullableWithValue(wire.Money(*c.BudgetMinor))
		out.BudgetSpent = nullable.NewNullableWithValue(wire.Money(c.SpentMinor))
	}
	return out
}
