package incentive

import (
	"fmt"
	"testing"
	"time"
)

// monday is a Monday.
var monday = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

func day(n int) time.Time { return dateIn(monday.AddDate(0, 0, n), time.UTC) }

func TestStreakAdvance(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		period Period
		days   []int
		want   string // current/longest after each
	}{
		"days in a row":         {Daily, []int{0, 1, 2}, "1/1 2/2 3/3 "},
		"twice a day":           {Daily, []int{0, 0, 1, 1}, "1/1 1/1 2/2 2/2 "},
		"a day left out":        {Daily, []int{0, 1, 3, 4}, "1/1 2/2 1/2 2/2 "},
		"back by a zone":        {Daily, []int{0, 1, 0, 2}, "1/1 2/2 2/2 3/3 "},
		"weeks":                 {Weekly, []int{0, 6, 7, 20}, "1/1 1/1 2/2 3/3 "},
		"Sunday, then Monday":   {Weekly, []int{6, 7}, "1/1 2/2 "},
		"a week left out":       {Weekly, []int{0, 14}, "1/1 1/1 "},
		"over the end of years": {Daily, []int{213, 214}, "1/1 2/2 "},
	} {
		var s streak
		got := ""
		for _, d := range c.days {
			s = s.advance(c.period, day(d))
			got += fmt.Sprintf("%d/%d ", s.current, s.longest)
		}
		if got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
	daily := streak{}.advance(Daily, day(0)).advance(Daily, day(1))
	if weekly := daily.advance(Weekly, day(7)); weekly.current != 1 || weekly.longest != 1 {
		t.Errorf("another period begins anew, not at %+v", weekly)
	}
}

// A day ends when it ends where the member lives.
func TestStreakInTheMembersZone(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 6, 1, 22, 30, 0, 0, time.UTC) // the 2nd in Berlin, the 1st in New York
	for name, want := range map[string]int{"Europe/Berlin": 2, "America/New_York": 1, "Pacific/Kiritimati": 2, "No/Where": 1} {
		if got := dateIn(at, zone(&name)).Day(); got != want {
			t.Errorf("%s: the %d., want the %d.", name, got, want)
		}
	}
	// Across the change to winter time a day has 25 hours, and still is one day.
	berlin := "Europe/Berlin"
	before := dateIn(time.Date(2026, 10, 24, 22, 30, 0, 0, time.UTC), zone(&berlin))
	after := dateIn(time.Date(2026, 10, 25, 23, 30, 0, 0, time.UTC), zone(&berlin))
	if s := (streak{}).advance(Daily, before).advance(Daily, after); s.current != 2 {
		t.Errorf("%s and %s make a run of %d", before, after, s.current)
	}
}

// member is a state as it is read for one who did nothing yet.
func member(r *Rules) *state {
	s := &state{zone: time.UTC, counts: map[int64]*count{}, steps: map[step]int{}, progress: progress{settled: -1}, known: true}
	s.had = had{map[int]bool{}, map[string]bool{}, map[string]bool{}, map[string]bool{}}
	for _, a := range r.Actions {
		s.counts[a.ID] = &count{settled: -1}
	}
	return s
}

func key(s string) *string { return &s }

// One activity may start a chain: a quest's XP crosses levels, whose coins reach
// a milestone, whose badge is there already.
func TestDecideFollowsEverything(t *testing.T) {
	t.Parallel()
	a := &Action{ID: 1, Key: "a", Name: "A", Type: Standard, Pay: Pay{XP: 10}, Active: true}
	r := (&Rules{
		Version: 1, Actions: []*Action{a},
		Badges: []*Badge{{Key: "b", Active: true, Criteria: &Criteria{Type: XPBalance, Threshold: 300}}, {Key: "off"}},
		Levels: []*Level{{Level: 1, XPThreshold: 100, Coins: 5}, {Level: 2, XPThreshold: 200, Coins: 5, BadgeKey: key("off")}, {Level: 3, XPThreshold: 310, Coins: 5}, {Level: 4, XPThreshold: 311}},
		Milestones: []*Milestone{
			{Key: "coins", Type: PointsEarned, Threshold: 15, Coins: 1, BadgeKey: key("b"), Active: true},
			{Key: "more", Type: PointsEarned, Threshold: 16, Active: true}, {Key: "most", Type: PointsEarned, Threshold: 17, Active: true},
		},
		Quests: []*Quest{{ID: 9, Key: "q", Steps: []QuestStep{{"a", 1}}, Pay: Pay{XP: 300}, Active: true}},
	}).index()
	s := member(r)
	d := decide(r, s, occurrence{action: a}, monday)
	s.take(r, occurrence{action: a}, d)
	got := fmt.Sprint(len(d.levels), len(d.badges), len(d.milestones), len(d.quests), d.totals, s.progress.level, s.progress.nextXP, s.progress.nextCoins)
	if want := "3 1 2 1 {16 310 0} 3 311 17"; got != want {
		t.Errorf("decided %s, want %s", got, want)
	}
	if d.levels[0].Level != 1 || d.levels[2].Level != 3 {
		t.Errorf("levels in the order %v", d.levels)
	}
	again := decide(r, s, occurrence{action: a}, monday)
	if fmt.Sprint(len(again.levels), len(again.badges), len(again.milestones), len(again.quests), again.totals) != "1 0 0 0 {0 10 0}" {
		t.Errorf("the second time: %+v", again)
	}
}

// XP that was taken away lowers what the member has, and grants nothing twice.
func TestDecideAfterAReversal(t *testing.T) {
	t.Parallel()
	a := &Action{ID: 1, Key: "a", Type: Standard, Pay: Pay{XP: 100}, Active: true}
	r := (&Rules{Version: 1, Actions: []*Action{a}, Levels: []*Level{{Level: 1, XPThreshold: 100}, {Level: 2, XPThreshold: 250}}}).index()
	s := member(r)
	s.take(r, occurrence{action: a}, decide(r, s, occurrence{action: a}, monday))
	s.xp = 0
	d := decide(r, s, occurrence{action: a}, monday)
	s.take(r, occurrence{action: a}, d)
	if len(d.levels) != 0 || s.progress.level != 1 || s.progress.nextXP != 250 {
		t.Errorf("granted %v again; level %d, next at %d", d.levels, s.progress.level, s.progress.nextXP)
	}
	if !s.mayGrant(r, []occurrence{{action: a}, {action: a}}, monday) || s.mayGrant(r, []occurrence{{action: a}}, monday) {
		t.Error("two more cross level 2, one does not")
	}
}
