package apptest_test

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/incent-dev/incent/internal/apptest"
	"github.com/incent-dev/incent/internal/incentive"
	"github.com/incent-dev/incent/internal/pg"
	"github.com/incent-dev/incent/internal/tenant"
)

func init() {
	ask := apptest.NewRequest
	addGolden(tenant.Incenta, map[string]func(ids) apptest.Request{
		"listLevels": get("/incentives/levels"),
		"createLevel": func(i ids) apptest.Request {
			return ask("POST", "/incentives/levels", object{"level": 50, "name": "Expert", "xpThreshold": 50_000, "coins": 25, "badgeKey": i.badge, "perks": []string{"Priority support"}})
		},
		"updateLevel": func(i ids) apptest.Request {
			return ask("PATCH", "/incentives/levels/"+i.level, object{"xpThreshold": 80, "badgeKey": nil, "perks": []string{"One", "Two"}})
		},
		"deleteLevel": func(i ids) apptest.Request { return ask("DELETE", "/incentives/levels/"+i.level, nil) },
		"listBadges":  get("/incentives/badges"),
		"createBadge": func(i ids) apptest.Request {
			return ask("POST", "/incentives/badges", object{
				"key": "new_badge", "name": "Regular", "imageUrl": "https://example.com/badge.png",
				"criteria": object{"type": "ACTION_COUNT", "actionKey": i.action, "threshold": 30},
			})
		},
		"updateBadge": func(i ids) apptest.Request {
			return ask("PATCH", "/incentives/badges/"+i.badge, object{"name": "Old hand", "criteria": object{"type": "XP", "threshold": 10_000}})
		},
		"listUserBadges": func(i ids) apptest.Request { return ask("GET", "/incentives/badges/user/"+i.member, nil) },
		"awardBadge": func(i ids) apptest.Request {
			return ask("POST", "/incentives/badges/award", object{"userId": "new_" + i.member, "badgeKey": i.badge})
		},
		"revokeBadge": func(i ids) apptest.Request {
			return ask("POST", "/incentives/badges/revoke", object{"userId": i.member, "badgeKey": i.badge})
		},
		"listMilestones": func(i ids) apptest.Request {
			return ask("GET", "/incentives/milestones?userId="+i.member+"&limit=2", nil)
		},
		"listQuests": get("/incentives/quests"),
		"createQuest": func(i ids) apptest.Request {
			return ask("POST", "/incentives/quests", object{
				"key": "new_quest", "name": "Settle in", "steps": []object{{"actionKey": i.action, "count": 5}}, "coins": 250, "badgeKey": i.badge,
				"startsAt": "2026-01-01T00:00:00Z", "endsAt": nil,
			})
		},
		"updateQuest": func(i ids) apptest.Request {
			return ask("PATCH", "/incentives/quests/"+i.quest, object{"coins": 300, "endsAt": "2099-01-01T00:00:00Z"})
		},
		"listUserQuests":  func(i ids) apptest.Request { return ask("GET", "/incentives/quests/user/"+i.member, nil) },
		"listUserStreaks": func(i ids) apptest.Request { return ask("GET", "/incentives/streaks/user/"+i.member, nil) },
	})
	addGolden(tenant.Management, map[string]func(ids) apptest.Request{
		"listMilestones": get("/milestones?limit=2"),
		"createMilestone": func(i ids) apptest.Request {
			return ask("POST", "/milestones", object{"key": "new_milestone", "name": "Ten times", "type": "ACTION_COUNT", "actionKey": i.action, "threshold": 10, "points": 50, "badgeKey": i.badge})
		},
		"getMilestone": func(i ids) apptest.Request { return ask("GET", "/milestones/"+i.milestone, nil) },
		"updateMilestone": func(i ids) apptest.Request {
			return ask("PATCH", "/milestones/"+i.milestone, object{"points": 75, "active": false})
		},
		"deleteMilestone": func(i ids) apptest.Request { return ask("DELETE", "/milestones/"+i.milestone, nil) },
	})
}

