package bench

import (
	"context"
	"errors"
	"fmt"

	"github.com/incent-dev/incent/internal/app"
	"github.com/incent-dev/incent/internal/ledger"
)

// audit checks the books of everything that was measured.
func (r *run) audit(ctx context.Context) error {
	for _, f := range r.fixtures() {
		r.say("\nAuditing database %s", f.name)
		report, err := ledger.Audit(ctx, f.db, nil, app.AuditChecks()...)
		if err != nil {
			return fmt.Errorf("audit: %w", err)
		}
		r.say("%d accounts, %d transfers, %d violations.", report.Accounts, report.Transfers, len(report.Violations))
		var broken []error
		for _, v := range report.Violations {
			broken = append(broken, errors.New(v.String()))
		}
		if broken != nil {
			return fmt.Errorf("the books do not hold: %w", errors.Join(broken...))
		}
	}
	return nil
}
