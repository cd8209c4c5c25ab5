package apptest_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/incent-dev/incent/internal/apptest"
	"github.com/incent-dev/incent/internal/leaderboard"
	"github.com/incent-dev/incent/internal/ledger"
	"github.com/incent-dev/incent/internal/tenant"
)

func init() {
	ask := apptest.NewRequest
	addGolden(tenant.Incenta, map[string]func(ids) apptest.Request{
		"getLeaderboard":   func(i ids) apptest.Request { return ask("GET", "/incentives/leaderboard?snapshotId="+i.snapshot, nil) },
		"listLeaderboards": get("/incentives/leaderboards"),
		"getStanding": func(i ids) apptest.Request {
			return ask("GET", "/incentives/leaderboard/"+i.member+"?around=2&period="+i.period, nil)
		},
		"createLeaderboard": func(ids) apptest.Request {
			return ask("POST", "/incentives/leaderboard", object{"name": "Before the summer sale"})
		},
		"refreshLeaderboard": func(ids) apptest.Request { return ask("POST", "/incentives/leaderboard/refresh", nil) },
	})
}

// xp gives a member XP, as an event would.
func xp(t testing.TB, s *apptest.Server, member string, amount int64) ledger.Outcome {
	t.Helper()
	return post(t, s, ledger.Command{Op: ledger.OpAward, Member: member, Asset: ledger.XP, Amount: amount})
}

// addBoards takes a snapshot and defines the board of a period.
func addBoards(t testing.TB, s *apptest.Server) (snapshot, period string) {
	t.Helper()
	made, err := s.Core.Boards.Create(t.Context(), s.Tenant.ID, leaderboard.NewBoard{}, nil)
	if err == nil {
		_, err = s.Core.Boards.Create(t.Context(), s.Tenant.ID, leaderboard.NewBoard{Period: leaderboard.Weekly}, nil)
	}
	if err != nil {
		t.Fatal(err)
	}
	return made.PublicID(), "WEEKLY"
}

// documentedBoard lets members earn what the documents' board shows.
func documentedBoard(t testing.TB, s *apptest.Server) {
	t.Helper()
	for _, m := range []struct {
		name      string
		xp, coins int64
	}{{"user_123", 1800, 900}, {"user_789", 1200, 600}, {"user_456", 2450, 1200}} {
		xp(t, s, m.name, m.xp)
		give(t, s, m.name, m.coins)
	}
}

// bare is an answer that is an array, as text.
func bare(t testing.TB, r apptest.Response) string {
	t.Helper()
	var list []map[string]any
	if err := json.Unmarshal(r.Body, &list); err != nil {
		t.Fatalf("%s: %v", r.Body, err)
	}
	text := ""
	for _, e := range list {
		text += fmt.Sprintf("%v %v %v %v; ", e["rank"], e["userId"], e["xp"], e["coins"])
	}
	return text
}

func TestDocumentedLeaderboard(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t)
	documentedBoard(t, s)
	const documented = `[{"rank":1,"userId":"user_456","xp":2450,"coins":1200},{"rank":2,"userId":"user_123","xp":1800,"coins":900},{"rank":3,"userId":"user_789","xp":1200,"coins":600}]`
	var want, got any
	for text, into := range map[string]*any{documented: &want, string(s.Incenta.Bare("api.incenta.dev").Must(200, "GET", "/incentives/leaderboard", nil).Body): &got} {
		if err := json.Unmarshal([]byte(text), into); err != nil {
			t.Fatal(err)
		}
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("the board is %v, want %v", got, want)
	}
}

// Ranks change with the next call, whatever changed the XP: an award, a
// reversal, a hold that matures.
func TestLeaderboardIsLive(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t)
	documentedBoard(t, s)
	board := func() string { return bare(t, s.Incenta.For(t).Must(200, "GET", "/incentives/leaderboard", nil)) }
	award := xp(t, s, "user_789", 600) // as much as user_123, who was there first
	equal(t, "after an award", board(), "1 user_456 2450 1200; 2 user_123 1800 900; 3 user_789 1800 600; ")
	more := xp(t, s, "user_789", 1000)
	equal(t, "after another", board(), "1 user_789 2800 600; 2 user_456 2450 1200; 3 user_123 1800 900; ")
	for _, o := range []ledger.Outcome{award, more} {
		s.Management.Must(201, "POST", "/transfers/"+o.Transfer.ID()+"/reverse", object{"reason": "Mistake"})
	}
	equal(t, "after reversals", board(), "1 user_456 2450 1200; 2 user_123 1800 900; 3 user_789 1200 600; ")
	post(t, s, ledger.Command{Op: ledger.OpHold, Member: "user_123", Asset: ledger.XP, Amount: 5000, MaturesAt: time.Now().Add(time.Hour)})
	equal(t, "with a hold", board(), "1 user_456 2450 1200; 2 user_123 1800 900; 3 user_789 1200 600; ")
	advance(t, s, 2*time.Hour)
	post(t, s, ledger.Command{Op: ledger.OpSettle, Member: "user_123", Asset: ledger.XP})
	equal(t, "matured", board(), "1 user_123 6800 900; 2 user_456 2450 1200; 3 user_789 1200 600; ")
	equal(t, "second page", bare(t, s.Incenta.Must(200, "GET", "/incentives/leaderboard?limit=2&page=2", nil)), "3 user_789 1200 600; ")
	equal(t, "page behind the last", bare(t, s.Incenta.Must(200, "GET", "/incentives/leaderboard?limit=100&page=2000000", nil)), "")
}

