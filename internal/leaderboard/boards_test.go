package leaderboard

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/incent-dev/incent/gen/query"
	"github.com/incent-dev/incent/internal/fault"
	"github.com/incent-dev/incent/internal/ledger"
	"github.com/incent-dev/incent/internal/pg"
	"github.com/incent-dev/incent/internal/pgtest"
)

// A board that is defined in the middle of a period counts what was earned in
// it before, and only that.
func TestDefineCountsWhatWasEarnedBefore(t *testing.T) {
	t.Parallel()
	p := newProgramme(t, newTenant(t), smallRoom)
	for i := range 30 {
		p.earn(t, map[string]int64{name(i): int64(1 + i)})
	}
	p.later(t, 40*24*time.Hour)
	p.earn(t, map[string]int64{name(3): 7, name(4): 9})
	for _, period := range []Period{Daily, Weekly, Monthly} {
		made, err := p.boards.Create(t.Context(), p.ID, NewBoard{Name: "First", Period: period}, nil)
		must(t, err)
		if !made.New || made.Members != 2 || made.Period != period {
			t.Errorf("made %+v", made)
		}
		again, err := p.boards.Create(t.Context(), p.ID, NewBoard{Name: "Second", Period: period}, nil)
		must(t, err)
		if again.New || again.ID != made.ID || again.Name != "First" {
			t.Errorf("made again %+v", again)
		}
		same(t, "board", p.top(t, Choice{Period: period}, 10, 0), []Entry{{1, name(4), 9, 0}, {2, name(3), 7, 0}})
	}
	p.later(t, 40*24*time.Hour)
	if now := p.top(t, Choice{Period: Monthly}, 10, 0); len(now) > 0 {
		t.Errorf("the new month begins with %v", now)
	}
	p.earn(t, map[string]int64{name(5): 1})
	p.clean(t)
	boards, total, err := p.boards.List(t.Context(), p.ID, 10, 0)
	must(t, err)
	if total != 3 || len(boards) != 3 || boards[0].Period != Monthly || boards[0].Members != 1 {
		t.Errorf("%d boards: %+v", total, boards)
	}
}

// A board whose making was cut short is invisible, and is made by the next call.
func TestDefineIsTakenUpAgain(t *testing.T) {
	t.Parallel()
	p := newProgramme(t, newTenant(t), smallRoom)
	p.earn(t, map[string]int64{"ann": 5})
	_, err := p.boards.begin(t.Context(), p.ID, NewBoard{Period: Daily})
	must(t, err)
	p.earn(t, map[string]int64{"ann": 2, "bob": 1})
	if _, err := p.boards.Top(t.Context(), p.ID, Choice{Period: Daily}, 10, 0); !fault.Is(err, fault.CodeNotFound) {
		t.Errorf("a board half made answers %v", err)
	}
	p.later(t, 24*time.Hour)
	p.earn(t, map[string]int64{"bob": 3})
	made, err := p.boards.Create(t.Context(), p.ID, NewBoard{Period: Daily}, nil)
	must(t, err)
	if !made.New || made.Members != 1 {
		t.Errorf("made %+v", made)
	}
	same(t, "board", p.top(t, Choice{Period: Daily}, 10, 0), []Entry{{1, "bob", 3, 0}})
	p.clean(t)
}

// A snapshot keeps XP and coins as they were, over pages.
func TestSnapshotStays(t *testing.T) {
	t.Parallel()
	p := newProgramme(t, newTenant(t), blockRoom)
	const members = 2*snapshotPage + 10
	amounts := map[string]int64{}
	for i := range members {
		amounts[fmt.Sprintf("user_%04d", i)] = int64(members - i)
	}
	p.earn(t, amounts)
	_, err := pgtest.DB().Exec(t.Context(), "UPDATE tenants SET expiry_policy = 'rolling', expiry_days = 1 WHERE tenant_id = $1", p.ID)
	must(t, err)
	p.post(t, []ledger.Command{{Op: ledger.OpAward, Member: "user_0001", Asset: ledger.Points, Amount: 50}})
	p.later(t, 23*time.Hour)
	p.post(t, []ledger.Command{{Op: ledger.OpAward, Member: "user_0000", Asset: ledger.Points, Amount: 70}})
	p.later(t, 2*time.Hour) // the 50 have expired, though nobody has settled them
	same(t, "live board", p.top(t, Choice{}, 2, 0), []Entry{{1, "user_0000", members, 70}, {2, "user_0001", members - 1, 0}})

	made, err := p.boards.Create(t.Context(), p.ID, NewBoard{Name: "Before"}, nil)
	must(t, err)
	if !made.New || !made.Snapshot || made.Members != members || made.Name != "Before" {
		t.Errorf("made %+v", made)
	}
	p.earn(t, map[string]int64{"user_0002": 1000})
	p.post(t, []ledger.Command{{Op: ledger.OpAward, Member: "user_0001", Asset: ledger.Points, Amount: 9}})
	c := Choice{SnapshotID: made.PublicID()}
	same(t, "snapshot", p.top(t, c, 3, 0), []Entry{{1, "user_0000", members, 70}, {2, "user_0001", members - 1, 0}, {3, "user_0002", members - 2, 0}})
	over := p.top(t, c, 100, snapshotPage-50)
	if len(over) != 100 || over[0] != (Entry{snapshotPage - 49, fmt.Sprintf("user_%04d", snapshotPage-50), members - snapshotPage + 50, 0}) ||
		over[99].Rank != snapshotPage+50 || over[99].Member != fmt.Sprintf("user_%04d", snapshotPage+49) {
		t.Errorf("over the edge of a page: %v", over)
	}
	if last := p.top(t, c, 100, members-3); len(last) != 3 || last[2].XP != 1 {
		t.Errorf("the last page is %v", last)
	}
	if beyond := p.top(t, c, 100, members); len(beyond) != 0 {
		t.Errorf("beyond the end: %v", beyond)
	}
	_, err = p.boards.Top(t.Context(), p.ID, Choice{SnapshotID: made.PublicID(), Period: Daily}, 10, 0)
	if f := fault.As(err); f == nil || f.Kind != fault.Invalid {
		t.Errorf("snapshot and period: %v", err)
	}
	other := newProgramme(t, newTenant(t), blockRoom)
	if _, err := other.boards.Top(t.Context(), other.ID, c, 10, 0); !fault.Is(err, fault.CodeNotFound) {
		t.Errorf("another tenant's snapshot: %v", err)
	}
	p.clean(t)
}

