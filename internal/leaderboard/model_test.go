package leaderboard

import (
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

// Random awards, deductions and reversals over some days: after each batch the
// boards must be those of a sorted list, page by page and rank by rank.
func TestBoardsEqualSortedLists(t *testing.T) {
	t.Parallel()
	for seed := range uint64(4) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			w := newWalk(t, seed)
			for step := range 50 {
				w.step(t)
				w.compare(t, step)
			}
			w.clean(t)
			w.wide(t)
		})
	}
}

// walk is a programme with its model: a list for all time, and one a day.
type walk struct {
	*programme
	*rand.Rand
	all    model
	days   map[time.Time]model
	grants []ledger.Transfer // that may be reversed
	names  map[int64]string
}

const walkMembers = 60

func newWalk(t *testing.T, seed uint64) *walk {
	w := &walk{newProgramme(t, newTenant(t), smallRoom), dice(t, seed), model{}, map[time.Time]model{}, nil, map[int64]string{}}
	made, err := w.boards.Create(t.Context(), w.ID, NewBoard{Period: Daily}, nil)
	must(t, err)
	if !made.New || made.Members != 0 {
		t.Fatalf("made %+v", made)
	}
	return w
}

// step posts one batch.
func (w *walk) step(t *testing.T) {
	if w.IntN(6) == 0 {
		w.later(t, time.Duration(w.IntN(20))*time.Hour)
	}
	commands := make([]ledger.Command, 1+w.IntN(20))
	for i := range commands {
		c := ledger.Command{Op: ledger.OpAward, Member: name(w.IntN(walkMembers)), Asset: ledger.XP, Amount: 1 + int64(w.IntN(5))}
		switch w.IntN(8) {
		case 0:
			c.Op = ledger.OpDeduct
		case 1:
			if len(w.grants) > 0 {
				g := w.grants[w.IntN(len(w.grants))]
				c.Op, c.Member, c.UndoSeq = ledger.OpReverse, w.names[g.Member], g.Seq
			}
		}
		commands[i] = c
	}
	results, err := w.books.PostMany(t.Context(), w.ID, commands, nil)
	must(t, err)
	for i, r := range results {
		if r.Err == nil && r.Transfer.Seq > 0 {
			w.note(t, commands[i], r)
		}
	}
}

// note tells the model.
func (w *walk) note(t *testing.T, c ledger.Command, r ledger.Result) {
	if c.Op == ledger.OpAward {
		w.grants = append(w.grants, r.Transfer)
		w.names[r.Transfer.Member] = c.Member
	}
	day := r.Transfer.EffectedAt.Truncate(24 * time.Hour)
	if w.days[day] == nil {
		w.days[day] = model{}
	}
	for _, m := range []model{w.all, w.days[day]} {
		if m[c.Member] == nil {
			key, _, err := tenant.MemberKey(t.Context(), pgtest.DB(), w.ID, c.Member)
			must(t, err)
			m[c.Member] = &modelMember{name: c.Member, key: key}
		}
		m[c.Member].xp += r.Transfer.Points()
		m[c.Member].at = r.Transfer.EffectedAt
	}
	if have := w.all[c.Member].xp; have != r.Holding.Available {
		t.Fatalf("%s has %d XP, the model says %d", c.Member, r.Holding.Available, have)
	}
}

func (w *walk) compare(t *testing.T, step int) {
	w.board(t, fmt.Sprintf("step %d, all time", step), Choice{}, allTime, w.all.list())
	for _, day := range slices.SortedFunc(maps.Keys(w.days), time.Time.Compare) { // past ones stay readable
		if w.IntN(3) > 0 {
			continue
		}
		w.board(t, fmt.Sprintf("step %d, %s", step, day.Format(time.DateOnly)), Choice{Period: Daily, At: day.Add(time.Hour)}, round{Daily, day}, w.days[day].list())
	}
	if got := w.top(t, Choice{Period: Daily, At: noon.AddDate(0, 0, -1)}, 10, 0); len(got) > 0 {
		t.Fatalf("before the board was defined: %v", got)
	}
}

func (w *walk) board(t *testing.T, what string, c Choice, r round, want []Entry) {
	limit := 1 + w.IntN(walkMembers)
	skip := w.IntN(walkMembers)
	same(t, what+", top", w.top(t, c, 100, 0), want)
	same(t, what+", a page", w.top(t, c, limit, skip), page(want, limit, skip))
	same(t, what+", a deep page", w.deep(t, r, limit, skip), page(want, limit, skip))
	member, around := name(w.IntN(walkMembers)), w.IntN(5)
	s := w.standing(t, member, c, around)
	for i, e := range want {
		if e.Member != member {
			continue
		}
		if s.Entry != e {
			t.Fatalf("%s: %s stands at %+v, want %+v", what, member, s.Entry, e)
		}
		first := max(0, i-around)
		same(t, what+", around "+member, s.Neighbours, page(want, i-first+around+1, first))
		return
	}
	if s.Rank != 0 || s.XP != 0 || len(s.Neighbours) != 0 {
		t.Fatalf("%s: %s is not on the board and stands at %+v", what, member, s)
	}
}

// wide wants blocks to have been cut and merged into a sensible number.
func (w *walk) wide(t *testing.T) {
	var blocks, runs, members int
	err := pgtest.DB().QueryRow(t.Context(), `SELECT count(*) FILTER (WHERE level = 1), count(*) FILTER (WHERE level = 2), sum(members) FILTER (WHERE level = 1)
		FROM standing_blocks WHERE tenant_id = $1 AND period = 4`, w.ID).Scan(&blocks, &runs, &members)
	must(t, err)
	if blocks < members/smallRoom || runs < members/(4*smallRoom) || runs < 2 || blocks > 8*members/smallRoom || runs >= blocks {
		t.Errorf("%d members lie in %d blocks in %d runs", members, blocks, runs)
	}
}
