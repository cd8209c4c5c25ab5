package webhook

import (
	"context"

	"github.com/incent-dev/incent/internal/ledger"
	"github.com/incent-dev/incent/internal/pg"
)

// AuditChecks are the audit of this package's invariants.
func AuditChecks() []ledger.AuditCheck {
	checks := []ledger.AuditCheck{
		{Invariant: 4, Name: "every delivery has its event", Find: func(ctx context.Context, tx pg.Tx, tenantID int64) (*ledger.Offence, error) {
			r, err := q.DeliveryFindEventless(ctx, tx, tenantID)
			return ledger.OffenceOf("delivery "+DeliveryID(r.EndpointID, r.Number), r.Says, err)
		}},
		{Invariant: 4, Name: "deliveries are of what was seen", Find: func(ctx context.Context, tx pg.Tx, tenantID int64) (*ledger.Offence, error) {
			r, err := q.DeliveryFindUnmade(ctx, tx, tenantID)
			return ledger.OffenceOf("delivery "+DeliveryID(r.EndpointID, r.Number), r.Says, err)
		}},
		{Invariant: 5, Name: "endpoints see what there is", Find: func(ctx context.Context, tx pg.Tx, tenantID int64) (*ledger.Offence, error) {
			r, err := q.EndpointFindUntold(ctx, tx, tenantID)
			return ledger.OffenceOf("endpoint "+EndpointID(r.ID), r.Says, err)
		}},
	}
	for i := range checks {
		checks[i].Of = "webhook"
	}
	return checks
}
