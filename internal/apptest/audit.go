package apptest

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/incent-dev/incent/internal/app"
	"github.com/incent-dev/incent/internal/ledger"
	"github.com/incent-dev/incent/internal/pgtest"
	"github.com/incent-dev/incent/internal/tenant"
)

// auditLater audits a tenant's books when its test has ended, and all that happens
// by itself has happened.
func auditLater(t testing.TB, core *app.Core, of tenant.Tenant) {
	t.Cleanup(func() {
		settling, cancel := context.WithTimeout(context.Background(), stopPatience)
		defer cancel()
		if err := core.Jobs.Tenant(settling, of.ID); err != nil {
			t.Error(err)
		}
		report, err := ledger.AuditTenant(context.Background(), core.DB, of.ID, app.AuditChecks()...)
		if err = errors.Join(err, clean(report)); err != nil {
			t.Errorf("audit: %v", err)
		}
	})
}

// audit reads all books once the servers have stopped.
func audit(ctx context.Context) error {
	report, err := ledger.Audit(ctx, pgtest.DB(), nil, app.AuditChecks()...)
	return errors.Join(err, clean(report))
}

func clean(r ledger.AuditReport) error {
	var errs []error
	for _, v := range r.Violations {
		errs = append(errs, fmt.Errorf("%s", v))
	}
	return errors.Join(errs...)
}
