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
	"github.com/incent-dev/incent/internal/batch"
	"github.com/incent-dev/incent/internal/fault"
	"github.com/incent-dev/incent/internal/ledger"
	"github.com/incent-dev/incent/internal/once"
	"github.com/incent-dev/incent/internal/pg"
	"github.com/incent-dev/incent/internal/tenant"
)

// batchLimit bounds the redemptions of one transaction.
const batchLimit = 128

// MaxQuantity bounds the units of one order.
const MaxQuantity = 100

// Store sells. Make it with New; Close it.
type Store struct {
	db    *pg.DB
	group *batch.Group[redemption, Redeemed]
}

// New makes the store on a database.
func New(db *pg.DB) *Store {
	s := &Store{db: db}
	s.group = batch.New(batchLimit, s.run)
	return s
}

// Close refuses new redemptions and waits for those that wait, until ctx ends.
func (s *Store) Close(ctx context.Context) { s.group.Close(ctx) }

// Address is where a physical order goes.
type Address struct {
	Name       string `json:"name,omitempty"`
	Line1      string `json:"line1,omitempty"`
	Line2      string `json:"line2,omitempty"`
	City       string `json:"city,omitempty"`
	State      string `json:"state,omitempty"`
	PostalCode string `json:"postal_code,omitempty"`
	Country    string `json:"country,omitempty"` // two letters
}

// Redemption asks to buy.
type Redemption struct {
	Member   string // the caller's id
	ItemID   string
	Quantity int
	Asset    ledger.Asset // what is paid with; zero: points where the item has such a price, else tokens
	Address  *Address     // physical items

	// Everything asks for all that the member has afterwards, whatever was paid with.
	Everything bool

	Words Words
}

// Words are what the caller's scheme calls things, so that a refusal can name
// them.
type Words struct {
	Address, PostalCode string // fields
	Currency            string // likewise; "": the scheme knows points alone, and nothing of items without such a price
	MemberUnknown       string // code
}

// notSold refuses a currency that the item has no price in.
func (r Redemption) notSold() error {
	if r.Words.Currency == "" {
		return fault.Missing("item")
	}
	return fault.Field(r.Words.Currency, "must be one that the item has a price in")
}

func (r Redemption) checkAddress() error {
	if r.Address == nil {
		return fault.Field(r.Words.Address, "is required for a physical item")
	}
	a := r.Address
	for _, m := range []struct{ name, value string }{
		{"name", a.Name}, {"line1", a.Line1}, {"city", a.City}, {r.Words.PostalCode, a.PostalCode}, {"country", a.Country},
	} {
		if strings.TrimSpace(m.value) == "" {
			return fault.Field(r.Words.Address+"."+m.name, "is required for a physical item")
		}
	}
	return nil
}

// Redeemed is what a redemption came to.
type Redeemed struct {
	Order   Order
	Holding ledger.Holding // the member's account afterwards

	// Everything is what else the member has, where it was asked for.
	Everything ledger.Everything
}

type redemption struct {
	Redemption
	ticket *once.Ticket
}

// Redeem buys. Redemptions of one tenant share transactions; each succeeds or
// is refused on its own.
func (s *Store) Redeem(ctx context.Context, tenantID int64, r Redemption, ticket *once.Ticket) (Redeemed, error) {
	if r.Quantity < 1 || r.Quantity > MaxQuantity {
		return Redeemed{}, fault.Field("quantity", "must be between 1 and %d", MaxQuantity)
	}
	return s.group.Do(ctx, batch.Key{Tenant: tenantID}, redemption{r, ticket})
}

// run is the group's run function. A COMMIT that was not acknowledged is looked
// up by key, as in the ledger.
func (s *Store) run(ctx context.Context, tenantID int64, calls []redemption, alone bool) ([]batch.Result[Redeemed], error) {
	return once.RunBatch(ctx, s.db, calls, alone, func(r redemption) *once.Ticket { return r.ticket },
		func(ctx context.Context, tx pg.Tx, calls []redemption) ([]batch.Result[Redeemed], error) {
			return runTx(ctx, tx, tenantID, calls)
		})
}

