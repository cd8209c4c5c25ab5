package apptest_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/incent-dev/incent/internal/apptest"
	"github.com/incent-dev/incent/internal/ledger"
)

func award(member string, points any) object {
	return object{"member_id": member, "points": points, "reason": "Test"}
}

func TestAwardAndDeduct(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t)
	c := s.Incentable
	refused(t, c.Call("GET", "/members/m/balance", nil), 404, "not_found")
	refused(t, c.Call("GET", "/members/m/transactions", nil), 404, "not_found")
	refused(t, c.Call("POST", "/points/deduct", award("m", 1)), 404, "not_found")
	r := c.Must(201, "POST", "/points/award", award("m", ledger.MaxAmount))
	equal(t, "new_balance", r.At("data", "new_balance"), int64(ledger.MaxAmount))
	for points, field := range map[any]string{0: "points", -1: "points", ledger.MaxAmount + 1: "points", 1.5: "points", "5": "points", true: "points", nil: "points"} {
		for _, path := range []string{"/points/award", "/points/deduct"} {
			refused(t, c.Call("POST", path, award("m", points)), 400, "invalid_request", field)
		}
	}
	r = c.Must(201, "POST", "/points/deduct", award("m", ledger.MaxAmount-7))
	equal(t, "points", r.At("data", "points"), int64(7-ledger.MaxAmount))
	refused(t, c.Call("POST", "/points/deduct", award("m", 8)), 400, "insufficient_points")
	r = c.Must(201, "POST", "/points/deduct", award("m", 7))
	equal(t, "new_balance", r.At("data", "new_balance"), 0)
	refused(t, c.Call("POST", "/points/deduct", award("m", 1)), 400, "insufficient_points")
	equal(t, "balance", balanceOf(t, s, "m"), int64(0))
	r = c.Must(200, "GET", "/members/m/balance", nil)
	equal(t, "lifetime_earned", r.At("data", "lifetime_earned"), int64(ledger.MaxAmount))
	equal(t, "lifetime_redeemed", r.At("data", "lifetime_redeemed"), 0)
}

func TestWhatIsKeptComesBackAsItWas(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t)
	id := "a/b c%+é?#<x>&'\"☃\u2028"
	metadata := `{"big":9007199254740993,"huge":1e300,"html":"<b>&</b>","10":1,"2":{"deep":[null,true,0.10]}}`
	body := fmt.Sprintf(`{"member_id":%q,"points":1,"reason":"<&>\u2028","reference":"r","metadata":%s,"unknown":{"x":1}}`, id, metadata)
	r := s.Incentable.Must(201, "POST", "/points/award", body)
	equal(t, "member_id", r.At("data", "member_id"), id)
	at := "/members/" + url.PathEscape(id)
	equal(t, "balance", s.Incentable.Must(200, "GET", at+"/balance", nil).At("data", "balance"), 1)
	r = s.Incentable.Must(200, "GET", at+"/transactions", nil)
	equal(t, "reason", r.At("data", 0, "reason"), "<&>\u2028")
	equal(t, "reference", r.At("data", 0, "reference"), "r")
	for _, piece := range []string{`9007199254740993`, `1e300`, `0.10`} {
		if !strings.Contains(string(r.Body), piece) {
			t.Errorf("metadata lost %s: %s", piece, r.Body)
		}
	}
	equal(t, "metadata.html", r.At("data", 0, "metadata", "html"), "<b>&</b>")
	equal(t, "metadata.2.deep", len(r.At("data", 0, "metadata", "2", "deep").([]any)), 3)
}

