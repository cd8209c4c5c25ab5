package incentive

import (
	"context"
	"fmt"
	"time"

	"github.com/incent-dev/incent/gen/query"
	"github.com/incent-dev/incent/internal/pg"
	"github.com/incent-dev/incent/internal/tenant"
)

// AchievedFilter selects milestones that were reached. Zero members select all.
type AchievedFilter struct {
	Member      string // the caller's id
	Key         string
	Limit, Skip int
}

// Achieved lists milestones that members reached, newest first. Totals and deep
// pages come from the counts per day, so they cost a row per day and shard, and
// at most one day's index entries.
func (e *Engine) Achieved(ctx context.Context, tenantID int64, f AchievedFilter) (list []Achieved, total int64, err error) {
	if f.Member != "" {
		list, total, err = e.achievedBy(ctx, tenantID, f)
	} else {
		list, total, err = e.achievedByAll(ctx, tenantID, f)
	}
	return list, total, pg.Fault(err)
}

func (e *Engine) achievedBy(ctx context.Context, tenantID int64, f AchievedFilter) ([]Achieved, int64, error) {
	m, known, err := tenant.MemberKey(ctx, e.db, tenantID, f.Member)
	if err != nil || !known {
		return nil, 0, err
	}
	var key *string
	if f.Key != "" {
		key = &f.Key
	}
	rows, err := q.MilestoneGrantListByMember(ctx, e.db, query.MilestoneGrantListByMemberParams{TenantID: tenantID, MemberID: m, MilestoneKey: key})
	if err != nil {
		return nil, 0, fmt.Errorf("list milestones of member: %w", err)
	}
	from := min(f.Skip, len(rows))
	page := rows[from:min(from+f.Limit, len(rows))]
	list := make([]Achieved, len(page))
	for i, g := range page {
		list[i] = achievedFromRow(query.MilestoneGrantListRow{
			ID: g.ID, MilestoneKey: g.MilestoneKey, Name: g.Name, Type: g.Type, Threshold: g.Threshold, Coins: g.Coins, BadgeKey: g.BadgeKey,
			AchievedAt: g.AchievedAt, ExternalID: f.Member,
		})
	}
	return list, int64(len(rows)), nil
}

func (e *Engine) achievedByAll(ctx context.Context, tenantID int64, f AchievedFilter) ([]Achieved, int64, error) {
	days, err := q.MilestoneDayList(ctx, e.db, query.MilestoneDayListParams{TenantID: tenantID, MilestoneKey: f.Key})
	if err != nil {
		return nil, 0, fmt.Errorf("count milestones: %w", err)
	}
	before, skip, total := time.Date(9999, 12, 30, 0, 0, 0, 0, time.UTC), int64(f.Skip), int64(0)
	for _, d := range days {
		if total+d.Milestones <= int64(f.Skip) {
			before, skip = d.Day.UTC(), skip-d.Milestones // the page begins before this day
		}
		total += d.Milestones
	}
	if int64(f.Skip) >= total {
		return nil, total, nil
	}
	var rows []query.MilestoneGrantListRow
	if f.Key == "" {
		rows, err = q.MilestoneGrantList(ctx, e.db, query.MilestoneGrantListParams{TenantID: tenantID, Before: before, MaxRows: int32(f.Limit), SkipRows: int32(skip)})
	} else {
		var some []query.MilestoneGrantListByKeyRow
		some, err = q.MilestoneGrantListByKey(ctx, e.db, query.MilestoneGrantListByKeyParams{
			TenantID: tenantID, MilestoneKey: f.Key, Before: before, MaxRows: int32(f.Limit), SkipRows: int32(skip),
		})
		for _, r := range some {
			rows = append(rows, query.MilestoneGrantListRow(r))
		}
	}
	if err != nil {
		return nil, 0, fmt.Errorf("list milestones: %w", err)
	}
	list := make([]Achieved, len(rows))
	for i, r := range rows {
		list[i] = achievedFromRow(r)
	}
	return list, total, nil
}

func achievedFromRow(r query.MilestoneGrantListRow) Achieved {
	return Achieved{
		ID: r.ID, Member: r.ExternalID, Key: r.MilestoneKey, Name: r.Name, Type: MilestoneType(r.Type), Threshold: r.Threshold, Coins: r.Coins,
		BadgeKey: r.BadgeKey, At: r.AchievedAt.UTC(),
	}
}
