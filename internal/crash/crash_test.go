package crash

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestCrash builds the server and kills it, and its database, in 15 rounds, or in
// more until they have met what they are for. More of them, and other seeds: `make
// crash ROUNDS=300`.
func TestCrash(t *testing.T) {
	binary := filepath.Join(t.TempDir(), "incent")
	build := exec.CommandContext(t.Context(), "go", "build", "-buildvcs=false", "-o", binary, "../../cmd/incent")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build the server: %v\n%s", err, out)
	}
	// Not t.TempDir: PostgreSQL may run as another user, who must get there.
	dir, err := os.MkdirTemp("", "incent-crash-")
	if err != nil {
		t.Fatal(err)
	}
	if err := folder(dir); err != nil {
		t.Fatal(err)
	}
	report, err := Run(t.Context(), Options{Binary: binary, Dir: dir, Rounds: 15, Enough: func(r Report) bool { return len(unmet(r)) == 0 }, Seed: 1, Out: t.Output()})
	if err != nil {
		t.Fatalf("%v\n(logs: %s)", err, dir)
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Error(err)
	}
	if missing := unmet(report); report.Rounds < 15 || len(missing) > 0 {
		t.Errorf("the rounds did not meet what they are for: %v\n%v", missing, report)
	}
}

// unmet names what rounds are for and have not met.
func unmet(report Report) (missing []string) {
	if report.Resolved == 0 || report.Acknowledged == 0 {
		missing = append(missing, "an unknown outcome")
	}
	for of, outcomes := range map[op]string{
		opRedeem: "done", opMove: "done", opRefer: "new", opClick: "counted, not counted",
		opConvert: "rewarded COMPLETED, rewarded FLAGGED, REPEAT_CONVERSION, OTHER_ATTRIBUTION, BLOCKED",
		opClaim:   "code of the pool, generated code, no code", opUse: "done, already_redeemed", opRefund: "done", opReview: "approve, reject",
		opEvent: "rewarded, rewarded with levels, MAX_REPEATS", opBuy: "for COINS, for TOKENS", opSettle: "done",
	} {
		for outcome := range strings.SplitSeq(outcomes, ", ") {
			if report.Kinds[string(of)].Outcomes[outcome] == 0 {
				missing = append(missing, fmt.Sprintf("%s: %s", of, outcome))
			}
		}
	}
	return missing
}
