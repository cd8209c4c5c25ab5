package ledger

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/incent-dev/incent/gen/query"
	"github.com/incent-dev/incent/internal/event"
	"github.com/incent-dev/incent/internal/pg"
	"github.com/incent-dev/incent/internal/pgtest"
	"github.com/incent-dev/incent/internal/tenant"
)

// tampering is done to sealed books by somebody who may do everything in the
// database, and who keeps the books balanced where that is easy.
var tamperings = []struct {
	name  string
	where string // what is named
	says  string // part of what is said
	sql   []string
}{
	{"an amount altered", "member ann, points, transfer 5", "is not what it was",
		[]string{"UPDATE transfers SET amount = amount + 1 WHERE {ann} AND seq = 5"}},
	{"an instant altered", "member bob, points, transfer 2", "is not what it was",
		[]string{"UPDATE transfers SET created_at = created_at + interval '1 microsecond' WHERE {bob} AND seq = 2"}},
	{"a memo altered", "member ann, points, transfer 5", "is not what it was",
		[]string{"UPDATE transfers SET memo = memo || '\\x00' WHERE {ann} AND seq = 5"}},
	{"a cause altered", "member ann, points, transfer 6", "is not what it was",
		[]string{"UPDATE transfers SET cause_seq = NULL WHERE {ann} AND seq = 6"}},
	{"the newest transfer removed", "member cat, tokens, transfer 2", "is gone",
		[]string{"DELETE FROM transfers WHERE {cat} AND seq = 2"}},
	{"a whole account removed", "member bob, points, transfer 1", "is gone",
		[]string{"DELETE FROM transfers WHERE {bob}", "DELETE FROM accounts WHERE {bob}"}},
	{"a transfer put in at the end", "member ann, xp, transfer 2", "is named by no commit", []string{
		`INSERT INTO transfers SELECT (jsonb_populate_record(t, '{"seq": 2, "available_after": 10, "awards": 2}')).* FROM transfers AS t WHERE {ann xp}`,
		"UPDATE accounts SET available = 10, earned = 10, seq = 2, awards = 2 WHERE {ann xp}"}},
	{"a transfer put in between", "member bob, points, transfer 2", "is not what it was", []string{
		"UPDATE transfers SET seq = seq + 100 WHERE {bob} AND seq >= 2", "UPDATE transfers SET seq = seq - 99 WHERE {bob} AND seq > 100",
		`INSERT INTO transfers SELECT (jsonb_populate_record(t, '{"seq": 2}')).* FROM transfers AS t WHERE {bob} AND seq = 1`}},
	{"two transfers swapped", "member ann, points, transfer 1", "is not what it was", []string{
		"UPDATE transfers SET seq = 1000 WHERE {ann} AND seq = 1", "UPDATE transfers SET seq = 1 WHERE {ann} AND seq = 8", "UPDATE transfers SET seq = 8 WHERE {ann} AND seq = 1000"}},
	{"members swapped", "member ann, points, transfer 1", "is not what it was", []string{
		"UPDATE transfers SET member_id = -1 WHERE {ann} AND seq = 1",
		"UPDATE transfers SET member_id = (SELECT m.id FROM members AS m WHERE m.tenant_id = {tenant} AND m.external_id = 'ann') WHERE {bob} AND seq = 1",
		"UPDATE transfers SET member_id = (SELECT m.id FROM members AS m WHERE m.tenant_id = {tenant} AND m.external_id = 'bob') WHERE tenant_id = {tenant} AND member_id = -1"}},
	{"a block's mark altered to fit", "block 1", "is not what it was when it was made", []string{
		"UPDATE transfers SET amount = amount + 1 WHERE {ann} AND seq = 1", "UPDATE sealed_blocks SET marks = {marks} WHERE {block 1}"}},
	{"a block removed", "block 2", "stands where block 1 is due", []string{"DELETE FROM sealed_blocks WHERE {block 1}"}},
	{"the newest block removed", "block 1", "is the last one there is, the chain says block 2", []string{"DELETE FROM sealed_blocks WHERE {block 2}"}},
	{"the newest block removed, and the chain's end moved", "member ann, points, transfer 12", "should be in block 2", []string{
		"DELETE FROM sealed_blocks WHERE {block 2}",
		"UPDATE chains SET blocks = 1, hash = (SELECT b.hash FROM sealed_blocks AS b WHERE {block 1}) WHERE tenant_id = {tenant}"}},
	{"a block altered", "block 1", "is not what it was when it was made",
		[]string{"UPDATE sealed_blocks SET hash = sha256(hash) WHERE {block 1}"}},
	{"a block that follows another", "block 2", "does not follow from the block before", []string{"UPDATE sealed_blocks SET previous = hash WHERE {block 2}"}},
}

// TestAuditNamesWhatWasDoneToTheChain tampers with sealed books in every way, past
// triggers and privileges, and sees that the audit names the row.
func TestAuditNamesWhatWasDoneToTheChain(t *testing.T) {
	t.Parallel()
	l := openLedger(t, pgtest.URL())
	for _, d := range tamperings {
		t.Run(d.name, func(t *testing.T) {
			made := sealedFixture(t, l)
			for _, s := range d.sql {
				pgtest.Owner(t, pgtest.URL(), spellChain(t, spell(s, made.ID), made.ID))
			}
			report, err := AuditTenant(t.Context(), pgtest.DB(), made.ID)
			must(t, err)
			var chain []Violation
			for _, v := range report.Violations {
				if v.Invariant == 11 {
					chain = append(chain, v)
				}
			}
			if len(chain) != 1 || chain[0].Where != d.where || !strings.Contains(chain[0].Says, d.says) {
				t.Errorf("%s %s; the audit says %v", d.where, d.says, report.Violations)
			}
		})
	}
}