// incentives defines one thing of each kind, and lets the member earn of each.
func (w *world) incentives(t testing.TB, name string) {
	t.Helper()
	w.badge, w.milestone, w.quest, w.level = "badge_"+name, "mile_"+name, "quest_"+name, "7"
	habit := addAction(t, w.Server, incentive.Action{Key: "habit_" + name, Pay: incentive.Pay{XP: 10}, Streak: &incentive.StreakRule{
		Period: incentive.Daily, Rewards: []incentive.StreakReward{{Length: 7, Coins: 100}},
	}})
	c, m := w.Incenta.For(t), w.Management.For(t)
	c.Must(201, "POST", "/incentives/badges", object{"key": w.badge, "name": "Newcomer"})
	c.Must(201, "POST", "/incentives/levels", object{"level": 7, "xpThreshold": 10, "badgeKey": w.badge})
	c.Must(201, "POST", "/incentives/quests", object{"key": w.quest, "name": "Settle in", "steps": []object{{"actionKey": habit, "count": 2}}})
	m.Must(201, "POST", "/milestones", object{"key": w.milestone, "name": "10 XP reached", "type": "XP_REACHED", "threshold": 10})
	record(t, w.Server, w.member, habit)
}

func record(t testing.TB, s *apptest.Server, member, action string) incentive.Recorded {
	t.Helper()
	r, err := s.Core.Incentive.Record(t.Context(), s.Tenant.ID, incentive.NewEvent{Member: member, ActionKey: action}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestLevels(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t)
	c := s.Incenta
	equal(t, "none", string(c.Must(200, "GET", "/incentives/levels", nil).Body), "[]\n")
	c.Must(201, "POST", "/incentives/badges", object{"key": "newcomer", "name": "Newcomer"})
	made := c.Must(201, "POST", "/incentives/levels", object{"level": 1, "name": "Newcomer", "xpThreshold": 100, "coins": 25, "badgeKey": "newcomer", "perks": []string{"Priority support"}})
	equal(t, "made", shown(made, "level", "name", "xpThreshold", "coins", "badgeKey", "perks"), "1 Newcomer 100 25 newcomer [Priority support]")
	equal(t, "id", strings.HasPrefix(made.Text("id"), "lvl_"), true)
	plain := c.Must(201, "POST", "/incentives/levels", object{"level": 5, "xpThreshold": 500})
	equal(t, "plain", shown(plain, "name", "coins", "badgeKey", "perks"), "Level 5 0 <nil> []")
	changed := c.Must(200, "PATCH", "/incentives/levels/1", object{"xpThreshold": 80, "badgeKey": nil})
	equal(t, "changed", shown(changed, "id", "level", "name", "xpThreshold", "coins", "badgeKey"), made.Text("id")+" 1 Newcomer 80 25 <nil>")
	c.Must(201, "POST", "/incentives/levels", object{"level": 3, "xpThreshold": 81, "coins": 1})
	list := s.Twin().Incenta.Must(200, "GET", "/incentives/levels", nil)
	equal(t, "listed by the other server", line(list.Len(), list.At(0, "level"), list.At(1, "level"), list.At(2, "level")), "3 1 3 5")
	equal(t, "as it was changed", list.At(0), changed.JSON())

	for _, x := range []struct {
		method, path string
		body         object
		field, says  string
	}{
		{"POST", "", object{"level": 2, "xpThreshold": 80}, "xpThreshold", "must be above 80, the threshold of level 1"},
		{"POST", "", object{"level": 2, "xpThreshold": 81}, "xpThreshold", "must be below 81, the threshold of level 3"},
		{"POST", "", object{"level": 9, "xpThreshold": 0}, "xpThreshold", "must be above 500, the threshold of level 5"},
		{"PATCH", "/3", object{"xpThreshold": 500}, "xpThreshold", "must be below 500, the threshold of level 5"},
		{"PATCH", "/5", object{"xpThreshold": 81}, "xpThreshold", "must be above 81, the threshold of level 3"},
		{"POST", "", object{"level": 0, "xpThreshold": 1}, "level", ""},
		{"POST", "", object{"level": 10001, "xpThreshold": 1000}, "level", ""},
		{"POST", "", object{"level": 6, "xpThreshold": 600, "perks": []string{"a", ""}}, "perks[1]", ""},
		{"POST", "", object{"level": 6, "xpThreshold": 600.5}, "xpThreshold", ""},
		{"POST", "", object{"level": 6, "xpThreshold": 600, "coins": -1}, "coins", ""},
		{"PATCH", "/3", object{"name": ""}, "name", ""},
	} {
		r := c.Call(x.method, "/incentives/levels"+x.path, x.body)
		refused(t, r, 400, "invalid_request", x.field)
		if !strings.Contains(string(r.Body), x.says) {
			t.Errorf("%v does not say that it %s: %s", x.body, x.says, r.Body)
		}
	}
	refused(t, c.Call("POST", "/incentives/levels", object{"level": 3, "xpThreshold": 90}), 409, "already_exists", "level")
	refused(t, c.Call("POST", "/incentives/levels", object{"level": 6, "xpThreshold": 600, "badgeKey": "none"}), 404, "not_found", "badgeKey")
	refused(t, c.Call("PATCH", "/incentives/levels/3", object{"badgeKey": "none"}), 404, "not_found", "badgeKey")
	refused(t, c.Call("PATCH", "/incentives/levels/2", object{"name": "x"}), 404, "not_found")
	c.Must(200, "DELETE", "/incentives/levels/3", nil)
	refused(t, c.Call("DELETE", "/incentives/levels/3", nil), 404, "not_found")
	c.Must(200, "PATCH", "/incentives/levels/5", object{"xpThreshold": 81})
}

// A level is granted once by its number, whatever becomes of the level.
func TestLevelsGrantOnce(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t)
	c := s.Incenta
	addAction(t, s, incentive.Action{Key: "work", Pay: incentive.Pay{XP: 60}})
	c.Must(201, "POST", "/incentives/levels", object{"level": 1, "xpThreshold": 100, "coins": 10})
	equal(t, "below", len(record(t, s, "ada", "work").Levels), 0)
	c.Must(200, "PATCH", "/incentives/levels/1", object{"xpThreshold": 60})
	up := record(t, s, "ada", "work")
	equal(t, "granted", line(len(up.Levels), up.Balances.Coins, up.Balances.XP), "1 10 120")
	for _, step := range []func(){
		func() { c.Must(200, "PATCH", "/incentives/levels/1", object{"xpThreshold": 200, "coins": 99}) },
		func() { c.Must(200, "PATCH", "/incentives/levels/1", object{"xpThreshold": 1}) },
		func() { c.Must(200, "DELETE", "/incentives/levels/1", nil) },
		func() { c.Must(201, "POST", "/incentives/levels", object{"level": 1, "xpThreshold": 1, "coins": 99}) },
	} {
		step()
		up = record(t, s, "ada", "work")
		equal(t, "not again", line(len(up.Levels), up.Balances.Coins), "0 10")
	}
	c.Must(201, "POST", "/incentives/levels", object{"level": 2, "xpThreshold": 2, "coins": 5})
	c.Must(201, "POST", "/incentives/levels", object{"level": 3, "xpThreshold": 3, "coins": 7})
	up = record(t, s, "ada", "work")
	equal(t, "two at once, lowest first", line(len(up.Levels), up.Levels[0].Level, up.Levels[1].Level, up.Balances.Coins), "2 2 3 22")
	levels, err := s.Core.Incentive.MemberLevels(t.Context(), s.Tenant.ID, []string{"ada", "nobody"})
	equal(t, "highest", fmt.Sprint(levels, err), "map[ada:3] <nil>")
	equal(t, "coins", balanceOf(t, s, "ada"), 22)
}

