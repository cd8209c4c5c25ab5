package referral

import (
	"context"
	"errors"
	"fmt"
	"regexp"

	"github.com/incent-dev/incent/gen/query"
	"github.com/incent-dev/incent/internal/event"
	"github.com/incent-dev/incent/internal/fault"
	"github.com/incent-dev/incent/internal/once"
	"github.com/incent-dev/incent/internal/pg"
	"github.com/incent-dev/incent/internal/tenant"
)

// vanityCode is what a chosen code may look like: it stands in links and is read out.
var vanityCode = regexp.MustCompile(`^[A-Za-z0-9_-]{3,32}$`)

// Vanity asks for a code of the operator's choice.
type Vanity struct {
	CampaignID string
	Code       string
	Referrer   string // the caller's id
	Username   string
}

// CreateVanity makes the referrer's referral for anybody under a chosen code. It
// is the operator's own doing, so fraud is not judged, and the campaign need not
// run yet.
func (p *Programme) CreateVanity(ctx context.Context, tenantID int64, v Vanity, ticket *once.Ticket) (Referral, error) {
	if err := tenant.Living(v.Referrer); err != nil {
		return Referral{}, err
	}
	for attempt := 1; ; attempt++ {
		made, err := once.Run(ctx, p.db, tenantID, pg.Now(), ticket, func(ctx context.Context, tx pg.Tx) (Referral, error) {
			return p.createVanity(ctx, tx, tenantID, v)
		})
		if again, err := p.open(ctx, tenantID, err, attempt); !again {
			return made, err
		}
	}
}

func (p *Programme) createVanity(ctx context.Context, tx pg.Tx, tenantID int64, v Vanity) (Referral, error) {
	if !vanityCode.MatchString(v.Code) {
		return Referral{}, fault.Field("code", "must be 3 to 32 letters, digits, - and _")
	}
	t, err := tenant.Get(ctx, tx, tenantID)
	if err != nil {
		return Referral{}, err
	}
	c, err := campaign(ctx, tx, tenantID, v.CampaignID)
	if err != nil {
		return Referral{}, err
	}
	if c.State == Archived {
		return Referral{}, fault.New(fault.Invalid, CodeCampaignNotActive, "The campaign is archived")
	}
	people, err := known(ctx, tx, t, v.Referrer)
	if err != nil {
		return Referral{}, err
	}
	r := Referral{
		ID: pg.NewUUID(), CampaignID: c.ID, Code: v.Code, Referrer: v.Referrer, Username: v.Username, Status: ReferralPending, CreatedAt: t.Now(),
	}
	referrer := people[v.Referrer].id
	inserted, err := q.ReferralInsert(ctx, tx, query.ReferralInsertParams{
		TenantID: tenantID, ID: r.ID, CampaignID: r.CampaignID, Code: r.Code, ReferrerID: referrer, Username: orNull(r.Username), CreatedAt: r.CreatedAt,
	})
	if err != nil {
		return Referral{}, fmt.Errorf("insert referral: %w", err)
	}
	if inserted == 0 {
		return Referral{}, vanityTaken(ctx, tx, tenantID, c.ID, referrer)
	}
	var pipe pg.Pipeline
	var told event.Journal
	told.Object(event.ReferralCreated, r.ID, nil)
	fired, err := p.fire(ctx, tx, &pipe, &told, t, madeCode(tenantID, r, referrer))
	if err != nil {
		return Referral{}, err
	}
	counts := newCounts(r.CreatedAt, r.ID[15])
	counts.made(c.ID, referrer)
	return r, errors.Join(counts.store(ctx, &pipe, tenantID), fired.Store(ctx, &pipe), told.Store(ctx, &pipe, tenantID, r.CreatedAt), pipe.Send(ctx, tx))
}

// vanityTaken says what stood in the way of a chosen code.
func vanityTaken(ctx context.Context, tx pg.Tx, tenantID int64, campaignID string, referrer int64) error {
	_, err := q.ReferralGetOpen(ctx, tx, query.ReferralGetOpenParams{TenantID: tenantID, CampaignID: campaignID, ReferrerID: referrer})
	if pg.IsNoRows(err) {
		return fault.New(fault.Conflict, CodeAlreadyExists, "This code is taken").About("code")
	}
	if err != nil {
		return fmt.Errorf("find referral: %w", err)
	}
	return fault.New(fault.Conflict, CodeAlreadyExists, "The referrer has a code for anybody in this campaign already").About("referrerId")
}
