package once

import (
	"context"
	"crypto/sha256"
	"errors"
	"net/http"
	"time"

	"github.com/incent-dev/incent/gen/query"
	"github.com/incent-dev/incent/internal/fault"
	"github.com/incent-dev/incent/internal/pg"
)

// resolvePatience bounds how long an unacknowledged commit is looked up for.
const resolvePatience = 15 * time.Second

// Stored is an answer as it went over the wire.
type Stored struct {
	Status int
	Body   []byte
}

// Replay is the error by which a command says that it was carried out before;
// the shell sends the stored answer instead of a new one.
type Replay struct{ Stored }

func (*Replay) Error() string { return "answered before" }

// Ticket is one request's claim on an idempotency key. A nil ticket means that
// the caller gave none.
type Ticket struct {
	Key  string
	Hash [32]byte

	// Render makes the answer for a command's value or for its refusal. It
	// runs inside the transaction and must not fail.
	Render func(value any, refusal error) Stored

	// Answer is what was stored, once the transaction has committed; the shell
	// sends these very bytes. Nil when nothing was stored.
	Answer *Stored

	sealer *Sealer // nil: stored as it was sent
}

// digest is what is stored of a key, which may say anything about anybody.
func (t *Ticket) digest() []byte {
	h := sha256.Sum256([]byte(t.Key))
	return h[:]
}

// void forgets an answer whose transaction did not commit.
func (t *Ticket) void() {
	if t != nil {
		t.Answer = nil
	}
}

// Check looks the tickets up and returns one outcome for each: nil for a new
// key, a *Replay, or the fault of a key that was used for something else.
func Check(ctx context.Context, db query.DBTX, tenant int64, tickets []*Ticket) ([]error, error) {
	outcomes := make([]error, len(tickets))
	var keys [][]byte
	for _, t := range tickets {
		if t != nil {
			keys = append(keys, t.digest())
		}
	}
	if len(keys) == 0 {
		return outcomes, nil
	}
	rows, err := query.New().IdempotencyGetMany(ctx, db, query.IdempotencyGetManyParams{TenantID: tenant, Keys: keys})
	if err != nil || len(rows) == 0 {
		return outcomes, err
	}
	known := make(map[string]query.IdempotencyGetManyRow, len(rows))
	for _, row := range rows {
		known[string(row.Key)] = row
	}
	for i, t := range tickets {
		if t == nil {
			continue
		}
		row, ok := known[string(t.digest())]
		switch {
		case !ok:
		case string(row.RequestHash) != string(t.Hash[:]):
			outcomes[i] = fault.New(fault.Mismatch, fault.CodeIdempotencyConflict,
				"This Idempotency-Key was used for a different request").About("Idempotency-Key")
		case len(row.Body) == 0:
			outcomes[i] = fault.New(fault.Conflict, fault.CodeIdempotencyConflict,
				"What was answered under this Idempotency-Key was erased with the member it concerned").About("Idempotency-Key")
		default:
			body, err := t.opened(tenant, row.Body)
			if err != nil {
				return outcomes, err
			}
			outcomes[i] = &Replay{Stored{Status: int(row.Status), Body: body}}
		}
	}
	return outcomes, nil
}

// Look is Check as a read that travels with others (pg.Together).
func Look(into *[]error, tenant int64, tickets []*Ticket) func(context.Context, query.DBTX) error {
	return func(ctx context.Context, db query.DBTX) (err error) {
		*into, err = Check(ctx, db, tenant, tickets)
		return err
	}
}

// Outcome is what a command came to, for Keep.
type Outcome struct {
	Ticket  *Ticket
	Value   any
	Refusal error
}

// Keep renders the outcomes that have a ticket and a storable answer and
// inserts their rows through db, which may be a pipeline.
func Keep(ctx context.Context, db query.DBTX, tenant int64, at time.Time, outcomes []Outcome) error {
	arg := query.IdempotencyInsertManyParams{TenantID: tenant, At: at}
	for _, o := range outcomes {
		if o.Ticket == nil || !storable(o.Refusal) {
			continue
		}
		answer := o.Ticket.Render(o.Value, o.Refusal)
		o.Ticket.Answer = &answer
		arg.Keys = append(arg.Keys, o.Ticket.digest())
		arg.RequestHashes = append(arg.RequestHashes, o.Ticket.Hash[:])
		arg.Statuses = append(arg.Statuses, int16(answer.Status))
		arg.Bodies = append(arg.Bodies, o.Ticket.stored(tenant, answer.Body))
	}
	if len(arg.Keys) == 0 {
		return nil
	}
	return query.New().IdempotencyInsertMany(ctx, db, arg)
}

