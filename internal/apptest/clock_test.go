package apptest_test

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/incent-dev/incent/internal/apptest"
	"github.com/incent-dev/incent/internal/once"
	"github.com/incent-dev/incent/internal/pg"
	"github.com/incent-dev/incent/internal/tenant"
)

// hours are those that golden requests have set clocks ahead: each one more, since
// no clock runs backwards.
var hours atomic.Int64

func init() {
	addGolden(tenant.Management, map[string]func(ids) apptest.Request{
		"getClock": get("/clock"),
		"setClock": func(ids) apptest.Request {
			return apptest.NewRequest("PATCH", "/clock", object{"now": time.Now().Add(time.Duration(hours.Add(1)) * time.Hour).UTC().Format(time.RFC3339)})
		},
		"advanceClock": func(ids) apptest.Request {
			return apptest.NewRequest("POST", "/clock/advance", object{"seconds": 1})
		},
	})
}

func TestClock(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t)
	m := s.Management
	ahead := func(r apptest.Response) time.Duration {
		t.Helper()
		now, err := time.Parse(time.RFC3339, r.Text("now"))
		if err != nil {
			t.Fatal(err)
		}
		real, err := time.Parse(time.RFC3339, r.Text("realTime"))
		if err != nil {
			t.Fatal(err)
		}
		return now.Sub(real)
	}
	r := m.Must(200, "GET", "/clock", nil)
	equal(t, "as made", fmt.Sprint(ahead(r), r.At("movable")), "0s true")
	equal(t, "advanced", ahead(m.Must(200, "POST", "/clock/advance", object{"seconds": 3600})), time.Hour)
	equal(t, "and again", ahead(m.Must(200, "POST", "/clock/advance", object{"seconds": 60})), time.Hour+time.Minute)
	equal(t, "by nothing", ahead(m.Must(200, "POST", "/clock/advance", object{"seconds": 0})), time.Hour+time.Minute)
	equal(t, "read", ahead(s.Twin().Management.Must(200, "GET", "/clock", nil)), time.Hour+time.Minute)
	to := time.Now().Add(1000 * time.Hour).UTC().Truncate(time.Millisecond).Format("2006-01-02T15:04:05.000Z")
	equal(t, "set", m.Must(200, "PATCH", "/clock", object{"now": to}).Text("now"), to)
	refused(t, m.Call("PATCH", "/clock", object{"now": to}), 400, "invalid_request", "now")
	refused(t, m.Call("PATCH", "/clock", object{"now": "2020-01-01T00:00:00Z"}), 400, "invalid_request", "now")
	refused(t, m.Call("PATCH", "/clock", object{"now": "2999-01-01T00:00:00Z"}), 400, "invalid_request", "now")
	refused(t, m.Call("POST", "/clock/advance", object{"seconds": 3153600000}), 400, "invalid_request", "seconds")
	refused(t, m.Call("POST", "/clock/advance", object{"seconds": -1}), 400, "invalid_request", "seconds")

	keyed := apptest.NewRequest("POST", "/clock/advance", object{"seconds": 3600}, "Idempotency-Key: an hour")
	first := m.Send(keyed)
	again := m.Send(keyed)
	equal(t, "repeated", string(again.Body), string(first.Body))
	if d := ahead(m.Must(200, "GET", "/clock", nil)); d < 1000*time.Hour-time.Second || d > 1001*time.Hour {
		t.Errorf("the clock is %s ahead", d)
	}

	live := s.Live()
	equal(t, "live", live.Management.Must(200, "GET", "/clock", nil).At("movable"), false)
	refused(t, live.Management.Call("POST", "/clock/advance", object{"seconds": 1}), 400, "test_mode_only")
	refused(t, live.Management.Call("PATCH", "/clock", object{"now": to}), 400, "test_mode_only")
}

