package store

import (
	"context"
	"fmt"
	"time"

	"github.com/incent-dev/incent/gen/query"
	"github.com/incent-dev/incent/internal/pg"
	"github.com/incent-dev/incent/internal/tenant"
)

// OrderFilter selects orders. Zero members select all.
type OrderFilter struct {
	Status      Status
	Member      string    // the caller's id
	From, To    time.Time // inclusive
	Limit, Skip int
}

var (
	distantPast   = time.Date(1, 1, 2, 0, 0, 0, 0, time.UTC)
	distantFuture = time.Date(9999, 12, 30, 0, 0, 0, 0, time.UTC)
)

// Orders lists orders, newest first. Totals and deep pages come from the counts
// per day, so they cost one row per day and at most one day's index entries.
func (s *Store) Orders(ctx context.Context, tenantID int64, f OrderFilter) (orders []Order, total int64, err error) {
	if f.From.IsZero() {
		f.From = distantPast
	}
	if f.To.IsZero() {
		f.To = distantFuture
	}
	if f.Member != "" {
		orders, total, err = s.memberOrders(ctx, tenantID, f)
	} else {
		orders, total, err = s.allOrders(ctx, tenantID, f)
	}
	return orders, total, pg.Fault(err)
}

func optional(s Status) *string {
	if s == "" {
		return nil
	}
	text := string(s)
	return &text
}

func (s *Store) memberOrders(ctx context.Context, tenantID int64, f OrderFilter) ([]Order, int64, error) {
	m, found, err := tenant.MemberKey(ctx, s.db, tenantID, f.Member)
	if err != nil || !found {
		return nil, 0, err
	}
	total, err := q.OrderCountByMember(ctx, s.db, query.OrderCountByMemberParams{TenantID: tenantID, MemberID: m, Status: optional(f.Status), FromAt: f.From, ToAt: f.To})
	if err != nil {
		return nil, 0, fmt.Errorf("count orders: %w", err)
	}
	rows, err := q.OrderListByMember(ctx, s.db, query.OrderListByMemberParams{
		TenantID: tenantID, MemberID: m, Status: optional(f.Status), FromAt: f.From, ToAt: f.To, MaxRows: int32(f.Limit), SkipRows: clampSkip(f.Skip),
	})
	if err != nil {
		return nil, 0, fmt.Errorf("list orders: %w", err)
	}
	orders := make([]Order, len(rows))
	for i, r := range rows {
		if orders[i], err = orderFromRow(r.Order, r.ExternalID); err != nil {
			return nil, 0, err
		}
	}
	return orders, total, nil
}

// slice is a part of time with the number of orders in it.
type slice struct {
	from, to time.Time // inclusive
	orders   int64
}

const (
	wholeDay = 24 * time.Hour
	tick     = time.Microsecond // the database's resolution
)

func (s *Store) allOrders(ctx context.Context, tenantID int64, f OrderFilter) ([]Order, int64, error) {
	slices, err := s.slices(ctx, tenantID, f)
	if err != nil {
		return nil, 0, err
	}
	var total int64
	to, skip := f.To, int64(f.Skip)
	for _, sl := range slices {
		if total+sl.orders <= int64(f.Skip) {
			// The page begins before this slice: leave it out of the scan.
			to, skip = sl.from.Add(-tick), skip-sl.orders
		}
		total += sl.orders
	}
	if int64(f.Skip) >= total {
		return nil, total, nil
	}
	orders, err := s.listSpan(ctx, tenantID, f, to, skip)
	return orders, total, err
}

// slices counts the orders of the span by day, newest first. Days that lie in
// it only in part are counted by index.
func (s *Store) slices(ctx context.Context, tenantID int64, f OrderFilter) ([]slice, error) {
	days, err := q.OrderDayList(ctx, s.db, query.OrderDayListParams{TenantID: tenantID, FromDay: f.From, ToDay: f.To, Status: optional(f.Status)})
	if err != nil {
		return nil, fmt.Errorf("count orders by day: %w", err)
	}
	list := make([]slice, len(days))
	for i, d := range days {
		sl := slice{d.Day.UTC(), d.Day.UTC().Add(wholeDay - tick), d.Orders}
		if sl.from.Before(f.From) || sl.to.After(f.To) {
			if sl.from.Before(f.From) {
				sl.from = f.From
			}
			if sl.to.After(f.To) {
				sl.to = f.To
			}
			sl.orders, err = q.OrderCountSpan(ctx, s.db, query.OrderCountSpanParams{TenantID: tenantID, Status: optional(f.Status), FromAt: sl.from, ToAt: sl.to})
			if err != nil {
				return nil, fmt.Errorf("count orders: %w", err)
			}
		}
		list[i] = sl
	}
	return list, nil
}

func (s *Store) listSpan(ctx context.Context, tenantID int64, f OrderFilter, to time.Time, skip int64) ([]Order, error) {
	var orders []Order
	add := func(r query.Order, external string) error {
		o, err := orderFromRow(r, external)
		orders = append(orders, o)
		return err
	}
	if f.Status == "" {
		rows, err := q.OrderList(ctx, s.db, query.OrderListParams{TenantID: tenantID, FromAt: f.From, ToAt: to, MaxRows: int32(f.Limit), SkipRows: int32(skip)})
		for _, r := range rows {
			if err == nil {
				err = add(r.Order, r.ExternalID)
			}
		}
		return orders, err
	}
	rows, err := q.OrderListByStatus(ctx, s.db, query.OrderListByStatusParams{
		TenantID: tenantID, Status: string(f.Status), FromAt: f.From, ToAt: to, MaxRows: int32(f.Limit), SkipRows: int32(skip),
	})
	for _, r := range rows {
		if err == nil {
			err = add(r.Order, r.ExternalID)
		}
	}
	return orders, err
}
