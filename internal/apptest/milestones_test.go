package apptest_test

import (
	"fmt"
	"maps"
	"testing"
	"time"

	"github.com/incent-dev/incent/internal/apptest"
	"github.com/incent-dev/incent/internal/incentive"
	"github.com/incent-dev/incent/internal/ledger"
	"github.com/incent-dev/incent/internal/tenant"
)

func TestMilestoneDefinitions(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t)
	m := s.Management
	addAction(t, s, incentive.Action{Key: "work", Pay: incentive.Pay{XP: 10}})
	s.Incenta.Must(201, "POST", "/incentives/badges", object{"key": "b", "name": "B"})
	made := m.Must(201, "POST", "/milestones", object{"key": "xp_20", "name": "20 XP reached", "type": "XP_REACHED", "threshold": 20, "points": 50, "badgeKey": "b"})
	equal(t, "made", shown(made, "key", "name", "type", "threshold", "actionKey", "points", "badgeKey", "active"), "xp_20 20 XP reached XP_REACHED 20 <nil> 50 b true")
	counts := m.Must(201, "POST", "/milestones", object{"key": "three", "name": "Thrice", "type": "ACTION_COUNT", "actionKey": "work", "threshold": 3, "active": false})
	equal(t, "counts", shown(counts, "actionKey", "points", "badgeKey", "active"), "work 0 <nil> false")
	for _, kind := range []string{"REFERRALS", "CONVERSIONS", "COINS_EARNED"} {
		m.Must(201, "POST", "/milestones", object{"key": "z_" + kind, "name": kind, "type": kind, "threshold": 1_000_000_000})
	}
	page := m.Must(200, "GET", "/milestones?limit=2&page=2", nil)
	equal(t, "page", line(page.At("pagination", "total"), page.Len("data"), page.At("data", 0, "key")), "5 2 z_COINS_EARNED")
	equal(t, "behind the end", m.Must(200, "GET", "/milestones?limit=2&page=4", nil).Len("data"), 0)
	changed := m.Must(200, "PATCH", "/milestones/three", object{"active": true, "points": 5, "name": "Three times"})
	equal(t, "changed", m.Must(200, "GET", "/milestones/three", nil).JSON(), changed.JSON())

	good := object{"key": "new", "name": "New", "type": "XP_REACHED", "threshold": 5}
	for _, x := range []struct {
		more  object
		field string
	}{
		{object{"type": "ACTION_COUNT"}, "actionKey"}, {object{"actionKey": "work"}, "actionKey"}, {object{"threshold": 0}, "threshold"},
		{object{"points": -1}, "points"}, {object{"type": "AGE"}, "type"}, {object{"key": ""}, "key"},
	} {
		body := maps.Clone(good)
		maps.Copy(body, x.more)
		refused(t, m.Call("POST", "/milestones", body), 400, "invalid_request", x.field)
	}
	refused(t, m.Call("POST", "/milestones", object{"key": "xp_20", "name": "New", "type": "XP_REACHED", "threshold": 5}), 409, "already_exists", "key")
	refused(t, m.Call("POST", "/milestones", object{"key": "n", "name": "New", "type": "ACTION_COUNT", "actionKey": "none", "threshold": 5}), 404, "not_found", "actionKey")
	refused(t, m.Call("POST", "/milestones", object{"key": "n", "name": "New", "type": "XP_REACHED", "badgeKey": "none", "threshold": 5}), 404, "not_found", "badgeKey")
	refused(t, m.Call("PATCH", "/milestones/xp_20", object{"badgeKey": "none"}), 404, "not_found", "badgeKey")
	for _, method := range []string{"GET", "PATCH", "DELETE"} {
		var body any
		if method == "PATCH" {
			body = object{"points": 1}
		}
		refused(t, m.Call(method, "/milestones/none", body), 404, "not_found")
	}

	for range 3 {
		record(t, s, "ada", "work")
	}
	equal(t, "points", balanceOf(t, s, "ada"), 55)
	reached := s.Incenta.Must(200, "GET", "/incentives/milestones", nil)
	equal(t, "reached", line(reached.At("pagination", "total"), reached.At("data", 0, "key"), reached.At("data", 0, "coins"), reached.At("data", 1, "key"),
		reached.At("data", 1, "userId"), reached.At("data", 1, "badgeKey")), "2 three 5 xp_20 ada b")
	// Neither a change nor another of the same key grants again; the list stays.
	m.Must(200, "PATCH", "/milestones/xp_20", object{"threshold": 40, "points": 99})
	m.Must(200, "DELETE", "/milestones/three", nil)
	m.Must(201, "POST", "/milestones", object{"key": "three", "name": "Again", "type": "ACTION_COUNT", "actionKey": "work", "threshold": 1, "points": 99})
	record(t, s, "ada", "work")
	equal(t, "points", balanceOf(t, s, "ada"), 55)
	equal(t, "as they were reached", s.Incenta.Must(200, "GET", "/incentives/milestones", nil).JSON(), reached.JSON())
}