// storable tells whether a refusal belongs to the state of things, so that the
// same request deserves the same answer.
func storable(refusal error) bool {
	if refusal == nil {
		return true
	}
	f := fault.As(refusal)
	if f == nil {
		return false
	}
	switch f.Kind {
	case fault.Invalid, fault.NotFound, fault.Conflict:
		return true
	}
	return false
}

// standing is a refusal beside which stands what its command wrote.
type standing struct{ error }

func (s standing) Unwrap() error { return s.error }

// Stands makes of a command's refusal one that undoes nothing: what the command
// wrote before is committed with it. For evidence of what was refused.
func Stands(refusal error) error { return standing{refusal} }

// stands takes such a refusal apart; nil where err is none.
func stands(err error) error {
	if s := (standing{}); errors.As(err, &s) {
		return s.error
	}
	return nil
}

// Run carries out one command in one transaction under a ticket, which may be
// nil. fn's refusal (a fault) undoes what fn did, unless it Stands, and is itself
// kept.
func Run[T any](ctx context.Context, db *pg.DB, tenant int64, at time.Time, ticket *Ticket, fn func(ctx context.Context, tx pg.Tx) (T, error)) (T, error) {
	type outcome struct {
		value   T
		refusal error
	}
	var zero T
	if ticket == nil {
		o, err := pg.InTx(ctx, db, func(ctx context.Context, tx pg.Tx) (outcome, error) {
			value, err := fn(ctx, tx)
			if refusal := stands(err); refusal != nil {
				return outcome{value, refusal}, nil
			}
			return outcome{value: value}, err
		})
		if err != nil {
			return zero, pg.Fault(err)
		}
		return o.value, o.refusal
	}
	o, err := Resolve(ctx, func() (outcome, error) {
		return pg.InTx(ctx, db, func(ctx context.Context, tx pg.Tx) (outcome, error) {
			seen, err := Check(ctx, tx, tenant, []*Ticket{ticket})
			if err != nil || seen[0] != nil {
				return outcome{refusal: seen[0]}, err
			}
			value, err := inSavepoint(ctx, tx, fn)
			if err != nil && fault.As(err) == nil {
				return outcome{}, err
			}
			o := outcome{value, err}
			return o, Keep(ctx, tx, tenant, at, []Outcome{{ticket, value, err}})
		})
	})
	if err != nil {
		ticket.void()
		return zero, Busy(err)
	}
	return o.value, o.refusal
}

// inSavepoint undoes what a refused fn wrote while the transaction goes on.
func inSavepoint[T any](ctx context.Context, tx pg.Tx, fn func(ctx context.Context, tx pg.Tx) (T, error)) (T, error) {
	mark := tx.Mark()
	value, err := fn(ctx, tx)
	if refusal := stands(err); refusal != nil {
		tx.Keep(mark)
		return value, refusal
	}
	if err != nil {
		var zero T
		if undo := tx.Undo(ctx, mark); undo != nil {
			return zero, errors.Join(undo, err)
		}
		return zero, err
	}
	tx.Keep(mark)
	return value, nil
}

// Resolve runs a keyed command again for as long as its commit's outcome is
// unknown: a second run finds the stored answer, or finds nothing and works.
func Resolve[T any](ctx context.Context, run func() (T, error)) (T, error) {
	deadline := pg.Now().Add(resolvePatience)
	for {
		value, err := run()
		if !errors.Is(err, pg.ErrCommitUnknown) || ctx.Err() != nil || pg.Now().After(deadline) {
			return value, err
		}
	}
}

// Busy is the fault of a keyed command that failed as a whole: a lock that
// stayed taken means that a twin on another server is still at work.
func Busy(err error) error {
	if pg.IsLockTimeout(err) {
		return inProgress().Because(err)
	}
	return pg.Fault(err)
}

func inProgress() *fault.Error {
	f := fault.New(fault.Conflict, fault.CodeIdempotencyInProgress, "A request with this Idempotency-Key is still being carried out").About("Idempotency-Key")
	f.RetryAfter = time.Second
	return f
}

// WriteTo sends a stored answer.
func (s Stored) WriteTo(w http.ResponseWriter) error {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(s.Status)
	_, err := w.Write(s.Body)
	return err
}
