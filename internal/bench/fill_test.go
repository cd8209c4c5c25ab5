package bench

import (
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/incent-dev/incent/internal/ledger"
	"github.com/incent-dev/incent/internal/pg"
	"github.com/incent-dev/incent/internal/pgtest"
)

// TestHistoryIsWhatTheLedgerWouldHaveWritten compares a filled member with one
// whose transfers were posted one by one.
func TestHistoryIsWhatTheLedgerWouldHaveWritten(t *testing.T) {
	ctx := t.Context()
	filled, posted := pgtest.Tenant(t), pgtest.Tenant(t)
	h := history{Tenant: filled.ID, Members: 7, Transfers: 80, Amount: 100}
	var rows atomic.Int64
	if err := h.make(ctx, pgtest.URL(), pg.Now(), func(n int) { rows.Add(int64(n)) }); err != nil {
		t.Fatal(err)
	}
	if rows.Load() != h.rows() {
		t.Errorf("made %d rows, announced %d", rows.Load(), h.rows())
	}
	report, err := ledger.AuditTenant(ctx, pgtest.DB(), filled.ID)
	if err != nil || report.Transfers != h.Transfers || len(report.Violations) > 0 {
		t.Errorf("the audit saw %d of %d transfers and says %v (%v)", report.Transfers, h.Transfers, report.Violations, err)
	}
	books := ledger.New(pgtest.DB())
	defer books.Close(ctx)
	for i := int64(1); i <= h.Members; i++ {
		n := h.Transfers / h.Members
		if i <= h.Transfers%h.Members {
			n++
		}
		for seq := int64(1); seq <= n; seq++ {
			c := ledger.Command{Op: ledger.OpAward, Asset: ledger.Points, Member: fmt.Sprintf(memberName, i), Amount: 100 + i, Memo: ledger.Memo{
				Reason: "Q2 Sales Target Achievement", Reference: fmt.Sprintf("INV-%d-%d", i, seq)}}
			if seq%5 == 0 {
				c.Op, c.Amount, c.Memo.Reason = ledger.OpDeduct, (100+i)/10, "Correction"
			}
			if _, err := books.Post(ctx, posted.ID, c, nil); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, table := range []string{"accounts", "transfers"} {
		same(t, table, filled.ID, posted.ID)
	}
}

// same wants two tenants to have the same rows, whatever their keys, instants and
// memos, which are sealed.
func same(t *testing.T, table string, a, b int64) {
	t.Helper()
	const rowsOf = `SELECT m.external_id, to_jsonb(x) - '{tenant_id,member_id,created_at,moved_at,memo}'::text[] FROM %s AS x
		JOIN members AS m ON m.tenant_id = x.tenant_id AND m.id = x.member_id WHERE x.tenant_id = $%d`
	var differ, have int64
	query := fmt.Sprintf("WITH a AS (%s), b AS (%s) SELECT (SELECT count(*) FROM (SELECT * FROM a EXCEPT SELECT * FROM b) AS x) + "+
		"(SELECT count(*) FROM (SELECT * FROM b EXCEPT SELECT * FROM a) AS x), (SELECT count(*) FROM a)",
		fmt.Sprintf(rowsOf, table, 1), fmt.Sprintf(rowsOf, table, 2))
	if err := pgtest.DB().QueryRow(t.Context(), query, a, b).Scan(&differ, &have); err != nil {
		t.Fatal(err)
	}
	if differ != 0 || have == 0 {
		t.Errorf("%s: %d of %d rows differ", table, differ, have)
	}
}
