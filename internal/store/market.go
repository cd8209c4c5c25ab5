package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/incent-dev/incent/gen/query"
	"github.com/incent-dev/incent/internal/fault"
	"github.com/incent-dev/incent/internal/ledger"
	"github.com/incent-dev/incent/internal/pg"
)

// CodeListingInactive refuses what is not on offer.
const CodeListingInactive = "listing_inactive"

// MarketFilter selects what is on offer to a member.
type MarketFilter struct {
	Member      string // the caller's id
	All         bool   // also what the member cannot afford
	Limit, Skip int
}

// OnOffer is a listing as a member meets it.
type OnOffer struct {
	Listing
	Affordable bool

	// What is missing for each price there is; nil where there is none.
	MissingPoints, MissingTokens *int64
}

// Market lists what is on offer to a member, cheapest first. An unknown member
// has nothing.
func (s *Store) Market(ctx context.Context, books *ledger.Ledger, tenantID int64, f MarketFilter) ([]OnOffer, error) {
	has, err := books.Everything(ctx, tenantID, f.Member)
	if err != nil {
		return nil, err
	}
	points, tokens := has.Points.Spendable(), has.Tokens.Spendable()
	rows, err := q.ListingListOffered(ctx, s.db, query.ListingListOfferedParams{
		TenantID: tenantID, AllPrices: f.All, Points: points, Tokens: tokens, MaxRows: int32(f.Limit), SkipRows: clampSkip(f.Skip),
	})
	if err != nil {
		return nil, pg.Fault(fmt.Errorf("list the market: %w", err))
	}
	list := make([]OnOffer, len(rows))
	for i, r := range rows {
		o := OnOffer{Listing: listingFromRows(r.Item, r.Partner, r.Available)}
		o.MissingPoints, o.MissingTokens = shortfall(o.PointsCost, points), shortfall(o.TokensCost, tokens)
		o.Affordable = o.MissingPoints != nil && *o.MissingPoints == 0 || o.MissingTokens != nil && *o.MissingTokens == 0
		list[i] = o
	}
	return list, nil
}

func shortfall(cost *int64, has int64) *int64 {
	if cost == nil {
		return nil
	}
	short := max(*cost-has, 0)
	return &short
}

// readMarket reads, without locks, what stands behind the listings among the
// redemptions: partners, and what other tenants offer through them. Who takes an
// offer, an item or a verification away meanwhile was too late for these.
func (c *counter) readMarket(ctx context.Context, tx pg.Tx, calls []Redemption) error {
	var partners []string
	offers := map[int64][]string{}
	for _, r := range calls {
		item := c.item(r)
		if item == nil || item.listed == nil {
			continue
		}
		partners = append(partners, item.listed.partnerID)
		if at := item.listed.offer; at != (ref{}) {
			offers[at.tenantID] = append(offers[at.tenantID], at.id)
		}
	}
	if len(partners) == 0 {
		return nil
	}
	rows, err := q.PartnerListByID(ctx, tx, query.PartnerListByIDParams{TenantID: c.tenantID, Ids: partners})
	if err != nil {
		return fmt.Errorf("read partners: %w", err)
	}
	for _, r := range rows {
		c.partners[r.ID] = partnerFromRow(r)
	}
	for tenantID, ids := range offers {
		if err := c.readOffers(ctx, tx, tenantID, ids); err != nil {
			return err
		}
	}
	return nil
}

// readOffers reads offers of another tenant and the items that they are of. Here
// and in what follows from it (lockItems, lockPools, store) a redemption reaches
// into another tenant, and nowhere else; the offer is that tenant's consent.
func (c *counter) readOffers(ctx context.Context, tx pg.Tx, tenantID int64, ids []string) error {
	rows, err := q.OfferListByID(ctx, tx, query.OfferListByIDParams{TenantID: tenantID, Ids: ids})
	if err != nil {
		return fmt.Errorf("read offers: %w", err)
	}
	var items []string
	for _, o := range rows {
		if o.WithdrawnAt == nil {
			c.offers[ref{tenantID, o.ID}] = o
			items = append(items, o.ItemID)
		}
	}
	return c.readItems(ctx, tx, tenantID, items)
}

