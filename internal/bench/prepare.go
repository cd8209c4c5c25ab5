package bench

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/schollz/progressbar/v3"

	"github.com/incent-dev/incent/internal/pg"
	"github.com/incent-dev/incent/internal/tenant"
)

// PrepareOptions say how large a tenant to make, and where.
type PrepareOptions struct {
	URL       string // of a database, as the owner of its tables; migrated when it is not
	Tenant    string // name of the tenant to make; "": bench
	Members   int64  // 0: 1,000,000
	Transfers int64  // 0: 10,000,000
	Out       io.Writer

	// A campaign with a past is made in a tenant of its own, if there is to be one.
	Referrals   int64 // codes, each of another member; 0: no campaign
	Clicks      int64
	Conversions int64

	Ranked int64 // members with a place on the leaderboard of a tenant of its own; 0: none
}

const (
	defaultMembers   = 1_000_000
	defaultTransfers = 10_000_000
)

// Prepare makes a tenant with a long history and prints a key for it.
func Prepare(ctx context.Context, o PrepareOptions) error {
	if o.Tenant == "" {
		o.Tenant = "bench"
	}
	h := history{Members: o.Members, Transfers: o.Transfers, Amount: 100}
	if h.Members == 0 {
		h.Members = defaultMembers
	}
	if h.Transfers == 0 {
		h.Transfers = defaultTransfers
	}
	if h.Members < 0 || h.Transfers < 0 || o.Referrals < 0 || o.Ranked < 0 {
		return fmt.Errorf("members, transfers and codes cannot be negative")
	}
	if err := pg.Migrate(ctx, o.URL, 0); err != nil {
		return err
	}
	db, err := pg.Open(ctx, pg.Config{URL: o.URL})
	if err != nil {
		return err
	}
	defer db.Close()
	t, key, err := newTenant(ctx, db, o.Tenant)
	if err != nil {
		return err
	}
	h.Tenant = t.ID
	started := time.Now()
	if err := h.makeWithProgress(ctx, o.URL, o.Out); err != nil {
		return err
	}
	_, err = fmt.Fprintf(o.Out, "Tenant %s (live): %d members, %d transfers, made in %s.\nINCENTABLE_API_KEY=%s\n",
		t.Name, h.Members, h.Transfers, time.Since(started).Round(time.Second), key)
	if err == nil && o.Referrals > 0 {
		err = o.prepareCampaign(ctx, db)
	}
	if err == nil && o.Ranked > 0 {
		err = o.prepareRanked(ctx, db)
	}
	return err
}

func (o PrepareOptions) prepareRanked(ctx context.Context, db *pg.DB) error {
	name, started := o.Tenant+" leaderboard", time.Now()
	key, err := newRanked(ctx, db, o.URL, name, o.Ranked, o.Out)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(o.Out, "Tenant %s (live): %d ranked members, made in %s.\nINCENTA_API_KEY=%s\n", name, o.Ranked, time.Since(started).Round(time.Second), key)
	return err
}

func (o PrepareOptions) prepareCampaign(ctx context.Context, db *pg.DB) error {
	past := programme{Members: o.Referrals, Referrals: o.Referrals, Clicks: o.Clicks, Conversions: o.Conversions}
	if err := past.check(); err != nil {
		return err
	}
	name := o.Tenant + " campaign"
	tenantID, key, err := newCampaign(ctx, db, name)
	if err != nil {
		return err
	}
	past.Tenant, past.Campaign = tenantID, campaignID
	started := time.Now()
	if err := past.makeWithProgress(ctx, o.URL, o.Out); err != nil {
		return err
	}
	_, err = fmt.Fprintf(o.Out, "Tenant %s (live): %s, made in %s.\nINCENTA_API_KEY=%s\n", name, past, time.Since(started).Round(time.Second), key)
	return err
}

func (h history) makeWithProgress(ctx context.Context, url string, out io.Writer) error {
	return withProgress(out, h.rows(), func(done func(int)) error { return h.make(ctx, url, pg.Now(), done) })
}

// withProgress shows how many of so many rows were made.
func withProgress(out io.Writer, rows int64, make func(done func(rows int)) error) error {
	bar := progressbar.NewOptions64(rows, progressbar.OptionSetWriter(out), progressbar.OptionSetDescription("rows"),
		progressbar.OptionShowCount(), progressbar.OptionShowIts(), progressbar.OptionSetItsString("rows"),
		progressbar.OptionThrottle(200*time.Millisecond), progressbar.OptionSetPredictTime(true), progressbar.OptionSetWidth(30))
	_ = bar.RenderBlank() // starts its clock; to draw is its own concern
	err := make(func(rows int) { _ = bar.Add(rows) })
	fmt.Fprintln(out)
	return err
}

// newTenant makes a tenant without limits and a key that may do everything in
// the Incentable API.
func newTenant(ctx context.Context, db *pg.DB, name string) (tenant.Tenant, string, error) {
	t, err := tenant.Create(ctx, db, name, tenant.Live)
	if err != nil {
		return t, "", err
	}
	keys, err := tenant.NewKeys(ctx, db)
	if err != nil {
		return t, "", err
	}
	key, err := keys.CreateKey(ctx, db, t, tenant.Incentable, "bench", []string{"read", "write"})
	return t, key.Text, err
}
