package incenta

import (
	"context"

	"github.com/oapi-codegen/nullable"

	gen "github.com/incent-dev/incent/gen/incenta"
	"github.com/incent-dev/incent/internal/httpapi"
	"github.com/incent-dev/incent/internal/ledger"
	"github.com/incent-dev/incent/internal/once"
	"github.com/incent-dev/incent/internal/store"
	"github.com/incent-dev/incent/internal/wire"
)

// orderWords are what the documents call things.
var orderWords = store.Words{Address: "shippingAddress", PostalCode: "postalCode", Currency: "currency", MemberUnknown: "member_unknown"}

var assets = map[gen.Currency]ledger.Asset{gen.CurrencyCOINS: ledger.Points, gen.CurrencyTOKENS: ledger.Tokens}

// RedeemItem buys.
func (a *API) RedeemItem(ctx context.Context, r gen.RedeemItemRequestObject) (gen.RedeemItemResponseObject, error) {
	wanted := store.Redemption{
		Member: r.Body.UserId, ItemID: r.Body.ItemId, Quantity: 1, Address: addressFrom(r.Body.ShippingAddress), Everything: true, Words: orderWords,
	}
	if r.Body.Quantity != nil {
		wanted.Quantity = int(*r.Body.Quantity)
	}
	if r.Body.Currency != nil {
		wanted.Asset = assets[*r.Body.Currency]
	}
	view := func(v store.Redeemed) gen.RedeemItemResponseObject {
		body := redemption(v.Order)
		body.Balances = &gen.Balances{Coins: v.Everything.Points.Spendable(), Tokens: v.Everything.Tokens.Spendable(), Xp: v.Everything.XP.Spendable()}
		return gen.RedeemItem201JSONResponse{Body: body}
	}
	return httpapi.Mutate(ctx, view, gen.RedeemItemResponseObject.VisitRedeemItemResponse,
		func(t *once.Ticket) (store.Redeemed, error) {
			return a.store.Redeem(ctx, httpapi.Caller(ctx).Tenant, wanted, t)
		})
}

// orderStatuses are what the documents' three stand for.
var orderStatuses = map[gen.RedemptionStatus][]store.Status{
	gen.RedemptionStatusPENDING:   store.UnderWay,
	gen.RedemptionStatusFULFILLED: {store.Completed},
	gen.RedemptionStatusCANCELLED: {store.Cancelled},
}

func redemptionStatus(s store.Status) gen.RedemptionStatus {
	switch s {
	case store.Completed:
		return gen.RedemptionStatusFULFILLED
	case store.Cancelled:
		return gen.RedemptionStatusCANCELLED
	}
	return gen.RedemptionStatusPENDING
}

// ListRedemptions lists orders, newest first.
func (a *API) ListRedemptions(ctx context.Context, r gen.ListRedemptionsRequestObject) (gen.ListRedemptionsResponseObject, error) {
	from, to, err := httpapi.Span(r.Params.From, r.Params.To)
	if err != nil {
		return nil, err
	}
	page, limit := httpapi.Page(r.Params.Page, r.Params.Limit)
	filter := store.OrderFilter{
		Member: orEmpty(r.Params.UserId), ItemID: orEmpty(r.Params.ItemId), From: from, To: to, Limit: limit, Skip: (page - 1) * limit,
	}
	if r.Params.Status != nil {
		filter.Statuses = orderStatuses[*r.Params.Status]
	}
	orders, total, err := a.store.Orders(ctx, httpapi.Caller(ctx).Tenant, filter)
	if err != nil {
		return nil, err
	}
	return gen.ListRedemptions200JSONResponse{Body: gen.RedemptionPage{Data: views(orders, redemption), Pagination: pagination(page, limit, total)}}, nil
}

// UpdateRedemption moves an order.
func (a *API) UpdateRedemption(ctx context.Context, r gen.UpdateRedemptionRequestObject) (gen.UpdateRedemptionResponseObject, error) {
	move := store.Move{OrderID: r.Id, Coarse: true}
	if r.Body.Status != nil {
		move.To = orderStatuses[*r.Body.Status][0]
	}
	if r.Body.TrackingNumber.IsSpecified() {
		value, _ := r.Body.TrackingNumber.Get() // null clears, as the empty text does
		move.TrackingNumber = &value
	}
	if r.Body.Carrier.IsSpecified() {
		value, _ := r.Body.Carrier.Get()
		move.Carrier = &value
	}
	view := func(o store.Order) gen.UpdateRedemptionResponseObject {
		return gen.UpdateRedemption200JSONResponse{Body: redemption(o)}
	}
	return httpapi.Mutate(ctx, view, gen.UpdateRedemptionResponseObject.VisitUpdateRedemptionResponse,
		func(t *once.Ticket) (store.Order, error) {
			return a.store.MoveOrder(ctx, httpapi.Caller(ctx).Tenant, move, t)
		})
}

func redemption(o store.Order) gen.Redemption {
	out := gen.Redemption{
		Id: o.PublicID(), RedemptionId: o.PublicID(), UserId: o.Member, ItemId: o.ItemID, ItemName: o.ItemName, Quantity: int32(o.Quantity),
		Currency: gen.CurrencyCOINS, Cost: o.Spent, Status: redemptionStatus(o.Status),
		DiscountCode: nullable.NewNullNullable[string](), DiscountCodes: []string{}, ShippingAddress: addressOf(o.Address),
		TrackingNumber: orNull(o.TrackingNumber), Carrier: orNull(o.Carrier), CreatedAt: wire.Millis(o.CreatedAt),
		ShippedAt: instantOrNull(o.ShippedAt), FulfilledAt: instantOrNull(o.CompletedAt), CancelledAt: instantOrNull(o.CancelledAt),
	}
	if o.Asset == ledger.Tokens {
		out.Currency = gen.CurrencyTOKENS
	}
	if len(o.Codes) > 0 {
		out.DiscountCode, out.DiscountCodes = nullable.NewNullableWithValue(o.Codes[0]), o.Codes
	}
	return out
}

func addressFrom(a *gen.ShippingAddress) *store.Address {
	if a == nil {
		return nil
	}
	return &store.Address{
		Name: a.Name, Line1: a.Line1, Line2: orEmpty(a.Line2), City: a.City, State: orEmpty(a.State), PostalCode: a.PostalCode, Country: a.Country,
	}
}

func addressOf(a *store.Address) *gen.ShippingAddress {
	if a == nil {
		return nil
	}
	out := &gen.ShippingAddress{Name: a.Name, Line1: a.Line1, City: a.City, PostalCode: a.PostalCode, Country: a.Country}
	if a.Line2 != "" {
		out.Line2 = &a.Line2
	}
	if a.State != "" {
		out.State = &a.State
	}
	return out
}
