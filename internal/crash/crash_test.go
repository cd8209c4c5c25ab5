package crash

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestCrash builds the server and kills it, and its database, in 15 rounds. More
// of them, and other seeds: `make crash ROUNDS=300`.
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
	report, err := Run(t.Context(), Options{Binary: binary, Dir: dir, Rounds: 15, Seed: 1, Out: t.Output()})
	if err != nil {
		t.Fatalf("%v\n(logs: %s)", err, dir)
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Error(err)
	}
	if report.Rounds != 15 || report.Resolved == 0 || report.Acknowledged == 0 {
		t.Errorf("the rounds did not meet what they are for: %v", report)
	}
	for of, outcomes := range map[op]string{
		opRedeem: "done", opMove: "done", opRefer: "new", opClick: "counted, not counted",
		opConvert: "rewarded COMPLETED, rewarded FLAGGED, REPEAT_CONVERSION, OTHER_ATTRIBUTION, BLOCKED",
		opClaim:   "code of the pool, generated code, no code", opUse: "done, already_redeemed", opRefund: "done", opReview: "approve, reject",
	} {
		for outcome := range strings.SplitSeq(outcomes, ", ") {
			if report.Kinds[string(of)].Outcomes[outcome] == 0 {
				t.Errorf("no %s came to this: %s", of, outcome)
			}
		}
	}
}
