package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/incent-dev/incent/internal/app"
)

func membersCommand() *cobra.Command {
	c := &cobra.Command{Use: "members", Short: "What is stored about one member"}
	c.AddCommand(membersExport(), membersErase())
	return c
}

func membersExport() *cobra.Command {
	var w which
	c := &cobra.Command{
		Use: "export MEMBER_ID", Short: "Write everything stored about a member as one JSON document", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return withCore(c, func(ctx context.Context, core *app.Core) error {
				t, err := w.find(ctx, core)
				if err != nil {
					return err
				}
				return core.People.Write(ctx, t.ID, args[0], c.OutOrStdout())
			})
		},
	}
	w.flags(c)
	return c
}

func membersErase() *cobra.Command {
	var w which
	c := &cobra.Command{
		Use: "erase MEMBER_ID", Short: "Forget a member for good; the books stay as they are", Args: cobra.ExactArgs(1),
		Long: "Prints the id of what is left, and when nothing more was to be removed. Erasing again changes nothing.",
		RunE: func(c *cobra.Command, args []string) error {
			return withCore(c, func(ctx context.Context, core *app.Core) error {
				t, err := w.find(ctx, core)
				if err != nil {
					return err
				}
				e, err := core.People.Erase(ctx, t.ID, args[0], nil)
				if err != nil {
					return err
				}
				if err := core.People.Finish(ctx, t.ID); err != nil {
					return err
				}
				if e, err = core.People.Erasure(ctx, t.ID, e.Member); err != nil {
					return err
				}
				_, err = fmt.Fprintf(c.OutOrStdout(), "%s\t%s\n", e.Member, e.CompletedAt.Format(time.RFC3339))
				return err
			})
		},
	}
	w.flags(c)
	return c
}