func runTx(ctx context.Context, tx pg.Tx, tenantID int64, calls []redemption) ([]batch.Result[Redeemed], error) {
	t, err := tenant.Get(ctx, tx, tenantID)
	if err != nil {
		return nil, err
	}
	tickets := make([]*once.Ticket, len(calls))
	for i, c := range calls {
		tickets[i] = c.ticket
	}
	seen, err := once.Check(ctx, tx, tenantID, tickets)
	if err != nil {
		return nil, err
	}
	counter, err := open(ctx, tx, t, calls, seen)
	if err != nil {
		return nil, err
	}
	results := make([]batch.Result[Redeemed], len(calls))
	var answers []once.Outcome
	for i, c := range calls {
		if seen[i] != nil {
			results[i].Err = seen[i]
			continue
		}
		results[i].Value, results[i].Err = counter.sell(c.Redemption)
		answers = append(answers, once.Outcome{Ticket: c.ticket, Value: results[i].Value, Refusal: results[i].Err})
	}
	var pipe pg.Pipeline
	if err := errors.Join(counter.store(ctx, &pipe), once.Keep(ctx, &pipe, tenantID, pg.Now(), answers)); err != nil {
		return nil, err
	}
	return results, pipe.Send(ctx, tx)
}

// counter is the shop counter of one transaction: the locked items, codes and
// accounts that its redemptions need, and what they took.
type counter struct {
	tenantID int64
	at       time.Time
	items    map[string]*Item
	pools    map[string]*shelf
	session  *ledger.Session

	orders []Order
	sold   map[string]int64 // units by item
}

// shelf is one locked pool.
type shelf struct {
	mode  string
	codes []query.CodeListAvailableRow // not handed out yet

	issued       []query.CodeListAvailableRow
	issuedOrders []uuid.UUID
	madeCodes    []string
	madeOrders   []uuid.UUID
}

// open locks what the redemptions need, in lock order.
func open(ctx context.Context, tx pg.Tx, t tenant.Tenant, calls []redemption, seen []error) (*counter, error) {
	c := &counter{tenantID: t.ID, at: t.Now(), items: map[string]*Item{}, pools: map[string]*shelf{}, sold: map[string]int64{}}
	var ids []string
	for i, call := range calls {
		if seen[i] == nil {
			ids = append(ids, call.ItemID)
		}
	}
	if err := c.lockItems(ctx, tx, ids); err != nil {
		return nil, err
	}
	if err := c.lockPools(ctx, tx, calls, seen); err != nil {
		return nil, err
	}
	var commands []ledger.Command
	for i, call := range calls {
		if seen[i] == nil {
			commands = append(commands, c.commands(call.Redemption)...)
		}
	}
	var err error
	c.session, err = ledger.Begin(ctx, tx, t, c.at, commands)
	return c, err
}

// asset is what a redemption is paid with.
func (c *counter) asset(r Redemption) ledger.Asset {
	if item := c.items[r.ItemID]; r.Asset == 0 && item != nil && item.PointsCost == nil {
		return ledger.Tokens
	}
	return cmp.Or(r.Asset, ledger.Points)
}

// commands are those of a redemption before its price is known: they say what it
// needs of the ledger.
func (c *counter) commands(r Redemption) []ledger.Command {
	paid := c.asset(r)
	list := []ledger.Command{{Op: ledger.OpSpend, Member: r.Member, Asset: paid}}
	for _, asset := range ledger.Assets {
		if r.Everything && asset != paid {
			list = append(list, ledger.Command{Op: ledger.OpSettle, Member: r.Member, Asset: asset})
		}
	}
	return list
}

func (c *counter) lockItems(ctx context.Context, tx pg.Tx, ids []string) error {
	rows, err := q.ItemListByID(ctx, tx, query.ItemListByIDParams{TenantID: c.tenantID, Ids: ids})
	if err != nil {
		return fmt.Errorf("read items: %w", err)
	}
	limited := false
	for _, r := range rows {
		i := itemFromRow(r)
		c.items[i.ID] = &i
		limited = limited || i.Stock != nil
	}
	if !limited {
		return nil
	}
	rows, err = q.ItemListLimitedForUpdate(ctx, tx, query.ItemListLimitedForUpdateParams{TenantID: c.tenantID, Ids: ids})
	if err != nil {
		return fmt.Errorf("lock items: %w", err)
	}
	for _, r := range rows {
		i := itemFromRow(r)
		c.items[i.ID] = &i
	}
	return nil
}

