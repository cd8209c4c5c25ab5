package ledger

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/incent-dev/incent/gen/query"
	"github.com/incent-dev/incent/internal/fault"
	"github.com/incent-dev/incent/internal/pg"
	"github.com/incent-dev/incent/internal/tenant"
)

// duePage bounds the accounts that are settled in memory at a time.
const duePage = 500

// Liability is what a programme owed its members at an instant.
type Liability struct {
	At       time.Time
	Assets   map[Asset]AssetLiability // of every asset
	Balanced bool                     // of all assets; anything else is a defect of ours
}

// AssetLiability is the books of one asset: totals since the beginning.
type AssetLiability struct {
	Outstanding int64 // available to members; what has expired is not in it
	Pending     int64 // on hold
	Debt        int64 // owed by members
	Issued      int64 // given, less what was taken back
	Redeemed    int64 // spent, less what was given back
	Expired     int64 // also where the books have not been told yet
	Adjusted    int64 // deducted

	// Ageing is Outstanding by expiry, soonest first: one entry for all expiries
	// of a UTC day, under the latest of them; last what never expires by itself.
	Ageing []AgeingBucket

	// Balanced says that Issued = Outstanding + Pending - Debt + Redeemed +
	// Expired + Adjusted, where the left side and the last three are sums over
	// transfers and the others the balances that accounts were left with, and
	// that Ageing adds up to Outstanding.
	Balanced bool
}

// AgeingBucket is what expires together.
type AgeingBucket struct {
	ExpiresAt time.Time // zero: never
	Amount    int64     // > 0
}

// Liability reads the books as they stood at an instant that is not in the
// future; the zero instant is now. Whatever had fallen due by then counts as
// done, whether it has been posted or not.
func (l *Ledger) Liability(ctx context.Context, tenantID int64, at time.Time) (Liability, error) {
	result, err := inSnapshot(ctx, l.db, func(ctx context.Context, tx pg.Tx) (Liability, error) {
		t, err := tenant.Get(ctx, tx, tenantID)
		if err != nil {
			return Liability{}, err
		}
		at := at.UTC().Truncate(time.Microsecond)
		if now := t.Now(); at.IsZero() {
			at = now
		} else if at.After(now) {
			return Liability{}, fault.Field("at", "must not be in the future")
		}
		r := reckoning{tenant: t, at: at, assets: map[Asset]*position{}}
		for _, a := range Assets {
			r.assets[a] = &position{ageing: map[time.Time]AgeingBucket{}}
		}
		for _, read := range []func(context.Context, pg.Tx) error{r.readTransfers, r.readBalances, r.readLots, r.settleDue} {
			if err := read(ctx, tx); err != nil {
				return Liability{}, fmt.Errorf("reckon liability: %w", err)
			}
		}
		return r.result(), nil
	})
	return result, pg.Fault(err)
}

// reckoning gathers the books of one tenant at one instant.
type reckoning struct {
	tenant tenant.Tenant
	at     time.Time
	assets map[Asset]*position
}

// position is one asset's part of it.
type position struct {
	flows    [Adjusted + 1]int64 // into each account, less out of it, by transfers
	balances Balances            // that accounts were left with
	lapsed   int64               // lies in lots that have expired
	ageing   map[time.Time]AgeingBucket
}

func (p *position) flow(k Kind, amount int64) {
	p.flows[rules[k].from] -= amount
	p.flows[rules[k].to] += amount
}

// age puts an amount into the bucket of its day.
func (p *position) age(expiresAt time.Time, amount int64) {
	day := expiresAt.UTC().Truncate(24 * time.Hour)
	b := p.ageing[day]
	b.Amount += amount
	if expiresAt.After(b.ExpiresAt) {
		b.ExpiresAt = expiresAt.UTC()
	}
	p.ageing[day] = b
}

func (r *reckoning) readTransfers(ctx context.Context, tx pg.Tx) error {
	rows, err := q.TransferSumByKind(ctx, tx, query.TransferSumByKindParams{TenantID: r.tenant.ID, At: r.at})
	for _, row := range rows {
		r.assets[Asset(row.Asset)].flow(Kind(row.Kind), row.Amount)
	}
	return err
}

