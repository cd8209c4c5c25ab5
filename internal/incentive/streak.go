package incentive

import (
	"sync"
	"time"
)

// streak is a run of consecutive periods with an action.
type streak struct {
	period  Period    // "": the action had none yet
	on      time.Time // last day of the run, as midnight UTC of the date in the member's zone
	current int
	longest int
}

const wholeDay = 24 * time.Hour

// dateIn is the date of an instant in a zone, as midnight UTC of that date, so
// that dates can be counted.
func dateIn(at time.Time, zone *time.Location) time.Time {
	y, m, d := at.In(zone).Date()
	return time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
}

// number counts periods: consecutive ones have consecutive numbers. Weeks begin
// on Monday; the first day of Unix time was a Thursday.
func (p Period) number(date time.Time) int64 {
	const secondsOfDay, sinceMonday = int64(wholeDay / time.Second), 3
	days := date.Unix() / secondsOfDay // nobody did anything before 1970
	if p == Weekly {
		return (days + sinceMonday) / 7
	}
	return days
}

// advance is the run after the action was done on a date. A date before the last
// one (the member moved to a zone further west) changes nothing.
func (s streak) advance(p Period, date time.Time) streak {
	if s.period != p {
		return streak{p, date, 1, 1}
	}
	last, now := p.number(s.on), p.number(date)
	switch {
	case date.Before(s.on):
		return s
	case now == last:
		s.on = date
		return s
	case now == last+1:
		s.current++
	default:
		s.current = 1
	}
	s.on, s.longest = date, max(s.longest, s.current)
	return s
}

// alive is the length of the run as a reader sees it on a date: 0 when it broke.
func (s streak) alive(date time.Time) int {
	if s.period == "" || s.period.number(date) > s.period.number(s.on)+1 {
		return 0
	}
	return s.current
}

// zones are time zones by name, as they were met: reading one takes a while, and
// there are some 600.
var zones sync.Map

// zone finds a time zone by its IANA name; UTC when there is none such.
func zone(name *string) *time.Location {
	if name == nil {
		return time.UTC
	}
	if met, ok := zones.Load(*name); ok {
		return met.(*time.Location)
	}
	found, err := time.LoadLocation(*name)
	if err != nil {
		return time.UTC // it was checked when it was set
	}
	zones.Store(*name, found)
	return found
}