func TestBadges(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t)
	c := s.Incenta
	addAction(t, s, incentive.Action{Key: "daily_login"})
	criteria := object{"type": "ACTION_COUNT", "actionKey": "daily_login", "threshold": 2}
	made := c.Must(201, "POST", "/incentives/badges", object{"key": "regular", "name": "Regular", "criteria": criteria})
	equal(t, "made", shown(made, "key", "name", "description", "imageUrl", "criteria", "active"),
		"regular Regular <nil> <nil> map[actionKey:daily_login threshold:2 type:ACTION_COUNT] true")
	changed := c.Must(200, "PATCH", "/incentives/badges/regular", object{"description": "Comes every day", "imageUrl": "https://example.com/b.png"})
	equal(t, "changed", shown(changed, "id", "description", "imageUrl", "active"), made.Text("id")+" Comes every day https://example.com/b.png true")
	c.Must(201, "POST", "/incentives/badges", object{"key": "a/b c?%", "name": "Odd", "active": false})
	odd := c.Must(200, "PATCH", "/incentives/badges/a%2Fb%20c%3F%25", object{"criteria": object{"type": "XP", "threshold": 5}})
	equal(t, "odd", shown(odd, "key", "criteria", "active"), "a/b c?% map[threshold:5 type:XP] false")
	list := c.Must(200, "GET", "/incentives/badges", nil)
	equal(t, "listed", line(list.Len(), list.At(0, "key"), list.At(1, "key")), "2 a/b c?% regular")

	good := object{"key": "new", "name": "New"}
	with := func(more object) object {
		body := maps.Clone(good)
		maps.Copy(body, more)
		return body
	}
	for field, body := range map[string]object{
		"key":                with(object{"key": ""}),
		"name":               with(object{"name": strings.Repeat("x", 256)}),
		"criteria.actionKey": with(object{"criteria": object{"type": "XP", "threshold": 5, "actionKey": "daily_login"}}),
		"criteria.threshold": with(object{"criteria": object{"type": "XP", "threshold": 0}}),
		"criteria.type":      with(object{"criteria": object{"type": "AGE", "threshold": 5}}),
	} {
		refused(t, c.Call("POST", "/incentives/badges", body), 400, "invalid_request", field)
	}
	refused(t, c.Call("POST", "/incentives/badges", with(object{"criteria": object{"type": "ACTION_COUNT", "threshold": 5}})), 400, "invalid_request", "criteria.actionKey")
	refused(t, c.Call("POST", "/incentives/badges", with(object{"key": "regular"})), 409, "already_exists", "key")
	unknown := object{"criteria": object{"type": "ACTION_COUNT", "actionKey": "none", "threshold": 5}}
	refused(t, c.Call("POST", "/incentives/badges", with(unknown)), 404, "not_found", "criteria.actionKey")
	refused(t, c.Call("PATCH", "/incentives/badges/regular", unknown), 404, "not_found", "criteria.actionKey")
	refused(t, c.Call("PATCH", "/incentives/badges/none", object{"name": "x"}), 404, "not_found")

	equal(t, "first time", len(record(t, s, "ada", "daily_login").Badges), 0)
	equal(t, "second time", len(record(t, s, "ada", "daily_login").Badges), 1)
	mine := c.Must(200, "GET", "/incentives/badges/user/ada", nil)
	equal(t, "earned", line(mine.Len(), mine.At(0, "id"), mine.At(0, "key"), mine.At(0, "source"), mine.At(0, "description")),
		"1 "+made.Text("id")+" regular CRITERIA Comes every day")
	equal(t, "of nobody", c.Must(200, "GET", "/incentives/badges/user/nobody", nil).Len(), 0)
}

