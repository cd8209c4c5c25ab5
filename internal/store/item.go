package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/incent-dev/incent/gen/query"
	"github.com/incent-dev/incent/internal/fault"
	"github.com/incent-dev/incent/internal/id"
	"github.com/incent-dev/incent/internal/ledger"
	"github.com/incent-dev/incent/internal/pg"
)

var q = query.New()

// Codes of this package's refusals.
const (
	CodeOutOfStock        = "out_of_stock"
	CodeItemInactive      = "item_inactive"
	CodeCodePoolEmpty     = "code_pool_empty"
	CodeInvalidTransition = "invalid_transition"
	CodeAlreadyExists     = "already_exists"
)

// Kind says how an item reaches its buyer.
type Kind string

// The kinds.
const (
	Digital  Kind = "digital"  // a code, at once
	Physical Kind = "physical" // shipped to an address
)

// Item statuses.
const (
	Active   = "active"
	Inactive = "inactive"
)

// MaxCost bounds a price, in whole units of the asset.
const MaxCost = 1_000_000_000_000

// Item is what can be bought.
type Item struct {
	ID          string
	Name        string
	Description string
	Category    string
	Kind        Kind
	Status      string
	ImageURL    *string
	PointsCost  *int64 // nil: not sold for points
	TokensCost  *int64 // nil: not sold for tokens; without either it cannot be bought
	Stock       *int64 // nil: unlimited
	PoolID      *string
	CreatedAt   time.Time
	UpdatedAt   time.Time

	listed *listed // nil: no listing
}

// Cost is the price of one unit in an asset; false when it is not sold for it.
func (i Item) Cost(asset ledger.Asset) (int64, bool) {
	cost := i.PointsCost
	if asset == ledger.Tokens {
		cost = i.TokensCost
	}
	if cost == nil || asset == ledger.XP {
		return 0, false
	}
	return *cost, true
}

func (i Item) check() error {
	switch {
	case i.Name == "":
		return fault.Field("name", "is required")
	case i.Kind != Digital && i.Kind != Physical:
		return fault.Field("kind", "must be digital or physical")
	case i.Status != Active && i.Status != Inactive:
		return fault.Field("status", "must be active or inactive")
	case i.PointsCost != nil && (*i.PointsCost < 1 || *i.PointsCost > MaxCost):
		return fault.Field("pointsCost", "must be between 1 and %d", int64(MaxCost))
	case i.TokensCost != nil && (*i.TokensCost < 1 || *i.TokensCost > MaxCost):
		return fault.Field("tokensCost", "must be between 1 and %d", int64(MaxCost))
	case i.Stock != nil && *i.Stock < 0:
		return fault.Field("stock", "must be at least 0")
	case i.PoolID != nil && i.Kind == Physical:
		return fault.Field("codePoolId", "belongs to digital items only")
	}
	return nil
}

// CreateItem adds an item to the catalogue. An empty id is made up.
func (s *Store) CreateItem(ctx context.Context, tx query.DBTX, tenantID int64, i Item) (Item, error) {
	if err := i.check(); err != nil {
		return Item{}, err
	}
	if i.ID == "" {
		i.ID = id.UUID("rwd_", pg.NewUUID())
	}
	i.CreatedAt = pg.Now()
	i.UpdatedAt = i.CreatedAt
	return i, insertItem(ctx, tx, tenantID, i)
}

func insertItem(ctx context.Context, tx query.DBTX, tenantID int64, i Item) error {
	arg := query.ItemInsertParams{
		TenantID: tenantID, ID: i.ID, Position: pg.NewKey(), Name: i.Name, Description: i.Description, Category: i.Category,
		Kind: string(i.Kind), Status: i.Status, ImageUrl: i.ImageURL, PointsCost: i.PointsCost, TokensCost: i.TokensCost,
		Stock: i.Stock, PoolID: i.PoolID, CreatedAt: i.CreatedAt,
	}
	if l := i.listed; l != nil {
		arg.PartnerID, arg.OwedMinor = &l.partnerID, &l.owedMinor
		if l.offer != (ref{}) {
			arg.OfferTenantID, arg.OfferID = &l.offer.tenantID, &l.offer.id
		}
	}
	return itemFault(q.ItemInsert(ctx, tx, arg))
}

func itemFault(err error) error {
	switch {
	case pg.Violates(err, "items_pk"):
		return fault.New(fault.Conflict, CodeAlreadyExists, "There is an item with this id already").About("id")
	case pg.Violates(err, "items_pool_fk"):
		return fault.Missing("code pool").About("codePoolId")
	case err != nil:
		return fmt.Errorf("store item: %w", err)
	}
	return nil
}

