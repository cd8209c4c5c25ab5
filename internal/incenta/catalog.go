package incenta

import (
	"context"

	gen "github.com/incent-dev/incent/gen/incenta"
	"github.com/incent-dev/incent/internal/fault"
	"github.com/incent-dev/incent/internal/httpapi"
	"github.com/incent-dev/incent/internal/once"
	"github.com/incent-dev/incent/internal/store"
	"github.com/incent-dev/incent/internal/wire"
)

// ListCatalogItems lists what can be bought, newest first.
func (a *API) ListCatalogItems(ctx context.Context, r gen.ListCatalogItemsRequestObject) (gen.ListCatalogItemsResponseObject, error) {
	page, limit := httpapi.Page(r.Params.Page, r.Params.Limit)
	filter := store.ItemFilter{Category: r.Params.Category, NewestFirst: true, Limit: limit, Skip: (page - 1) * limit}
	if r.Params.Type != nil {
		kind := kinds[*r.Params.Type]
		filter.Kind = &kind
	}
	if r.Params.Active != nil {
		status := itemStatus(*r.Params.Active)
		filter.Status = &status
	}
	items, total, err := a.store.Items(ctx, httpapi.Caller(ctx).Tenant, filter)
	if err != nil {
		return nil, err
	}
	return gen.ListCatalogItems200JSONResponse{Body: gen.CatalogPage{Data: views(items, catalogItem), Pagination: pagination(page, limit, total)}}, nil
}

// CreateCatalogItem makes an item.
func (a *API) CreateCatalogItem(ctx context.Context, r gen.CreateCatalogItemRequestObject) (gen.CreateCatalogItemResponseObject, error) {
	i := store.Item{
		Name: r.Body.Name, Description: orEmpty(r.Body.Description), Category: orEmpty(r.Body.Category), Kind: kinds[r.Body.Type],
		Status: itemStatus(r.Body.Active == nil || *r.Body.Active), ImageURL: r.Body.ImageUrl, PoolID: r.Body.CodePoolId,
	}
	change(&i.PointsCost, r.Body.CoinPrice)
	change(&i.TokensCost, r.Body.TokenPrice)
	change(&i.Stock, r.Body.Stock)
	if err := priced(&i); err != nil {
		return nil, err
	}
	view := func(i store.Item) gen.CreateCatalogItemResponseObject {
		return gen.CreateCatalogItem201JSONResponse{Body: catalogItem(i)}
	}
	return httpapi.Mutate(ctx, view, gen.CreateCatalogItemResponseObject.VisitCreateCatalogItemResponse,
		func(t *once.Ticket) (store.Item, error) {
			return a.store.CreateItemOnce(ctx, httpapi.Caller(ctx).Tenant, i, t)
		})
}

// GetCatalogItem reads one item.
func (a *API) GetCatalogItem(ctx context.Context, r gen.GetCatalogItemRequestObject) (gen.GetCatalogItemResponseObject, error) {
	i, err := a.store.Item(ctx, httpapi.Caller(ctx).Tenant, r.ItemId, false)
	if err != nil {
		return nil, err
	}
	return gen.GetCatalogItem200JSONResponse{Body: catalogItem(i)}, nil
}

// UpdateCatalogItem changes an item.
func (a *API) UpdateCatalogItem(ctx context.Context, r gen.UpdateCatalogItemRequestObject) (gen.UpdateCatalogItemResponseObject, error) {
	view := func(i store.Item) gen.UpdateCatalogItemResponseObject {
		return gen.UpdateCatalogItem200JSONResponse{Body: catalogItem(i)}
	}
	return httpapi.Mutate(ctx, view, gen.UpdateCatalogItemResponseObject.VisitUpdateCatalogItemResponse,
		func(t *once.Ticket) (store.Item, error) {
			return a.store.UpdateItemOnce(ctx, httpapi.Caller(ctx).Tenant, r.ItemId, func(i *store.Item) error { return patchItem(i, r.Body) }, t)
		})
}

func patchItem(i *store.Item, p *gen.CatalogItemPatch) error {
	assign(&i.Name, p.Name)
	assign(&i.Description, p.Description)
	assign(&i.Category, p.Category)
	if p.Active != nil {
		i.Status = itemStatus(*p.Active)
	}
	change(&i.PointsCost, p.CoinPrice)
	change(&i.TokensCost, p.TokenPrice)
	change(&i.Stock, p.Stock)
	change(&i.ImageURL, p.ImageUrl)
	change(&i.PoolID, p.CodePoolId)
	if p.CoinPrice.IsSpecified() || p.TokenPrice.IsSpecified() {
		return priced(i)
	}
	return nil
}

// DeleteCatalogItem takes an item out of the catalogue.
func (a *API) DeleteCatalogItem(ctx context.Context, r gen.DeleteCatalogItemRequestObject) (gen.DeleteCatalogItemResponseObject, error) {
	if err := a.store.DeleteItem(ctx, httpapi.Caller(ctx).Tenant, r.ItemId); err != nil {
		return nil, err
	}
	return gen.DeleteCatalogItem200JSONResponse{Body: gen.Success{Success: true}}, nil
}

// priced refuses an item that nothing can buy.
func priced(i *store.Item) error {
	if i.PointsCost == nil && i.TokensCost == nil {
		return fault.Field("coinPrice", "or tokenPrice must be a price")
	}
	return nil
}

var kinds = map[gen.ItemType]store.Kind{gen.ItemTypeDIGITAL: store.Digital, gen.ItemTypePHYSICAL: store.Physical}

func itemType(k store.Kind) gen.ItemType {
	if k == store.Physical {
		return gen.ItemTypePHYSICAL
	}
	return gen.ItemTypeDIGITAL
}

func itemStatus(active bool) string {
	if active {
		return store.Active
	}
	return store.Inactive
}

func catalogItem(i store.Item) gen.CatalogItem {
	return gen.CatalogItem{
		Id: i.ID, Name: i.Name, Description: i.Description, Category: i.Category, Type: itemType(i.Kind), Active: i.Status == store.Active,
		CoinPrice: orNull(i.PointsCost), TokenPrice: orNull(i.TokensCost), Stock: orNull(i.Stock), ImageUrl: orNull(i.ImageURL),
		CodePoolId: orNull(i.PoolID), CreatedAt: wire.Millis(i.CreatedAt), UpdatedAt: wire.Millis(i.UpdatedAt),
	}
}
