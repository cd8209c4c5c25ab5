package app_test

import (
	"strings"
	"testing"

	"github.com/incent-dev/incent/internal/app"
)

// A pool that a sweep would wait in for ever is refused, by its variable's name.
func TestTooFewConnections(t *testing.T) {
	for _, few := range []string{"-1", "0", "1"} {
		t.Setenv("INCENT_DATABASE_CONNECTIONS", few)
		_, err := app.FromEnvironment()
		if err == nil || !strings.Contains(err.Error(), "INCENT_DATABASE_CONNECTIONS is "+few+", and must be at least 2") {
			t.Errorf("%s: %v", few, err)
		}
	}
	for few, want := range map[string]int32{"": 16, "2": 2} {
		t.Setenv("INCENT_DATABASE_CONNECTIONS", few)
		if c, err := app.FromEnvironment(); err != nil || c.DatabaseConnections != want {
			t.Errorf("%q: %d, %v", few, c.DatabaseConnections, err)
		}
	}
}
