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
	tenantID := pgtest.Tenant(b).ID
	l := New(pgtest.DB())
	b.Cleanup(func() { l.Close(b.Context()) })
	var n atomic.Int64
	b.SetParallelism(32)
	b.ResetTimer()
	b.RunParallel(func(p *testing.PB) {
		for p.Next() {
			_, err := l.Post(b.Context(), tenantID, Command{
				Op: OpAward, Asset: Points, Member: fmt.Sprintf("mem_%d", n.Add(1)*7919%10000), Amount: 5,
				Memo: Memo{Reason: "Q2 Sales Target", Reference: "INV-2024-1234"},
			}, nil)
			if err != nil {
				b.Error(err)
				return
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "award/s")
}
