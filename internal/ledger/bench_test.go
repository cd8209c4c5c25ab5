package ledger

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/incent-dev/incent/internal/pgtest"
)

// BenchmarkPost is one award per call from 64 callers, over 10,000 members, on a
// database that may lose its data: it shows the cost without the disk.
func BenchmarkPost(b *testing.B) {
	const members = 10_000
	tenantID := pgtest.Tenant(b).ID
	l := New(pgtest.DB())
	b.Cleanup(func() { l.Close(b.Context()) })
	award := func(i int64) Command {
		return Command{
			Op: OpAward, Asset: Points, Member: fmt.Sprintf("mem_%d", i%members), Amount: 5,
			Memo: Memo{Reason: "Q2 Sales Target", Reference: "INV-2024-1234"},
		}
	}
	for from := int64(0); from < members; from += 1000 {
		var enrol []Command
		for i := range int64(1000) {
			enrol = append(enrol, award(from+i))
		}
		_, err := l.PostMany(b.Context(), tenantID, enrol, nil)
		must(b, err)
	}
	// Autovacuum would come by within a minute.
	pgtest.Owner(b, pgtest.URL(), "ANALYZE")
	var n atomic.Int64
	b.SetParallelism(32)
	b.ResetTimer()
	b.RunParallel(func(p *testing.PB) {
		for p.Next() {
			if _, err := l.Post(b.Context(), tenantID, award(n.Add(1)*7919), nil); err != nil {
				b.Error(err)
				return
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "award/s")
}

// BenchmarkSeal seals awards that were committed 25 at a time.
func BenchmarkSeal(b *testing.B) {
	tenantID := pgtest.Tenant(b).ID
	l := New(pgtest.DB())
	b.Cleanup(func() { l.Close(b.Context()) })
	n := 0
	for b.Loop() {
		b.StopTimer()
		for range 400 {
			commands := make([]Command, 25)
			for i := range commands {
				n++
				commands[i] = Command{Op: OpAward, Asset: Points, Member: fmt.Sprint("mem_", n*7919%2000), Amount: 5, Memo: Memo{Reason: "Q2"}}
			}
			_, err := l.PostMany(b.Context(), tenantID, commands, nil)
			must(b, err)
		}
		b.StartTimer()
		must(b, l.Seal(b.Context(), tenantID))
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "transfers/s")
}

// BenchmarkDue looks for what is due among 10,000 tenants with something that is
// not.
func BenchmarkDue(b *testing.B) {
	const tenants = 10_000
	pgtest.Owner(b, pgtest.URL(),
		fmt.Sprintf(`INSERT INTO tenants (tenant_id, name, mode, created_at) SELECT -i, 'idle ' || i, 'live', now() FROM generate_series(1, %d) AS i`, tenants),
		`INSERT INTO members (tenant_id, id, external_id, created_at, updated_at) SELECT tenant_id, 1, 'ann', now(), now() FROM tenants WHERE tenant_id < 0`,
		`INSERT INTO accounts (tenant_id, member_id, asset, due_at, moved_at) SELECT tenant_id, 1, 1, now() + interval '1 year', now() FROM tenants WHERE tenant_id < 0`,
		"ANALYZE")
	l := New(pgtest.DB())
	b.Cleanup(func() { l.Close(b.Context()) })
	for name, due := range map[string]func(context.Context) ([]int64, error){"settle": l.Due, "warn": l.Unwarned, "seal": l.Unsealed} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				_, err := due(b.Context())
				must(b, err)
			}
			b.ReportMetric(b.Elapsed().Seconds()*1e6/float64(b.N)/tenants, "us/tenant")
		})
	}
}
