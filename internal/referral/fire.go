package referral

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/incent-dev/incent/gen/query"
	"github.com/incent-dev/incent/internal/event"
	"github.com/incent-dev/incent/internal/incentive"
	"github.com/incent-dev/incent/internal/ledger"
	"github.com/incent-dev/incent/internal/pg"
	"github.com/incent-dev/incent/internal/tenant"
)

// made is what a new code fires for its holder.
func madeCode(tenantID int64, r Referral, referrer int64) incentive.Occasion {
	return incentive.Occasion{Type: incentive.CodeGenerated, Member: r.Referrer, Record: r.ID, Total: func(ctx context.Context, tx pg.Tx) (int64, error) {
		return q.ReferralCountByReferrer(ctx, tx, query.ReferralCountByReferrerParams{TenantID: tenantID, ReferrerID: referrer})
	}}
}

// converted is what a conversion fires for the referrer; it is not stored yet, or
// stored as flagged.
func converted(tenantID int64, conversion uuid.UUID, member string, referrer int64) incentive.Occasion {
	return incentive.Occasion{Type: incentive.RefereeActed, Member: member, Record: conversion, Total: func(ctx context.Context, tx pg.Tx) (int64, error) {
		n, err := q.ReferralSumConverted(ctx, tx, query.ReferralSumConvertedParams{TenantID: tenantID, ReferrerID: referrer})
		return n + 1, err
	}}
}

// fire records what occurred, in a transaction without a ledger session of its
// own, and notes in told what callers hear of it. What it returns is stored where
// everybody's counts are written.
func (p *Programme) fire(ctx context.Context, tx pg.Tx, pipe *pg.Pipeline, told *event.Journal, t tenant.Tenant, occasions ...incentive.Occasion) (*incentive.Firing, error) {
	f, err := p.incentive.Firing(ctx, tx, t)
	if err != nil {
		return nil, err
	}
	for _, o := range occasions {
		f.Add(o)
	}
	if f.Idle() {
		return f, nil
	}
	at := t.Now()
	session, err := ledger.Begin(ctx, tx, t, at, f.Commands())
	if err != nil {
		return nil, err
	}
	if err := f.Record(ctx, tx, session, told, at); err != nil {
		return nil, fmt.Errorf("fire actions: %w", err)
	}
	return f, session.Store(ctx, pipe)
}

// fireClicks records what the counted clicks fire. Members' accounts are locked
// behind what the clicks write of referrals and attributions, so that is sent
// before.
func (p *Programme) fireClicks(ctx context.Context, tx pg.Tx, pipe *pg.Pipeline, t tenant.Tenant, d *door) (*incentive.Firing, error) {
	f, err := p.incentive.Firing(ctx, tx, t)
	if err != nil {
		return nil, err
	}
	if len(d.fires) == 0 || !f.Fires(incentive.CodeClicked) {
		return f, nil
	}
	if err := d.addFires(ctx, tx, f); err != nil {
		return nil, err
	}
	if err := pipe.Send(ctx, tx); err != nil {
		return nil, err
	}
	*pipe = pg.Pipeline{}
	session, err := ledger.Begin(ctx, tx, t, d.at, f.Commands())
	if err != nil {
		return nil, err
	}
	if err := f.Record(ctx, tx, session, &d.told, d.at); err != nil {
		return nil, fmt.Errorf("fire actions: %w", err)
	}
	return f, session.Store(ctx, pipe)
}

// addFires names the holders as the engine knows them.
func (d *door) addFires(ctx context.Context, tx pg.Tx, f *incentive.Firing) error {
	arg := query.MemberListExternalParams{TenantID: d.tenantID}
	holders := map[int64]string{}
	for _, x := range d.fires {
		if _, asked := holders[x.referrer]; !asked {
			holders[x.referrer] = ""
			arg.Ids = append(arg.Ids, x.referrer)
		}
	}
	rows, err := q.MemberListExternal(ctx, tx, arg)
	if err != nil {
		return fmt.Errorf("find holders of codes: %w", err)
	}
	for _, r := range rows {
		holders[r.ID] = r.ExternalID
	}
	for _, x := range d.fires {
		f.Add(incentive.Occasion{Type: incentive.CodeClicked, Member: holders[x.referrer], Record: x.click})
	}
	return nil
}
