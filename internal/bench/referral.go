package bench

import (
	"context"
	"fmt"

	"github.com/incent-dev/incent/internal/ledger"
	"github.com/incent-dev/incent/internal/pg"
	"github.com/incent-dev/incent/internal/referral"
	"github.com/incent-dev/incent/internal/tenant"
)

const (
	campaignID = "camp_bench"

	clickCodes    = 10_000  // that clicks are spread over
	clickReferees = 100_000 // who click: a few times each, always the same code
)

// busy is the past of the campaign that reads are measured on; idle has made
// one code, and nobody came.
var (
	busy = programme{Members: 1_000_000, Referrals: 1_000_000, Clicks: 5_000_000, Conversions: 500_000}
	idle = programme{Members: 1, Referrals: 1}
)

// campaigns are what the reads of campaigns are served from.
type campaigns struct {
	*fixture
	busyKey, idleKey string
}

// makeClicking makes a tenant with codes and people who know of them, in the
// served database.
func makeClicking(ctx context.Context, r *run) (err error) {
	if r.clickKey != "" {
		return nil
	}
	r.say("Making a tenant of %d codes, and %d people who click", clickCodes, clickReferees)
	r.clickKey, err = newProgramme(ctx, r.served, r.database, "bench clicks", programme{Members: clickReferees, Referrals: clickCodes},
		func(past programme, url string) error { return past.make(ctx, url, pg.Now(), func(int) {}) })
	return err
}

// makeCampaigns makes the two tenants with the busy and the idle campaign, in a
// database of their own.
func makeCampaigns(ctx context.Context, r *run) (err error) {
	if r.campaigns != nil {
		return nil
	}
	r.say("Making a campaign of %s", busy)
	c := &campaigns{fixture: &fixture{name: databaseCampaigns}}
	if err := r.database.create(ctx, c.name); err != nil {
		return err
	}
	if c.db, err = r.database.open(ctx, c.name); err != nil {
		return err
	}
	r.campaigns = c
	fill := func(past programme, url string) error { return past.makeWithProgress(ctx, url, r.Out) }
	if c.busyKey, err = newProgramme(ctx, c.fixture, r.database, "bench busy", busy, fill); err != nil {
		return err
	}
	c.idleKey, err = newProgramme(ctx, c.fixture, r.database, "bench idle", idle, fill)
	return err
}

// newProgramme makes a tenant with a campaign, has its past made, and returns a
// key that may do everything in the Incenta API.
func newProgramme(ctx context.Context, f *fixture, d *database, name string, past programme, fill func(past programme, url string) error) (key string, err error) {
	past.Tenant, key, err = newCampaign(ctx, f.db, name)
	if err != nil {
		return "", err
	}
	past.Campaign = campaignID
	return key, fill(past, d.url(f.name))
}

func newCampaign(ctx context.Context, db *pg.DB, name string) (tenantID int64, key string, err error) {
	t, _, err := newTenant(ctx, db, name)
	if err != nil {
		return 0, "", err
	}
	keys, err := tenant.NewKeys(ctx, db)
	if err != nil {
		return 0, "", err
	}
	made, err := keys.CreateKey(ctx, db, t, tenant.Incenta, "bench", []string{"read", "write"})
	if err != nil {
		return 0, "", err
	}
	books := ledger.New(db)
	defer books.Close(ctx)
	p, err := referral.New(ctx, db, books)
	if err != nil {
		return 0, "", err
	}
	defer p.Close(ctx)
	rule := referral.DefaultRule()
	rule.Referrer = &referral.Side{FixedMinor: rewardMinor, Asset: ledger.Points, Fulfilment: referral.Manual}
	_, err = p.CreateCampaign(ctx, t.ID, referral.Campaign{ID: campaignID, Name: name, State: referral.Active, Rule: rule}, nil)
	if err != nil {
		return 0, "", fmt.Errorf("make campaign: %w", err)
	}
	return t.ID, made.Text, nil
}

