package referral

import (
	"context"
	"fmt"
	"time"

	"github.com/incent-dev/incent/gen/query"
	"github.com/incent-dev/incent/internal/pg"
)

// ConversionFilter selects conversions. Zero members select all.
type ConversionFilter struct {
	CampaignID  string
	Code        string // in any case
	Status      string
	From, To    time.Time // inclusive
	Limit, Skip int
}

const tick = time.Microsecond // the database's resolution

var (
	distantPast   = time.Date(1, 1, 2, 0, 0, 0, 0, time.UTC)
	distantFuture = time.Date(9999, 12, 30, 0, 0, 0, 0, time.UTC)
)

// Conversions lists conversions, newest first. Totals and deep pages come from
// the counts per day, so they cost a few rows per day and at most one day's
// index entries; those of one code from the counts per block.
func (p *Programme) Conversions(ctx context.Context, tenantID int64, f ConversionFilter) (list []Conversion, total int64, err error) {
	if f.From.IsZero() {
		f.From = distantPast
	}
	if f.To.IsZero() {
		f.To = distantFuture
	}
	if f.Code != "" {
		list, total, err = p.codeConversions(ctx, tenantID, f)
	} else {
		list, total, err = p.allConversions(ctx, tenantID, f)
	}
	return list, total, pg.Fault(err)
}

// period is a part of time with the number of conversions in it.
type period struct {
	from, to    time.Time // inclusive
	conversions int64
}

func (p *Programme) allConversions(ctx context.Context, tenantID int64, f ConversionFilter) ([]Conversion, int64, error) {
	periods, err := p.periods(ctx, tenantID, f)
	if err != nil {
		return nil, 0, err
	}
	var total int64
	to, skip := f.To, int64(f.Skip)
	for _, d := range periods {
		if total+d.conversions <= int64(f.Skip) {
			// The page begins before this period: leave it out of the scan.
			to, skip = d.from.Add(-tick), skip-d.conversions
		}
		total += d.conversions
	}
	if int64(f.Skip) >= total {
		return nil, total, nil
	}
	list, err := p.page(ctx, tenantID, f, to, skip)
	return list, total, err
}

// periods counts the conversions of the span by day, newest first. Days that
// lie in it only in part are counted by index.
func (p *Programme) periods(ctx context.Context, tenantID int64, f ConversionFilter) ([]period, error) {
	days, err := p.days(ctx, tenantID, f)
	if err != nil {
		return nil, fmt.Errorf("count conversions by day: %w", err)
	}
	for i := range days {
		d := &days[i]
		if !d.from.Before(f.From) && !d.to.After(f.To) {
			continue
		}
		if d.from.Before(f.From) {
			d.from = f.From
		}
		if d.to.After(f.To) {
			d.to = f.To
		}
		if d.conversions, err = p.countSpan(ctx, tenantID, f, *d); err != nil {
			return nil, fmt.Errorf("count conversions: %w", err)
		}
	}
	return days, nil
}

func (p *Programme) days(ctx context.Context, tenantID int64, f ConversionFilter) ([]period, error) {
	var days []period
	add := func(day time.Time, conversions int64) {
		days = append(days, period{day.UTC(), day.UTC().Add(wholeDay - tick), conversions})
	}
	if f.CampaignID == "" {
		rows, err := q.ConversionDayList(ctx, p.db, query.ConversionDayListParams{TenantID: tenantID, FromDay: f.From, ToDay: f.To, Status: orNull(f.Status)})
		for _, r := range rows {
			add(r.Day, r.Conversions)
		}
		return days, err
	}
	rows, err := q.ConversionDayListByCampaign(ctx, p.db, query.ConversionDayListByCampaignParams{
		TenantID: tenantID, CampaignID: f.CampaignID, FromDay: f.From, ToDay: f.To, Status: orNull(f.Status),
	})
	for _, r := range rows {
		add(r.Day, r.Conversions)
	}
	return days, err
}

func (p *Programme) countSpan(ctx context.Context, tenantID int64, f ConversionFilter, d period) (int64, error) {
	if f.CampaignID == "" {
		return q.ConversionCountSpan(ctx, p.db, query.ConversionCountSpanParams{TenantID: tenantID, Status: orNull(f.Status), FromAt: d.from, ToAt: d.to})
	}
	return q.ConversionCountSpanByCampaign(ctx, p.db, query.ConversionCountSpanByCampaignParams{
		TenantID: tenantID, CampaignID: f.CampaignID, Status: orNull(f.Status), FromAt: d.from, ToAt: d.to,
	})
}

// page reads the newest conversions up to an instant, after skipping some: those
// of a campaign, or all.
func (p *Programme) page(ctx context.Context, tenantID int64, f ConversionFilter, to time.Time, skip int64) (list []Conversion, err error) {
	limit, offset, status := int32(f.Limit), clampSkip(int(skip)), orNull(f.Status)
	if f.CampaignID != "" {
		rows, err := q.ConversionListByCampaign(ctx, p.db, query.ConversionListByCampaignParams{
			TenantID: tenantID, CampaignID: f.CampaignID, Status: status, FromAt: f.From, ToAt: to, MaxRows: limit, SkipRows: offset,
		})
		for _, r := range rows {
			list = append(list, conversionFromRow(r.Conversion, r.Code, r.Referrer, r.Referee))
		}
		return list, err
	}
	rows, err := q.ConversionList(ctx, p.db, query.ConversionListParams{
		TenantID: tenantID, Status: status, FromAt: f.From, ToAt: to, MaxRows: limit, SkipRows: offset,
	})
	for _, r := range rows {
		list = append(list, conversionFromRow(r.Conversion, r.Code, r.Referrer, r.Referee))
	}
	return list, err
}

func conversionFromRow(r query.Conversion, code, referrer, referee string) Conversion {
	return Conversion{
		ID: r.ID, CampaignID: r.CampaignID, ReferralID: r.ReferralID, Code: code, Referrer: referrer, Referee: referee, Version: int(r.Version),
		Status: r.Status, Reason: orEmpty(r.Reason), AmountMinor: r.AmountMinor, RewardMinor: r.RewardMinor, RewardUnits: r.RewardUnits,
		Review: reviewOf(r.RiskScore, r.Warning, r.Reasons), Metadata: r.Metadata, CreatedAt: r.CreatedAt.UTC(),
	}
}
