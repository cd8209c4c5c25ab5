package incentable

import (
	"context"

	gen "github.com/incent-dev/incent/gen/incentable"
	"github.com/incent-dev/incent/internal/fault"
	"github.com/incent-dev/incent/internal/httpapi"
	"github.com/incent-dev/incent/internal/ledger"
	"github.com/incent-dev/incent/internal/once"
	"github.com/incent-dev/incent/internal/store"
)

// ListRewards lists what is sold for points.
func (a *API) ListRewards(ctx context.Context, r gen.ListRewardsRequestObject) (gen.ListRewardsResponseObject, error) {
	page, perPage := httpapi.Page(r.Params.Page, r.Params.PerPage)
	filter := store.ItemFilter{
		ForPoints: true, Category: r.Params.Category, MinPoints: r.Params.MinPoints, MaxPoints: r.Params.MaxPoints,
		Limit: perPage, Skip: (page - 1) * perPage,
	}
	if r.Params.Status != nil {
		status := string(*r.Params.Status)
		filter.Status = &status
	}
	items, total, err := a.store.Items(ctx, httpapi.Caller(ctx).Tenant, filter)
	if err != nil {
		return nil, err
	}
	answer := gen.RewardList{Success: true, Data: make([]gen.Reward, len(items)), Meta: gen.ListMeta{Page: page, PerPage: perPage, Total: total}}
	for i, item := range items {
		answer.Data[i] = reward(item)
	}
	return gen.ListRewards200JSONResponse{Body: answer}, nil
}

// GetReward reads one reward.
func (a *API) GetReward(ctx context.Context, r gen.GetRewardRequestObject) (gen.GetRewardResponseObject, error) {
	item, err := a.store.Item(ctx, httpapi.Caller(ctx).Tenant, r.RewardId, true)
	if err != nil {
		return nil, err
	}
	return gen.GetReward200JSONResponse{Body: gen.RewardAnswer{Success: true, Data: reward(item)}}, nil
}

func reward(i store.Item) gen.Reward {
	return gen.Reward{
		Id: i.ID, Name: i.Name, Description: i.Description, PointsCost: *i.PointsCost, Category: i.Category, Type: gen.RewardType(i.Kind),
		Status: gen.RewardStatus(i.Status), ImageUrl: orNull(i.ImageURL), Stock: orNull(i.Stock),
	}
}

// words are what the documents call things.
var words = store.Words{Address: "shipping_address", PostalCode: "postal_code", MemberUnknown: fault.CodeNotFound}

// RedeemReward buys.
func (a *API) RedeemReward(ctx context.Context, r gen.RedeemRewardRequestObject) (gen.RedeemRewardResponseObject, error) {
	redemption := store.Redemption{
		Member: r.Body.MemberId, ItemID: r.Body.RewardId, Quantity: 1, Asset: ledger.Points,
		Address: addressFrom(r.Body.ShippingAddress), Words: words,
	}
	if r.Body.Quantity != nil {
		redemption.Quantity = *r.Body.Quantity
	}
	view := func(v store.Redeemed) gen.RedeemRewardResponseObject {
		o := v.Order
		return gen.RedeemReward201JSONResponse{Body: gen.RedemptionAnswer{Success: true, Data: gen.Redemption{
			OrderId: o.PublicID(), MemberId: o.Member, RewardId: o.ItemID, RewardName: o.ItemName, PointsSpent: o.Spent, Quantity: o.Quantity,
			Status: gen.OrderStatus(o.Status), Fulfillment: fulfillment(o), NewBalance: v.Holding.Spendable(), CreatedAt: seconds(o.CreatedAt),
		}}}
	}
	return httpapi.Mutate(ctx, view, gen.RedeemRewardResponseObject.VisitRedeemRewardResponse,
		func(t *once.Ticket) (store.Redeemed, error) {
			return a.store.Redeem(ctx, httpapi.Caller(ctx).Tenant, redemption, t)
		})
}