func (r *reckoning) readBalances(ctx context.Context, tx pg.Tx) error {
	rows, err := q.TransferSumAfter(ctx, tx, query.TransferSumAfterParams{TenantID: r.tenant.ID, At: r.at})
	for _, row := range rows {
		r.assets[Asset(row.Asset)].balances = Balances{row.Available, row.Pending, row.Debt}
	}
	return err
}

func (r *reckoning) readLots(ctx context.Context, tx pg.Tx) error {
	rows, err := q.LotEntrySumByDay(ctx, tx, query.LotEntrySumByDayParams{TenantID: r.tenant.ID, At: r.at})
	for _, row := range rows {
		p := r.assets[Asset(row.Asset)]
		if row.Expired {
			p.lapsed += row.Amount
		} else {
			p.age(row.ExpiresAt, row.Amount)
		}
	}
	return err
}

// settleDue does, in memory, what a sweep at the instant would have posted.
func (r *reckoning) settleDue(ctx context.Context, tx pg.Tx) error {
	arg := query.AccountListDueAfterParams{TenantID: r.tenant.ID, At: r.at, MaxRows: duePage}
	for {
		rows, err := q.AccountListDueAfter(ctx, tx, arg)
		if err != nil {
			return err
		}
		if len(rows) == 0 {
			return nil
		}
		books := make(map[address]*book, len(rows))
		var all places
		for _, row := range rows {
			b := bookFromRow(query.AccountListForUpdateRow(row))
			b.policy = &r.tenant.Policy
			books[address{b.member, b.asset}] = b
			all.add(b, 0)
			arg.AfterMember, arg.AfterAsset = row.MemberID, row.Asset
		}
		if err := loadLots(ctx, tx, r.tenant.ID, all, books); err != nil {
			return err
		}
		for _, b := range books {
			before := b.balances
			b.settle(r.at)
			r.add(b, before)
		}
	}
}

// add counts what settling a book has moved.
func (r *reckoning) add(b *book, before Balances) {
	p := r.assets[b.asset]
	p.balances.Available += b.balances.Available - before.Available
	p.balances.Pending += b.balances.Pending - before.Pending
	p.balances.Debt += b.balances.Debt - before.Debt
	for _, t := range b.transfers {
		p.flow(t.Kind, t.Amount)
	}
	for _, c := range netChanges(b) {
		if c.expiresAt.After(r.at) {
			p.age(c.expiresAt, c.amount)
		} else {
			p.lapsed += c.amount
		}
	}
}

func (r *reckoning) result() Liability {
	l := Liability{At: r.at, Assets: map[Asset]AssetLiability{}, Balanced: true}
	for asset, p := range r.assets {
		a := p.result()
		l.Assets[asset] = a
		l.Balanced = l.Balanced && a.Balanced
	}
	return l
}

func (p *position) result() AssetLiability {
	a := AssetLiability{
		Outstanding: p.balances.Available, Pending: p.balances.Pending, Debt: p.balances.Debt,
		Issued: -p.flows[Issued], Redeemed: p.flows[Redeemed], Expired: p.flows[Expired], Adjusted: p.flows[Adjusted],
		Ageing: []AgeingBucket{},
	}
	undated := a.Outstanding
	for _, b := range p.ageing {
		undated -= b.Amount
		if b.Amount != 0 {
			a.Ageing = append(a.Ageing, b)
		}
	}
	slices.SortFunc(a.Ageing, func(x, y AgeingBucket) int { return x.ExpiresAt.Compare(y.ExpiresAt) })
	if undated > 0 {
		a.Ageing = append(a.Ageing, AgeingBucket{Amount: undated})
	}
	a.Balanced = undated >= 0 && p.lapsed == 0 &&
		a.Issued == a.Outstanding+a.Pending-a.Debt+a.Redeemed+a.Expired+a.Adjusted
	return a
}
