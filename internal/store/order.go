package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/incent-dev/incent/gen/query"
	"github.com/incent-dev/incent/internal/event"
	"github.com/incent-dev/incent/internal/fault"
	"github.com/incent-dev/incent/internal/id"
	"github.com/incent-dev/incent/internal/ledger"
	"github.com/incent-dev/incent/internal/once"
	"github.com/incent-dev/incent/internal/pg"
	"github.com/incent-dev/incent/internal/tenant"
)

// Status says where an order stands.
type Status string

// The statuses.
const (
	Pending    Status = "pending"
	Processing Status = "processing"
	Shipped    Status = "shipped"
	Completed  Status = "completed"
	Cancelled  Status = "cancelled"
)

// moves are all the arrows there are.
var moves = map[Status][]Status{
	Pending:    {Processing, Shipped, Cancelled},
	Processing: {Shipped, Cancelled},
	Shipped:    {Completed},
}

// Order is one purchase of an item.
type Order struct {
	ID             uuid.UUID
	Member         string // the caller's id
	ItemID         string
	ItemName       string // as it was
	Kind           Kind
	Quantity       int
	Asset          ledger.Asset
	Spent          int64 // for all of it
	Status         Status
	Codes          []string // digital
	Address        *Address // physical
	TrackingNumber *string
	Carrier        *string
	CreatedAt      time.Time
	ShippedAt      time.Time // zero: not yet
	CompletedAt    time.Time // zero: not yet; a digital order's delivery
	CancelledAt    time.Time // zero: not

	member   int64
	spendSeq int64
	listed   *listed // when it is made; nil: not of a listing
}

// PublicID renders the order's id.
func (o Order) PublicID() string { return OrderID(o.ID) }

const orderPrefix = "ord_"

// OrderID renders an order's id.
func OrderID(u uuid.UUID) string { return id.UUID(orderPrefix, u) }

// nothingOwed stands for null in an array: an order that is of no listing.
const nothingOwed = -1

func insertOrders(ctx context.Context, db query.DBTX, tenantID int64, orders []Order) error {
	a := query.OrderInsertManyParams{TenantID: tenantID}
	for _, o := range orders {
		a.Ids = append(a.Ids, o.ID)
		a.MemberIds = append(a.MemberIds, o.member)
		a.ItemIds = append(a.ItemIds, o.ItemID)
		a.ItemNames = append(a.ItemNames, o.ItemName)
		a.Kinds = append(a.Kinds, string(o.Kind))
		a.Quantities = append(a.Quantities, int32(o.Quantity))
		a.Assets = append(a.Assets, int16(o.Asset))
		a.Spents = append(a.Spents, o.Spent)
		a.SpendSeqs = append(a.SpendSeqs, o.spendSeq)
		a.Statuses = append(a.Statuses, string(o.Status))
		a.Codes = append(a.Codes, strings.Join(o.Codes, "\n"))
		a.Addresses = append(a.Addresses, addressJSON(o.Address))
		a.CreatedAt = append(a.CreatedAt, o.CreatedAt)
		a.CompletedAt = append(a.CompletedAt, o.CompletedAt)
		owed := int64(nothingOwed)
		if o.listed != nil {
			owed = o.listed.owedMinor
		}
		a.OwedMinors = append(a.OwedMinors, owed)
	}
	return q.OrderInsertMany(ctx, db, a)
}

func orderFromRow(r query.Order, external string) (Order, error) {
	o := Order{
		ID: r.ID, Member: external, ItemID: r.ItemID, ItemName: r.ItemName, Kind: Kind(r.Kind), Quantity: int(r.Quantity),
		Asset: ledger.Asset(r.Asset), Spent: r.Spent, Status: Status(r.Status), Codes: r.Codes,
		TrackingNumber: r.TrackingNumber, Carrier: r.Carrier, CreatedAt: r.CreatedAt.UTC(),
		ShippedAt: instant(r.ShippedAt), CompletedAt: instant(r.CompletedAt), CancelledAt: instant(r.CancelledAt),
		member: r.MemberID, spendSeq: r.SpendSeq,
	}
	if len(r.Address) > 0 {
		if err := json.Unmarshal(r.Address, &o.Address); err != nil {
			return o, fmt.Errorf("address of order %s: %w", o.ID, err)
		}
	}
	return o, nil
}

func instant(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.UTC()
}

