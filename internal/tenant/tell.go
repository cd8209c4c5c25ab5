package tenant

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/incent-dev/incent/gen/query"
	"github.com/incent-dev/incent/internal/event"
)

// updated is what the journal holds of a changed profile: which members of it,
// not what they are.
type updated struct {
	Changed []string `json:"changed"`
}

// changedFrom lists what is different in a profile, by its names on Incentable's
// wire.
func (m Member) changedFrom(before Member) (changed []string) {
	for _, x := range []struct {
		name     string
		was, now *string
	}{{"name", before.Name, m.Name}, {"email", before.Email, m.Email}, {"time_zone", before.TimeZone, m.TimeZone}} {
		if (x.was == nil) != (x.now == nil) || x.was != nil && *x.was != *x.now {
			changed = append(changed, x.name)
		}
	}
	return changed
}

// toldMember is the data of an event about a profile: as it is when it is told,
// so that nothing is told that was erased.
type toldMember struct {
	MemberID  string     `json:"member_id"`
	Changed   []string   `json:"changed,omitempty"`
	Name      *string    `json:"name"`
	Email     *string    `json:"email"`
	TimeZone  *string    `json:"time_zone"`
	CreatedAt time.Time  `json:"created_at"`
	UpdatedAt *time.Time `json:"updated_at,omitempty"`
}

// Tell completes the events about profiles.
func (r *Registry) Tell(ctx context.Context, tenantID int64, page []event.Event) error {
	events := event.Pick(page, event.MemberCreated, event.MemberUpdated)
	if len(events) == 0 {
		return nil
	}
	asked := query.MemberListToldParams{TenantID: tenantID}
	profiles := map[int64]query.MemberListToldRow{}
	for _, e := range events {
		if _, twice := profiles[e.Of.Member]; !twice {
			profiles[e.Of.Member] = query.MemberListToldRow{}
			asked.Ids = append(asked.Ids, e.Of.Member)
		}
	}
	rows, err := query.New().MemberListTold(ctx, r.db, asked)
	if err != nil {
		return fmt.Errorf("read members of events: %w", err)
	}
	for _, row := range rows {
		profiles[row.ID] = row
	}
	for _, e := range events {
		p := profiles[e.Of.Member]
		told := toldMember{MemberID: p.ExternalID, Name: p.Name, Email: p.Email, TimeZone: p.TimeZone, CreatedAt: p.CreatedAt.UTC().Truncate(time.Second)}
		if e.Kind == event.MemberUpdated {
			var u updated
			if err := json.Unmarshal(e.Data, &u); err != nil {
				return fmt.Errorf("read event %d: %w", e.Number, err)
			}
			at := e.At.Truncate(time.Second)
			told.Changed, told.UpdatedAt = u.Changed, &at
		}
		if err := e.Tell(told); err != nil {
			return err
		}
	}
	return nil
}
