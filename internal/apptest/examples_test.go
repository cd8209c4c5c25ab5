package apptest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/incent-dev/incent/internal/apptest"
	"github.com/incent-dev/incent/internal/ledger"
	"github.com/incent-dev/incent/internal/referral"
)

// Each folder of testdata/examples is a program of the documents, run by what
// runs it at a caller's against the live server: example.mjs are documented
// functions, and calls.json the calls to them with what they return; command.sh
// is a documented command, and response.json its answer. Only the base address
// and the key come from the environment. The webhook receiver is called by the
// server.

// examples prepare what their programs speak of.
var examples = map[string]func(testing.TB, *apptest.Server){
	"ecommerce": func(t testing.TB, s *apptest.Server) {
		runCampaign(t, s)
		vanity(t, s, "SAVE20", "mem_abc123")
	},
	"fraud-workflow": func(t testing.TB, s *apptest.Server) {
		busyCampaign(t, s)
		hot := addCampaign(t, s, referral.Campaign{ID: "camp_hot"})
		code := newCode(t, s, hot, "hot")
		for i := range 6 {
			s.Incenta.Must(200, "POST", "/clicks", clicked(code, fmt.Sprint("hot_", i)))
		}
		for i := range 5 {
			s.Incenta.Must(201, "POST", "/conversions", clicked(code, fmt.Sprint("hot_", i)))
		}
	},
	"user-actions": func(t testing.TB, s *apptest.Server) {
		newAction(t, s, `{ "key": "complete_profile", "name": "Complete Profile", "type": "STANDARD", "xp": 100, "coins": 50, "maxRepeats": 1 }`)
		newAction(t, s, object{"key": "signed_up", "name": "Signed up", "type": "STANDARD", "xp": 10})
		newAction(t, s, object{"key": "first_project_created", "name": "First project", "type": "STANDARD", "xp": 20})
	},
	"leaderboard": func(t testing.TB, s *apptest.Server) {
		for user, earned := range map[string][2]int{"user_456": {2450, 1200}, "user_123": {1800, 900}, "user_789": {1200, 600}} {
			newAction(t, s, object{"key": "for_" + user, "name": "Work", "type": "STANDARD", "xp": earned[0], "coins": earned[1]})
			s.Incenta.For(t).Must(201, "POST", "/incentives/events", object{"userId": user, "actionKey": "for_" + user})
		}
	},
	"marketplace-verify": func(t testing.TB, s *apptest.Server) { documentedListing(t, s) },
	"marketplace-redeem": func(t testing.TB, s *apptest.Server) { documentedListing(t, s) },
	"webhook":            func(testing.TB, *apptest.Server) {}, // what happens has to happen while it listens
}

func newAction(t testing.TB, s *apptest.Server, body any) {
	t.Helper()
	s.Incenta.For(t).Must(201, "POST", "/incentives/actions", body)
}

func TestDocumentedPrograms(t *testing.T) {
	t.Parallel()
	for name, prepare := range examples {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := apptest.Start(t)
			prepare(t, s)
			folder := filepath.Join("testdata", "examples", name)
			switch {
			case name == "webhook":
				runReceiver(t, s, folder)
			case there(filepath.Join(folder, "command.sh")):
				runCommand(t, s, folder)
			default:
				runCalls(t, s, folder)
			}
		})
	}
}

func there(file string) bool {
	_, err := os.Stat(file)
	return err == nil
}

func TestEveryProgramIsTried(t *testing.T) {
	t.Parallel()
	folders, err := filepath.Glob("testdata/examples/*/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range folders {
		if examples[filepath.Base(filepath.Dir(path))] == nil {
			t.Errorf("%s: nobody prepares it", path)
		}
	}
}

// tool finds a program of the machine. A test that cannot be run has not passed.
func tool(t testing.TB, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Fatalf("%s is not on this machine; this installs it:\n\tmake deps", name)
	}
	return path
}

// command is a run of a program of the machine, which is killed when it takes too
// long.
func command(t testing.TB, program string, args ...string) *exec.Cmd {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), promptly)
	t.Cleanup(cancel)
	c := exec.CommandContext(ctx, tool(t, program), args...)
	c.WaitDelay = time.Minute // for what it has started and that holds its output
	return c
}

// launch runs a program as a caller would, and returns what it prints.
func launch(t testing.TB, s *apptest.Server, program string, args ...string) []byte {
	t.Helper()
	c := command(t, program, args...)
	c.Env = []string{"PATH=" + os.Getenv("PATH"), "INCENT_URL=http://" + s.Incenta.Address(), "INCENTA_API_KEY=" + s.Incenta.Key}
	var out, complaints bytes.Buffer
	c.Stdout, c.Stderr = &out, &complaints
	if err := c.Run(); err != nil {
		t.Fatalf("%s %s: %v\n%s%s", program, strings.Join(args, " "), err, &complaints, &out)
	}
	return out.Bytes()
}

