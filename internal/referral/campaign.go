package referral

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"regexp"
	"time"
	"unicode/utf8"

	"github.com/incent-dev/incent/gen/query"
	"github.com/incent-dev/incent/internal/fault"
	"github.com/incent-dev/incent/internal/id"
	"github.com/incent-dev/incent/internal/once"
	"github.com/incent-dev/incent/internal/pg"
	"github.com/incent-dev/incent/internal/tenant"
)

const (
	campaignPrefix  = "camp_"
	maxCampaignName = 255

	// MaxBudgetMinor bounds a budget, in minor units.
	MaxBudgetMinor = 100_000_000_000_000
)

// campaignID is what a tenant may call a campaign: it stands in paths and links.
var campaignID = regexp.MustCompile(`^[A-Za-z0-9_-]{1,40}$`)

func (c Campaign) check() error {
	switch {
	case !campaignID.MatchString(c.ID):
		return fault.Field("id", "must be 1 to 40 letters, digits, - and _")
	case c.Name == "" || utf8.RuneCountInString(c.Name) > maxCampaignName:
		return fault.Field("name", "must have 1 to %d characters", maxCampaignName)
	case c.State != Active && c.State != Paused && c.State != Archived:
		return fault.Field("state", "must be %s, %s or %s", Active, Paused, Archived)
	case !c.EndsAt.IsZero() && !c.EndsAt.After(c.StartsAt):
		return fault.Field("endsAt", "must be after startsAt")
	case c.BudgetMinor != nil && (*c.BudgetMinor < 0 || *c.BudgetMinor > MaxBudgetMinor):
		return fault.Field("budget", "must be between 0 and %s", money(MaxBudgetMinor))
	case c.BudgetMinor != nil && *c.BudgetMinor < c.SpentMinor:
		return fault.Field("budget", "must be at least what was granted already, %s", money(c.SpentMinor))
	}
	return c.Rule.Check("rule")
}

// CreateCampaign makes a campaign. An empty id is made up.
func (p *Programme) CreateCampaign(ctx context.Context, tenantID int64, c Campaign, ticket *once.Ticket) (Campaign, error) {
	return once.Run(ctx, p.db, tenantID, pg.Now(), ticket, func(ctx context.Context, tx pg.Tx) (Campaign, error) {
		if c.ID == "" {
			c.ID = id.UUID(campaignPrefix, pg.NewUUID())
		}
		if c.State == Archived {
			return Campaign{}, fault.Field("state", "must be %s or %s", Active, Paused)
		}
		t, err := tenant.Get(ctx, tx, tenantID)
		if err != nil {
			return Campaign{}, err
		}
		c.Version, c.SpentMinor, c.CreatedAt = 1, 0, t.Now()
		c.UpdatedAt = c.CreatedAt
		if err := c.checkIn(ctx, tx, tenantID); err != nil {
			return Campaign{}, err
		}
		err = q.CampaignInsert(ctx, tx, query.CampaignInsertParams{
			TenantID: tenantID, ID: c.ID, Position: pg.NewKey(), Name: c.Name, State: string(c.State),
			StartsAt: nullable(c.StartsAt), EndsAt: nullable(c.EndsAt), BudgetMinor: c.BudgetMinor, CreatedAt: c.CreatedAt,
		})
		if pg.Violates(err, "campaigns_pk") {
			return Campaign{}, fault.New(fault.Conflict, CodeAlreadyExists, "There is a campaign with this id already").About("id")
		}
		if err != nil {
			return Campaign{}, fmt.Errorf("insert campaign: %w", err)
		}
		return c, keepRule(ctx, tx, tenantID, c, c.CreatedAt)
	})
}

// checkIn is check and what only the database knows.
func (c Campaign) checkIn(ctx context.Context, tx pg.Tx, tenantID int64) error {
	if err := c.check(); err != nil {
		return err
	}
	for _, side := range []struct {
		*Side
		field string
	}{{c.Rule.Referrer, "rule.referrer"}, {c.Rule.Referee, "rule.referee"}} {
		if side.Side == nil || side.PoolID == "" {
			continue
		}
		_, err := q.PoolGet(ctx, tx, query.PoolGetParams{TenantID: tenantID, ID: side.PoolID})
		if pg.IsNoRows(err) {
			return fault.Missing("code pool").About(side.field + ".codePoolId")
		}
		if err != nil {
			return fmt.Errorf("find code pool: %w", err)
		}
	}
	return nil
}

func keepRule(ctx context.Context, tx pg.Tx, tenantID int64, c Campaign, at time.Time) error {
	err := q.CampaignVersionInsert(ctx, tx, query.CampaignVersionInsertParams{
		TenantID: tenantID, CampaignID: c.ID, Version: int32(c.Version), Rule: c.Rule.encoded(), CreatedAt: at,
	})
	if err != nil {
		return fmt.Errorf("insert rule: %w", err)
	}
	return nil
}

