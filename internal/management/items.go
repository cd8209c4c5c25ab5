package management

import (
	"context"

	gen "github.com/incent-dev/incent/gen/management"
	"github.com/incent-dev/incent/internal/httpapi"
	"github.com/incent-dev/incent/internal/once"
	"github.com/incent-dev/incent/internal/store"
	"github.com/incent-dev/incent/internal/wire"
)

// ListItems lists what can be bought, oldest first.
func (a *API) ListItems(ctx context.Context, r gen.ListItemsRequestObject) (gen.ListItemsResponseObject, error) {
	page, limit := httpapi.Page(r.Params.Page, r.Params.Limit)
	filter := store.ItemFilter{
		Category: r.Params.Category, Kind: (*store.Kind)(r.Params.Kind), Status: (*string)(r.Params.Status), Limit: limit, Skip: (page - 1) * limit,
	}
	items, total, err := a.store.Items(ctx, httpapi.Caller(ctx).Tenant, filter)
	if err != nil {
		return nil, err
	}
	return gen.ListItems200JSONResponse{Body: gen.ItemList{Data: views(items, item), Pagination: pagination(page, limit, total)}}, nil
}

// CreateItem makes an item.
func (a *API) CreateItem(ctx context.Context, r gen.CreateItemRequestObject) (gen.CreateItemResponseObject, error) {
	view := func(i store.Item) gen.CreateItemResponseObject {
		return gen.CreateItem201JSONResponse{Body: item(i)}
	}
	return httpapi.Mutate(ctx, view, gen.CreateItemResponseObject.VisitCreateItemResponse,
		func(t *once.Ticket) (store.Item, error) {
			return a.store.CreateItemOnce(ctx, httpapi.Caller(ctx).Tenant, newItem(*r.Body), t)
		})
}

func newItem(r gen.CreateItemRequest) store.Item {
	i := store.Item{
		Name: r.Name, Kind: store.Kind(r.Kind), Status: store.Active, ImageURL: orNil(r.ImageUrl),
		PointsCost: orNil(r.PointsCost), TokensCost: orNil(r.TokensCost), Stock: orNil(r.Stock), PoolID: orNil(r.CodePoolId),
	}
	assign(&i.Description, r.Description, same)
	assign(&i.Category, r.Category, same)
	assign(&i.Status, r.Status, itemStatus)
	return i
}

// GetItem reads one item.
func (a *API) GetItem(ctx context.Context, r gen.GetItemRequestObject) (gen.GetItemResponseObject, error) {
	i, err := a.store.Item(ctx, httpapi.Caller(ctx).Tenant, r.ItemId, false)
	if err != nil {
		return nil, err
	}
	return gen.GetItem200JSONResponse{Body: item(i)}, nil
}

// UpdateItem changes an item.
func (a *API) UpdateItem(ctx context.Context, r gen.UpdateItemRequestObject) (gen.UpdateItemResponseObject, error) {
	view := func(i store.Item) gen.UpdateItemResponseObject {
		return gen.UpdateItem200JSONResponse{Body: item(i)}
	}
	return httpapi.Mutate(ctx, view, gen.UpdateItemResponseObject.VisitUpdateItemResponse,
		func(t *once.Ticket) (store.Item, error) {
			return a.store.UpdateItemOnce(ctx, httpapi.Caller(ctx).Tenant, r.ItemId, func(i *store.Item) error { return changeItem(i, *r.Body) }, t)
		})
}

func changeItem(i *store.Item, r gen.UpdateItemRequest) error {
	assign(&i.Name, r.Name, same)
	assign(&i.Description, r.Description, same)
	assign(&i.Category, r.Category, same)
	assign(&i.Kind, r.Kind, func(k gen.ItemKind) store.Kind { return store.Kind(k) })
	assign(&i.Status, r.Status, itemStatus)
	set(&i.ImageURL, r.ImageUrl)
	set(&i.PointsCost, r.PointsCost)
	set(&i.TokensCost, r.TokensCost)
	set(&i.Stock, r.Stock)
	set(&i.PoolID, r.CodePoolId)
	return nil
}

func itemStatus(s gen.ItemStatus) string { return string(s) }

func item(i store.Item) gen.Item {
	return gen.Item{
		Id: i.ID, Name: i.Name, Description: i.Description, Category: i.Category, Kind: gen.ItemKind(i.Kind), Status: gen.ItemStatus(i.Status),
		ImageUrl: orNull(i.ImageURL), PointsCost: orNull(i.PointsCost), TokensCost: orNull(i.TokensCost), Stock: orNull(i.Stock),
		CodePoolId: orNull(i.PoolID), CreatedAt: wire.Millis(i.CreatedAt), UpdatedAt: wire.Millis(i.UpdatedAt),
	}
}
