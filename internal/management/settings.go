package management

import (
	"context"
	"time"

	"github.com/oapi-codegen/nullable"

	gen "github.com/incent-dev/incent/gen/management"
	"github.com/incent-dev/incent/internal/httpapi"
	"github.com/incent-dev/incent/internal/once"
	"github.com/incent-dev/incent/internal/tenant"
	"github.com/incent-dev/incent/internal/wire"
)

// GetSettings reads the programme's rules.
func (a *API) GetSettings(ctx context.Context, _ gen.GetSettingsRequestObject) (gen.GetSettingsResponseObject, error) {
	t, err := a.registry.Tenant(ctx, httpapi.Caller(ctx).Tenant)
	if err != nil {
		return nil, err
	}
	return gen.GetSettings200JSONResponse{Body: settings(t)}, nil
}

// UpdateSettings changes the programme's rules.
func (a *API) UpdateSettings(ctx context.Context, r gen.UpdateSettingsRequestObject) (gen.UpdateSettingsResponseObject, error) {
	view := func(t tenant.Tenant) gen.UpdateSettingsResponseObject {
		return gen.UpdateSettings200JSONResponse{Body: settings(t)}
	}
	return httpapi.Mutate(ctx, view, gen.UpdateSettingsResponseObject.VisitUpdateSettingsResponse,
		func(t *once.Ticket) (tenant.Tenant, error) {
			return a.registry.UpdatePolicy(ctx, httpapi.Caller(ctx).Tenant, func(p *tenant.Policy) { changePolicy(p, *r.Body) }, t)
		})
}

func changePolicy(p *tenant.Policy, r gen.UpdateSettingsRequest) {
	if e := r.Expiry; e != nil {
		p.Expiry, p.ExpiryDays, p.ExpiryMonth, p.ExpiryDay = tenant.Expiry(e.Policy), 0, 0, 0
		switch p.Expiry {
		case tenant.ExpiryRolling, tenant.ExpiryInactivity:
			assign(&p.ExpiryDays, e.Days, same)
		case tenant.ExpiryFixed:
			assign(&p.ExpiryMonth, e.Month, func(m int) time.Month { return time.Month(m) })
			assign(&p.ExpiryDay, e.Day, same)
		}
	}
	assign(&p.WarningDays, r.ExpiryWarningDays, same)
	assign(&p.Clawback, r.Clawback, func(c gen.ClawbackPolicy) tenant.Clawback { return tenant.Clawback(c) })
	assign(&p.Enrolment, r.Enrolment, func(e gen.Enrolment) tenant.Enrolment { return tenant.Enrolment(e) })
	assign(&p.AwardHoldDays, r.AwardHoldDays, same)
	if l := r.Limits; l != nil {
		changeLimit(&p.IncentaMonthCalls, l.IncentaCallsPerMonth)
		changeLimit(&p.IncentableMinuteCalls, l.IncentableCallsPerMinute)
	}
}

// changeLimit changes a limit that is named; null takes it away.
func changeLimit(calls *int64, given nullable.Nullable[int64]) {
	if given.IsSpecified() {
		*calls, _ = given.Get() // zero for null
	}
}

// limit shows a limit: none is null.
func limit(calls int64) nullable.Nullable[int64] {
	if calls == 0 {
		return nullable.NewNullNullable[int64]()
	}
	return nullable.NewNullableWithValue(calls)
}

func settings(t tenant.Tenant) gen.Settings {
	p := t.Policy
	out := gen.Settings{
		Expiry: gen.Expiry{Policy: gen.ExpiryPolicy(p.Expiry)}, ExpiryWarningDays: p.WarningDays, Clawback: gen.ClawbackPolicy(p.Clawback),
		Enrolment: gen.Enrolment(p.Enrolment), AwardHoldDays: p.AwardHoldDays,
		Limits: gen.Limits{IncentaCallsPerMonth: limit(p.IncentaMonthCalls), IncentableCallsPerMinute: limit(p.IncentableMinuteCalls)}, UpdatedAt: wire.Millis(t.PolicyUpdatedAt),
	}
	switch p.Expiry {
	case tenant.ExpiryRolling, tenant.ExpiryInactivity:
		out.Expiry.Days = &p.ExpiryDays
	case tenant.ExpiryFixed:
		month := int(p.ExpiryMonth)
		out.Expiry.Month, out.Expiry.Day = &month, &p.ExpiryDay
	}
	return out
}