func TestBulkAwardsFailEachOnItsOwn(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t)
	give(t, s, "known", 1)
	strict(t, s)
	awards := []object{
		award("known", 1), award("nobody", 1), award("", 1), award("known", 0), award("known", -5),
		award("known", ledger.MaxAmount+1), {"member_id": "known", "points": 1, "reason": ""}, award("known", 2), award("nobody", 2),
	}
	r := s.Incentable.Must(200, "POST", "/points/award/bulk", object{"awards": awards})
	equal(t, "processed", r.At("data", "processed"), 2)
	equal(t, "failed", r.At("data", "failed"), 7)
	equal(t, "transactions", r.Len("data", "transactions"), 2)
	if a, b := r.Text("data", "transactions", 0, "transaction_id"), r.Text("data", "transactions", 1, "transaction_id"); a >= b {
		t.Errorf("transactions %s, %s are not in the order they were sent", a, b)
	}
	for i, want := range []struct {
		index              int
		member, code, says string
	}{
		{1, "nobody", "not_found", ""}, {2, "", "invalid_request", "member_id"}, {3, "known", "invalid_request", "points"}, {4, "known", "invalid_request", "points"},
		{5, "known", "invalid_request", "points"}, {6, "known", "invalid_request", "reason"}, {8, "nobody", "not_found", ""},
	} {
		equal(t, "index", r.At("data", "errors", i, "index"), want.index)
		equal(t, "member_id", r.At("data", "errors", i, "member_id"), want.member)
		equal(t, "code", r.At("data", "errors", i, "code"), want.code)
		if !strings.Contains(r.Text("data", "errors", i, "message"), want.says) {
			t.Errorf("message %q does not say %q", r.Text("data", "errors", i, "message"), want.says)
		}
	}
	equal(t, "balance", balanceOf(t, s, "known"), int64(4))

	awards[3]["points"] = "many"
	refused(t, s.Incentable.Call("POST", "/points/award/bulk", object{"awards": awards}), 400, "invalid_request", "awards[3].points")
	delete(awards[8], "reason")
	refused(t, s.Incentable.Call("POST", "/points/award/bulk", object{"awards": awards}), 400, "invalid_request", "awards[3].points", "awards[8].reason")
	refused(t, s.Incentable.Call("POST", "/points/award/bulk", object{"awards": []object{}}), 400, "invalid_request", "awards")
	refused(t, s.Incentable.Call("POST", "/points/award/bulk", object{"awards": make([]object, 1001)}), 400, "invalid_request")
	equal(t, "balance", balanceOf(t, s, "known"), int64(4))
}

// 1,152 times the largest award fits into a balance; the next does not.
func TestBulkOverflow(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t)
	thousand := make([]object, 1000)
	for i := range thousand {
		thousand[i] = award("rich", ledger.MaxAmount)
	}
	r := s.Incentable.Must(200, "POST", "/points/award/bulk", object{"awards": thousand})
	equal(t, "processed", r.At("data", "processed"), 1000)
	r = s.Incentable.Must(200, "POST", "/points/award/bulk", object{"awards": thousand})
	equal(t, "processed", r.At("data", "processed"), 152)
	equal(t, "failed", r.At("data", "failed"), 848)
	equal(t, "first index", r.At("data", "errors", 0, "index"), 152)
	equal(t, "code", r.At("data", "errors", 847, "code"), "balance_overflow")
	refused(t, s.Incentable.Call("POST", "/points/award", award("rich", ledger.MaxAmount)), 400, "balance_overflow")
	equal(t, "balance", balanceOf(t, s, "rich"), int64(1152*ledger.MaxAmount))
}

func TestHistoryPages(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t)
	var awards []object
	for i := range 57 {
		awards = append(awards, award("m", i+1))
	}
	s.Incentable.Must(200, "POST", "/points/award/bulk", object{"awards": awards})
	for range 5 {
		s.Incentable.Must(201, "POST", "/points/deduct", award("m", 10))
	}
	list := func(query string) apptest.Response {
		return s.Incentable.Must(200, "GET", "/members/m/transactions?"+query, nil)
	}
	r := list("")
	equal(t, "length", r.Len("data"), 25)
	equal(t, "page", r.At("meta", "page"), 1)
	equal(t, "per_page", r.At("meta", "per_page"), 25)
	equal(t, "total", r.At("meta", "total"), 62)
	equal(t, "newest", r.At("data", 0, "type"), "deduct")

	var seen []string
	balance := int64(57*58/2 - 50)
	for page := 1; page <= 7; page++ {
		r := list(fmt.Sprintf("per_page=10&page=%d", page))
		for i := range r.Len("data") {
			equal(t, "balance_after", r.At("data", i, "balance_after"), balance)
			balance -= r.At("data", i, "points").(int64)
			seen = append(seen, r.Text("data", i, "transaction_id"))
		}
	}
	equal(t, "transactions on all pages", len(seen), 62)
	equal(t, "balance before the first", balance, int64(0))
	for _, far := range []string{"page=3&per_page=100", "page=63&per_page=1", "page=2147483647", "page=2147483647&per_page=100&type=award"} {
		if r := list(far); r.Len("data") != 0 || r.At("meta", "total").(int64) < 57 {
			t.Errorf("%s: %s", far, r.Body)
		}
	}
	for query, total := range map[string]int{"type=award": 57, "type=deduct": 5, "type=redeem": 0, "type=expire": 0, "type=deduct&page=2&per_page=3": 5} {
		equal(t, query, list(query).At("meta", "total"), total)
	}
	equal(t, "second page of three", list("type=deduct&page=2&per_page=3").Len("data"), 2)
	badLists(t, s.Incentable, "/members/m/transactions", "type")
}

