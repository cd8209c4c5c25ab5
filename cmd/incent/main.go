// Command incent is the server and its tools. Flags and signals only; what it
// does lives in internal/app and below.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/spf13/cobra"
)

// gcPercent lets the heap grow to five times what lives before it is collected,
// unless GOGC says otherwise. What lives is some ten megabytes; at Go's own 100 a
// loaded server collected 16 times a second, and an award took a tenth to a fifth more CPU time.
const gcPercent = 400

func main() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
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
