package bench

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestLinesCompareRoundsAndTheBestBaseline(t *testing.T) {
	r := run{figures: map[string][]figure{
		"pg-tpcb": {{perSecond: 4000}, {perSecond: 5000}, {perSecond: 3000}},
		"pg-bare": {{perSecond: 9000, spent: spent{client: 3}}, {perSecond: 8000, spent: spent{client: 1}}, {perSecond: 5000, spent: spent{client: 4}}},
		"award":   {{perSecond: 9000, spent: spent{server: 2}}, {perSecond: 9999, p50: 2 * time.Millisecond, p99: 9 * time.Millisecond, spent: spent{server: 2}}, {perSecond: 12000, spent: spent{server: 2}}},
	}}
	var b strings.Builder
	for _, w := range rows {
		if w.key == "award" {
			r.lines(&b, w)
		}
	}
	r.limits(&b)
	want := []string{
		"| one award per request, 10,000 members, 64 clients | 9,999 | 9,000–12,000 | best `pgbench` tpcb-like | 2.00 | ≥ 2 | **no** | |",
		"| | | | `pgbench` bare SQL of an award | 1.25 | ≥ 1.2 | yes | 1.50 |",
		"| p99 of one award per request, over its p50 | | | 9.0 ms over 2.0 ms | 4.5 | < 5 | yes | |",
	}
	if got := strings.TrimSpace(strings.ReplaceAll(b.String(), "  ", " ")); got != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", got, strings.Join(want, "\n"))
	}
}

func TestEveryBarNamesARow(t *testing.T) {
	known := map[string]bool{}
	for _, w := range rows {
		for _, c := range w.bars {
			if !known[c.against] {
				t.Errorf("%s is compared with %q, which is no row before it", w.key, c.against)
			}
		}
		if known[w.key] || (w.args == nil) == (w.load == nil) {
			t.Errorf("%s: keys are unique, and a row is either pgbench's or ours", w.key)
		}
		known[w.key] = true
	}
}

func TestWantsSelectsByKey(t *testing.T) {
	for only, want := range map[string]int{"": 17, "award": 1, "award, bulk": 2, "award*": 5, "nothing": 0} {
		n := 0
		for _, w := range rows {
			o := Options{Only: only}
			if o.wants(w) {
				n++
			}
		}
		if n != want {
			t.Errorf("--only %q selects %d rows, want %d", only, n, want)
		}
	}
}

func TestReportReplacesWhatIsBetweenTheMarkers(t *testing.T) {
	file := filepath.Join(t.TempDir(), "README.md")
	before, after := "# Title\n\n"+beginMarker+"\n", endMarker+"\n\nThe rest.\n"
	if err := os.WriteFile(file, []byte(before+"an old table\n"+after), 0o644); err != nil {
		t.Fatal(err)
	}
	for range 2 { // writing again changes nothing
		if err := writeBetweenMarkers(file, "a new table\n"); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(file)
	if err != nil || string(text) != before+"a new table\n"+after {
		t.Errorf("the file is %q (%v)", text, err)
	}
	if err := os.WriteFile(file, []byte("no markers"), 0o644); err != nil {
		t.Fatal(err)
	}
	if checkMarkers(file) == nil {
		t.Error("a file without markers passes")
	}
}

func TestProcessTimeSeesThisProcess(t *testing.T) {
	if stat(os.Getpid()) == nil {
		return // a system without /proc: the columns stay empty
	}
	before := familyTime(os.Getpid())
	for start := ownTime(); ownTime()-start < 50*time.Millisecond; {
	}
	if spent := familyTime(os.Getpid()) - before; spent < 3*tick {
		t.Errorf("50 ms of work show as %s", spent)
	}
	if peakMemory(os.Getpid()) == 0 || machineTime() == 0 {
		t.Error("no memory or no machine time")
	}
}

func TestStatementsAreCalledByTheirNames(t *testing.T) {
	for text, want := range map[string]string{
		"-- name: AccountGet :one\n-- One.\nSELECT 1": "AccountGet",
		"SELECT 1,\n  2": "SELECT 1, 2",
	} {
		if got := nameOf(text); got != want {
			t.Errorf("%q is called %q, want %q", text, got, want)
		}
	}
}
