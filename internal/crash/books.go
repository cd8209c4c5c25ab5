package crash

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/incent-dev/incent/internal/id"
	"github.com/incent-dev/incent/internal/ledger"
)

// books is what the database says of one tenant, read in one snapshot by
// statements of our own: not through the code that is under test.
type books struct {
	Transfers []transferRow
	Accounts  []accountRow
	Orders    []orderRow
	Items     []itemRow
	Pools     []poolRow
	Codes     []codeRow
	Days      []dayRow
	Lots      []lotRow
	Keys      []keyRow

	Campaigns    []campaignRow
	Referrals    []referralRow
	Clicks       []clickRow
	Conversions  []conversionRow
	Rewards      []rewardRow
	Attributions []attributionRow
	Tallies      []tallyRow

	Events []eventRow

	Untold []untoldRow
}

type transferRow struct {
	Member    string
	MemberKey int64
	Asset     ledger.Asset
	Seq       int64
	Kind      ledger.Kind
	Amount    int64
	After     int64  // available, less debt
	Order     string // that it pays or gives back
	Ref       string
	At        time.Time

	Payee string `db:"-"` // tail of the id of the reward or event that it pays, or takes back
}

// id is the transfer's public id.
func (t transferRow) id() string {
	return ledger.Transfer{Member: t.MemberKey, Asset: t.Asset, Seq: t.Seq, EffectedAt: t.At}.ID()
}

// points is the transfer's effect on the balance.
func (t transferRow) points() int64 {
	switch t.Kind {
	case ledger.KindAward, ledger.KindRefund:
		return t.Amount
	}
	return -t.Amount
}

type accountRow struct {
	Member    string
	Asset     ledger.Asset
	Available int64
	Pending   int64
	Debt      int64
	Dated     int64
	Earned    int64
	Redeemed  int64
	Seq       int64
}

type orderRow struct {
	ID     string
	Member string
	Item   string
	Units  int
	Spent  int64
	Status string
	Codes  []string
	Asset  ledger.Asset
}

type itemRow struct {
	ID    string
	Stock *int64
}

type poolRow struct {
	ID, Name                  string
	Available, Issued, Voided int64
}

type codeRow struct {
	Pool, Code, State string
	Owner             string // order or reward
}

type dayRow struct {
	Status string
	Orders int64
}

type lotRow struct {
	Member    string
	Asset     ledger.Asset
	Remaining int64
	Entries   int64 // the sum of what went in and out
}

type keyRow struct {
	Key    string
	Status int
	Body   []byte
}

// digest stands for all of the books.
func (b *books) digest() string {
	text, err := json.Marshal(b)
	if err != nil {
		panic(err) // plain values: cannot fail
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// books reads a tenant's books.
func (s *site) books(ctx context.Context, tenantID int64) (*books, error) {
	conn, err := pgx.Connect(ctx, s.url)
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	tx, err := conn.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly})
	if err != nil {
		return nil, err
	}
	b := &books{}
	for _, read := range append(b.shopReaders(ctx, tx, tenantID), b.programmeReaders(ctx, tx, tenantID)...) {
		if err := read(); err != nil {
			return nil, fmt.Errorf("read the books: %w", err)
		}
	}
	b.render()
	return b, tx.Commit(ctx)
}

func (b *books) shopReaders(ctx context.Context, tx pgx.Tx, tenantID int64) []func() error {
	return []func() error{
		func() error { return rows(ctx, tx, tenantID, &b.Transfers, transfersSQL) },
		func() error { return rows(ctx, tx, tenantID, &b.Accounts, accountsSQL) },
		func() error { return rows(ctx, tx, tenantID, &b.Orders, ordersSQL) },
		func() error {
			return rows(ctx, tx, tenantID, &b.Items, `SELECT id, stock FROM items WHERE tenant_id = $1 ORDER BY id`)
		},
		func() error {
			return rows(ctx, tx, tenantID, &b.Pools, `SELECT id, name, available, issued, voided FROM code_pools WHERE tenant_id = $1 ORDER BY id`)
		},
		func() error { return rows(ctx, tx, tenantID, &b.Codes, codesSQL) },
		func() error {
			return rows(ctx, tx, tenantID, &b.Days, `SELECT status, sum(orders)::bigint FROM order_spans WHERE tenant_id = $1 AND item_id = '' AND seconds = 86400 GROUP BY status ORDER BY status`)
		},
		func() error { return rows(ctx, tx, tenantID, &b.Lots, lotsSQL) },
		func() error { return rows(ctx, tx, tenantID, &b.Events, eventsSQL) },
		func() error { return rows(ctx, tx, tenantID, &b.Untold, untoldSQL) },
		func() error {
			return rows(ctx, tx, tenantID, &b.Keys, keysSQL)
		},
	}
}

