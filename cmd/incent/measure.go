package main

import (
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/incent-dev/incent/internal/app"
	"github.com/incent-dev/incent/internal/bench"
	"github.com/incent-dev/incent/internal/crash"
)

func benchCommand() *cobra.Command {
	var o bench.Options
	c := &cobra.Command{
		Use:   "bench",
		Short: "Measure awards, redemptions and reads against pgbench on the same PostgreSQL, and print one table",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			o.Out = c.OutOrStdout()
			return bench.Run(c.Context(), o)
		},
	}
	f := c.Flags()
	f.StringVar(&o.Readme, "readme", "", "file whose bench table is replaced")
	f.StringVar(&o.Only, "only", "", "rows to measure, by key, with commas and *; empty for all")
	f.IntVar(&o.Runs, "runs", 3, "rounds; each figure is the median")
	f.IntVar(&o.Seconds, "seconds", 5, "length of one measurement")
	f.BoolVar(&o.Scale, "scale", false, "measure on 1,000,000 members with 10,000,000 transfers too: some minutes to make them")
	f.StringVar(&o.Profile, "profile", "", "folder for profiles of the server under awards")
	f.StringVar(&o.Dir, "dir", "", "folder to work in; empty for one of its own")
	c.AddCommand(benchPrepareCommand())
	return c
}

func benchPrepareCommand() *cobra.Command {
	var o bench.PrepareOptions
	c := &cobra.Command{
		Use:   "prepare",
		Short: "Make a tenant with a long history in INCENT_DATABASE_URL, and print a key for it",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			cfg, err := app.FromEnvironment()
			if err != nil {
				return err
			}
			if cfg.DatabaseURL == "" {
				return fmt.Errorf("set INCENT_DATABASE_URL: a long history does not belong into the demo")
			}
			o.URL, o.Out = cfg.DatabaseURL, c.OutOrStdout()
			return bench.Prepare(c.Context(), o)
		},
	}
	c.Flags().StringVar(&o.Tenant, "tenant", "bench", "name of the tenant to make")
	c.Flags().Int64Var(&o.Members, "members", 1_000_000, "members")
	c.Flags().Int64Var(&o.Transfers, "transfers", 10_000_000, "transfers, spread over the members")
	c.Flags().Int64Var(&o.Ranked, "ranked", 0, "members on the leaderboard of a tenant of its own; 0 for none")
	c.Flags().Int64Var(&o.Referrals, "codes", 0, "codes of a campaign in a tenant of its own; 0 for none")
	c.Flags().Int64Var(&o.Clicks, "clicks", 0, "clicks, a multiple of the codes")
	c.Flags().Int64Var(&o.Conversions, "conversions", 0, "conversions; the codes are a multiple of them")
	return c
}

func crashCommand() *cobra.Command {
	var o crash.Options
	c := &cobra.Command{
		Use:   "crash",
		Short: "Kill server and database at random under load, and compare the books with the clients' journal",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) (err error) {
			o.Out = c.OutOrStdout()
			if o.Binary, err = os.Executable(); err != nil {
				return err
			}
			if o.Seed == 0 {
				o.Seed = uint64(time.Now().UnixNano())
			}
			ours := o.Dir == ""
			if ours {
				if o.Dir, err = os.MkdirTemp("", "incent-crash-"); err != nil {
					return err
				}
				if err := os.Chmod(o.Dir, 0o755); err != nil {
					return err
				}
			}
			if _, err = crash.Run(c.Context(), o); err == nil {
				if ours {
					err = os.RemoveAll(o.Dir)
				}
				return err
			}
			return fmt.Errorf("%w (what is left lies in %s)", err, o.Dir)
		},
	}
	c.Flags().IntVar(&o.Rounds, "rounds", 15, "rounds; each kills at least once")
	c.Flags().Uint64Var(&o.Seed, "seed", 0, "seed of the kills and the load; 0 for a new one")
	c.Flags().StringVar(&o.Dir, "dir", "", "folder to work in; empty for one of its own")
	return c
}
