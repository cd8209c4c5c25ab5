package store

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/incent-dev/incent/gen/query"
	"github.com/incent-dev/incent/internal/event"
	"github.com/incent-dev/incent/internal/ledger"
	"github.com/incent-dev/incent/internal/wire"
)

// aboutOrders are the kinds of event whose object is an order.
var aboutOrders = []event.Kind{
	event.RewardRedeemed, event.OrderCreated, event.OrderUpdated, event.OrderShipped, event.OrderCompleted, event.OrderCancelled,
	event.IncentiveItemRedeemed, event.IncentiveItemFulfilled, event.MarketplaceListingRedeemed,
}

// Tell completes the events about orders.
func (s *Store) Tell(ctx context.Context, tenantID int64, page []event.Event) error {
	events := event.Pick(page, aboutOrders...)
	if len(events) == 0 {
		return nil
	}
	rows, err := q.OrderListTold(ctx, s.db, query.OrderListToldParams{TenantID: tenantID, Ids: event.Objects(events)})
	if err != nil {
		return fmt.Errorf("read orders of events: %w", err)
	}
	orders := make(map[uuid.UUID]query.OrderListToldRow, len(rows))
	for _, r := range rows {
		orders[r.ID] = r
	}
	for _, e := range events {
		o, err := orderAt(e, orders[e.Of.Object])
		if err == nil {
			err = e.Tell(o.data(e.Kind))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// snapshot is an order as it was at an event. Address, codes and what the carrier
// calls it are read when it is told.
type snapshot struct {
	Order
	before  Status // ""; it was made
	balance int64
	seller  seller
}

// seller is the partner of a listing.
type seller struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

func orderAt(e *event.Event, r query.OrderListToldRow) (snapshot, error) {
	o, err := orderFromRow(query.Order{
		ID: r.ID, ItemID: r.ItemID, ItemName: r.ItemName, Kind: r.Kind, Quantity: r.Quantity, Asset: r.Asset, Spent: r.Spent, Codes: r.Codes,
		Address: r.Address, TrackingNumber: r.TrackingNumber, Carrier: r.Carrier, CreatedAt: r.CreatedAt,
		ShippedAt: r.ShippedAt, CompletedAt: r.CompletedAt, CancelledAt: r.CancelledAt,
	}, r.ExternalID)
	if err != nil {
		return snapshot{}, err
	}
	s := snapshot{Order: o, balance: r.BalanceAfter, seller: seller{r.PartnerID, r.PartnerName}}
	return s, s.turnBack(e)
}

// turnBack undoes what became of the order after the event.
func (s *snapshot) turnBack(e *event.Event) error {
	switch {
	case e.Data != nil:
		var m moved
		if err := json.Unmarshal(e.Data, &m); err != nil {
			return fmt.Errorf("read event %d: %w", e.Number, err)
		}
		s.before, s.Status = m.From, m.To
	case s.Kind == Digital, e.Kind == event.IncentiveItemFulfilled:
		s.Status = Completed
	default:
		s.Status = Pending
		s.TrackingNumber, s.Carrier = nil, nil
	}
	if s.Status != Cancelled {
		s.CancelledAt = time.Time{}
	}
	if s.Status != Completed {
		s.CompletedAt = time.Time{}
	}
	if !slices.Contains([]Status{Shipped, Completed}, s.Status) {
		s.ShippedAt = time.Time{}
	}
	return nil
}

func (s snapshot) data(k event.Kind) any {
	switch {
	case k == event.MarketplaceListingRedeemed:
		return s.listing()
	case k.Facade() == event.Incenta:
		return s.redemption()
	}
	return s.order()
}

// toldOrder is the data of an event about an order, for Incentable's callers.
type toldOrder struct {
	OrderID        string     `json:"order_id"`
	MemberID       string     `json:"member_id"`
	RewardID       string     `json:"reward_id"`
	RewardName     string     `json:"reward_name"`
	Quantity       int        `json:"quantity"`
	PointsSpent    int64      `json:"points_spent"`
	Status         Status     `json:"status"`
	PreviousStatus *Status    `json:"previous_status"`
	NewBalance     *int64     `json:"new_balance,omitempty"` // points, of a purchase for points
	TrackingNumber *string    `json:"tracking_number"`
	Carrier        *string    `json:"carrier"`
	Fulfillment    fulfilment `json:"fulfillment"`
	CreatedAt      time.Time  `json:"created_at"`
	ShippedAt      *time.Time `json:"shipped_at"`
	CompletedAt    *time.Time `json:"completed_at"`
	CancelledAt    *time.Time `json:"cancelled_at"`
}

type fulfilment struct {
	Type            Kind       `json:"type"`
	Code            *string    `json:"code,omitempty"`
	Codes           []string   `json:"codes,omitempty"`
	DeliveredAt     *time.Time `json:"delivered_at,omitempty"`
	ShippingAddress *Address   `json:"shipping_address,omitempty"`
}

func (s snapshot) order() toldOrder {
	o := toldOrder{
		OrderID: s.PublicID(), MemberID: s.Member, RewardID: s.ItemID, RewardName: s.ItemName, Quantity: s.Quantity, Status: s.Status,
		TrackingNumber: s.TrackingNumber, Carrier: s.Carrier,
		CreatedAt: s.CreatedAt.Truncate(time.Second), ShippedAt: seconds(s.ShippedAt), CompletedAt: seconds(s.CompletedAt), CancelledAt: seconds(s.CancelledAt),
		Fulfillment: fulfilment{Type: s.Kind, ShippingAddress: s.Address},
	}
	if len(s.Codes) > 0 {
		o.Fulfillment.Code, o.Fulfillment.Codes, o.Fulfillment.DeliveredAt = &s.Codes[0], s.Codes, o.CompletedAt
	}
	if s.before != "" {
		o.PreviousStatus = &s.before
	}
	if s.Asset == ledger.Points {
		o.PointsSpent = s.Spent
		if s.before == "" {
			o.NewBalance = &s.balance
		}
	}
	return o
}

func seconds(t time.Time) *time.Time { return nullable(t.Truncate(time.Second)) }

// toldRedemption is the same for Incenta's.
type toldRedemption struct {
	ID              string       `json:"id"`
	RedemptionID    string       `json:"redemptionId"`
	UserID          string       `json:"userId"`
	ItemID          string       `json:"itemId"`
	ItemName        string       `json:"itemName"`
	Quantity        int          `json:"quantity"`
	Currency        string       `json:"currency"`
	Cost            int64        `json:"cost"`
	Status          string       `json:"status"`
	DiscountCode    *string      `json:"discountCode"`
	DiscountCodes   []string     `json:"discountCodes"`
	ShippingAddress *destination `json:"shippingAddress,omitempty"`
	TrackingNumber  *string      `json:"trackingNumber"`
	Carrier         *string      `json:"carrier"`
	CreatedAt       wire.Millis  `json:"createdAt"`
	FulfilledAt     *wire.Millis `json:"fulfilledAt"`
}

// destination is an Address by its names on Incenta's wire.
type destination struct {
	Name       string `json:"name"`
	Line1      string `json:"line1"`
	Line2      string `json:"line2,omitempty"`
	City       string `json:"city"`
	State      string `json:"state,omitempty"`
	PostalCode string `json:"postalCode"`
	Country    string `json:"country"`
}

func (s snapshot) redemption() toldRedemption {
	r := toldRedemption{
		ID: s.PublicID(), RedemptionID: s.PublicID(), UserID: s.Member, ItemID: s.ItemID, ItemName: s.ItemName, Quantity: s.Quantity,
		Currency: s.currency(), Cost: s.Spent, Status: "PENDING", DiscountCodes: []string{}, TrackingNumber: s.TrackingNumber, Carrier: s.Carrier,
		CreatedAt: wire.Millis(s.CreatedAt), FulfilledAt: wire.MillisOrNull(s.CompletedAt),
	}
	if s.Status == Completed {
		r.Status = "FULFILLED"
	}
	if len(s.Codes) > 0 {
		r.DiscountCode, r.DiscountCodes = &s.Codes[0], s.Codes
	}
	if s.Address != nil {
		to := destination(*s.Address)
		r.ShippingAddress = &to
	}
	return r
}

func (s snapshot) currency() string {
	if s.Asset == ledger.Tokens {
		return "TOKENS"
	}
	return "COINS"
}

// toldListing is the data of a listing's redemption.
type toldListing struct {
	ID           string      `json:"id"`
	RedemptionID string      `json:"redemptionId"`
	ListingID    string      `json:"listingId"`
	UserID       string      `json:"userId"`
	Title        string      `json:"title"`
	Partner      seller      `json:"partner"`
	Currency     string      `json:"currency"`
	Cost         int64       `json:"cost"`
	DiscountCode *string     `json:"discountCode"`
	CreatedAt    wire.Millis `json:"createdAt"`
}

func (s snapshot) listing() toldListing {
	l := toldListing{
		ID: s.PublicID(), RedemptionID: s.PublicID(), ListingID: s.ItemID, UserID: s.Member, Title: s.ItemName, Currency: s.currency(), Cost: s.Spent,
		Partner: s.seller, CreatedAt: wire.Millis(s.CreatedAt),
	}
	if len(s.Codes) > 0 {
		l.DiscountCode = &s.Codes[0]
	}
	return l
}
