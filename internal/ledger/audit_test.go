package ledger

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/incent-dev/incent/internal/pg"
	"github.com/incent-dev/incent/internal/pgtest"
	"github.com/incent-dev/incent/internal/tenant"
)

// damage is something that must never be in the books, done to the fixture's.
type damage struct {
	name      string
	invariant int
	where     string // of the row that must be named first
	says      string // part of what must be said of it
	sql       []string
}

// Statements speak of {ann}, {bob}, {cat} and {ann xp}: the accounts of the
// fixture; of {tenant}; and of {day 3}: an instant.
var damages = []damage{
	{"other accounts than its kind's", 1, "member ann, points, transfer 7", "from account 1 to account 6",
		[]string{"UPDATE transfers SET to_account = 6 WHERE {ann} AND seq = 7"}},
	{"a number left out", 2, "member ann, xp, transfer 2", "stands where transfer 1 is due",
		[]string{"UPDATE transfers SET seq = 2 WHERE {ann xp}", "UPDATE accounts SET seq = 2 WHERE {ann xp}"}},
	{"a balance that does not follow", 2, "member ann, points, transfer 5", "leaves 81 available",
		[]string{"UPDATE transfers SET available_after = available_after + 1 WHERE {ann} AND seq = 5"}},
	{"time that runs backwards", 2, "member ann, points, transfer 7", "before its predecessor's",
		[]string{"UPDATE transfers SET created_at = {day 1} WHERE {ann} AND seq = 7"}},
	{"a count that does not follow", 2, "member ann, points, transfer 7", "counts",
		[]string{"UPDATE transfers SET deducts = deducts + 1 WHERE {ann} AND seq = 7"}},
	{"an account with a point too many", 3, "member ann, points, transfer 11", "the account has 116, 10, 0",
		[]string{"UPDATE accounts SET available = available + 1 WHERE {ann}"}},
	{"lifetime points that nobody earned", 3, "member bob, points, transfer 5", "ends 70 earned, the account has 71",
		[]string{"UPDATE accounts SET earned = earned + 1 WHERE {bob}"}},
	{"lifetime redemptions that were not", 3, "member bob, points, transfer 5", "ends 50 redeemed, the account has 49",
		[]string{"UPDATE accounts SET redeemed = redeemed - 1 WHERE {bob}"}},
	{"transfers without an account", 3, "member ann, xp, transfer 1", "does not exist",
		[]string{"DELETE FROM accounts WHERE {ann xp}"}},
	{"points beside a debt", 4, "member ann, xp, transfer 2", "5 available, 0 pending, 5 owed", []string{
		`INSERT INTO transfers SELECT tenant_id, member_id, asset, 2, 10, 3, 4, 5, 5, 0, 5, awards, redeems, 1, expires, 1, NULL, created_at, ''
		   FROM transfers WHERE {ann xp}`,
		"INSERT INTO undone SELECT tenant_id, member_id, asset, 1, 0, 5, 0, moved_at FROM accounts WHERE {ann xp}",
		"UPDATE accounts SET debt = 5, seq = 2, deducts = 1 WHERE {ann xp}"}},
	{"a lot with a point too many", 5, "member ann, points, transfer 7", "entries make 95, the lot has 96",
		[]string{"UPDATE lots SET remaining = remaining + 1 WHERE {ann} AND expires_at = {day 30}"}},
	{"a lot that is gone", 5, "member ann, points, transfer 7", "the lot has 0",
		[]string{"DELETE FROM lots WHERE {ann} AND expires_at = {day 30}"}},
	{"a dated part that no lot holds", 5, "member ann, points, transfer 11", "of it 114 dated; its lots hold 115",
		[]string{"UPDATE accounts SET dated = dated - 1 WHERE {ann}"}},
	{"entries beyond their transfer", 5, "member ann, points, transfer 5", "of 40 moves -41 in lots",
		[]string{"UPDATE lot_entries SET amount = sign(amount) * 41 WHERE {ann} AND seq IN (5, 6)"}},
	{"an expired unit spent", 6, "member ann, points, transfer 7", "moves -5 units",
		[]string{"UPDATE lots SET expires_at = {day 4} + interval '1 hour' WHERE {ann} AND expires_at = {day 30}",
			"UPDATE lot_entries SET expires_at = {day 4} + interval '1 hour' WHERE {ann} AND expires_at = {day 30}",
			"UPDATE accounts SET due_at = {day 4} + interval '1 hour' WHERE {ann}"}},
	{"an expiry at another instant", 6, "member cat, tokens, transfer 2", "moves -10 units",
		[]string{"UPDATE transfers SET created_at = {day 31} WHERE {cat} AND seq = 2", "UPDATE accounts SET moved_at = {day 31} WHERE {cat}"}},
	{"an account that wakes too late", 6, "member ann, points, transfer 11", "something due at",
		[]string{"UPDATE accounts SET due_at = due_at + interval '1 microsecond' WHERE {ann}"}},
	{"an account that never wakes", 6, "member ann, points, transfer 11", "says never",
		[]string{"UPDATE accounts SET due_at = NULL WHERE {ann}"}},
	{"a hold that grew", 7, "member ann, points, transfer 11", "leaves 10 pending, the open holds make 11",
		[]string{"UPDATE holds SET amount = 11 WHERE {ann} AND state = 'held'"}},
	{"a hold of another transfer", 7, "member ann, points, transfer 3", "does not agree with hold",
		[]string{"UPDATE holds SET closed_seq = 6 WHERE {ann} AND state = 'matured'"}},
	{"a hold that was cancelled, not matured", 7, "member ann, points, transfer 3", "of 20, cancelled",
		[]string{"UPDATE holds SET state = 'cancelled' WHERE {ann} AND state = 'matured'"}},
	{"a transfer without its hold", 7, "member ann, points, transfer 10", "does not know of it",
		[]string{"DELETE FROM holds WHERE {ann} AND state = 'cancelled'"}},
	{"a refund that is not recorded", 8, "member ann, points, transfer 6", "gave back 40",
		[]string{"DELETE FROM undone WHERE {ann} AND seq = 5"}},
	{"a reversal of less than recorded", 8, "member ann, points, transfer 9", "recorded are 29 taken",
		[]string{"UPDATE undone SET taken = 29, owed = 1 WHERE {ann} AND seq = 8"}},
	{"a reversal of nothing", 8, "member ann, points, transfer 1", "gave back 0, took 0",
		[]string{"INSERT INTO undone SELECT tenant_id, member_id, asset, 1, 0, 100, 0, moved_at FROM accounts WHERE {ann}"}},
	{"a refund into another lot", 8, "member ann, points, transfer 6", "due there are",
		[]string{"UPDATE lot_entries SET expires_at = {day 40} WHERE {ann} AND seq = 6",
			"UPDATE lots SET remaining = remaining - 40 WHERE {ann} AND expires_at = {day 30}",
			"INSERT INTO lots SELECT tenant_id, member_id, asset, {day 40}, 40 FROM accounts WHERE {ann}"}},
	{"spent XP", 10, "member ann, xp, transfer 2", "of kind 5", []string{
		`INSERT INTO transfers SELECT tenant_id, member_id, asset, 2, 5, 1, 5, 5, 0, 0, 0, awards, 1, deducts, expires, NULL, NULL, created_at, ''
		   FROM transfers WHERE {ann xp}`,
		"UPDATE accounts SET available = 0, redeemed = 5, redeems = 1, seq = 2 WHERE {ann xp}"}},
	{"XP that expires", 10, "member ann, xp, transfer 1", "expires at",
		[]string{"UPDATE accounts SET idle_at = {day 30}, due_at = {day 30} WHERE {ann xp}"}},
}

