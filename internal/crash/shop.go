package crash

import (
	"context"
	"fmt"

	"github.com/incent-dev/incent/internal/fraud"
	"github.com/incent-dev/incent/internal/ledger"
	"github.com/incent-dev/incent/internal/pg"
	"github.com/incent-dev/incent/internal/referral"
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

// The campaigns that a round runs. Budget and pool are small enough to run out
// under load.
var campaigns = []campaign{
	{id: "points", rule: referral.Rule{
		Referrer: &referral.Side{Units: 20, Asset: asset, Fulfilment: referral.Automated},
		Referee:  &referral.Side{Units: 5, Asset: asset, Fulfilment: referral.Automated},
	}},
	{id: "codes", rule: referral.Rule{
		Referrer: &referral.Side{FixedMinor: 5_00, Units: 3, Asset: asset, Fulfilment: referral.DiscountCode},
		Referee:  &referral.Side{FixedMinor: 1_00, Asset: asset, Fulfilment: referral.Manual},
		Blocks:   true,
	}},
	{id: "coupons", budget: 60_00, codes: 4, rule: referral.Rule{
		Referrer:   &referral.Side{BasisPoints: 1000, Asset: asset, Fulfilment: referral.CouponCode},
		PayRepeats: true,
	}},
}

type campaign struct {
	id     string
	rule   referral.Rule
	budget int64 // minor units; 0: none. With one, only the referrer earns
	codes  int   // of the referrer's pool; 0: they are generated
}

// shop is the tenant of one round.
type shop struct {
	tenant tenant.Tenant
	keys   map[tenant.Kind]string // the API keys' texts
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
	made := &shop{tenant: t, keys: map[tenant.Kind]string{}}
	for kind := range doors {
		key, err := keys.CreateKey(ctx, db, t, kind, "crash", []string{"read", "write"})
		if err != nil {
			return nil, err
		}
		made.keys[kind] = key.Text
	}
	sells := store.New(db)
	defer sells.Close(ctx)
	for _, w := range wares {
		if err := stock(ctx, db, sells, t, w); err != nil {
			return nil, fmt.Errorf("item %s: %w", w.id, err)
		}
	}
	return made, invite(ctx, db, sells, t)
}

// invite starts the campaigns. Of all that may look like fraud they look for
// self-referrals only, so that what becomes of a conversion is known beforehand.
func invite(ctx context.Context, db *pg.DB, sells *store.Store, t tenant.Tenant) error {
	books := ledger.New(db)
	defer books.Close(ctx)
	programme, err := referral.New(ctx, db, books)
	if err != nil {
		return err
	}
	defer programme.Close(ctx)
	for _, c := range campaigns {
		of := referral.Campaign{ID: c.id, Name: c.id, State: referral.Active, Rule: c.rule}
		usual := referral.DefaultRule()
		of.Rule.WindowDays, of.Rule.FlagAt, of.Rule.BlockAt = usual.WindowDays, usual.FlagAt, usual.BlockAt
		of.Rule.Weights = fraud.Weights{}
		for _, signal := range fraud.Signals() {
			if signal != fraud.SelfReferral {
				of.Rule.Weights[signal] = 0
			}
		}
		if c.budget > 0 {
			of.BudgetMinor = &c.budget
		}
		if c.codes > 0 {
			side := *c.rule.Referrer
			if side.PoolID, err = fill(ctx, db, sells, t, c.id, c.codes); err != nil {
				return err
			}
			of.Rule.Referrer = &side
		}
		if _, err := programme.CreateCampaign(ctx, t.ID, of, nil); err != nil {
			return fmt.Errorf("campaign %s: %w", c.id, err)
		}
	}
	return nil
}

// stock puts one item on the shelf.
func stock(ctx context.Context, db *pg.DB, sells *store.Store, t tenant.Tenant, w ware) error {
	item := store.Item{ID: w.id, Name: w.id, Kind: w.kind, Status: store.Active, PointsCost: &w.cost}
	if w.stock >= 0 {
		item.Stock = &w.stock
	}
	if w.codes >= 0 {
		pool, err := fill(ctx, db, sells, t, w.id, w.codes)
		if err != nil {
			return err
		}
		item.PoolID = &pool
	}
	_, err := sells.CreateItem(ctx, db, t.ID, item)
	return err
}

// fill makes a pool with codes in it.
func fill(ctx context.Context, db *pg.DB, sells *store.Store, t tenant.Tenant, name string, n int) (poolID string, err error) {
	pool, err := sells.CreatePool(ctx, db, t.ID, name, store.Imported)
	if err != nil {
		return "", err
	}
	codes := make([]string, n)
	for i := range codes {
		codes[i] = fmt.Sprintf("%s-%04d", name, i)
	}
	_, err = pg.InTx(ctx, db, func(ctx context.Context, tx pg.Tx) (int, error) {
		return sells.ImportCodes(ctx, tx, t.ID, pool.ID, codes)
	})
	return pool.ID, err
}

// asset is what is earned and spent.
const asset = ledger.Points
