package pgtest

import (
	"context"
	"fmt"
	"net/url"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/incent-dev/incent/internal/pg"
)

// Database makes an empty database beside the shared one, for a test that
// changes the schema or damages data, and answers its address. It goes when the
// test ends.
func Database(t testing.TB) string {
	t.Helper()
	name := fmt.Sprintf("t%d", pg.NewKey())
	execute(t, shared.url, "CREATE DATABASE "+name)
	t.Cleanup(func() { execute(t, shared.url, "DROP DATABASE "+name+" WITH (FORCE)") })
	address, err := url.Parse(shared.url)
	if err != nil {
		t.Fatal(err)
	}
	address.Path = "/" + name
	return address.String()
}

// Owner runs statements as the owner of a database, past the triggers that
// guard the books and without foreign keys: only to damage what a test made.
func Owner(t testing.TB, url string, statements ...string) {
	t.Helper()
	execute(t, url, append([]string{"SET session_replication_role = replica"}, statements...)...)
}

func execute(t testing.TB, url string, statements ...string) {
	t.Helper()
	// The test's own context is over when it cleans up.
	ctx := context.WithoutCancel(t.Context())
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	for _, s := range statements {
		if _, err := conn.Exec(ctx, s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
}
