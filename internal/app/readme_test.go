package app_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/incent-dev/incent/internal/app"
	"github.com/incent-dev/incent/internal/pgtest"
)

// prelude has curl fail where the server refuses, and end its answer's line.
const prelude = `set -eu
curl() { command curl --silent --show-error --fail-with-body "$@"; echo; }
`

var shellBlocks = regexp.MustCompile("(?s)```sh\n(.*?)```")

// A newcomer who copies the commands of the README's "Try it" into a shell, after
// the first start, gets what they ask for.
func TestReadmeCommands(t *testing.T) {
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(text), "\n## Try it\n")
	section, _, _ = strings.Cut(section, "\n## ")
	section, _, _ = strings.Cut(section, "\n### ")
	script := prelude
	for _, block := range shellBlocks.FindAllStringSubmatch(section, -1) {
		script += block[1]
	}
	asked := strings.Count(script, "\ncurl ")
	if asked == 0 {
		t.Fatal("the README shows no curl under Try it")
	}

	home := firstStart(t)
	sh := exec.CommandContext(t.Context(), "sh", "-c", script)
	sh.Dir, sh.Env = home, []string{"PATH=" + os.Getenv("PATH")}
	var answers, complaints bytes.Buffer
	sh.Stdout, sh.Stderr = &answers, &complaints
	if err := sh.Run(); err != nil {
		t.Fatalf("%v (curl is installed by: make deps)\n%s%s", err, &complaints, &answers)
	}
	lines := slices.DeleteFunc(strings.Split(answers.String(), "\n"), func(line string) bool { return line == "" })
	if len(lines) != asked {
		t.Errorf("%d commands got %d answers:\n%s", asked, len(lines), &answers)
	}
	for _, line := range lines {
		if !json.Valid([]byte(line)) {
			t.Errorf("no JSON: %s", line)
		}
	}
}

// firstStart is a server on an empty database, and the folder in which it was
// started.
func firstStart(t *testing.T) (home string) {
	t.Helper()
	core, err := app.NewCore(t.Context(), pgtest.DB())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { core.Close(context.WithoutCancel(t.Context())) })
	handler, err := core.Handler(app.Config{IncentaHost: "api.incenta.dev", IncentableHost: "api.incentable.com"}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	home = t.TempDir()
	data := filepath.Join(home, ".incent")
	if err := os.Mkdir(data, 0o700); err != nil {
		t.Fatal(err)
	}
	demo, err := app.EnsureDemo(t.Context(), core, data, server.URL)
	if err != nil {
		t.Fatal(err)
	}
	again, err := app.EnsureDemo(t.Context(), core, data, "http://elsewhere")
	if err != nil || !slices.Equal(again.Vars, demo.Vars) {
		t.Errorf("a second start makes other keys: %v", err)
	}
	return home
}
