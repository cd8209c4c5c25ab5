package management

import (
	"context"
	"encoding/json"
	"time"

	"github.com/oapi-codegen/nullable"

	gen "github.com/incent-dev/incent/gen/management"
	"github.com/incent-dev/incent/internal/fault"
	"github.com/incent-dev/incent/internal/httpapi"
	"github.com/incent-dev/incent/internal/once"
	"github.com/incent-dev/incent/internal/webhook"
	"github.com/incent-dev/incent/internal/wire"
)

// ListEndpoints lists webhook endpoints, newest first.
func (a *API) ListEndpoints(ctx context.Context, r gen.ListEndpointsRequestObject) (gen.ListEndpointsResponseObject, error) {
	page, limit := httpapi.Page(r.Params.Page, r.Params.Limit)
	list, total, err := a.hooks.Endpoints(ctx, httpapi.Caller(ctx).Tenant, limit, (page-1)*limit)
	if err != nil {
		return nil, err
	}
	return gen.ListEndpoints200JSONResponse{Body: gen.EndpointList{Data: views(list, endpoint), Pagination: pagination(page, limit, total)}}, nil
}

// CreateEndpoint makes an endpoint and shows its secret.
func (a *API) CreateEndpoint(ctx context.Context, r gen.CreateEndpointRequestObject) (gen.CreateEndpointResponseObject, error) {
	e := webhook.Endpoint{URL: r.Body.Url, Style: webhook.Style(r.Body.Style)}
	assign(&e.Description, r.Body.Description, same)
	var names []string
	assign(&names, r.Body.Events, same)
	var err error
	if e.Kinds, err = webhook.ParseKinds("events", e.Style, names); err != nil {
		return nil, err
	}
	view := func(e webhook.NewEndpoint) gen.CreateEndpointResponseObject {
		return gen.CreateEndpoint201JSONResponse{Body: endpointWithSecret(e)}
	}
	return httpapi.Mutate(ctx, view, gen.CreateEndpointResponseObject.VisitCreateEndpointResponse,
		func(t *once.Ticket) (webhook.NewEndpoint, error) {
			return a.hooks.Create(ctx, httpapi.Caller(ctx).Tenant, e, t)
		})
}

// GetEndpoint reads an endpoint.
func (a *API) GetEndpoint(ctx context.Context, r gen.GetEndpointRequestObject) (gen.GetEndpointResponseObject, error) {
	e, err := a.hooks.Endpoint(ctx, httpapi.Caller(ctx).Tenant, r.EndpointId)
	if err != nil {
		return nil, err
	}
	return gen.GetEndpoint200JSONResponse{Body: endpoint(e)}, nil
}

// UpdateEndpoint changes, pauses or resumes an endpoint.
func (a *API) UpdateEndpoint(ctx context.Context, r gen.UpdateEndpointRequestObject) (gen.UpdateEndpointResponseObject, error) {
	view := func(e webhook.Endpoint) gen.UpdateEndpointResponseObject {
		return gen.UpdateEndpoint200JSONResponse{Body: endpoint(e)}
	}
	return httpapi.Mutate(ctx, view, gen.UpdateEndpointResponseObject.VisitUpdateEndpointResponse,
		func(t *once.Ticket) (webhook.Endpoint, error) {
			return a.hooks.Update(ctx, httpapi.Caller(ctx).Tenant, r.EndpointId, changeEndpoint(*r.Body), t)
		})
}

func changeEndpoint(r gen.UpdateEndpointRequest) func(*webhook.Endpoint) error {
	return func(e *webhook.Endpoint) (err error) {
		assign(&e.URL, r.Url, same)
		assign(&e.Description, r.Description, same)
		assign(&e.State, r.Status, func(s gen.UpdateEndpointRequestStatus) webhook.State { return webhook.State(s) })
		if r.Events != nil {
			e.Kinds, err = webhook.ParseKinds("events", e.Style, *r.Events)
		}
		return err
	}
}