func TestMilestonesReached(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t)
	addAction(t, s, incentive.Action{Key: "work", Pay: incentive.Pay{XP: 10}})
	for i := range 3 {
		s.Management.Must(201, "POST", "/milestones", object{"key": fmt.Sprint("xp_", i), "name": "XP", "type": "XP_REACHED", "threshold": 10 * (i + 1)})
	}
	const days, members = 4, 5
	for day := range days {
		for i := range members {
			record(t, s, fmt.Sprintf("m_%d_%d", day, i), "work")
			record(t, s, fmt.Sprintf("m_%d_%d", day, i), "work")
		}
		if day%2 == 0 {
			advance(t, s, 24*time.Hour)
		} else {
			advance(t, s, 48*time.Hour)
		}
	}
	ask := func(query string, args ...any) apptest.Response {
		return s.Incenta.For(t).Must(200, "GET", "/incentives/milestones?"+fmt.Sprintf(query, args...), nil)
	}
	for filter, total := range map[string]int{"": 2 * days * members, "milestoneKey=xp_0": days * members, "milestoneKey=xp_2": 0, "milestoneKey=none": 0} {
		var seen []string
		for page := 1; page <= 15; page++ {
			r := ask("limit=3&page=%d&%s", page, filter)
			equal(t, "total", r.At("pagination", "total"), total)
			for i := range r.Len("data") {
				seen = append(seen, r.Text("data", i, "achievedAt")+" "+r.Text("data", i, "id"))
			}
		}
		equal(t, "seen", len(seen), total)
		for i := 1; i < len(seen); i++ {
			if seen[i] >= seen[i-1] {
				t.Errorf("%q: %s after %s", filter, seen[i], seen[i-1])
			}
		}
	}
	mine := ask("userId=m_1_1")
	equal(t, "of one", line(mine.At("pagination", "total"), mine.At("data", 0, "key"), mine.At("data", 1, "key")), "2 xp_1 xp_0")
	equal(t, "its second page", ask("userId=m_1_1&limit=1&page=2").At("data", 0, "key"), "xp_0")
	equal(t, "one of one", ask("userId=m_1_1&milestoneKey=xp_0").At("pagination", "total"), 1)
	equal(t, "of nobody", ask("userId=nobody").At("pagination", "total"), 0)
	equal(t, "far behind the end", ask("page=1000000000").Len("data"), 0)
}

