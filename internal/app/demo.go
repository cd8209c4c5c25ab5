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
	"github.com/incent-dev/incent/internal/referral"
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
	if err := fillDemoIncentives(ctx, core.Incentive, t.ID); err != nil {
		return nil, fmt.Errorf("incentives: %w", err)
	}
	if err := fillDemoProgramme(ctx, core, t.ID); err != nil {
		return nil, fmt.Errorf("referral programme: %w", err)
	}
	if err := fillDemoMarket(ctx, core, t.ID); err != nil {
		return nil, fmt.Errorf("marketplace: %w", err)
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

// demoCampaign is the campaign of the documents' examples, and demoCode the code
// in them, of user_456: whoever converts by it with 49.99 earns user_456 a
// discount of 5.00, and gets 100 points.
const (
	demoCampaign = "camp_demo"
	demoCode     = "ABC123"
	demoReferrer = "user_456"
	memberCode   = "SAVE20" // of demoMember, with a history
)

func demoCampaigns() []referral.Campaign {
	simple, tiered := referral.DefaultRule(), referral.DefaultRule()
	simple.Referrer = &referral.Side{BasisPoints: 1000, Asset: ledger.Points, Fulfilment: referral.DiscountCode}
	simple.Referee = &referral.Side{Units: 100, Asset: ledger.Points, Fulfilment: referral.Automated}
	tiered.Referrer = &referral.Side{
		Asset: ledger.Points, CapMinor: 50_00, Fulfilment: referral.GiftCard,
		Tiers: []referral.Tier{{From: 1, FixedMinor: 5_00}, {From: 3, FixedMinor: 10_00}, {From: 10, BasisPoints: 15_00}},
	}
	tiered.MinAmountMinor, tiered.HoldDays, tiered.ReferrerCapMinor = 20_00, 14, 500_00
	budget := int64(5_000_00)
	return []referral.Campaign{
		{ID: demoCampaign, Name: "Refer a friend", State: referral.Active, Rule: simple},
		{ID: "camp_tiers", Name: "Ambassadors", State: referral.Active, Rule: tiered, BudgetMinor: &budget},
	}
}

// fillDemoProgramme makes the campaigns, two codes, and one conversion with a
// reward that can be claimed. What is there already stays.
func fillDemoProgramme(ctx context.Context, core *Core, tenantID int64) error {
	for _, c := range demoCampaigns() {
		if _, err := core.Referral.CreateCampaign(ctx, tenantID, c, nil); err != nil && !fault.Is(err, referral.CodeAlreadyExists) {
			return err
		}
	}
	for code, referrer := range map[string]string{demoCode: demoReferrer, memberCode: demoMember} {
		v := referral.Vanity{CampaignID: demoCampaign, Code: code, Referrer: referrer}
		if _, err := core.Referral.CreateVanity(ctx, tenantID, v, nil); err != nil && !fault.Is(err, referral.CodeAlreadyExists) {
			return err
		}
	}
	r, err := core.Referral.Referral(ctx, tenantID, memberCode)
	if err != nil || r.Conversions > 0 {
		return err
	}
	const friend = "mem_friend"
	if _, err := core.Referral.TrackClick(ctx, tenantID, referral.NewClick{Code: memberCode, Referee: friend}, nil); err != nil {
		return err
	}
	amount := int64(49_99)
	_, err = core.Referral.RecordConversion(ctx, tenantID, referral.NewConversion{Code: memberCode, Referee: friend, AmountMinor: &amount}, nil)
	return err
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
