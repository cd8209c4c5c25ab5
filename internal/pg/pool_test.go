package pg_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/incent-dev/incent/internal/pg"
	"github.com/incent-dev/incent/internal/pglocal"
	"github.com/incent-dev/incent/internal/pgtest"
)

// TestVolatileDatabaseIsRefused opens databases that could lose acknowledged
// points, each by one setting.
func TestVolatileDatabaseIsRefused(t *testing.T) {
	t.Parallel()
	for _, setting := range []string{"fsync", "full_page_writes"} {
		t.Run(setting, func(t *testing.T) {
			t.Parallel()
			refuses(t, cluster(t, map[string]string{setting: "off"}), setting+" is off")
		})
	}
	t.Run("synchronous_commit", func(t *testing.T) {
		t.Parallel()
		durable := cluster(t, nil)
		db, err := pg.Open(t.Context(), pg.Config{URL: durable})
		if err != nil {
			t.Fatalf("a durable database: %v", err)
		}
		db.Close()
		for _, value := range []string{"off", "local"} {
			refuses(t, durable+"&options=-c%20synchronous_commit%3D"+value, "synchronous_commit is "+value)
		}
	})
}

// refuses expects that a database is refused for a reason, and opens when told
// that its risk is taken.
func refuses(t *testing.T, url, reason string) {
	t.Helper()
	db, err := pg.Open(t.Context(), pg.Config{URL: url})
	if err == nil {
		db.Close()
	}
	if err == nil || !strings.Contains(err.Error(), reason) || !strings.Contains(err.Error(), "lose points") {
		t.Errorf("%s: %v", reason, err)
	}
	db, err = pg.Open(t.Context(), pg.Config{URL: url, AllowVolatile: true})
	must(t, err)
	db.Close()
}

// cluster starts a PostgreSQL of durable settings but for those given.
func cluster(t *testing.T, settings map[string]string) string {
	t.Helper()
	// Testing's own temporary folders are out of reach for the user that
	// PostgreSQL runs as when we are root.
	dir, err := os.MkdirTemp("", "incent-test-")
	must(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	must(t, os.Chmod(dir, 0o755))
	all := map[string]string{"shared_buffers": "16MB"}
	for name, value := range settings {
		all[name] = value
	}
	server, err := pglocal.Start(t.Context(), pglocal.Options{Dir: filepath.Join(dir, "pg"), Settings: all})
	must(t, err)
	t.Cleanup(func() { _ = server.Stop(context.Background()) })
	return server.URL()
}

// TestBooksCannotBeChanged asks for what must be refused: the server's role has
// no privilege for it, and a trigger refuses it to the owner too.
func TestBooksCannotBeChanged(t *testing.T) {
	t.Parallel()
	address := pgtest.Database(t)
	must(t, pg.Migrate(t.Context(), address, 0))
	pgtest.Owner(t, address,
		`INSERT INTO transfers (tenant_id, member_id, asset, seq, kind, from_account, to_account, amount, available_after, pending_after, debt_after,
			awards, redeems, deducts, expires, created_at) VALUES (1, 1, 1, 1, 1, 4, 1, 5, 5, 0, 0, 1, 0, 0, 0, '2026-01-01Z')`,
		"INSERT INTO lot_entries VALUES (1, 1, 1, 1, '2027-01-01Z', 5)")
	db, err := pg.Open(t.Context(), pg.Config{URL: address, AllowVolatile: true})
	must(t, err)
	t.Cleanup(db.Close)
	owner, err := pgx.Connect(t.Context(), address)
	must(t, err)
	t.Cleanup(func() { _ = owner.Close(context.Background()) })
	for _, change := range []string{
		"UPDATE transfers SET amount = 6", "DELETE FROM transfers", "TRUNCATE transfers CASCADE",
		"UPDATE lot_entries SET amount = 6", "DELETE FROM lot_entries", "TRUNCATE lot_entries",
		"UPDATE undone SET taken = 1", "DELETE FROM undone", "TRUNCATE undone",
	} {
		if _, err := db.Exec(t.Context(), change); sqlState(err) != "42501" { // insufficient_privilege
			t.Errorf("the server's role, %s: %v", change, err)
		}
		if strings.Contains(change, "undone") {
			continue
		}
		if _, err := owner.Exec(t.Context(), change); sqlState(err) != "23000" { // refuse_change
			t.Errorf("the owner, %s: %v", change, err)
		}
	}
}

func sqlState(err error) string {
	var refused *pgconn.PgError
	if errors.As(err, &refused) {
		return refused.Code
	}
	return ""
}
