package webhook

import (
	"context"
	"fmt"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/incent-dev/incent/gen/query"
	"github.com/incent-dev/incent/internal/event"
	"github.com/incent-dev/incent/internal/fault"
	"github.com/incent-dev/incent/internal/id"
	"github.com/incent-dev/incent/internal/once"
	"github.com/incent-dev/incent/internal/pg"
	"github.com/incent-dev/incent/internal/tenant"
)

// State is what an endpoint does.
type State string

// The states. In all but the first, events wait in the feed and deliveries
// where they are; nothing is lost.
const (
	Active   State = "active"
	Paused   State = "paused"   // by a caller
	Disabled State = "disabled" // by us, since it failed for days or said that it is gone
	deleted  State = "deleted"
)

// Why an endpoint was disabled.
const (
	ReasonFailing = "failing"
	ReasonGone    = "gone" // it answered 410
)

const (
	maxEndpoints   = 50 // of a tenant: each is told every event
	maxDescription = 255
	maxKinds       = 50

	// MaxOverlap bounds how long an old secret outlives a rotation.
	MaxOverlap = 30 * 24 * time.Hour

	// CodeLimitReached is the refusal of one endpoint too many.
	CodeLimitReached = "limit_reached"

	endpointPrefix = "hook_"
)

// Endpoint is an address of a tenant's that is told events.
type Endpoint struct {
	ID          int64
	URL         string
	Description string
	Style       Style
	Kinds       []event.Kind // empty: all of its style
	State       State
	Reason      string // of Disabled

	Failures     int       // attempts in a row
	FailingSince time.Time // the first of those; zero: none
	RetryAt      time.Time // no attempt before

	PreviousSecretUntil time.Time // end of the secret before the newest; zero: none
	CreatedAt           time.Time
	UpdatedAt           time.Time
}

// EndpointID renders an endpoint's id.
func EndpointID(key int64) string { return id.Key(endpointPrefix, key) }

// NewEndpoint is an endpoint with its newest secret, which is shown this once.
type NewEndpoint struct {
	Endpoint
	Secret string
}

// hears tells whether receivers of a style know a kind: that of their facade, and
// what concerns operators.
func hears(style Style, k event.Kind) bool {
	return k.Facade() == style || k.Facade() == event.Operators
}

// ParseKinds reads the names of events; field is what the caller calls the list.
func ParseKinds(field string, style Style, names []string) ([]event.Kind, error) {
	if len(names) > maxKinds {
		return nil, fault.Field(field, "must not name more than %d events", maxKinds)
	}
	kinds := []event.Kind{}
	for i, name := range names {
		k, known := event.ParseKind(name)
		if !known || !hears(style, k) {
			return nil, fault.Field(fmt.Sprintf("%s[%d]", field, i), "is no event of the style %s", style)
		}
		if !slices.Contains(kinds, k) {
			kinds = append(kinds, k)
		}
	}
	return kinds, nil
}

// wants tells whether an endpoint is told events of a kind.
func (e Endpoint) wants(k event.Kind) bool {
	return hears(e.Style, k) && (len(e.Kinds) == 0 || slices.Contains(e.Kinds, k))
}

func (e Endpoint) check(mode tenant.Mode) error {
	if e.Style != Incenta && e.Style != Incentable {
		return fault.Field("style", "must be incenta or incentable")
	}
	if utf8.RuneCountInString(e.Description) > maxDescription {
		return fault.Field("description", "must not have more than %d characters", maxDescription)
	}
	return CheckURL("url", e.URL, mode == tenant.Test)
}

// Create makes an endpoint that is told what happens from now on, under a ticket
// whose answer is stored sealed.
func (h *Hooks) Create(ctx context.Context, tenantID int64, e Endpoint, ticket *once.Ticket) (NewEndpoint, error) {
	return once.Run(ctx, h.db, tenantID, pg.Now(), ticket.Sealed(h.sealer), func(ctx context.Context, tx pg.Tx) (NewEndpoint, error) {
		t, err := tenant.Get(ctx, tx, tenantID)
		if err != nil {
			return NewEndpoint{}, err
		}
		if err := e.check(t.Mode); err != nil {
			return NewEndpoint{}, err
		}
		n, err := q.EndpointCount(ctx, tx, tenantID)
		if err != nil {
			return NewEndpoint{}, fmt.Errorf("count endpoints: %w", err)
		}
		if n >= maxEndpoints {
			return NewEndpoint{}, fault.New(fault.Invalid, CodeLimitReached, "The programme has %d endpoints, as many as it may have", n)
		}
		seen, err := h.feed.End(ctx, tx, tenantID)
		if err != nil {
			return NewEndpoint{}, fmt.Errorf("read the end of the feed: %w", err)
		}
		made := e
		made.ID, made.State, made.CreatedAt = pg.NewKey(), Active, t.Now()
		made.UpdatedAt, made.RetryAt = made.CreatedAt, made.CreatedAt
		err = q.EndpointInsert(ctx, tx, query.EndpointInsertParams{
			TenantID: tenantID, ID: made.ID, Url: e.URL, Description: e.Description, Style: string(e.Style), Kinds: numbersOf(e.Kinds),
			Seen: seen, At: made.CreatedAt,
		})
		if err != nil {
			return NewEndpoint{}, fmt.Errorf("insert endpoint: %w", err)
		}
		_, secret, err := h.addSecret(ctx, tx, tenantID, made.ID, made.CreatedAt)
		return NewEndpoint{made, secretText(secret)}, err
	})
}