// Each kind of damage is found by the audit, and set right by a refresh.
func TestDamageIsFoundAndMended(t *testing.T) {
	t.Parallel()
	for _, d := range []struct{ name, check, says, sql string }{
		{"nothing", "", "", "SELECT $1::bigint"},
		{"a standing that has more", "standings equal the XP accounts", "has 31 XP", "UPDATE standings SET minus_xp = -31 WHERE minus_xp = -30 AND period = 4 AND tenant_id = $1"},
		{"a standing that was later", "standings equal the XP accounts", "has 30 XP", "UPDATE standings SET reached_at = reached_at + interval '1 s' WHERE minus_xp = -30 AND period = 4 AND tenant_id = $1"},
		{"a standing that is gone", "standings equal the XP accounts", "has 0 XP", "DELETE FROM standings WHERE minus_xp = -30 AND period = 4 AND tenant_id = $1"},
		{"a standing of nobody", "standings equal the XP accounts", "has 9 XP",
			"INSERT INTO standings SELECT tenant_id, 4, '1970-01-01', id, -9, 'epoch' FROM members WHERE external_id = 'poor' AND tenant_id = $1"},
		{"all standings gone", "standings equal the XP accounts", "has 0 XP", "DELETE FROM standings WHERE tenant_id = $1"},
		{"a week that has less", "periods sum their XP", "has 29 XP", "UPDATE standings SET minus_xp = -29 WHERE minus_xp = -30 AND period = 2 AND tenant_id = $1"},
		{"a week's standing that is gone", "periods sum their XP", "has 0 XP", "DELETE FROM standings WHERE minus_xp = -30 AND period = 2 AND tenant_id = $1"},
		{"a block that counts too many", "blocks count their standings", "there are", "UPDATE standing_blocks SET members = members + 1 WHERE minus_xp < -9000000 AND tenant_id = $1"},
		{"blocks that count nothing", "blocks count their standings", "there are", "UPDATE standing_blocks SET members = 0 WHERE tenant_id = $1"},
		{"a first block that is gone", "blocks count their standings", "there are", "DELETE FROM standing_blocks WHERE minus_xp < -9000000 AND tenant_id = $1"},
		{"all blocks gone", "blocks count their standings", "there are", "DELETE FROM standing_blocks WHERE tenant_id = $1"},
	} {
		t.Run(d.name, func(t *testing.T) {
			t.Parallel()
			p := newProgramme(t, newTenant(t), smallRoom)
			amounts := map[string]int64{}
			for i := range 30 {
				amounts[name(i)] = int64(i + 1)
			}
			p.earn(t, amounts)
			p.post(t, []ledger.Command{{Op: ledger.OpAward, Member: "poor", Asset: ledger.Points, Amount: 1}})
			_, err := p.boards.Create(t.Context(), p.ID, NewBoard{Period: Weekly}, nil)
			must(t, err)
			before := p.weekly(t)
			_, err = pgtest.DB().Exec(t.Context(), d.sql, p.ID)
			must(t, err)
			found := d.check == "" && len(p.audit(t)) == 0
			for _, v := range p.audit(t) {
				found = found || v.Name == d.check && strings.Contains(v.Says, d.says)
			}
			if !found {
				t.Errorf("the audit says %v", p.audit(t))
			}
			done, err := p.boards.Refresh(t.Context(), p.ID, nil)
			must(t, err)
			if done.Members != 30 {
				t.Errorf("a refresh finds %d members", done.Members)
			}
			p.clean(t)
			same(t, "after the refresh", p.weekly(t), before)
			p.earn(t, map[string]int64{"poor": 100})
			p.clean(t)
		})
	}
}

