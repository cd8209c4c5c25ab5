package apptest_test

import (
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/incent-dev/incent/internal/apptest"
)

// incentaServers are the Incenta callers of both servers; i picks one.
func incentaServers(s *apptest.Server) func(i int) *apptest.Client {
	both := []*apptest.Client{s.Incenta, s.Twin().Incenta}
	return func(i int) *apptest.Client { return both[i%2] }
}

// Five hundred events at once on two servers: as many are rewarded as may be,
// all are recorded.
func TestMaxRepeatsUnderRace(t *testing.T) {
	t.Parallel()
	const callers, most = 500, 3
	s := apptest.Start(t)
	define(t, s, "actions", object{"key": "once", "name": "Once", "type": "STANDARD", "coins": 7, "xp": 10, "maxRepeats": most})
	at := incentaServers(s)
	var rewarded, limited atomic.Int64
	together(callers, func(i int) {
		r := insist(func() apptest.Response { return at(i).Call("POST", "/incentives/events", event("m", "once")) })
		switch {
		case r.Status != 201:
			t.Errorf("%d %s", r.Status, r.Body)
		case r.At("rewarded") == true:
			rewarded.Add(1)
		case r.Text("reason") == "MAX_REPEATS":
			limited.Add(1)
		}
	})
	equal(t, "rewarded", rewarded.Load(), int64(most))
	equal(t, "limited", limited.Load(), int64(callers-most))
	equal(t, "points", balanceOf(t, s, "m"), int64(7*most))
	equal(t, "events", s.Incenta.Must(200, "GET", "/incentives/events?userId=m", nil).At("pagination", "total"), callers)
}

// However many come at once, one of a cooldown is rewarded.
func TestCooldownUnderRace(t *testing.T) {
	t.Parallel()
	const callers, members = 200, 4
	s := apptest.Start(t)
	define(t, s, "actions", object{"key": "visit", "name": "Visit", "type": "STANDARD", "coins": 1, "cooldown": 3600})
	at := incentaServers(s)
	together(callers, func(i int) {
		insist(func() apptest.Response {
			return at(i/members).Call("POST", "/incentives/events", event(fmt.Sprint("m", i%members), "visit"))
		})
	})
	for i := range members {
		equal(t, "points", balanceOf(t, s, fmt.Sprint("m", i)), int64(1))
	}
}

// Two hundred events cross a level together: it is granted once, and so is what
// it grants; likewise the badge, the milestone and the quest.
func TestGrantsUnderRace(t *testing.T) {
	t.Parallel()
	const callers = 200
	s := apptest.Start(t)
	define(t, s, "actions", object{"key": "work", "name": "Work", "type": "STANDARD", "xp": 10})
	define(t, s, "badges", object{"key": "hundred", "name": "Hundred", "criteria": object{"type": "ACTION_COUNT", "actionKey": "work", "threshold": 100}})
	define(t, s, "quests", object{"key": "fifty", "name": "Fifty", "steps": []object{{"actionKey": "work", "count": 50}}, "coins": 10_000})
	for i := 1; i <= 4; i++ {
		define(t, s, "levels", object{"level": i, "xpThreshold": 400 * i, "coins": 1})
	}
	s.Management.Must(201, "POST", "/milestones", object{"key": "thousand", "name": "1000 XP", "type": "XP_REACHED", "threshold": 1000, "points": 100})
	at := incentaServers(s)
	var levels, badges, milestones, quests atomic.Int64
	together(callers, func(i int) {
		r := insist(func() apptest.Response { return at(i).Call("POST", "/incentives/events", event("m", "work")) })
		if r.Status != 201 {
			t.Errorf("%d %s", r.Status, r.Body)
			return
		}
		levels.Add(int64(r.Len("levelUps")))
		badges.Add(int64(r.Len("badges")))
		milestones.Add(int64(r.Len("milestones")))
		quests.Add(int64(r.Len("quests")))
	})
	equal(t, "levels", levels.Load(), int64(4))
	equal(t, "badges", badges.Load(), int64(1))
	equal(t, "milestones", milestones.Load(), int64(1))
	equal(t, "quests", quests.Load(), int64(1))
	equal(t, "points", balanceOf(t, s, "m"), int64(4+100+10_000))
}

// One key of a body on two servers at once: one event, one answer.
func TestBodyKeysUnderRace(t *testing.T) {
	t.Parallel()
	const callers, keys = 120, 6
	s := apptest.Start(t)
	define(t, s, "actions", object{"key": "work", "name": "Work", "type": "STANDARD", "coins": 1})
	at := incentaServers(s)
	answers := make([]apptest.Response, callers)
	together(callers, func(i int) {
		key := fmt.Sprint("k", i%keys)
		if i%3 == 0 { // and among others in a bulk call
			answers[i] = insist(func() apptest.Response {
				return at(i/keys).Call("POST", "/incentives/events/bulk", object{"events": []object{
					event("other", "work"), {"userId": "m", "actionKey": "work", "idempotencyKey": key},
				}})
			})
			return
		}
		answers[i] = insist(func() apptest.Response {
			return at(i/keys).Call("POST", "/incentives/events", object{"userId": "m", "actionKey": "work", "idempotencyKey": key})
		})
	})
	ids := map[any]bool{}
	for i, r := range answers {
		if i%3 == 0 {
			ids[r.At("results", 1, "event", "id")] = true
		} else {
			ids[r.At("id")] = true
		}
	}
	equal(t, "different events", len(ids), keys)
	equal(t, "points", balanceOf(t, s, "m"), int64(keys))
}
