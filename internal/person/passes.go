package person

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"github.com/incent-dev/incent/gen/query"
	"github.com/incent-dev/incent/internal/fraud"
	"github.com/incent-dev/incent/internal/pg"
	"github.com/incent-dev/incent/internal/referral"
)

const (
	// passRows bounds the rows that one transaction of a pass changes.
	passRows = 2000

	// lookedAt bounds the rows that one transaction looks at where no index
	// leads to the member's.
	lookedAt = 20_000

	// clockSkew is how far servers' clocks may differ.
	clockSkew = time.Hour
)

// subject is whom an erasure is about.
type subject struct {
	tenantID, memberID int64
	words              []string // the caller's id, then mailboxes and codes
}

// pass removes one table's part.
type pass struct {
	name string
	run  func(ctx context.Context, db *pg.DB, of subject) error
}

// passes are all of them but that over stored answers (answers.go). What others
// are found by is removed behind them.
var passes = []pass{
	{"holds", func(ctx context.Context, db *pg.DB, of subject) error {
		return until(func() (int64, error) {
			return q.HoldUpdateErased(ctx, db, query.HoldUpdateErasedParams{TenantID: of.tenantID, MemberID: of.memberID, MaxRows: passRows})
		})
	}},
	{"orders", func(ctx context.Context, db *pg.DB, of subject) error {
		return until(func() (int64, error) {
			return q.OrderUpdateErased(ctx, db, query.OrderUpdateErasedParams{TenantID: of.tenantID, MemberID: of.memberID, MaxRows: passRows})
		})
	}},
	{"cases", eraseCases},
	{"referrals", func(ctx context.Context, db *pg.DB, of subject) error {
		return until(func() (int64, error) {
			return q.ReferralUpdateErased(ctx, db, query.ReferralUpdateErasedParams{TenantID: of.tenantID, MemberID: of.memberID, MaxRows: passRows})
		})
	}},
	{"attributions", func(ctx context.Context, db *pg.DB, of subject) error {
		_, err := q.AttributionUpdateErased(ctx, db, query.AttributionUpdateErasedParams{TenantID: of.tenantID, MemberID: of.memberID})
		return err
	}},
	{"visits", func(ctx context.Context, db *pg.DB, of subject) error {
		_, err := q.VisitUpdateErased(ctx, db, query.VisitUpdateErasedParams{TenantID: of.tenantID, MemberID: of.memberID})
		return err
	}},
	{"conversions", func(ctx context.Context, db *pg.DB, of subject) error {
		return until(func() (int64, error) {
			return q.ConversionUpdateErased(ctx, db, query.ConversionUpdateErasedParams{TenantID: of.tenantID, MemberID: of.memberID, MaxRows: passRows})
		})
	}},
	{"clicks", eraseClicks},
	{"sightings", func(ctx context.Context, db *pg.DB, of subject) error {
		_, err := q.SightingDeleteErased(ctx, db, query.SightingDeleteErasedParams{TenantID: of.tenantID, MemberID: of.memberID})
		return err
	}},
	{"activities", eraseActivities},
	{"block list", eraseBlocks},
}

// until repeats a bounded statement until it finds less than it may.
func until(step func() (int64, error)) error {
	for {
		n, err := step()
		if err != nil || n < passRows {
			return err
		}
	}
}

func eraseCases(ctx context.Context, db *pg.DB, of subject) error {
	after := uuid.Nil
	for {
		ids, err := q.CaseListByMember(ctx, db, query.CaseListByMemberParams{TenantID: of.tenantID, MemberID: of.memberID, After: after, MaxRows: passRows})
		if err != nil || len(ids) == 0 {
			return err
		}
		err = errors.Join(
			q.CaseUpdateErased(ctx, db, query.CaseUpdateErasedParams{TenantID: of.tenantID, Ids: ids}),
			q.SignalUpdateErased(ctx, db, query.SignalUpdateErasedParams{TenantID: of.tenantID, CaseIds: ids}),
		)
		if err != nil {
			return err
		}
		after = ids[len(ids)-1]
	}
}

// eraseClicks walks the tenant's clicks since the member was enrolled: ids of
// clicks ascend with real time, and so does our key of a member.
func eraseClicks(ctx context.Context, db *pg.DB, of subject) error {
	for after := since(of.memberID); ; {
		last, err := q.ClickUpdateErased(ctx, db, query.ClickUpdateErasedParams{TenantID: of.tenantID, MemberID: of.memberID, After: after, MaxRows: lookedAt})
		if err != nil || last == uuid.Nil {
			return err
		}
		after = last
	}
}

// since is below every id that was made after a member's key was.
func since(memberID int64) uuid.UUID {
	var u uuid.UUID
	ms := uint64(pg.KeyTime(memberID).Add(-clockSkew).UnixMilli())
	for i := range 6 {
		u[i] = byte(ms >> (40 - 8*i))
	}
	return u
}

func eraseActivities(ctx context.Context, db *pg.DB, of subject) error {
	newest, err := q.ActivityGetNewestPlace(ctx, db, query.ActivityGetNewestPlaceParams{TenantID: of.tenantID, MemberID: of.memberID})
	if err != nil {
		return err
	}
	for first := int64(1); first <= newest; first += passRows {
		last := first + passRows - 1
		// The keys are found by the activities, so they go first.
		err := q.ActivityKeyDeleteErased(ctx, db, query.ActivityKeyDeleteErasedParams{TenantID: of.tenantID, MemberID: of.memberID, First: first, Last: last})
		if err != nil {
			return err
		}
		_, err = q.ActivityUpdateErased(ctx, db, query.ActivityUpdateErasedParams{TenantID: of.tenantID, MemberID: of.memberID, First: first, Last: last})
		if err != nil {
			return err
		}
	}
	return nil
}

func eraseBlocks(ctx context.Context, db *pg.DB, of subject) error {
	arg := query.BlockedDeleteErasedParams{TenantID: of.tenantID, Kinds: []string{string(referral.BlockMember)}, Vals: []string{of.words[0]}}
	for _, w := range of.words[1:] {
		if mailbox := fraud.NormalEmail(w); mailbox != "" {
			arg.Kinds, arg.Vals = append(arg.Kinds, string(referral.BlockEmail)), append(arg.Vals, mailbox)
		}
	}
	_, err := q.BlockedDeleteErased(ctx, db, arg)
	return err
}
