package pg

import (
	"context"
	"errors"
	"io"
	"syscall"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// Pipeline collects statements that return nothing and sends them in one round
// trip. It is the DBTX that generated :exec queries are called with; their
// errors surface when they are sent, the first one wins.
type Pipeline struct {
	queue []statement
}

// Exec queues one statement. The command tag is empty: nothing ran yet.
func (p *Pipeline) Exec(_ context.Context, sql string, args ...any) (pgconn.CommandTag, error) {
	p.queue = append(p.queue, statement{sql: sql, args: args})
	return pgconn.CommandTag{}, nil
}

var errPipelineReads = errors.New("a pipeline only takes statements that return no rows")

// Query is refused: a pipeline has no rows to give.
func (p *Pipeline) Query(context.Context, string, ...any) (pgx.Rows, error) {
	return nil, errPipelineReads
}

// QueryRow is refused likewise.
func (p *Pipeline) QueryRow(context.Context, string, ...any) pgx.Row {
	return failedRow{errPipelineReads}
}

// Send runs what was queued inside tx.
func (p *Pipeline) Send(ctx context.Context, tx Tx) error {
	if len(p.queue) == 0 {
		return nil
	}
	results, err := tx.send(ctx, p.queue)
	if err != nil {
		return err
	}
	return results.Close()
}

// Finish leaves what was queued to the commit of tx, which sends it in the same
// round trip: for the last statements of a transaction, outside of any savepoint.
func (p *Pipeline) Finish(tx Tx) { tx.last = append(tx.last, p.queue...) }

// isBroken recognises a connection that ended under a statement.
func isBroken(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNREFUSED)
}
