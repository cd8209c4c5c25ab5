package incentive

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/incent-dev/incent/internal/fault"
	"github.com/incent-dev/incent/internal/pgtest"
	"github.com/incent-dev/incent/internal/tenant"
)

// engines are two servers on one database.
func engines(t *testing.T) [2]*Engine {
	t.Helper()
	pair := [2]*Engine{New(pgtest.DB()), New(pgtest.DB())}
	t.Cleanup(func() {
		for _, e := range pair {
			e.Close(context.Background())
		}
	})
	return pair
}

func versionOf(t *testing.T, tenantID int64) int64 {
	t.Helper()
	now, err := tenant.Get(t.Context(), pgtest.DB(), tenantID)
	if err != nil {
		t.Fatal(err)
	}
	return now.RulesVersion
}

// Every change counts the version up, so that every server sees it at once; a
// refused one does not.
func TestEveryDefinitionCountsTheVersion(t *testing.T) {
	t.Parallel()
	here, ctx, of := engines(t), t.Context(), pgtest.Tenant(t).ID
	badge, action := "b", "a"
	steps := []QuestStep{{"a", 2}}
	e := here[0]
	edits := []struct {
		name   string
		change func() error
		code   string // of the refusal; "": none
		shows  func(*Rules) any
		want   any
	}{
		{"action", func() error {
			_, err := e.CreateAction(ctx, of, Action{Key: action, Name: "A", Type: Standard, Active: true}, nil)
			return err
		}, "", func(r *Rules) any { return len(r.Actions) }, 1},
		{"badge", func() error {
			_, err := e.CreateBadge(ctx, of, Badge{Key: badge, Name: "B", Active: true}, nil)
			return err
		},
			"", func(r *Rules) any { return r.Badge("b").Name }, "B"},
		{"badge again", func() error { _, err := e.CreateBadge(ctx, of, Badge{Key: badge, Name: "C"}, nil); return err },
			CodeAlreadyExists, func(r *Rules) any { return r.Badge("b").Name }, "B"},
		{"badge changed", func() error {
			_, err := e.UpdateBadge(ctx, of, badge, func(b *Badge) { b.Criteria = &Criteria{ActionCount, action, 3} }, nil)
			return err
		}, "", func(r *Rules) any { return len(r.counts["a"]) }, 1},
		{"level", func() error {
			_, err := e.CreateLevel(ctx, of, Level{Level: 1, XPThreshold: 5, BadgeKey: &badge}, nil)
			return err
		}, "", func(r *Rules) any { return r.level(1).Name }, "Level 1"},
		{"level that does not fit", func() error { _, err := e.CreateLevel(ctx, of, Level{Level: 2, XPThreshold: 5}, nil); return err },
			fault.CodeInvalidRequest, func(r *Rules) any { return len(r.Levels) }, 1},
		{"level changed", func() error {
			_, err := e.UpdateLevel(ctx, of, 1, func(l *Level) { l.XPThreshold, l.BadgeKey = 6, nil }, nil)
			return err
		}, "", func(r *Rules) any { return r.level(1).XPThreshold }, int64(6)},
		{"milestone", func() error {
			_, err := e.CreateMilestone(ctx, of, Milestone{Key: "m", Name: "M", Type: ActionsDone, ActionKey: &action, Threshold: 2, Active: true}, nil)
			return err
		}, "", func(r *Rules) any { return len(r.counts["a"]) }, 2},
		{"milestone changed", func() error {
			_, err := e.UpdateMilestone(ctx, of, "m", func(m *Milestone) { m.Active = false }, nil)
			return err
		}, "", func(r *Rules) any { return len(r.counts["a"]) }, 1},
		{"unknown milestone", func() error { _, err := e.UpdateMilestone(ctx, of, "n", func(*Milestone) {}, nil); return err },
			fault.CodeNotFound, func(r *Rules) any { return len(r.Milestones) }, 1},
		{"milestone deleted", func() error { return e.DeleteMilestone(ctx, of, "m") }, "", func(r *Rules) any { return len(r.Milestones) }, 0},
		{"quest", func() error {
			_, err := e.CreateQuest(ctx, of, Quest{Key: "q", Name: "Q", Steps: steps, Active: true}, nil)
			return err
		}, "", func(r *Rules) any { return fmt.Sprint(r.quest("q").Steps) }, "[{a 2}]"},
		{"quest changed", func() error {
			_, err := e.UpdateQuest(ctx, of, "q", func(q *Quest) { q.Active = false }, nil)
			return err
		}, "", func(r *Rules) any { return len(r.quests["a"]) }, 0},
		{"level deleted", func() error { return e.DeleteLevel(ctx, of, 1) }, "", func(r *Rules) any { return len(r.Levels) }, 0},
		{"level deleted again", func() error { return e.DeleteLevel(ctx, of, 1) }, fault.CodeNotFound, func(r *Rules) any { return len(r.Levels) }, 0},
	}
	for _, x := range edits {
		before := versionOf(t, of)
		err := x.change()
		if x.code == "" && err != nil || x.code != "" && !fault.Is(err, x.code) {
			t.Fatalf("%s: %v, want %q", x.name, err, x.code)
		}
		counted := int64(1)
		if x.code != "" {
			counted = 0
		}
		if n := versionOf(t, of) - before; n != counted {
			t.Errorf("%s: the version moved by %d, want %d", x.name, n, counted)
		}
		for i, server := range here {
			_, r, err := server.current(ctx, of)
			if err != nil {
				t.Fatal(err)
			}
			if got := x.shows(r); got != x.want {
				t.Errorf("%s: server %d sees %v, want %v", x.name, i, got, x.want)
			}
		}
	}
}

