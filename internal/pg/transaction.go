package pg

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/incent-dev/incent/gen/query"
)

// Tx is one transaction, for as long as the function that InTx gave it to runs.
// Its control statements (BEGIN, savepoints, COMMIT) make no round trip of their
// own: each travels with the statement that follows it, or with the last ones.
type Tx struct{ *transaction }

type transaction struct {
	conn  *pgx.Conn
	ahead []statement // control statements that travel with the next one
	last  []statement // what Finish was given: it travels with COMMIT
	held  []any       // the keys of a turn, until it is passed on
	marks int
}

type statement struct {
	sql  string
	args []any
	tell func(pgconn.CommandTag) // of a statement that is held back, may be nil
}

func begin(conn *pgx.Conn) Tx {
	return Tx{&transaction{conn: conn, ahead: []statement{{sql: "BEGIN"}}}}
}

// send sends statements behind those that were held back. The results of the
// latter are read; the caller reads the others', and closes.
func (t *transaction) send(ctx context.Context, statements []statement) (pgx.BatchResults, error) {
	var b pgx.Batch
	for _, s := range t.ahead {
		b.Queue(s.sql, s.args...)
	}
	for _, s := range statements {
		b.Queue(s.sql, s.args...)
	}
	held := t.ahead
	t.ahead = nil
	results := t.conn.SendBatch(ctx, &b)
	for _, s := range held {
		tag, err := results.Exec()
		if err != nil {
			_ = results.Close() // says the same again
			return nil, err
		}
		if s.tell != nil {
			s.tell(tag)
		}
	}
	return results, nil
}

// Exec runs one statement.
func (t *transaction) Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error) {
	if len(t.ahead) == 0 {
		return t.conn.Exec(ctx, sql, args...)
	}
	results, err := t.send(ctx, []statement{{sql: sql, args: args}})
	if err != nil {
		return pgconn.CommandTag{}, err
	}
	tag, err := results.Exec()
	return tag, errors.Join(err, results.Close())
}

// Query runs one statement that returns rows.
func (t *transaction) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	if len(t.ahead) == 0 {
		return t.conn.Query(ctx, sql, args...)
	}
	results, err := t.send(ctx, []statement{{sql: sql, args: args}})
	if err != nil {
		return nil, err
	}
	rows, err := results.Query()
	return &onlyRows{rows, results}, err
}

// QueryRow runs one statement that returns at most one row.
func (t *transaction) QueryRow(ctx context.Context, sql string, args ...any) pgx.Row {
	if len(t.ahead) == 0 {
		return t.conn.QueryRow(ctx, sql, args...)
	}
	results, err := t.send(ctx, []statement{{sql: sql, args: args}})
	if err != nil {
		return failedRow{err}
	}
	return onlyRow{results}
}

// onlyRows are the rows of the one statement of a batch that returns some.
type onlyRows struct {
	pgx.Rows
	results pgx.BatchResults
}

// Close also ends the batch; what it says, Err has said.
func (r *onlyRows) Close() {
	r.Rows.Close()
	_ = r.results.Close()
}

type onlyRow struct{ results pgx.BatchResults }

func (r onlyRow) Scan(into ...any) error {
	err := r.results.QueryRow().Scan(into...)
	if closed := r.results.Close(); err == nil {
		return closed
	}
	return err
}

type failedRow struct{ err error }

func (r failedRow) Scan(...any) error { return r.err }

// Mark is a place in a transaction to which it can be undone.
type Mark string

// Mark sets a savepoint.
func (t *transaction) Mark() Mark {
	t.marks++
	m := Mark("mark_" + strconv.Itoa(t.marks))
	t.ahead = append(t.ahead, statement{sql: "SAVEPOINT " + string(m)})
	return m
}

// Keep gives a savepoint up: what was done since stays.
func (t *transaction) Keep(m Mark) {
	t.ahead = append(t.ahead, statement{sql: "RELEASE SAVEPOINT " + string(m)})
}

