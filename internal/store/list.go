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
	Statuses    []Status  // any of them
	Member      string    // the caller's id; an unknown one has no orders
	ItemID      string    // an unknown one was never ordered
	From, To    time.Time // inclusive
	Limit, Skip int
}

var (
	distantPast   = time.Date(1, 1, 2, 0, 0, 0, 0, time.UTC)
	distantFuture = time.Date(9999, 12, 30, 0, 0, 0, 0, time.UTC)
)

// Orders lists orders, newest first. Totals and deep pages come from the counts
// per span, so they cost one row per day, per 288 seconds of one day, and per
// second of those, and at most one second's index entries. Those of one member are
// counted one by one.
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

// texts are the statuses asked for.
func (f OrderFilter) texts() []string {
	var list []string
	statuses := f.Statuses
	if len(statuses) == 0 {
		statuses = allStatuses
	}
	for _, s := range statuses {
		list = append(list, string(s))
	}
	return list
}

func (s *Store) memberOrders(ctx context.Context, tenantID int64, f OrderFilter) ([]Order, int64, error) {
	m, found, err := tenant.MemberKey(ctx, s.db, tenantID, f.Member)
	if err != nil || !found {
		return nil, 0, err
	}
	var item *string
	if f.ItemID != "" {
		item = &f.ItemID
	}
	total, err := q.OrderCountByMember(ctx, s.db, query.OrderCountByMemberParams{
		TenantID: tenantID, MemberID: m, ItemID: item, Statuses: f.texts(), FromAt: f.From, ToAt: f.To,
	})
	if err != nil {
		return nil, 0, fmt.Errorf("count orders: %w", err)
	}
	rows, err := q.OrderListByMember(ctx, s.db, query.OrderListByMemberParams{
		TenantID: tenantID, MemberID: m, ItemID: item, Statuses: f.texts(), FromAt: f.From, ToAt: f.To,
		MaxRows: int32(f.Limit), SkipRows: clampSkip(f.Skip),
	})
	var page orderPage
	for _, r := range rows {
		page.add(r.Order, r.ExternalID)
	}
	orders, err := page.done(err)
	return orders, total, err
}

// orderPage gathers the rows of a page.
type orderPage struct {
	orders []Order
	err    error
}

func (p *orderPage) add(r query.Order, external string) {
	o, err := orderFromRow(r, external)
	if p.orders = append(p.orders, o); err != nil {
		p.err = err
	}
}

func (p *orderPage) done(err error) ([]Order, error) {
	if err != nil {
		return nil, fmt.Errorf("list orders: %w", err)
	}
	return p.orders, p.err
}

func (s *Store) allOrders(ctx context.Context, tenantID int64, f OrderFilter) ([]Order, int64, error) {
	seeker := orderSeeker{s.db, tenantID, f.ItemID, f.texts()}
	at, err := seeker.seek(ctx, spanLengths, f.From, f.To, int64(f.Skip))
	if err != nil || int64(f.Skip) >= at.total {
		return nil, at.total, err
	}
	orders, err := s.listSpan(ctx, tenantID, f, at)
	return orders, at.total, err
}

func (s *Store) listSpan(ctx context.Context, tenantID int64, f OrderFilter, at place) ([]Order, error) {
	var page orderPage
	limit, skip := int32(f.Limit), int32(at.skip)
	switch {
	case f.ItemID != "":
		rows, err := q.OrderListByItem(ctx, s.db, query.OrderListByItemParams{
			TenantID: tenantID, ItemID: f.ItemID, Statuses: f.texts(), FromAt: f.From, ToAt: at.newest, Reach: skip + limit, MaxRows: limit, SkipRows: skip,
		})
		for _, r := range rows {
			page.add(r.Order, r.ExternalID)
		}
		return page.done(err)
	case len(f.Statuses) > 0:
		rows, err := q.OrderListByStatus(ctx, s.db, query.OrderListByStatusParams{
			TenantID: tenantID, Statuses: f.texts(), FromAt: f.From, ToAt: at.newest, Reach: skip + limit, MaxRows: limit, SkipRows: skip,
		})
		for _, r := range rows {
			page.add(r.Order, r.ExternalID)
		}
		return page.done(err)
	}
	rows, err := q.OrderList(ctx, s.db, query.OrderListParams{TenantID: tenantID, FromAt: f.From, ToAt: at.newest, MaxRows: limit, SkipRows: skip})
	for _, r := range rows {
		page.add(r.Order, r.ExternalID)
	}
	return page.done(err)
}
