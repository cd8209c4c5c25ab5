package incentive

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/incent-dev/incent/gen/query"
	"github.com/incent-dev/incent/internal/fault"
	"github.com/incent-dev/incent/internal/ledger"
	"github.com/incent-dev/incent/internal/pg"
	"github.com/incent-dev/incent/internal/tenant"
)

// happening is an occurrence of an action by a member, or, without an action, a
// total of the referral programme that has grown.
type happening struct {
	occurrence
	member   string    // the caller's id
	record   uuid.UUID // what fired it; zero: a call
	key      string    // idempotency key of the body; "": none
	metadata json.RawMessage
}

// round is the engine's part of one transaction: the members concerned, as they
// were read under their locks, and what was recorded since.
type round struct {
	tenant  tenant.Tenant
	rules   *Rules
	at      time.Time
	session *ledger.Session
	members map[string]*state
	done    []entry

	known known
	mark  int64 // borne by the XP accounts of those who are stored
}

// entry is one recorded activity, as it goes into the tables.
type entry struct {
	happening
	*decision
	state *state
	id    uuid.UUID
	place int64
	level int // of the member before

	achieved []Achieved
}

// commands are the ledger's part of a number of happenings: what its session has
// to lock. Tokens are opened for those only who may be paid some.
func (r *Rules) commands(happenings []happening) []ledger.Command {
	list := make([]ledger.Command, 0, 3*len(happenings))
	for _, h := range happenings {
		tokens := ledger.OpSettle
		if h.action != nil && r.tokens[h.action.ID] {
			tokens = ledger.OpAward
		}
		list = append(list,
			ledger.Command{Op: ledger.OpAward, Member: h.member, Asset: ledger.Points},
			ledger.Command{Op: tokens, Member: h.member, Asset: ledger.Tokens},
			ledger.Command{Op: ledger.OpAward, Member: h.member, Asset: ledger.XP})
	}
	return list
}

// load reads what is known of the members of the happenings, whose accounts the
// session has locked.
func (e *Engine) load(ctx context.Context, tx pg.Tx, t tenant.Tenant, rules *Rules, at time.Time, session *ledger.Session, happenings []happening) (*round, error) {
	r := &round{tenant: t, rules: rules, at: at, session: session, members: make(map[string]*state, len(happenings)), known: e.known, mark: newMark()}
	byKey := make(map[int64]*state, len(happenings))
	arg := query.ProgressListManyParams{TenantID: t.ID}
	for _, h := range happenings {
		s := r.enter(h.member)
		if s == nil || s.counts[h.actionID()] != nil {
			continue
		}
		byKey[s.member] = s
		if s.recall(h.actionID()) {
			continue
		}
		s.counts[h.actionID()] = &count{}
		arg.MemberIds, arg.ActionIds = append(arg.MemberIds, s.member), append(arg.ActionIds, h.actionID())
	}
	if len(byKey) == 0 {
		return r, nil
	}
	var rows []query.ProgressListManyRow
	if len(arg.MemberIds) > 0 {
		var err error
		if rows, err = q.ProgressListMany(ctx, tx, arg); err != nil {
			return nil, fmt.Errorf("read progress: %w", err)
		}
	}
	for _, row := range rows {
		s := byKey[row.MemberID]
		s.stored, s.progress = row.Stored, progress{row.Places, row.ActiveAt.UTC(), int(row.Level), row.Settled, row.NextXp, row.NextCoins}
		*s.counts[row.ActionID] = count{
			stored: row.CountStored, activities: row.Activities, rewarded: row.Rewarded, rewardedAt: row.RewardedAt.UTC(), settled: row.CountSettled,
			streak: streak{Period(row.StreakPeriod), row.StreakOn.UTC(), int(row.StreakCurrent), int(row.StreakLongest)},
		}
	}
	if err := r.readZones(ctx, tx, byKey, happenings); err != nil {
		return nil, err
	}
	return r, r.readGrants(ctx, tx, byKey, happenings)
}

// enter is the state of a member, made where it is met first; nil for one who is
// unknown, and may not be made.
func (r *round) enter(member string) *state {
	if s, met := r.members[member]; met {
		return s
	}
	key, found := r.session.Member(member, ledger.XP)
	if !found {
		r.members[member] = nil
		return nil
	}
	s := &state{member: key, zone: time.UTC, counts: map[int64]*count{}, coinsHeld: r.tenant.Policy.AwardHoldDays > 0}
	s.xp, s.earned = r.holding(member, ledger.XP).Spendable(), r.holding(member, ledger.Points).Earned
	if s.remembered = r.known.recall(r.tenant.ID, key, r.session.Mark(member, ledger.XP)); s.remembered != nil {
		s.stored, s.progress = true, s.remembered.progress
	}
	r.members[member] = s
	return s
}

// holding is what a member has of an asset at the round's instant.
func (r *round) holding(member string, asset ledger.Asset) ledger.Holding {
	return r.session.Do(ledger.Command{Op: ledger.OpSettle, Member: member, Asset: asset}).Holding
}

