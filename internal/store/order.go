package store

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/incent-dev/incent/gen/query"
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
}

// PublicID renders the order's id.
func (o Order) PublicID() string { return OrderID(o.ID) }

const orderPrefix = "ord_"

// OrderID renders an order's id.
func OrderID(u uuid.UUID) string { return id.UUID(orderPrefix, u) }

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
	To             Status
	TrackingNumber *string
	Carrier        *string
}

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
		before := o.Status
		if err := o.move(m, t.Now()); err != nil {
			return Order{}, err
		}
		return o, storeMove(ctx, tx, t, o, before)
	})
}

// move decides, and changes the order in memory.
func (o *Order) move(m Move, at time.Time) error {
	if m.To != o.Status && !slices.Contains(moves[o.Status], m.To) {
		return fault.New(fault.Invalid, CodeInvalidTransition, "An order that is %s cannot become %s", o.Status, m.To).About("status")
	}
	if m.To != o.Status {
		switch m.To {
		case Shipped:
			o.ShippedAt = at
		case Completed:
			o.CompletedAt = at
		case Cancelled:
			o.CancelledAt = at
		}
	}
	o.Status = m.To
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

func storeMove(ctx context.Context, tx pg.Tx, t tenant.Tenant, o Order, before Status) error {
	var pipe pg.Pipeline
	if o.Status == Cancelled && before != Cancelled {
		if err := takeBack(ctx, tx, &pipe, t, o); err != nil {
			return err
		}
	}
	err := q.OrderUpdate(ctx, &pipe, query.OrderUpdateParams{
		TenantID: t.ID, ID: o.ID, Status: string(o.Status), TrackingNumber: o.TrackingNumber, Carrier: o.Carrier,
		ShippedAt: nullable(o.ShippedAt), CompletedAt: nullable(o.CompletedAt), CancelledAt: nullable(o.CancelledAt),
	})
	if err == nil && before != o.Status {
		days := dayCounts{}
		days.add(o.CreatedAt, before, -1)
		days.add(o.CreatedAt, o.Status, 1)
		err = days.store(ctx, &pipe, t.ID)
	}
	return errors.Join(err, pipe.Send(ctx, tx))
}

// takeBack undoes what the order took: stock, codes, points, in lock order.
func takeBack(ctx context.Context, tx pg.Tx, pipe *pg.Pipeline, t tenant.Tenant, o Order) error {
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
	results, err := ledger.Apply(ctx, tx, pipe, t, t.Now(), []ledger.Command{{
		Op: ledger.OpRefund, Member: o.Member, Asset: o.Asset, UndoSeq: o.spendSeq, Cause: o.ID,
		Memo: ledger.Memo{Reason: "Order cancelled: " + o.ItemName},
	}})
	if err != nil {
		return err
	}
	return results[0].Err
}

// dayCounts gathers changes of order_days.
type dayCounts map[dayStatus]int64

type dayStatus struct {
	day    time.Time
	status Status
}

func (d dayCounts) add(at time.Time, status Status, n int64) {
	d[dayStatus{at.UTC().Truncate(24 * time.Hour), status}] += n
}

func (d dayCounts) store(ctx context.Context, db query.DBTX, tenantID int64) error {
	keys := make([]dayStatus, 0, len(d))
	for k := range d {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b dayStatus) int {
		return cmp.Or(a.day.Compare(b.day), cmp.Compare(a.status, b.status))
	})
	arg := query.OrderDayAddManyParams{TenantID: tenantID}
	for _, k := range keys {
		arg.Days = append(arg.Days, k.day)
		arg.Statuses = append(arg.Statuses, string(k.status))
		arg.Orders = append(arg.Orders, d[k])
	}
	return q.OrderDayAddMany(ctx, db, arg)
}
