package webhook

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"time"

	"github.com/incent-dev/incent/gen/query"
	"github.com/incent-dev/incent/internal/event"
	"github.com/incent-dev/incent/internal/fault"
	"github.com/incent-dev/incent/internal/id"
	"github.com/incent-dev/incent/internal/once"
	"github.com/incent-dev/incent/internal/pg"
)

const (
	deliveryPrefix = "dlv_"

	// MaxReplay bounds the events of one replay: what one transaction can make
	// due again.
	MaxReplay = 10_000
)

// Delivery is one event on its way to one endpoint, or a test.
type Delivery struct {
	Endpoint, Number int64
	Event            string // its id; "": a test
	Name             string // of the event, as receivers of the style know it
	State            string
	Attempts         int
	DueAt            time.Time // of a pending one
	CreatedAt        time.Time

	// Of the last attempt; zero where there was none.
	AttemptedAt  time.Time
	Status       int    // 0: no answer came
	Problem      string // then, why
	Duration     time.Duration
	RequestHead  json.RawMessage
	ResponseHead json.RawMessage
}

// PublicID renders the delivery's id, which its attempts carry as webhook-id.
func (d Delivery) PublicID() string { return DeliveryID(d.Endpoint, d.Number) }

func deliveryFromRow(style Style, r query.WebhookDelivery) Delivery {
	d := Delivery{
		Endpoint: r.EndpointID, Number: r.Number, State: r.State, Attempts: int(r.Attempts), CreatedAt: r.CreatedAt.UTC(),
		RequestHead: r.RequestHead, ResponseHead: r.ResponseHead,
	}
	if d.Name = testNames[style]; r.Number > 0 {
		d.Event, d.Name = event.Event{Number: r.Number}.PublicID(), event.Kind(r.Kind).String()
	}
	if r.State == Pending {
		d.DueAt = r.DueAt.UTC()
	}
	if r.AttemptedAt != nil {
		d.AttemptedAt = r.AttemptedAt.UTC()
	}
	if r.Status != nil {
		d.Status = int(*r.Status)
	}
	if r.Problem != nil {
		d.Problem = *r.Problem
	}
	if r.DurationMs != nil {
		d.Duration = time.Duration(*r.DurationMs) * time.Millisecond
	}
	return d
}

// parseDelivery reads a delivery's id: the number, where it is one of the endpoint's.
func parseDelivery(endpoint int64, text string) (number int64, known bool) {
	u, ok := id.ParseUUID(deliveryPrefix, text)
	if !ok || int64(binary.BigEndian.Uint64(u[:8])) != endpoint {
		return 0, false
	}
	return int64(binary.BigEndian.Uint64(u[8:])), true
}

// Delivery reads one delivery.
func (h *Hooks) Delivery(ctx context.Context, tenantID int64, endpointID, deliveryID string) (Delivery, error) {
	e, err := h.Endpoint(ctx, tenantID, endpointID)
	if err != nil {
		return Delivery{}, err
	}
	number, known := parseDelivery(e.ID, deliveryID)
	if !known {
		return Delivery{}, fault.Missing("delivery")
	}
	row, err := q.DeliveryGet(ctx, h.db, query.DeliveryGetParams{TenantID: tenantID, EndpointID: e.ID, Number: number})
	if pg.IsNoRows(err) {
		return Delivery{}, fault.Missing("delivery")
	}
	return deliveryFromRow(e.Style, row), pg.Fault(err)
}

// Deliveries lists deliveries of an endpoint, those of the newest events first,
// tests last: of a state ("": all), behind a delivery ("": from the start).
func (h *Hooks) Deliveries(ctx context.Context, tenantID int64, endpointID, state, before string, limit int) ([]Delivery, error) {
	e, err := h.Endpoint(ctx, tenantID, endpointID)
	if err != nil {
		return nil, err
	}
	from := int64(math.MaxInt64)
	if before != "" {
		var known bool
		if from, known = parseDelivery(e.ID, before); !known {
			return nil, fault.Field("before", "is not the id of a delivery of this endpoint")
		}
	}
	var rows []query.WebhookDelivery
	switch state {
	case Failed:
		rows, err = q.DeliveryListFailed(ctx, h.db, query.DeliveryListFailedParams{TenantID: tenantID, EndpointID: e.ID, Before: from, MaxRows: int32(limit)})
	case Pending:
		rows, err = q.DeliveryListPending(ctx, h.db, query.DeliveryListPendingParams{TenantID: tenantID, EndpointID: e.ID, Before: from, MaxRows: int32(limit)})
	default:
		rows, err = q.DeliveryList(ctx, h.db, query.DeliveryListParams{
			TenantID: tenantID, EndpointID: e.ID, Before: from, State: textOrNil(state), MaxRows: int32(limit),
		})
	}
	if err != nil {
		return nil, pg.Fault(fmt.Errorf("list deliveries: %w", err))
	}
	list := make([]Delivery, len(rows))
	for i, r := range rows {
		list[i] = deliveryFromRow(e.Style, r)
	}
	return list, nil
}

