package pg

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

const (
	// appRole may insert into the books but never change them.
	appRole = "incent_app"

	// connectPatience bounds how long a request waits for a database that is
	// away, for example while it recovers from a crash. After it: 503.
	connectPatience = 10 * time.Second

	// lockTimeout bounds the wait for a row another transaction holds. Ours
	// hold locks for milliseconds; a longer wait means a stuck peer.
	lockTimeout = 2 * time.Second

	// statementTimeout ends a statement nobody can be waiting for any more.
	statementTimeout = "30s"
)

// Config says how to reach the database.
type Config struct {
	URL      string
	MaxConns int32 // 0: 16

	// LockTimeout is how long to wait for a row that another transaction holds; 0: 2 s.
	// For tests, whose peers are not stuck when their machine pauses them for seconds.
	LockTimeout time.Duration

	// AllowVolatile lets the server run on a database that may lose
	// acknowledged commits in a crash (fsync, full_page_writes or
	// synchronous_commit off). For throw-away tests only.
	AllowVolatile bool
}

// DB is the pool. It is safe for concurrent use.
type DB struct {
	pool  *pgxpool.Pool
	turns turns
}

// Open connects, checks that the database is new enough and durable, and drops
// to the application role where that exists.
func Open(ctx context.Context, c Config) (*DB, error) {
	cfg, err := pgxpool.ParseConfig(c.URL)
	if err != nil {
		return nil, fmt.Errorf("database address: %w", err)
	}
	cfg.MaxConns = c.MaxConns
	if cfg.MaxConns == 0 {
		cfg.MaxConns = 16
	}
	cfg.MaxConnLifetime = time.Hour
	cfg.ConnConfig.ConnectTimeout = 5 * time.Second
	cfg.ConnConfig.RuntimeParams["application_name"] = "incent"
	cfg.ConnConfig.RuntimeParams["timezone"] = "UTC"
	cfg.ConnConfig.RuntimeParams["lock_timeout"] = fmt.Sprintf("%dms", cmp.Or(c.LockTimeout, lockTimeout).Milliseconds())
	cfg.ConnConfig.RuntimeParams["statement_timeout"] = statementTimeout
	cfg.ConnConfig.RuntimeParams["idle_in_transaction_session_timeout"] = "60s"
	// Every plan here is a primary-key plan whatever the parameters, so the
	// planner's work is done once per connection.
	cfg.ConnConfig.RuntimeParams["plan_cache_mode"] = "force_generic_plan"
	cfg.ConnConfig.RuntimeParams["jit"] = "off"
	// And made while a table is still small it must not be one that walks the
	// table; what does have to (an audit) turns these on again for itself.
	for _, scan := range []string{"enable_seqscan", "enable_hashjoin", "enable_mergejoin"} {
		cfg.ConnConfig.RuntimeParams[scan] = "off"
	}
	cfg.AfterConnect = func(ctx context.Context, conn *pgx.Conn) error {
		nativeUUID(conn.TypeMap())
		nativeColumns(conn.TypeMap())
		_, err := conn.Exec(ctx, `SELECT set_config('role', $1, false) FROM pg_roles WHERE rolname = $1 AND pg_has_role(oid, 'MEMBER')`, appRole)
		return err
	}
	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("database: %w", err)
	}
	db := &DB{pool: pool, turns: turns{stays: crowdedFor, until: map[turn]time.Time{}}}
	if err := db.check(ctx, c.AllowVolatile); err != nil {
		pool.Close()
		return nil, err
	}
	return db, nil
}

// Close waits for connections in use and closes them all.
func (db *DB) Close() { db.pool.Close() }

// Ping tells whether the database answers.
func (db *DB) Ping(ctx context.Context) error { return db.pool.Ping(ctx) }

// Exec, Query and QueryRow make DB usable where generated queries want a DBTX
// outside of a transaction.
func (db *DB) Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error) {
	return db.pool.Exec(ctx, sql, args...)
}

// Query runs one statement that returns rows.
func (db *DB) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	return db.pool.Query(ctx, sql, args...)
}

// QueryRow runs one statement that returns at most one row.
func (db *DB) QueryRow(ctx context.Context, sql string, args ...any) pgx.Row {
	return db.pool.QueryRow(ctx, sql, args...)
}

const oldestVersion = 150000

func (db *DB) check(ctx context.Context, allowVolatile bool) error {
	var version int
	var fsync, pages, commit string
	err := db.pool.QueryRow(ctx, `SELECT current_setting('server_version_num')::int, current_setting('fsync'),
		current_setting('full_page_writes'), current_setting('synchronous_commit')`).Scan(&version, &fsync, &pages, &commit)
	if err != nil {
		return fmt.Errorf("database: %w", err)
	}
	if version < oldestVersion {
		return fmt.Errorf("database: PostgreSQL 15 or newer is needed, this is %d", version/10000)
	}
	if allowVolatile {
		return nil
	}
	for setting, value := range map[string]string{"fsync": fsync, "full_page_writes": pages, "synchronous_commit": commit} {
		if value == "off" || setting == "synchronous_commit" && value == "local" {
			return fmt.Errorf("database: %s is %s, so a crash could lose points that were acknowledged; "+
				"turn it on, or start with --allow-volatile-database to accept that loss", setting, value)
		}
	}
	return nil
}

// ErrNoRows is what a query for one row answers when there is none.
var ErrNoRows = pgx.ErrNoRows

// IsNoRows tells whether a query for one row found none.
func IsNoRows(err error) bool { return errors.Is(err, pgx.ErrNoRows) }
