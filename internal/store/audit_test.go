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
		{"an event about no order", "events name orders", "which there is not", "UPDATE commits SET objects = ARRAY(SELECT gen_random_uuid() FROM unnest(kinds)) WHERE 8 = ANY(kinds) AND tenant_id = $1"},
		{"a purchase told twice", "events name orders", "2 times", "INSERT INTO commits SELECT tenant_id, gen_random_uuid(), at, drawn, place, kinds, members, assets, seqs, facts, objects FROM commits WHERE 8 = ANY(kinds) AND tenant_id = $1"},
		{"an award that is none", "events name transfers and members", "names transfer 1001", "UPDATE commits SET seqs = ARRAY[1001] WHERE kinds = '{1}' AND tenant_id = $1"},
		{"an award told twice", "events name transfers and members", "2 times", "INSERT INTO commits SELECT tenant_id, gen_random_uuid(), at, drawn, place, kinds, members, assets, seqs, facts, objects FROM commits WHERE kinds = '{1}' AND tenant_id = $1"},
		{"a member of nobody", "events name transfers and members", "who does not exist", "UPDATE commits SET members = '{7}' WHERE kinds = '{5}' AND tenant_id = $1"},
		{"a gap in the feed", "the feed has no gap", "from number 3 on, due from 1 on", "UPDATE commits SET place = 3 WHERE kinds = '{5}' AND tenant_id = $1"},
		{"a span that counts too many", "spans count their orders", "completed: counts 2, there are 1", "UPDATE order_spans SET orders = orders + 1 WHERE status = 'completed' AND tenant_id = $1"},
	} {
		t.Run(d.name, func(t *testing.T) {
			t.Parallel()
			owner, _ := sold(t)
			auditFinds(t, owner, d.sql, d.check, d.says)
		})
	}
}

// The marketplace's books: those of the seller and those of the tenant whose
// code it was, each damaged in turn.
func TestAuditFindsMarketDamage(t *testing.T) {
	t.Parallel()
	for _, d := range []struct {
		name, check, says, sql string
		theirs                 bool
	}{
		{"nothing here", "", "", "SELECT 1", false},
		{"nothing there", "", "", "SELECT 1", true},
		{"a settlement that owes too much", "settlements are the sums", "451 owed", "UPDATE partner_days SET owed_minor = owed_minor + 1 WHERE tenant_id = $1", false},
		{"a settlement of nothing", "settlements are the sums", "counts 1 redemptions", "INSERT INTO partner_days SELECT tenant_id, partner_id, '2020-01-01', 1, 0, 0, 0 FROM partner_days WHERE tenant_id = $1", false},
		{"a lost settlement", "settlements are the sums", "its orders make 1, 300, 0, 450", "DELETE FROM partner_days WHERE tenant_id = $1", false},
		{"an order that owes nothing", "partners are owed for their orders", "owed to no partner", "UPDATE orders SET owed_minor = NULL WHERE tenant_id = $1", false},
		{"an order that owes less than was noted", "partners are owed for their orders", "not noted", "UPDATE orders SET owed_minor = owed_minor - 1 WHERE tenant_id = $1", false},
		{"another code in the order", "sales have their codes", "does not have", "UPDATE codes SET code = 'X' WHERE state = 'issued' AND tenant_id = $1", true},
		{"a code that is back on the shelf", "sales have their codes", "does not have", "UPDATE codes SET state = 'available' WHERE state = 'issued' AND tenant_id = $1", true},
		{"a sale of no order", "sales have their codes", "does not have", "INSERT INTO sales SELECT tenant_id, gen_random_uuid(), offer_id, seller_id, owed_minor, created_at FROM sales WHERE tenant_id = $1", true},
		{"a code that went nowhere", "sales have their codes", "neither an order nor a sale", "UPDATE codes SET state = 'issued', order_id = gen_random_uuid() WHERE state = 'available' AND tenant_id = $1", true},
		{"an offer that counts too many", "offers count their sales", "counts 2 sold", "UPDATE offers SET sold = sold + 1 WHERE tenant_id = $1", true},
	} {
		t.Run(d.name, func(t *testing.T) {
			t.Parallel()
			ours, theirs := sale(t)
			if d.theirs {
				ours = theirs
			}
			auditFinds(t, ours, d.sql, d.check, d.says)
		})
	}
	t.Run("a lost sale", func(t *testing.T) {
		t.Parallel()
		ours, theirs := sale(t)
		damage(t, "DELETE FROM sales WHERE tenant_id = $1", theirs.ID)
		auditFinds(t, ours, "SELECT 1", "partners are owed for their orders", "not noted")
	})
}

// sale is a tenant that has sold one unit of what the other one offers.
func sale(t *testing.T) (ours, theirs tenant.Tenant) {
	t.Helper()
	ctx, db := t.Context(), pgtest.DB()
	ours, theirs = pgtest.Tenant(t), pgtest.Tenant(t)
	books, shop := ledger.New(db), New(db)
	t.Cleanup(func() { shop.Close(ctx); books.Close(ctx) })
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	_, err := books.Post(ctx, ours.ID, ledger.Command{Op: ledger.OpAward, Member: "ann", Asset: ledger.Points, Amount: 1000}, nil)
	must(err)
	pool, err := shop.CreatePoolOnce(ctx, theirs.ID, "cards", Imported, nil)
	must(err)
	_, err = shop.ImportCodesOnce(ctx, theirs.ID, pool.ID, []string{"A", "B"}, nil)
	must(err)
	_, err = shop.CreateItemOnce(ctx, theirs.ID, Item{ID: "card", Name: "Card", Kind: Digital, Status: Active, PoolID: &pool.ID}, nil)
	must(err)
	made, err := shop.CreateOffer(ctx, theirs.ID, Offer{ItemID: "card", Programme: ours.Name, PriceMinor: 450}, nil)
	must(err)
	they, err := shop.CreatePartner(ctx, ours.ID, Partner{Name: "They"}, nil)
	must(err)
	yes, price := true, int64(300)
	_, err = shop.UpdatePartner(ctx, ours.ID, they.ID, PartnerChange{Verified: &yes}, nil)
	must(err)
	l, err := shop.CreateListing(ctx, ours.ID, Listing{Item: Item{Name: "Card", Status: Active, PointsCost: &price}, Partner: they, OfferID: made.ID}, nil)
	must(err)
	_, err = shop.Redeem(ctx, ours.ID, Redemption{Member: "ann", ItemID: l.ID, Listing: true, Quantity: 1}, nil)
	must(err)
	return ours, theirs
}

func damage(t *testing.T, sql string, tenantID int64) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), pgtest.URL())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	if _, err := conn.Exec(t.Context(), sql, args(sql, tenantID)...); err != nil {
		t.Fatal(err)
	}
}

// auditFinds damages a tenant's rows and audits it; an empty check wants it clean.
func auditFinds(t *testing.T, of tenant.Tenant, sql, check, says string) {
	t.Helper()
	damage(t, sql, of.ID)
	report, err := ledger.AuditTenant(t.Context(), pgtest.DB(), of.ID, AuditChecks()...)
	if err != nil {
		t.Fatal(err)
	}
	found := check == "" && len(report.Violations) == 0
	for _, v := range report.Violations {
		found = found || v.Name == check && strings.Contains(v.Says, says)
	}
	if !found {
		t.Errorf("the audit says %v", report.Violations)
	}
}

func args(sql string, tenantID int64) []any {
	if strings.Contains(sql, "$1") {
		return []any{tenantID}
	}
	return nil
}
