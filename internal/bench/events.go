package bench

import (
	"context"
	"fmt"
	"strings"

	"github.com/incent-dev/incent/internal/incentive"
	"github.com/incent-dev/incent/internal/tenant"
)

// What members of the events' tenant can do and reach: an action that pays all
// three assets, without limits that would ever hold but with those that are
// checked, levels and badges up to what nobody passes within a run.
const (
	eventAction   = "bench"
	eventLevels   = 20
	eventXP       = 10
	eventPerLevel = 200 // XP
)

// newEvents makes the tenant of the events: as many members as that of the awards.
func (f *fixture) newEvents(ctx context.Context) error {
	t, _, err := newTenant(ctx, f.db, "bench events")
	if err != nil {
		return err
	}
	keys, err := tenant.NewKeys(ctx, f.db)
	if err != nil {
		return err
	}
	key, err := keys.CreateKey(ctx, f.db, t, tenant.Incenta, "bench", []string{"read", "write"})
	if err != nil {
		return err
	}
	f.eventsKey = key.Text
	return defineEvents(ctx, incentive.New(f.db), t.ID)
}

func defineEvents(ctx context.Context, e *incentive.Engine, tenantID int64) error {
	defer e.Close(ctx)
	most := int64(1_000_000_000)
	_, err := e.CreateAction(ctx, tenantID, incentive.Action{
		Key: eventAction, Name: "Bench", Type: incentive.Standard, Pay: incentive.Pay{Coins: 5, XP: eventXP, Tokens: 1}, MaxRepeats: &most, Active: true,
	}, nil)
	for i := 1; i <= eventLevels && err == nil; i++ {
		badge := fmt.Sprint("badge_", i)
		_, err = e.CreateBadge(ctx, tenantID, incentive.Badge{Key: badge, Name: badge, Active: true, Criteria: &incentive.Criteria{
			Type: incentive.ActionCount, ActionKey: eventAction, Threshold: int64(i * eventPerLevel / eventXP),
		}}, nil)
		if err == nil {
			_, err = e.CreateLevel(ctx, tenantID, incentive.Level{Level: i, XPThreshold: int64(i * eventPerLevel), Coins: 10}, nil)
		}
	}
	return err
}

// event measures events of members who have done something before.
func event(ctx context.Context, r *run) (figure, error) {
	if !r.served.visited {
		l := r.served.events()
		const one = `{"userId":"mem_` + memberDigits + `","actionKey":"` + eventAction + `"}`
		l.template = newTemplate("POST", eventsPath+"/bulk", "", r.served.eventsHeader(), `{"events":[`+strings.Repeat(one+",", bulkAwards-1)+one+`]}`)
		l.says = []byte(`"failed":0`)
		if err := l.visit(ctx, r.main.address); err != nil {
			return figure{}, err
		}
		r.served.visited = true
	}
	return r.drive(ctx, r.served.events(), r.main)
}

const eventsPath = "/incenta/v1/incentives/events"

func (f *fixture) eventsHeader() string { return "X-Api-Key: " + f.eventsKey + "\r\n" }

func (f *fixture) events() load {
	l := f.spread()
	l.template = newTemplate("POST", eventsPath, "", f.eventsHeader(), `{"userId":"mem_`+memberDigits+`","actionKey":"`+eventAction+`"}`)
	l.says = []byte(`"rewarded":true`)
	return l
}