// Whoever defines levels at the same time, on two servers: their thresholds rise
// with their numbers, at every moment.
func TestLevelsStayInOrder(t *testing.T) {
	t.Parallel()
	here, of := engines(t), pgtest.Tenant(t).ID
	const callers, each, numbers = 8, 25, 12
	for number := 1; number <= numbers; number++ {
		if _, err := here[0].CreateLevel(t.Context(), of, Level{Level: number, XPThreshold: int64(number * 200 / (numbers + 1))}, nil); err != nil {
			t.Fatal(err)
		}
	}
	var all sync.WaitGroup
	var seen [callers]int // the most levels that a caller saw at once
	for i := range callers {
		all.Go(func() {
			r, e := rand.New(rand.NewPCG(1, uint64(i))), here[i%2]
			for range each {
				number, xp := 1+r.IntN(numbers), int64(r.IntN(200))
				var err error
				switch r.IntN(5) {
				case 0:
					err = e.DeleteLevel(t.Context(), of, number)
				case 1:
					_, err = e.UpdateLevel(t.Context(), of, number, func(l *Level) { l.XPThreshold = xp }, nil)
				default:
					_, err = e.CreateLevel(t.Context(), of, Level{Level: number, XPThreshold: xp}, nil)
				}
				if err != nil && fault.As(err) == nil {
					t.Errorf("level %d at %d: %v", number, xp, err)
				}
				seen[i] = max(seen[i], risingLevels(t, e, of))
			}
		})
	}
	all.Wait()
	// Whoever looks first sees what the callers' first calls have left.
	if most := slices.Max(seen[:]); most < numbers-callers {
		t.Errorf("nobody saw more than %d levels: nothing was tested", most)
	}
}

// risingLevels says how many levels there are, and checks their order.
func risingLevels(t *testing.T, e *Engine, of int64) int {
	t.Helper()
	levels, err := e.Levels(t.Context(), of)
	if err != nil {
		t.Error(err)
	}
	for i := 1; i < len(levels); i++ {
		if levels[i].Level <= levels[i-1].Level || levels[i].XPThreshold <= levels[i-1].XPThreshold {
			t.Errorf("level %d at %d follows level %d at %d", levels[i].Level, levels[i].XPThreshold, levels[i-1].Level, levels[i-1].XPThreshold)
		}
	}
	return len(levels)
}
