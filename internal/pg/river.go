package pg

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"
)

// RiverSchema holds the tables of River, which are no tenant's and no part of
// our migrations. Nothing in them is needed: a job only says that there may be
// work, and what work there is stands in our own tables.
const RiverSchema = "river"

// River lends the pool to River.
func (db *DB) River() *riverpgxv5.Driver { return riverpgxv5.New(db.pool) }

// migrateRiver brings River's tables up, under the lock of our own migrations.
func migrateRiver(ctx context.Context, url string, conn *pgx.Conn) error {
	if _, err := conn.Exec(ctx, "CREATE SCHEMA IF NOT EXISTS "+RiverSchema); err != nil {
		return fmt.Errorf("migrate jobs: %w", err)
	}
	pool, err := pgxpool.New(ctx, url)
	if err != nil {
		return fmt.Errorf("migrate jobs: %w", err)
	}
	defer pool.Close()
	m, err := rivermigrate.New(riverpgxv5.New(pool), &rivermigrate.Config{Schema: RiverSchema, Logger: slog.New(slog.NewTextHandler(io.Discard, nil))})
	if err == nil {
		_, err = m.Migrate(ctx, rivermigrate.DirectionUp, nil)
	}
	if err != nil {
		return fmt.Errorf("migrate jobs: %w", err)
	}
	return nil
}

// ForRiver lends a transaction to River, which inserts a job by it. It is still
// InTx that commits.
func (t Tx) ForRiver() pgx.Tx { return lent{t.transaction, ""} }

// lent is a transaction, or one nested in it by a savepoint, as the driver knows it.
type lent struct {
	*transaction
	mark Mark // "": the whole
}

var errLent = errors.New("a lent transaction is not for this")

func (l lent) Begin(context.Context) (pgx.Tx, error) { return lent{l.transaction, l.Mark()}, nil }

func (l lent) Commit(context.Context) error {
	if l.mark == "" {
		return errLent
	}
	l.Keep(l.mark)
	return nil
}

func (l lent) Rollback(ctx context.Context) error {
	if l.mark == "" {
		return errLent
	}
	return l.Undo(ctx, l.mark)
}

func (l lent) CopyFrom(context.Context, pgx.Identifier, []string, pgx.CopyFromSource) (int64, error) {
	return 0, errLent
}

func (l lent) SendBatch(context.Context, *pgx.Batch) pgx.BatchResults { return refusedBatch{} }

func (l lent) LargeObjects() pgx.LargeObjects { return pgx.LargeObjects{} }

func (l lent) Prepare(context.Context, string, string) (*pgconn.StatementDescription, error) {
	return nil, errLent
}

func (l lent) Conn() *pgx.Conn { return l.conn }

type refusedBatch struct{}

func (refusedBatch) Exec() (pgconn.CommandTag, error) { return pgconn.CommandTag{}, errLent }
func (refusedBatch) Query() (pgx.Rows, error)         { return nil, errLent }
func (refusedBatch) QueryRow() pgx.Row                { return failedRow{errLent} }
func (refusedBatch) Close() error                     { return errLent }
func (refusedBatch) Tx() pgx.Tx                       { return nil }
