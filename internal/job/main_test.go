package job

import (
	"os"
	"testing"

	"github.com/incent-dev/incent/internal/pgtest"
)

// TestMain is a sweeper where the test has started us as one.
func TestMain(m *testing.M) {
	if url := os.Getenv(sweeperURL); url != "" {
		sweepUntilKilled(url)
		return
	}
	pgtest.Main(m)
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