func (c *counter) lockPools(ctx context.Context, tx pg.Tx, calls []redemption, seen []error) error {
	wanted := map[string]int{}
	for i, call := range calls {
		item := c.items[call.ItemID]
		if seen[i] == nil && item != nil && item.PoolID != nil {
			wanted[*item.PoolID] += call.Quantity
		}
	}
	if len(wanted) == 0 {
		return nil
	}
	ids := make([]string, 0, len(wanted))
	for poolID := range wanted {
		ids = append(ids, poolID)
	}
	slices.Sort(ids)
	pools, err := q.PoolListForUpdate(ctx, tx, query.PoolListForUpdateParams{TenantID: c.tenantID, Ids: ids})
	if err != nil {
		return fmt.Errorf("lock code pools: %w", err)
	}
	for _, p := range pools {
		s := &shelf{mode: p.Mode}
		c.pools[p.ID] = s
		if p.Mode != Imported {
			continue
		}
		s.codes, err = q.CodeListAvailable(ctx, tx, query.CodeListAvailableParams{TenantID: c.tenantID, PoolID: p.ID, MaxRows: int32(wanted[p.ID])})
		if err != nil {
			return fmt.Errorf("read codes: %w", err)
		}
	}
	return nil
}

// sell decides one redemption. A refusal changes nothing.
func (c *counter) sell(r Redemption) (Redeemed, error) {
	item := c.items[r.ItemID]
	if item == nil {
		return Redeemed{}, fault.Missing("item")
	}
	asset := c.asset(r)
	cost, sold := item.Cost(asset)
	if !sold {
		return Redeemed{}, r.notSold()
	}
	if item.Status != Active {
		return Redeemed{}, fault.New(fault.Invalid, CodeItemInactive, "%s is not offered at the moment", item.Name)
	}
	if item.Kind == Physical {
		if err := r.checkAddress(); err != nil {
			return Redeemed{}, err
		}
	}
	if left := item.Stock; left != nil && *left-c.sold[item.ID] < int64(r.Quantity) {
		return Redeemed{}, fault.New(fault.Invalid, CodeOutOfStock, "%s: %d left, %d wanted", item.Name, *left-c.sold[item.ID], r.Quantity)
	}
	if shelf := c.shelf(item); shelf != nil && shelf.mode == Imported && len(shelf.codes) < r.Quantity {
		return Redeemed{}, fault.New(fault.Conflict, CodeCodePoolEmpty, "There are no codes left for %s; nothing was spent", item.Name)
	}
	order := Order{
		ID: pg.NewUUID(), Member: r.Member, ItemID: item.ID, ItemName: item.Name, Kind: item.Kind, Quantity: r.Quantity,
		Asset: asset, Spent: cost * int64(r.Quantity), Status: Pending, Address: r.Address,
	}
	spent := c.session.Do(ledger.Command{
		Op: ledger.OpSpend, Member: r.Member, Asset: asset, Amount: order.Spent, Cause: order.ID, Memo: ledger.Memo{Reason: item.Name},
	})
	if fault.Is(spent.Err, fault.CodeNotFound) {
		return Redeemed{}, fault.New(fault.NotFound, r.Words.MemberUnknown, "There is no such member, and this call does not make one")
	}
	if spent.Err != nil {
		return Redeemed{}, spent.Err
	}
	order.member, order.spendSeq, order.CreatedAt = spent.Transfer.Member, spent.Transfer.Seq, spent.Transfer.EffectedAt
	if item.Kind == Digital {
		order.Address = nil
		order.Codes = c.take(item, order)
		order.Status, order.CompletedAt = Completed, order.CreatedAt
	}
	c.sold[item.ID] += int64(r.Quantity)
	c.orders = append(c.orders, order)
	return Redeemed{order, spent.Holding, c.everything(r, asset, spent.Holding)}, nil
}

