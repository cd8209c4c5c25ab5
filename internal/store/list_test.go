package store

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/incent-dev/incent/internal/ledger"
	"github.com/incent-dev/incent/internal/pgtest"
	"github.com/incent-dev/incent/internal/tenant"
)

// placed is an order as far as lists look at it.
type placed struct {
	id     uuid.UUID
	item   string
	member string
	status Status
	at     time.Time
}

// history writes orders straight into the table: some far apart, many in one
// second, many in one day. All are paid by one transfer, so no audit may see them.
// They come back newest first.
func history(t *testing.T, owner tenant.Tenant, shop *Store, random *rand.Rand, n int) []placed {
	t.Helper()
	ctx := t.Context()
	books := ledger.New(pgtest.DB())
	t.Cleanup(func() { books.Close(ctx) })
	members := map[string]int64{}
	for _, member := range []string{"ann", "bob"} {
		for _, op := range []ledger.Op{ledger.OpAward, ledger.OpSpend} {
			out, err := books.Post(ctx, owner.ID, ledger.Command{Op: op, Member: member, Asset: ledger.Points, Amount: 1}, nil)
			if err != nil {
				t.Fatal(err)
			}
			members[member] = out.Transfer.Member
		}
	}
	cost := int64(1)
	for _, item := range []string{"mug", "card"} {
		if _, err := shop.CreateItem(ctx, pgtest.DB(), owner.ID, Item{ID: item, Name: item, Kind: Physical, Status: Active, PointsCost: &cost}); err != nil {
			t.Fatal(err)
		}
	}
	begins := time.Date(2024, 2, 27, 23, 59, 59, 0, time.UTC)
	list := make([]placed, n)
	rows := make([][]any, n)
	for i := range list {
		at := begins
		switch random.IntN(4) {
		case 0: // in one second, several at one instant
			at = at.Add(time.Duration(random.IntN(n/3)) * time.Microsecond)
		case 1: // around midnight
			at = at.Add(time.Duration(random.IntN(600_000)) * time.Millisecond)
		case 2: // on one day
			at = at.Add(48*time.Hour + time.Duration(random.IntN(86_400_000))*time.Millisecond)
		default: // within a year
			at = at.Add(time.Duration(random.IntN(365*86_400)) * time.Second)
		}
		o := placed{uuid.New(), []string{"mug", "card"}[random.IntN(5)/4], []string{"ann", "bob"}[random.IntN(2)], Pending, at}
		o.status = []Status{Pending, Processing, Shipped, Completed, Completed, Completed, Cancelled}[random.IntN(7)]
		list[i] = o
		rows[i] = []any{owner.ID, o.id, members[o.member], o.item, o.item, "physical", 1, 1, 1, 2, string(o.status), []string{}, o.at}
	}
	conn, err := pgx.Connect(ctx, pgtest.URL())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	_, err = conn.CopyFrom(ctx, pgx.Identifier{"orders"}, []string{
		"tenant_id", "id", "member_id", "item_id", "item_name", "kind", "quantity", "asset", "spent", "spend_seq", "status", "codes", "created_at",
	}, pgx.CopyFromRows(rows))
	if err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(list, func(a, b placed) int {
		if c := b.at.Compare(a.at); c != 0 {
			return c
		}
		return slices.Compare(b.id[:], a.id[:])
	})
	return list
}

// Any page of any selection is what a filter over all orders gives, and begins
// near the place that the counts lead to.
func TestOrdersAgainstFilter(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(2024, 8))
	owner, shop := pgtest.Tenant(t), New(pgtest.DB())
	t.Cleanup(func() { shop.Close(t.Context()) })
	all := history(t, owner, shop, random, 6000)
	instant := func() time.Time {
		near := []time.Duration{0, -tick, tick, -time.Second, time.Hour, -24 * time.Hour}
		at := all[random.IntN(len(all))].at.Add(near[random.IntN(len(near))])
		return []time.Time{at, at.Truncate(24 * time.Hour), at.Truncate(24 * time.Hour).Add(24*time.Hour - tick)}[random.IntN(3)]
	}
	for range 600 {
		f := OrderFilter{Limit: []int{1, 25, 100}[random.IntN(3)]}
		f.Statuses = [][]Status{nil, nil, UnderWay, {Completed}, {Cancelled}, {Shipped}}[random.IntN(6)]
		f.ItemID = []string{"", "", "", "mug", "card", "none"}[random.IntN(6)]
		f.Member = []string{"", "", "", "ann", "nobody"}[random.IntN(5)]
		if random.IntN(3) == 0 {
			f.From = instant()
		}
		if random.IntN(3) == 0 {
			f.To = instant()
		}
		want := slices.DeleteFunc(slices.Clone(all), func(o placed) bool {
			return f.Statuses != nil && !slices.Contains(f.Statuses, o.status) || f.ItemID != "" && o.item != f.ItemID ||
				f.Member != "" && o.member != f.Member || o.at.Before(f.From) || !f.To.IsZero() && o.at.After(f.To)
		})
		f.Skip = random.IntN(len(want) + 50)
		got, total, err := shop.Orders(t.Context(), owner.ID, f)
		if err != nil {
			t.Fatal(err)
		}
		page := want[min(f.Skip, len(want)):]
		page = page[:min(f.Limit, len(page))]
		if total != int64(len(want)) || !slices.EqualFunc(got, page, func(o Order, p placed) bool { return o.ID == p.id && o.Member == p.member }) {
			t.Fatalf("%+v: %d of %d, want %d of %d", f, len(got), total, len(page), len(want))
		}
	}
}

// A page of all orders, or of some statuses, skips few index entries, however deep
// it is: at most one second's.
func TestDeepPagesSkipLittle(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(2024, 9))
	owner, shop := pgtest.Tenant(t), New(pgtest.DB())
	t.Cleanup(func() { shop.Close(t.Context()) })
	all := history(t, owner, shop, random, 8000)
	seconds := map[time.Time]int64{}
	for _, o := range all {
		seconds[o.at.Truncate(time.Second)]++
	}
	for skip := 0; skip < len(all); skip += 97 {
		s := orderSeeker{pgtest.DB(), owner.ID, "", OrderFilter{}.texts()}
		at, err := s.seek(t.Context(), spanLengths, distantPast, distantFuture, int64(skip))
		if err != nil {
			t.Fatal(err)
		}
		if most := max(nearEnough, seconds[all[skip].at.Truncate(time.Second)]); at.skip > most {
			t.Errorf("page at %d skips %d entries, at most %d are in its second", skip, at.skip, most)
		}
	}
}