// fixtureBegins is day 0 of the fixture's books.
var fixtureBegins = time.Date(2040, 1, 1, 0, 0, 0, 0, time.UTC)

func fixtureDay(n int) time.Time { return fixtureBegins.AddDate(0, 0, n) }

// makeFixture keeps some books in which everything has happened once.
func makeFixture(t *testing.T, db *pg.DB) tenant.Tenant {
	t.Helper()
	made, err := tenant.Create(t.Context(), db, fmt.Sprint("books ", pg.NewKey()), tenant.Test)
	must(t, err)
	made.Policy.Expiry, made.Policy.ExpiryDays, made.Policy.Clawback = tenant.ExpiryRolling, 30, tenant.ClawbackNegative
	cancelled := pg.NewUUID()
	for _, step := range []struct {
		day int
		Command
	}{
		{0, Command{Op: OpAward, Member: "ann", Asset: Points, Amount: 100}}, // 1
		{0, Command{Op: OpAward, Member: "ann", Asset: XP, Amount: 5}},
		{0, Command{Op: OpAward, Member: "cat", Asset: Tokens, Amount: 10}},
		{1, Command{Op: OpHold, Member: "ann", Asset: Points, Amount: 10}},                           // 2
		{1, Command{Op: OpHold, Member: "ann", Asset: Points, Amount: 20, MaturesAt: fixtureDay(2)}}, // 3, 4
		{3, Command{Op: OpSpend, Member: "ann", Asset: Points, Amount: 40}},                          // 5
		{4, Command{Op: OpRefund, Member: "ann", Asset: Points, UndoSeq: 5}},                         // 6
		{5, Command{Op: OpDeduct, Member: "ann", Asset: Points, Amount: 5}},                          // 7
		{6, Command{Op: OpAward, Member: "ann", Asset: Points, Amount: 30}},                          // 8
		{6, Command{Op: OpReverse, Member: "ann", Asset: Points, UndoSeq: 8}},                        // 9
		{7, Command{Op: OpHold, Member: "ann", Asset: Points, Amount: 7, HoldID: cancelled}},         // 10
		{7, Command{Op: OpCancel, Member: "ann", Asset: Points, HoldID: cancelled}},                  // 11
		{8, Command{Op: OpAward, Member: "bob", Asset: Points, Amount: 50}},                          // 1
		{9, Command{Op: OpSpend, Member: "bob", Asset: Points, Amount: 50}},                          // 2
		{10, Command{Op: OpReverse, Member: "bob", Asset: Points, UndoSeq: 1}},                       // 3
		{11, Command{Op: OpAward, Member: "bob", Asset: Points, Amount: 20}},                         // 4, 5
		{31, Command{Op: OpSettle, Member: "cat", Asset: Tokens}},
	} {
		results, err := applyAt(t.Context(), db, made, fixtureDay(step.day), []Command{step.Command})
		must(t, err)
		must(t, results[0].Err)
	}
	return made
}

