package incentive_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/incent-dev/incent/internal/event"
	"github.com/incent-dev/incent/internal/fault"
	"github.com/incent-dev/incent/internal/incentive"
	"github.com/incent-dev/incent/internal/leaderboard"
	"github.com/incent-dev/incent/internal/ledger"
	"github.com/incent-dev/incent/internal/pgtest"
	"github.com/incent-dev/incent/internal/tenant"
)

// exactEvents is how many events there are; go test -short makes a tenth of them.
func exactEvents() int {
	if testing.Short() {
		return 10_000
	}
	return 100_000
}

const (
	exactRounds  = 50
	exactMembers = 300
	exactSeed    = 2026
)

// exactness is a tenant to which random things happen on two engines, and all
// that is needed to work out what must have come of it.
type exactness struct {
	*testing.T
	rng     *rand.Rand
	tenant  tenant.Tenant
	engines [2]*incentive.Engine
	books   *ledger.Ledger
	boards  *leaderboard.Boards

	mu      sync.Mutex
	rules   []*incentive.Rules                  // by round
	rounds  map[uuid.UUID]int                   // of each activity
	outside []map[string]map[ledger.Asset]int64 // before each round, by member: signed
	awards  map[int][][2]string                 // by hand, before each round: member and badge
	made    int                                 // definitions, for their keys
}

// After 100,000 random events on two engines, many at once, with edits of all
// rules between them, levels, badges, milestones, quests and ranks are what a
// naive walk over the activities and the books says.
func TestExactAfterRandomEvents(t *testing.T) {
	t.Parallel()
	x := &exactness{T: t, rng: rand.New(rand.NewPCG(exactSeed, 0)), tenant: pgtest.Tenant(t), rounds: map[uuid.UUID]int{}, awards: map[int][][2]string{}}
	x.books = ledger.New(pgtest.DB())
	x.books.Follow(ledger.XP, leaderboard.Move)
	x.boards = leaderboard.New(pgtest.DB(), x.books)
	for i := range x.engines {
		x.engines[i] = incentive.New(pgtest.DB())
	}
	t.Cleanup(func() {
		x.books.Close(context.WithoutCancel(t.Context()))
		for _, e := range x.engines {
			e.Close(context.WithoutCancel(t.Context()))
		}
	})
	x.begin()
	for round := range exactRounds {
		for range 5 {
			x.edit()
		}
		x.meddle()
		x.rules = append(x.rules, x.current())
		x.happen(round)
		x.advance(time.Duration(x.rng.IntN(7200)) * time.Second)
	}
	x.compare()
	report, err := ledger.AuditTenant(t.Context(), pgtest.DB(), x.tenant.ID, slices.Concat(incentive.AuditChecks(), leaderboard.AuditChecks())...)
	if err != nil || len(report.Violations) > 0 {
		t.Errorf("audit: %v %v", report, err)
	}
	x.compareTold()
}

// compareTold counts what was told, which the audit has found to be there, and
// each once: so nothing was left out.
func (x *exactness) compareTold() {
	x.Helper()
	for kind, table := range map[event.Kind]string{
		event.IncentiveEventRecorded: "activities", event.IncentiveLevelUp: "level_grants", event.IncentiveMilestoneReached: "milestone_grants", event.MemberCreated: "members",
	} {
		var told, there int
		x.must(pgtest.DB().QueryRow(x.Context(), `SELECT (SELECT count(*) FROM commits AS c, unnest(c.kinds) AS k WHERE c.tenant_id = $1 AND k = $2),
			(SELECT count(*) FROM `+table+` AS r WHERE r.tenant_id = $1)`, x.tenant.ID, int16(kind)).Scan(&told, &there))
		if told != there {
			x.Errorf("%s: %d told, %d in %s", kind, told, there, table)
		}
	}
}

func (x *exactness) must(err error) {
	x.Helper()
	if err != nil {
		x.Fatal(err)
	}
}

// allowed lets refusals pass: a random edit may not fit.
func (x *exactness) allowed(err error) {
	x.Helper()
	if err != nil && fault.As(err) == nil {
		x.Fatal(err)
	}
}

func (x *exactness) current() *incentive.Rules {
	t, err := tenant.Get(x.Context(), pgtest.DB(), x.tenant.ID)
	x.must(err)
	r, err := x.engines[0].Rules(x.Context(), pgtest.DB(), t)
	x.must(err)
	return r
}

func (x *exactness) advance(by time.Duration) {
	_, err := pgtest.DB().Exec(x.Context(), "UPDATE tenants SET clock_offset_us = clock_offset_us + $2 WHERE tenant_id = $1", x.tenant.ID, by.Microseconds())
	x.must(err)
}

func (x *exactness) key(kind string) string {
	x.made++
	return fmt.Sprintf("%s_%d", kind, x.made)
}

