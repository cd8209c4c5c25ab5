package management

import (
	"context"
	"time"

	"github.com/oapi-codegen/nullable"

	gen "github.com/incent-dev/incent/gen/management"
	"github.com/incent-dev/incent/internal/event"
	"github.com/incent-dev/incent/internal/httpapi"
	"github.com/incent-dev/incent/internal/wire"
)

// ListEvents reads the feed.
func (a *API) ListEvents(ctx context.Context, r gen.ListEventsRequestObject) (gen.ListEventsResponseObject, error) {
	after, limit, wait := "", 100, 0
	assign(&after, r.Params.After, same)
	assign(&limit, r.Params.Limit, same)
	assign(&wait, r.Params.Wait, same)
	events, err := a.feed.Read(ctx, httpapi.Caller(ctx).Tenant, after, limit, time.Duration(wait)*time.Second)
	if err != nil {
		return nil, err
	}
	out := gen.EventFeed{Data: views(events, feedEvent), Next: nullable.NewNullNullable[string]()}
	if len(events) > 0 {
		after = events[len(events)-1].PublicID()
	}
	if after != "" {
		out.Next.Set(after)
	}
	return gen.ListEvents200JSONResponse{Body: out}, nil
}

func feedEvent(e event.Event) gen.FeedEvent {
	return gen.FeedEvent{Id: e.PublicID(), Type: gen.EventType(e.Kind.String()), CreatedAt: wire.Millis(e.At), Data: e.Data}
}