// The requests.

func click(key, body string) load {
	return load{
		template: newTemplate("POST", "/incenta/v1/clicks", key, "", body), clients: 64, per: 1, says: []byte(`"clickId":"click_`),
		first: 1, stride: 1, members: clickReferees, codes: clickCodes,
	}
}

func clickAnonymous(key string) load { return click(key, `{"referralCode":"`+codeName+codeDigits+`"}`) }

func clickKnown(key string) load {
	return click(key, `{"referralCode":"`+codeName+codeDigits+`","refereeId":"mem_`+memberDigits+`"}`)
}

// clicks measures a load of clicks on one server.
func clicks(of func(key string) load) func(context.Context, *run) (figure, error) {
	return func(ctx context.Context, r *run) (figure, error) { return r.drive(ctx, of(r.clickKey), r.main) }
}

// view is a read of a campaign with a past.
type view struct {
	past *programme
	load func(key string, past *programme) load
}

// measure drives the read on a server of its own. Each of its places is read
// once before: those of an idle campaign are met all the time, and to wait for
// pages that the database has not in memory is not what a large campaign costs.
func (v view) measure(ctx context.Context, r *run) (figure, error) {
	l := v.load(r.campaigns.busyKey, v.past)
	if v.past == &idle {
		l = v.load(r.campaigns.idleKey, v.past)
	}
	return r.beside(ctx, databaseCampaigns, func(s *server) (figure, error) {
		if err := l.visit(ctx, s.address); err != nil {
			return figure{}, fmt.Errorf("visit: %w", err)
		}
		return r.drive(ctx, l, s)
	})
}

func stats(key string, past *programme) load {
	return load{
		template: newTemplate("GET", "/incenta/v1/stats?campaignId="+campaignID, key, "", ""), clients: 64, per: 1,
		says: fmt.Appendf(nil, `"totalConversions":%d`, past.Conversions),
	}
}

// lookup reads codes of all corners of the campaign.
func lookup(key string, past *programme) load {
	codes := min(clickCodes, past.Referrals)
	return load{
		template: newTemplate("GET", "/incenta/v1/referrals/"+codeName+memberDigits, key, "", ""), clients: 64, per: 1,
		says: []byte(`"totalClicks":`), first: 1, stride: past.Referrals / codes, members: codes,
	}
}

// flat is the bar of a read that must take at most 1.5 times as long.
const flat = 1 / 1.5

// referralRows are those of the referral programme.
var referralRows = []row{
	{key: "click", title: "one click per request, by one of 100,000 people, 10,000 codes, 64 clients", prepare: makeClicking, load: clicks(clickKnown),
		bars: []bar{{against: "award", atLeast: 1}}},
	{key: "click-anonymous", title: "one click per request, by nobody in particular, 10,000 codes, 64 clients", prepare: makeClicking, load: clicks(clickAnonymous),
		bars: []bar{{against: "award", atLeast: 1}}},
	{key: "stats-idle", title: "statistics of an empty campaign, 64 clients", scale: true, prepare: makeCampaigns, load: view{&idle, stats}.measure},
	{key: "stats", title: "the same of one with 1,000,000 codes, 5,000,000 clicks, 500,000 conversions", scale: true, prepare: makeCampaigns, load: view{&busy, stats}.measure,
		bars: []bar{{against: "stats-idle", atLeast: flat}}},
	{key: "lookup-idle", title: "look-up of a code of an empty campaign, 64 clients", scale: true, prepare: makeCampaigns, load: view{&idle, lookup}.measure},
	{key: "lookup", title: "the same, of 10,000 among 1,000,000 with 5,000,000 clicks, 500,000 conversions", scale: true, prepare: makeCampaigns, load: view{&busy, lookup}.measure,
		bars: []bar{{against: "lookup-idle", atLeast: flat}}},
}