func (x *exactness) chance(oneIn int) bool { return x.rng.IntN(oneIn) == 0 }

// pick is one of a list; false when there is none.
func pick[T any](x *exactness, list []T) (one T, ok bool) {
	if len(list) == 0 {
		return one, false
	}
	return list[x.rng.IntN(len(list))], true
}

// begin defines some of everything.
func (x *exactness) begin() {
	for i := range 8 {
		a := incentive.Action{Key: fmt.Sprint("action_", i), Name: "Action", Type: incentive.Standard, Active: true}
		a.Pay = incentive.Pay{Coins: int64(x.rng.IntN(20)), XP: int64(x.rng.IntN(30)), Tokens: int64(x.rng.IntN(2) * i)}
		_, err := x.engines[0].CreateAction(x.Context(), x.tenant.ID, a, nil)
		x.must(err)
	}
	for range 30 {
		x.edit()
	}
}

// edit changes one of the rules.
func (x *exactness) edit() {
	e := x.engines[x.rng.IntN(2)]
	edits := []func(*incentive.Engine){x.editAction, x.makeLevel, x.changeLevel, x.makeBadge, x.changeBadge, x.makeMilestone, x.changeMilestone, x.makeQuest, x.changeQuest}
	edits[x.rng.IntN(len(edits))](e)
}

func (x *exactness) editAction(e *incentive.Engine) {
	a, _ := pick(x, x.current().Actions)
	_, err := e.UpdateAction(x.Context(), x.tenant.ID, a.Key, func(a *incentive.Action) {
		switch x.rng.IntN(4) {
		case 0:
			a.Pay.XP = int64(x.rng.IntN(40))
		case 1:
			a.Cooldown = int64(x.rng.IntN(2) * x.rng.IntN(7200))
		case 2:
			n := int64(x.rng.IntN(200) + 1)
			if a.MaxRepeats = &n; x.chance(2) {
				a.MaxRepeats = nil
			}
		case 3:
			a.Pay.Coins = int64(x.rng.IntN(10))
		}
	}, nil)
	x.must(err)
}

func (x *exactness) badgeKey() *string {
	if b, ok := pick(x, x.current().Badges); ok && x.chance(2) {
		return &b.Key
	}
	return nil
}

func (x *exactness) makeLevel(e *incentive.Engine) {
	_, err := e.CreateLevel(x.Context(), x.tenant.ID, incentive.Level{
		Level: x.rng.IntN(40) + 1, XPThreshold: int64(x.rng.IntN(8000)), Coins: int64(x.rng.IntN(3) * 10), BadgeKey: x.badgeKey(),
	}, nil)
	x.allowed(err)
}

func (x *exactness) changeLevel(e *incentive.Engine) {
	l, ok := pick(x, x.current().Levels)
	switch {
	case !ok:
	case x.chance(2):
		x.must(e.DeleteLevel(x.Context(), x.tenant.ID, l.Level))
	default:
		_, err := e.UpdateLevel(x.Context(), x.tenant.ID, l.Level, func(l *incentive.Level) {
			l.XPThreshold += int64(x.rng.IntN(400) - 200)
			l.Coins = int64(x.rng.IntN(50))
		}, nil)
		x.allowed(err)
	}
}

func (x *exactness) makeBadge(e *incentive.Engine) {
	b := incentive.Badge{Key: x.key("badge"), Name: "Badge", Active: true}
	switch x.rng.IntN(3) {
	case 0:
		b.Criteria = &incentive.Criteria{Type: incentive.XPBalance, Threshold: int64(x.rng.IntN(8000) + 1)}
	case 1:
		a, _ := pick(x, x.current().Actions)
		b.Criteria = &incentive.Criteria{Type: incentive.ActionCount, ActionKey: a.Key, Threshold: int64(x.rng.IntN(60) + 1)}
	}
	_, err := e.CreateBadge(x.Context(), x.tenant.ID, b, nil)
	x.allowed(err)
}

func (x *exactness) changeBadge(e *incentive.Engine) {
	b, ok := pick(x, x.current().Badges)
	switch {
	case !ok:
	case x.chance(2):
		_, err := e.UpdateBadge(x.Context(), x.tenant.ID, b.Key, func(b *incentive.Badge) { b.Active = !b.Active }, nil)
		x.allowed(err)
	case b.Active:
		// Awards and revocations are grants, too.
		member := x.member()
		_, err := e.AwardBadge(x.Context(), x.tenant.ID, member, b.Key, nil)
		x.must(err)
		x.awards[len(x.rules)] = append(x.awards[len(x.rules)], [2]string{member, b.Key})
		if x.chance(2) {
			x.must(e.RevokeBadge(x.Context(), x.tenant.ID, member, b.Key, nil))
		}
	}
}

