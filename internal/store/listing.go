package store

import (
	"cmp"
	"context"
	"fmt"

	"github.com/incent-dev/incent/gen/query"
	"github.com/incent-dev/incent/internal/fault"
	"github.com/incent-dev/incent/internal/id"
	"github.com/incent-dev/incent/internal/once"
	"github.com/incent-dev/incent/internal/pg"
	"github.com/incent-dev/incent/internal/tenant"
)

const listingPrefix = "listing_"

// Listing is an item that a partner offers. Its Name is the title. Stock and
// codes are its own, or, where it sells another tenant's offer, that tenant's.
type Listing struct {
	Item
	Partner   Partner
	OwedMinor int64 // what the partner is owed for one; 0: nothing
	OfferID   string
	Available *int64 // what stock and codes are left for; nil: no limit
}

// listed is what makes an item a listing.
type listed struct {
	partnerID string
	owedMinor int64
	offer     ref // zero: our own stock and codes
}

// ref names a row of some tenant.
type ref struct {
	tenantID int64
	id       string
}

func listedFromRow(r query.Item) *listed {
	if r.PartnerID == nil {
		return nil
	}
	l := &listed{partnerID: *r.PartnerID, owedMinor: *r.OwedMinor}
	if r.OfferID != nil {
		l.offer = ref{*r.OfferTenantID, *r.OfferID}
	}
	return l
}

func listingFromRows(i query.Item, p query.Partner, available int64) Listing {
	l := Listing{Item: itemFromRow(i), Partner: partnerFromRow(p)}
	l.OwedMinor, l.OfferID = l.listed.owedMinor, l.listed.offer.id
	if available >= 0 {
		l.Available = &available
	}
	return l
}

func (l Listing) check() error {
	switch {
	case l.Name == "":
		return fault.Field("title", "is required")
	case l.PointsCost == nil && l.TokensCost == nil:
		return fault.Field("pointsCost", "is required where there is no tokensCost")
	case l.OfferID != "" && l.Stock != nil:
		return fault.Field("stock", "is the other programme's")
	case l.OfferID != "" && l.PoolID != nil:
		return fault.Field("codePoolId", "is the other programme's")
	}
	if err := checkOwed(l.OwedMinor); err != nil {
		return err
	}
	return l.Item.check()
}

// CreateListing puts a listing up. An empty id is made up; without a pool and
// without an offer it gets a pool of its own.
func (s *Store) CreateListing(ctx context.Context, tenantID int64, l Listing, ticket *once.Ticket) (Listing, error) {
	l.ID, l.Kind = cmp.Or(l.ID, id.UUID(listingPrefix, pg.NewUUID())), Digital
	return once.Run(ctx, s.db, tenantID, pg.Now(), ticket, func(ctx context.Context, tx pg.Tx) (Listing, error) {
		t, err := tenant.Get(ctx, tx, tenantID)
		if err != nil {
			return Listing{}, err
		}
		if err := l.check(); err != nil {
			return Listing{}, err
		}
		_, err = partner(ctx, tx, tenantID, l.Partner.ID)
		if fault.Is(err, fault.CodeNotFound) {
			return Listing{}, fault.Missing("partner").About("partnerId")
		}
		if err != nil {
			return Listing{}, err
		}
		made := l
		made.listed = &listed{partnerID: l.Partner.ID, owedMinor: l.OwedMinor}
		switch {
		case l.OfferID != "":
			err = made.sellOffer(ctx, tx, t)
		case l.PoolID == nil:
			var pool Pool
			pool, err = s.CreatePool(ctx, tx, tenantID, "Listing "+l.ID, Imported)
			made.PoolID = &pool.ID
		}
		if err != nil {
			return Listing{}, err
		}
		made.CreatedAt = t.Now()
		if err := insertItem(ctx, tx, tenantID, made.Item); err != nil {
			return Listing{}, err
		}
		return listing(ctx, tx, tenantID, made.ID)
	})
}

// sellOffer ties the listing to another tenant's offer, whose price is what is
// owed.
func (l *Listing) sellOffer(ctx context.Context, tx pg.Tx, t tenant.Tenant) error {
	if l.OwedMinor != 0 {
		return fault.Field("settlementPrice", "is the other programme's")
	}
	made, err := q.OfferFindMade(ctx, tx, query.OfferFindMadeParams{ID: l.OfferID, Programme: t.Name, Mode: string(t.Mode), SellerID: t.ID})
	if pg.IsNoRows(err) {
		return fault.Missing("offer").About("offerId")
	}
	if err != nil {
		return fmt.Errorf("find offer: %w", err)
	}
	l.listed.offer, l.listed.owedMinor = ref{made.TenantID, made.ID}, made.PriceMinor
	return nil
}