// badLists asks for pages that no list has.
func badLists(t *testing.T, c *apptest.Client, path string, filter string) {
	t.Helper()
	for query, field := range map[string]string{
		"page=0": "page", "page=-1": "page", "page=x": "page", "page=": "page", "page=1.0": "page", "page=2147483648": "page", "page=99999999999999999999": "page",
		"per_page=0": "per_page", "per_page=101": "per_page", "per_page=1000000": "per_page", "page=1&page=2": "page", filter + "=no-such-thing": filter, filter + "=": filter,
	} {
		refused(t, c.Call("GET", path+"?"+query, nil), 400, "invalid_request", field)
	}
}

func badSpans(t *testing.T, c *apptest.Client, path string) {
	t.Helper()
	for _, bad := range []string{
		"", "yesterday", "2024", "2024-13-01", "2024-02-30", "2024-06-15T10:00", "2024-06-15T25:00:00Z", "2024-06-15T10:00:00", "2024-06-15T10:00:00+02:00",
		"1718409600", "0000-00-00", "2024-06-15%00", "9999-12-31T23:59:59Z0",
	} {
		for _, name := range []string{"from", "to"} {
			refused(t, c.Call("GET", path+"?"+name+"="+bad, nil), 400, "invalid_request", name)
		}
	}
	for _, good := range []string{"0001-01-01", "2024-02-29", "2024-06-15T10:00:00Z", "2024-06-15T10:00:00.123456789Z", "2024-06-15T10:00:00%2B02:00", "9998-12-31"} {
		c.Must(200, "GET", path+"?from="+good, nil)
		c.Must(200, "GET", path+"?to="+good, nil)
	}
	equal(t, "entries of an inverted span", c.Must(200, "GET", path+"?from=2030-01-02&to=2030-01-01", nil).At("meta", "total"), 0)
}

// Both ends of a span are in it; a date is its whole day in UTC.
func TestHistorySpans(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t)
	var at []time.Time
	for i := range 3 {
		r := s.Incentable.Must(201, "POST", "/points/award", award("m", i+1))
		moment, err := time.Parse(time.RFC3339, r.Text("data", "created_at"))
		if err != nil {
			t.Fatal(err)
		}
		at = append(at, moment)
		advance(t, s, 24*time.Hour)
	}
	spans(t, s.Incentable, "/members/m/transactions", at)
	badSpans(t, s.Incentable, "/members/m/transactions")
}

// spans asks for parts of a list whose three entries lie a day apart.
func spans(t *testing.T, c *apptest.Client, path string, at []time.Time) {
	t.Helper()
	day := func(i int) string { return at[i].Format(time.DateOnly) }
	instant := func(i int, off time.Duration) string { return at[i].Add(off).Format(time.RFC3339) }
	for query, want := range map[string]int{
		"": 3, "from=" + day(0): 3, "from=" + day(1): 2, "from=" + day(2): 1, "to=" + day(0): 1, "to=" + day(2): 3, "from=" + day(1) + "&to=" + day(1): 1,
		"from=" + instant(1, 0): 2, "to=" + instant(1, 0): 2, "from=" + instant(1, 0) + "&to=" + instant(1, 0): 1,
		"from=" + instant(1, time.Second): 1, "to=" + instant(1, -time.Second): 1, "from=" + day(2) + "&to=" + day(0): 0,
		"from=" + strings.ReplaceAll(at[1].In(time.FixedZone("", 2*3600)).Format(time.RFC3339), "+", "%2B"): 2,
	} {
		r := c.Must(200, "GET", path+"?"+query, nil)
		equal(t, query+": total", r.At("meta", "total"), want)
		equal(t, query+": length", r.Len("data"), want)
	}
}