// DeleteEndpoint ends an endpoint.
func (a *API) DeleteEndpoint(ctx context.Context, r gen.DeleteEndpointRequestObject) (gen.DeleteEndpointResponseObject, error) {
	if err := a.hooks.Delete(ctx, httpapi.Caller(ctx).Tenant, r.EndpointId); err != nil {
		return nil, err
	}
	return gen.DeleteEndpoint200JSONResponse{Body: gen.Success{Success: true}}, nil
}

// RotateEndpoint gives an endpoint a new secret and shows it.
func (a *API) RotateEndpoint(ctx context.Context, r gen.RotateEndpointRequestObject) (gen.RotateEndpointResponseObject, error) {
	overlap := defaultOverlap
	if r.Body != nil && r.Body.OverlapSeconds != nil {
		overlap = time.Duration(*r.Body.OverlapSeconds) * time.Second
	}
	view := func(e webhook.NewEndpoint) gen.RotateEndpointResponseObject {
		return gen.RotateEndpoint200JSONResponse{Body: endpointWithSecret(e)}
	}
	return httpapi.Mutate(ctx, view, gen.RotateEndpointResponseObject.VisitRotateEndpointResponse,
		func(t *once.Ticket) (webhook.NewEndpoint, error) {
			return a.hooks.Rotate(ctx, httpapi.Caller(ctx).Tenant, r.EndpointId, overlap, t)
		})
}

// TestEndpoint sends a test.
func (a *API) TestEndpoint(ctx context.Context, r gen.TestEndpointRequestObject) (gen.TestEndpointResponseObject, error) {
	view := func(d webhook.Delivery) gen.TestEndpointResponseObject {
		return gen.TestEndpoint201JSONResponse{Body: delivery(d)}
	}
	return httpapi.Mutate(ctx, view, gen.TestEndpointResponseObject.VisitTestEndpointResponse,
		func(t *once.Ticket) (webhook.Delivery, error) {
			return a.hooks.Test(ctx, httpapi.Caller(ctx).Tenant, r.EndpointId, t)
		})
}

// ReplayDeliveries makes deliveries due again.
func (a *API) ReplayDeliveries(ctx context.Context, r gen.ReplayDeliveriesRequestObject) (gen.ReplayDeliveriesResponseObject, error) {
	what, err := replay(*r.Body)
	if err != nil {
		return nil, err
	}
	view := func(r webhook.Replayed) gen.ReplayDeliveriesResponseObject {
		return gen.ReplayDeliveries200JSONResponse{Body: gen.ReplayResult{Queued: r.Queued, More: r.More}}
	}
	return httpapi.Mutate(ctx, view, gen.ReplayDeliveriesResponseObject.VisitReplayDeliveriesResponse,
		func(t *once.Ticket) (webhook.Replayed, error) {
			return a.hooks.Replay(ctx, httpapi.Caller(ctx).Tenant, r.EndpointId, what, t)
		})
}

// replay reads which of its three forms a request has.
func replay(r gen.ReplayRequest) (what webhook.Replay, err error) {
	forms := 0
	for _, given := range []bool{r.EventId != nil, r.FirstEventId != nil || r.LastEventId != nil, r.FailedSince != nil} {
		if given {
			forms++
		}
	}
	if forms != 1 {
		return what, fault.Field("body", "must have eventId, or firstEventId and lastEventId, or failedSince")
	}
	if r.FirstEventId != nil && r.LastEventId == nil {
		return what, fault.Field("lastEventId", "is required with firstEventId")
	}
	if r.LastEventId != nil && r.FirstEventId == nil {
		return what, fault.Field("firstEventId", "is required with lastEventId")
	}
	assign(&what.Event, r.EventId, same)
	assign(&what.First, r.FirstEventId, same)
	assign(&what.Last, r.LastEventId, same)
	assign(&what.FailedSince, r.FailedSince, wire.Millis.Time)
	return what, nil
}

