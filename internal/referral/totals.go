package referral

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/incent-dev/incent/gen/query"
	"github.com/incent-dev/incent/internal/fault"
	"github.com/incent-dev/incent/internal/pg"
)

// shards is how many rows a campaign's totals are spread over.
const shards = 16

// counts gathers what one transaction adds to totals, and writes it last, each
// table in one order. Make it with newCounts.
type counts struct {
	shard     int16
	at        time.Time // of the transaction
	campaigns map[string]*campaignCounts
	referrers map[int64]*referrerCounts
	sightings map[sighting]bool
	visited   bool // by a click or conversion, not only by making a code
}

type campaignCounts struct {
	referrals, clicks, conversions int64

	hourly      bool  // counts in the campaign's hour, too
	standing    int64 // conversions neither rejected nor expired
	rewardMinor int64
	amounts     int64
	sum, square float64
}

// referrerCounts is what a referrer's codes did in an hour; clicks are counted by code.
type referrerCounts struct{ referrals, conversions int64 }

// sighting says that a member was seen on a network or device.
type sighting struct {
	kind   string
	trait  string // bytes of the keyed hash
	member int64
}

// newCounts makes counts that go into the shard of this number, of which only
// the lowest bits matter.
func newCounts(at time.Time, number byte) *counts {
	return &counts{
		shard: int16(number % shards), at: at, campaigns: map[string]*campaignCounts{}, referrers: map[int64]*referrerCounts{},
		sightings: map[sighting]bool{},
	}
}

func (c *counts) campaign(id string) *campaignCounts {
	if c.campaigns[id] == nil {
		c.campaigns[id] = &campaignCounts{}
	}
	return c.campaigns[id]
}

func (c *counts) referrer(member int64) *referrerCounts {
	if c.referrers[member] == nil {
		c.referrers[member] = &referrerCounts{}
	}
	return c.referrers[member]
}

// made counts a new code.
func (c *counts) made(campaign string, referrer int64) {
	c.campaign(campaign).referrals++
	c.referrer(referrer).referrals++
}

// clicked counts a counted click.
func (c *counts) clicked(campaign string) {
	of := c.campaign(campaign)
	of.clicks++
	of.hourly = true
	c.visited = true
}

// converted counts a new conversion.
func (c *counts) converted(campaign string, referrer int64, status string, amountMinor *int64) {
	of := c.campaign(campaign)
	of.conversions++
	of.hourly = true
	c.referrer(referrer).conversions++
	c.visited = true
	if status == ConversionCompleted || status == ConversionFlagged {
		of.standing++
	}
	if status == ConversionCompleted && amountMinor != nil && *amountMinor > 0 {
		log := math.Log(float64(*amountMinor))
		of.amounts, of.sum, of.square = of.amounts+1, of.sum+log, of.square+log*log
	}
}

// granted counts the value of a reward.
func (c *counts) granted(campaign string, valueMinor int64) {
	c.campaign(campaign).rewardMinor += valueMinor
}

// seen notes where a member was.
func (c *counts) seen(t traits, member int64) {
	for kind, trait := range t.byKind() {
		c.sightings[sighting{kind, string(trait), member}] = true
	}
}

// store queues all of it.
func (c *counts) store(ctx context.Context, db query.DBTX, tenantID int64) error {
	for _, write := range []func(context.Context, query.DBTX, int64) error{c.storeSightings, c.storeTotals} {
		if err := write(ctx, db, tenantID); err != nil {
			return err
		}
	}
	return nil
}

func (c *counts) storeSightings(ctx context.Context, db query.DBTX, tenantID int64) error {
	if len(c.sightings) == 0 {
		return nil
	}
	arg := query.SightingUpsertManyParams{TenantID: tenantID, At: c.at, Visited: c.visited}
	for s := range c.sightings {
		arg.Kinds = append(arg.Kinds, s.kind)
		arg.Traits = append(arg.Traits, []byte(s.trait))
		arg.MemberIds = append(arg.MemberIds, s.member)
	}
	return q.SightingUpsertMany(ctx, db, arg)
}

func (c *counts) storeTotals(ctx context.Context, db query.DBTX, tenantID int64) error {
	if len(c.campaigns) == 0 && len(c.referrers) == 0 {
		return nil
	}
	a := query.CampaignTotalAddManyParams{TenantID: tenantID, Hour: c.at.Truncate(time.Hour), Shard: c.shard}
	for member, n := range c.referrers {
		a.MemberIds = append(a.MemberIds, member)
		a.MemberReferrals = append(a.MemberReferrals, n.referrals)
		a.MemberConversions = append(a.MemberConversions, n.conversions)
	}
	for id, n := range c.campaigns {
		if n.hourly {
			a.HourCampaignIds = append(a.HourCampaignIds, id)
			a.HourClicks = append(a.HourClicks, n.clicks)
			a.HourConversions = append(a.HourConversions, n.conversions)
		}
		a.CampaignIds = append(a.CampaignIds, id)
		a.Referrals = append(a.Referrals, n.referrals)
		a.Clicks = append(a.Clicks, n.clicks)
		a.Conversions = append(a.Conversions, n.standing)
		a.RewardMinor = append(a.RewardMinor, n.rewardMinor)
		a.Amounts = append(a.Amounts, n.amounts)
		a.AmountSums = append(a.AmountSums, n.sum)
		a.AmountSqs = append(a.AmountSqs, n.square)
	}
	return q.CampaignTotalAddMany(ctx, db, a)
}

// Stats are the totals of a campaign.
type Stats struct {
	Referrals   int64
	Clicks      int64 // counted
	Conversions int64 // neither rejected nor expired
	RewardMinor int64 // value of rewards not cancelled
}

// Stats reads the totals of a campaign: as many rows as there are shards,
// however much happened in it.
func (p *Programme) Stats(ctx context.Context, tenantID int64, campaignID string) (Stats, error) {
	row, err := q.CampaignTotalGet(ctx, p.db, query.CampaignTotalGetParams{TenantID: tenantID, ID: campaignID})
	if pg.IsNoRows(err) {
		return Stats{}, fault.Missing("campaign")
	}
	if err != nil {
		return Stats{}, pg.Fault(fmt.Errorf("sum totals: %w", err))
	}
	return Stats{row.Referrals, row.Clicks, row.Conversions, row.RewardMinor}, nil
}
