package incenta

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	gen "github.com/incent-dev/incent/gen/incenta"
	"github.com/incent-dev/incent/internal/fault"
	"github.com/incent-dev/incent/internal/httpapi"
	"github.com/incent-dev/incent/internal/incentive"
	"github.com/incent-dev/incent/internal/once"
	"github.com/incent-dev/incent/internal/wire"
)

// RecordEvent records a member doing an action.
func (a *API) RecordEvent(ctx context.Context, r gen.RecordEventRequestObject) (gen.RecordEventResponseObject, error) {
	n, err := newEvent(ctx, *r.Body)
	if err != nil {
		return nil, err
	}
	return httpapi.Mutate(ctx, eventRecorded, gen.RecordEventResponseObject.VisitRecordEventResponse,
		func(t *once.Ticket) (incentive.Recorded, error) {
			return a.incentive.Record(ctx, httpapi.Caller(ctx).Tenant, n, t)
		})
}

// RecordEvents records many events, each on its own.
func (a *API) RecordEvents(ctx context.Context, r gen.RecordEventsRequestObject) (gen.RecordEventsResponseObject, error) {
	events := make([]incentive.NewEvent, len(r.Body.Events))
	for i, e := range r.Body.Events {
		var err error
		if events[i], err = newEvent(ctx, e); err != nil {
			return nil, err
		}
	}
	return httpapi.Mutate(ctx, eventsRecorded, gen.RecordEventsResponseObject.VisitRecordEventsResponse,
		func(t *once.Ticket) ([]incentive.Outcome, error) {
			return a.incentive.RecordMany(ctx, httpapi.Caller(ctx).Tenant, events, t)
		})
}

// newEvent maps an event. Its idempotency key stands for the other members.
func newEvent(ctx context.Context, e gen.NewEvent) (incentive.NewEvent, error) {
	rest := struct {
		UserID, ActionKey string
		Metadata          json.RawMessage `json:",omitempty"`
	}{e.UserId, e.ActionKey, e.Metadata}
	ticket, err := httpapi.BodyTicket(ctx, orEmpty(e.IdempotencyKey), rest, eventRecorded, gen.RecordEventResponseObject.VisitRecordEventResponse)
	return incentive.NewEvent{Member: e.UserId, ActionKey: e.ActionKey, Metadata: e.Metadata, Key: ticket}, err
}

func eventRecorded(r incentive.Recorded) gen.RecordEventResponseObject {
	return gen.RecordEvent201JSONResponse{Body: eventResult(r)}
}

func eventResult(r incentive.Recorded) gen.EventResult {
	out := gen.EventResult{
		Success: true, Id: r.PublicID(), UserId: r.Member, ActionKey: r.ActionKey, Rewarded: r.Reason == "", Reason: eventReason(r.Reason),
		Coins: r.Pay.Coins, Xp: r.Pay.XP, Tokens: r.Pay.Tokens,
		Balances:  gen.Balances{Coins: r.Balances.Coins, Tokens: r.Balances.Tokens, Xp: r.Balances.XP},
		CreatedAt: wire.Millis(r.At),
		LevelUps:  make([]gen.LevelUp, len(r.Levels)), Badges: make([]gen.EarnedBadge, len(r.Badges)),
		Milestones: make([]gen.Milestone, len(r.Milestones)), Quests: make([]gen.QuestCompleted, len(r.Quests)),
	}
	for i, l := range r.Levels {
		out.LevelUps[i] = gen.LevelUp{
			Level: int32(l.Level), Name: l.Name, XpThreshold: l.XPThreshold, Coins: l.Coins, BadgeKey: orNull(l.BadgeKey), Perks: l.Perks,
		}
	}
	for i, b := range r.Badges {
		out.Badges[i] = earnedBadge(b)
	}
	for i, m := range r.Milestones {
		out.Milestones[i] = milestone(m)
	}
	for i, q := range r.Quests {
		out.Quests[i] = gen.QuestCompleted{Key: q.Key, Name: q.Name, Coins: q.Pay.Coins, Xp: q.Pay.XP, Tokens: q.Pay.Tokens, BadgeKey: orNull(q.BadgeKey)}
	}
	if s := r.Streak; s != nil {
		out.Streak = &gen.StreakStep{
			Period: gen.StreakPeriod(s.Period), Current: int32(s.Current), Longest: int32(s.Longest), Coins: s.Pay.Coins, Xp: s.Pay.XP, Tokens: s.Pay.Tokens,
		}
	}
	return out
}

func eventsRecorded(outcomes []incentive.Outcome) gen.RecordEventsResponseObject {
	body := gen.EventBatchResult{Success: true, Results: make([]gen.EventBatchItem, len(outcomes))}
	for i, o := range outcomes {
		item := gen.EventBatchItem{Index: int32(i)}
		var replay *once.Replay
		switch {
		case o.Err == nil:
			event := eventResult(o.Value)
			item.Event = &event
		case errors.As(o.Err, &replay):
			item.Replayed, item.Event = true, &gen.EventResult{}
			if err := json.Unmarshal(replay.Body, item.Event); err != nil {
				panic("an answer of our own does not parse: " + err.Error())
			}
		default:
			item.Error = batchError(i, fault.As(o.Err))
		}
		if item.Success = item.Error == nil; item.Success {
			body.Processed++
		} else {
			body.Failed++
		}
		body.Results[i] = item
	}
	return gen.RecordEvents200JSONResponse{Body: body}
}

// batchError names fields as they stand in the whole body.
func batchError(i int, f *fault.Error) *gen.EventBatchError {
	out := &gen.EventBatchError{Error: f.Message, Code: gen.ErrorCode(f.Code), Details: make([]gen.ErrorDetail, len(f.Details))}
	for j, d := range f.Details {
		out.Details[j] = gen.ErrorDetail{Field: fmt.Sprintf("events[%d].%s", i, d.Field), Message: d.Message}
	}
	return out
}

// ListEvents lists events, newest first.
func (a *API) ListEvents(ctx context.Context, r gen.ListEventsRequestObject) (gen.ListEventsResponseObject, error) {
	from, to, err := httpapi.Span(r.Params.From, r.Params.To)
	if err != nil {
		return nil, err
	}
	page, limit := httpapi.Page(r.Params.Page, r.Params.Limit)
	list, total, err := a.incentive.Activities(ctx, httpapi.Caller(ctx).Tenant, incentive.ActivityFilter{
		Member: orEmpty(r.Params.UserId), ActionKey: orEmpty(r.Params.ActionKey), From: from, To: to, Limit: limit, Skip: (page - 1) * limit,
	})
	if err != nil {
		return nil, err
	}
	answer := gen.EventPage{Data: make([]gen.Event, len(list)), Pagination: pagination(page, limit, total)}
	for i, e := range list {
		answer.Data[i] = gen.Event{
			Id: e.PublicID(), UserId: e.Member, ActionKey: e.ActionKey, Rewarded: e.Reason == "", Reason: eventReason(e.Reason),
			Coins: e.Pay.Coins, Xp: e.Pay.XP, Tokens: e.Pay.Tokens, IdempotencyKey: textOrNull(e.Key), Metadata: e.Metadata, CreatedAt: wire.Millis(e.At),
		}
	}
	return gen.ListEvents200JSONResponse{Body: answer}, nil
}

func eventReason(reason string) *gen.EventReason {
	if reason == "" {
		return nil
	}
	shown := gen.EventReason(reason)
	return &shown
}