func TestStanding(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t)
	documentedBoard(t, s)
	give(t, s, "poor", 7)
	placed := s.Incenta.Must(200, "GET", "/incentives/leaderboard/user_123?around=1", nil)
	equal(t, "placed", shown(placed, "rank", "userId", "xp", "coins"), "2 user_123 1800 900")
	equal(t, "neighbours", placed.Len("neighbours"), 3)
	equal(t, "above", placed.Text("neighbours", 0, "userId"), "user_456")
	equal(t, "without neighbours", s.Incenta.Must(200, "GET", "/incentives/leaderboard/user_123", nil).At("neighbours"), nil)
	poor := s.Incenta.Must(200, "GET", "/incentives/leaderboard/poor?around=3", nil)
	equal(t, "without XP", shown(poor, "rank", "xp", "coins"), "<nil> 0 7")
	equal(t, "without XP, neighbours", poor.Len("neighbours"), 0)
	equal(t, "unknown", shown(s.Incenta.Must(200, "GET", "/incentives/leaderboard/stranger", nil), "rank", "userId", "xp", "coins"), "<nil> stranger 0 0")
	refused(t, s.Incenta.Call("GET", "/incentives/leaderboard/user_123?period=DAILY", nil), 404, "not_found")
	refused(t, s.Incenta.Call("GET", "/incentives/leaderboard/user_123?at=2026-01-01", nil), 400, "invalid_request", "at")
	refused(t, s.Incenta.Call("GET", "/incentives/leaderboard/user_123?around=51", nil), 400, "invalid_request", "around")
}

func TestPeriodBoardsAndSnapshots(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t)
	advance(t, s, time.Until(time.Date(2030, 5, 15, 12, 0, 0, 0, time.UTC))) // a Wednesday
	documentedBoard(t, s)
	board := func(choice string) string {
		return bare(t, s.Incenta.For(t).Must(200, "GET", "/incentives/leaderboard?"+choice, nil))
	}
	refused(t, s.Incenta.Call("GET", "/incentives/leaderboard?period=WEEKLY", nil), 404, "not_found")
	weekly := s.Incenta.Must(201, "POST", "/incentives/leaderboard", object{"period": "WEEKLY"})
	equal(t, "weekly", shown(weekly, "kind", "period", "name", "members"), "PERIOD WEEKLY <nil> 3")
	equal(t, "again", s.Incenta.Must(200, "POST", "/incentives/leaderboard", object{"period": "WEEKLY", "name": "Mine"}).Text("id"), weekly.Text("id"))
	snapshot := s.Incenta.Must(201, "POST", "/incentives/leaderboard", nil)
	equal(t, "snapshot", shown(snapshot, "kind", "period", "name", "members"), "SNAPSHOT ALL_TIME <nil> 3")

	advance(t, s, 7*24*time.Hour)
	xp(t, s, "user_789", 10)
	equal(t, "this week", board("period=WEEKLY"), "1 user_789 10 600; ")
	equal(t, "last week", board("period=WEEKLY&at=2030-05-19"), "1 user_456 2450 1200; 2 user_123 1800 900; 3 user_789 1200 600; ")
	equal(t, "the week before", board("period=WEEKLY&at=2030-05-12T23:59:59Z"), "")
	equal(t, "one's last week", shown(s.Incenta.Must(200, "GET", "/incentives/leaderboard/user_789?period=WEEKLY&at=2030-05-13", nil), "rank", "xp"), "3 1200")
	equal(t, "snapshot", board("snapshotId="+snapshot.Text("id")), "1 user_456 2450 1200; 2 user_123 1800 900; 3 user_789 1200 600; ")

	all := s.Incenta.Must(200, "POST", "/incentives/leaderboard", object{"period": "ALL_TIME"})
	equal(t, "all time", shown(all, "kind", "period", "members"), "PERIOD ALL_TIME 3")
	listed := s.Incenta.Must(200, "GET", "/incentives/leaderboards", nil)
	equal(t, "boards", fmt.Sprint(listed.Len("data"), listed.Text("data", 1, "id") == snapshot.Text("id"), listed.At("data", 2, "members")), "3 true 1")
	equal(t, "last week is kept", fmt.Sprintln(listed.At("data", 0, "kind"), listed.At("data", 0, "period"), listed.At("data", 0, "name"), listed.At("data", 0, "members")),
		"SNAPSHOT WEEKLY WEEKLY 2030-05-13 3\n")
	equal(t, "as it was", board("snapshotId="+listed.Text("data", 0, "id")), "1 user_456 2450 1200; 2 user_123 1800 900; 3 user_789 1200 600; ")
	refreshed := s.Incenta.Must(200, "POST", "/incentives/leaderboard/refresh", nil)
	equal(t, "refreshed", shown(refreshed, "success", "members"), "true 3")

	refused(t, s.Incenta.Call("GET", "/incentives/leaderboard?snapshotId=snap_none", nil), 404, "not_found")
	refused(t, s.Incenta.Call("GET", "/incentives/leaderboard?period=WEEKLY&snapshotId="+snapshot.Text("id"), nil), 400, "invalid_request", "snapshotId")
	refused(t, s.Incenta.Call("GET", "/incentives/leaderboard?period=ALL_TIME&at=2030-05-12", nil), 400, "invalid_request", "at")
	refused(t, s.Incenta.Call("GET", "/incentives/leaderboard?period=WEEKLY&at=yesterday", nil), 400, "invalid_request", "at")
	refused(t, s.Incenta.Call("POST", "/incentives/leaderboard", object{"period": "HOURLY"}), 400, "invalid_request", "period")
}
