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

// CodeTestModeOnly is the refusal of what only test tenants can do.
const CodeTestModeOnly = "test_mode_only"

// maxAhead bounds how far a clock may run ahead: what expires a hundred years
// later is still an instant that can be written.
const maxAhead = 100 * 365 * 24 * time.Hour

// Clock is a tenant's clock as it was read.
type Clock struct {
	Now     time.Time // the tenant's instant
	Real    time.Time // ours, at the same moment
	Movable bool      // in test mode
}

// Clock reads a tenant's clock.
func (r *Registry) Clock(ctx context.Context, tenantID int64) (Clock, error) {
	t, err := Get(ctx, r.db, tenantID)
	if err != nil {
		return Clock{}, pg.Fault(err)
	}
	return t.clockAt(pg.Now()), nil
}

func (t Tenant) clockAt(at time.Time) Clock {
	return Clock{Now: at.Add(t.clockOffset), Real: at, Movable: t.Mode == Test}
}

// SetClock moves a test tenant's clock to an instant that it has not passed.
func (r *Registry) SetClock(ctx context.Context, tenantID int64, to time.Time, ticket *once.Ticket) (Clock, error) {
	return r.moveClock(ctx, tenantID, ticket, func(c Clock) (time.Time, error) {
		if to.Before(c.Now) {
			return to, fault.Field("now", "must not be before %s: a clock never runs backwards", c.Now.Format(time.RFC3339Nano))
		}
		if to.Sub(c.Real) > maxAhead {
			return to, fault.Field("now", "must not be more than a hundred years from now")
		}
		return to, nil
	})
}

// AdvanceClock moves a test tenant's clock forward.
func (r *Registry) AdvanceClock(ctx context.Context, tenantID int64, by time.Duration, ticket *once.Ticket) (Clock, error) {
	return r.moveClock(ctx, tenantID, ticket, func(c Clock) (time.Time, error) {
		if by < 0 || c.Now.Add(by).Sub(c.Real) > maxAhead {
			return c.Now, fault.Field("seconds", "must not be negative, nor lead more than a hundred years ahead")
		}
		return c.Now.Add(by), nil
	})
}

func (r *Registry) moveClock(ctx context.Context, tenantID int64, ticket *once.Ticket, move func(Clock) (time.Time, error)) (Clock, error) {
	return once.Run(ctx, r.db, tenantID, pg.Now(), ticket, func(ctx context.Context, tx pg.Tx) (Clock, error) {
		row, err := query.New().TenantGetForUpdate(ctx, tx, tenantID)
		if err != nil {
			return Clock{}, fmt.Errorf("lock tenant: %w", err)
		}
		c := fromRow(row).clockAt(pg.Now())
		if !c.Movable {
			return Clock{}, fault.New(fault.Invalid, CodeTestModeOnly, "The clock of a live programme is the real one; only that of a test programme can be moved")
		}
		if c.Now, err = move(c); err != nil {
			return Clock{}, err
		}
		c.Now = c.Now.UTC().Truncate(time.Microsecond)
		err = query.New().TenantUpdateClock(ctx, tx, query.TenantUpdateClockParams{TenantID: tenantID, ClockOffsetUs: c.Now.Sub(c.Real).Microseconds()})
		if err != nil {
			return Clock{}, fmt.Errorf("move clock: %w", err)
		}
		return c, nil
	})
}
