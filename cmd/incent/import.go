package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"

	"github.com/incent-dev/incent/internal/app"
	"github.com/incent-dev/incent/internal/fault"
	"github.com/incent-dev/incent/internal/pg"
	"github.com/incent-dev/incent/internal/store"
	"github.com/incent-dev/incent/internal/tenant"
)

// importedItem is one line of `incent items import`.
type importedItem struct {
	ID          string  `json:"id"`
	Name        string  `json:"name"`
	Description string  `json:"description"`
	Category    string  `json:"category"`
	Kind        string  `json:"kind"`
	Status      string  `json:"status"`
	ImageURL    *string `json:"imageUrl"`
	PointsCost  *int64  `json:"pointsCost"`
	TokensCost  *int64  `json:"tokensCost"`
	Stock       *int64  `json:"stock"`
	CodePool    string  `json:"codePool"`
}

func itemsCommand() *cobra.Command {
	var w which
	load := &cobra.Command{
		Use:   "import FILE",
		Short: "Add items to the catalogue: one JSON object a line; - reads standard input",
		Long: `Each line is one item: {"id": "rwd_001", "name": "...", "description": "...", "category": "...",
"kind": "digital" or "physical", "status": "active" or "inactive" (default active), "imageUrl": "...",
"pointsCost": 2500, "tokensCost": null, "stock": null (unlimited), "codePool": "name of a pool"}.
An id that exists already is updated; without an id, one is made.`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return withCore(c, func(ctx context.Context, core *app.Core) error {
				t, err := w.find(ctx, core)
				if err != nil {
					return err
				}
				imported := 0
				err = eachLine(args[0], "items", 1, func(first int, lines []string) error {
					if err := importItem(ctx, core, t, lines[0]); err != nil {
						return fmt.Errorf("line %d: %w", first, err)
					}
					imported++
					return nil
				})
				fmt.Fprintf(c.OutOrStdout(), "%d items imported\n", imported)
				return err
			})
		},
	}
	w.flags(load)
	c := &cobra.Command{Use: "items", Short: "What can be bought"}
	c.AddCommand(load)
	return c
}

func importItem(ctx context.Context, core *app.Core, t tenant.Tenant, line string) error {
	in := importedItem{Status: store.Active}
	decoder := json.NewDecoder(strings.NewReader(line))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&in); err != nil {
		return err
	}
	item := store.Item{
		ID: in.ID, Name: in.Name, Description: in.Description, Category: in.Category, Kind: store.Kind(in.Kind), Status: in.Status,
		ImageURL: in.ImageURL, PointsCost: in.PointsCost, TokensCost: in.TokensCost, Stock: in.Stock,
	}
	if in.CodePool != "" {
		pool, err := core.Store.FindPool(ctx, t.ID, in.CodePool)
		if err != nil {
			return fmt.Errorf("code pool %q: %w", in.CodePool, err)
		}
		item.PoolID = &pool.ID
	}
	_, err := core.Store.CreateItem(ctx, core.DB, t.ID, item)
	if !fault.Is(err, store.CodeAlreadyExists) {
		return err
	}
	_, err = pg.InTx(ctx, core.DB, func(ctx context.Context, tx pg.Tx) (store.Item, error) {
		return core.Store.UpdateItem(ctx, tx, t.ID, item.ID, func(old *store.Item) error {
			item.CreatedAt = old.CreatedAt
			*old = item
			return nil
		})
	})
	return err
}

func codesCommand() *cobra.Command {
	var w which
	var pool string
	load := &cobra.Command{
		Use:   "import FILE",
		Short: "Put secret codes into a pool: one code a line; - reads standard input",
		Long:  "The pool is made when there is none of that name. Codes the tenant has already are left out, so an import may be repeated.",
		Args:  cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return withCore(c, func(ctx context.Context, core *app.Core) error {
				t, err := w.find(ctx, core)
				if err != nil {
					return err
				}
				p, err := core.Store.FindPool(ctx, t.ID, pool)
				if fault.Is(err, fault.CodeNotFound) {
					p, err = core.Store.CreatePool(ctx, core.DB, t.ID, pool, store.Imported)
				}
				if err != nil {
					return err
				}
				return importCodes(ctx, c.OutOrStdout(), core, t, p, args[0])
			})
		},
	}
	w.flags(load)
	load.Flags().StringVar(&pool, "pool", "", "the pool's name")
	_ = load.MarkFlagRequired("pool")
	c := &cobra.Command{Use: "codes", Short: "Secret codes that digital items hand out"}
	c.AddCommand(load)
	return c
}

func importCodes(ctx context.Context, out io.Writer, core *app.Core, t tenant.Tenant, p store.Pool, file string) error {
	fresh, read := 0, 0
	err := eachLine(file, "codes", store.MaxImport, func(first int, codes []string) error {
		n, err := pg.InTx(ctx, core.DB, func(ctx context.Context, tx pg.Tx) (int, error) {
			return core.Store.ImportCodes(ctx, tx, t.ID, p.ID, codes)
		})
		if err != nil {
			return fmt.Errorf("from line %d: %w", first, err)
		}
		fresh, read = fresh+n, read+len(codes)
		return nil
	})
	fmt.Fprintf(out, "%d codes imported into %s, %d known already\n", fresh, p.Name, read-fresh)
	return err
}

// eachLine reads a file's lines that are not blank, in groups, with a progress
// bar by the bytes read.
func eachLine(file, what string, group int, take func(first int, lines []string) error) error {
	in, size := io.Reader(os.Stdin), int64(-1)
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return err
		}
		defer f.Close()
		if info, err := f.Stat(); err == nil {
			size = info.Size()
		}
		in = f
	}
	bar := progressbar.DefaultBytes(size, "importing "+what)
	defer bar.Close()
	lines := bufio.NewScanner(io.TeeReader(in, bar))
	lines.Buffer(nil, 1<<20)
	var gathered []string
	number, first := 0, 1
	for lines.Scan() {
		number++
		if line := strings.TrimSpace(lines.Text()); line != "" {
			gathered = append(gathered, line)
		}
		if len(gathered) == group {
			if err := take(first, gathered); err != nil {
				return err
			}
			gathered, first = nil, number+1
		}
	}
	if err := lines.Err(); err != nil {
		return err
	}
	if len(gathered) == 0 {
		return nil
	}
	return take(first, gathered)
}
