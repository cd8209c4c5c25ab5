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
	clickCodes    = 10_000  // that clicks are spread over
	clickReferees = 100_000 // who click: a few times each, always the same code
)

// clicking is what the rows of clicks are served from.
type clicking struct {
	tenant int64
	key    string
}

// makeClicking makes a tenant with codes and people who know of them, in the
// served database.
func makeClicking(ctx context.Context, r *run) error {
	if r.clicking != nil {
		return nil
	}
	r.say("Making a tenant of %d codes, and %d people who click", clickCodes, clickReferees)
	t, key, err := newProgramme(ctx, r.served.db, "bench clicks", campaignBusy)
	if err != nil {
		return err
	}
	past := programme{Tenant: t.ID, Campaign: campaignBusy, Members: clickReferees, Referrals: clickCodes}
	if err := past.make(ctx, r.database.url(r.served.name), pg.Now(), func(int) {}); err != nil {
		return err
	}
	r.clicking = &clicking{t.ID, key}
	return nil
}

// The campaigns.
const (
	campaignBusy = "camp_busy"
	campaignIdle = "camp_idle"
)

// newProgramme makes a tenant with campaigns and a key that may do everything
// in the Incenta API.
func newProgramme(ctx context.Context, db *pg.DB, name string, campaigns ...string) (tenant.Tenant, string, error) {
	t, _, err := newTenant(ctx, db, name)
	if err != nil {
		return t, "", err
	}
	keys, err := tenant.NewKeys(ctx, db)
	if err != nil {
		return t, "", err
	}
	key, err := keys.CreateKey(ctx, db, t, tenant.Incenta, "bench", []string{"read", "write"})
	if err != nil {
		return t, "", err
	}
	books := ledger.New(db)
	defer books.Close(ctx)
	p, err := referral.New(ctx, db, books)
	if err != nil {
		return t, "", err
	}
	defer p.Close(ctx)
	for _, id := range campaigns {
		rule := referral.DefaultRule()
		rule.Referrer = &referral.Side{FixedMinor: rewardMinor, Asset: ledger.Points, Fulfilment: referral.Manual}
		if _, err := p.CreateCampaign(ctx, t.ID, referral.Campaign{ID: id, Name: id, State: referral.Active, Rule: rule}, nil); err != nil {
			return t, "", fmt.Errorf("make campaign: %w", err)
		}
	}
	return t, key.Text, nil
}

// The requests.

func click(key, body string) load {
	return load{
		template: newTemplate("POST", "/incenta/v1/clicks", key, "", body), clients: 64, per: 1, says: []byte(`"clickId":"click_`),
		first: 1, stride: 1, members: clickReferees, codes: clickCodes,
	}
}

func (c *clicking) anonymous() load { return click(c.key, `{"referralCode":"`+codeText+`"}`) }

func (c *clicking) known() load {
	return click(c.key, `{"referralCode":"`+codeText+`","refereeId":"mem_`+memberDigits+`"}`)
}

// clicks measures a load of clicks on one server.
func clicks(of func(*clicking) load) func(context.Context, *run) (figure, error) {
	return func(ctx context.Context, r *run) (figure, error) { return r.drive(ctx, of(r.clicking), r.main) }
}

// referralRows are those of the referral programme.
var referralRows = []row{
	{key: "click", title: "one click per request, by one of 100,000 people, 10,000 codes, 64 clients", prepare: makeClicking, load: clicks((*clicking).known),
		bars: []bar{{against: "award", atLeast: 1}}},
	{key: "click-anonymous", title: "the same, by nobody in particular", prepare: makeClicking, load: clicks((*clicking).anonymous),
		bars: []bar{{against: "award", atLeast: 1}}},
}