// UpdateItem changes a locked copy of an item and stores it.
func (s *Store) UpdateItem(ctx context.Context, tx pg.Tx, tenantID int64, itemID string, change func(*Item) error) (Item, error) {
	row, err := q.ItemGetForUpdate(ctx, tx, query.ItemGetForUpdateParams{TenantID: tenantID, ID: itemID})
	if pg.IsNoRows(err) {
		return Item{}, fault.Missing("item")
	}
	if err != nil {
		return Item{}, fmt.Errorf("lock item: %w", err)
	}
	i := itemFromRow(row)
	if err := errors.Join(change(&i), i.check()); err != nil {
		return Item{}, err
	}
	i.UpdatedAt = pg.Now()
	return i, updateItem(ctx, tx, tenantID, i)
}

func updateItem(ctx context.Context, tx pg.Tx, tenantID int64, i Item) error {
	arg := query.ItemUpdateParams{
		TenantID: tenantID, ID: i.ID, Name: i.Name, Description: i.Description, Category: i.Category, Kind: string(i.Kind), Status: i.Status,
		ImageUrl: i.ImageURL, PointsCost: i.PointsCost, TokensCost: i.TokensCost, Stock: i.Stock, PoolID: i.PoolID, UpdatedAt: i.UpdatedAt,
	}
	if i.listed != nil {
		arg.OwedMinor = &i.listed.owedMinor
	}
	return itemFault(q.ItemUpdate(ctx, tx, arg))
}

// DeleteItem takes an item out of the catalogue. Orders of it stay, and so its id
// stays taken.
func (s *Store) DeleteItem(ctx context.Context, tenantID int64, itemID string) error {
	at := pg.Now()
	deleted, err := q.ItemDelete(ctx, s.db, query.ItemDeleteParams{TenantID: tenantID, ID: itemID, At: &at})
	if err == nil && deleted == 0 {
		return fault.Missing("item")
	}
	return pg.Fault(err)
}

// Item reads one item; one that is not sold for points is unknown to those who
// only deal in points.
func (s *Store) Item(ctx context.Context, tenantID int64, itemID string, forPoints bool) (Item, error) {
	row, err := q.ItemGet(ctx, s.db, query.ItemGetParams{TenantID: tenantID, ID: itemID})
	if pg.IsNoRows(err) || err == nil && forPoints && row.PointsCost == nil {
		return Item{}, fault.Missing("item")
	}
	if err != nil {
		return Item{}, pg.Fault(fmt.Errorf("read item: %w", err))
	}
	return itemFromRow(row), nil
}

// ItemFilter selects items. Nil members select all.
type ItemFilter struct {
	ForPoints            bool // only what is sold for points
	Category, Status     *string
	Kind                 *Kind
	MinPoints, MaxPoints *int64
	NewestFirst          bool
	Limit, Skip          int
}

// Items lists the catalogue, oldest first unless asked otherwise. It reads all
// index entries up to the page, and for the total all there are: a catalogue is
// short, and the entries of 100,000 items take some ten milliseconds.
func (s *Store) Items(ctx context.Context, tenantID int64, f ItemFilter) (items []Item, total int64, err error) {
	list := query.ItemListParams{
		TenantID: tenantID, ForPoints: f.ForPoints, Category: f.Category, Kind: (*string)(f.Kind), Status: f.Status,
		MinPoints: f.MinPoints, MaxPoints: f.MaxPoints, MaxRows: int32(f.Limit), SkipRows: clampSkip(f.Skip),
	}
	var rows []query.Item
	if f.NewestFirst {
		rows, err = q.ItemListNewest(ctx, s.db, query.ItemListNewestParams(list))
	} else {
		rows, err = q.ItemList(ctx, s.db, list)
	}
	if err != nil {
		return nil, 0, pg.Fault(fmt.Errorf("list items: %w", err))
	}
	items = make([]Item, len(rows))
	for i, r := range rows {
		items[i] = itemFromRow(r)
	}
	total, err = q.ItemCount(ctx, s.db, query.ItemCountParams{
		TenantID: tenantID, ForPoints: f.ForPoints, Category: f.Category, Kind: (*string)(f.Kind), Status: f.Status,
		MinPoints: f.MinPoints, MaxPoints: f.MaxPoints,
	})
	return items, total, pg.Fault(err)
}

// clampSkip keeps an offset within SQL's integer; nothing lies beyond it.
func clampSkip(skip int) int32 { return int32(min(skip, 1<<31-1)) }

func itemFromRow(r query.Item) Item {
	return Item{
		ID: r.ID, Name: r.Name, Description: r.Description, Category: r.Category, Kind: Kind(r.Kind), Status: r.Status, ImageURL: r.ImageUrl,
		PointsCost: r.PointsCost, TokensCost: r.TokensCost, Stock: r.Stock, PoolID: r.PoolID, CreatedAt: r.CreatedAt.UTC(), UpdatedAt: r.UpdatedAt.UTC(),
		listed: listedFromRow(r),
	}
}