func TestQuests(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t)
	c := s.Incenta
	for _, key := range []string{"profile", "login"} {
		addAction(t, s, incentive.Action{Key: key, Pay: incentive.Pay{XP: 1}})
	}
	steps := []object{{"actionKey": "profile", "count": 1}, {"actionKey": "login", "count": 2}}
	made := c.Must(201, "POST", "/incentives/quests", object{"key": "onboarding", "name": "Settle in", "steps": steps, "coins": 250})
	equal(t, "made", shown(made, "key", "name", "description", "startsAt", "endsAt", "coins", "xp", "tokens", "badgeKey", "active"),
		"onboarding Settle in <nil> <nil> <nil> 250 0 0 <nil> true")
	equal(t, "steps", fmt.Sprint(made.At("steps")), "[map[actionKey:profile count:1] map[actionKey:login count:2]]")
	changed := c.Must(200, "PATCH", "/incentives/quests/onboarding", object{"endsAt": "2099-01-01T01:00:00.5+01:00", "coins": 300, "description": "All of it"})
	equal(t, "changed", shown(changed, "id", "endsAt", "coins", "description"), made.Text("id")+" 2099-01-01T00:00:00.500Z 300 All of it")
	equal(t, "listed", c.Must(200, "GET", "/incentives/quests", nil).At(0), changed.JSON())
	c.Must(201, "POST", "/incentives/quests", object{"key": "off", "name": "Off", "steps": steps, "active": false})

	for _, x := range []struct {
		more  object
		field string
	}{
		{object{"steps": []object{}}, "steps"}, {object{"steps": append([]object{{"actionKey": "login", "count": 1}}, steps...)}, "steps[2].actionKey"},
		{object{"steps": []object{{"actionKey": "login", "count": 0}}}, "steps[0].count"}, {object{"startsAt": "yesterday"}, "startsAt"},
		{object{"endsAt": "2026-13-01T00:00:00Z"}, "endsAt"}, {object{"startsAt": "2026-01-02T00:00:00Z", "endsAt": "2026-01-02T00:00:00Z"}, "endsAt"},
		{object{"tokens": -1}, "tokens"}, {object{"key": ""}, "key"},
	} {
		body := object{"key": "new", "name": "New", "steps": steps}
		maps.Copy(body, x.more)
		refused(t, c.Call("POST", "/incentives/quests", body), 400, "invalid_request", x.field)
	}
	refused(t, c.Call("PATCH", "/incentives/quests/onboarding", object{"startsAt": "2099-01-01T00:00:00.500Z"}), 400, "invalid_request", "endsAt")
	refused(t, c.Call("POST", "/incentives/quests", object{"key": "off", "name": "New", "steps": steps}), 409, "already_exists", "key")
	refused(t, c.Call("POST", "/incentives/quests", object{"key": "new", "name": "New", "steps": []object{{"actionKey": "none", "count": 1}}}), 404, "not_found", "steps[0].actionKey")
	refused(t, c.Call("POST", "/incentives/quests", object{"key": "new", "name": "New", "steps": steps, "badgeKey": "none"}), 404, "not_found", "badgeKey")
	refused(t, c.Call("PATCH", "/incentives/quests/onboarding", object{"badgeKey": "none"}), 404, "not_found", "badgeKey")
	refused(t, c.Call("PATCH", "/incentives/quests/none", object{"coins": 1}), 404, "not_found")

	progress := func(member string) string {
		r := c.Must(200, "GET", "/incentives/quests/user/"+member, nil)
		equal(t, "quests shown", r.Len(), 1)
		return line(r.At(0, "key"), r.At(0, "steps", 0, "done"), r.At(0, "steps", 1, "done"), r.At(0, "completed"), r.At(0, "completedAt") != nil)
	}
	equal(t, "of nobody", progress("nobody"), "onboarding 0 0 false false")
	for range 3 {
		record(t, s, "ada", "login")
	}
	equal(t, "underway", progress("ada"), "onboarding 0 2 false false")
	equal(t, "completed", len(record(t, s, "ada", "profile").Quests), 1)
	equal(t, "completed", progress("ada"), "onboarding 1 2 true true")
	c.Must(200, "PATCH", "/incentives/quests/onboarding", object{"active": false, "endsAt": nil})
	equal(t, "shown to who completed it", progress("ada"), "onboarding 1 2 true true")
	equal(t, "to nobody else", c.Must(200, "GET", "/incentives/quests/user/nobody", nil).Len(), 0)
	c.Must(200, "PATCH", "/incentives/quests/onboarding", object{"active": true, "coins": 999})
	for _, key := range []string{"login", "login", "profile"} {
		record(t, s, "ada", key)
	}
	equal(t, "paid once", balanceOf(t, s, "ada"), 300)
}

