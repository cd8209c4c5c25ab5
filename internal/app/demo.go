package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/incent-dev/incent/internal/fault"
	"github.com/incent-dev/incent/internal/ledger"
	"github.com/incent-dev/incent/internal/pg"
	"github.com/incent-dev/incent/internal/store"
	"github.com/incent-dev/incent/internal/tenant"
)

const demoTenant = "demo"

// Demo is where a newcomer starts: the file with addresses and keys.
type Demo struct {
	Path string
	Vars []string // NAME=value, in the order of the file
}

// EnsureDemo makes the tenants demo (live and test) on an empty database and
// writes demo.env; a later start reuses both.
func EnsureDemo(ctx context.Context, core *Core, dataDir, base string) (*Demo, error) {
	path := filepath.Join(dataDir, "demo.env")
	old, err := os.ReadFile(path)
	if err == nil {
		return &Demo{Path: path, Vars: strings.Fields(string(old))}, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	tenants, err := tenant.List(ctx, core.DB)
	if err != nil {
		return nil, err
	}
	if unfinished := len(tenants) > 0 && tenants[0].Name == demoTenant; len(tenants) > 0 && !unfinished {
		return nil, nil
	}
	vars := []string{"INCENT_URL=" + base}
	for _, mode := range []tenant.Mode{tenant.Live, tenant.Test} {
		keys, err := makeDemo(ctx, core, mode)
		if err != nil {
			return nil, err
		}
		vars = append(vars, keys...)
	}
	return &Demo{Path: path, Vars: vars}, writeAside(path, strings.Join(vars, "\n")+"\n")
}

// writeAside writes the whole file or none of it.
func writeAside(path, text string) error {
	if err := os.WriteFile(path+".new", []byte(text), 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

// makeDemo fills one tenant. A start that died half-way is taken up again: the
// tenant is found, what is there already stays, keys are made anew.
func makeDemo(ctx context.Context, core *Core, mode tenant.Mode) ([]string, error) {
	t, err := tenant.Create(ctx, core.DB, demoTenant, mode)
	if fault.Is(err, tenant.CodeAlreadyExists) {
		t, err = tenant.Find(ctx, core.DB, demoTenant, mode)
	}
	if err != nil {
		return nil, err
	}
	for _, item := range demoItems() {
		if _, err := core.Store.CreateItem(ctx, core.DB, t.ID, item); err != nil && !fault.Is(err, store.CodeAlreadyExists) {
			return nil, err
		}
	}
	if _, err := core.Ledger.Balance(ctx, t.ID, demoMember, ledger.Points); fault.Is(err, fault.CodeNotFound) {
		err = fillDemoMember(ctx, core, t.ID)
		if err != nil {
			return nil, err
		}
	}
	var vars []string
	for _, k := range []struct {
		kind     tenant.Kind
		variable string
	}{{tenant.Incenta, "INCENTA_API_KEY"}, {tenant.Incentable, "INCENTABLE_API_KEY"}, {tenant.Management, "MANAGEMENT_API_KEY"}} {
		key, err := core.Keys.CreateKey(ctx, core.DB, t, k.kind, "Demo", []string{"read", "write"})
		if err != nil {
			return nil, err
		}
		name := k.variable
		if mode == tenant.Test {
			name = "TEST_" + name
		}
		vars = append(vars, name+"="+key.Text)
	}
	return vars, nil
}

// demoMember is the member of the documents' examples.
const demoMember = "mem_abc123"

// fillDemoMember gives the documents' member a history, and enough points to
// buy both rewards of the examples: 32,500 earned - 7,500 redeemed, 500 pending.
func fillDemoMember(ctx context.Context, core *Core, tenantID int64) error {
	history := []ledger.Command{
		{Op: ledger.OpAward, Amount: 20_000, Memo: ledger.Memo{Reason: "Welcome to the demo"}},
		{Op: ledger.OpAward, Amount: 12_500, Memo: ledger.Memo{Reason: "Q1 Sales Target Achievement", Reference: "INV-2024-0817"}},
		{Op: ledger.OpSpend, Amount: 7_500, Memo: ledger.Memo{Reason: "Amazon Gift Card $75"}},
		{Op: ledger.OpHold, Amount: 500, MaturesAt: pg.Now().Add(30 * 24 * time.Hour), HoldID: uuid.Nil, Memo: ledger.Memo{Reason: "Purchase under review"}},
	}
	for i := range history {
		history[i].Member, history[i].Asset = demoMember, ledger.Points
	}
	results, err := core.Ledger.PostMany(ctx, tenantID, history, nil)
	for _, r := range results {
		err = errors.Join(err, r.Err)
	}
	if err != nil {
		return fmt.Errorf("history of %s: %w", demoMember, err)
	}
	return nil
}

func demoItems() []store.Item {
	number := func(n int64) *int64 { return &n }
	text := func(s string) *string { return &s }
	return []store.Item{
		{
			ID: "rwd_001", Name: "Amazon Gift Card $25", Description: "Digital Amazon.com gift card", Category: "Gift Cards", Kind: store.Digital,
			Status: store.Active, PointsCost: number(2500), TokensCost: number(25), ImageURL: text("https://cdn.incentable.com/rewards/amazon-25.png"),
		},
		{
			ID: "rwd_002", Name: "Wireless Earbuds", Description: "Premium wireless earbuds with charging case", Category: "Electronics", Kind: store.Physical,
			Status: store.Active, PointsCost: number(15000), Stock: number(50), ImageURL: text("https://cdn.incentable.com/rewards/earbuds.png"),
		},
		{
			ID: "rwd_003", Name: "Coffee Voucher", Description: "One coffee of your choice", Category: "Food & Drink", Kind: store.Digital,
			Status: store.Active, PointsCost: number(300), TokensCost: number(3), Stock: number(1000),
		},
	}
}
