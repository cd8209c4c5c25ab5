package store

import (
	"context"
	"fmt"
	"time"

	"github.com/incent-dev/incent/gen/query"
	"github.com/incent-dev/incent/internal/pg"
)

// spanLengths are the lengths of order_spans, longest first: each holds at most
// 300 of the next.
var spanLengths = []time.Duration{24 * time.Hour, 288 * time.Second, time.Second}

const (
	tick = time.Microsecond // the database's resolution

	// nearEnough is how many index entries are walked rather than looked for.
	nearEnough = 200
)

// place is where a page of orders begins, newest first: skip orders after the
// newest that may be on it.
type place struct {
	newest time.Time
	skip   int64
	total  int64 // of the whole span
}

// orderSeeker finds places by the counts of order_spans.
type orderSeeker struct {
	db       *pg.DB
	tenantID int64
	itemID   string // "": all
	statuses []string
}

// seek counts the orders of a part of time, both ends included, and finds the
// place that skip leads to. What lies in the first and last span of a length only
// in part is counted by shorter ones, in the end by index.
func (s orderSeeker) seek(ctx context.Context, lengths []time.Duration, from, to time.Time, skip int64) (place, error) {
	at := place{newest: to, skip: skip}
	if len(lengths) == 0 {
		n, err := s.count(ctx, from, to)
		at.total = n
		return at, err
	}
	length := lengths[0]
	rows, err := q.OrderSpanList(ctx, s.db, query.OrderSpanListParams{
		TenantID: s.tenantID, ItemID: s.itemID, Statuses: s.statuses, Seconds: int32(length / time.Second), FromAt: from.Add(tick - length), ToAt: to,
	})
	if err != nil {
		return at, fmt.Errorf("count orders by spans: %w", err)
	}
	oldest := from // of the span that the page begins in
	for _, r := range rows {
		first, last := r.StartsAt.UTC(), r.StartsAt.UTC().Add(length-tick)
		n := r.Orders
		if first.Before(from) || last.After(to) {
			first, last = later(first, from), sooner(last, to)
			part, err := s.seek(ctx, lengths[1:], first, last, 0)
			if err != nil {
				return at, err
			}
			n = part.total
		}
		if at.total+n <= skip {
			at.newest, at.skip = first.Add(-tick), at.skip-n
		} else if at.total <= skip {
			oldest = first
		}
		at.total += n
	}
	if at.skip <= nearEnough || skip >= at.total || len(lengths) == 1 {
		return at, nil
	}
	within, err := s.seek(ctx, lengths[1:], oldest, at.newest, at.skip)
	within.total = at.total
	return within, err
}

func (s orderSeeker) count(ctx context.Context, from, to time.Time) (n int64, err error) {
	if s.itemID == "" {
		n, err = q.OrderCount(ctx, s.db, query.OrderCountParams{TenantID: s.tenantID, Statuses: s.statuses, FromAt: from, ToAt: to})
	} else {
		n, err = q.OrderCountByItem(ctx, s.db, query.OrderCountByItemParams{TenantID: s.tenantID, ItemID: s.itemID, Statuses: s.statuses, FromAt: from, ToAt: to})
	}
	if err != nil {
		return 0, fmt.Errorf("count orders: %w", err)
	}
	return n, nil
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func sooner(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