// readZones reads the time zones of those whose run is counted.
func (r *round) readZones(ctx context.Context, tx pg.Tx, byKey map[int64]*state, happenings []happening) error {
	arg := query.MemberListZonesParams{TenantID: r.tenant.ID}
	for _, h := range happenings {
		if s := r.members[h.member]; s != nil && h.action != nil && h.action.Streak != nil {
			arg.MemberIds = append(arg.MemberIds, s.member)
		}
	}
	if len(arg.MemberIds) == 0 {
		return nil
	}
	rows, err := q.MemberListZones(ctx, tx, arg)
	if err != nil {
		return fmt.Errorf("read time zones: %w", err)
	}
	for _, row := range rows {
		byKey[row.ID].zone = zone(row.TimeZone)
	}
	return nil
}

// readGrants reads what was granted to those who may have something coming.
func (r *round) readGrants(ctx context.Context, tx pg.Tx, byKey map[int64]*state, happenings []happening) error {
	coming := map[*state][]occurrence{}
	for _, h := range happenings {
		if s := r.members[h.member]; s != nil {
			coming[s] = append(coming[s], h.occurrence)
		}
	}
	arg := query.GrantListManyParams{TenantID: r.tenant.ID}
	for s, occurrences := range coming {
		if s.mayGrant(r.rules, occurrences, r.at) {
			s.known, s.steps = true, map[step]int{}
			s.had = had{map[int]bool{}, map[string]bool{}, map[string]bool{}, map[string]bool{}}
			arg.MemberIds = append(arg.MemberIds, s.member)
		}
	}
	if len(arg.MemberIds) == 0 {
		return nil
	}
	rows, err := q.GrantListMany(ctx, tx, arg)
	if err != nil {
		return fmt.Errorf("read grants: %w", err)
	}
	for _, row := range rows {
		if err := byKey[row.MemberID].remember(row); err != nil {
			return err
		}
	}
	return nil
}

// record decides and notes one happening. A refusal changes nothing.
func (r *round) record(h happening) (Recorded, error) {
	s := r.members[h.member]
	if s == nil {
		return Recorded{}, fault.New(fault.NotFound, CodeMemberUnknown, "There is no such member, and this call does not make one").About("userId")
	}
	at := r.at
	if at.Before(s.progress.activeAt) {
		at = s.progress.activeAt // invariant 2
	}
	d := decide(r.rules, s, h.occurrence, at)
	for _, x := range [...]payment{{ledger.Points, d.totals.Coins, ""}, {ledger.XP, d.totals.XP, ""}, {ledger.Tokens, d.totals.Tokens, ""}} {
		if x.amount > 0 {
			if err := r.session.Room(h.member, x.asset, x.amount); err != nil {
				return Recorded{}, err
			}
		}
	}
	e := entry{happening: h, decision: d, state: s, id: pg.NewUUID(), level: s.progress.level}
	cause := e.id
	if h.action == nil {
		cause = h.record
	}
	for _, p := range d.payments {
		paid := r.session.Do(ledger.Command{
			Op: ledger.OpAward, Member: h.member, Asset: p.asset, Amount: p.amount, Cause: cause, Memo: ledger.Memo{Reason: p.reason},
		})
		if paid.Err != nil { // there is room, and the amount is in range
			return Recorded{}, fmt.Errorf("pay what has room: %w", paid.Err)
		}
	}
	for _, m := range d.milestones {
		e.achieved = append(e.achieved, Achieved{pg.NewUUID(), h.member, m.Key, m.Name, m.Type, m.Threshold, m.Coins, m.BadgeKey, at})
	}
	s.take(r.rules, h.occurrence, d)
	if s.fresh {
		r.session.SetMark(h.member, ledger.XP, r.mark)
	}
	e.place = s.progress.activities
	r.done = append(r.done, e)
	if h.action == nil {
		return Recorded{}, nil // nobody is told
	}
	return r.recorded(e), nil
}

func (r *round) recorded(e entry) Recorded {
	d := e.decision
	out := Recorded{
		Activity: Activity{ID: e.id, Member: e.member, ActionKey: e.action.Key, Reason: d.reason, Pay: d.pay, Key: e.key, Metadata: e.metadata, At: d.at},
		Balances: Balances{
			r.holding(e.member, ledger.Points).Spendable(), r.holding(e.member, ledger.Tokens).Spendable(), r.holding(e.member, ledger.XP).Spendable(),
		},
		Levels: d.levels, Milestones: e.achieved, Quests: d.quests,
	}
	for _, g := range d.badges {
		out.Badges = append(out.Badges, EarnedBadge{Badge: g.badge, Source: g.source, EarnedAt: d.at, New: true})
	}
	if d.run != nil {
		out.Streak = &StreakStep{d.run.period, d.run.current, d.run.longest, d.extra}
	}
	return out
}