// Awarded once, revoked for good, back by an award only.
func TestBadgeAwards(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t)
	c := s.Incenta
	addAction(t, s, incentive.Action{Key: "work", Pay: incentive.Pay{XP: 10}})
	c.Must(201, "POST", "/incentives/badges", object{"key": "newcomer", "name": "Newcomer"})
	c.Must(201, "POST", "/incentives/badges", object{"key": "worker", "name": "Worker", "criteria": object{"type": "XP", "threshold": 10}})
	c.Must(201, "POST", "/incentives/levels", object{"level": 1, "xpThreshold": 20, "badgeKey": "worker"})
	grant := func(badge string) object { return object{"userId": "ada", "badgeKey": badge} }
	keys := func() string {
		r := c.Must(200, "GET", "/incentives/badges/user/ada", nil)
		var found []any
		for i := range r.Len() {
			found = append(found, r.At(i, "key"), r.At(i, "source"))
		}
		return line(found...)
	}
	first := c.Must(201, "POST", "/incentives/badges/award", grant("newcomer")) // makes the member
	again := c.Must(200, "POST", "/incentives/badges/award", grant("newcomer"))
	equal(t, "as it was", string(again.Body), string(first.Body))
	record(t, s, "ada", "work")
	equal(t, "both", keys(), "worker CRITERIA newcomer AWARD")

	c.Must(200, "POST", "/incentives/badges/revoke", grant("worker"))
	refused(t, c.Call("POST", "/incentives/badges/revoke", grant("worker")), 404, "not_found", "badgeKey")
	equal(t, "revoked", keys(), "newcomer AWARD")
	equal(t, "not by itself, nor by a level", len(record(t, s, "ada", "work").Badges), 0)
	equal(t, "still revoked", keys(), "newcomer AWARD")
	c.Must(201, "POST", "/incentives/badges/award", grant("worker"))
	equal(t, "back", keys(), "worker AWARD newcomer AWARD")

	c.Must(200, "PATCH", "/incentives/badges/worker", object{"active": false})
	refused(t, c.Call("POST", "/incentives/badges/award", object{"userId": "bob", "badgeKey": "worker"}), 400, "badge_inactive", "badgeKey")
	equal(t, "who has it keeps it", keys(), "worker AWARD newcomer AWARD")
	for _, call := range []string{"award", "revoke"} {
		refused(t, c.Call("POST", "/incentives/badges/"+call, grant("none")), 404, "not_found", "badgeKey")
	}
	refused(t, c.Call("POST", "/incentives/badges/revoke", object{"userId": "nobody", "badgeKey": "newcomer"}), 404, "member_unknown", "userId")
	s.Management.Must(201, "POST", "/members", object{"id": "known"})
	refused(t, c.Call("POST", "/incentives/badges/revoke", object{"userId": "known", "badgeKey": "newcomer"}), 404, "not_found", "badgeKey")
	strict(t, s)
	refused(t, c.Call("POST", "/incentives/badges/award", object{"userId": "nobody", "badgeKey": "newcomer"}), 404, "member_unknown", "userId")
	c.Must(201, "POST", "/incentives/badges/award", object{"userId": "known", "badgeKey": "newcomer"})
}

