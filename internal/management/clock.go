package management

import (
	"context"
	"errors"
	"time"

	gen "github.com/incent-dev/incent/gen/management"
	"github.com/incent-dev/incent/internal/fault"
	"github.com/incent-dev/incent/internal/httpapi"
	"github.com/incent-dev/incent/internal/once"
	"github.com/incent-dev/incent/internal/tenant"
	"github.com/incent-dev/incent/internal/wire"
)

// GetClock reads the programme's clock.
func (a *API) GetClock(ctx context.Context, _ gen.GetClockRequestObject) (gen.GetClockResponseObject, error) {
	c, err := a.registry.Clock(ctx, httpapi.Caller(ctx).Tenant)
	if err != nil {
		return nil, err
	}
	return gen.GetClock200JSONResponse{Body: clock(c)}, nil
}

// SetClock moves the clock of a test programme to an instant.
func (a *API) SetClock(ctx context.Context, r gen.SetClockRequestObject) (gen.SetClockResponseObject, error) {
	view := func(c tenant.Clock) gen.SetClockResponseObject { return gen.SetClock200JSONResponse{Body: clock(c)} }
	return httpapi.Mutate(ctx, view, gen.SetClockResponseObject.VisitSetClockResponse, func(t *once.Ticket) (tenant.Clock, error) {
		c, err := a.registry.SetClock(ctx, httpapi.Caller(ctx).Tenant, time.Time(r.Body.Now), t)
		return c, a.follow(ctx, err)
	})
}

// AdvanceClock moves the clock of a test programme forward.
func (a *API) AdvanceClock(ctx context.Context, r gen.AdvanceClockRequestObject) (gen.AdvanceClockResponseObject, error) {
	view := func(c tenant.Clock) gen.AdvanceClockResponseObject {
		return gen.AdvanceClock200JSONResponse{Body: clock(c)}
	}
	return httpapi.Mutate(ctx, view, gen.AdvanceClockResponseObject.VisitAdvanceClockResponse, func(t *once.Ticket) (tenant.Clock, error) {
		c, err := a.registry.AdvanceClock(ctx, httpapi.Caller(ctx).Tenant, time.Duration(r.Body.Seconds)*time.Second, t)
		return c, a.follow(ctx, err)
	})
}

// follow lets everything follow a clock that was moved, also by a request whose
// repetition this is: the first one may have died in between.
func (a *API) follow(ctx context.Context, err error) error {
	var replay *once.Replay
	if err == nil || errors.As(err, &replay) {
		if failed := a.jobs.Tenant(ctx, httpapi.Caller(ctx).Tenant); failed != nil {
			return moved(failed)
		}
	}
	return err
}

// moved is the fault of a clock that was moved, and then the database was away or
// busy: who repeats the request without its key would move the clock again.
func moved(err error) error {
	busy := fault.As(err)
	if busy == nil || busy.Kind != fault.Unavailable {
		return err
	}
	f := fault.New(fault.Unavailable, fault.CodeUnavailable,
		"The clock was moved, but not everything has followed it yet. What is left follows by itself; repeat the request with the same Idempotency-Key, if it had one, to wait for it")
	f.RetryAfter = busy.RetryAfter
	return f.Because(err)
}

func clock(c tenant.Clock) gen.Clock {
	return gen.Clock{Now: wire.Millis(c.Now), RealTime: wire.Millis(c.Real), Movable: c.Movable}
}
