package store

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/incent-dev/incent/gen/query"
	"github.com/incent-dev/incent/internal/event"
	"github.com/incent-dev/incent/internal/pg"
	"github.com/incent-dev/incent/internal/wire"
)

// journals are those of a transaction, by tenant: a sale may tell another one
// that its codes have run out.
type journals map[int64]*event.Journal

func (js journals) of(tenantID int64) *event.Journal {
	if js[tenantID] == nil {
		js[tenantID] = &event.Journal{}
	}
	return js[tenantID]
}

// store queues all of them. The instant is that of the tenant that sells.
func (js journals) store(ctx context.Context, pipe *pg.Pipeline, at time.Time) error {
	for _, tenantID := range slices.Sorted(maps.Keys(js)) {
		if err := js[tenantID].Store(ctx, pipe, tenantID, at); err != nil {
			return err
		}
	}
	return nil
}

// tellMade notes what callers hear of a new order. The order's row says the rest.
func (o Order) tellMade(told *event.Journal) {
	told.Object(event.RewardRedeemed, o.ID, nil)
	told.Object(event.OrderCreated, o.ID, nil)
	if o.Status == Completed {
		told.Object(event.OrderCompleted, o.ID, nil)
	}
	told.Object(event.IncentiveItemRedeemed, o.ID, nil)
	if o.listed != nil {
		told.Object(event.MarketplaceListingRedeemed, o.ID, nil)
	}
}

// moved is what the journal holds of a move; the order's row has gone on since.
type moved struct {
	From Status `json:"from"`
	To   Status `json:"to"`
}

// movedTo tells which move is told as what.
var movedTo = map[Status]event.Kind{
	Processing: event.OrderUpdated, Shipped: event.OrderShipped, Completed: event.OrderCompleted, Cancelled: event.OrderCancelled,
}

// tellMoved notes what callers hear of a move: each status that it led through,
// or that nothing but the shipping details has changed.
func (o Order) tellMoved(told *event.Journal, before Order, through []Status) {
	from := before.Status
	for _, to := range through {
		told.Object(movedTo[to], o.ID, moved{from, to})
		from = to
	}
	switch {
	case o.Status == Completed && before.Status != Completed:
		told.Object(event.IncentiveItemFulfilled, o.ID, nil)
	case len(through) == 0 && !(same(o.TrackingNumber, before.TrackingNumber) && same(o.Carrier, before.Carrier)):
		told.Object(event.OrderUpdated, o.ID, moved{from, from})
	}
}

func same(a, b *string) bool { return (a == nil) == (b == nil) && (a == nil || *a == *b) }

// toldPool is the data of a pool that has run out.
type toldPool struct {
	PoolID    string `json:"pool_id"`
	Name      string `json:"name"`
	Available int64  `json:"available"` // more than 0 where somebody wanted more than that at once
}

// tellEmpty notes that a locked pool of imported codes has run out, or that
// somebody missed some, once until there are new ones.
func (p pool) tellEmpty(ctx context.Context, db query.DBTX, told *event.Journal, tenantID int64, at time.Time, missed bool) error {
	if p.told || p.mode != Imported || p.left > 0 && !missed {
		return nil
	}
	told.Fact(event.CodePoolEmpty, toldPool{p.id, p.name, p.left})
	return q.PoolMarkEmpty(ctx, db, query.PoolMarkEmptyParams{TenantID: tenantID, ID: p.id, At: at})
}

// tellEmpty notes which of the counter's pools have run out.
func (c *counter) tellEmpty(ctx context.Context, pipe *pg.Pipeline) error {
	for at, s := range c.pools {
		if !s.missed && len(s.issued) == 0 {
			continue
		}
		if err := s.tellEmpty(ctx, pipe, c.told.of(at.tenantID), at.tenantID, c.at, s.missed); err != nil {
			return err
		}
	}
	return nil
}

// toldPartner is the data of an event about a partner, as it was.
type toldPartner struct {
	PartnerID  string       `json:"partnerId"`
	Name       string       `json:"name"`
	Website    *string      `json:"website"`
	Verified   bool         `json:"verified"`
	VerifiedAt *wire.Millis `json:"verifiedAt"`
	CreatedAt  wire.Millis  `json:"createdAt"`
}

func (p Partner) told() toldPartner {
	return toldPartner{p.ID, p.Name, p.Website, p.Verified(), wire.MillisOrNull(p.VerifiedAt), wire.Millis(p.CreatedAt)}
}
