package referral

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/incent-dev/incent/gen/query"
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
// own. What it returns is stored where everybody's counts are written.
func (p *Programme) fire(ctx context.Context, tx pg.Tx, pipe *pg.Pipeline, t tenant.Tenant, occasions ...incentive.Occasion) (*incentive.Firing, error) {
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
	if err := f.Record(ctx, tx, session, at); err != nil {
		return nil, fmt.Errorf("fire actions: %w", err)
	}
	return f, session.Store(ctx, pipe)
}
