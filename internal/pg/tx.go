package pg

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/incent-dev/incent/internal/fault"
)

// ErrCommitUnknown means that COMMIT was sent and its answer was lost: the
// effect is there wholly or not at all, and only a look-up can tell.
var ErrCommitUnknown = errors.New("the outcome of the commit is unknown")

// maxAttempts bounds how often one transaction may be aborted.
const maxAttempts = 5

// InTx runs fn in one transaction and commits it, retrying failures that
// certainly committed nothing. fn may run several times and must not leak
// effects of its own.
func InTx[T any](ctx context.Context, db *DB, fn func(ctx context.Context, tx Tx) (T, error)) (T, error) {
	var zero T
	patience := time.Now().Add(connectPatience)
	// Attempts at an absent database do not count as aborted ones: the first
	// twin met when it is back would otherwise be one too many.
	aborted := 0
	for attempt := 1; ; attempt++ {
		value, err := once(ctx, db, fn)
		if err == nil {
			return value, nil
		}
		if IsAborted(err) {
			aborted++
		}
		if !worthRetrying(ctx, err, aborted, patience) {
			return zero, err
		}
		if !pause(ctx, attempt) {
			return zero, err
		}
	}
}

func once[T any](ctx context.Context, db *DB, fn func(ctx context.Context, tx Tx) (T, error)) (T, error) {
	var zero T
	conn, tx, err := db.start(ctx)
	if err != nil {
		return zero, err
	}
	defer conn.Release()
	value, err := fn(ctx, tx)
	if err != nil {
		tx.rollback(ctx)
		return zero, err
	}
	if err := tx.commit(ctx); err != nil {
		tx.rollback(ctx)
		if answered(err) {
			return zero, fmt.Errorf("commit: %w", err)
		}
		return zero, fmt.Errorf("%w: %w", ErrCommitUnknown, err)
	}
	return value, nil
}

// answered tells whether the server itself said that the commit failed.
// 57P01 to 57P03 and class XX may come from a server that dies under us.
func answered(err error) bool {
	var pgErr *pgconn.PgError
	if errors.As(err, &pgErr) {
		return pgErr.Code[:2] != "57" && pgErr.Code[:2] != "XX"
	}
	return errors.Is(err, pgx.ErrTxCommitRollback)
}

func worthRetrying(ctx context.Context, err error, aborted int, patience time.Time) bool {
	if ctx.Err() != nil || errors.Is(err, ErrCommitUnknown) || fault.As(err) != nil {
		return false
	}
	if IsAway(err) {
		return time.Now().Before(patience)
	}
	return aborted < maxAttempts && IsAborted(err)
}

func pause(ctx context.Context, attempt int) bool {
	timer := time.NewTimer(min(time.Duration(attempt*attempt)*2*time.Millisecond, 100*time.Millisecond))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// IsAborted tells whether the server refused the transaction for a reason that
// a second try may not meet: deadlock, serialization, or a row that a twin
// inserted first.
func IsAborted(err error) bool {
	var pgErr *pgconn.PgError
	if !errors.As(err, &pgErr) {
		return false
	}
	switch pgErr.Code {
	case "40001", "40P01", "23505":
		return true
	}
	return false
}

// IsLockTimeout tells whether a row stayed locked for longer than lockTimeout.
func IsLockTimeout(err error) bool {
	var pgErr *pgconn.PgError
	return errors.As(err, &pgErr) && pgErr.Code == "55P03"
}

// IsBadValue tells whether a value that came in as text is none of its type.
func IsBadValue(err error) bool {
	var pgErr *pgconn.PgError
	return errors.As(err, &pgErr) && pgErr.Code[:2] == "22"
}

// IsAway tells whether the database could not be reached, is starting or is
// stopping. Outside of a COMMIT that means that nothing was committed.
func IsAway(err error) bool {
	var pgErr *pgconn.PgError
	if errors.As(err, &pgErr) {
		switch pgErr.Code {
		case "57P01", "57P02", "57P03", "53300":
			return true
		}
		return pgErr.Code[:2] == "08"
	}
	var connectErr *pgconn.ConnectError
	var netErr net.Error
	return errors.As(err, &connectErr) || errors.As(err, &netErr) || pgconn.SafeToRetry(err) ||
		errors.Is(err, net.ErrClosed) || isBroken(err)
}

// Violates tells whether err is the violation of the named constraint.
func Violates(err error, constraint string) bool {
	var pgErr *pgconn.PgError
	return errors.As(err, &pgErr) && pgErr.ConstraintName == constraint
}

// Fault turns a database that is away, busy or silent into the fault callers
// see; every other error passes through.
func Fault(err error) error {
	switch {
	case err == nil || fault.As(err) != nil:
		return err
	case errors.Is(err, ErrCommitUnknown):
		f := fault.New(fault.Unavailable, fault.CodeUnavailable,
			"The database went away while the request was being stored. It may or may not have taken effect; repeat it with the same Idempotency-Key to be sure")
		f.RetryAfter = time.Second
		return f.Because(err)
	case IsAway(err), IsLockTimeout(err), errors.Is(err, context.DeadlineExceeded):
		f := fault.New(fault.Unavailable, fault.CodeUnavailable, "The service is busy or restarting; nothing was changed. Please repeat the request")
		f.RetryAfter = time.Second
		return f.Because(err)
	}
	return err
}
