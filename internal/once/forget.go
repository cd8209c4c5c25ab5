package once

import (
	"context"
	"fmt"
	"time"

	"github.com/incent-dev/incent/gen/query"
	"github.com/incent-dev/incent/internal/pg"
)

const (
	// Retention is how long a key answers at least, by the real clock: a caller's
	// retries know no other.
	Retention = 7 * 24 * time.Hour

	// forgetBatch bounds the keys that one statement forgets.
	forgetBatch = 5000
)

// Forget deletes the keys of all tenants that are older than Retention.
func Forget(ctx context.Context, db *pg.DB) error {
	before := pg.Now().Add(-Retention)
	for {
		n, err := query.New().IdempotencyDeleteOld(ctx, db, query.IdempotencyDeleteOldParams{Before: before, MaxRows: forgetBatch})
		if err != nil {
			return pg.Fault(fmt.Errorf("forget old keys: %w", err))
		}
		if n < forgetBatch {
			return nil
		}
	}
}