// Test makes a delivery that tells nothing but that it is a test. It is attempted
// once, when the endpoint is active.
func (h *Hooks) Test(ctx context.Context, tenantID int64, endpointID string, ticket *once.Ticket) (Delivery, error) {
	return once.Run(ctx, h.db, tenantID, pg.Now(), ticket, func(ctx context.Context, tx pg.Tx) (Delivery, error) {
		l, err := h.lock(ctx, tx, tenantID, endpointID)
		if err != nil {
			return Delivery{}, err
		}
		number := -pg.NewKey()
		err = q.DeliveryInsertMany(ctx, tx, query.DeliveryInsertManyParams{
			TenantID: tenantID, EndpointID: l.ID, Numbers: []int64{number}, Kinds: []int16{0}, At: l.now,
		})
		if err != nil {
			return Delivery{}, fmt.Errorf("insert test: %w", err)
		}
		return Delivery{Endpoint: l.ID, Number: number, Name: testNames[l.Style], State: Pending, DueAt: l.now, CreatedAt: l.now}, nil
	})
}

// Replay says what to deliver again. One of the three is set.
type Replay struct {
	Event       string    // one event, even one that the endpoint's list does not have
	First, Last string    // all from the first to the last that the endpoint wants
	FailedSince time.Time // all deliveries given up whose last attempt was then or later
}

// Replayed is what a replay made due.
type Replayed struct {
	Queued int
	More   bool // there may be more: ask again
}

// Replay makes deliveries due at once, with all their attempts before them. They
// keep their ids, so a receiver who had one already can tell.
func (h *Hooks) Replay(ctx context.Context, tenantID int64, endpointID string, r Replay, ticket *once.Ticket) (Replayed, error) {
	// Events that were committed are in the feed for the caller: he may have
	// heard of them only by their effect.
	if err := h.number(ctx, tenantID); err != nil {
		return Replayed{}, pg.Fault(err)
	}
	return once.Run(ctx, h.db, tenantID, pg.Now(), ticket, func(ctx context.Context, tx pg.Tx) (Replayed, error) {
		l, err := h.lock(ctx, tx, tenantID, endpointID)
		if err != nil {
			return Replayed{}, err
		}
		if !r.FailedSince.IsZero() {
			n, err := q.DeliveryUpdateFailed(ctx, tx, query.DeliveryUpdateFailedParams{
				TenantID: tenantID, EndpointID: l.ID, At: l.now, Since: r.FailedSince, MaxRows: MaxReplay,
			})
			return Replayed{int(n), n == MaxReplay}, err
		}
		p, err := h.again(ctx, tx, &l, r)
		if err != nil || len(p.Numbers) == 0 {
			return Replayed{}, err
		}
		if err := q.DeliveryUpsertMany(ctx, tx, p); err != nil {
			return Replayed{}, fmt.Errorf("replay: %w", err)
		}
		return Replayed{Queued: len(p.Numbers)}, nil
	})
}

// again chooses the events of a replay.
func (h *Hooks) again(ctx context.Context, tx pg.Tx, l *locked, r Replay) (query.DeliveryUpsertManyParams, error) {
	p := query.DeliveryUpsertManyParams{TenantID: l.row.TenantID, EndpointID: l.ID, At: l.now}
	first, last, err := r.span()
	if err != nil {
		return p, err
	}
	// What the endpoint has not seen yet it will be told anyway.
	heads, err := h.feed.Heads(ctx, tx, l.row.TenantID, first-1, int(last-first+1))
	if err != nil {
		return p, err
	}
	found := false
	for _, e := range heads {
		found = found || e.Number == first
		switch {
		case e.Number > last || e.Number > l.row.Seen:
		case r.Event != "" && !hears(l.Style, e.Kind):
			return p, fault.Field("eventId", "is no event of the endpoint's style")
		case r.Event != "" || l.wants(e.Kind):
			p.Numbers, p.Kinds = append(p.Numbers, e.Number), append(p.Kinds, int16(e.Kind))
		}
	}
	if !found {
		return p, fault.Missing("event")
	}
	return p, nil
}

// span reads the ids of a replay: the numbers of the first event and the last.
func (r Replay) span() (first, last int64, err error) {
	if r.Event != "" {
		r.First, r.Last = r.Event, r.Event
	}
	first, known := event.ParseID(r.First)
	last, also := event.ParseID(r.Last)
	switch {
	case !known || !also || first < 1:
		return 0, 0, fault.Missing("event")
	case last < first:
		return 0, 0, fault.Field("lastEventId", "must not be before firstEventId")
	case last-first >= MaxReplay:
		return 0, 0, fault.Field("lastEventId", "must be within %d events of firstEventId", MaxReplay)
	}
	return first, last, nil
}