// everything is what the member has after paying.
func (c *counter) everything(r Redemption, paid ledger.Asset, left ledger.Holding) ledger.Everything {
	all := ledger.Everything{Member: r.Member}
	*all.Of(paid) = left
	for _, asset := range ledger.Assets {
		if r.Everything && asset != paid {
			// What there is no account of is refused, and zero.
			*all.Of(asset) = c.session.Do(ledger.Command{Op: ledger.OpSettle, Member: r.Member, Asset: asset}).Holding
		}
	}
	return all
}

func (c *counter) shelf(item *Item) *shelf {
	if item.Kind != Digital || item.PoolID == nil {
		return nil
	}
	return c.pools[*item.PoolID]
}

// take hands out an order's codes: from the item's pool, or made on the spot.
func (c *counter) take(item *Item, order Order) []string {
	codes := make([]string, order.Quantity)
	s := c.shelf(item)
	for i := range codes {
		switch {
		case s == nil:
			codes[i] = pg.NewCode(generatedLength)
		case s.mode == Imported:
			codes[i] = s.codes[0].Code
			s.issued = append(s.issued, s.codes[0])
			s.issuedOrders = append(s.issuedOrders, order.ID)
			s.codes = s.codes[1:]
		default:
			codes[i] = pg.NewCode(generatedLength)
			s.madeCodes = append(s.madeCodes, codes[i])
			s.madeOrders = append(s.madeOrders, order.ID)
		}
	}
	return codes
}

// store queues what was sold, in lock order.
func (c *counter) store(ctx context.Context, pipe *pg.Pipeline) error {
	if err := c.session.Store(ctx, pipe); err != nil {
		return err
	}
	if len(c.orders) == 0 {
		return nil
	}
	stock := query.ItemUpdateSoldParams{TenantID: c.tenantID}
	for itemID, n := range c.sold {
		if c.items[itemID].Stock != nil {
			stock.Ids, stock.Quantities = append(stock.Ids, itemID), append(stock.Quantities, n)
		}
	}
	if len(stock.Ids) > 0 {
		if err := q.ItemUpdateSold(ctx, pipe, stock); err != nil {
			return err
		}
	}
	if err := insertOrders(ctx, pipe, c.tenantID, c.orders); err != nil {
		return err
	}
	for poolID, s := range c.pools {
		if err := s.store(ctx, pipe, c.tenantID, poolID); err != nil {
			return err
		}
	}
	return nil
}

func (s *shelf) store(ctx context.Context, pipe *pg.Pipeline, tenantID int64, poolID string) error {
	moved := query.PoolUpdateCountsParams{TenantID: tenantID, ID: poolID, Issued: int64(len(s.issued) + len(s.madeCodes)), Available: -int64(len(s.issued))}
	if moved.Issued == 0 {
		return nil
	}
	if len(s.issued) > 0 {
		taken := query.CodeUpdateIssuedParams{TenantID: tenantID, OrderIds: s.issuedOrders}
		for _, c := range s.issued {
			taken.Ids, taken.Codes, taken.PoolIds = append(taken.Ids, c.ID), append(taken.Codes, c.Code), append(taken.PoolIds, poolID)
		}
		if err := q.CodeUpdateIssued(ctx, pipe, taken); err != nil {
			return err
		}
	}
	if len(s.madeCodes) > 0 {
		made := query.CodeInsertIssuedParams{TenantID: tenantID, Codes: s.madeCodes, OrderIds: s.madeOrders}
		for range s.madeCodes {
			made.Ids, made.PoolIds = append(made.Ids, pg.NewKey()), append(made.PoolIds, poolID)
		}
		if err := q.CodeInsertIssued(ctx, pipe, made); err != nil {
			return err
		}
	}
	return q.PoolUpdateCounts(ctx, pipe, moved)
}

func addressJSON(a *Address) string {
	if a == nil {
		return ""
	}
	b, _ := json.Marshal(a) // strings only: cannot fail
	return string(b)
}
