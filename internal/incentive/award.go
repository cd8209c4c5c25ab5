package incentive

import (
	"context"
	"fmt"

	"github.com/incent-dev/incent/gen/query"
	"github.com/incent-dev/incent/internal/event"
	"github.com/incent-dev/incent/internal/fault"
	"github.com/incent-dev/incent/internal/ledger"
	"github.com/incent-dev/incent/internal/once"
	"github.com/incent-dev/incent/internal/pg"
	"github.com/incent-dev/incent/internal/tenant"
)

// AwardBadge gives a badge to a member by hand. Who has it keeps it as it is.
func (e *Engine) AwardBadge(ctx context.Context, tenantID int64, member, badgeKey string, ticket *once.Ticket) (EarnedBadge, error) {
	if err := tenant.Living(member); err != nil {
		return EarnedBadge{}, err
	}
	for attempt := 1; ; attempt++ {
		b, err := once.Run(ctx, e.db, tenantID, pg.Now(), ticket, func(ctx context.Context, tx pg.Tx) (EarnedBadge, error) {
			t, badge, err := e.badge(ctx, tx, tenantID, badgeKey)
			if err != nil {
				return EarnedBadge{}, err
			}
			if !badge.Active {
				return EarnedBadge{}, fault.New(fault.Invalid, CodeBadgeInactive, "The badge is switched off").About("badgeKey")
			}
			m, err := own(ctx, tx, t, member, ledger.OpAward)
			if err != nil {
				return EarnedBadge{}, err
			}
			return award(ctx, tx, t, m, badge)
		})
		if again, err := e.open(ctx, tenantID, err, attempt); !again {
			return b, err
		}
	}
}

// badge reads a badge as it is in force.
func (e *Engine) badge(ctx context.Context, tx pg.Tx, tenantID int64, key string) (tenant.Tenant, *Badge, error) {
	t, err := tenant.Get(ctx, tx, tenantID)
	if err != nil {
		return t, nil, err
	}
	r, err := e.Rules(ctx, tx, t)
	if err != nil {
		return t, nil, err
	}
	if b := r.Badge(key); b != nil {
		return t, b, nil
	}
	return t, nil, fault.Missing("badge").About("badgeKey")
}

// own takes the lock under which a member's incentive state lies, and finds the
// member. What gives opens the account and may make the member; other operations
// leave a member without an account, who has no state, unlocked.
func own(ctx context.Context, tx pg.Tx, t tenant.Tenant, member string, op ledger.Op) (int64, error) {
	if _, err := ledger.Begin(ctx, tx, t, t.Now(), []ledger.Command{{Op: op, Member: member, Asset: ledger.XP}}); err != nil {
		return 0, err
	}
	m, known, err := tenant.MemberKey(ctx, tx, t.ID, member)
	if err == nil && !known {
		err = fault.New(fault.NotFound, CodeMemberUnknown, "There is no such member, and this call does not make one").About("userId")
	}
	return m, err
}

func award(ctx context.Context, tx pg.Tx, t tenant.Tenant, member int64, b *Badge) (EarnedBadge, error) {
	was, err := q.BadgeGrantGet(ctx, tx, query.BadgeGrantGetParams{TenantID: t.ID, MemberID: member, BadgeKey: b.Key})
	if err != nil && !pg.IsNoRows(err) {
		return EarnedBadge{}, fmt.Errorf("read badge of member: %w", err)
	}
	if err == nil && was.RevokedAt == nil {
		return EarnedBadge{Badge: b, Source: Source(was.Source), EarnedAt: was.EarnedAt.UTC()}, nil
	}
	made := EarnedBadge{Badge: b, Source: FromAward, EarnedAt: t.Now(), New: true}
	err = q.BadgeGrantUpsert(ctx, tx, query.BadgeGrantUpsertParams{
		TenantID: t.ID, MemberID: member, BadgeKey: b.Key, Source: string(made.Source), EarnedAt: made.EarnedAt,
	})
	if err != nil {
		return EarnedBadge{}, fmt.Errorf("give badge: %w", err)
	}
	var told event.Journal
	told.FactOf(event.IncentiveBadgeEarned, member, b.told(made.Source, made.EarnedAt))
	return made, told.Store(ctx, tx, t.ID, made.EarnedAt)
}

// RevokeBadge takes a badge from a member. It comes back by an award only.
func (e *Engine) RevokeBadge(ctx context.Context, tenantID int64, member, badgeKey string, ticket *once.Ticket) error {
	_, err := once.Run(ctx, e.db, tenantID, pg.Now(), ticket, func(ctx context.Context, tx pg.Tx) (struct{}, error) {
		t, badge, err := e.badge(ctx, tx, tenantID, badgeKey)
		if err != nil {
			return struct{}{}, err
		}
		m, err := own(ctx, tx, t, member, ledger.OpSettle)
		if err != nil {
			return struct{}{}, err
		}
		found, err := q.BadgeGrantRevoke(ctx, tx, query.BadgeGrantRevokeParams{TenantID: tenantID, MemberID: m, BadgeKey: badge.Key, RevokedAt: t.Now()})
		if err != nil {
			return struct{}{}, fmt.Errorf("revoke badge: %w", err)
		}
		if found == 0 {
			return struct{}{}, fault.New(fault.NotFound, fault.CodeNotFound, "The member does not have this badge").About("badgeKey")
		}
		return struct{}{}, nil
	})
	return err
}

// MemberBadges lists the badges that a member has, newest first; none of an
// unknown one.
func (e *Engine) MemberBadges(ctx context.Context, tenantID int64, member string) ([]EarnedBadge, error) {
	m, known, err := tenant.MemberKey(ctx, e.db, tenantID, member)
	if err != nil || !known {
		return nil, pg.Fault(err)
	}
	rows, err := q.BadgeGrantList(ctx, e.db, query.BadgeGrantListParams{TenantID: tenantID, MemberID: m})
	if err != nil {
		return nil, pg.Fault(fmt.Errorf("list badges of member: %w", err))
	}
	_, r, err := e.current(ctx, tenantID) // after the grants: it knows every badge of theirs
	if err != nil {
		return nil, err
	}
	list := make([]EarnedBadge, len(rows))
	for i, g := range rows {
		list[i] = EarnedBadge{Badge: r.Badge(g.BadgeKey), Source: Source(g.Source), EarnedAt: g.EarnedAt.UTC()}
	}
	return list, nil
}