// encoded is the rule as it is stored. Equal rules are encoded equally.
func (r Rule) encoded() json.RawMessage {
	text, err := json.Marshal(r)
	if err != nil {
		panic("a rule is plain data: " + err.Error())
	}
	return text
}

// UpdateCampaign changes a locked copy of a campaign and stores it. A change of
// the rule makes a new version of it. A budget that begins now has been drawn on
// by all that was granted before. An archived campaign stays as it is. change
// replaces a side of the rule, never what the side points to.
func (p *Programme) UpdateCampaign(ctx context.Context, tenantID int64, campaignID string, change func(*Campaign), ticket *once.Ticket) (Campaign, error) {
	return once.Run(ctx, p.db, tenantID, pg.Now(), ticket, func(ctx context.Context, tx pg.Tx) (Campaign, error) {
		t, err := tenant.Get(ctx, tx, tenantID)
		if err != nil {
			return Campaign{}, err
		}
		if err := q.CampaignLock(ctx, tx, campaignKey(tenantID, campaignID)); err != nil {
			return Campaign{}, fmt.Errorf("lock campaign: %w", err)
		}
		return p.changed(ctx, tx, t, campaignID, change)
	})
}

func (p *Programme) changed(ctx context.Context, tx pg.Tx, t tenant.Tenant, campaignID string, change func(*Campaign)) (Campaign, error) {
	was, err := campaign(ctx, tx, t.ID, campaignID)
	if err != nil {
		return Campaign{}, err
	}
	c := was
	change(&c)
	if c.BudgetMinor != nil && was.BudgetMinor == nil {
		c.SpentMinor, err = q.CampaignGetGranted(ctx, tx, query.CampaignGetGrantedParams{TenantID: t.ID, CampaignID: c.ID})
		if err != nil {
			return Campaign{}, fmt.Errorf("sum what was granted: %w", err)
		}
	}
	if c.BudgetMinor == nil {
		c.SpentMinor = 0
	}
	if err := c.checkIn(ctx, tx, t.ID); err != nil {
		return Campaign{}, err
	}
	fresh := !bytes.Equal(c.Rule.encoded(), was.Rule.encoded())
	if was.State == Archived {
		if fresh || c.State != Archived || !c.sameFrame(was) {
			return Campaign{}, fault.New(fault.Invalid, CodeInvalidTransition, "An archived campaign cannot be changed").About("state")
		}
		return was, nil
	}
	if !fresh && c.State == was.State && c.sameFrame(was) {
		return was, nil
	}
	c.UpdatedAt = t.Now()
	if fresh {
		c.Version++
		if err := keepRule(ctx, tx, t.ID, c, c.UpdatedAt); err != nil {
			return Campaign{}, err
		}
	}
	err = q.CampaignUpdate(ctx, tx, query.CampaignUpdateParams{
		TenantID: t.ID, ID: c.ID, Name: c.Name, State: string(c.State), StartsAt: nullable(c.StartsAt), EndsAt: nullable(c.EndsAt),
		Version: int32(c.Version), BudgetMinor: c.BudgetMinor, SpentMinor: c.SpentMinor, UpdatedAt: c.UpdatedAt,
	})
	if err != nil {
		return Campaign{}, fmt.Errorf("store campaign: %w", err)
	}
	return c, nil
}

// sameFrame compares what is neither state nor rule.
func (c Campaign) sameFrame(d Campaign) bool {
	sameBudget := (c.BudgetMinor == nil) == (d.BudgetMinor == nil) && (c.BudgetMinor == nil || *c.BudgetMinor == *d.BudgetMinor)
	return c.Name == d.Name && c.StartsAt.Equal(d.StartsAt) && c.EndsAt.Equal(d.EndsAt) && sameBudget
}

// lockCampaign reads a campaign under the lock that granting rewards, or taking
// them back, needs. Without a budget many hold it at once; with one it is theirs
// alone, to draw on it. Either keeps the campaign as it is, so that a budget that
// begins, or a new rule, never meets a grant that does not know of it.
func lockCampaign(ctx context.Context, tx pg.Tx, tenantID int64, campaignID string) (Campaign, error) {
	if err := q.CampaignLockShared(ctx, tx, campaignKey(tenantID, campaignID)); err != nil {
		return Campaign{}, fmt.Errorf("share campaign: %w", err)
	}
	c, err := campaign(ctx, tx, tenantID, campaignID)
	if err != nil || c.BudgetMinor == nil {
		return c, err
	}
	row, err := q.CampaignGetForNoKeyUpdate(ctx, tx, query.CampaignGetForNoKeyUpdateParams{TenantID: tenantID, ID: campaignID})
	if err != nil {
		return Campaign{}, fmt.Errorf("lock campaign: %w", err)
	}
	c.SpentMinor = row.SpentMinor // others drew on it meanwhile; nothing else can have changed
	return c, nil
}