func (p *programme) weekly(t *testing.T) []Entry {
	return append(p.top(t, Choice{}, 100, 0), p.deep(t, p.week(t), 100, 0)...)
}

func (p *programme) week(t *testing.T) round {
	t.Helper()
	r, there, err := p.boards.round(t.Context(), p.ID, Choice{Period: Weekly})
	must(t, err)
	if !there {
		t.Fatal("there is no week")
	}
	return r
}

// A refresh that a deadline ends is gone on with by the next one, not begun anew.
func TestRefreshGoesOn(t *testing.T) {
	t.Parallel()
	p := newProgramme(t, newTenant(t), smallRoom)
	p.earn(t, map[string]int64{"ann": 5})
	must(t, p.boards.TakeIn(t.Context(), p.ID))
	p.boards.mending.Store(roundOf{p.ID, allTime}, progress{math.MaxInt64, pg.Now()})
	_, err := pgtest.DB().Exec(t.Context(), "UPDATE standings SET minus_xp = -6 WHERE tenant_id = $1", p.ID)
	must(t, err)
	for attempt, left := range []int{1, 0} { // what was looked at is not looked at again, until all is done
		_, err := p.boards.Refresh(t.Context(), p.ID, nil)
		must(t, err)
		if got := len(p.audit(t)); got != left {
			t.Errorf("after refresh %d the audit finds %d", attempt, got)
		}
	}
}

// Moves that wait are part of the books: the audit knows them, misses one that is
// gone, and one that comes twice, or after the board was set right, does nothing.
func TestMovesThatWait(t *testing.T) {
	t.Parallel()
	p := newProgramme(t, newTenant(t), smallRoom)
	_, err := p.boards.Create(t.Context(), p.ID, NewBoard{Period: Daily}, nil)
	must(t, err)
	p.earn(t, map[string]int64{"ann": 5, "bob": 3})
	p.earn(t, map[string]int64{"bob": 4})
	p.clean(t)
	aside, back := p.aside(t)
	want := []Entry{{1, "bob", 7, 0}, {2, "ann", 5, 0}}
	for range 2 {
		for _, period := range []Period{AllTime, Daily} {
			same(t, "once or twice", p.top(t, Choice{Period: period}, 10, 0), want)
		}
		p.clean(t)
		back()
	}

	p.earn(t, map[string]int64{"ann": 1})
	aside()
	_, err = pgtest.DB().Exec(t.Context(), "DELETE FROM standing_moves WHERE tenant_id = $1", p.ID)
	must(t, err)
	if got := p.audit(t); len(got) == 0 {
		t.Errorf("without the moves the audit says %v", got)
	}
	_, err = p.boards.Refresh(t.Context(), p.ID, nil)
	must(t, err)
	back()
	want[1].XP = 6
	for _, period := range []Period{AllTime, Daily} {
		same(t, "set right", p.top(t, Choice{Period: period}, 10, 0), want)
	}
	p.clean(t)
}

// aside keeps the moves that wait, now and whenever the first function is called;
// the second one has them wait again.
func (p *programme) aside(t *testing.T) (keep, back func()) {
	var kept []query.StandingMove
	keep = func() {
		rows, err := pgtest.DB().Query(t.Context(), "SELECT * FROM standing_moves WHERE tenant_id = $1 ORDER BY drawn", p.ID)
		must(t, err)
		kept, err = pgx.CollectRows(rows, pgx.RowToStructByPos[query.StandingMove])
		must(t, err)
	}
	keep()
	return keep, func() {
		for _, m := range kept {
			must(t, q.StandingMoveInsert(t.Context(), pgtest.DB(), query.StandingMoveInsertParams{
				TenantID: m.TenantID, ID: m.ID, Members: m.Members, Seqs: m.Seqs, FromXp: m.FromXp, ToXp: m.ToXp, At: m.At,
			}))
		}
	}
}

// More moves are taken in at once where the tenant has few members and one board.
func TestPortion(t *testing.T) {
	t.Parallel()
	p := newProgramme(t, newTenant(t), smallRoom)
	portion := func(moves int32) int32 {
		found, err := q.StandingMoveFind(t.Context(), pgtest.DB(), query.StandingMoveFindParams{TenantID: p.ID, Moves: moves})
		must(t, err)
		return found.Portion
	}
	p.earn(t, map[string]int64{"ann": 5, "bob": 3})
	if few, many := portion(2), portion(1); few != 8 || many != 1 {
		t.Errorf("with two members %d and %d moves are taken in at once; want 8, and 1 where two are many", few, many)
	}
	_, err := p.boards.Create(t.Context(), p.ID, NewBoard{Period: Daily}, nil)
	must(t, err)
	if got := portion(2); got != 2 {
		t.Errorf("with a board of days %d moves are taken in at once, want 2", got)
	}
}
