package webhook

import (
	"context"
	"fmt"
	"time"

	"github.com/incent-dev/incent/gen/query"
	"github.com/incent-dev/incent/internal/pg"
	"github.com/incent-dev/incent/internal/tenant"
)

const (
	// Retention is how long a delivery is kept that was delivered or given up, by
	// the tenant's clock: time enough to look into what went wrong. Its event stays
	// in the feed, where a replay finds it.
	Retention = 30 * 24 * time.Hour

	// forgetBatch bounds the deliveries that one statement forgets.
	forgetBatch = 1000
)

// Old lists the tenants with deliveries to forget.
func (h *Hooks) Old(ctx context.Context) ([]int64, error) {
	return q.DeliveryListOldTenants(ctx, h.db, pg.Now().Add(-Retention))
}

// Forget deletes a tenant's deliveries whose last attempt settled them longer ago
// than Retention: a sweep. One that is to be attempted again is none of them.
func (h *Hooks) Forget(ctx context.Context, tenantID int64) error {
	t, err := tenant.Get(ctx, h.db, tenantID)
	if err != nil {
		return pg.Fault(err)
	}
	old := query.DeliveryDeleteOldParams{TenantID: tenantID, Before: t.Now().Add(-Retention), MaxRows: forgetBatch}
	for {
		n, err := q.DeliveryDeleteOld(ctx, h.db, old)
		if err != nil {
			return pg.Fault(fmt.Errorf("forget old deliveries: %w", err))
		}
		if n < forgetBatch {
			return nil
		}
	}
}
