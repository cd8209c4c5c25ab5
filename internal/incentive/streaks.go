package incentive

import (
	"context"
	"fmt"
	"time"

	"github.com/incent-dev/incent/gen/query"
	"github.com/incent-dev/incent/internal/pg"
)

// Streak is a member's run of an action.
type Streak struct {
	ActionKey string
	Period    Period
	Current   int       // 0: the run broke
	Longest   int       // ever
	LastOn    time.Time // a date in the member's time zone
	TimeZone  string    // its IANA name
}

// MemberStreaks lists a member's runs of actions that have a streak, by action.
// A run that was counted in another period than the action's is has broken.
func (e *Engine) MemberStreaks(ctx context.Context, tenantID int64, member string) ([]Streak, error) {
	m, err := q.MemberGet(ctx, e.db, query.MemberGetParams{TenantID: tenantID, ExternalID: member})
	if pg.IsNoRows(err) {
		return nil, nil
	}
	if err != nil {
		return nil, pg.Fault(fmt.Errorf("find member: %w", err))
	}
	rows, err := q.StreakList(ctx, e.db, query.StreakListParams{TenantID: tenantID, MemberID: m.ID})
	if err != nil {
		return nil, pg.Fault(fmt.Errorf("list streaks: %w", err))
	}
	t, r, err := e.current(ctx, tenantID)
	if err != nil {
		return nil, err
	}
	in := zone(m.TimeZone)
	today := dateIn(t.Now(), in)
	runs := make(map[int64]streak, len(rows))
	for _, row := range rows {
		runs[row.ActionID] = streak{Period(row.StreakPeriod), row.StreakOn.UTC(), int(row.StreakCurrent), int(row.StreakLongest)}
	}
	var list []Streak
	for _, a := range r.Actions {
		run, done := runs[a.ID]
		if !done || a.Streak == nil {
			continue
		}
		s := Streak{ActionKey: a.Key, Period: a.Streak.Period, Longest: run.longest, LastOn: run.on, TimeZone: in.String()}
		if run.period == s.Period {
			s.Current = run.alive(today)
		}
		list = append(list, s)
	}
	return list, nil
}