// source names the item whose stock and codes a sale takes: the item itself, or
// what another tenant offers through it. What is not on offer is refused.
func (c *counter) source(item *Item) (ref, error) {
	at := ref{c.tenantID, item.ID}
	if item.listed == nil {
		if item.Status != Active {
			return at, fault.New(fault.Invalid, CodeItemInactive, "%s is not offered at the moment", item.Name)
		}
		return at, nil
	}
	offered := item.Status == Active && c.partnerOf(item).Verified()
	if from := item.listed.offer; from != (ref{}) {
		at = ref{from.tenantID, c.offers[from].ItemID}
		theirs := c.items[at]
		offered = offered && theirs != nil && theirs.Status == Active && theirs.PoolID != nil
	}
	if !offered {
		return at, fault.New(fault.Invalid, CodeListingInactive, "%s is not offered at the moment", item.Name)
	}
	return at, nil
}

func (c *counter) partnerOf(item *Item) Partner {
	if item.listed == nil {
		return Partner{}
	}
	return c.partners[item.listed.partnerID]
}

// partnerDay addresses a row of partner_days.
type partnerDay struct {
	partnerID string
	day       time.Time
}

// settle queues what partners are owed: first in our own books, then in those of
// the tenants whose offers were sold.
func (c *counter) settle(ctx context.Context, pipe *pg.Pipeline) error {
	days := map[partnerDay]*Settlement{}
	for _, o := range c.orders {
		if o.listed == nil {
			continue
		}
		at := partnerDay{o.listed.partnerID, o.CreatedAt.UTC().Truncate(24 * time.Hour)}
		if days[at] == nil {
			days[at] = &Settlement{}
		}
		d := days[at]
		d.Redemptions++
		d.OwedMinor += o.listed.owedMinor
		if o.Asset == ledger.Points {
			d.Points += o.Spent
		} else {
			d.Tokens += o.Spent
		}
	}
	if len(days) == 0 {
		return nil
	}
	arg := query.PartnerDayAddManyParams{TenantID: c.tenantID}
	for at, d := range days {
		arg.PartnerIds, arg.Days = append(arg.PartnerIds, at.partnerID), append(arg.Days, at.day)
		arg.Redemptions, arg.Points = append(arg.Redemptions, d.Redemptions), append(arg.Points, d.Points)
		arg.Tokens, arg.OwedMinors = append(arg.Tokens, d.Tokens), append(arg.OwedMinors, d.OwedMinor)
	}
	return errors.Join(q.PartnerDayAddMany(ctx, pipe, arg), c.noteSales(ctx, pipe))
}

// noteSales notes on the other side what was sold of other tenants' offers, in
// the order of tenants and offers.
func (c *counter) noteSales(ctx context.Context, pipe *pg.Pipeline) error {
	sales := map[int64]*query.SaleInsertManyParams{}
	totals := map[ref]*query.OfferAddSoldParams{}
	for _, o := range c.orders {
		if o.listed == nil || o.listed.offer == (ref{}) {
			continue
		}
		at := o.listed.offer
		if sales[at.tenantID] == nil {
			sales[at.tenantID] = &query.SaleInsertManyParams{TenantID: at.tenantID, SellerID: c.tenantID}
		}
		s := sales[at.tenantID]
		s.OrderIds, s.OfferIds = append(s.OrderIds, o.ID), append(s.OfferIds, at.id)
		s.OwedMinors, s.CreatedAt = append(s.OwedMinors, o.listed.owedMinor), append(s.CreatedAt, o.CreatedAt)
		if totals[at] == nil {
			totals[at] = &query.OfferAddSoldParams{TenantID: at.tenantID, ID: at.id}
		}
		totals[at].Sold++
		totals[at].OwedMinor += o.listed.owedMinor
	}
	for _, tenantID := range slices.Sorted(maps.Keys(sales)) {
		if err := q.SaleInsertMany(ctx, pipe, *sales[tenantID]); err != nil {
			return err
		}
	}
	for _, at := range slices.SortedFunc(maps.Keys(totals), func(a, b ref) int {
		return cmp.Or(cmp.Compare(a.tenantID, b.tenantID), cmp.Compare(a.id, b.id))
	}) {
		if err := q.OfferAddSold(ctx, pipe, *totals[at]); err != nil {
			return err
		}
	}
	return nil
}
