package pg

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/golang-migrate/migrate/v4"
	migratepgx "github.com/golang-migrate/migrate/v4/database/pgx/v5"
	"github.com/golang-migrate/migrate/v4/source/iofs"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/incent-dev/incent/db"
)

const (
	// migrateLock is the advisory lock that lets one starting server migrate
	// while the others wait.
	migrateLock = 0x1ce27

	// migratePatience bounds that wait; a migration is safe to run beside the
	// previous version, so it may take its time.
	migratePatience = 10 * time.Minute

	migratePoll = 200 * time.Millisecond
)

// Migrate brings the database of that address to the newest schema. Several
// servers may call it at once. steps is 0 for all the way up; otherwise it goes
// so many steps, downwards when negative.
func Migrate(ctx context.Context, url string, steps int) error {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	if err := lockMigrations(ctx, conn); err != nil {
		return err
	}
	m, err := migrator(url)
	if err != nil {
		return err
	}
	defer m.Close()
	if steps == 0 {
		err = m.Up()
	} else {
		err = m.Steps(steps)
	}
	if err != nil && !errors.Is(err, migrate.ErrNoChange) {
		return fmt.Errorf("migrate: %w", err)
	}
	if steps == 0 {
		if err := migrateRiver(ctx, url, conn); err != nil {
			return err
		}
	}
	if err := thinStatistics(ctx, conn); err != nil {
		return err
	}
	return grantAppRole(ctx, conn)
}

// ForceVersion marks the schema as being at a version, after a person has
// repaired what a failed migration left.
func ForceVersion(url string, version int) error {
	m, err := migrator(url)
	if err != nil {
		return err
	}
	defer m.Close()
	return m.Force(version)
}

func migrator(url string) (*migrate.Migrate, error) {
	files, err := iofs.New(db.Migrations, "migrations")
	if err != nil {
		return nil, fmt.Errorf("migrations: %w", err)
	}
	cfg, err := pgx.ParseConfig(url)
	if err != nil {
		return nil, fmt.Errorf("database address: %w", err)
	}
	driver, err := migratepgx.WithInstance(stdlib.OpenDB(*cfg), &migratepgx.Config{})
	if err != nil {
		return nil, fmt.Errorf("migrate: %w", err)
	}
	return migrate.NewWithInstance("iofs", files, "incent", driver)
}

// lockMigrations polls rather than waits, since a waiter inside PostgreSQL
// holds a snapshot that would stall concurrent index builds.
func lockMigrations(ctx context.Context, conn *pgx.Conn) error {
	deadline := time.Now().Add(migratePatience)
	for {
		var ours bool
		if err := conn.QueryRow(ctx, "SELECT pg_try_advisory_lock($1)", migrateLock).Scan(&ours); err != nil {
			return fmt.Errorf("migrate: %w", err)
		}
		if ours {
			return nil
		}
		if time.Now().After(deadline) {
			return errors.New("migrate: another server has been migrating for too long")
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(migratePoll):
		}
	}
}

// thinStatistics lets ANALYZE sample little: 3,000 rows of a table for the columns
// that an index has, nothing of any other. Every query goes by an index, with a plan
// that is made before its parameters are known, so finer statistics choose nothing;
// and the tables that grow with every request are analysed every few seconds (under
// load that took a tenth of both cores, most of it for arrays in commits). Columns
// that a migration has set stay as they are: people's are never sampled.
func thinStatistics(ctx context.Context, conn *pgx.Conn) error {
	_, err := conn.Exec(ctx, `
DO $$ DECLARE
    c record;
BEGIN
    FOR c IN
        SELECT t.oid::regclass AS relation, t.relkind = 'i' AS of_index, a.attnum, a.attname,
               t.relkind = 'i' OR EXISTS (SELECT FROM pg_index AS i WHERE i.indrelid = t.oid AND a.attnum = ANY (i.indkey::smallint[])) AS indexed
          FROM pg_class AS t
          JOIN pg_attribute AS a ON a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped AND COALESCE(a.attstattarget, -1) = -1
         WHERE t.relnamespace = 'public'::regnamespace
           AND (t.relkind = 'r' OR t.oid IN (SELECT i.indexrelid FROM pg_index AS i WHERE i.indkey[a.attnum - 1] = 0))
    LOOP
        IF c.of_index THEN
            EXECUTE format('ALTER INDEX %s ALTER COLUMN %s SET STATISTICS 10', c.relation, c.attnum);
        ELSE
            EXECUTE format('ALTER TABLE %s ALTER COLUMN %I SET STATISTICS %s', c.relation, c.attname, CASE WHEN c.indexed THEN 10 ELSE 0 END);
        END IF;
    END LOOP;
END $$`)
	if err != nil {
		return fmt.Errorf("set statistics: %w", err)
	}
	return nil
}

// grantAppRole makes the role the server works under, where the login may make
// roles: everything but changing the books. Where it may not, the triggers
// stand alone.
func grantAppRole(ctx context.Context, conn *pgx.Conn) error {
	var mayCreate bool
	err := conn.QueryRow(ctx, "SELECT rolcreaterole OR rolsuper FROM pg_roles WHERE rolname = current_user").Scan(&mayCreate)
	if err != nil || !mayCreate {
		return err
	}
	_, err = conn.Exec(ctx, `
DO $$ DECLARE
    books text;
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'incent_app') THEN
        BEGIN
            CREATE ROLE incent_app NOLOGIN;
        EXCEPTION WHEN duplicate_object OR unique_violation THEN
            NULL; -- roles belong to all databases: a server on another one was faster
        END;
    END IF;
    EXECUTE format('GRANT incent_app TO %I', current_user);
    GRANT USAGE ON SCHEMA public TO incent_app;
    GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO incent_app;
    IF to_regnamespace('river') IS NOT NULL THEN
        GRANT USAGE ON SCHEMA river TO incent_app;
        GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA river TO incent_app;
        GRANT USAGE ON ALL SEQUENCES IN SCHEMA river TO incent_app;
    END IF;
    -- On the way down the books go before the last table does.
    FOR books IN SELECT t.name FROM unnest(ARRAY['transfers', 'lot_entries', 'undone', 'sealed_blocks']) AS t(name) WHERE to_regclass(t.name) IS NOT NULL LOOP
        EXECUTE format('REVOKE UPDATE, DELETE, TRUNCATE ON %I FROM incent_app', books);
    END LOOP;
END $$`)
	if err != nil {
		return fmt.Errorf("grant %s: %w", appRole, err)
	}
	return nil
}
