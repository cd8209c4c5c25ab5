package pg

import (
	"context"
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

// ForRiver is a transaction as River takes it. It ends with the function that
// InTx runs, not by what River does.
func (tx Tx) ForRiver() pgx.Tx { return &riverTx{tx: tx, ended: true} }

// riverTx is a transaction, or a savepoint in it: River makes one around what it
// inserts. Of pgx.Tx it has what River calls when it inserts jobs.
type riverTx struct {
	pgx.Tx // nil
	tx     Tx
	mark   Mark
	ended  bool
}

func (r *riverTx) Begin(context.Context) (pgx.Tx, error) {
	return &riverTx{tx: r.tx, mark: r.tx.Mark()}, nil
}

func (r *riverTx) Commit(context.Context) error {
	if r.ended {
		return pgx.ErrTxClosed
	}
	r.ended = true
	r.tx.Keep(r.mark)
	return nil
}

func (r *riverTx) Rollback(ctx context.Context) error {
	if r.ended {
		return pgx.ErrTxClosed
	}
	r.ended = true
	return r.tx.Undo(ctx, r.mark)
}

func (r *riverTx) Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error) {
	return r.tx.Exec(ctx, sql, args...)
}

func (r *riverTx) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	return r.tx.Query(ctx, sql, args...)
}

func (r *riverTx) QueryRow(ctx context.Context, sql string, args ...any) pgx.Row {
	return r.tx.QueryRow(ctx, sql, args...)
}

// Conn is asked how it executes statements.
func (r *riverTx) Conn() *pgx.Conn { return r.tx.conn }
