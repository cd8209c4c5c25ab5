package crash

import (
	"context"
	"fmt"

	"github.com/incent-dev/incent/internal/ledger"
	"github.com/incent-dev/incent/internal/pg"
	"github.com/incent-dev/incent/internal/store"
	"github.com/incent-dev/incent/internal/tenant"
)

// The items that a round sells. Stocks and pools are small enough to run out
// under load.
var wares = []ware{
	{id: "gift-card", kind: store.Digital, cost: 40, stock: 25, codes: 60},
	{id: "voucher", kind: store.Digital, cost: 25, stock: -1, codes: 15},
	{id: "download", kind: store.Digital, cost: 15, stock: -1, codes: -1},
	{id: "earbuds", kind: store.Physical, cost: 90, stock: 12, codes: -1},
	{id: "mug", kind: store.Physical, cost: 30, stock: -1, codes: -1},
}

type ware struct {
	id    string
	kind  store.Kind
	cost  int64
	stock int64 // negative: unlimited
	codes int   // negative: made on demand
}

// shop is the tenant of one round.
type shop struct {
	tenant tenant.Tenant
	key    string // the API key's text
}

func openShop(ctx context.Context, s *site, round int, expires bool) (made *shop, err error) {
	err = s.database(ctx, func(db *pg.DB) error {
		made, err = furnish(ctx, db, round, expires)
		return err
	})
	return made, err
}

func furnish(ctx context.Context, db *pg.DB, round int, expires bool) (*shop, error) {
	t, err := tenant.Create(ctx, db, fmt.Sprintf("crash-%d-%d", round, pg.NewKey()), tenant.Test)
	if err != nil {
		return nil, err
	}
	if expires {
		_, err := db.Exec(ctx, "UPDATE tenants SET expiry_policy = 'rolling', expiry_days = 365 WHERE tenant_id = $1", t.ID)
		if err != nil {
			return nil, err
		}
	}
	keys, err := tenant.NewKeys(ctx, db)
	if err != nil {
		return nil, err
	}
	key, err := keys.CreateKey(ctx, db, t, tenant.Incentable, "crash", []string{"read", "write"})
	if err != nil {
		return nil, err
	}
	sells := store.New(db)
	defer sells.Close(ctx)
	for _, w := range wares {
		if err := stock(ctx, db, sells, t, w); err != nil {
			return nil, fmt.Errorf("item %s: %w", w.id, err)
		}
	}
	return &shop{tenant: t, key: key.Text}, nil
}

// stock puts one item on the shelf.
func stock(ctx context.Context, db *pg.DB, sells *store.Store, t tenant.Tenant, w ware) error {
	item := store.Item{ID: w.id, Name: w.id, Kind: w.kind, Status: store.Active, PointsCost: &w.cost}
	if w.stock >= 0 {
		item.Stock = &w.stock
	}
	if w.codes >= 0 {
		pool, err := sells.CreatePool(ctx, db, t.ID, w.id, store.Imported)
		if err != nil {
			return err
		}
		codes := make([]string, w.codes)
		for i := range codes {
			codes[i] = fmt.Sprintf("%s-%04d", w.id, i)
		}
		_, err = pg.InTx(ctx, db, func(ctx context.Context, tx pg.Tx) (int, error) {
			return sells.ImportCodes(ctx, tx, t.ID, pool.ID, codes)
		})
		if err != nil {
			return err
		}
		item.PoolID = &pool.ID
	}
	_, err := sells.CreateItem(ctx, db, t.ID, item)
	return err
}

// asset is what the Incentable API trades in.
const asset = ledger.Points
