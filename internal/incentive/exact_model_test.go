package incentive_test

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/incent-dev/incent/internal/incentive"
	"github.com/incent-dev/incent/internal/leaderboard"
	"github.com/incent-dev/incent/internal/ledger"
	"github.com/incent-dev/incent/internal/pgtest"
)

// modelMember is a member as a naive walk over the activities sees them: it
// looks at every definition after every activity, and shares nothing with the
// engine but the definitions themselves.
type modelMember struct {
	round      int // up to which it was told what happened outside
	xp, earned int64
	rewarded   map[string]int64
	last       map[string]time.Time
	levels     map[string]bool
	badges     map[string]bool
	milestones map[string]bool
	quests     map[string]bool
	steps      map[string]int
}

func newModelMember() *modelMember {
	return &modelMember{
		round: -1, rewarded: map[string]int64{}, last: map[string]time.Time{}, levels: map[string]bool{}, badges: map[string]bool{},
		milestones: map[string]bool{}, quests: map[string]bool{}, steps: map[string]int{},
	}
}

// reach tells the member what happened outside before a round.
func (m *modelMember) reach(x *exactness, name string, round int) {
	for m.round < round {
		m.round++
		m.xp += x.outside[m.round][name][ledger.XP]
		m.earned += x.outside[m.round][name][ledger.Points]
		for _, a := range x.awards[m.round] {
			if a[0] == name {
				m.badges[a[1]] = true
			}
		}
	}
}

// do is one activity; it answers why it earns nothing.
func (m *modelMember) do(r *incentive.Rules, key string, at time.Time) string {
	var a *incentive.Action
	for _, one := range r.Actions {
		if one.Key == key {
			a = one
		}
	}
	switch {
	case a.MaxRepeats != nil && m.rewarded[key] >= *a.MaxRepeats:
		return incentive.ReasonMaxRepeats
	case m.rewarded[key] > 0 && at.Sub(m.last[key]) < time.Duration(a.Cooldown)*time.Second:
		return incentive.ReasonCooldown
	}
	m.rewarded[key]++
	m.last[key] = at
	m.xp += a.Pay.XP
	m.earned += a.Pay.Coins
	for _, quest := range r.Quests {
		m.quest(r, quest, key)
	}
	for before := -1; before != m.grants(); {
		before = m.grants()
		m.look(r, key)
	}
	return ""
}

func (m *modelMember) grants() int {
	return len(m.levels) + len(m.badges) + len(m.milestones) + len(m.quests)
}

func (m *modelMember) quest(r *incentive.Rules, quest *incentive.Quest, key string) {
	if !quest.Active || m.quests[quest.Key] {
		return
	}
	mine, full := false, true
	for _, s := range quest.Steps {
		step := quest.Key + "/" + s.ActionKey
		if s.ActionKey == key {
			mine = true
			m.steps[step] = min(m.steps[step]+1, s.Count)
		}
		full = full && m.steps[step] == s.Count
	}
	if mine && full {
		m.quests[quest.Key] = true
		m.xp += quest.Pay.XP
		m.earned += quest.Pay.Coins
		m.badge(r, quest.BadgeKey)
	}
}

// look grants whatever the member is beyond.
func (m *modelMember) look(r *incentive.Rules, key string) {
	for _, l := range r.Levels {
		if number := fmt.Sprint(l.Level); l.XPThreshold <= m.xp && !m.levels[number] {
			m.levels[number] = true
			m.earned += l.Coins
			m.badge(r, l.BadgeKey)
		}
	}
	for _, w := range r.Milestones {
		n := m.xp
		switch {
		case w.Type == incentive.PointsEarned:
			n = m.earned
		case w.Type == incentive.ActionsDone && *w.ActionKey == key:
			n = m.rewarded[key]
		case w.Type != incentive.XPReached:
			continue
		}
		if w.Active && n >= w.Threshold && !m.milestones[w.Key] {
			m.milestones[w.Key] = true
			m.earned += w.Coins
			m.badge(r, w.BadgeKey)
		}
	}
	for _, b := range r.Badges {
		c := b.Criteria
		if c != nil && (c.Type == incentive.XPBalance && m.xp >= c.Threshold || c.ActionKey == key && m.rewarded[key] >= c.Threshold) {
			m.badge(r, &b.Key)
		}
	}
}

func (m *modelMember) badge(r *incentive.Rules, key *string) {
	for _, b := range r.Badges {
		if key != nil && b.Key == *key && b.Active {
			m.badges[*key] = true
		}
	}
}