// After the clock has been moved, all that fell due has happened and was told: no
// read has to set it off.
func TestEverythingFollowsTheClock(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t)
	m := s.Management
	m.Must(200, "PATCH", "/settings", object{"expiry": object{"policy": "rolling", "days": 100}, "expiryWarningDays": 30})
	s.Incenta.Must(201, "POST", "/incentives/leaderboard", object{"period": "WEEKLY"})
	give(t, s, "mem_1", 500)
	xp(t, s, "mem_1", 40)
	m.Must(201, "POST", "/holds", object{"memberId": "mem_1", "asset": "points", "amount": 70, "reason": "Test",
		"maturesAt": time.Now().Add(10 * 24 * time.Hour).UTC().Format(time.RFC3339)})
	until := time.Now().Add(20 * 24 * time.Hour)
	paid := earn(t, s, earned{Referrer: "mem_1", Referee: "mem_2", Fulfilment: "AUTOMATED", Status: "PENDING", Units: 9, HeldUntil: until}).rewards[0]
	free := earn(t, s, earned{Referrer: "mem_1", Referee: "mem_3", Fulfilment: "MANUAL", Status: "PENDING", ValueMinor: 5, HeldUntil: until}).rewards[0]
	stored := func(sql string) (n int64) {
		t.Helper()
		if err := s.Core.DB.QueryRow(t.Context(), sql, s.Tenant.ID).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	days := func(n int) { m.Must(200, "POST", "/clock/advance", object{"seconds": n * 86400}) }
	available := "SELECT available::bigint FROM accounts WHERE tenant_id = $1 AND asset = 1 AND member_id = (SELECT id FROM members WHERE tenant_id = $1 AND external_id = 'mem_1')"
	rewards := "SELECT count(*) FROM rewards WHERE tenant_id = $1 AND status = "
	snapshots := "SELECT count(*) FROM boards WHERE tenant_id = $1 AND kind = 'snapshot'"

	equal(t, "at first", stored(available), 500)
	days(11)
	equal(t, "with the hold matured", stored(available), 570)
	equal(t, "a week is over", stored(snapshots), 1)
	equal(t, "still held", stored(rewards+"'PENDING'"), 2)
	days(10)
	equal(t, "approved", stored(rewards+"'APPROVED'"), 1)
	equal(t, "paid", stored(rewards+"'PAID'"), 1)
	equal(t, "with its points", stored(available), 579)
	equal(t, "not warned yet", stored("SELECT count(*) FROM expiry_warnings WHERE tenant_id = $1"), 0)
	days(50)
	equal(t, "warned of the first ones", stored("SELECT sum(amount)::bigint FROM expiry_warnings WHERE tenant_id = $1"), 500)
	days(30)
	equal(t, "the first ones expired", stored(available), 79)
	days(30)
	equal(t, "all expired", stored(available), 0)
	equal(t, "sealed", stored("SELECT count(*) FROM commits WHERE tenant_id = $1 AND block IS NULL"), 0)

	equal(t, "status of the one", s.Incenta.Must(200, "GET", "/rewards/"+paid, nil).At("status"), "PAID")
	equal(t, "status of the other", s.Incenta.Must(200, "GET", "/rewards/"+free, nil).At("status"), "APPROVED")
	equal(t, "told", strings.Join(toldPoints(s), ", "), strings.Join([]string{
		"points.awarded 500", "points.awarded 70", "points.awarded 9", "points.expiring 500 mem_1",
		"points.expired -500", "points.expiring 70 mem_1", "points.expiring 9 mem_1", "points.expired -70", "points.expired -9",
	}, ", "))
	week := s.Incenta.Must(200, "GET", "/incentives/leaderboards", nil)
	equal(t, "the week's board", fmt.Sprint(week.At("data", 0, "kind"), " ", week.At("data", 0, "period"), " ", week.At("data", 0, "members")), "SNAPSHOT WEEKLY 1")
}

// toldPoints are the events about points that a feed tells.
func toldPoints(s *apptest.Server) (told []string) {
	list, _ := s.Management.Must(200, "GET", "/events?limit=1000", nil).At("data").([]any)
	for _, e := range list {
		event := e.(map[string]any)
		kind, data := event["type"].(string), event["data"].(map[string]any)
		switch {
		case kind == "points.expiring":
			told = append(told, fmt.Sprint(kind, " ", data["points"], " ", data["member_id"]))
		case strings.HasPrefix(kind, "points."):
			told = append(told, fmt.Sprint(kind, " ", data["points"]))
		}
	}
	return told
}

// One reward is paid once, however many pay it at the same time.
func TestAutomatedRewardPaidOnce(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t)
	twin := s.Twin()
	for i := range 20 {
		earn(t, s, earned{Referrer: fmt.Sprint("mem_", i%3), Referee: fmt.Sprint("friend_", i), Fulfilment: "AUTOMATED", Units: 5})
	}
	together(8, func(n int) {
		core := s.Core
		if n%2 == 1 {
			core = twin.Core
		}
		if err := persist(func() error { return core.Referral.SettleDue(t.Context(), s.Tenant.ID) }); err != nil {
			t.Error(err)
		}
	})
	for i, want := range []int64{35, 35, 30} {
		equal(t, "balance", balanceOf(t, s, fmt.Sprint("mem_", i)), want)
	}
}

// Keys answer for seven days at least, by the real clock, and are forgotten then.
func TestKeysAreForgotten(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t)
	keep := func(key string, age time.Duration, n int) {
		t.Helper()
		_, err := s.Core.DB.Exec(t.Context(), `INSERT INTO idempotency_keys (tenant_id, key, request_hash, status, body, created_at)
			SELECT $1, convert_to($2 || i, 'UTF8'), '', 201, '', $3 FROM generate_series(1, $4::integer) AS i`, s.Tenant.ID, key, pg.Now().Add(-age), n)
		if err != nil {
			t.Fatal(err)
		}
	}
	keep("old", once.Retention+time.Second, 11_000)
	keep("young", once.Retention-time.Hour, 3)
	s.Management.Must(200, "POST", "/clock/advance", object{"seconds": 30 * 86400})
	if err := once.Forget(t.Context(), s.Core.DB); err != nil {
		t.Fatal(err)
	}
	var old, young int
	err := s.Core.DB.QueryRow(t.Context(), `SELECT count(*) FILTER (WHERE key LIKE 'old%'::bytea), count(*) FILTER (WHERE key LIKE 'young%'::bytea)
		FROM idempotency_keys WHERE tenant_id = $1`, s.Tenant.ID).Scan(&old, &young)
	if err != nil || old != 0 || young != 3 {
		t.Errorf("%d old keys are left and %d young ones, %v", old, young, err)
	}
}
