package webhook_test

import (
	"os"
	"testing"

	"github.com/incent-dev/incent/internal/pgtest"
)

// A process that a test made of this binary needs no database of its own.
func TestMain(m *testing.M) {
	if os.Getenv(innerURL) != "" {
		os.Exit(m.Run())
	}
	pgtest.Main(m)
}
