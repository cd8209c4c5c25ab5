package incentive

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"github.com/incent-dev/incent/gen/query"
	"github.com/incent-dev/incent/internal/pg"
)

// shards spreads the counts of days over rows.
const shards = 16

// store queues everything that was recorded, but for the ledger's part: a number
// of statements that does not depend on how much it was.
func (r *round) store(ctx context.Context, pipe *pg.Pipeline, shard int16) error {
	if len(r.done) == 0 {
		return nil
	}
	a := query.ActivityInsertManyParams{TenantID: r.tenant.ID, TallyID: pg.NewUUID()}
	var made query.ProgressInsertManyParams
	r.putActivities(&a)
	r.putProgress(&a, &made)
	r.putCounts(&a, &made)
	r.putTally(&a)
	var err error
	if len(made.ProgressMemberIds)+len(made.CountMemberIds) > 0 {
		made.TenantID = r.tenant.ID
		err = q.ProgressInsertMany(ctx, pipe, made)
	}
	r.learn()
	return errors.Join(err, q.ActivityInsertMany(ctx, pipe, a), r.storeGrants(ctx, pipe), r.storeQuests(ctx, pipe), r.storeMilestoneDays(ctx, pipe, shard))
}

func (r *round) putActivities(a *query.ActivityInsertManyParams) {
	n := len(r.done)
	numbers, words, ids := pg.Columns[int64](6, n), pg.Columns[string](3, n), pg.Columns[uuid.UUID](2, n)
	a.MemberIds, a.Places, a.ActionIds, a.Coins, a.Xp, a.Tokens = numbers(), numbers(), numbers(), numbers(), numbers(), numbers()
	a.Reasons, a.IdempotencyKeys, a.Metadata = words(), words(), words()
	a.Ids, a.RecordIds, a.CreatedAt = ids(), ids(), make([]time.Time, 0, n)
	for _, e := range r.done {
		if e.action == nil {
			continue
		}
		a.MemberIds = append(a.MemberIds, e.state.member)
		a.Places = append(a.Places, e.place)
		a.Ids = append(a.Ids, e.id)
		a.ActionIds = append(a.ActionIds, e.action.ID)
		a.Reasons = append(a.Reasons, e.reason)
		a.Coins = append(a.Coins, e.pay.Coins)
		a.Xp = append(a.Xp, e.pay.XP)
		a.Tokens = append(a.Tokens, e.pay.Tokens)
		a.IdempotencyKeys = append(a.IdempotencyKeys, e.key)
		a.RecordIds = append(a.RecordIds, e.record)
		a.Metadata = append(a.Metadata, string(e.metadata))
		a.CreatedAt = append(a.CreatedAt, e.at)
	}
}

// putProgress puts how far members are, among what is made where there was no row.
func (r *round) putProgress(a *query.ActivityInsertManyParams, made *query.ProgressInsertManyParams) {
	n := len(r.members)
	numbers := pg.Columns[int64](5, n)
	a.ProgressMemberIds, a.ProgressActivities, a.ProgressSettled, a.NextXp, a.NextCoins = numbers(), numbers(), numbers(), numbers(), numbers()
	a.ActiveAt, a.Levels = make([]time.Time, 0, n), make([]int32, 0, n)
	for _, s := range r.members {
		if s == nil || !s.fresh {
			continue
		}
		p := s.progress
		if !s.stored {
			made.ProgressMemberIds, made.ProgressActivities = append(made.ProgressMemberIds, s.member), append(made.ProgressActivities, p.activities)
			made.ActiveAt, made.Levels = append(made.ActiveAt, p.activeAt), append(made.Levels, int32(p.level))
			made.ProgressSettled = append(made.ProgressSettled, p.settled)
			made.NextXp, made.NextCoins = append(made.NextXp, p.nextXP), append(made.NextCoins, p.nextCoins)
			continue
		}
		a.ProgressMemberIds = append(a.ProgressMemberIds, s.member)
		a.ProgressActivities = append(a.ProgressActivities, p.activities)
		a.ActiveAt = append(a.ActiveAt, p.activeAt)
		a.Levels = append(a.Levels, int32(p.level))
		a.ProgressSettled = append(a.ProgressSettled, p.settled)
		a.NextXp = append(a.NextXp, p.nextXP)
		a.NextCoins = append(a.NextCoins, p.nextCoins)
	}
}

