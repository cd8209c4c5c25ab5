package management

import (
	"context"

	"github.com/oapi-codegen/nullable"

	gen "github.com/incent-dev/incent/gen/management"
	"github.com/incent-dev/incent/internal/httpapi"
	"github.com/incent-dev/incent/internal/once"
	"github.com/incent-dev/incent/internal/store"
	"github.com/incent-dev/incent/internal/wire"
)

// ListListings lists listings, oldest first.
func (a *API) ListListings(ctx context.Context, r gen.ListListingsRequestObject) (gen.ListListingsResponseObject, error) {
	page, limit := httpapi.Page(r.Params.Page, r.Params.Limit)
	filter := store.ListingFilter{PartnerID: r.Params.PartnerId, Status: (*string)(r.Params.Status), Limit: limit, Skip: (page - 1) * limit}
	list, total, err := a.store.Listings(ctx, httpapi.Caller(ctx).Tenant, filter)
	if err != nil {
		return nil, err
	}
	return gen.ListListings200JSONResponse{Body: gen.ListingList{Data: views(list, listing), Pagination: pagination(page, limit, total)}}, nil
}

// CreateListing puts a listing up.
func (a *API) CreateListing(ctx context.Context, r gen.CreateListingRequestObject) (gen.CreateListingResponseObject, error) {
	l, err := newListing(*r.Body)
	if err != nil {
		return nil, err
	}
	view := func(l store.Listing) gen.CreateListingResponseObject {
		return gen.CreateListing201JSONResponse{Body: listing(l)}
	}
	return httpapi.Mutate(ctx, view, gen.CreateListingResponseObject.VisitCreateListingResponse,
		func(t *once.Ticket) (store.Listing, error) {
			return a.store.CreateListing(ctx, httpapi.Caller(ctx).Tenant, l, t)
		})
}

func newListing(r gen.CreateListingRequest) (store.Listing, error) {
	price, err := amount("settlementPrice", r.SettlementPrice)
	l := store.Listing{
		Item: store.Item{
			Name: r.Title, Status: store.Active, ImageURL: orNil(r.ImageUrl), PointsCost: orNil(r.PointsCost), TokensCost: orNil(r.TokensCost),
			Stock: orNil(r.Stock), PoolID: orNil(r.CodePoolId),
		},
		Partner: store.Partner{ID: r.PartnerId}, OwedMinor: orZero(price),
	}
	assign(&l.OfferID, orNil(r.OfferId), same)
	assign(&l.Description, r.Description, same)
	assign(&l.Category, r.Category, same)
	assign(&l.Status, r.Status, itemStatus)
	return l, err
}

// GetListing reads one listing.
func (a *API) GetListing(ctx context.Context, r gen.GetListingRequestObject) (gen.GetListingResponseObject, error) {
	l, err := a.store.Listing(ctx, httpapi.Caller(ctx).Tenant, r.ListingId)
	if err != nil {
		return nil, err
	}
	return gen.GetListing200JSONResponse{Body: listing(l)}, nil
}

// UpdateListing changes a listing.
func (a *API) UpdateListing(ctx context.Context, r gen.UpdateListingRequestObject) (gen.UpdateListingResponseObject, error) {
	change, err := listingChange(*r.Body)
	if err != nil {
		return nil, err
	}
	view := func(l store.Listing) gen.UpdateListingResponseObject {
		return gen.UpdateListing200JSONResponse{Body: listing(l)}
	}
	return httpapi.Mutate(ctx, view, gen.UpdateListingResponseObject.VisitUpdateListingResponse,
		func(t *once.Ticket) (store.Listing, error) {
			return a.store.UpdateListing(ctx, httpapi.Caller(ctx).Tenant, r.ListingId, change, t)
		})
}

func listingChange(r gen.UpdateListingRequest) (func(*store.Listing), error) {
	price, err := amount("settlementPrice", r.SettlementPrice)
	if err != nil {
		return nil, err
	}
	return func(l *store.Listing) {
		assign(&l.Name, r.Title, same)
		assign(&l.Description, r.Description, same)
		assign(&l.Category, r.Category, same)
		assign(&l.Status, r.Status, itemStatus)
		set(&l.ImageURL, r.ImageUrl)
		set(&l.PointsCost, r.PointsCost)
		set(&l.TokensCost, r.TokensCost)
		set(&l.Stock, r.Stock)
		if r.CodePoolId != nil {
			l.PoolID = r.CodePoolId
		}
		if r.SettlementPrice.IsSpecified() {
			l.OwedMinor = orZero(price)
		}
	}, nil
}

// DeleteListing takes a listing away.
func (a *API) DeleteListing(ctx context.Context, r gen.DeleteListingRequestObject) (gen.DeleteListingResponseObject, error) {
	if err := a.store.DeleteListing(ctx, httpapi.Caller(ctx).Tenant, r.ListingId); err != nil {
		return nil, err
	}
	return gen.DeleteListing200JSONResponse{Body: gen.Success{Success: true}}, nil
}

// ImportListingCodes puts codes of the partner into a listing's pool.
func (a *API) ImportListingCodes(ctx context.Context, r gen.ImportListingCodesRequestObject) (gen.ImportListingCodesResponseObject, error) {
	view := func(fresh int) gen.ImportListingCodesResponseObject {
		return gen.ImportListingCodes200JSONResponse{Body: gen.ImportCodesResult{Imported: fresh, Duplicates: len(r.Body.Codes) - fresh}}
	}
	return httpapi.Mutate(ctx, view, gen.ImportListingCodesResponseObject.VisitImportListingCodesResponse,
		func(t *once.Ticket) (int, error) {
			return a.store.ImportListingCodes(ctx, httpapi.Caller(ctx).Tenant, r.ListingId, r.Body.Codes, t)
		})
}

func listing(l store.Listing) gen.Listing {
	out := gen.Listing{
		Id: l.ID, PartnerId: l.Partner.ID, Title: l.Name, Description: l.Description, Category: l.Category, ImageUrl: orNull(l.ImageURL),
		Status: gen.ItemStatus(l.Status), PointsCost: orNull(l.PointsCost), TokensCost: orNull(l.TokensCost), Stock: orNull(l.Stock),
		Available: orNull(l.Available), CodePoolId: orNull(l.PoolID), OfferId: nullable.NewNullNullable[string](),
		SettlementPrice: priceOrNull(l.OwedMinor), CreatedAt: wire.Millis(l.CreatedAt), UpdatedAt: wire.Millis(l.UpdatedAt),
	}
	if l.OfferID != "" {
		out.OfferId = nullable.NewNullableWithValue(l.OfferID)
	}
	return out
}

// priceOrNull shows what is owed for one; nothing is null.
func priceOrNull(minor int64) nullable.Nullable[wire.Money] {
	if minor == 0 {
		return nullable.NewNullNullable[wire.Money]()
	}
	return nullable.NewNullableWithValue(wire.Money(minor))
}