// ListOrders lists orders, newest first.
func (a *API) ListOrders(ctx context.Context, r gen.ListOrdersRequestObject) (gen.ListOrdersResponseObject, error) {
	from, to, err := httpapi.Span(r.Params.From, r.Params.To)
	if err != nil {
		return nil, err
	}
	page, perPage := httpapi.Page(r.Params.Page, r.Params.PerPage)
	filter := store.OrderFilter{Member: text(r.Params.MemberId), From: from, To: to, Limit: perPage, Skip: (page - 1) * perPage}
	if r.Params.Status != nil {
		filter.Statuses = []store.Status{store.Status(*r.Params.Status)}
	}
	orders, total, err := a.store.Orders(ctx, httpapi.Caller(ctx).Tenant, filter)
	if err != nil {
		return nil, err
	}
	answer := gen.OrderList{Success: true, Data: make([]gen.Order, len(orders)), Meta: gen.ListMeta{Page: page, PerPage: perPage, Total: total}}
	for i, o := range orders {
		answer.Data[i] = order(o)
	}
	return gen.ListOrders200JSONResponse{Body: answer}, nil
}

// UpdateOrder moves an order.
func (a *API) UpdateOrder(ctx context.Context, r gen.UpdateOrderRequestObject) (gen.UpdateOrderResponseObject, error) {
	move := store.Move{OrderID: r.OrderId, To: store.Status(r.Body.Status)}
	if r.Body.TrackingNumber.IsSpecified() {
		value, _ := r.Body.TrackingNumber.Get() // null clears, as the empty text does
		move.TrackingNumber = &value
	}
	if r.Body.Carrier.IsSpecified() {
		value, _ := r.Body.Carrier.Get()
		move.Carrier = &value
	}
	view := func(o store.Order) gen.UpdateOrderResponseObject {
		return gen.UpdateOrder200JSONResponse{Body: gen.OrderAnswer{Success: true, Data: order(o)}}
	}
	return httpapi.Mutate(ctx, view, gen.UpdateOrderResponseObject.VisitUpdateOrderResponse,
		func(t *once.Ticket) (store.Order, error) {
			return a.store.MoveOrder(ctx, httpapi.Caller(ctx).Tenant, move, t)
		})
}

func order(o store.Order) gen.Order {
	f := fulfillment(o)
	return gen.Order{
		OrderId: o.PublicID(), MemberId: o.Member, RewardId: o.ItemID, RewardName: o.ItemName, Quantity: o.Quantity, PointsSpent: pointsSpent(o),
		Status: gen.OrderStatus(o.Status), TrackingNumber: orNull(o.TrackingNumber), Carrier: orNull(o.Carrier), CreatedAt: seconds(o.CreatedAt),
		ShippedAt: maybe(o.ShippedAt), CompletedAt: maybe(o.CompletedAt), CancelledAt: maybe(o.CancelledAt), Fulfillment: &f,
	}
}

// pointsSpent is nothing for an order that was paid with tokens.
func pointsSpent(o store.Order) int64 {
	if o.Asset != ledger.Points {
		return 0
	}
	return o.Spent
}

func fulfillment(o store.Order) gen.Fulfillment {
	f := gen.Fulfillment{Type: gen.RewardType(o.Kind)}
	if o.Kind == store.Physical {
		f.ShippingAddress = addressOf(o.Address)
		return f
	}
	delivered := seconds(o.CompletedAt)
	f.Code, f.Codes, f.DeliveredAt = &o.Codes[0], &o.Codes, &delivered
	return f
}

func addressFrom(a *gen.ShippingAddress) *store.Address {
	if a == nil {
		return nil
	}
	return &store.Address{
		Name: text(a.Name), Line1: text(a.Line1), Line2: text(a.Line2), City: text(a.City),
		State: text(a.State), PostalCode: text(a.PostalCode), Country: text(a.Country),
	}
}

func addressOf(a *store.Address) *gen.ShippingAddress {
	if a == nil {
		return nil
	}
	given := func(s string) *string {
		if s == "" {
			return nil
		}
		return &s
	}
	return &gen.ShippingAddress{
		Name: given(a.Name), Line1: given(a.Line1), Line2: given(a.Line2), City: given(a.City),
		State: given(a.State), PostalCode: given(a.PostalCode), Country: given(a.Country),
	}
}
