package main

import (
	"context"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/incent-dev/incent/internal/app"
	"github.com/incent-dev/incent/internal/id"
	"github.com/incent-dev/incent/internal/pg"
	"github.com/incent-dev/incent/internal/tenant"
)

// withCore runs a command on the configured database: the one of
// INCENT_DATABASE_URL, or the private one, which a running server lends.
func withCore(c *cobra.Command, run func(ctx context.Context, core *app.Core) error) error {
	cfg, err := app.FromEnvironment()
	if err != nil {
		return err
	}
	return app.WithCore(c.Context(), cfg, logger(), run)
}

// which names a tenant on the command line.
type which struct{ name, mode string }

func (w *which) flags(c *cobra.Command) {
	c.Flags().StringVar(&w.name, "tenant", "demo", "the programme's name")
	c.Flags().StringVar(&w.mode, "mode", "live", "live or test")
}

func (w *which) find(ctx context.Context, core *app.Core) (tenant.Tenant, error) {
	return tenant.Find(ctx, core.DB, w.name, tenant.Mode(w.mode))
}

func tenantsCommand() *cobra.Command {
	var w which
	create := &cobra.Command{
		Use: "create", Short: "Make a tenant: one programme in one mode", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return withCore(c, func(ctx context.Context, core *app.Core) error {
				t, err := tenant.Create(ctx, core.DB, w.name, tenant.Mode(w.mode))
				if err == nil {
					fmt.Fprintf(c.OutOrStdout(), "%s\t%s\t%s\n", id.Key("ten_", t.ID), t.Name, t.Mode)
				}
				return err
			})
		},
	}
	w.flags(create)
	list := &cobra.Command{
		Use: "list", Short: "List the tenants", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return withCore(c, func(ctx context.Context, core *app.Core) error {
				tenants, err := tenant.List(ctx, core.DB)
				table := tabwriter.NewWriter(c.OutOrStdout(), 0, 0, 2, ' ', 0)
				fmt.Fprintln(table, "ID\tNAME\tMODE\tCREATED")
				for _, t := range tenants {
					fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", id.Key("ten_", t.ID), t.Name, t.Mode, t.CreatedAt.Format(time.DateTime))
				}
				table.Flush()
				return err
			})
		},
	}
	c := &cobra.Command{Use: "tenants", Short: "Programmes, in live and test mode"}
	c.AddCommand(create, list)
	return c
}

func keysCommand() *cobra.Command {
	c := &cobra.Command{Use: "keys", Short: "API keys"}
	c.AddCommand(keysCreate(), keysList(), keysRotate(), keysRevoke())
	return c
}

func keysCreate() *cobra.Command {
	var w which
	var kind, name string
	var scopes []string
	c := &cobra.Command{
		Use: "create", Short: "Make a key and print it, this once", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return withCore(c, func(ctx context.Context, core *app.Core) error {
				t, err := w.find(ctx, core)
				if err != nil {
					return err
				}
				key, err := pg.InTx(ctx, core.DB, func(ctx context.Context, tx pg.Tx) (tenant.NewKey, error) {
					return core.Keys.CreateKey(ctx, tx, t, tenant.Kind(kind), name, scopes)
				})
				if err == nil {
					fmt.Fprintln(c.OutOrStdout(), key.Text)
				}
				return err
			})
		},
	}
	w.flags(c)
	c.Flags().StringVar(&kind, "kind", "", "incenta, incentable or management")
	c.Flags().StringVar(&name, "name", "Command line", "what the key is for")
	c.Flags().StringSliceVar(&scopes, "scope", []string{"read", "write"}, "read, write, or group:read, group:write; repeat for more")
	_ = c.MarkFlagRequired("kind")
	return c
}

func keysList() *cobra.Command {
	var w which
	c := &cobra.Command{
		Use: "list", Short: "List a tenant's keys", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return withCore(c, func(ctx context.Context, core *app.Core) error {
				t, err := w.find(ctx, core)
				if err != nil {
					return err
				}
				const most = 1000
				keys, _, err := core.Keys.List(ctx, t.ID, tenant.KeyFilter{Limit: most})
				table := tabwriter.NewWriter(c.OutOrStdout(), 0, 0, 2, ' ', 0)
				fmt.Fprintln(table, "ID\tKIND\tNAME\tSCOPES\tLAST USED\tSTATE")
				for _, k := range keys {
					used, state := "never", "live"
					if k.LastUsedAt != nil {
						used = k.LastUsedAt.UTC().Format(time.DateTime)
					}
					if k.RevokedAt != nil {
						state = "revoked"
					}
					fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\n", tenant.KeyID(k.ID), k.Kind, k.Name, strings.Join(k.Scopes, ","), used, state)
				}
				table.Flush()
				return err
			})
		},
	}
	w.flags(c)
	return c
}

func parseKeyID(text string) (int64, error) {
	key, ok := tenant.ParseKeyID(text)
	if !ok {
		return 0, fmt.Errorf("%q is no key id; see incent keys list", text)
	}
	return key, nil
}

func keysRotate() *cobra.Command {
	var w which
	var overlap time.Duration
	c := &cobra.Command{
		Use: "rotate KEY_ID", Short: "Give a key a new secret and print it; the old one lives on for the overlap", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return withCore(c, func(ctx context.Context, core *app.Core) error {
				keyID, err := parseKeyID(args[0])
				if err != nil {
					return err
				}
				t, err := w.find(ctx, core)
				if err != nil {
					return err
				}
				key, err := pg.InTx(ctx, core.DB, func(ctx context.Context, tx pg.Tx) (tenant.NewKey, error) {
					return core.Keys.RotateKey(ctx, tx, t, keyID, overlap)
				})
				if err == nil {
					fmt.Fprintln(c.OutOrStdout(), key.Text)
				}
				return err
			})
		},
	}
	w.flags(c)
	c.Flags().DurationVar(&overlap, "overlap", 24*time.Hour, "how long the old secret keeps working")
	return c
}

func keysRevoke() *cobra.Command {
	var w which
	c := &cobra.Command{
		Use: "revoke KEY_ID", Short: "End a key; it stops working within 5 seconds everywhere", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return withCore(c, func(ctx context.Context, core *app.Core) error {
				key, err := parseKeyID(args[0])
				if err != nil {
					return err
				}
				t, err := w.find(ctx, core)
				if err != nil {
					return err
				}
				return core.Keys.RevokeKey(ctx, core.DB, t.ID, key)
			})
		},
	}
	w.flags(c)
	return c
}