// putCounts puts what members did of actions, likewise.
func (r *round) putCounts(a *query.ActivityInsertManyParams, made *query.ProgressInsertManyParams) {
	n := len(r.done)
	numbers, instants, lengths := pg.Columns[int64](5, n), pg.Columns[time.Time](2, n), pg.Columns[int32](2, n)
	a.CountMemberIds, a.CountActionIds, a.CountActivities, a.Rewarded, a.CountSettled = numbers(), numbers(), numbers(), numbers(), numbers()
	a.RewardedAt, a.StreakOn, a.StreakPeriods = instants(), instants(), make([]string, 0, n)
	a.StreakCurrent, a.StreakLongest = lengths(), lengths()
	for _, s := range r.members {
		if s == nil {
			continue
		}
		for action, c := range s.counts {
			if !c.fresh {
				continue
			}
			if !c.stored {
				made.CountMemberIds, made.CountActionIds = append(made.CountMemberIds, s.member), append(made.CountActionIds, action)
				made.CountActivities, made.Rewarded = append(made.CountActivities, c.activities), append(made.Rewarded, c.rewarded)
				made.RewardedAt, made.CountSettled = append(made.RewardedAt, c.rewardedAt), append(made.CountSettled, c.settled)
				made.StreakPeriods, made.StreakOn = append(made.StreakPeriods, string(c.streak.period)), append(made.StreakOn, c.streak.on)
				made.StreakCurrent = append(made.StreakCurrent, int32(c.streak.current))
				made.StreakLongest = append(made.StreakLongest, int32(c.streak.longest))
				continue
			}
			a.CountMemberIds = append(a.CountMemberIds, s.member)
			a.CountActionIds = append(a.CountActionIds, action)
			a.CountActivities = append(a.CountActivities, c.activities)
			a.Rewarded = append(a.Rewarded, c.rewarded)
			a.RewardedAt = append(a.RewardedAt, c.rewardedAt)
			a.CountSettled = append(a.CountSettled, c.settled)
			a.StreakPeriods = append(a.StreakPeriods, string(c.streak.period))
			a.StreakOn = append(a.StreakOn, c.streak.on)
			a.StreakCurrent = append(a.StreakCurrent, int32(c.streak.current))
			a.StreakLongest = append(a.StreakLongest, int32(c.streak.longest))
		}
	}
}

func (r *round) storeGrants(ctx context.Context, pipe *pg.Pipeline) error {
	levels := query.LevelGrantInsertManyParams{TenantID: r.tenant.ID}
	badges := query.BadgeGrantInsertManyParams{TenantID: r.tenant.ID}
	milestones := query.MilestoneGrantInsertManyParams{TenantID: r.tenant.ID}
	for _, e := range r.done {
		for _, l := range e.levels {
			levels.MemberIds, levels.Levels = append(levels.MemberIds, e.state.member), append(levels.Levels, int32(l.Level))
			levels.XpThresholds, levels.Coins = append(levels.XpThresholds, l.XPThreshold), append(levels.Coins, l.Coins)
			levels.GrantedAt = append(levels.GrantedAt, e.at)
		}
		for _, g := range e.badges {
			badges.MemberIds, badges.BadgeKeys = append(badges.MemberIds, e.state.member), append(badges.BadgeKeys, g.badge.Key)
			badges.Sources, badges.EarnedAt = append(badges.Sources, string(g.source)), append(badges.EarnedAt, e.at)
		}
		for _, m := range e.achieved {
			milestones.MemberIds, milestones.MilestoneKeys = append(milestones.MemberIds, e.state.member), append(milestones.MilestoneKeys, m.Key)
			milestones.Ids, milestones.Names, milestones.Types = append(milestones.Ids, m.ID), append(milestones.Names, m.Name), append(milestones.Types, string(m.Type))
			milestones.Thresholds, milestones.Coins = append(milestones.Thresholds, m.Threshold), append(milestones.Coins, m.Coins)
			milestones.BadgeKeys, milestones.AchievedAt = append(milestones.BadgeKeys, orEmpty(m.BadgeKey)), append(milestones.AchievedAt, m.At)
		}
	}
	var err error
	if len(levels.Levels) > 0 {
		err = q.LevelGrantInsertMany(ctx, pipe, levels)
	}
	if len(badges.BadgeKeys) > 0 {
		err = errors.Join(err, q.BadgeGrantInsertMany(ctx, pipe, badges))
	}
	if len(milestones.Ids) > 0 {
		err = errors.Join(err, q.MilestoneGrantInsertMany(ctx, pipe, milestones))
	}
	return err
}

