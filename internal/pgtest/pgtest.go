package pgtest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/incent-dev/incent/internal/pg"
	"github.com/incent-dev/incent/internal/pglocal"
	"github.com/incent-dev/incent/internal/tenant"
)

// LockTimeout is that of the pools of tests. On a machine that stands still for some
// seconds, whoever holds a row holds it for as long, and is no stuck peer. Below the
// time after which the pool ends a statement.
const LockTimeout = 25 * time.Second

var shared struct {
	url string
	db  *pg.DB
}

// Main runs a package's tests around one private PostgreSQL. Call it from
// TestMain with the function that TestMain would end in.
func Main(m *testing.M) { os.Exit(Run(m.Run)) }

// Run runs something that returns an exit code around the PostgreSQL, for those
// who have more to do than Main.
func Run(tests func() int) int {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "incent-test-")
	if err != nil {
		return fail(err)
	}
	defer os.RemoveAll(dir)
	// Way (a) of pglocal runs PostgreSQL as another user, who must get there.
	if err := os.Chmod(dir, 0o755); err != nil {
		return fail(err)
	}
	server, err := pglocal.Start(ctx, pglocal.Options{
		Dir: filepath.Join(dir, "pg"), Volatile: true,
		Settings: map[string]string{"shared_buffers": "64MB", "max_connections": "200"},
	})
	if err != nil {
		return fail(err)
	}
	defer server.Stop(ctx)
	shared.url = server.URL()
	if err := pg.Migrate(ctx, shared.url, 0); err != nil {
		return fail(err)
	}
	shared.db, err = pg.Open(ctx, pg.Config{URL: shared.url, AllowVolatile: true, MaxConns: 24, LockTimeout: LockTimeout})
	if err != nil {
		return fail(err)
	}
	defer shared.db.Close()
	return tests()
}

func fail(err error) int {
	fmt.Fprintln(os.Stderr, "pgtest:", err)
	return 1
}

// URL is the cluster's address, as its owner.
func URL() string { return shared.url }

// DB is the package's pool on the cluster.
func DB() *pg.DB { return shared.db }

// Tenant makes a fresh test-mode tenant for one test.
func Tenant(t testing.TB) tenant.Tenant {
	t.Helper()
	made, err := tenant.Create(t.Context(), shared.db, fmt.Sprintf("%.80s-%d", t.Name(), pg.NewKey()), tenant.Test)
	if err != nil {
		t.Fatal(err)
	}
	return made
}
