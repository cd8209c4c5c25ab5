package main

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/incent-dev/incent/internal/app"
	"github.com/incent-dev/incent/internal/pg"
)

func logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelInfo}))
}

func serveCommand() *cobra.Command {
	var volatile bool
	c := &cobra.Command{
		Use:   "serve",
		Short: "Serve the APIs, with a PostgreSQL of its own unless INCENT_DATABASE_URL names one",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			cfg, err := app.FromEnvironment()
			if err != nil {
				return err
			}
			cfg.AllowVolatileDatabase = volatile
			return app.Serve(c.Context(), cfg, logger(), func(base string, demo *app.Demo) { announce(c.OutOrStdout(), base, demo) })
		},
	}
	c.Flags().BoolVar(&volatile, "allow-volatile-database", false,
		"serve on a database with fsync, full_page_writes or synchronous_commit off: a crash may lose points that were acknowledged")
	return c
}

func announce(w io.Writer, base string, demo *app.Demo) {
	fmt.Fprintf(w, "\nIncent is ready.\n\n  Incenta     %[1]s/incenta/v1\n  Incentable  %[1]s/incentable/v1\n  by key      %[1]s/v1\n", base)
	if demo == nil {
		return
	}
	fmt.Fprintf(w, "\nDemo keys, also in %s:\n\n", demo.Path)
	for _, v := range demo.Vars {
		fmt.Fprintln(w, "  "+v)
	}
	fmt.Fprintln(w)
}

func migrateCommand() *cobra.Command {
	c := &cobra.Command{Use: "migrate", Short: "Bring the schema of INCENT_DATABASE_URL up, or step it; servers do this by themselves"}
	address := func() (string, error) {
		cfg, err := app.FromEnvironment()
		if err == nil && cfg.DatabaseURL == "" {
			err = fmt.Errorf("set INCENT_DATABASE_URL; a private PostgreSQL is migrated by serve")
		}
		return cfg.DatabaseURL, err
	}
	step := func(use, short string, args cobra.PositionalArgs, run func(c *cobra.Command, url string, args []string) error) *cobra.Command {
		return &cobra.Command{Use: use, Short: short, Args: args, RunE: func(c *cobra.Command, args []string) error {
			url, err := address()
			if err != nil {
				return err
			}
			return run(c, url, args)
		}}
	}
	c.AddCommand(
		step("up", "Apply every migration that is missing", cobra.NoArgs, func(c *cobra.Command, url string, _ []string) error {
			return pg.Migrate(c.Context(), url, 0)
		}),
		step("down N", "Undo the newest N migrations, with the data they hold", cobra.ExactArgs(1), func(c *cobra.Command, url string, args []string) error {
			n, err := strconv.Atoi(args[0])
			if err != nil || n < 1 {
				return fmt.Errorf("the number of migrations must be 1 or more")
			}
			return pg.Migrate(c.Context(), url, -n)
		}),
		step("force VERSION", "Mark the schema as being at a version, after a repair by hand", cobra.ExactArgs(1), func(_ *cobra.Command, url string, args []string) error {
			v, err := strconv.Atoi(args[0])
			if err != nil {
				return fmt.Errorf("the version must be a number")
			}
			return pg.ForceVersion(url, v)
		}),
	)
	return c
}
