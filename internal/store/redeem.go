package store

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

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
	s.group = batch.New(batchLimit, db.Turns(pg.Redemptions), s.run)
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
	Listing  bool // the item is a listing
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

func (r Redemption) missing() error {
	if r.Listing {
		return fault.Missing("listing")
	}
	return fault.Missing("item")
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

	Partner Partner // of a listing
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
	if err := tenant.Living(r.Member); err != nil {
		return Redeemed{}, err
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
	tickets := make([]*once.Ticket, len(calls))
	for i, c := range calls {
		tickets[i] = c.ticket
	}
	var t tenant.Tenant
	var seen []error
	if err := pg.Together(ctx, tx, tenant.Read(&t, tenantID), once.Look(&seen, tenantID, tickets)); err != nil {
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
	pipe.Finish(tx)
	return results, nil
}

// counter is the shop counter of one transaction: the locked items, codes and
// accounts that its redemptions need, and what they took.
type counter struct {
	tenantID int64
	at       time.Time
	items    map[ref]*Item // what is bought, and what partner tenants offer through it
	partners map[string]Partner
	offers   map[ref]query.Offer // those that stand
	pools    map[ref]*shelf
	session  *ledger.Session

	orders []Order
	sold   map[ref]int64 // units by item whose stock they were
	told   journals
}

// open locks what the redemptions need, in lock order.
func open(ctx context.Context, tx pg.Tx, t tenant.Tenant, calls []redemption, seen []error) (*counter, error) {
	c := &counter{
		tenantID: t.ID, at: t.Now(), items: map[ref]*Item{}, partners: map[string]Partner{}, offers: map[ref]query.Offer{},
		pools: map[ref]*shelf{}, sold: map[ref]int64{}, told: journals{},
	}
	var fresh []Redemption
	var ids []string
	for i, call := range calls {
		if seen[i] == nil {
			fresh, ids = append(fresh, call.Redemption), append(ids, call.ItemID)
		}
	}
	err := c.readItems(ctx, tx, c.tenantID, ids)
	if err == nil {
		err = c.readMarket(ctx, tx, fresh)
	}
	if err == nil {
		err = c.lockItems(ctx, tx)
	}
	if err == nil {
		err = c.lockPools(ctx, tx, fresh)
	}
	if err != nil {
		return nil, err
	}
	var commands []ledger.Command
	for _, r := range fresh {
		commands = append(commands, c.commands(r)...)
	}
	c.session, err = ledger.Begin(ctx, tx, t, c.at, commands)
	return c, err
}

// item is what a redemption names. Listings are bought as such and items as such.
func (c *counter) item(r Redemption) *Item {
	i := c.items[ref{c.tenantID, r.ItemID}]
	if i == nil || (i.listed != nil) != r.Listing {
		return nil
	}
	return i
}

// asset is what a redemption is paid with.
func (c *counter) asset(r Redemption) ledger.Asset {
	if item := c.item(r); r.Asset == 0 && item != nil && item.PointsCost == nil {
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

func (c *counter) readItems(ctx context.Context, tx pg.Tx, tenantID int64, ids []string) error {
	rows, err := q.ItemListByID(ctx, tx, query.ItemListByIDParams{TenantID: tenantID, Ids: ids})
	if err != nil {
		return fmt.Errorf("read items: %w", err)
	}
	c.keep(rows)
	return nil
}

func (c *counter) keep(rows []query.Item) {
	for _, r := range rows {
		i := itemFromRow(r)
		c.items[ref{r.TenantID, i.ID}] = &i
	}
}

// lockItems locks the items that have a stock, tenant by tenant.
func (c *counter) lockItems(ctx context.Context, tx pg.Tx) error {
	limited := map[int64][]string{}
	for at, i := range c.items {
		if i.Stock != nil {
			limited[at.tenantID] = append(limited[at.tenantID], at.id)
		}
	}
	for _, tenantID := range slices.Sorted(maps.Keys(limited)) {
		rows, err := q.ItemListLimitedForUpdate(ctx, tx, query.ItemListLimitedForUpdateParams{TenantID: tenantID, Ids: limited[tenantID]})
		if err != nil {
			return fmt.Errorf("lock items: %w", err)
		}
		c.keep(rows)
	}
	return nil
}

// sell decides one redemption. A refusal changes nothing.
func (c *counter) sell(r Redemption) (Redeemed, error) {
	item := c.item(r)
	if item == nil {
		return Redeemed{}, r.missing()
	}
	asset := c.asset(r)
	cost, sold := item.Cost(asset)
	if !sold {
		return Redeemed{}, r.notSold()
	}
	at, err := c.source(item)
	if err != nil {
		return Redeemed{}, err
	}
	if item.Kind == Physical {
		if err := r.checkAddress(); err != nil {
			return Redeemed{}, err
		}
	}
	if left := c.items[at].Stock; left != nil && *left-c.sold[at] < int64(r.Quantity) {
		return Redeemed{}, fault.New(fault.Invalid, CodeOutOfStock, "%s: %d left, %d wanted", item.Name, *left-c.sold[at], r.Quantity)
	}
	if shelf := c.shelf(at); shelf != nil && shelf.mode == Imported && len(shelf.codes) < r.Quantity {
		shelf.missed = true
		return Redeemed{}, fault.New(fault.Conflict, CodeCodePoolEmpty, "There are no codes left for %s; nothing was spent", item.Name)
	}
	order := Order{
		ID: pg.NewUUID(), Member: r.Member, ItemID: item.ID, ItemName: item.Name, Kind: item.Kind, Quantity: r.Quantity,
		Asset: asset, Spent: cost * int64(r.Quantity), Status: Pending, Address: r.Address, listed: item.listed,
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
		order.Codes = c.take(at, order)
		order.Status, order.CompletedAt = Completed, order.CreatedAt
	}
	c.sold[at] += int64(r.Quantity)
	c.orders = append(c.orders, order)
	return Redeemed{order, spent.Holding, c.everything(r, asset, spent.Holding), c.partnerOf(item)}, nil
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

// store queues what was sold, in lock order.
func (c *counter) store(ctx context.Context, pipe *pg.Pipeline) error {
	c.session.TellIn(c.told.of(c.tenantID))
	for _, o := range c.orders {
		o.tellMade(c.told.of(c.tenantID))
	}
	return errors.Join(c.session.Store(ctx, pipe), c.storeSold(ctx, pipe), c.tellEmpty(ctx, pipe), c.told.store(ctx, pipe, c.at))
}

func (c *counter) storeSold(ctx context.Context, pipe *pg.Pipeline) error {
	if len(c.orders) == 0 {
		return nil
	}
	stock := map[int64]*query.ItemUpdateSoldParams{}
	for at, n := range c.sold {
		if c.items[at].Stock == nil {
			continue
		}
		if stock[at.tenantID] == nil {
			stock[at.tenantID] = &query.ItemUpdateSoldParams{TenantID: at.tenantID}
		}
		of := stock[at.tenantID]
		of.Ids, of.Quantities = append(of.Ids, at.id), append(of.Quantities, n)
	}
	for _, of := range stock {
		if err := q.ItemUpdateSold(ctx, pipe, *of); err != nil {
			return err
		}
	}
	if err := insertOrders(ctx, pipe, c.tenantID, c.orders); err != nil {
		return err
	}
	for at, s := range c.pools {
		if err := s.store(ctx, pipe, at.tenantID, at.id); err != nil {
			return err
		}
	}
	return c.settle(ctx, pipe)
}

func addressJSON(a *Address) string {
	if a == nil {
		return ""
	}
	b, _ := json.Marshal(a) // strings only: cannot fail
	return string(b)
}