// sealedFixture is the fixture of TestAuditNamesEachInvariant in one block, and
// one more transfer in a second one.
func sealedFixture(t *testing.T, l *Ledger) tenant.Tenant {
	t.Helper()
	made := makeFixture(t, pgtest.DB())
	must(t, l.Seal(t.Context(), made.ID))
	_, err := applyAt(t.Context(), pgtest.DB(), made, fixtureDay(12), []Command{{Op: OpAward, Member: "ann", Asset: Points, Amount: 3}})
	must(t, err)
	must(t, l.Seal(t.Context(), made.ID))
	end, err := l.ChainEnd(t.Context(), made.ID)
	must(t, err)
	if end.Blocks != 2 {
		t.Fatalf("there are %d blocks", end.Blocks)
	}
	auditClean(t, made.ID)
	return made
}

// TestSealingTakesWhatWasPosted: a transfer that is altered before it is sealed is
// named all the same; one whose commit brought no hash is sealed as it stands.
func TestSealingTakesWhatWasPosted(t *testing.T) {
	t.Parallel()
	l := openLedger(t, pgtest.URL())
	for name, wantChain := range map[string][]string{
		"UPDATE commits SET leaves = NULL WHERE tenant_id = {tenant}":                   nil,
		"UPDATE transfers SET created_at = created_at + '1 us' WHERE {bob} AND seq = 2": {"member bob, points, transfer 2"},
	} {
		made := makeFixture(t, pgtest.DB())
		pgtest.Owner(t, pgtest.URL(), spellChain(t, spell(name, made.ID), made.ID))
		must(t, l.Seal(t.Context(), made.ID))
		report, err := AuditTenant(t.Context(), pgtest.DB(), made.ID)
		must(t, err)
		var got []string
		for _, v := range report.Violations {
			got = append(got, v.Where)
		}
		if !slices.Equal(got, wantChain) {
			t.Errorf("%s: the audit says %v", name, report.Violations)
		}
	}
}

// spellChain speaks of {tenant}, of {block 1}, and of {marks}: those of block 1 as
// the transfers are now.
func spellChain(t *testing.T, sql string, tenantID int64) string {
	t.Helper()
	names := []string{"{tenant}", fmt.Sprint(tenantID)}
	for n := range 3 {
		names = append(names, fmt.Sprintf("{block %d}", n), fmt.Sprintf("tenant_id = %d AND number = %d", tenantID, n))
	}
	if strings.Contains(sql, "{marks}") {
		names = append(names, "{marks}", fmt.Sprintf("'\\x%x'", marksNow(t, tenantID)))
	}
	return strings.NewReplacer(names...).Replace(sql)
}

// TestSealingAtOnce has several processes seal while others post: every transfer
// comes into one block, none is left, and the chain holds.
func TestSealingAtOnce(t *testing.T) {
	t.Parallel()
	made := pgtest.Tenant(t)
	servers := []*Ledger{openLedger(t, pgtest.URL()), openLedger(t, pgtest.URL())}
	done := make(chan struct{})
	var posting, sealing sync.WaitGroup
	for i := range 4 {
		sealing.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				if err := servers[i%2].Seal(t.Context(), made.ID); err != nil {
					t.Error(err)
				}
			}
		})
		posting.Go(func() {
			for n := range 60 {
				c := Command{Op: OpAward, Member: fmt.Sprint("member ", n%7), Asset: Assets[(n+i)%3], Amount: 1}
				if _, err := servers[i%2].Post(t.Context(), made.ID, c, nil); err != nil {
					t.Error(err)
				}
			}
		})
	}
	posting.Wait()
	close(done)
	sealing.Wait()
	must(t, servers[0].Seal(t.Context(), made.ID))
	auditClean(t, made.ID)
	var sealed, distinct int64
	must(t, pgtest.DB().QueryRow(t.Context(), `SELECT count(*), count(DISTINCT (u.m, u.a, u.s)) FROM
		(SELECT unnest(members) AS m, unnest(assets) AS a, unnest(seqs) AS s FROM sealed_blocks WHERE tenant_id = $1) AS u`, made.ID).Scan(&sealed, &distinct))
	if sealed != 240 || distinct != 240 {
		t.Errorf("%d transfers are sealed, %d different ones, of 240", sealed, distinct)
	}
}

// marksNow are the marks of the first block as somebody would make them who has
// changed its transfers.
func marksNow(t *testing.T, tenantID int64) []byte {
	t.Helper()
	marks, err := inSnapshot(t.Context(), pgtest.DB(), func(ctx context.Context, tx pg.Tx) ([]byte, error) {
		page, err := q.SealedBlockListAfter(ctx, tx, query.SealedBlockListAfterParams{TenantID: tenantID, MaxRows: 1})
		if err != nil {
			return nil, err
		}
		leaves, err := leavesOf(ctx, tx, tenantID, event.Moves{Members: page[0].Members, Assets: page[0].Assets, Seqs: page[0].Seqs})
		return marksOf(leaves), err
	})
	must(t, err)
	return marks
}
