package referral_test

import (
	"context"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/incent-dev/incent/gen/query"
	"github.com/incent-dev/incent/internal/pg"
	"github.com/incent-dev/incent/internal/pgtest"
)

// Codes are clicked on in many hours, with pauses of all lengths and now and then by
// a server whose clock is behind: the last day of a referrer is that of all hours.
func TestRecentClicks(t *testing.T) {
	t.Parallel()
	of, q, r := pgtest.Tenant(t), query.New(), rand.New(rand.NewPCG(1, 2))
	const codes, ann, bob = 3, 1, 2
	var ids [codes]uuid.UUID
	for i := range ids {
		ids[i] = pg.NewUUID()
	}
	// A code counts in its newest hour what comes late.
	var newest [codes]time.Time
	clicks := [codes]map[time.Time]int64{{}, {}, {}}
	now := time.Date(2026, 6, 18, 12, 0, 0, 0, time.UTC)
	for step := range 400 {
		now = now.Add([]time.Duration{0, 0, time.Hour, 5 * time.Hour, 30 * time.Hour, 24_000 * time.Hour}[r.IntN(6)])
		at := now
		if step%7 == 0 {
			at = now.Add(-time.Hour)
		}
		arg := query.ClickInsertManyParams{TenantID: of.ID, At: at, Hour: at}
		for i, id := range ids {
			n := r.Int64N(3)
			if n == 0 {
				continue
			}
			arg.CodeIds, arg.CodeClicks = append(arg.CodeIds, id), append(arg.CodeClicks, n)
			arg.CodeReferrerIds, arg.AnonymousAt = append(arg.CodeReferrerIds, []int64{ann, ann, bob}[i]), append(arg.AnonymousAt, time.Time{})
			if at.After(newest[i]) {
				newest[i] = at
			}
			clicks[i][newest[i]] += n
		}
		err := inTx(t, func(ctx context.Context, tx pg.Tx) error { return q.ClickInsertMany(ctx, tx, arg) })
		if err != nil {
			t.Fatal(err)
		}
		since := now.Add(-23 * time.Hour)
		want := map[int64]int64{}
		for i := range ids {
			for hour, n := range clicks[i] {
				if !hour.Before(since) {
					want[[]int64{ann, ann, bob}[i]] += n
				}
			}
		}
		for _, member := range []int64{ann, bob} {
			got, err := q.ReferrerHourSum(t.Context(), pgtest.DB(), query.ReferrerHourSumParams{TenantID: of.ID, MemberID: member, Since: since})
			if err != nil || got.Clicks != want[member] {
				t.Fatalf("step %d: member %d had %d clicks since %v (%v), want %d", step, member, got.Clicks, since, err, want[member])
			}
		}
	}
}
