package store

import (
	"context"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/incent-dev/incent/internal/ledger"
	"github.com/incent-dev/incent/internal/pg"
	"github.com/incent-dev/incent/internal/pgtest"
	"github.com/incent-dev/incent/internal/tenant"
)

// sold is a tenant that has sold two units of a digital item with imported
// codes, and one physical item whose order was cancelled.
func sold(t *testing.T) (tenant.Tenant, Order) {
	t.Helper()
	ctx, db, owner := t.Context(), pgtest.DB(), pgtest.Tenant(t)
	books, shop := ledger.New(db), New(db)
	t.Cleanup(func() { shop.Close(ctx); books.Close(ctx) })
	if _, err := books.Post(ctx, owner.ID, ledger.Command{Op: ledger.OpAward, Member: "ann", Asset: ledger.Points, Amount: 1000}, nil); err != nil {
		t.Fatal(err)
	}
	pool, err := shop.CreatePool(ctx, db, owner.ID, "cards", Imported)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := pg.InTx(ctx, db, func(ctx context.Context, tx pg.Tx) (int, error) {
		return shop.ImportCodes(ctx, tx, owner.ID, pool.ID, []string{"A", "B", "C"})
	}); err != nil {
		t.Fatal(err)
	}
	cost := int64(100)
	for _, item := range []Item{
		{ID: "card", Name: "Card", Kind: Digital, Status: Active, PointsCost: &cost, PoolID: &pool.ID},
		{ID: "mug", Name: "Mug", Kind: Physical, Status: Active, PointsCost: &cost},
	} {
		if _, err := shop.CreateItem(ctx, db, owner.ID, item); err != nil {
			t.Fatal(err)
		}
	}
	card, err := shop.Redeem(ctx, owner.ID, Redemption{Member: "ann", ItemID: "card", Quantity: 2, Asset: ledger.Points}, nil)
	if err != nil {
		t.Fatal(err)
	}
	mug, err := shop.Redeem(ctx, owner.ID, Redemption{
		Member: "ann", ItemID: "mug", Quantity: 1, Asset: ledger.Points, Address: &Address{Name: "A", Line1: "1", City: "C", PostalCode: "1", Country: "DE"},
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := shop.MoveOrder(ctx, owner.ID, Move{OrderID: mug.Order.PublicID(), To: Cancelled}, nil); err != nil {
		t.Fatal(err)
	}
	return owner, card.Order
}

// Each kind of damage is found by the check of the invariant that it breaks.
func TestAuditFindsDamage(t *testing.T) {
	t.Parallel()
	for _, d := range []struct {
		name, check, says, sql string
	}{
		{"nothing", "", "", "SELECT 1"},
		{"an order that costs more than was paid", "orders are paid", "its own amount", "UPDATE orders SET spent = spent + 1 WHERE item_id = 'card' AND tenant_id = $1"},
		{"an order without its codes", "a code for each unit", "0 codes for 2 units", "UPDATE orders SET codes = '{}' WHERE item_id = 'card' AND tenant_id = $1"},
		{"a code in nobody's order", "a code for each unit", "does not list", "UPDATE codes SET code = 'X' WHERE code = 'A' AND tenant_id = $1"},
		{"a cancelled order revived", "cancelled is given back", "went back", "UPDATE orders SET status = 'pending' WHERE item_id = 'mug' AND tenant_id = $1"},
		{"a delivered order cancelled", "cancelled is given back", "did not go back", "UPDATE orders SET status = 'cancelled' WHERE item_id = 'card' AND tenant_id = $1"},
		{"a pool that counts too many", "pools count their codes", "counts 2 available", "UPDATE code_pools SET available = available + 1 WHERE tenant_id = $1"},
		{"a span that counts too many", "spans count their orders", "completed: counts 2, there are 1", "UPDATE order_spans SET orders = orders + 1 WHERE status = 'completed' AND tenant_id = $1"},
	} {
		t.Run(d.name, func(t *testing.T) {
			t.Parallel()
			owner, _ := sold(t)
			conn, err := pgx.Connect(t.Context(), pgtest.URL())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close(t.Context())
			if _, err := conn.Exec(t.Context(), d.sql, args(d.sql, owner.ID)...); err != nil {
				t.Fatal(err)
			}
			report, err := ledger.AuditTenant(t.Context(), pgtest.DB(), owner.ID, AuditChecks()...)
			if err != nil {
				t.Fatal(err)
			}
			found := d.check == "" && len(report.Violations) == 0
			for _, v := range report.Violations {
				found = found || v.Name == d.check && strings.Contains(v.Says, d.says)
			}
			if !found {
				t.Errorf("the audit says %v", report.Violations)
			}
		})
	}
}

func args(sql string, tenantID int64) []any {
	if strings.Contains(sql, "$1") {
		return []any{tenantID}
	}
	return nil
}
