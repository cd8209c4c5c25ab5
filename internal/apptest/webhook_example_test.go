package apptest_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"testing"

	"github.com/incent-dev/incent/internal/apptest"
)

// runReceiver runs the documents' webhook receiver in Node, lets somebody earn a
// reward and claim it, and holds what the receiver did against the documents: it
// was told of both, and knew what to do.
func runReceiver(t testing.TB, s *apptest.Server, folder string) {
	t.Helper()
	node := command(t, "node", "testdata/examples/serve.mjs", folder)
	in, err := node.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := node.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := node.Start(); err != nil {
		t.Fatal(err)
	}
	defer node.Wait()
	defer in.Close()
	lines := bufio.NewScanner(out)
	if !lines.Scan() {
		t.Fatal("the receiver does not start")
	}
	h := newHook(t, s, lines.Text(), "incenta", "REWARD_CREATED", "REWARD_CLAIMED")
	claimedReward(t, s)
	var did []string
	for len(did) < 2 && lines.Scan() {
		var line struct {
			Event    string
			Returned struct{ Status int }
			Told     [][]any
		}
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			t.Fatal(err)
		}
		did = append(did, fmt.Sprintf("%s: %v, answers %d", line.Event, line.Told, line.Returned.Status))
	}
	if len(did) == 2 && did[0] > did[1] { // they may come in either order
		did[0], did[1] = did[1], did[0]
	}
	if len(did) < 2 {
		t.Errorf("the receiver was told of %d events before it ended, or %s were over", len(did), promptly)
	}
	equal(t, "the receiver", fmt.Sprint(did), "[REWARD_CLAIMED: [[notifyUserOfDiscount user_456 DISCOUNT123]], answers 200 REWARD_CREATED: [[sendRewardEmail user_456 5]], answers 200]")
	h.settled(t)
	equal(t, "delivered", h.deliveries(t, "?status=delivered").Len("data"), 2)
}
