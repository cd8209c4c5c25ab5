package ledger

import (
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
