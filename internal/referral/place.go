package referral

import (
	"context"
	"fmt"
	"math"

	"github.com/google/uuid"

	"github.com/incent-dev/incent/gen/query"
	"github.com/incent-dev/incent/internal/pg"
)

// The rewards of a member and the conversions of a code have places, 1, 2, 3 ...
// in the order in which they came, and are counted by block of places. A total is
// the sum over blocks; a page begins within one block's rows of where a block
// does, however long the list is and however fast it was written.

// blockPlaces is how many places a block has: what the triggers divide by.
const blockPlaces = 1024

// blockCount is how many rows of a list lie in a block.
type blockCount struct{ block, rows int64 }

func (b blockCount) first() int64 { return b.block*blockPlaces + 1 }
func (b blockCount) last() int64  { return (b.block + 1) * blockPlaces }

// spot is where a page lies in a list: no row of it outside oldest and newest,
// and after so many from newest on.
type spot struct {
	oldest, newest int64
	skip           int32
}

// seek finds a page by the counts of the blocks, newest first, and how long the
// list is.
func seek(blocks []blockCount, skip, limit int) (at spot, total int64) {
	at.newest = math.MaxInt64
	within, end := int64(skip), int64(skip)+int64(limit)
	for _, b := range blocks {
		if total+b.rows <= int64(skip) {
			at.newest, within = b.first()-1, within-b.rows
		}
		total += b.rows
		if at.oldest == 0 && total >= end {
			at.oldest = b.first()
		}
	}
	at.skip = clampSkip(int(within))
	return at, total
}

// codeConversions lists the conversions of one code.
func (p *Programme) codeConversions(ctx context.Context, tenantID int64, f ConversionFilter) ([]Conversion, int64, error) {
	r, err := q.ReferralGetByCode(ctx, p.db, query.ReferralGetByCodeParams{TenantID: tenantID, Code: f.Code})
	if pg.IsNoRows(err) || err == nil && f.CampaignID != "" && r.Referral.CampaignID != f.CampaignID {
		return nil, 0, nil
	}
	if err != nil {
		return nil, 0, fmt.Errorf("find referral: %w", err)
	}
	places, err := q.ConversionGetPlaces(ctx, p.db, query.ConversionGetPlacesParams{TenantID: tenantID, ReferralID: r.Referral.ID, FromAt: f.From, ToAt: f.To})
	if err != nil || places.First > places.Last {
		return nil, 0, err
	}
	blocks, err := p.conversionBlocks(ctx, tenantID, r.Referral.ID, f.Status, places.First, places.Last)
	if err != nil {
		return nil, 0, fmt.Errorf("count conversions: %w", err)
	}
	at, total := seek(blocks, f.Skip, f.Limit)
	if int64(f.Skip) >= total {
		return nil, total, nil
	}
	at.oldest, at.newest = max(at.oldest, places.First), min(at.newest, places.Last)
	list, err := p.codePage(ctx, tenantID, r.Referral.ID, f, at)
	return list, total, err
}

// conversionBlocks counts the conversions between two places of a code by block,
// newest first. Blocks that lie there only in part are counted by index.
func (p *Programme) conversionBlocks(ctx context.Context, tenantID int64, referral uuid.UUID, status string, first, last int64) ([]blockCount, error) {
	rows, err := q.ConversionBlockList(ctx, p.db, query.ConversionBlockListParams{
		TenantID: tenantID, ReferralID: referral, FirstBlock: (first - 1) / blockPlaces, LastBlock: (last - 1) / blockPlaces, Status: orNull(status),
	})
	if err != nil {
		return nil, err
	}
	blocks := make([]blockCount, len(rows))
	for i, r := range rows {
		b := blockCount{r.Block, r.Conversions}
		if b.first() < first || b.last() > last {
			b.rows, err = q.ConversionCountPlaces(ctx, p.db, query.ConversionCountPlacesParams{
				TenantID: tenantID, ReferralID: referral, Status: orNull(status), First: max(b.first(), first), Last: min(b.last(), last),
			})
			if err != nil {
				return nil, err
			}
		}
		blocks[i] = b
	}
	return blocks, nil
}

func (p *Programme) codePage(ctx context.Context, tenantID int64, referral uuid.UUID, f ConversionFilter, at spot) (list []Conversion, err error) {
	if f.Status == "" {
		rows, err := q.ConversionListByReferral(ctx, p.db, query.ConversionListByReferralParams{
			TenantID: tenantID, ReferralID: referral, Oldest: at.oldest, Newest: at.newest, MaxRows: int32(f.Limit), SkipRows: at.skip,
		})
		for _, r := range rows {
			list = append(list, conversionFromRow(r.Conversion, r.Code, r.Referrer, r.Referee))
		}
		return list, err
	}
	rows, err := q.ConversionListByReferralStatus(ctx, p.db, query.ConversionListByReferralStatusParams{
		TenantID: tenantID, ReferralID: referral, Status: f.Status, Oldest: at.oldest, Newest: at.newest, MaxRows: int32(f.Limit), SkipRows: at.skip,
	})
	for _, r := range rows {
		list = append(list, conversionFromRow(r.Conversion, r.Code, r.Referrer, r.Referee))
	}
	return list, err
}

// memberPage lists the rewards of one member.
func (p *Programme) memberPage(ctx context.Context, tenantID, member int64, f RewardFilter) (rewards []Reward, total int64, err error) {
	counted, err := q.RewardBlockList(ctx, p.db, query.RewardBlockListParams{
		TenantID: tenantID, MemberID: member, Status: orNull(string(f.Status)), Fulfilment: orNull(string(f.Fulfilment)),
	})
	if err != nil {
		return nil, 0, fmt.Errorf("count rewards: %w", err)
	}
	blocks := make([]blockCount, len(counted))
	for i, r := range counted {
		blocks[i] = blockCount{r.Block, r.Rewards}
	}
	at, total := seek(blocks, f.Skip, f.Limit)
	if int64(f.Skip) >= total {
		return nil, total, nil
	}
	add := func(r query.Reward, external string) { rewards = append(rewards, rewardFromRow(r, external)) }
	switch {
	case f.Status != "":
		var rows []query.RewardListByMemberStatusRow
		rows, err = q.RewardListByMemberStatus(ctx, p.db, query.RewardListByMemberStatusParams{
			TenantID: tenantID, MemberID: member, Status: string(f.Status), Fulfilment: orNull(string(f.Fulfilment)),
			Oldest: at.oldest, Newest: at.newest, MaxRows: int32(f.Limit), SkipRows: at.skip,
		})
		for _, r := range rows {
			add(r.Reward, r.ExternalID)
		}
	case f.Fulfilment != "":
		var rows []query.RewardListByMemberFulfilmentRow
		rows, err = q.RewardListByMemberFulfilment(ctx, p.db, query.RewardListByMemberFulfilmentParams{
			TenantID: tenantID, MemberID: member, Fulfilment: string(f.Fulfilment),
			Oldest: at.oldest, Newest: at.newest, MaxRows: int32(f.Limit), SkipRows: at.skip,
		})
		for _, r := range rows {
			add(r.Reward, r.ExternalID)
		}
	default:
		var rows []query.RewardListByMemberRow
		rows, err = q.RewardListByMember(ctx, p.db, query.RewardListByMemberParams{
			TenantID: tenantID, MemberID: member, Oldest: at.oldest, Newest: at.newest, MaxRows: int32(f.Limit), SkipRows: at.skip,
		})
		for _, r := range rows {
			add(r.Reward, r.ExternalID)
		}
	}
	return rewards, total, err
}