// compare walks over all activities, and holds what it finds against the tables.
func (x *exactness) compare() {
	members := x.walk()
	for _, table := range []struct {
		query string
		of    func(*modelMember) map[string]bool
	}{
		{"SELECT m.external_id, g.level::text FROM level_grants AS g", func(m *modelMember) map[string]bool { return m.levels }},
		{"SELECT m.external_id, g.badge_key FROM badge_grants AS g", func(m *modelMember) map[string]bool { return m.badges }},
		{"SELECT m.external_id, g.milestone_key FROM milestone_grants AS g", func(m *modelMember) map[string]bool { return m.milestones }},
		{"SELECT m.external_id, g.quest_key FROM quest_grants AS g", func(m *modelMember) map[string]bool { return m.quests }},
	} {
		got := x.pairs(table.query + " JOIN members AS m ON m.tenant_id = g.tenant_id AND m.id = g.member_id WHERE g.tenant_id = $1")
		wanted := 0
		for name, m := range members {
			want := table.of(m)
			wanted += len(want)
			if !maps.Equal(got[name], want) {
				x.Errorf("%s of %s: %v, want %v", table.query, name, slices.Sorted(maps.Keys(got[name])), slices.Sorted(maps.Keys(want)))
			}
		}
		x.Logf("%d grants: %s", wanted, table.query)
	}
	x.compareBooks(members)
	x.compareRanks()
}

func (x *exactness) pairs(query string) map[string]map[string]bool {
	rows, err := pgtest.DB().Query(x.Context(), query, x.tenant.ID)
	x.must(err)
	defer rows.Close()
	found := map[string]map[string]bool{}
	for rows.Next() {
		var member, what string
		x.must(rows.Scan(&member, &what))
		if found[member] == nil {
			found[member] = map[string]bool{}
		}
		found[member][what] = true
	}
	x.must(rows.Err())
	return found
}

// walk replays all activities in order, and holds each against what was decided.
func (x *exactness) walk() map[string]*modelMember {
	members := map[string]*modelMember{}
	rows, err := pgtest.DB().Query(x.Context(), `
		SELECT m.external_id, a.id, x.key, COALESCE(a.reason, ''), a.created_at
		  FROM activities AS a
		  JOIN members AS m ON m.tenant_id = a.tenant_id AND m.id = a.member_id
		  JOIN actions AS x ON x.tenant_id = a.tenant_id AND x.id = a.action_id
		 WHERE a.tenant_id = $1 ORDER BY a.member_id, a.place`, x.tenant.ID)
	x.must(err)
	defer rows.Close()
	n := 0
	limited := map[string]int{}
	for ; rows.Next(); n++ {
		var name, key, reason string
		var id uuid.UUID
		var at time.Time
		x.must(rows.Scan(&name, &id, &key, &reason, &at))
		if members[name] == nil {
			members[name] = newModelMember()
		}
		round := x.rounds[id]
		members[name].reach(x, name, round)
		if want := members[name].do(x.rules[round], key, at); want != reason {
			x.Errorf("%s of %s in round %d: %q, want %q", key, name, round, reason, want)
		}
		limited[reason]++
	}
	x.must(rows.Err())
	if n != exactEvents() {
		x.Errorf("%d activities, want %d", n, exactEvents())
	}
	for name, m := range members {
		m.reach(x, name, exactRounds-1)
	}
	x.Logf("seed %d: %d activities of %d members, %v", exactSeed, n, len(members), limited)
	return members
}

// compareBooks holds XP and the points earned against the ledger.
func (x *exactness) compareBooks(members map[string]*modelMember) {
	for name, m := range members {
		xp, err := x.books.Balance(x.Context(), x.tenant.ID, name, ledger.XP)
		x.must(err)
		points, err := x.books.Balance(x.Context(), x.tenant.ID, name, ledger.Points)
		x.must(err)
		if xp.Available != m.xp || points.Earned != m.earned {
			x.Errorf("%s has %d XP and earned %d, want %d and %d", name, xp.Available, points.Earned, m.xp, m.earned)
		}
	}
}

// compareRanks sorts the books, and holds that against the board.
func (x *exactness) compareRanks() {
	type place struct {
		name    string
		member  int64
		xp      int64
		reached time.Time
	}
	rows, err := pgtest.DB().Query(x.Context(), `
		SELECT m.external_id, m.id, a.available, (SELECT max(t.created_at) FROM transfers AS t WHERE t.tenant_id = a.tenant_id AND t.member_id = a.member_id AND t.asset = 3)
		  FROM accounts AS a JOIN members AS m ON m.tenant_id = a.tenant_id AND m.id = a.member_id
		 WHERE a.tenant_id = $1 AND a.asset = 3 AND a.available > 0`, x.tenant.ID)
	x.must(err)
	defer rows.Close()
	var places []place
	for rows.Next() {
		var p place
		x.must(rows.Scan(&p.name, &p.member, &p.xp, &p.reached))
		places = append(places, p)
	}
	x.must(rows.Err())
	slices.SortFunc(places, func(a, b place) int {
		return cmp.Or(cmp.Compare(b.xp, a.xp), a.reached.Compare(b.reached), cmp.Compare(a.member, b.member))
	})
	for i, p := range places {
		s, err := x.boards.Standing(x.Context(), x.tenant.ID, p.name, leaderboard.Choice{}, 0)
		x.must(err)
		if s.Rank != int64(i+1) || s.XP != p.xp {
			x.Errorf("%s has rank %d with %d XP, want %d with %d", p.name, s.Rank, s.XP, i+1, p.xp)
		}
	}
	if len(places) < exactMembers/2 {
		x.Errorf("only %d members have XP", len(places))
	}
}
