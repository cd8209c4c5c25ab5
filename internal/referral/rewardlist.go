package referral

import (
	"context"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/incent-dev/incent/gen/query"
	"github.com/incent-dev/incent/internal/pg"
	"github.com/incent-dev/incent/internal/tenant"
)

// RewardFilter selects rewards. Zero members select all.
type RewardFilter struct {
	Member      string // the caller's id; an unknown one has no rewards
	Status      RewardStatus
	Fulfilment  Fulfilment
	Limit, Skip int
}

// Rewards lists rewards, newest first. Totals and deep pages of a tenant's
// rewards come from the counts per day, so they cost one row per day and at
// most one day's index entries; those of a member from the counts per block.
func (p *Programme) Rewards(ctx context.Context, tenantID int64, f RewardFilter) (rewards []Reward, total int64, err error) {
	if err := p.settleDue(ctx, tenantID); err != nil {
		return nil, 0, pg.Fault(err)
	}
	if f.Member != "" {
		rewards, total, err = p.memberRewards(ctx, tenantID, f)
	} else {
		rewards, total, err = p.allRewards(ctx, tenantID, f)
	}
	return rewards, total, pg.Fault(err)
}

func (p *Programme) memberRewards(ctx context.Context, tenantID int64, f RewardFilter) ([]Reward, int64, error) {
	m, found, err := tenant.MemberKey(ctx, p.db, tenantID, f.Member)
	if err != nil || !found {
		return nil, 0, err
	}
	return p.memberPage(ctx, tenantID, m, f)
}

// dayCount is how many rows were made on a day.
type dayCount struct {
	day  time.Time
	rows int64
}

// leap finds where a page begins from the counts per day, newest first: the
// newest id of its first day, and how many rows of that day come before it.
func leap(days []dayCount, skip int64) (newest uuid.UUID, within, total int64) {
	newest, within = uuid.Max, skip
	for _, d := range days {
		if total+d.rows <= skip {
			newest, within = lastOf(d.day.Add(-time.Millisecond)), within-d.rows
		}
		total += d.rows
	}
	return newest, within, total
}

// lastOf is the greatest version 7 UUID of an instant's millisecond.
func lastOf(at time.Time) uuid.UUID {
	u := uuid.Max
	var ms [8]byte
	binary.BigEndian.PutUint64(ms[:], uint64(at.UnixMilli()))
	copy(u[:6], ms[2:])
	return u
}

func (p *Programme) allRewards(ctx context.Context, tenantID int64, f RewardFilter) ([]Reward, int64, error) {
	status, fulfilment := orNull(string(f.Status)), orNull(string(f.Fulfilment))
	rows, err := q.RewardDayList(ctx, p.db, query.RewardDayListParams{TenantID: tenantID, Status: status, Fulfilment: fulfilment})
	if err != nil {
		return nil, 0, fmt.Errorf("count rewards by day: %w", err)
	}
	days := make([]dayCount, len(rows))
	for i, r := range rows {
		days[i] = dayCount{r.Day, r.Rewards}
	}
	newest, skip, total := leap(days, int64(f.Skip))
	if int64(f.Skip) >= total {
		return nil, total, nil
	}
	rewards, err := p.rewardPage(ctx, tenantID, f, newest, int32(skip))
	return rewards, total, err
}

func (p *Programme) rewardPage(ctx context.Context, tenantID int64, f RewardFilter, newest uuid.UUID, skip int32) (rewards []Reward, err error) {
	switch {
	case f.Status != "":
		var rows []query.RewardListByStatusRow
		rows, err = q.RewardListByStatus(ctx, p.db, query.RewardListByStatusParams{
			TenantID: tenantID, Status: string(f.Status), Fulfilment: orNull(string(f.Fulfilment)), Newest: newest, MaxRows: int32(f.Limit), SkipRows: skip,
		})
		for _, r := range rows {
			rewards = append(rewards, rewardFromRow(r.Reward, r.ExternalID))
		}
	case f.Fulfilment != "":
		var rows []query.RewardListByFulfilmentRow
		rows, err = q.RewardListByFulfilment(ctx, p.db, query.RewardListByFulfilmentParams{
			TenantID: tenantID, Fulfilment: string(f.Fulfilment), Newest: newest, MaxRows: int32(f.Limit), SkipRows: skip,
		})
		for _, r := range rows {
			rewards = append(rewards, rewardFromRow(r.Reward, r.ExternalID))
		}
	default:
		var rows []query.RewardListRow
		rows, err = q.RewardList(ctx, p.db, query.RewardListParams{TenantID: tenantID, Newest: newest, MaxRows: int32(f.Limit), SkipRows: skip})
		for _, r := range rows {
			rewards = append(rewards, rewardFromRow(r.Reward, r.ExternalID))
		}
	}
	return rewards, err
}