func numbersOf(kinds []event.Kind) []int16 {
	numbers := make([]int16, len(kinds))
	for i, k := range kinds {
		numbers[i] = int16(k)
	}
	return numbers
}

// parseEndpoint reads an endpoint's id.
func parseEndpoint(text string) (int64, error) {
	key, ok := id.ParseKey(endpointPrefix, text)
	if !ok {
		return 0, fault.Missing("endpoint")
	}
	return key, nil
}

// Endpoint reads one endpoint.
func (h *Hooks) Endpoint(ctx context.Context, tenantID int64, publicID string) (Endpoint, error) {
	key, err := parseEndpoint(publicID)
	if err != nil {
		return Endpoint{}, err
	}
	t, err := tenant.Get(ctx, h.db, tenantID)
	if err != nil {
		return Endpoint{}, pg.Fault(err)
	}
	row, err := q.EndpointGet(ctx, h.db, query.EndpointGetParams{TenantID: tenantID, ID: key, At: t.Now()})
	if pg.IsNoRows(err) {
		return Endpoint{}, fault.Missing("endpoint")
	}
	return endpointFromRow(row.WebhookEndpoint, row.PreviousUntil), pg.Fault(err)
}

// Endpoints lists a tenant's endpoints, newest first.
func (h *Hooks) Endpoints(ctx context.Context, tenantID int64, limit, skip int) (list []Endpoint, total int64, err error) {
	t, err := tenant.Get(ctx, h.db, tenantID)
	if err != nil {
		return nil, 0, pg.Fault(err)
	}
	skip = min(skip, maxEndpoints)
	rows, err := q.EndpointList(ctx, h.db, query.EndpointListParams{TenantID: tenantID, At: t.Now(), MaxRows: int32(limit), SkipRows: int32(skip)})
	if err != nil {
		return nil, 0, pg.Fault(fmt.Errorf("list endpoints: %w", err))
	}
	for _, r := range rows {
		list = append(list, endpointFromRow(r.WebhookEndpoint, r.PreviousUntil))
	}
	total, err = q.EndpointCount(ctx, h.db, tenantID)
	return list, total, pg.Fault(err)
}

func endpointFromRow(r query.WebhookEndpoint, previousUntil time.Time) Endpoint {
	e := Endpoint{
		ID: r.ID, URL: r.Url, Description: r.Description, Style: Style(r.Style), State: State(r.State), Failures: int(r.Failures),
		RetryAt: r.RetryAt.UTC(), CreatedAt: r.CreatedAt.UTC(), UpdatedAt: r.UpdatedAt.UTC(), Kinds: []event.Kind{},
	}
	for _, k := range r.Kinds {
		e.Kinds = append(e.Kinds, event.Kind(k))
	}
	if r.Reason != nil {
		e.Reason = *r.Reason
	}
	if r.FailingSince != nil {
		e.FailingSince = r.FailingSince.UTC()
	}
	if previousUntil.Year() > 1 {
		e.PreviousSecretUntil = previousUntil.UTC()
	}
	return e
}

// Update changes a locked copy of an endpoint and stores it. An endpoint that is
// made active, or is moved, begins with a clean record.
func (h *Hooks) Update(ctx context.Context, tenantID int64, publicID string, change func(*Endpoint) error, ticket *once.Ticket) (Endpoint, error) {
	return once.Run(ctx, h.db, tenantID, pg.Now(), ticket, func(ctx context.Context, tx pg.Tx) (Endpoint, error) {
		l, err := h.lock(ctx, tx, tenantID, publicID)
		if err != nil {
			return Endpoint{}, err
		}
		was, e := l.Endpoint, l.Endpoint
		if err := change(&e); err != nil {
			return Endpoint{}, err
		}
		if err := e.check(l.mode); err != nil {
			return Endpoint{}, err
		}
		e.UpdatedAt = l.now
		if e.State != was.State || e.URL != was.URL {
			e.Reason, e.Failures, e.FailingSince, e.RetryAt = "", 0, time.Time{}, l.now
		}
		err = q.EndpointUpdate(ctx, tx, query.EndpointUpdateParams{
			TenantID: tenantID, ID: e.ID, Url: e.URL, Description: e.Description, Kinds: numbersOf(e.Kinds), State: string(e.State),
			Reason: textOrNil(e.Reason), Failures: int32(e.Failures), FailingSince: timeOrNil(e.FailingSince), RetryAt: e.RetryAt, UpdatedAt: e.UpdatedAt,
		})
		if err != nil {
			return Endpoint{}, fmt.Errorf("update endpoint: %w", err)
		}
		return h.withOverlap(ctx, tx, tenantID, e, l.now)
	})
}