func (r *round) storeQuests(ctx context.Context, pipe *pg.Pipeline) error {
	steps := query.QuestProgressUpsertManyParams{TenantID: r.tenant.ID}
	grants := query.QuestGrantInsertManyParams{TenantID: r.tenant.ID}
	counted := map[*state]map[step]bool{}
	for _, e := range r.done {
		for at := range e.steps {
			if counted[e.state] == nil {
				counted[e.state] = map[step]bool{}
			}
			if counted[e.state][at] {
				continue // the newest count is stored already
			}
			counted[e.state][at] = true
			steps.MemberIds, steps.QuestIds = append(steps.MemberIds, e.state.member), append(steps.QuestIds, at.quest)
			steps.ActionIds, steps.Done = append(steps.ActionIds, at.action), append(steps.Done, int32(e.state.steps[at]))
		}
		for _, w := range e.quests {
			grants.MemberIds, grants.QuestKeys = append(grants.MemberIds, e.state.member), append(grants.QuestKeys, w.Key)
			grants.Coins, grants.Xp, grants.Tokens = append(grants.Coins, w.Pay.Coins), append(grants.Xp, w.Pay.XP), append(grants.Tokens, w.Pay.Tokens)
			grants.CompletedAt = append(grants.CompletedAt, e.at)
		}
	}
	var err error
	if len(steps.Done) > 0 {
		err = q.QuestProgressUpsertMany(ctx, pipe, steps)
	}
	if len(grants.QuestKeys) > 0 {
		err = errors.Join(err, q.QuestGrantInsertMany(ctx, pipe, grants))
	}
	return err
}

// allActions is what counts all actions together are kept under.
const allActions = 0

type slot[K comparable] struct {
	of K
	at time.Time
}

func (r *round) putTally(a *query.ActivityInsertManyParams) {
	a.TallyActionIds, a.TallyMinutes, a.TallyActivities = []int64{}, []time.Time{}, []int64{}
	tally := map[slot[int64]]int64{}
	for _, e := range r.done {
		if e.action == nil {
			continue
		}
		for _, action := range [...]int64{allActions, e.action.ID} {
			tally[slot[int64]{action, e.at.Truncate(time.Minute)}]++
		}
	}
	for s, n := range tally {
		a.TallyActionIds, a.TallyMinutes, a.TallyActivities = append(a.TallyActionIds, s.of), append(a.TallyMinutes, s.at), append(a.TallyActivities, n)
	}
}

func (r *round) storeMilestoneDays(ctx context.Context, pipe *pg.Pipeline, shard int16) error {
	const allMilestones = ""
	inDays := map[slot[string]]int64{}
	for _, e := range r.done {
		for _, m := range e.achieved {
			inDays[slot[string]{allMilestones, m.At.Truncate(wholeDay)}]++
			inDays[slot[string]{m.Key, m.At.Truncate(wholeDay)}]++
		}
	}
	if len(inDays) == 0 {
		return nil
	}
	a := query.MilestoneDayAddManyParams{TenantID: r.tenant.ID, Shard: shard}
	for s, n := range inDays {
		a.MilestoneKeys, a.Days, a.Milestones = append(a.MilestoneKeys, s.of), append(a.Days, s.at), append(a.Milestones, n)
	}
	return q.MilestoneDayAddMany(ctx, pipe, a)
}

func orEmpty(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
