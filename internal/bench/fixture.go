package bench

import (
	"context"
	"fmt"
	"strings"

	"github.com/incent-dev/incent/internal/pg"
	"github.com/incent-dev/incent/internal/store"
)

const (
	spreadMembers = 10_000 // that "spread" means
	bulkAwards    = 100    // of one bulk request
	itemCost      = 100    // points
	itemID        = "rwd_bench"

	// wealth lasts every member for every redemption of any run.
	wealth = 1_000_000_000_000

	// codesPerSecond is more than can be redeemed.
	codesPerSecond = 10_000
)

// fixture is what the servers of one database serve.
type fixture struct {
	name string // of the database
	db   *pg.DB

	fresh      history // members without a past
	freshKey   string
	wealthy    history // members who can redeem
	wealthyKey string
	poolID     string
	past       history // of the scale database
	pastKey    string
}

// newFixture makes the tenants of the served database.
func newFixture(ctx context.Context, d *database) (*fixture, error) {
	f := &fixture{name: databaseServed}
	var err error
	if f.db, err = d.open(ctx, f.name); err != nil {
		return nil, err
	}
	f.fresh = history{Members: spreadMembers}
	if f.freshKey, err = f.tenant(ctx, d, "bench", &f.fresh); err != nil {
		return nil, err
	}
	f.wealthy = history{Members: spreadMembers, Transfers: spreadMembers, Amount: wealth}
	if f.wealthyKey, err = f.tenant(ctx, d, "bench redemption", &f.wealthy); err != nil {
		return nil, err
	}
	return f, f.offer(ctx)
}

func (f *fixture) tenant(ctx context.Context, d *database, name string, h *history) (key string, err error) {
	t, key, err := newTenant(ctx, f.db, name)
	if err != nil {
		return "", err
	}
	h.Tenant = t.ID
	return key, h.make(ctx, d.url(f.name), pg.Now(), func(int) {})
}

// offer puts the item and its empty pool into the catalogue.
func (f *fixture) offer(ctx context.Context) error {
	shop := store.New(f.db)
	defer shop.Close(ctx)
	pool, err := shop.CreatePool(ctx, f.db, f.wealthy.Tenant, "bench", store.Imported)
	if err != nil {
		return err
	}
	f.poolID = pool.ID
	cost := int64(itemCost)
	_, err = shop.CreateItem(ctx, f.db, f.wealthy.Tenant, store.Item{
		ID: itemID, Name: "Gift Card", Category: "Gift Cards", Kind: store.Digital, Status: store.Active, PointsCost: &cost, PoolID: &pool.ID,
	})
	return err
}

// stock fills the pool up, so that it outlasts so many seconds of redemptions.
func (f *fixture) stock(ctx context.Context, seconds int) error {
	shop := store.New(f.db)
	defer shop.Close(ctx)
	pool, err := shop.Pool(ctx, f.wealthy.Tenant, f.poolID)
	if err != nil {
		return err
	}
	for missing := int64(seconds*codesPerSecond) - pool.Available; missing > 0; missing -= store.MaxImport {
		codes := make([]string, store.MaxImport)
		for i := range codes {
			codes[i] = fmt.Sprintf("BENCH-%016d", serial.Add(1))
		}
		_, err := pg.InTx(ctx, f.db, func(ctx context.Context, tx pg.Tx) (int, error) {
			return shop.ImportCodes(ctx, tx, f.wealthy.Tenant, f.poolID, codes)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// The requests.

const awardBody = `{"member_id":"mem_` + memberDigits + `","points":500,"reason":"Q2 Sales Target Achievement","reference":"INV-2024-1234"}`

func award(key string, headers string) template {
	return newTemplate("POST", "/incentable/v1/points/award", key, headers, awardBody)
}

func (f *fixture) spread() load {
	return load{template: award(f.freshKey, ""), clients: 64, per: 1, first: 1, stride: 1, members: spreadMembers}
}

func (f *fixture) keyed() load {
	l := f.spread()
	l.template = award(f.freshKey, "Idempotency-Key: bench-"+keyDigits+"\r\n")
	return l
}

func (f *fixture) hot() load {
	l := f.spread()
	l.members = 1
	return l
}

func bulkAward(key string) template {
	const one = `{"member_id":"mem_` + memberDigits + `","points":500,"reason":"Monthly bonus"}`
	body := `{"awards":[` + strings.Repeat(one+",", bulkAwards-1) + one + `]}`
	return newTemplate("POST", "/incentable/v1/points/award/bulk", key, "", body)
}

func (f *fixture) bulk() load {
	l := f.spread()
	l.template = bulkAward(f.freshKey)
	l.clients, l.per, l.says = 4, bulkAwards, []byte(`"failed":0`)
	return l
}

func (f *fixture) balance() load {
	l := f.spread()
	l.template = newTemplate("GET", "/incentable/v1/members/mem_"+memberDigits+"/balance", f.freshKey, "", "")
	return l
}

func (f *fixture) redeem() load {
	l := f.spread()
	l.template = newTemplate("POST", "/incentable/v1/rewards/redeem", f.wealthyKey, "", `{"member_id":"mem_`+memberDigits+`","reward_id":"`+itemID+`"}`)
	l.says = []byte(`"code":"BENCH-`)
	return l
}

// makeScale makes the tenant with a long past, in a database of its own.
func makeScale(ctx context.Context, r *run) error {
	if r.scale != nil {
		return nil
	}
	r.say("Making a tenant of %d members with %d transfers", defaultMembers, defaultTransfers)
	f := &fixture{name: databaseScale, past: history{Members: defaultMembers, Transfers: defaultTransfers, Amount: 100}}
	if err := r.database.create(ctx, f.name); err != nil {
		return err
	}
	var err error
	if f.db, err = r.database.open(ctx, f.name); err != nil {
		return err
	}
	r.scale = f
	t, key, err := newTenant(ctx, f.db, "bench")
	if err != nil {
		return err
	}
	f.past.Tenant, f.pastKey = t.ID, key
	return f.past.makeWithProgress(ctx, r.database.url(f.name), r.Out)
}

// spreadFar is spread on the long past: as many members, each in another corner
// of the tables.
func (f *fixture) spreadFar() load {
	return load{template: award(f.pastKey, ""), clients: 64, per: 1, first: 1, stride: f.past.Members / spreadMembers, members: spreadMembers}
}

// visit awards once to each member of spreadFar. Those of spread were all but
// made just now; these would meet the disk and a checkpoint's full pages first.
func (f *fixture) visit(ctx context.Context, address string) error {
	l := f.spreadFar()
	l.template, l.says = bulkAward(f.pastKey), []byte(`"failed":0`)
	return l.visit(ctx, address)
}

// spreadAll is an award to any of the members.
func (f *fixture) spreadAll() load {
	return load{template: award(f.pastKey, ""), clients: 64, per: 1, first: 1, stride: 1, members: f.past.Members}
}