func (h *Hooks) withOverlap(ctx context.Context, tx pg.Tx, tenantID int64, e Endpoint, now time.Time) (Endpoint, error) {
	row, err := q.EndpointGet(ctx, tx, query.EndpointGetParams{TenantID: tenantID, ID: e.ID, At: now})
	if err != nil {
		return e, fmt.Errorf("read endpoint: %w", err)
	}
	return endpointFromRow(row.WebhookEndpoint, row.PreviousUntil), nil
}

func textOrNil(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func timeOrNil(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// locked is an endpoint whose row the transaction holds.
type locked struct {
	Endpoint
	row  query.WebhookEndpoint
	mode tenant.Mode
	now  time.Time // by the tenant's clock
}

func lockedFrom(r query.WebhookEndpoint, mode string, clockOffsetUs int64) locked {
	return locked{endpointFromRow(r, time.Time{}), r, tenant.Mode(mode), tenant.At(clockOffsetUs)}
}

func (h *Hooks) lock(ctx context.Context, tx pg.Tx, tenantID int64, publicID string) (locked, error) {
	key, err := parseEndpoint(publicID)
	if err != nil {
		return locked{}, err
	}
	r, err := q.EndpointGetForUpdate(ctx, tx, query.EndpointGetForUpdateParams{TenantID: tenantID, ID: key})
	if pg.IsNoRows(err) {
		return locked{}, fault.Missing("endpoint")
	}
	if err != nil {
		return locked{}, fmt.Errorf("lock endpoint: %w", err)
	}
	return lockedFrom(r.WebhookEndpoint, r.Mode, r.ClockOffsetUs), nil
}

// Delete ends an endpoint, for good: nothing is sent to it any more, and what is
// known of its deliveries goes.
func (h *Hooks) Delete(ctx context.Context, tenantID int64, publicID string) error {
	_, err := pg.InTx(ctx, h.db, func(ctx context.Context, tx pg.Tx) (struct{}, error) {
		l, err := h.lock(ctx, tx, tenantID, publicID)
		if err != nil {
			return struct{}{}, err
		}
		err = q.EndpointUpdate(ctx, tx, query.EndpointUpdateParams{
			TenantID: tenantID, ID: l.ID, State: string(deleted), Kinds: []int16{}, RetryAt: l.now, UpdatedAt: l.now,
		})
		if err == nil {
			err = q.EndpointSecretDeleteAll(ctx, tx, query.EndpointSecretDeleteAllParams{TenantID: tenantID, EndpointID: l.ID})
		}
		return struct{}{}, err
	})
	return pg.Fault(err)
}

// Rotate gives an endpoint a new secret, under a ticket whose answer is stored
// sealed. Deliveries are signed under both for the overlap; an older one that was
// ending already ends now, so there are never more than two.
func (h *Hooks) Rotate(ctx context.Context, tenantID int64, publicID string, overlap time.Duration, ticket *once.Ticket) (NewEndpoint, error) {
	return once.Run(ctx, h.db, tenantID, pg.Now(), ticket.Sealed(h.sealer), func(ctx context.Context, tx pg.Tx) (NewEndpoint, error) {
		l, err := h.lock(ctx, tx, tenantID, publicID)
		if err != nil {
			return NewEndpoint{}, err
		}
		if overlap < 0 || overlap > MaxOverlap {
			return NewEndpoint{}, fault.Field("overlapSeconds", "must be between 0 and %d", int(MaxOverlap.Seconds()))
		}
		secretID, secret, err := h.addSecret(ctx, tx, tenantID, l.ID, l.now)
		if err != nil {
			return NewEndpoint{}, err
		}
		err = q.EndpointSecretExpire(ctx, tx, query.EndpointSecretExpireParams{
			TenantID: tenantID, EndpointID: l.ID, At: l.now, ExpiresAt: l.now.Add(overlap), KeepID: secretID,
		})
		if err == nil {
			err = q.EndpointSecretDeleteEnded(ctx, tx, query.EndpointSecretDeleteEndedParams{TenantID: tenantID, EndpointID: l.ID, At: l.now})
		}
		if err != nil {
			return NewEndpoint{}, fmt.Errorf("end webhook secrets: %w", err)
		}
		e, err := h.withOverlap(ctx, tx, tenantID, l.Endpoint, l.now)
		return NewEndpoint{e, secretText(secret)}, err
	})
}