// Awards, and the events that would give the same badge, race on two servers:
// the member gets it once.
func TestBadgeOnceUnderRace(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t)
	addAction(t, s, incentive.Action{Key: "work", Pay: incentive.Pay{XP: 10}})
	s.Incenta.Must(201, "POST", "/incentives/badges", object{"key": "worker", "name": "Worker", "criteria": object{"type": "XP", "threshold": 10}})
	servers := []*apptest.Server{s, s.Twin()}
	const callers = 40
	fresh := make([]int, callers)
	together(callers, func(i int) {
		at := servers[i%2]
		if i%4 < 2 {
			fresh[i] = len(record(t, at, "ada", "work").Badges)
			return
		}
		if at.Incenta.For(t).Call("POST", "/incentives/badges/award", object{"userId": "ada", "badgeKey": "worker"}).Status == 201 {
			fresh[i] = 1
		}
	})
	total := 0
	for _, n := range fresh {
		total += n
	}
	equal(t, "times given", total, 1)
}

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

func TestMemberTimeZones(t *testing.T) {
	t.Parallel()
	m := apptest.Start(t).Management
	made := m.Must(201, "POST", "/members", object{"id": "ada", "timeZone": "Europe/Berlin"})
	equal(t, "zone", made.At("timeZone"), "Europe/Berlin")
	equal(t, "of one without", m.Must(201, "POST", "/members", object{"id": "bob"}).At("timeZone"), nil)
	m.Must(200, "PATCH", "/members/ada", object{"name": "Ada"})
	equal(t, "kept", m.Must(200, "GET", "/members/ada", nil).At("timeZone"), "Europe/Berlin")
	for _, bad := range []string{"Local", "Berlin", "UTC+1", "../etc/passwd", "europe/berlin ", "/etc/localtime"} {
		refused(t, m.Call("PATCH", "/members/ada", object{"timeZone": bad}), 400, "invalid_request", "timeZone")
		refused(t, m.Call("POST", "/members", object{"id": "new", "timeZone": bad}), 400, "invalid_request", "timeZone")
	}
	m.Must(200, "PATCH", "/members/ada", object{"timeZone": nil})
	equal(t, "cleared", m.Must(200, "GET", "/members", nil).At("data", 1, "timeZone"), nil)
}