// TestAuditNamesEachInvariant damages good books in every way that an invariant
// excludes, and sees that this invariant is named and no other.
func TestAuditNamesEachInvariant(t *testing.T) {
	t.Parallel()
	url := pgtest.Database(t)
	must(t, pg.Migrate(t.Context(), url, 0))
	db, err := pg.Open(t.Context(), pg.Config{URL: url, AllowVolatile: true, MaxConns: 4})
	must(t, err)
	t.Cleanup(db.Close)
	dropChecks(t, url)
	for _, d := range damages {
		t.Run(d.name, func(t *testing.T) {
			made := makeFixture(t, db)
			for _, s := range d.sql {
				pgtest.Owner(t, url, spell(s, made.ID))
			}
			report, err := AuditTenant(t.Context(), db, made.ID)
			must(t, err)
			broken := besidesChain(report.Violations)
			if len(broken) != 1 {
				t.Fatalf("invariant %d is broken, the audit says %v", d.invariant, report.Violations)
			}
			v := broken[0]
			if v.Invariant != d.invariant || v.Where != d.where || !strings.Contains(v.Says, d.says) {
				t.Errorf("invariant %d, %s, is broken; the audit says %s", d.invariant, d.where, v)
			}
		})
	}
	t.Run("good books", func(t *testing.T) {
		made := makeFixture(t, db)
		report, err := AuditTenant(t.Context(), db, made.ID)
		must(t, err)
		if len(report.Violations) != 0 || report.Transfers != 19 || report.Accounts != 4 || report.Holds != 3 || report.Undone != 3 {
			t.Errorf("%+v", report)
		}
	})
	for name, s := range map[string][2]string{
		"the trigger transfers_append_only is missing or disabled": {
			"ALTER TABLE transfers DISABLE TRIGGER transfers_append_only", "ALTER TABLE transfers ENABLE TRIGGER transfers_append_only"},
		"the role incent_app may change lot_entries": {
			"GRANT DELETE ON lot_entries TO incent_app", "REVOKE DELETE ON lot_entries FROM incent_app"},
	} {
		t.Run(name, func(t *testing.T) {
			pgtest.Owner(t, url, s[0])
			report, err := AuditTenant(t.Context(), db, 1)
			must(t, err)
			pgtest.Owner(t, url, s[1])
			if len(report.Violations) != 1 || report.Violations[0].String() != "ledger invariant 9 (append-only): "+name {
				t.Errorf("the audit says %v", report.Violations)
			}
		})
	}
	t.Run("all at once", func(t *testing.T) { auditsEverything(t, db) })
}

