// Command incent is the server and its tools. Flags and signals only; what it
// does lives in internal/app and below.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := root().ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "incent:", err)
		stop()
		os.Exit(1)
	}
}

func root() *cobra.Command {
	root := &cobra.Command{
		Use:           "incent",
		Short:         "Referrals, points and rewards over one ledger",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.AddCommand(serveCommand(), migrateCommand(), tenantsCommand(), keysCommand(), itemsCommand(), codesCommand(), membersCommand(),
		auditCommand(), benchCommand(), crashCommand())
	return root
}
