package tenant

import (
	"context"
	"time"

	"github.com/incent-dev/incent/gen/query"
	"github.com/incent-dev/incent/internal/fault"
	"github.com/incent-dev/incent/internal/pg"
)

// Mode says whether points are real.
type Mode string

// The two modes.
const (
	Live Mode = "live"
	Test Mode = "test"
)

// Expiry says when points expire.
type Expiry string

// The expiry policies.
const (
	ExpiryNone       Expiry = "none"
	ExpiryRolling    Expiry = "rolling"    // so many days after activation
	ExpiryFixed      Expiry = "fixed"      // every year at the end of one day, UTC
	ExpiryInactivity Expiry = "inactivity" // everything, after so many idle days
)

// Clawback says how far a reversal goes when the points are spent already.
type Clawback string

// The clawback policies.
const (
	ClawbackPendingOnly Clawback = "pending_only" // only what is still on hold
	ClawbackToZero      Clawback = "to_zero"      // what is there, the rest is forgiven
	ClawbackNegative    Clawback = "negative"     // what is there, the rest is owed
)

// Enrolment says who makes members.
type Enrolment string

// The enrolment policies.
const (
	EnrolmentOpen   Enrolment = "open"   // whatever gives to an unknown member makes it
	EnrolmentStrict Enrolment = "strict" // members are made by the management API only
)

// Policy is what a tenant decides about its points.
type Policy struct {
	Expiry        Expiry
	ExpiryDays    int // rolling, inactivity
	ExpiryMonth   time.Month
	ExpiryDay     int // fixed; beyond a month's last day means that last day
	WarningDays   int
	Clawback      Clawback
	Enrolment     Enrolment
	AwardHoldDays int

	// Calls that may be made; zero is no limit.
	IncentaMonthCalls     int64 // a calendar month, by all Incenta keys together
	IncentableMinuteCalls int64 // a minute, by each Incentable key
}

const day = 24 * time.Hour

// ExpiresAt is the instant at which units activated at `at` expire; zero when
// they do not expire by themselves.
func (p Policy) ExpiresAt(at time.Time) time.Time {
	switch p.Expiry {
	case ExpiryRolling:
		return at.Add(time.Duration(p.ExpiryDays) * day)
	case ExpiryFixed:
		if end := p.endOfDay(at.Year()); end.After(at) {
			return end
		}
		return p.endOfDay(at.Year() + 1)
	}
	return time.Time{}
}

// IdleAt is the instant at which a member who was active at `at` and never
// again loses everything; zero without that policy.
func (p Policy) IdleAt(at time.Time) time.Time {
	if p.Expiry != ExpiryInactivity {
		return time.Time{}
	}
	return at.Add(time.Duration(p.ExpiryDays) * day)
}

func (p Policy) endOfDay(year int) time.Time {
	lastOfMonth := time.Date(year, p.ExpiryMonth+1, 0, 0, 0, 0, 0, time.UTC).Day()
	return time.Date(year, p.ExpiryMonth, min(p.ExpiryDay, lastOfMonth)+1, 0, 0, 0, 0, time.UTC)
}

// Tenant is one programme in one mode.
type Tenant struct {
	ID        int64
	Name      string
	Mode      Mode
	Policy    Policy
	CreatedAt time.Time

	PolicyUpdatedAt time.Time // CreatedAt while the policy is as it was made

	RulesVersion int64 // of the incentive rules, which are incentive's
	CodesVersion int64 // of what referral's codes lead to

	clockOffset time.Duration
}

// Now is the tenant's instant: real time, or ahead of it in a test tenant
// whose clock was advanced.
func (t Tenant) Now() time.Time { return At(t.clockOffset.Microseconds()) }

// At is Now for a clock offset as stored.
func At(offsetMicros int64) time.Time {
	return pg.Now().Add(time.Duration(offsetMicros) * time.Microsecond)
}

// Get reads a tenant.
func Get(ctx context.Context, db query.DBTX, tenantID int64) (Tenant, error) {
	row, err := query.New().TenantGet(ctx, db, tenantID)
	if pg.IsNoRows(err) {
		return Tenant{}, fault.Missing("tenant")
	}
	if err != nil {
		return Tenant{}, err
	}
	return fromRow(row), nil
}

// Read is Get as a read that travels with others (pg.Together).
func Read(into *Tenant, tenantID int64) func(context.Context, query.DBTX) error {
	return func(ctx context.Context, db query.DBTX) (err error) {
		*into, err = Get(ctx, db, tenantID)
		return err
	}
}

func fromRow(r query.Tenant) Tenant {
	updated := r.CreatedAt
	if r.PolicyUpdatedAt != nil {
		updated = *r.PolicyUpdatedAt
	}
	return Tenant{
		ID: r.TenantID, Name: r.Name, Mode: Mode(r.Mode), CreatedAt: r.CreatedAt, PolicyUpdatedAt: updated, RulesVersion: r.RulesVersion,
		CodesVersion: r.CodesVersion,
		clockOffset:  time.Duration(r.ClockOffsetUs) * time.Microsecond,
		Policy: Policy{
			Expiry: Expiry(r.ExpiryPolicy), ExpiryDays: int(r.ExpiryDays), ExpiryMonth: time.Month(r.ExpiryMonth), ExpiryDay: int(r.ExpiryDay),
			WarningDays: int(r.ExpiryWarningDays), Clawback: Clawback(r.ClawbackPolicy), Enrolment: Enrolment(r.Enrolment),
			AwardHoldDays: int(r.AwardHoldDays), IncentaMonthCalls: orZero(r.IncentaMonthCalls), IncentableMinuteCalls: orZero(r.IncentableMinuteCalls),
		},
	}
}

func orZero(n *int64) int64 {
	if n == nil {
		return 0
	}
	return *n
}