// campaignKey is a campaign among the database's advisory locks. Two that share
// one wait for each other, and no worse.
func campaignKey(tenantID int64, campaignID string) int64 {
	h := fnv.New64a()
	fmt.Fprintf(h, "campaign %d %s", tenantID, campaignID)
	return int64(h.Sum64())
}

// Campaign reads one campaign with the rule in force.
func (p *Programme) Campaign(ctx context.Context, tenantID int64, campaignID string) (Campaign, error) {
	c, err := campaign(ctx, p.db, tenantID, campaignID)
	return c, pg.Fault(err)
}

func campaign(ctx context.Context, db query.DBTX, tenantID int64, campaignID string) (Campaign, error) {
	row, err := q.CampaignGet(ctx, db, query.CampaignGetParams{TenantID: tenantID, ID: campaignID})
	if pg.IsNoRows(err) {
		return Campaign{}, fault.Missing("campaign").About("campaignId")
	}
	if err != nil {
		return Campaign{}, fmt.Errorf("read campaign: %w", err)
	}
	return campaignFromRow(row.Campaign, row.Rule)
}

// Campaigns lists campaigns, newest first; an empty state lists all.
func (p *Programme) Campaigns(ctx context.Context, tenantID int64, state CampaignState, limit, skip int) (list []Campaign, total int64, err error) {
	var only *string
	if state != "" {
		only = (*string)(&state)
	}
	rows, err := q.CampaignList(ctx, p.db, query.CampaignListParams{TenantID: tenantID, State: only, MaxRows: int32(limit), SkipRows: clampSkip(skip)})
	if err != nil {
		return nil, 0, pg.Fault(fmt.Errorf("list campaigns: %w", err))
	}
	list = make([]Campaign, len(rows))
	for i, r := range rows {
		if list[i], err = campaignFromRow(r.Campaign, r.Rule); err != nil {
			return nil, 0, err
		}
	}
	total, err = q.CampaignCount(ctx, p.db, query.CampaignCountParams{TenantID: tenantID, State: only})
	return list, total, pg.Fault(err)
}

// Version is a campaign's rule as it was from an instant on.
type Version struct {
	Number    int
	Rule      Rule
	CreatedAt time.Time
}

// Versions lists a campaign's rules, newest first.
func (p *Programme) Versions(ctx context.Context, tenantID int64, campaignID string, limit, skip int) (list []Version, total int64, err error) {
	c, err := p.Campaign(ctx, tenantID, campaignID)
	if err != nil {
		return nil, 0, err
	}
	rows, err := q.CampaignVersionList(ctx, p.db, query.CampaignVersionListParams{
		TenantID: tenantID, CampaignID: campaignID, MaxRows: int32(limit), SkipRows: clampSkip(skip),
	})
	if err != nil {
		return nil, 0, pg.Fault(fmt.Errorf("list rules: %w", err))
	}
	list = make([]Version, len(rows))
	for i, r := range rows {
		if list[i], err = versionFromRow(r); err != nil {
			return nil, 0, err
		}
	}
	return list, int64(c.Version), nil
}

// version reads one rule as it was; rules that decided something are all kept.
func version(ctx context.Context, db query.DBTX, tenantID int64, campaignID string, number int) (Version, error) {
	row, err := q.CampaignVersionGet(ctx, db, query.CampaignVersionGetParams{TenantID: tenantID, CampaignID: campaignID, Version: int32(number)})
	if err != nil {
		return Version{}, fmt.Errorf("read rule %d of %s: %w", number, campaignID, err)
	}
	return versionFromRow(row)
}

func versionFromRow(r query.CampaignVersion) (Version, error) {
	v := Version{Number: int(r.Version), CreatedAt: r.CreatedAt.UTC()}
	if err := json.Unmarshal(r.Rule, &v.Rule); err != nil {
		return v, fmt.Errorf("rule %d of campaign %s: %w", r.Version, r.CampaignID, err)
	}
	return v, nil
}

func campaignFromRow(r query.Campaign, rule json.RawMessage) (Campaign, error) {
	c := Campaign{
		ID: r.ID, Name: r.Name, State: CampaignState(r.State), StartsAt: instant(r.StartsAt), EndsAt: instant(r.EndsAt), Version: int(r.Version),
		BudgetMinor: r.BudgetMinor, SpentMinor: r.SpentMinor, CreatedAt: r.CreatedAt.UTC(), UpdatedAt: r.UpdatedAt.UTC(),
	}
	if err := json.Unmarshal(rule, &c.Rule); err != nil {
		return c, fmt.Errorf("rule of campaign %s: %w", c.ID, err)
	}
	return c, nil
}