// besidesChain leaves out that transfers which damage put in were never committed:
// see TestAuditNamesWhatWasDoneToTheChain.
func besidesChain(violations []Violation) (kept []Violation) {
	for _, v := range violations {
		if v.Invariant != 11 {
			kept = append(kept, v)
		}
	}
	return kept
}

// auditsEverything audits the whole damaged database: one violation for each
// damaged tenant, and progress that ends where it said it would.
func auditsEverything(t *testing.T, db *pg.DB) {
	var last AuditProgress
	calls := 0
	extra := AuditCheck{Of: "test", Invariant: 1, Name: "extra", Find: func(context.Context, pg.Tx, int64) (*Offence, error) { return nil, nil }}
	report, err := Audit(t.Context(), db, func(p AuditProgress) { last, calls = p, calls+1 }, extra)
	must(t, err)
	if len(besidesChain(report.Violations)) != len(damages) || report.Tenants != len(damages)+1 {
		t.Errorf("%d tenants, violations %v", report.Tenants, report.Violations)
	}
	if last.Name != "extra" || last.Done != last.Total-1 || calls != last.Total {
		t.Errorf("%d calls, the last one %+v", calls, last)
	}
	first := report.Violations[0].String()
	if !strings.HasPrefix(first, "ledger invariant ") || !strings.Contains(first, " (test), member ") {
		t.Error(first)
	}
}

// dropChecks takes the schema's own constraints away: the audit stands for those
// whose books were kept without them.
func dropChecks(t *testing.T, url string) {
	conn, err := pgx.Connect(t.Context(), url)
	must(t, err)
	defer conn.Close(t.Context())
	rows, err := conn.Query(t.Context(), `SELECT format('ALTER TABLE %s DROP CONSTRAINT %I', conrelid::regclass, conname)
		FROM pg_constraint WHERE contype = 'c' AND conrelid <> 0 AND connamespace = 'public'::regnamespace`)
	must(t, err)
	drops, err := pgx.CollectRows(rows, pgx.RowTo[string])
	must(t, err)
	pgtest.Owner(t, url, drops...)
}

func spell(sql string, tenantID int64) string {
	account := func(member string, asset Asset) string {
		return fmt.Sprintf("tenant_id = %d AND member_id = (SELECT m.id FROM members AS m WHERE m.tenant_id = %[1]d AND m.external_id = '%s') AND asset = %d",
			tenantID, member, asset)
	}
	names := []string{
		"{ann xp}", account("ann", XP), "{ann}", account("ann", Points), "{bob}", account("bob", Points), "{cat}", account("cat", Tokens),
	}
	for day := range 41 {
		names = append(names, fmt.Sprintf("{day %d}", day), "'"+fixtureDay(day).Format(time.RFC3339)+"'::timestamptz")
	}
	return strings.NewReplacer(names...).Replace(sql)
}
