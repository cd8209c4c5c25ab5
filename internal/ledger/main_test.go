package ledger

import (
	"flag"
	"os"
	"testing"

	"github.com/incent-dev/incent/internal/pgtest"
)

// TestMain fixes what random tests draw, so that CI sees the same sequences
// each time. -rapid.seed and -rapid.checks say otherwise by hand.
func TestMain(m *testing.M) {
	flag.Parse()
	given := map[string]bool{}
	flag.Visit(func(f *flag.Flag) { given[f.Name] = true })
	for name, value := range map[string]string{"rapid.seed": "20240", "rapid.nofailfile": "true"} {
		if !given[name] {
			if err := flag.Set(name, value); err != nil {
				panic(err)
			}
		}
	}
	checksGiven = given["rapid.checks"]
	if given["test.fuzzworker"] {
		// What is fuzzed needs no database, and a worker has no time to stop one.
		os.Exit(m.Run())
	}
	pgtest.Main(m)
}

var checksGiven bool

// sequences sets how many random sequences the next rapid.Check runs, unless
// the command line says so. Its callers must not be parallel.
func sequences(t *testing.T, n string) {
	t.Helper()
	if checksGiven {
		return
	}
	must(t, flag.Set("rapid.checks", n))
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