// render puts the API's ids in the place of stored ones.
func (b *books) render() {
	for i := range b.Transfers {
		t := &b.Transfers[i]
		switch t.Kind {
		case ledger.KindRedeem, ledger.KindRefund:
			t.Order = publicID("ord_", t.Order)
		default:
			t.Order, t.Payee = "", publicID("", t.Order)
		}
	}
	for i := range b.Orders {
		b.Orders[i].ID = publicID("ord_", b.Orders[i].ID)
	}
	for i := range b.Codes {
		// Whose it is stands before its id.
		prefix, owner, _ := strings.Cut(b.Codes[i].Owner, " ")
		b.Codes[i].Owner = publicID(prefix, owner)
	}
	for i := range b.Events {
		b.Events[i].ID = publicID("evt_", b.Events[i].ID)
	}
	b.renderProgramme()
}

const (
	transfersSQL = `
SELECT m.external_id, t.member_id, t.asset, t.seq, t.kind, t.amount, t.available_after - t.debt_after,
       coalesce(t.cause_id::text, ''), coalesce(o.reference, ''), t.created_at
  FROM transfers t JOIN members m ON m.tenant_id = t.tenant_id AND m.id = t.member_id
 CROSS JOIN LATERAL memo_open(m.memo_key, t.memo) AS o
 WHERE t.tenant_id = $1 ORDER BY t.member_id, t.asset, t.seq`

	accountsSQL = `
SELECT m.external_id, a.asset, a.available, a.pending, a.debt, a.dated, a.earned, a.redeemed, a.seq
  FROM accounts a JOIN members m ON m.tenant_id = a.tenant_id AND m.id = a.member_id
 WHERE a.tenant_id = $1 ORDER BY a.member_id, a.asset`

	ordersSQL = `
SELECT o.id::text, m.external_id, o.item_id, o.quantity, o.spent, o.status, o.codes, o.asset
  FROM orders o JOIN members m ON m.tenant_id = o.tenant_id AND m.id = o.member_id
 WHERE o.tenant_id = $1 ORDER BY o.id`

	keysSQL = `
SELECT encode(key, 'hex') AS key, status::int, body FROM idempotency_keys WHERE tenant_id = $1 UNION ALL
SELECT encode(sha256(convert_to(key, 'UTF8')), 'hex'), status::int, body FROM activity_keys WHERE tenant_id = $1 ORDER BY key`

	codesSQL = `
SELECT pool_id, code, state, coalesce('ord_ ' || order_id::text, 'rwd_ ' || reward_id::text, '')
  FROM codes WHERE tenant_id = $1 ORDER BY id`

	lotsSQL = `
SELECT m.external_id, asset, coalesce(l.remaining, 0), coalesce(e.amount, 0)
  FROM (SELECT member_id, asset, sum(remaining)::bigint AS remaining FROM lots WHERE tenant_id = $1 GROUP BY 1, 2) l
  FULL JOIN (SELECT member_id, asset, sum(amount)::bigint AS amount FROM lot_entries WHERE tenant_id = $1 GROUP BY 1, 2) e USING (member_id, asset)
  JOIN members m ON m.tenant_id = $1 AND m.id = member_id
 ORDER BY member_id, asset`
)

func rows[T any](ctx context.Context, tx pgx.Tx, tenantID int64, into *[]T, sql string) error {
	found, err := tx.Query(ctx, sql, tenantID)
	if err != nil {
		return err
	}
	*into, err = pgx.CollectRows(found, pgx.RowToStructByPos[T])
	return err
}

// publicID renders a stored id as the APIs do; "" stays.
func publicID(prefix, text string) string {
	u, err := uuid.Parse(text)
	if err != nil {
		return ""
	}
	return id.UUID(prefix, u)
}
