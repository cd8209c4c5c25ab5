package store

import (
	"context"
	"fmt"
	"time"

	"github.com/incent-dev/incent/gen/query"
	"github.com/incent-dev/incent/internal/event"
	"github.com/incent-dev/incent/internal/ledger"
	"github.com/incent-dev/incent/internal/pg"
)

// AuditChecks are the audit of this package's invariants.
func AuditChecks() []ledger.AuditCheck {
	checks := []ledger.AuditCheck{
		{Invariant: 1, Name: "orders are paid", Find: func(ctx context.Context, tx pg.Tx, tenantID int64) (*ledger.Offence, error) {
			r, err := q.OrderFindUnpaid(ctx, tx, query.OrderFindUnpaidParams{TenantID: tenantID, RedeemKind: int16(ledger.KindRedeem)})
			return ledger.OffenceOf("order "+OrderID(r.ID), r.Says, err)
		}},
		{Invariant: 2, Name: "a code for each unit", Find: func(ctx context.Context, tx pg.Tx, tenantID int64) (*ledger.Offence, error) {
			r, err := q.OrderFindMiscoded(ctx, tx, tenantID)
			return ledger.OffenceOf("order "+OrderID(r.ID), r.Says, err)
		}},
		{Invariant: 3, Name: "cancelled is given back", Find: func(ctx context.Context, tx pg.Tx, tenantID int64) (*ledger.Offence, error) {
			r, err := q.OrderFindMisreturned(ctx, tx, tenantID)
			return ledger.OffenceOf("order "+OrderID(r.ID), r.Says, err)
		}},
		{Invariant: 4, Name: "pools count their codes", Find: func(ctx context.Context, tx pg.Tx, tenantID int64) (*ledger.Offence, error) {
			r, err := q.PoolFindMiscounted(ctx, tx, tenantID)
			return ledger.OffenceOf("code pool "+r.ID, r.Says, err)
		}},
		{Invariant: 4, Name: "spans count their orders", Find: func(ctx context.Context, tx pg.Tx, tenantID int64) (*ledger.Offence, error) {
			r, err := q.OrderSpanFindMiscounted(ctx, tx, tenantID)
			return ledger.OffenceOf(fmt.Sprintf("%d seconds from %s", r.Seconds, r.StartsAt.UTC().Format(time.RFC3339)), r.Says, err)
		}},
		{Invariant: 6, Name: "settlements are the sums", Find: func(ctx context.Context, tx pg.Tx, tenantID int64) (*ledger.Offence, error) {
			r, err := q.PartnerDayFindMiscounted(ctx, tx, tenantID)
			return ledger.OffenceOf("partner "+r.PartnerID, r.Says, err)
		}},
		{Invariant: 7, Name: "partners are owed for their orders", Find: func(ctx context.Context, tx pg.Tx, tenantID int64) (*ledger.Offence, error) {
			r, err := q.OrderFindUnsettled(ctx, tx, tenantID)
			return ledger.OffenceOf("order "+OrderID(r.ID), r.Says, err)
		}},
		{Invariant: 7, Name: "sales have their codes", Find: func(ctx context.Context, tx pg.Tx, tenantID int64) (*ledger.Offence, error) {
			r, err := q.SaleFindMiscoded(ctx, tx, tenantID)
			return ledger.OffenceOf("order "+OrderID(r.OrderID), r.Says, err)
		}},
		{Invariant: 6, Name: "offers count their sales", Find: func(ctx context.Context, tx pg.Tx, tenantID int64) (*ledger.Offence, error) {
			r, err := q.OfferFindMiscounted(ctx, tx, tenantID)
			return ledger.OffenceOf("offer "+r.ID, r.Says, err)
		}},
	}
	for i := range checks {
		checks[i].Of = "store"
	}
	return append(checks, ledger.EventCheck(5, "events name orders", func(ctx context.Context, tx pg.Tx, tenantID int64) (string, string, error) {
		arg := query.CommitFindOrderlessParams{TenantID: tenantID, Often: int16(event.OrderUpdated)}
		for _, k := range aboutOrders {
			arg.Kinds = append(arg.Kinds, int16(k))
		}
		r, err := q.CommitFindOrderless(ctx, tx, arg)
		return r.ID, r.Says, err
	}))
}
