package event_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/incent-dev/incent/internal/event"
	"github.com/incent-dev/incent/internal/pg"
	"github.com/incent-dev/incent/internal/pgtest"
)

// BenchmarkStore is what a batch's row costs beside the rest of its transaction,
// by what its calls are.
func BenchmarkStore(b *testing.B) {
	const batch = 32
	object := pg.NewUUID()
	for name, note := range map[string]func(*event.Journal, int){
		"click": func(j *event.Journal, i int) {
			object[15] = byte(i)
			j.Object(event.ReferralClicked, object, nil)
		},
		"event": func(j *event.Journal, i int) {
			j.Row(event.IncentiveEventRecorded, int64(i)<<40, int64(i))
			j.Transfer(event.PointsAwarded, int64(i)<<40, 1, int64(i), event.Leaf{})
		},
		"purchase": func(j *event.Journal, _ int) {
			for _, k := range []event.Kind{event.RewardRedeemed, event.OrderCreated, event.OrderCompleted, event.IncentiveItemRedeemed} {
				j.Object(k, object, nil)
			}
		},
		"award": func(j *event.Journal, i int) {
			j.Transfer(event.PointsAwarded, int64(i)<<40, 1, int64(i), event.Leaf{})
		},
	} {
		b.Run(fmt.Sprintf("%s-%d", name, batch), func(b *testing.B) {
			owner := pgtest.Tenant(b)
			_, err := pg.InTx(b.Context(), pgtest.DB(), func(ctx context.Context, tx pg.Tx) (struct{}, error) {
				for b.Loop() {
					var j event.Journal
					for i := range batch {
						note(&j, i+1)
					}
					if err := j.Store(ctx, tx, owner.ID, pg.Now()); err != nil {
						return struct{}{}, err
					}
				}
				return struct{}{}, nil
			})
			if err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/batch, "ns/call")
		})
	}
}
