package management

import (
	"context"

	gen "github.com/incent-dev/incent/gen/management"
	"github.com/incent-dev/incent/internal/httpapi"
	"github.com/incent-dev/incent/internal/once"
	"github.com/incent-dev/incent/internal/store"
	"github.com/incent-dev/incent/internal/wire"
)

// ListPartners lists partners, newest first.
func (a *API) ListPartners(ctx context.Context, r gen.ListPartnersRequestObject) (gen.ListPartnersResponseObject, error) {
	page, limit := httpapi.Page(r.Params.Page, r.Params.Limit)
	list, total, err := a.store.Partners(ctx, httpapi.Caller(ctx).Tenant, limit, (page-1)*limit)
	if err != nil {
		return nil, err
	}
	return gen.ListPartners200JSONResponse{Body: gen.PartnerList{Data: views(list, partner), Pagination: pagination(page, limit, total)}}, nil
}

// CreatePartner makes a partner.
func (a *API) CreatePartner(ctx context.Context, r gen.CreatePartnerRequestObject) (gen.CreatePartnerResponseObject, error) {
	view := func(p store.Partner) gen.CreatePartnerResponseObject {
		return gen.CreatePartner201JSONResponse{Body: partner(p)}
	}
	return httpapi.Mutate(ctx, view, gen.CreatePartnerResponseObject.VisitCreatePartnerResponse,
		func(t *once.Ticket) (store.Partner, error) {
			return a.store.CreatePartner(ctx, httpapi.Caller(ctx).Tenant, store.Partner{Name: r.Body.Name, Website: orNil(r.Body.Website)}, t)
		})
}

// GetPartner reads one partner.
func (a *API) GetPartner(ctx context.Context, r gen.GetPartnerRequestObject) (gen.GetPartnerResponseObject, error) {
	p, err := a.store.Partner(ctx, httpapi.Caller(ctx).Tenant, r.PartnerId)
	if err != nil {
		return nil, err
	}
	return gen.GetPartner200JSONResponse{Body: partner(p)}, nil
}

// UpdatePartner changes or verifies a partner.
func (a *API) UpdatePartner(ctx context.Context, r gen.UpdatePartnerRequestObject) (gen.UpdatePartnerResponseObject, error) {
	change := store.PartnerChange{Name: r.Body.Name, Verified: r.Body.Verified}
	if r.Body.Website.IsSpecified() {
		website := orNil(r.Body.Website)
		change.Website = &website
	}
	view := func(p store.Partner) gen.UpdatePartnerResponseObject {
		return gen.UpdatePartner200JSONResponse{Body: partner(p)}
	}
	return httpapi.Mutate(ctx, view, gen.UpdatePartnerResponseObject.VisitUpdatePartnerResponse,
		func(t *once.Ticket) (store.Partner, error) {
			return a.store.UpdatePartner(ctx, httpapi.Caller(ctx).Tenant, r.PartnerId, change, t)
		})
}

func partner(p store.Partner) gen.Partner {
	return gen.Partner{
		Id: p.ID, Name: p.Name, Website: orNull(p.Website), Verified: p.Verified(), VerifiedAt: maybe(p.VerifiedAt),
		CreatedAt: wire.Millis(p.CreatedAt), UpdatedAt: wire.Millis(p.UpdatedAt),
	}
}

// GetSettlement reads what a partner is owed.
func (a *API) GetSettlement(ctx context.Context, r gen.GetSettlementRequestObject) (gen.GetSettlementResponseObject, error) {
	from, to, err := httpapi.Span(r.Params.From, r.Params.To)
	if err != nil {
		return nil, err
	}
	s, err := a.store.Settlement(ctx, httpapi.Caller(ctx).Tenant, r.PartnerId, from, to)
	if err != nil {
		return nil, err
	}
	return gen.GetSettlement200JSONResponse{Body: gen.Settlement{
		PartnerId: s.PartnerID, Redemptions: s.Redemptions, PointsSpent: s.Points, TokensSpent: s.Tokens, Owed: wire.Money(s.OwedMinor),
	}}, nil
}

// ListOffers lists the offers made to other programmes, newest first.
func (a *API) ListOffers(ctx context.Context, r gen.ListOffersRequestObject) (gen.ListOffersResponseObject, error) {
	page, limit := httpapi.Page(r.Params.Page, r.Params.Limit)
	list, total, err := a.store.Offers(ctx, httpapi.Caller(ctx).Tenant, limit, (page-1)*limit)
	if err != nil {
		return nil, err
	}
	return gen.ListOffers200JSONResponse{Body: gen.OfferList{Data: views(list, offer), Pagination: pagination(page, limit, total)}}, nil
}

// CreateOffer offers an item to another programme.
func (a *API) CreateOffer(ctx context.Context, r gen.CreateOfferRequestObject) (gen.CreateOfferResponseObject, error) {
	price, err := amount("settlementPrice", r.Body.SettlementPrice)
	if err != nil {
		return nil, err
	}
	o := store.Offer{ItemID: r.Body.ItemId, Programme: r.Body.Programme, PriceMinor: orZero(price)}
	view := func(o store.Offer) gen.CreateOfferResponseObject {
		return gen.CreateOffer201JSONResponse{Body: offer(o)}
	}
	return httpapi.Mutate(ctx, view, gen.CreateOfferResponseObject.VisitCreateOfferResponse,
		func(t *once.Ticket) (store.Offer, error) {
			return a.store.CreateOffer(ctx, httpapi.Caller(ctx).Tenant, o, t)
		})
}

// GetOffer reads an offer and what was sold of it.
func (a *API) GetOffer(ctx context.Context, r gen.GetOfferRequestObject) (gen.GetOfferResponseObject, error) {
	o, err := a.store.Offer(ctx, httpapi.Caller(ctx).Tenant, r.OfferId)
	if err != nil {
		return nil, err
	}
	return gen.GetOffer200JSONResponse{Body: offer(o)}, nil
}

// WithdrawOffer ends an offer.
func (a *API) WithdrawOffer(ctx context.Context, r gen.WithdrawOfferRequestObject) (gen.WithdrawOfferResponseObject, error) {
	view := func(o store.Offer) gen.WithdrawOfferResponseObject {
		return gen.WithdrawOffer200JSONResponse{Body: offer(o)}
	}
	return httpapi.Mutate(ctx, view, gen.WithdrawOfferResponseObject.VisitWithdrawOfferResponse,
		func(t *once.Ticket) (store.Offer, error) {
			return a.store.WithdrawOffer(ctx, httpapi.Caller(ctx).Tenant, r.OfferId, t)
		})
}

func offer(o store.Offer) gen.Offer {
	return gen.Offer{
		Id: o.ID, ItemId: o.ItemID, Programme: o.Programme, SettlementPrice: priceOrNull(o.PriceMinor), Sold: o.Sold,
		Owed: wire.Money(o.OwedMinor), CreatedAt: wire.Millis(o.CreatedAt), WithdrawnAt: maybe(o.WithdrawnAt),
	}
}
