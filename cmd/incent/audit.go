package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"

	"github.com/incent-dev/incent/internal/app"
	"github.com/incent-dev/incent/internal/ledger"
	"github.com/incent-dev/incent/internal/tenant"
)

func auditCommand() *cobra.Command {
	ends := false
	c := &cobra.Command{
		Use:   "audit",
		Short: "Check every invariant of the books on a live database, in one snapshot; exits 1 where one is broken",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return withCore(c, func(ctx context.Context, core *app.Core) error {
				report, err := core.Audit(ctx, progressOf(os.Stderr))
				if err != nil {
					return err
				}
				if err := tellAudit(c.OutOrStdout(), report); err != nil || !ends {
					return err
				}
				return tellEnds(ctx, c.OutOrStdout(), core)
			})
		},
	}
	c.Flags().BoolVar(&ends, "ends", false,
		"print the end of each tenant's chain of sealed transfers: a copy kept elsewhere proves later that no history up to it was rewritten")
	return c
}

// tellEnds prints a line for each tenant of which anything is sealed.
func tellEnds(ctx context.Context, w io.Writer, core *app.Core) error {
	tenants, err := tenant.List(ctx, core.DB)
	if err != nil {
		return err
	}
	for _, t := range tenants {
		end, err := core.Ledger.ChainEnd(ctx, t.ID)
		if err != nil {
			return err
		}
		if end.Blocks > 0 {
			fmt.Fprintf(w, "%s\t%s\tblock %d\t%x\n", t.Name, t.Mode, end.Blocks, end.Hash)
		}
	}
	return nil
}

// progressOf draws a bar by checks done, naming the one under way.
func progressOf(w io.Writer) func(ledger.AuditProgress) {
	var bar *progressbar.ProgressBar
	return func(p ledger.AuditProgress) {
		if bar == nil {
			bar = progressbar.NewOptions(p.Total, progressbar.OptionSetWriter(w), progressbar.OptionShowCount(), progressbar.OptionClearOnFinish(), progressbar.OptionThrottle(100*time.Millisecond))
		}
		bar.Describe(fmt.Sprintf("%-20.20s %s: %-32.32s", p.Tenant, p.Of, p.Name))
		_ = bar.Set(p.Done) // a bar that cannot be drawn is no reason to stop
	}
}

func tellAudit(w io.Writer, r ledger.AuditReport) error {
	fmt.Fprintf(w, "%d tenants: %d accounts, %d transfers, %d lots, %d lot entries, %d holds, %d undone; as of %s\n",
		r.Tenants, r.Accounts, r.Transfers, r.Lots, r.LotEntries, r.Holds, r.Undone, r.At.Format("2006-01-02 15:04:05.000"))
	for _, v := range r.Violations {
		fmt.Fprintln(w, "BROKEN", v)
	}
	if len(r.Violations) > 0 {
		return fmt.Errorf("%d invariants are broken", len(r.Violations))
	}
	fmt.Fprintln(w, "The books are in order.")
	return nil
}