// Runs are counted in days of the member's time zone.
func TestStreaks(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t)
	noon(t, s) // and 2 o'clock at night in the other zone
	c, m := s.Incenta, s.Management
	daily := &incentive.StreakRule{Period: incentive.Daily, Rewards: []incentive.StreakReward{{Length: 2, Coins: 5}}}
	addAction(t, s, incentive.Action{Key: "login", Streak: daily})
	addAction(t, s, incentive.Action{Key: "other"})
	m.Must(201, "POST", "/members", object{"id": "ada", "timeZone": "Pacific/Kiritimati"}) // 14 hours ahead
	streaks := func(member string) string {
		r := c.Must(200, "GET", "/incentives/streaks/user/"+member, nil)
		if r.Len() == 0 {
			return "none"
		}
		equal(t, "streaks shown", r.Len(), 1)
		return line(r.At(0, "actionKey"), r.At(0, "period"), r.At(0, "current"), r.At(0, "longest"), r.At(0, "lastOn"), r.At(0, "timeZone"))
	}
	today := func(zone string, days int) string {
		in, err := time.LoadLocation(zone)
		if err != nil {
			t.Fatal(err)
		}
		return now(t, s).In(in).AddDate(0, 0, -days).Format(time.DateOnly)
	}
	equal(t, "of nobody", streaks("nobody"), "none")
	record(t, s, "ada", "other")
	equal(t, "without a streak", streaks("ada"), "none")
	record(t, s, "ada", "login")
	record(t, s, "bob", "login")
	equal(t, "begun", streaks("ada"), "login DAILY 1 1 "+today("Pacific/Kiritimati", 0)+" Pacific/Kiritimati")
	equal(t, "in UTC", streaks("bob"), "login DAILY 1 1 "+today("UTC", 0)+" UTC")
	advance(t, s, 24*time.Hour)
	record(t, s, "ada", "login")
	equal(t, "second day", streaks("ada"), "login DAILY 2 2 "+today("Pacific/Kiritimati", 0)+" Pacific/Kiritimati")
	equal(t, "still alive", streaks("bob"), "login DAILY 1 1 "+today("UTC", 1)+" UTC")
	advance(t, s, 48*time.Hour)
	equal(t, "broken", streaks("ada"), "login DAILY 0 2 "+today("Pacific/Kiritimati", 2)+" Pacific/Kiritimati")
	change := func(a *incentive.Action) { a.Streak = nil }
	if _, err := s.Core.Incentive.UpdateAction(t.Context(), s.Tenant.ID, "login", change, nil); err != nil {
		t.Fatal(err)
	}
	equal(t, "gone with the action's", streaks("ada"), "none")
}

// now is the tenant's instant.
func now(t testing.TB, s *apptest.Server) time.Time {
	t.Helper()
	current, err := tenant.Get(t.Context(), s.Core.DB, s.Tenant.ID)
	if err != nil {
		t.Fatal(err)
	}
	return current.Now()
}

// A reversal lowers XP and the rank at once, and takes no grant; XP that comes
// back grants nothing again.
func TestReversedXP(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t)
	c, m := s.Incenta, s.Management
	addAction(t, s, incentive.Action{Key: "work", Pay: incentive.Pay{XP: 60}})
	c.Must(201, "POST", "/incentives/badges", object{"key": "b", "name": "B"})
	c.Must(201, "POST", "/incentives/levels", object{"level": 1, "xpThreshold": 100, "coins": 10, "badgeKey": "b"})
	m.Must(201, "POST", "/milestones", object{"key": "xp_100", "name": "100 XP reached", "type": "XP_REACHED", "threshold": 100, "points": 5})
	for _, member := range []string{"bob", "ada", "ada"} {
		record(t, s, member, "work")
	}
	state := func() string {
		first := c.Must(200, "GET", "/incentives/leaderboard", nil)
		levels, err := s.Core.Incentive.MemberLevels(t.Context(), s.Tenant.ID, []string{"ada"})
		if err != nil {
			t.Fatal(err)
		}
		return line(first.At(0, "userId"), first.At(0, "xp"), first.At(1, "userId"), first.At(1, "xp"), balanceOf(t, s, "ada"), levels["ada"],
			c.Must(200, "GET", "/incentives/badges/user/ada", nil).Len(), c.Must(200, "GET", "/incentives/milestones", nil).At("pagination", "total"))
	}
	equal(t, "before", state(), "ada 120 bob 60 15 1 1 1")
	moved, err := s.Core.Ledger.History(t.Context(), s.Tenant.ID, "ada", ledger.XP, ledger.Span{Page: 1, PerPage: 10})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"bob 60 ada 60 15 1 1 1", "bob 60 <nil> <nil> 15 1 1 1"} { // who has none is on no board
		m.Must(201, "POST", "/transfers/"+moved.Transfers[i].ID()+"/reverse", object{"reason": "Cheated"})
		equal(t, "reversed", state(), want)
	}
	record(t, s, "ada", "work")
	again := record(t, s, "ada", "work")
	equal(t, "granted again", len(again.Levels)+len(again.Badges)+len(again.Milestones), 0)
	equal(t, "after", state(), "ada 120 bob 60 15 1 1 1")
}