// Undo undoes what was done since a savepoint, failed statements included. It
// does not wait for a next statement, which could not be prepared after a failed
// one.
func (t *transaction) Undo(ctx context.Context, m Mark) error {
	results, err := t.send(ctx, []statement{{sql: "ROLLBACK TO SAVEPOINT " + string(m)}})
	if err != nil {
		return err
	}
	return results.Close()
}

const giveTurn = "SELECT pg_advisory_unlock($1, $2)"

// passTurn lets the next server read while this one writes. The turn is held until
// the database has said that it is not.
func (t *transaction) passTurn() {
	if t.held != nil {
		t.ahead = append(t.ahead, statement{sql: giveTurn, args: t.held, tell: func(pgconn.CommandTag) { t.held = nil }})
	}
}

// commit sends what is left, and COMMIT.
func (t *transaction) commit(ctx context.Context) error {
	t.passTurn()
	results, err := t.send(ctx, append(t.last, statement{sql: "COMMIT"}))
	if err != nil {
		return err
	}
	defer results.Close()
	for range t.last {
		if _, err := results.Exec(); err != nil {
			return err
		}
	}
	tag, err := results.Exec()
	if err == nil && tag.String() == "ROLLBACK" {
		err = pgx.ErrTxCommitRollback
	}
	if err == nil {
		err = results.Close()
	}
	return err
}

// rollback leaves the connection clean, or closes it: the pool keeps none that
// is in a transaction.
func (t *transaction) rollback(ctx context.Context) {
	// The caller's context may be over already.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	var err error
	if t.conn.PgConn().TxStatus() != 'I' {
		_, err = t.conn.Exec(ctx, "ROLLBACK")
	}
	if t.held != nil && err == nil {
		_, err = t.conn.Exec(ctx, giveTurn, t.held...)
	}
	if err != nil {
		_ = t.conn.Close(ctx)
	}
}

// Together runs reads that do not depend on each other in one round trip. Each
// makes one statement at most, and is called twice: to learn the statement, and
// with its rows.
func Together(ctx context.Context, tx Tx, reads ...func(ctx context.Context, db query.DBTX) error) error {
	var asked []statement
	var waiting []func(ctx context.Context, db query.DBTX) error
	for _, read := range reads {
		var n noted
		err := read(ctx, &n)
		if n.sql == "" {
			if err != nil {
				return err
			}
			continue // it needed no statement
		}
		asked = append(asked, statement{sql: n.sql, args: n.args})
		waiting = append(waiting, read)
	}
	if len(asked) == 0 {
		return nil
	}
	results, err := tx.send(ctx, asked)
	if err != nil {
		return err
	}
	defer results.Close()
	for _, read := range waiting {
		if err := read(ctx, told{results}); err != nil {
			return err
		}
	}
	return results.Close()
}

var errNoted = errors.New("the statement was noted, and not run")

// noted is a DBTX that keeps the statement it is given.
type noted struct {
	sql  string
	args []any
}

func (n *noted) note(sql string, args []any) error {
	if n.sql != "" {
		panic("pg.Together: a read makes one statement at most")
	}
	n.sql, n.args = sql, args
	return errNoted
}

func (n *noted) Exec(_ context.Context, sql string, args ...any) (pgconn.CommandTag, error) {
	return pgconn.CommandTag{}, n.note(sql, args)
}

func (n *noted) Query(_ context.Context, sql string, args ...any) (pgx.Rows, error) {
	return nil, n.note(sql, args)
}

func (n *noted) QueryRow(_ context.Context, sql string, args ...any) pgx.Row {
	return failedRow{n.note(sql, args)}
}

// told is a DBTX that answers with the next result of a batch.
type told struct{ results pgx.BatchResults }

func (t told) Exec(context.Context, string, ...any) (pgconn.CommandTag, error) {
	return t.results.Exec()
}

func (t told) Query(context.Context, string, ...any) (pgx.Rows, error) { return t.results.Query() }

func (t told) QueryRow(context.Context, string, ...any) pgx.Row { return t.results.QueryRow() }
