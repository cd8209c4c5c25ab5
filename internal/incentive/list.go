package incentive

import (
	"context"
	"fmt"
	"time"

	"github.com/incent-dev/incent/gen/query"
	"github.com/incent-dev/incent/internal/pg"
	"github.com/incent-dev/incent/internal/tenant"
)

// ActivityFilter selects activities. Zero members select all.
type ActivityFilter struct {
	Member      string // the caller's id
	ActionKey   string
	From, To    time.Time // inclusive
	Limit, Skip int
}

var (
	distantPast   = time.Date(1, 1, 2, 0, 0, 0, 0, time.UTC)
	distantFuture = time.Date(9999, 12, 30, 0, 0, 0, 0, time.UTC)
)

// tick is the database's resolution.
const tick = time.Microsecond

// Activities lists activities, newest first, with how many there are. A member's
// are a range of places; of one action, a walk along the member's own. Those of
// everybody are counted by days and minutes, so that a page is found by walking
// along one minute at most.
func (e *Engine) Activities(ctx context.Context, tenantID int64, f ActivityFilter) (list []Activity, total int64, err error) {
	if f.From.IsZero() {
		f.From = distantPast
	}
	if f.To.IsZero() {
		f.To = distantFuture
	}
	t, err := tenant.Get(ctx, e.db, tenantID)
	if err != nil {
		return nil, 0, pg.Fault(err)
	}
	rules, err := e.Rules(ctx, e.db, t)
	if err != nil {
		return nil, 0, pg.Fault(err)
	}
	actionID := int64(allActions)
	if f.ActionKey != "" {
		a := rules.Action(f.ActionKey)
		if a == nil {
			return nil, 0, nil
		}
		actionID = a.ID
	}
	var rows []activityRow
	if f.Member != "" {
		rows, total, err = e.memberActivities(ctx, tenantID, f, actionID)
	} else {
		rows, total, err = e.allActivities(ctx, tenantID, f, actionID)
	}
	if err != nil {
		return nil, 0, pg.Fault(err)
	}
	for _, row := range rows {
		a := rules.ActionByID(row.ActionID)
		if a == nil { // made since the rules were read
			if rules, err = readRules(ctx, e.db, tenantID); err != nil {
				return nil, 0, pg.Fault(err)
			}
			a = rules.ActionByID(row.ActionID)
		}
		list = append(list, row.activity(a))
	}
	return list, total, nil
}

// activityRow is a row with the caller's id of its member.
type activityRow struct {
	query.Activity
	member string
}

func (r activityRow) activity(a *Action) Activity {
	return Activity{
		ID: r.ID, Member: r.member, ActionKey: a.Key, Reason: orEmpty(r.Reason), Pay: Pay{r.Coins, r.Xp, r.Tokens}, Key: orEmpty(r.IdempotencyKey),
		Metadata: r.Metadata, At: r.CreatedAt.UTC(),
	}
}

func (e *Engine) memberActivities(ctx context.Context, tenantID int64, f ActivityFilter, actionID int64) ([]activityRow, int64, error) {
	m, known, err := tenant.MemberKey(ctx, e.db, tenantID, f.Member)
	if err != nil || !known {
		return nil, 0, err
	}
	span, err := q.ActivityGetSpan(ctx, e.db, query.ActivityGetSpanParams{TenantID: tenantID, MemberID: m, FromAt: f.From, ToAt: f.To})
	if pg.IsNoRows(err) {
		return nil, 0, nil
	}
	if err != nil {
		return nil, 0, fmt.Errorf("find span of activities: %w", err)
	}
	var rows []query.Activity
	total := span.UntilPlace - span.BeforePlace
	if actionID == allActions {
		newest := span.UntilPlace - int64(f.Skip)
		rows, err = q.ActivityListRange(ctx, e.db, query.ActivityListRangeParams{
			TenantID: tenantID, MemberID: m, Oldest: max(newest-int64(f.Limit), span.BeforePlace) + 1, Newest: newest,
		})
	} else {
		some := query.ActivityListOfActionParams{
			TenantID: tenantID, MemberID: m, ActionID: actionID, Oldest: span.BeforePlace + 1, Newest: span.UntilPlace, MaxRows: int32(f.Limit), SkipRows: clampSkip(f.Skip),
		}
		rows, total, err = e.memberActionActivities(ctx, some, span.BeforePlace == 0 && span.UntilPlace == span.Newest)
	}
	if err != nil {
		return nil, 0, fmt.Errorf("list activities of member: %w", err)
	}
	list := make([]activityRow, len(rows))
	for i, row := range rows {
		list[i] = activityRow{row, f.Member}
	}
	return list, total, nil
}

// memberActionActivities lists a member's activities of one action; whole says
// that no time span was asked for, so that their number is known.
func (e *Engine) memberActionActivities(ctx context.Context, arg query.ActivityListOfActionParams, whole bool) (rows []query.Activity, total int64, err error) {
	if whole {
		total, err = q.ActionCountGet(ctx, e.db, query.ActionCountGetParams{TenantID: arg.TenantID, MemberID: arg.MemberID, ActionID: arg.ActionID})
		if pg.IsNoRows(err) {
			return nil, 0, nil
		}
	} else {
		total, err = q.ActivityCountOfAction(ctx, e.db, query.ActivityCountOfActionParams{
			TenantID: arg.TenantID, MemberID: arg.MemberID, ActionID: arg.ActionID, Oldest: arg.Oldest, Newest: arg.Newest,
		})
	}
	if err != nil || total <= int64(arg.SkipRows) {
		return nil, total, err
	}
	rows, err = q.ActivityListOfAction(ctx, e.db, arg)
	return rows, total, err
}