func nullable(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// Move asks an order to change. Nil members stay; an empty text clears.
type Move struct {
	OrderID        string
	To             Status // "": stays
	TrackingNumber *string
	Carrier        *string

	// Coarse is the move of a caller who knows three statuses: Pending stands for
	// all of UnderWay, and from there an order becomes Completed at once, being
	// shipped on the way.
	Coarse bool
}

var allStatuses = []Status{Pending, Processing, Shipped, Completed, Cancelled}

// UnderWay are the statuses of orders that are neither completed nor cancelled.
var UnderWay = []Status{Pending, Processing, Shipped}

// MoveOrder moves an order along its arrows. The status it has already is no
// move, but the shipping details may still be corrected. Cancelling gives the
// points back to their lots, the units to the stock, and makes codes void.
func (s *Store) MoveOrder(ctx context.Context, tenantID int64, m Move, ticket *once.Ticket) (Order, error) {
	orderID, ok := id.ParseUUID(orderPrefix, m.OrderID)
	return once.Run(ctx, s.db, tenantID, pg.Now(), ticket, func(ctx context.Context, tx pg.Tx) (Order, error) {
		if !ok {
			return Order{}, fault.Missing("order")
		}
		t, err := tenant.Get(ctx, tx, tenantID)
		if err != nil {
			return Order{}, err
		}
		row, err := q.OrderGetForUpdate(ctx, tx, query.OrderGetForUpdateParams{TenantID: tenantID, ID: orderID})
		if pg.IsNoRows(err) {
			return Order{}, fault.Missing("order")
		}
		if err != nil {
			return Order{}, fmt.Errorf("lock order: %w", err)
		}
		o, err := orderFromRow(row.Order, row.ExternalID)
		if err != nil {
			return Order{}, err
		}
		before, through := o, o.path(m)
		if err := o.move(m, t.Now()); err != nil {
			return Order{}, err
		}
		return o, storeMove(ctx, tx, t, o, before, through)
	})
}

// move decides, and changes the order in memory.
func (o *Order) move(m Move, at time.Time) error {
	for _, to := range o.path(m) {
		if !slices.Contains(moves[o.Status], to) {
			return fault.New(fault.Invalid, CodeInvalidTransition, "An order that is %s cannot become %s", o.Status, m.To).About("status")
		}
		switch to {
		case Shipped:
			o.ShippedAt = at
		case Completed:
			o.CompletedAt = at
		case Cancelled:
			o.CancelledAt = at
		}
		o.Status = to
	}
	change := func(old *string, given *string) *string {
		if given == nil {
			return old
		}
		if *given == "" {
			return nil
		}
		return given
	}
	o.TrackingNumber = change(o.TrackingNumber, m.TrackingNumber)
	o.Carrier = change(o.Carrier, m.Carrier)
	return nil
}

// path lists the statuses that a move leads through.
func (o *Order) path(m Move) []Status {
	underWay := slices.Contains(UnderWay, o.Status)
	switch {
	case m.To == "", m.To == o.Status, m.Coarse && underWay && m.To == Pending:
		return nil
	case m.Coarse && underWay && m.To == Completed && o.Status != Shipped:
		return []Status{Shipped, Completed}
	}
	return []Status{m.To}
}

func storeMove(ctx context.Context, tx pg.Tx, t tenant.Tenant, o, before Order, through []Status) error {
	var pipe pg.Pipeline
	var told event.Journal
	o.tellMoved(&told, before, through)
	if o.Status == Cancelled && before.Status != Cancelled {
		if err := takeBack(ctx, tx, &pipe, &told, t, o); err != nil {
			return err
		}
	}
	err := q.OrderUpdate(ctx, &pipe, query.OrderUpdateParams{
		TenantID: t.ID, ID: o.ID, Status: string(o.Status), TrackingNumber: o.TrackingNumber, Carrier: o.Carrier,
		ShippedAt: nullable(o.ShippedAt), CompletedAt: nullable(o.CompletedAt), CancelledAt: nullable(o.CancelledAt),
	})
	return errors.Join(err, told.Store(ctx, &pipe, t.ID, t.Now()), pipe.Send(ctx, tx))
}

// takeBack undoes what the order took: stock, codes, points, in lock order.
func takeBack(ctx context.Context, tx pg.Tx, pipe *pg.Pipeline, told *event.Journal, t tenant.Tenant, o Order) error {
	if err := q.ItemUpdateReturned(ctx, tx, query.ItemUpdateReturnedParams{TenantID: t.ID, ID: o.ItemID, Quantity: int64(o.Quantity)}); err != nil {
		return fmt.Errorf("return stock: %w", err)
	}
	pools, err := q.CodeUpdateVoided(ctx, tx, query.CodeUpdateVoidedParams{TenantID: t.ID, OrderID: &o.ID})
	if err != nil {
		return fmt.Errorf("void codes: %w", err)
	}
	for _, poolID := range pools {
		if err := q.PoolUpdateCounts(ctx, tx, query.PoolUpdateCountsParams{TenantID: t.ID, ID: poolID, Issued: -1, Voided: 1}); err != nil {
			return fmt.Errorf("count voided code: %w", err)
		}
	}
	refund := ledger.Command{
		Op: ledger.OpRefund, Member: o.Member, Asset: o.Asset, UndoSeq: o.spendSeq, Cause: o.ID,
		Memo: ledger.Memo{Reason: "Order cancelled: " + o.ItemName},
	}
	session, err := ledger.Begin(ctx, tx, t, t.Now(), []ledger.Command{refund})
	if err != nil {
		return err
	}
	session.TellIn(told)
	return errors.Join(session.Do(refund).Err, session.Store(ctx, pipe))
}
