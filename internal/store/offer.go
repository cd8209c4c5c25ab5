package store

import (
	"context"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/incent-dev/incent/gen/query"
	"github.com/incent-dev/incent/internal/fault"
	"github.com/incent-dev/incent/internal/id"
	"github.com/incent-dev/incent/internal/once"
	"github.com/incent-dev/incent/internal/pg"
	"github.com/incent-dev/incent/internal/tenant"
)

const (
	offerPrefix   = "offer_"
	maxProgramme  = 100
	maxOwedMinor  = 100_000_000_000
	owedTextLimit = "1000000000"
)

// Offer is an item of a tenant that one other tenant may sell.
type Offer struct {
	ID          string
	ItemID      string
	Programme   string // the name of the tenant that may sell it
	PriceMinor  int64  // owed for one; 0: nothing
	Sold        int64
	OwedMinor   int64
	CreatedAt   time.Time
	WithdrawnAt time.Time // zero: stands
}

func offerFromRow(r query.Offer) Offer {
	return Offer{r.ID, r.ItemID, r.Programme, r.PriceMinor, r.Sold, r.OwedMinor, r.CreatedAt.UTC(), instant(r.WithdrawnAt)}
}

func checkOwed(minor int64) error {
	if minor < 0 || minor > maxOwedMinor {
		return fault.Field("settlementPrice", "must be between 0 and %s", owedTextLimit)
	}
	return nil
}

// CreateOffer offers a digital item with a code pool to another programme. It
// never tells whether there is one of that name.
func (s *Store) CreateOffer(ctx context.Context, tenantID int64, o Offer, ticket *once.Ticket) (Offer, error) {
	return once.Run(ctx, s.db, tenantID, pg.Now(), ticket, func(ctx context.Context, tx pg.Tx) (Offer, error) {
		if o.Programme == "" || utf8.RuneCountInString(o.Programme) > maxProgramme {
			return Offer{}, fault.Field("programme", "must have 1 to %d characters", maxProgramme)
		}
		if err := checkOwed(o.PriceMinor); err != nil {
			return Offer{}, err
		}
		t, err := tenant.Get(ctx, tx, tenantID)
		if err != nil {
			return Offer{}, err
		}
		item, err := q.ItemGet(ctx, tx, query.ItemGetParams{TenantID: tenantID, ID: o.ItemID})
		if pg.IsNoRows(err) {
			return Offer{}, fault.Missing("item").About("itemId")
		}
		if err != nil {
			return Offer{}, fmt.Errorf("read item: %w", err)
		}
		if item.PoolID == nil {
			return Offer{}, fault.Field("itemId", "must be a digital item with a code pool")
		}
		o.ID, o.Sold, o.OwedMinor, o.CreatedAt = id.UUID(offerPrefix, pg.NewUUID()), 0, 0, t.Now()
		return o, q.OfferInsert(ctx, tx, query.OfferInsertParams{
			TenantID: tenantID, ID: o.ID, ItemID: o.ItemID, Programme: o.Programme, PriceMinor: o.PriceMinor, CreatedAt: o.CreatedAt,
		})
	})
}

// WithdrawOffer ends an offer for good. Redemptions that have begun may still
// finish.
func (s *Store) WithdrawOffer(ctx context.Context, tenantID int64, offerID string, ticket *once.Ticket) (Offer, error) {
	return once.Run(ctx, s.db, tenantID, pg.Now(), ticket, func(ctx context.Context, tx pg.Tx) (Offer, error) {
		t, err := tenant.Get(ctx, tx, tenantID)
		if err != nil {
			return Offer{}, err
		}
		if err := q.OfferUpdateWithdrawn(ctx, tx, query.OfferUpdateWithdrawnParams{TenantID: tenantID, ID: offerID, At: t.Now()}); err != nil {
			return Offer{}, fmt.Errorf("withdraw offer: %w", err)
		}
		return offer(ctx, tx, tenantID, offerID)
	})
}

// Offer reads one offer.
func (s *Store) Offer(ctx context.Context, tenantID int64, offerID string) (Offer, error) {
	o, err := offer(ctx, s.db, tenantID, offerID)
	return o, pg.Fault(err)
}

func offer(ctx context.Context, db query.DBTX, tenantID int64, offerID string) (Offer, error) {
	row, err := q.OfferGet(ctx, db, query.OfferGetParams{TenantID: tenantID, ID: offerID})
	if pg.IsNoRows(err) {
		return Offer{}, fault.Missing("offer")
	}
	return offerFromRow(row), err
}

// Offers lists a tenant's offers, newest first.
func (s *Store) Offers(ctx context.Context, tenantID int64, limit, skip int) (offers []Offer, total int64, err error) {
	rows, err := q.OfferList(ctx, s.db, query.OfferListParams{TenantID: tenantID, MaxRows: int32(limit), SkipRows: clampSkip(skip)})
	if err != nil {
		return nil, 0, pg.Fault(fmt.Errorf("list offers: %w", err))
	}
	offers = make([]Offer, len(rows))
	for i, r := range rows {
		offers[i] = offerFromRow(r)
	}
	total, err = q.OfferCount(ctx, s.db, tenantID)
	return offers, total, pg.Fault(err)
}
