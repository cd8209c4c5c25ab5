package leaderboard

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/incent-dev/incent/internal/ledger"
)

const wholeDay = 24 * time.Hour

// What is over is kept once, with those who were in it, in whatever order and by
// how many processes it is found; periods that nobody was in leave nothing.
func TestCloseEnded(t *testing.T) {
	t.Parallel()
	p := newProgramme(t, newTenant(t), smallRoom) // Wednesday, 15 May 2030
	for _, period := range []Period{Daily, Weekly, Monthly} {
		_, err := p.boards.Create(t.Context(), p.ID, NewBoard{Period: period}, nil)
		must(t, err)
	}
	p.earn(t, map[string]int64{"ann": 5, "bob": 7})
	p.kept(t, "in the first day")
	p.later(t, wholeDay)
	p.kept(t, "on the second day", "DAILY 2030-05-15 [{1 bob 7 0} {2 ann 5 0}]")
	p.earn(t, map[string]int64{"ann": 4})
	p.later(t, 4*wholeDay) // the 20th, a Monday
	p.kept(t, "on Monday", "DAILY 2030-05-15 [{1 bob 7 0} {2 ann 5 0}]", "DAILY 2030-05-16 [{1 ann 4 0}]", "WEEKLY 2030-05-13 [{1 ann 9 0} {2 bob 7 0}]")
	p.later(t, 400*wholeDay)
	p.earn(t, map[string]int64{"cat": 1})
	p.later(t, 40*wholeDay)
	p.kept(t, "a year later", "DAILY 2030-05-15 [{1 bob 7 0} {2 ann 5 0}]", "DAILY 2030-05-16 [{1 ann 4 0}]", "DAILY 2031-06-24 [{1 cat 1 0}]",
		"MONTHLY 2030-05-01 [{1 ann 9 0} {2 bob 7 0}]", "MONTHLY 2031-06-01 [{1 cat 1 0}]",
		"WEEKLY 2030-05-13 [{1 ann 9 0} {2 bob 7 0}]", "WEEKLY 2031-06-23 [{1 cat 1 0}]")
	same(t, "the board of a past period", p.top(t, Choice{Period: Weekly, At: noon}, 10, 0), []Entry{{1, "ann", 9, 0}, {2, "bob", 7, 0}})
	p.clean(t)
}

// XP on hold that matures in a period belongs to it, however late it is posted.
func TestCloseSettlesFirst(t *testing.T) {
	t.Parallel()
	p := newProgramme(t, newTenant(t), smallRoom)
	_, err := p.boards.Create(t.Context(), p.ID, NewBoard{Period: Daily}, nil)
	must(t, err)
	p.post(t, []ledger.Command{{Op: ledger.OpHold, Member: "ann", Asset: ledger.XP, Amount: 9, MaturesAt: noon.Add(time.Hour)}})
	p.later(t, 3*wholeDay)
	p.kept(t, "afterwards", "DAILY 2030-05-15 [{1 ann 9 0}]")
	p.clean(t)
}

// kept lets several processes close what is over and compares what is there then.
func (p *programme) kept(t *testing.T, when string, want ...string) {
	t.Helper()
	var busy sync.WaitGroup
	for range 3 {
		busy.Go(func() {
			if err := p.boards.CloseEnded(t.Context(), p.ID); err != nil {
				t.Error(err)
			}
		})
	}
	busy.Wait()
	boards, _, err := p.boards.List(t.Context(), p.ID, 100, 0)
	must(t, err)
	var got []string
	for _, b := range boards {
		if b.Snapshot {
			got = append(got, fmt.Sprintf("%s %v", b.Name, p.top(t, Choice{SnapshotID: b.PublicID()}, 10, 0)))
		}
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("%s there are\n%v, want\n%v", when, got, want)
	}
	ended, err := p.boards.Ended(t.Context())
	must(t, err)
	if slices.Contains(ended, p.ID) {
		t.Errorf("%s something is still to be closed", when)
	}
}
