package tenant

import (
	"context"
	"fmt"
	"time"

	"github.com/incent-dev/incent/gen/query"
	"github.com/incent-dev/incent/internal/fault"
	"github.com/incent-dev/incent/internal/once"
	"github.com/incent-dev/incent/internal/pg"
)

// Registry keeps tenants' policies and members. Make it with NewRegistry.
type Registry struct{ db *pg.DB }

// NewRegistry makes the registry on a database.
func NewRegistry(db *pg.DB) *Registry { return &Registry{db} }

// Tenant reads a tenant.
func (r *Registry) Tenant(ctx context.Context, tenantID int64) (Tenant, error) {
	t, err := Get(ctx, r.db, tenantID)
	return t, pg.Fault(err)
}

const (
	// maxExpiryDays is what the schema takes, about a hundred years.
	maxExpiryDays = 36500

	// maxPolicyDays bounds the days of a hold and of a warning.
	maxPolicyDays = 365

	// maxCalls bounds the calls of a window: far beyond what anybody makes.
	maxCalls = 1_000_000_000_000
)

// check refuses a policy that cannot be kept; it names members as the
// management API calls them.
func (p Policy) check() error {
	switch p.Expiry {
	case ExpiryNone:
	case ExpiryRolling, ExpiryInactivity:
		if p.ExpiryDays < 1 || p.ExpiryDays > maxExpiryDays {
			return fault.Field("expiry.days", "is required with %s and must be between 1 and %d", p.Expiry, maxExpiryDays)
		}
	case ExpiryFixed:
		if p.ExpiryMonth < time.January || p.ExpiryMonth > time.December {
			return fault.Field("expiry.month", "is required with fixed and must be between 1 and 12")
		}
		const common = 2023 // no leap year
		if last := time.Date(common, p.ExpiryMonth+1, 0, 0, 0, 0, 0, time.UTC).Day(); p.ExpiryDay < 1 || p.ExpiryDay > last {
			return fault.Field("expiry.day", "is required with fixed and must be a day that %s has every year: 1 to %d", p.ExpiryMonth, last)
		}
	default:
		return fault.Field("expiry.policy", "must be none, rolling, fixed or inactivity")
	}
	switch p.Clawback {
	case ClawbackPendingOnly, ClawbackToZero, ClawbackNegative:
	default:
		return fault.Field("clawback", "must be pending_only, to_zero or negative")
	}
	if p.Enrolment != EnrolmentOpen && p.Enrolment != EnrolmentStrict {
		return fault.Field("enrolment", "must be open or strict")
	}
	if p.WarningDays < 0 || p.WarningDays > maxPolicyDays {
		return fault.Field("expiryWarningDays", "must be between 0 and %d", maxPolicyDays)
	}
	if p.AwardHoldDays < 0 || p.AwardHoldDays > maxPolicyDays {
		return fault.Field("awardHoldDays", "must be between 0 and %d", maxPolicyDays)
	}
	if p.IncentaMonthCalls < 0 || p.IncentaMonthCalls > maxCalls {
		return fault.Field("limits.incentaCallsPerMonth", "must be between 1 and %d, or null", maxCalls)
	}
	if p.IncentableMinuteCalls < 0 || p.IncentableMinuteCalls > maxCalls {
		return fault.Field("limits.incentableCallsPerMinute", "must be between 1 and %d, or null", maxCalls)
	}
	return nil
}

// UpdatePolicy changes a locked copy of a tenant's policy and stores it. What
// was given before keeps what it was given under.
func (r *Registry) UpdatePolicy(ctx context.Context, tenantID int64, change func(*Policy), ticket *once.Ticket) (Tenant, error) {
	return once.Run(ctx, r.db, tenantID, pg.Now(), ticket, func(ctx context.Context, tx pg.Tx) (Tenant, error) {
		row, err := query.New().TenantGetForUpdate(ctx, tx, tenantID)
		if err != nil {
			return Tenant{}, fmt.Errorf("lock tenant: %w", err)
		}
		t := fromRow(row)
		change(&t.Policy)
		if err := t.Policy.check(); err != nil {
			return Tenant{}, err
		}
		t.PolicyUpdatedAt = t.Now()
		err = query.New().TenantUpdate(ctx, tx, query.TenantUpdateParams{
			TenantID: tenantID, ExpiryPolicy: string(t.Policy.Expiry), ExpiryDays: int32(t.Policy.ExpiryDays),
			ExpiryMonth: int16(t.Policy.ExpiryMonth), ExpiryDay: int16(t.Policy.ExpiryDay), ExpiryWarningDays: int32(t.Policy.WarningDays),
			ClawbackPolicy: string(t.Policy.Clawback), Enrolment: string(t.Policy.Enrolment), AwardHoldDays: int32(t.Policy.AwardHoldDays),
			IncentaMonthCalls: t.Policy.IncentaMonthCalls, IncentableMinuteCalls: t.Policy.IncentableMinuteCalls,
			ClockOffsetUs: row.ClockOffsetUs, PolicyUpdatedAt: &t.PolicyUpdatedAt,
		})
		if err != nil {
			return Tenant{}, fmt.Errorf("store policy: %w", err)
		}
		return t, nil
	})
}
