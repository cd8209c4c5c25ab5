package app

import (
	"context"
	"fmt"

	"github.com/incent-dev/incent/internal/fault"
	"github.com/incent-dev/incent/internal/ledger"
	"github.com/incent-dev/incent/internal/store"
)

// The member and the listing of the documents' marketplace examples.
const (
	demoShopper = "user_123"
	demoPartner = "ptn_demo"
	demoListing = "listing_456"
)

// fillDemoMarket makes a verified partner with one listing, whose codes never
// run out, and gives the documents' member enough coins for it. What is there
// already stays.
func fillDemoMarket(ctx context.Context, core *Core, tenantID int64) error {
	_, err := core.Store.Listing(ctx, tenantID, demoListing)
	if !fault.Is(err, fault.CodeNotFound) {
		return err
	}
	has, err := core.Ledger.Everything(ctx, tenantID, demoShopper)
	if err == nil && has.Points.Earned == 0 {
		_, err = core.Ledger.Post(ctx, tenantID, ledger.Command{
			Op: ledger.OpAward, Member: demoShopper, Asset: ledger.Points, Amount: 5_000, Memo: ledger.Memo{Reason: "Welcome to the demo"},
		}, nil)
	}
	if err != nil {
		return fmt.Errorf("coins of %s: %w", demoShopper, err)
	}
	if _, err := core.Store.CreatePartner(ctx, tenantID, store.Partner{ID: demoPartner, Name: "Corner Books"}, nil); err != nil && !fault.Is(err, store.CodeAlreadyExists) {
		return err
	}
	verified := true
	if _, err := core.Store.UpdatePartner(ctx, tenantID, demoPartner, store.PartnerChange{Verified: &verified}, nil); err != nil {
		return err
	}
	const pool = "Corner Books"
	codes, err := core.Store.CreatePool(ctx, core.DB, tenantID, pool, store.Generated)
	if fault.Is(err, store.CodeAlreadyExists) {
		codes, err = core.Store.FindPool(ctx, tenantID, pool)
	}
	if err != nil {
		return err
	}
	cost := int64(800)
	_, err = core.Store.CreateListing(ctx, tenantID, store.Listing{
		Item:    store.Item{ID: demoListing, Name: "Ten off at the bookshop", Category: "Books", Status: store.Active, PointsCost: &cost, PoolID: &codes.ID},
		Partner: store.Partner{ID: demoPartner}, OwedMinor: 7_50,
	}, nil)
	return err
}
