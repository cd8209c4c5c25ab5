package once

import (
	"context"
	"errors"

	"github.com/incent-dev/incent/internal/batch"
	"github.com/incent-dev/incent/internal/pg"
)

// RunBatch carries out a batch of calls, keyed or not, in one transaction. When
// its COMMIT was not acknowledged, the keyed calls run again, which finds their
// rows or does their work; the others are told that nothing is known of them.
func RunBatch[C, R any](ctx context.Context, db *pg.DB, calls []C, alone bool, ticket func(C) *Ticket,
	run func(ctx context.Context, tx pg.Tx, calls []C) ([]batch.Result[R], error)) ([]batch.Result[R], error) {
	attempt := func(calls []C) ([]batch.Result[R], error) {
		results, err := pg.InTx(ctx, db, func(ctx context.Context, tx pg.Tx) ([]batch.Result[R], error) {
			return run(ctx, tx, calls)
		})
		if err != nil {
			for _, c := range calls {
				ticket(c).void()
			}
		}
		return results, err
	}
	results, err := attempt(calls)
	switch {
	case err == nil:
		return results, nil
	case errors.Is(err, pg.ErrCommitUnknown):
		return resolveBatch(ctx, calls, ticket, attempt, err), nil
	case alone && ticket(calls[0]) != nil:
		return nil, Busy(err)
	case alone || pg.IsAway(err):
		return nil, pg.Fault(err)
	}
	return nil, err
}

func resolveBatch[C, R any](ctx context.Context, calls []C, ticket func(C) *Ticket, attempt func([]C) ([]batch.Result[R], error), unknown error) []batch.Result[R] {
	results := make([]batch.Result[R], len(calls))
	var keyed []C
	for i, c := range calls {
		results[i].Err = pg.Fault(unknown)
		if ticket(c) != nil {
			keyed = append(keyed, c)
		}
	}
	if len(keyed) == 0 {
		return results
	}
	again, err := Resolve(ctx, func() ([]batch.Result[R], error) { return attempt(keyed) })
	for i, c := range calls {
		t := ticket(c)
		switch {
		case t == nil:
		case err != nil:
			results[i].Err = pg.Fault(err)
		default:
			results[i], again = again[0], again[1:]
		}
	}
	return results
}
