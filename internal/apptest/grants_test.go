package apptest_test

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"testing"

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
			r := insist(func() apptest.Response { return at.Incenta.Call("POST", "/incentives/events", event("ada", "work")) })
			equal(t, "status", r.Status, 201)
			fresh[i] = r.Len("badges")
			return
		}
		award := func() apptest.Response {
			return at.Incenta.Call("POST", "/incentives/badges/award", object{"userId": "ada", "badgeKey": "worker"})
		}
		if insist(award).Status == 201 {
			fresh[i] = 1
		}
	})
	total := 0
	for _, n := range fresh {
		total += n
	}
	equal(t, "times given", total, 1)
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
