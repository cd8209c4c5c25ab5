package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/incent-dev/incent/gen/query"
	"github.com/incent-dev/incent/internal/event"
	"github.com/incent-dev/incent/internal/fault"
	"github.com/incent-dev/incent/internal/id"
	"github.com/incent-dev/incent/internal/once"
	"github.com/incent-dev/incent/internal/pg"
	"github.com/incent-dev/incent/internal/tenant"
)

const partnerPrefix = "ptn_"

// Partner is another business, whose goods members buy with what they earned
// here.
type Partner struct {
	ID         string
	Name       string
	Website    *string
	VerifiedAt time.Time // zero: not verified, nothing of it is on offer
	CreatedAt  time.Time
	UpdatedAt  time.Time
}

// Verified tells whether the partner's listings are on offer.
func (p Partner) Verified() bool { return !p.VerifiedAt.IsZero() }

func partnerFromRow(r query.Partner) Partner {
	return Partner{r.ID, r.Name, r.Website, instant(r.VerifiedAt), r.CreatedAt.UTC(), r.UpdatedAt.UTC()}
}

// CreatePartner makes a partner, which begins unverified. An empty id is made up.
func (s *Store) CreatePartner(ctx context.Context, tenantID int64, p Partner, ticket *once.Ticket) (Partner, error) {
	return once.Run(ctx, s.db, tenantID, pg.Now(), ticket, func(ctx context.Context, tx pg.Tx) (Partner, error) {
		if p.Name == "" {
			return Partner{}, fault.Field("name", "is required")
		}
		t, err := tenant.Get(ctx, tx, tenantID)
		if err != nil {
			return Partner{}, err
		}
		if p.ID == "" {
			p.ID = id.UUID(partnerPrefix, pg.NewUUID())
		}
		p.VerifiedAt, p.CreatedAt = time.Time{}, t.Now()
		p.UpdatedAt = p.CreatedAt
		err = q.PartnerInsert(ctx, tx, query.PartnerInsertParams{TenantID: tenantID, ID: p.ID, Name: p.Name, Website: p.Website, CreatedAt: p.CreatedAt})
		if pg.Violates(err, "partners_pk") {
			return Partner{}, fault.New(fault.Conflict, CodeAlreadyExists, "There is a partner with this id already").About("id")
		}
		var told event.Journal
		told.Fact(event.MarketplaceProfileCreated, p.told())
		return p, errors.Join(err, told.Store(ctx, tx, tenantID, p.CreatedAt))
	})
}

// PartnerChange says what becomes of a partner. Nil members stay.
type PartnerChange struct {
	Name     *string
	Website  **string
	Verified *bool
}

// UpdatePartner changes a partner. Verifying one that is verified already leaves
// the instant as it is.
func (s *Store) UpdatePartner(ctx context.Context, tenantID int64, partnerID string, c PartnerChange, ticket *once.Ticket) (Partner, error) {
	return once.Run(ctx, s.db, tenantID, pg.Now(), ticket, func(ctx context.Context, tx pg.Tx) (Partner, error) {
		t, err := tenant.Get(ctx, tx, tenantID)
		if err != nil {
			return Partner{}, err
		}
		row, err := q.PartnerGetForUpdate(ctx, tx, query.PartnerGetForUpdateParams{TenantID: tenantID, ID: partnerID})
		if pg.IsNoRows(err) {
			return Partner{}, fault.Missing("partner")
		}
		if err != nil {
			return Partner{}, fmt.Errorf("lock partner: %w", err)
		}
		p := partnerFromRow(row)
		before := p
		p.change(c, t.Now())
		err = q.PartnerUpdate(ctx, tx, query.PartnerUpdateParams{
			TenantID: tenantID, ID: p.ID, Name: p.Name, Website: p.Website, VerifiedAt: nullable(p.VerifiedAt), UpdatedAt: p.UpdatedAt,
		})
		var told event.Journal
		if p.Verified() && !before.Verified() {
			told.Fact(event.MarketplaceProfileVerified, p.told())
		}
		return p, errors.Join(err, told.Store(ctx, tx, tenantID, p.UpdatedAt))
	})
}

func (p *Partner) change(c PartnerChange, at time.Time) {
	if c.Name != nil {
		p.Name = *c.Name
	}
	if c.Website != nil {
		p.Website = *c.Website
	}
	if c.Verified != nil && *c.Verified != p.Verified() {
		p.VerifiedAt = time.Time{}
		if *c.Verified {
			p.VerifiedAt = at
		}
	}
	p.UpdatedAt = at
}

// Partner reads one partner.
func (s *Store) Partner(ctx context.Context, tenantID int64, partnerID string) (Partner, error) {
	p, err := partner(ctx, s.db, tenantID, partnerID)
	return p, pg.Fault(err)
}

func partner(ctx context.Context, db query.DBTX, tenantID int64, partnerID string) (Partner, error) {
	row, err := q.PartnerGet(ctx, db, query.PartnerGetParams{TenantID: tenantID, ID: partnerID})
	if pg.IsNoRows(err) {
		return Partner{}, fault.Missing("partner")
	}
	return partnerFromRow(row), err
}

// Partners lists a tenant's partners, newest first.
func (s *Store) Partners(ctx context.Context, tenantID int64, limit, skip int) (partners []Partner, total int64, err error) {
	rows, err := q.PartnerList(ctx, s.db, query.PartnerListParams{TenantID: tenantID, MaxRows: int32(limit), SkipRows: clampSkip(skip)})
	if err != nil {
		return nil, 0, pg.Fault(fmt.Errorf("list partners: %w", err))
	}
	partners = make([]Partner, len(rows))
	for i, r := range rows {
		partners[i] = partnerFromRow(r)
	}
	total, err = q.PartnerCount(ctx, s.db, tenantID)
	return partners, total, pg.Fault(err)
}

// Settlement is what members redeemed of a partner, and what it is owed.
type Settlement struct {
	PartnerID      string
	Redemptions    int64
	Points, Tokens int64 // spent
	OwedMinor      int64
}

// Settlement sums a partner's days, from one to another, inclusive; a zero day
// leaves that end open.
func (s *Store) Settlement(ctx context.Context, tenantID int64, partnerID string, from, to time.Time) (Settlement, error) {
	if _, err := s.Partner(ctx, tenantID, partnerID); err != nil {
		return Settlement{}, err
	}
	if from.IsZero() {
		from = distantPast
	}
	if to.IsZero() {
		to = distantFuture
	}
	r, err := q.PartnerDaySum(ctx, s.db, query.PartnerDaySumParams{TenantID: tenantID, PartnerID: partnerID, FromDay: from, ToDay: to})
	return Settlement{partnerID, r.Redemptions, r.Points, r.Tokens, r.OwedMinor}, pg.Fault(err)
}
