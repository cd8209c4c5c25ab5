package pgtest

import (
	"context"
	"fmt"
	"net/url"
	"os/exec"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/incent-dev/incent/internal/pg"
	"github.com/incent-dev/incent/internal/pglocal"
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

// Dump is what pg_dump writes of a whole database, in plain text.
func Dump(t testing.TB, url string) []byte {
	t.Helper()
	program, err := pglocal.Program(t.Context(), "pg_dump")
	if err != nil {
		t.Fatal(err)
	}
	var said strings.Builder
	dump := exec.CommandContext(t.Context(), program, "--format=plain", "--dbname="+url)
	dump.Stderr = &said
	text, err := dump.Output()
	if err != nil {
		t.Fatalf("pg_dump: %v: %s", err, said.String())
	}
	return text
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
