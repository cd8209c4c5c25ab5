package incenta

import (
	"context"
	"time"

	gen "github.com/incent-dev/incent/gen/incenta"
	"github.com/incent-dev/incent/internal/httpapi"
	"github.com/incent-dev/incent/internal/incentive"
	"github.com/incent-dev/incent/internal/once"
	"github.com/incent-dev/incent/internal/wire"
)

// ListQuests lists the quests, by key.
func (a *API) ListQuests(ctx context.Context, _ gen.ListQuestsRequestObject) (gen.ListQuestsResponseObject, error) {
	list, err := a.incentive.Quests(ctx, httpapi.Caller(ctx).Tenant)
	if err != nil {
		return nil, err
	}
	return gen.ListQuests200JSONResponse{Body: views(list, func(q *incentive.Quest) gen.Quest { return quest(*q) })}, nil
}

// CreateQuest makes a quest.
func (a *API) CreateQuest(ctx context.Context, r gen.CreateQuestRequestObject) (gen.CreateQuestResponseObject, error) {
	q := incentive.Quest{Key: r.Body.Key, Description: r.Body.Description, Active: true}
	q.Steps = views(r.Body.Steps, func(s gen.QuestStep) incentive.QuestStep {
		return incentive.QuestStep{ActionKey: s.ActionKey, Count: int(s.Count)}
	})
	patch, err := questPatch(gen.QuestPatch{
		Name: &r.Body.Name, StartsAt: r.Body.StartsAt, EndsAt: r.Body.EndsAt, Coins: r.Body.Coins, Xp: r.Body.Xp, Tokens: r.Body.Tokens,
		BadgeKey: r.Body.BadgeKey, Active: r.Body.Active,
	})
	if err != nil {
		return nil, err
	}
	patch(&q)
	view := func(q incentive.Quest) gen.CreateQuestResponseObject {
		return gen.CreateQuest201JSONResponse{Body: quest(q)}
	}
	return httpapi.Mutate(ctx, view, gen.CreateQuestResponseObject.VisitCreateQuestResponse,
		func(t *once.Ticket) (incentive.Quest, error) {
			return a.incentive.CreateQuest(ctx, httpapi.Caller(ctx).Tenant, q, t)
		})
}

// UpdateQuest changes a quest.
func (a *API) UpdateQuest(ctx context.Context, r gen.UpdateQuestRequestObject) (gen.UpdateQuestResponseObject, error) {
	patch, err := questPatch(*r.Body)
	if err != nil {
		return nil, err
	}
	view := func(q incentive.Quest) gen.UpdateQuestResponseObject {
		return gen.UpdateQuest200JSONResponse{Body: quest(q)}
	}
	return httpapi.Mutate(ctx, view, gen.UpdateQuestResponseObject.VisitUpdateQuestResponse,
		func(t *once.Ticket) (incentive.Quest, error) {
			return a.incentive.UpdateQuest(ctx, httpapi.Caller(ctx).Tenant, r.Key, patch, t)
		})
}

// ListUserQuests lists how far a member is.
func (a *API) ListUserQuests(ctx context.Context, r gen.ListUserQuestsRequestObject) (gen.ListUserQuestsResponseObject, error) {
	list, err := a.incentive.MemberQuests(ctx, httpapi.Caller(ctx).Tenant, r.UserId)
	if err != nil {
		return nil, err
	}
	return gen.ListUserQuests200JSONResponse{Body: views(list, questProgress)}, nil
}

// ListUserStreaks lists the runs of a member.
func (a *API) ListUserStreaks(ctx context.Context, r gen.ListUserStreaksRequestObject) (gen.ListUserStreaksResponseObject, error) {
	list, err := a.incentive.MemberStreaks(ctx, httpapi.Caller(ctx).Tenant, r.UserId)
	if err != nil {
		return nil, err
	}
	return gen.ListUserStreaks200JSONResponse{Body: views(list, func(s incentive.Streak) gen.Streak {
		return gen.Streak{
			ActionKey: s.ActionKey, Period: gen.StreakPeriod(s.Period), Current: int32(s.Current), Longest: int32(s.Longest),
			LastOn: s.LastOn.Format(time.DateOnly), TimeZone: s.TimeZone,
		}
	})}, nil
}

func questPatch(p gen.QuestPatch) (func(*incentive.Quest), error) {
	starts, err := moment("startsAt", p.StartsAt)
	if err != nil {
		return nil, err
	}
	ends, err := moment("endsAt", p.EndsAt)
	if err != nil {
		return nil, err
	}
	return func(q *incentive.Quest) {
		assign(&q.Name, p.Name)
		change(&q.Description, p.Description)
		assign(&q.StartsAt, starts)
		assign(&q.EndsAt, ends)
		assign(&q.Pay.Coins, p.Coins)
		assign(&q.Pay.XP, p.Xp)
		assign(&q.Pay.Tokens, p.Tokens)
		change(&q.BadgeKey, p.BadgeKey)
		assign(&q.Active, p.Active)
	}, nil
}

func quest(q incentive.Quest) gen.Quest {
	return gen.Quest{
		Id: q.PublicID(), Key: q.Key, Name: q.Name, Description: orNull(q.Description), StartsAt: instantOrNull(q.StartsAt), EndsAt: instantOrNull(q.EndsAt),
		Steps: views(q.Steps, func(s incentive.QuestStep) gen.QuestStep {
			return gen.QuestStep{ActionKey: s.ActionKey, Count: int32(s.Count)}
		}),
		Coins: q.Pay.Coins, Xp: q.Pay.XP, Tokens: q.Pay.Tokens, BadgeKey: orNull(q.BadgeKey), Active: q.Active,
		CreatedAt: wire.Millis(q.CreatedAt), UpdatedAt: wire.Millis(q.UpdatedAt),
	}
}

func questProgress(p incentive.QuestProgress) gen.QuestProgress {
	out := gen.QuestProgress{
		Key: p.Key, Name: p.Name, Completed: !p.CompletedAt.IsZero(), CompletedAt: instantOrNull(p.CompletedAt), EndsAt: instantOrNull(p.EndsAt),
		Steps: make([]gen.QuestStepProgress, len(p.Steps)),
	}
	for i, s := range p.Steps {
		out.Steps[i] = gen.QuestStepProgress{ActionKey: s.ActionKey, Count: int32(s.Count), Done: int32(p.Done[i])}
	}
	return out
}