// ListDeliveries lists the deliveries to an endpoint.
func (a *API) ListDeliveries(ctx context.Context, r gen.ListDeliveriesRequestObject) (gen.ListDeliveriesResponseObject, error) {
	_, limit := httpapi.Page(nil, r.Params.Limit)
	state, before := "", ""
	assign(&state, r.Params.Status, func(s gen.DeliveryStatus) string { return string(s) })
	assign(&before, r.Params.Before, same)
	list, err := a.hooks.Deliveries(ctx, httpapi.Caller(ctx).Tenant, r.EndpointId, state, before, limit)
	if err != nil {
		return nil, err
	}
	out := gen.DeliveryList{Data: views(list, delivery), Next: nullable.NewNullNullable[string]()}
	if len(list) == limit {
		out.Next.Set(list[len(list)-1].PublicID())
	}
	return gen.ListDeliveries200JSONResponse{Body: out}, nil
}

// GetDelivery reads a delivery.
func (a *API) GetDelivery(ctx context.Context, r gen.GetDeliveryRequestObject) (gen.GetDeliveryResponseObject, error) {
	d, err := a.hooks.Delivery(ctx, httpapi.Caller(ctx).Tenant, r.EndpointId, r.DeliveryId)
	if err != nil {
		return nil, err
	}
	return gen.GetDelivery200JSONResponse{Body: delivery(d)}, nil
}

func endpoint(e webhook.Endpoint) gen.Endpoint {
	out := gen.Endpoint{
		Id: webhook.EndpointID(e.ID), Url: e.URL, Description: e.Description, Style: gen.WebhookStyle(e.Style), Events: []string{},
		Status: gen.EndpointStatus(e.State), DisabledReason: textOrNull(e.Reason), Failures: e.Failures, FailingSince: maybe(e.FailingSince),
		NextAttemptAt: nullable.NewNullNullable[wire.Millis](), PreviousSecretUntil: maybe(e.PreviousSecretUntil),
		CreatedAt: wire.Millis(e.CreatedAt), UpdatedAt: wire.Millis(e.UpdatedAt),
	}
	for _, k := range e.Kinds {
		out.Events = append(out.Events, k.String())
	}
	if e.State == webhook.Active && e.Failures > 0 {
		out.NextAttemptAt.Set(wire.Millis(e.RetryAt))
	}
	return out
}

func endpointWithSecret(e webhook.NewEndpoint) gen.EndpointWithSecret {
	v := endpoint(e.Endpoint)
	return gen.EndpointWithSecret{
		Id: v.Id, Url: v.Url, Description: v.Description, Style: v.Style, Events: v.Events, Status: v.Status, DisabledReason: v.DisabledReason,
		Failures: v.Failures, FailingSince: v.FailingSince, NextAttemptAt: v.NextAttemptAt, PreviousSecretUntil: v.PreviousSecretUntil,
		CreatedAt: v.CreatedAt, UpdatedAt: v.UpdatedAt, Secret: e.Secret,
	}
}

func delivery(d webhook.Delivery) gen.Delivery {
	out := gen.Delivery{
		Id: d.PublicID(), EndpointId: webhook.EndpointID(d.Endpoint), EventId: textOrNull(d.Event), Type: d.Name, Status: gen.DeliveryStatus(d.State),
		Attempts: d.Attempts, NextAttemptAt: maybe(d.DueAt), CreatedAt: wire.Millis(d.CreatedAt),
		LastAttempt: nullable.NewNullNullable[gen.DeliveryAttempt](),
	}
	if d.AttemptedAt.IsZero() {
		return out
	}
	last := gen.DeliveryAttempt{
		At: wire.Millis(d.AttemptedAt), Status: nullable.NewNullNullable[int](), Problem: textOrNull(d.Problem), DurationMs: int(d.Duration.Milliseconds()),
		RequestHeaders: headers(d.RequestHead), ResponseHeaders: headers(d.ResponseHead),
	}
	if d.Status != 0 {
		last.Status.Set(d.Status)
	}
	out.LastAttempt.Set(last)
	return out
}

func headers(text json.RawMessage) nullable.Nullable[gen.HeadersSent] {
	var h gen.HeadersSent
	if len(text) == 0 || json.Unmarshal(text, &h) != nil {
		return nullable.NewNullNullable[gen.HeadersSent]()
	}
	return nullable.NewNullableWithValue(h)
}
