package ledger_test

import (
	"context"
	"fmt"
	"os"
	"sync/atomic"
	"testing"

	"github.com/incent-dev/incent/gen/query"
	"github.com/incent-dev/incent/internal/ledger"
	"github.com/incent-dev/incent/internal/pg"
)

func BenchmarkPost(b *testing.B) {
	ctx := context.Background()
	url := os.Getenv("DEVPG")
	if err := pg.Migrate(ctx, url, 0); err != nil {
		b.Fatal(err)
	}
	db, err := pg.Open(ctx, pg.Config{URL: url})
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	id := pg.NewKey()
	if err := query.New().TenantInsert(ctx, db, query.TenantInsertParams{TenantID: id, Name: fmt.Sprint(id), Mode: "test", CreatedAt: pg.Now()}); err != nil {
		b.Fatal(err)
	}
	l := ledger.New(db)
	defer l.Close(ctx)
	var n atomic.Int64
	b.SetParallelism(32)
	b.ResetTimer()
	b.RunParallel(func(p *testing.PB) {
		for p.Next() {
			i := n.Add(1)
			_, err := l.Post(ctx, id, ledger.Command{Op: ledger.OpAward, Asset: ledger.Points, Member: fmt.Sprintf("mem_%d", i*7919%10000), Amount: 5, Memo: ledger.Memo{Reason: "Q2 Sales Target", Reference: "INV-2024-1234"}}, nil)
			if err != nil {
				b.Fatal(err)
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "award/s")
}