// A tenant has 1,000 definitions of a kind and no more.
func TestMostDefinitions(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t)
	addAction(t, s, incentive.Action{Key: "work"})
	_, err := pg.InTx(t.Context(), s.Core.DB, func(ctx context.Context, tx pg.Tx) (struct{}, error) {
		for _, sql := range []string{
			`INSERT INTO levels SELECT $1, n, n, 'Level', n, 0, NULL, '{}', '2026-01-01Z', '2026-01-01Z' FROM generate_series(1, $2::int) AS n`,
			`INSERT INTO badges SELECT $1, 'key_' || n, n, 'Badge', NULL, NULL, NULL, NULL, NULL, true, '2026-01-01Z', '2026-01-01Z' FROM generate_series(1, $2::int) AS n`,
			`INSERT INTO milestones SELECT $1, 'key_' || n, n, 'Milestone', 'XP_REACHED', NULL, n, 0, NULL, true, '2026-01-01Z', '2026-01-01Z' FROM generate_series(1, $2::int) AS n`,
			`INSERT INTO quests SELECT $1, 'key_' || n, n, 'Quest', NULL, NULL, NULL, 0, 0, 0, NULL, true, '2026-01-01Z', '2026-01-01Z' FROM generate_series(1, $2::int) AS n`,
		} {
			if _, err := tx.Exec(ctx, sql, s.Tenant.ID, incentive.MaxRules); err != nil {
				return struct{}{}, err
			}
		}
		return struct{}{}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	refused(t, s.Incenta.Call("POST", "/incentives/levels", object{"level": 2000, "xpThreshold": 2000}), 400, "limit_reached")
	refused(t, s.Incenta.Call("POST", "/incentives/badges", object{"key": "one_more", "name": "One more"}), 400, "limit_reached")
	refused(t, s.Incenta.Call("POST", "/incentives/quests", object{"key": "one_more", "name": "One more", "steps": []object{{"actionKey": "work", "count": 1}}}), 400, "limit_reached")
	refused(t, s.Management.Call("POST", "/milestones", object{"key": "one_more", "name": "One more", "type": "REFERRALS", "threshold": 1}), 400, "limit_reached")
	s.Incenta.Must(200, "DELETE", "/incentives/levels/1", nil)
	s.Incenta.Must(201, "POST", "/incentives/levels", object{"level": 2000, "xpThreshold": 2000})
}
