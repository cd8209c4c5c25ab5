package bench

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/incent-dev/incent/internal/pg"
	"github.com/incent-dev/incent/internal/pglocal"
)

// Names of the databases of a run, all in one cluster: the servers', pgbench's,
// and those of the servers with the long history, with the large campaign and
// with the large leaderboard, so that the tables and indexes of the others stay
// as small as an empty tenant's.
const (
	databaseServed = "incent"
	databaseBare   = "bare"
	databaseScale  = "scale"

	databaseCampaigns = "campaigns"
	databaseBoards    = "boards"
)

// database is the private PostgreSQL of a run.
type database struct {
	server *pglocal.Server
	conn   *pgx.Conn // as the superuser, for ourselves

	// statistics says that statements can be counted; they are not until
	// countStatements.
	statistics bool
}

// statementSettings load the module that counts statements.
var statementSettings = map[string]string{"shared_preload_libraries": "pg_stat_statements"}

// startDatabase starts PostgreSQL with the settings every private one has, and
// with pg_stat_statements asleep in it where there is such a module.
func startDatabase(ctx context.Context, dir string, log func(string, ...any)) (*database, error) {
	d := &database{statistics: true}
	var err error
	d.server, err = pglocal.Start(ctx, pglocal.Options{Dir: filepath.Join(dir, "pg"), Settings: statementSettings, Log: log})
	if err != nil && ctx.Err() == nil {
		d.statistics = false
		d.server, err = pglocal.Start(ctx, pglocal.Options{Dir: filepath.Join(dir, "pg"), Log: log})
	}
	if err != nil {
		return nil, err
	}
	d.conn, err = pgx.Connect(ctx, d.server.URL())
	if err == nil && d.statistics {
		err = d.execAll(ctx, "ALTER SYSTEM SET pg_stat_statements.track = 'none'", "ALTER SYSTEM SET compute_query_id = off", "SELECT pg_reload_conf()")
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("prepare PostgreSQL: %w", err), d.server.Stop(context.WithoutCancel(ctx)))
	}
	return d, nil
}

func (d *database) stop(ctx context.Context) error {
	_ = d.conn.Close(ctx)
	return d.server.Stop(ctx)
}

func (d *database) execAll(ctx context.Context, statements ...string) error {
	return execAll(ctx, d.conn, statements)
}

func execAll(ctx context.Context, conn *pgx.Conn, statements []string) error {
	for _, statement := range statements {
		if _, err := conn.Exec(ctx, statement); err != nil {
			return fmt.Errorf("%s: %w", statement, err)
		}
	}
	return nil
}

// execOn runs statements over a connection of their own.
func execOn(ctx context.Context, url string, statements []string) error {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	return execAll(ctx, conn, statements)
}

// create makes one of the databases that pglocal does not.
func (d *database) create(ctx context.Context, name string) error {
	_, err := d.conn.Exec(ctx, "CREATE DATABASE "+pgx.Identifier{name}.Sanitize())
	return err
}

// url is the address of one database.
func (d *database) url(name string) string {
	u, err := url.Parse(d.server.URL())
	if err != nil {
		return d.server.URL()
	}
	u.Path = "/" + name
	return u.String()
}

// open migrates one database and opens a pool on it.
func (d *database) open(ctx context.Context, name string) (*pg.DB, error) {
	if err := pg.Migrate(ctx, d.url(name), 0); err != nil {
		return nil, err
	}
	return pg.Open(ctx, pg.Config{URL: d.url(name), MaxConns: 4})
}

// wal is how many bytes of it were ever written.
func (d *database) wal(ctx context.Context) (bytes int64, err error) {
	err = d.conn.QueryRow(ctx, "SELECT (pg_current_wal_insert_lsn() - '0/0')::bigint").Scan(&bytes)
	return bytes, err
}

func (d *database) version(ctx context.Context) (version string, err error) {
	err = d.conn.QueryRow(ctx, "SELECT split_part(current_setting('server_version'), ' ', 1)").Scan(&version)
	return version, err
}

// countStatements begins to count statements, from zero.
func (d *database) countStatements(ctx context.Context) error {
	return d.execAll(ctx, "CREATE EXTENSION IF NOT EXISTS pg_stat_statements",
		"ALTER SYSTEM SET compute_query_id = on", "ALTER SYSTEM SET pg_stat_statements.track = 'top'", "SELECT pg_reload_conf()",
		"SELECT pg_stat_statements_reset()")
}

// statement is what one statement of the servers came to.
type statement struct {
	Name    string  // its sqlc name, or how it begins
	Calls   int64   // how often
	Rows    int64   // rows read or written
	TotalMs float64 // time inside it
	Wal     int64   // bytes
}

// statements lists what took longest, since countStatements.
func (d *database) statements(ctx context.Context, name string, atMost int) ([]statement, error) {
	rows, err := d.conn.Query(ctx, `SELECT s.query, s.calls, s.rows, s.total_exec_time, s.wal_bytes::bigint
		FROM pg_stat_statements AS s JOIN pg_database AS b ON b.oid = s.dbid
		WHERE b.datname = $1 ORDER BY s.total_exec_time DESC LIMIT $2`, name, atMost)
	if err != nil {
		return nil, fmt.Errorf("statements: %w", err)
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (s statement, err error) {
		err = row.Scan(&s.Name, &s.Calls, &s.Rows, &s.TotalMs, &s.Wal)
		s.Name = nameOf(s.Name)
		return s, err
	})
}

func nameOf(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	if tail, named := strings.CutPrefix(text, "-- name: "); named {
		name, _, _ := strings.Cut(tail, " ")
		return name
	}
	return strings.ReplaceAll(text[:min(len(text), 60)], "|", "/")
}

// pgbench finds the program: beside the running postgres, in the usual places
// of packages, or on PATH.
func (d *database) pgbench() (string, error) {
	var candidates []string
	if postgres, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", d.server.PID())); err == nil {
		candidates = append(candidates, filepath.Join(filepath.Dir(postgres), "pgbench"))
	}
	for _, pattern := range []string{"/usr/lib/postgresql/*/bin/pgbench", "/usr/pgsql-*/bin/pgbench", "/opt/homebrew/opt/postgresql@*/bin/pgbench"} {
		found, _ := filepath.Glob(pattern) // fails on bad patterns only
		candidates = append(candidates, found...)
	}
	for _, folder := range filepath.SplitList(os.Getenv("PATH")) {
		candidates = append(candidates, filepath.Join(folder, "pgbench"))
	}
	for _, candidate := range candidates {
		if info, err := os.Stat(candidate); err == nil && info.Mode().Perm()&0o111 != 0 {
			return candidate, nil
		}
	}
	return "", errors.New("pgbench is not installed: it comes with PostgreSQL's server packages (Debian: apt-get install postgresql)")
}

// config is how a program of PostgreSQL reaches a database.
func (d *database) config(name string) (*pgconn.Config, error) {
	return pgconn.ParseConfig(d.url(name))
}