// clampSkip keeps an offset within SQL's integer; nothing lies beyond it.
func clampSkip(skip int) int32 { return int32(min(skip, 1<<31-1)) }

// piece is a stretch of time with the number of activities in it.
type piece struct {
	from, to   time.Time // inclusive
	activities int64
}

// within cuts a piece down to a filter's bounds; whole says that nothing was cut.
func (p piece) within(f ActivityFilter) (cut piece, whole bool) {
	cut, whole = p, true
	if cut.from.Before(f.From) {
		cut.from, whole = f.From, false
	}
	if cut.to.After(f.To) {
		cut.to, whole = f.To, false
	}
	return cut, whole
}

func (e *Engine) allActivities(ctx context.Context, tenantID int64, f ActivityFilter, actionID int64) ([]activityRow, int64, error) {
	days, err := q.ActivityDayList(ctx, e.db, query.ActivityDayListParams{TenantID: tenantID, ActionID: actionID, FromDay: f.From, ToDay: f.To})
	if err != nil {
		return nil, 0, fmt.Errorf("count activities by day: %w", err)
	}
	var total int64
	to, skip := f.To, int64(f.Skip)
	found := false
	for _, d := range days {
		day, whole := (piece{d.Day.UTC(), d.Day.UTC().Add(wholeDay - tick), d.Activities}).within(f)
		var minutes []piece
		if !whole || !found && total+day.activities > int64(f.Skip) {
			if minutes, err = e.minutes(ctx, tenantID, f, actionID, day); err != nil {
				return nil, 0, err
			}
			day.activities = sum(minutes)
		}
		if !found && total+day.activities > int64(f.Skip) {
			found = true
			to, skip = seek(minutes, to, skip)
		} else if !found {
			to, skip = day.from.Add(-tick), skip-day.activities
		}
		total += day.activities
	}
	if !found {
		return nil, total, nil
	}
	rows, err := e.pageUpTo(ctx, tenantID, f, actionID, to, skip)
	return rows, total, err
}

// Uncounted lists the tenants of whose activities some wait to be counted into days
// and minutes.
func (e *Engine) Uncounted(ctx context.Context) ([]int64, error) {
	return q.ActivityTallyListTenants(ctx, e.db)
}

// Count counts them. Lists are right without: it keeps what they add up short.
func (e *Engine) Count(ctx context.Context, tenantID int64) error {
	_, err := pg.InTx(ctx, e.db, func(ctx context.Context, tx pg.Tx) (struct{}, error) {
		return struct{}{}, q.ActivityTallyDeleteAll(ctx, tx, tenantID)
	})
	if err != nil {
		return pg.Fault(fmt.Errorf("count activities: %w", err))
	}
	return nil
}

// seek finds the minute in which the entry after skip lies: nothing younger than
// to has to be looked at, and skip entries from there on.
func seek(minutes []piece, to time.Time, skip int64) (time.Time, int64) {
	for _, m := range minutes {
		if skip < m.activities {
			break
		}
		to, skip = m.from.Add(-tick), skip-m.activities
	}
	return to, skip
}

func sum(pieces []piece) (n int64) {
	for _, p := range pieces {
		n += p.activities
	}
	return n
}

// minutes counts a day's activities by minutes, newest first, within the filter:
// those at its ends are counted row by row.
func (e *Engine) minutes(ctx context.Context, tenantID int64, f ActivityFilter, actionID int64, day piece) ([]piece, error) {
	rows, err := q.ActivityMinuteList(ctx, e.db, query.ActivityMinuteListParams{
		TenantID: tenantID, ActionID: actionID, FromAt: day.from.Truncate(time.Minute), ToAt: day.to,
	})
	if err != nil {
		return nil, fmt.Errorf("count activities by minute: %w", err)
	}
	list := make([]piece, len(rows))
	for i, r := range rows {
		m, whole := (piece{r.Minute.UTC(), r.Minute.UTC().Add(time.Minute - tick), r.Activities}).within(f)
		if !whole {
			if m.activities, err = e.countSpan(ctx, tenantID, actionID, m); err != nil {
				return nil, fmt.Errorf("count activities: %w", err)
			}
		}
		list[i] = m
	}
	return list, nil
}

func (e *Engine) countSpan(ctx context.Context, tenantID, actionID int64, p piece) (int64, error) {
	if actionID == allActions {
		return q.ActivityCountSpan(ctx, e.db, query.ActivityCountSpanParams{TenantID: tenantID, FromAt: p.from, ToAt: p.to})
	}
	return q.ActivityCountSpanByAction(ctx, e.db, query.ActivityCountSpanByActionParams{TenantID: tenantID, ActionID: actionID, FromAt: p.from, ToAt: p.to})
}

func (e *Engine) pageUpTo(ctx context.Context, tenantID int64, f ActivityFilter, actionID int64, to time.Time, skip int64) (list []activityRow, err error) {
	if actionID == allActions {
		rows, err := q.ActivityList(ctx, e.db, query.ActivityListParams{TenantID: tenantID, FromAt: f.From, ToAt: to, MaxRows: int32(f.Limit), SkipRows: int32(skip)})
		for _, r := range rows {
			list = append(list, activityRow{r.Activity, r.ExternalID})
		}
		return list, err
	}
	rows, err := q.ActivityListByAction(ctx, e.db, query.ActivityListByActionParams{
		TenantID: tenantID, ActionID: actionID, FromAt: f.From, ToAt: to, MaxRows: int32(f.Limit), SkipRows: int32(skip),
	})
	for _, r := range rows {
		list = append(list, activityRow{r.Activity, r.ExternalID})
	}
	return list, err
}