func (x *exactness) makeMilestone(e *incentive.Engine) {
	m := incentive.Milestone{Key: x.key("milestone"), Name: "Milestone", Coins: int64(x.rng.IntN(30)), BadgeKey: x.badgeKey(), Active: true}
	switch x.rng.IntN(3) {
	case 0:
		m.Type, m.Threshold = incentive.XPReached, int64(x.rng.IntN(8000)+1)
	case 1:
		m.Type, m.Threshold = incentive.PointsEarned, int64(x.rng.IntN(4000)+1)
	default:
		a, _ := pick(x, x.current().Actions)
		m.Type, m.Threshold, m.ActionKey = incentive.ActionsDone, int64(x.rng.IntN(60)+1), &a.Key
	}
	_, err := e.CreateMilestone(x.Context(), x.tenant.ID, m, nil)
	x.allowed(err)
}

func (x *exactness) changeMilestone(e *incentive.Engine) {
	if m, ok := pick(x, x.current().Milestones); ok && x.chance(3) {
		x.allowed(e.DeleteMilestone(x.Context(), x.tenant.ID, m.Key))
	} else if ok {
		_, err := e.UpdateMilestone(x.Context(), x.tenant.ID, m.Key, func(m *incentive.Milestone) { m.Threshold, m.Active = m.Threshold/2+1, !m.Active }, nil)
		x.allowed(err)
	}
}

func (x *exactness) makeQuest(e *incentive.Engine) {
	if len(x.current().Quests) >= 6 {
		return // enough of them leave nobody without one
	}
	quest := incentive.Quest{Key: x.key("quest"), Name: "Quest", BadgeKey: x.badgeKey(), Active: true}
	quest.Pay = incentive.Pay{Coins: int64(x.rng.IntN(100)), XP: int64(x.rng.IntN(300)), Tokens: int64(x.rng.IntN(3))}
	for _, i := range x.rng.Perm(8)[:x.rng.IntN(3)+1] {
		quest.Steps = append(quest.Steps, incentive.QuestStep{ActionKey: fmt.Sprint("action_", i), Count: x.rng.IntN(12) + 1})
	}
	_, err := e.CreateQuest(x.Context(), x.tenant.ID, quest, nil)
	x.allowed(err)
}

func (x *exactness) changeQuest(e *incentive.Engine) {
	if quest, ok := pick(x, x.current().Quests); ok {
		_, err := e.UpdateQuest(x.Context(), x.tenant.ID, quest.Key, func(q *incentive.Quest) { q.Active = !q.Active }, nil)
		x.allowed(err)
	}
}

func (x *exactness) member() string { return fmt.Sprint("m", x.rng.IntN(exactMembers)) }

// meddle gives and takes past the engine: what others award counts as earned,
// and XP that was taken away has to be earned again, but grants nothing again.
func (x *exactness) meddle() {
	before := map[string]map[ledger.Asset]int64{}
	x.outside = append(x.outside, before)
	for range 10 {
		c := ledger.Command{Op: ledger.OpAward, Member: x.member(), Asset: ledger.Points, Amount: int64(x.rng.IntN(300) + 1)}
		sign := int64(1)
		if x.chance(2) {
			c.Op, c.Asset, sign = ledger.OpDeduct, ledger.XP, -1
		}
		_, err := x.books.Post(x.Context(), x.tenant.ID, c, nil)
		x.allowed(err)
		if err != nil {
			continue
		}
		if before[c.Member] == nil {
			before[c.Member] = map[ledger.Asset]int64{}
		}
		before[c.Member][c.Asset] += sign * c.Amount
	}
}

// happen records a round's events, many at once, on both engines: some in bulk.
func (x *exactness) happen(round int) {
	const bulks, callers = 4, 8
	events := make([]incentive.NewEvent, exactEvents()/exactRounds)
	bulk := len(events) / 5 // the last fifth comes one by one
	for i := range events {
		events[i] = incentive.NewEvent{Member: x.member(), ActionKey: fmt.Sprint("action_", x.rng.IntN(8))}
	}
	var busy sync.WaitGroup
	for i := range bulks {
		busy.Go(func() {
			outcomes, err := x.engines[i%2].RecordMany(x.Context(), x.tenant.ID, events[i*bulk:(i+1)*bulk], nil)
			for _, o := range outcomes {
				x.note(round, o.Value, o.Err)
			}
			x.note(round, incentive.Recorded{}, err)
		})
	}
	for i := range callers {
		busy.Go(func() {
			for j := bulks*bulk + i; j < len(events); j += callers {
				r, err := x.engines[i%2].Record(x.Context(), x.tenant.ID, events[j], nil)
				x.note(round, r, err)
			}
		})
	}
	busy.Wait()
}

func (x *exactness) note(round int, r incentive.Recorded, err error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if err != nil {
		x.Error(err)
	}
	if r.ID != uuid.Nil {
		x.rounds[r.ID] = round
	}
}