// UpdateListing changes a locked copy of a listing and stores it. It stays with
// its partner and its offer.
func (s *Store) UpdateListing(ctx context.Context, tenantID int64, listingID string, change func(*Listing), ticket *once.Ticket) (Listing, error) {
	return once.Run(ctx, s.db, tenantID, pg.Now(), ticket, func(ctx context.Context, tx pg.Tx) (Listing, error) {
		t, err := tenant.Get(ctx, tx, tenantID)
		if err != nil {
			return Listing{}, err
		}
		row, err := q.ItemGetForUpdate(ctx, tx, query.ItemGetForUpdateParams{TenantID: tenantID, ID: listingID, Listing: true})
		if pg.IsNoRows(err) {
			return Listing{}, fault.Missing("listing")
		}
		if err != nil {
			return Listing{}, fmt.Errorf("lock listing: %w", err)
		}
		l := Listing{Item: itemFromRow(row)}
		l.OwedMinor, l.OfferID = l.listed.owedMinor, l.listed.offer.id
		before := l.OwedMinor
		change(&l)
		if l.OfferID != "" && l.OwedMinor != before {
			return Listing{}, fault.Field("settlementPrice", "is the other programme's")
		}
		if err := l.check(); err != nil {
			return Listing{}, err
		}
		l.listed.owedMinor, l.UpdatedAt = l.OwedMinor, t.Now()
		if err := updateItem(ctx, tx, tenantID, l.Item); err != nil {
			return Listing{}, err
		}
		return listing(ctx, tx, tenantID, listingID)
	})
}

// Listing reads one listing.
func (s *Store) Listing(ctx context.Context, tenantID int64, listingID string) (Listing, error) {
	l, err := listing(ctx, s.db, tenantID, listingID)
	return l, pg.Fault(err)
}

func listing(ctx context.Context, db query.DBTX, tenantID int64, listingID string) (Listing, error) {
	rows, err := q.ListingList(ctx, db, query.ListingListParams{TenantID: tenantID, ID: &listingID, MaxRows: 1})
	if err != nil {
		return Listing{}, fmt.Errorf("read listing: %w", err)
	}
	if len(rows) == 0 {
		return Listing{}, fault.Missing("listing")
	}
	return listingFromRows(rows[0].Item, rows[0].Partner, rows[0].Available), nil
}

// ListingFilter selects listings. Nil members select all.
type ListingFilter struct {
	PartnerID, Status *string
	Limit, Skip       int
}

// Listings lists them for their keeper, oldest first.
func (s *Store) Listings(ctx context.Context, tenantID int64, f ListingFilter) (listings []Listing, total int64, err error) {
	rows, err := q.ListingList(ctx, s.db, query.ListingListParams{
		TenantID: tenantID, PartnerID: f.PartnerID, Status: f.Status, MaxRows: int32(f.Limit), SkipRows: clampSkip(f.Skip),
	})
	if err != nil {
		return nil, 0, pg.Fault(fmt.Errorf("list listings: %w", err))
	}
	listings = make([]Listing, len(rows))
	for i, r := range rows {
		listings[i] = listingFromRows(r.Item, r.Partner, r.Available)
	}
	total, err = q.ListingCount(ctx, s.db, query.ListingCountParams{TenantID: tenantID, PartnerID: f.PartnerID, Status: f.Status})
	return listings, total, pg.Fault(err)
}

// ImportListingCodes puts codes of the partner into the listing's pool and
// returns how many were new.
func (s *Store) ImportListingCodes(ctx context.Context, tenantID int64, listingID string, codes []string, ticket *once.Ticket) (int, error) {
	return once.Run(ctx, s.db, tenantID, pg.Now(), ticket, func(ctx context.Context, tx pg.Tx) (int, error) {
		l, err := listing(ctx, tx, tenantID, listingID)
		if err != nil {
			return 0, err
		}
		if l.PoolID == nil {
			return 0, fault.New(fault.Invalid, fault.CodeInvalidRequest, "The codes of this listing are the other programme's")
		}
		return s.ImportCodes(ctx, tx, tenantID, *l.PoolID, codes)
	})
}

// DeleteListing takes a listing off every list. Orders of it stay, and so its id
// stays taken.
func (s *Store) DeleteListing(ctx context.Context, tenantID int64, listingID string) error {
	deleted, err := q.ListingDelete(ctx, s.db, query.ListingDeleteParams{TenantID: tenantID, ID: listingID, At: pg.Now()})
	if err == nil && deleted == 0 {
		return fault.Missing("listing")
	}
	return pg.Fault(err)
}