// runCommand runs a documented command in a shell.
func runCommand(t testing.TB, s *apptest.Server, folder string) {
	t.Helper()
	tool(t, "curl")
	fitsText(t, filepath.Join(folder, "response.json"), launch(t, s, "sh", "-eu", filepath.Join(folder, "command.sh")))
}

// fitsText compares an answer with the file that documents it.
func fitsText(t testing.TB, file string, answer []byte) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	fits(t, "answer", plain(t, text), plain(t, answer))
}

// runCalls has Node make the documented calls, one after the other.
func runCalls(t testing.TB, s *apptest.Server, folder string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(folder, "calls.json"))
	if err != nil {
		t.Fatal(err)
	}
	var calls []struct{ Asked, Told, Returned any }
	if err := json.Unmarshal(text, &calls); err != nil {
		t.Fatal(err)
	}
	lines := bytes.Split(bytes.TrimSpace(launch(t, s, "node", "testdata/examples/run.mjs", folder)), []byte("\n"))
	equal(t, "calls", len(lines), len(calls))
	for i := range min(len(lines), len(calls)) {
		var got struct{ Asked, Told, Returned any }
		if err := json.Unmarshal(lines[i], &got); err != nil {
			t.Fatalf("%v: %s", err, lines[i])
		}
		if calls[i].Told == nil {
			calls[i].Told = []any{}
		}
		at := fmt.Sprintf("call %d", i)
		fits(t, at+" asked", calls[i].Asked, got.Asked)
		fits(t, at+" told", calls[i].Told, got.Told)
		fits(t, at+" returned", calls[i].Returned, got.Returned)
	}
}

func plain(t testing.TB, text []byte) (v any) {
	t.Helper()
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return v
}

// fits wants every documented member in a value. A documented text that begins
// with ~ is a pattern, for what is ours to choose; all else is to the letter.
func fits(t testing.TB, at string, documented, got any) {
	t.Helper()
	switch want := documented.(type) {
	case map[string]any:
		object, _ := got.(map[string]any)
		for name, value := range want {
			member, there := object[name]
			if !there {
				t.Errorf("%s.%s is missing in %v", at, name, got)
				continue
			}
			fits(t, at+"."+name, value, member)
		}
	case []any:
		list, _ := got.([]any)
		if len(list) != len(want) {
			t.Errorf("%s is %v, want %d entries", at, got, len(want))
			return
		}
		for i := range want {
			fits(t, fmt.Sprintf("%s[%d]", at, i), want[i], list[i])
		}
	case string:
		text, is := got.(string)
		if pattern, shaped := strings.CutPrefix(want, "~"); shaped && is && regexp.MustCompile(pattern).MatchString(text) || text == want && is {
			return
		}
		t.Errorf("%s is %v, want %s", at, got, want)
	default:
		if got != documented {
			t.Errorf("%s is %v, want %v", at, got, documented)
		}
	}
}

// vanity gives somebody a code of the documents' campaign.
func vanity(t testing.TB, s *apptest.Server, code, referrer string) {
	t.Helper()
	_, err := s.Core.Referral.CreateVanity(t.Context(), s.Tenant.ID, referral.Vanity{CampaignID: "camp_demo", Code: code, Referrer: referrer}, nil)
	if err != nil {
		t.Fatal(err)
	}
}

// earnedReward lets user_456 earn a reward whose code, once claimed, is the
// documents'.
func earnedReward(t testing.TB, s *apptest.Server) {
	t.Helper()
	addCampaign(t, s, referral.Campaign{ID: "camp_demo", Rule: referral.Rule{
		Referrer: &referral.Side{BasisPoints: 1000, Asset: ledger.Points, Fulfilment: referral.DiscountCode, PoolID: addPool(t, s, "DISCOUNT123")},
	}})
	vanity(t, s, "ABC123", "user_456")
	s.Incenta.For(t).Must(200, "POST", "/clicks", clicked("ABC123", "user_789"))
	s.Incenta.For(t).Must(201, "POST", "/conversions", object{
		"referralCode": "ABC123", "refereeId": "user_789", "amount": 49.99, "metadata": object{"source": "ecommerce_checkout"},
	})
}

func claimedReward(t testing.TB, s *apptest.Server) {
	t.Helper()
	earnedReward(t, s)
	reward := s.Incenta.For(t).Must(200, "GET", "/users/user_456/rewards", nil).Text(0, "id")
	s.Incenta.For(t).Must(200, "POST", "/rewards/"+reward+"/claim", nil)
}
