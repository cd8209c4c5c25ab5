package leaderboard

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/incent-dev/incent/internal/ledger"
	"github.com/incent-dev/incent/internal/pgtest"
	"github.com/incent-dev/incent/internal/tenant"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// smallRoom makes blocks that are cut and merged all the time.
const smallRoom = 3

// programme is one server's view of a tenant: its ledger and its boards.
type programme struct {
	tenant.Tenant
	books  *ledger.Ledger
	boards *Boards
}

// noon of a Wednesday in the middle of a month: no test runs into another day.
var noon = time.Date(2030, 5, 15, 12, 0, 0, 0, time.UTC)

// newTenant makes a tenant whose clock says noon.
func newTenant(t testing.TB) tenant.Tenant {
	t.Helper()
	owner := pgtest.Tenant(t)
	_, err := pgtest.DB().Exec(t.Context(), "UPDATE tenants SET clock_offset_us = $2 WHERE tenant_id = $1", owner.ID, time.Until(noon).Microseconds())
	must(t, err)
	return owner
}

func newProgramme(t testing.TB, owner tenant.Tenant, room int32) *programme {
	t.Helper()
	books := ledger.New(pgtest.DB())
	books.Follow(ledger.XP, Move)
	t.Cleanup(func() { books.Close(context.WithoutCancel(t.Context())) })
	return &programme{owner, books, &Boards{db: pgtest.DB(), books: books, room: room}}
}

// earn awards XP to members, each so much, in one transaction.
func (p *programme) earn(t testing.TB, amounts map[string]int64) {
	t.Helper()
	var commands []ledger.Command
	for _, member := range slices.Sorted(maps.Keys(amounts)) {
		commands = append(commands, ledger.Command{Op: ledger.OpAward, Member: member, Asset: ledger.XP, Amount: amounts[member]})
	}
	p.post(t, commands)
}

func (p *programme) post(t testing.TB, commands []ledger.Command) []ledger.Result {
	t.Helper()
	results, err := p.books.PostMany(t.Context(), p.ID, commands, nil)
	for _, r := range results {
		err = errors.Join(err, r.Err)
	}
	must(t, err)
	return results
}

// later moves the tenant's clock.
func (p *programme) later(t testing.TB, by time.Duration) {
	t.Helper()
	_, err := pgtest.DB().Exec(t.Context(), "UPDATE tenants SET clock_offset_us = clock_offset_us + $2 WHERE tenant_id = $1", p.ID, by.Microseconds())
	must(t, err)
}

func (p *programme) audit(t testing.TB) []ledger.Violation {
	t.Helper()
	report, err := ledger.AuditTenant(t.Context(), pgtest.DB(), p.ID, AuditChecks()...)
	must(t, err)
	return report.Violations
}

func (p *programme) clean(t testing.TB) {
	t.Helper()
	if broken := p.audit(t); len(broken) > 0 {
		t.Fatalf("the audit says %v", broken)
	}
}

func (p *programme) top(t testing.TB, c Choice, limit, skip int) []Entry {
	t.Helper()
	list, err := p.boards.Top(t.Context(), p.ID, c, limit, skip)
	must(t, err)
	return list
}

func (p *programme) standing(t testing.TB, member string, c Choice, around int) Standing {
	t.Helper()
	s, err := p.boards.Standing(t.Context(), p.ID, member, c, around)
	must(t, err)
	return s
}

// deep is Top by the blocks, however near the page is.
func (p *programme) deep(t testing.TB, r round, limit, skip int) []Entry {
	t.Helper()
	list, err := p.boards.below(t.Context(), p.ID, r, limit, skip)
	must(t, err)
	return list
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// model is a board written down as naively as possible.
type model map[string]*modelMember

type modelMember struct {
	name string
	key  int64
	xp   int64
	at   time.Time
}

// list is the whole board.
func (m model) list() []Entry {
	var on []*modelMember
	for _, x := range m {
		if x.xp > 0 {
			on = append(on, x)
		}
	}
	slices.SortFunc(on, func(x, y *modelMember) int {
		return cmp.Or(cmp.Compare(y.xp, x.xp), x.at.Compare(y.at), cmp.Compare(x.key, y.key))
	})
	list := make([]Entry, len(on))
	for i, x := range on {
		list[i] = Entry{Rank: int64(i) + 1, Member: x.name, XP: x.xp}
	}
	return list
}

// page cuts a page out of a list.
func page(list []Entry, limit, skip int) []Entry {
	return list[min(skip, len(list)):min(skip+limit, len(list))]
}

func same(t testing.TB, what string, got, want []Entry) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Fatalf("%s is\n%v, want\n%v", what, got, want)
	}
}

// dice rolls the same in every run.
func dice(t testing.TB, seed uint64) *rand.Rand {
	t.Logf("seed %d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

func name(i int) string { return fmt.Sprintf("user_%03d", i) }
