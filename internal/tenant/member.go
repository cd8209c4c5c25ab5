package tenant

import (
	"context"
	"fmt"
	"strings"
	"time"
	_ "time/tzdata" // zones have their names on machines without a list of them, too
	"unicode"
	"unicode/utf8"

	"github.com/incent-dev/incent/gen/query"
	"github.com/incent-dev/incent/internal/event"
	"github.com/incent-dev/incent/internal/fault"
	"github.com/incent-dev/incent/internal/id"
	"github.com/incent-dev/incent/internal/once"
	"github.com/incent-dev/incent/internal/pg"
)

// Known tells which of the ids belong to members.
func Known(ctx context.Context, db query.DBTX, tenantID int64, externalIDs []string) (map[string]bool, error) {
	rows, err := query.New().MemberListKnown(ctx, db, query.MemberListKnownParams{TenantID: tenantID, ExternalIds: externalIDs})
	if err != nil {
		return nil, fmt.Errorf("find members: %w", err)
	}
	known := make(map[string]bool, len(rows))
	for _, row := range rows {
		known[row.ExternalID] = true
	}
	return known, nil
}

// Enrol makes the members of these ids that do not exist yet. Under the strict
// policy it makes none.
func Enrol(ctx context.Context, tx pg.Tx, t Tenant, externalIDs []string) error {
	if t.Policy.Enrolment == EnrolmentStrict {
		return nil
	}
	known, err := Known(ctx, tx, t.ID, externalIDs)
	if err != nil {
		return err
	}
	arg := query.MemberInsertManyParams{TenantID: t.ID, At: t.Now()}
	for _, external := range externalIDs {
		if known[external] {
			continue
		}
		known[external] = true
		arg.Ids = append(arg.Ids, pg.NewKey())
		arg.ExternalIds = append(arg.ExternalIds, external)
	}
	if len(arg.Ids) == 0 {
		return nil
	}
	made, err := query.New().MemberInsertMany(ctx, tx, arg)
	if err != nil {
		return fmt.Errorf("enrol members: %w", err)
	}
	var told event.Journal
	for _, m := range made {
		told.Row(event.MemberCreated, m.ID, 0)
	}
	return told.Store(ctx, tx, t.ID, arg.At)
}

// MemberKey finds our key of a member; false when there is no such member.
func MemberKey(ctx context.Context, db query.DBTX, tenantID int64, externalID string) (int64, bool, error) {
	m, err := query.New().MemberGet(ctx, db, query.MemberGetParams{TenantID: tenantID, ExternalID: externalID})
	if pg.IsNoRows(err) {
		return 0, false, nil
	}
	return m.ID, err == nil, err
}

const tombstonePrefix = "erased_"

// Tombstone is the id that an erased member has.
func Tombstone(member int64) string { return id.Key(tombstonePrefix, member) }

// ParseTombstone is Tombstone's inverse; false when text is no such id.
func ParseTombstone(text string) (member int64, ok bool) { return id.ParseKey(tombstonePrefix, text) }

// Living refuses ids that only erased members have: nothing more is to happen
// to one, except what follows from what happened before.
func Living(externalIDs ...string) error {
	for _, external := range externalIDs {
		if _, erased := ParseTombstone(external); erased {
			return fault.Missing("member")
		}
	}
	return nil
}

// Member is a person, by the caller's own id.
type Member struct {
	ID        string  // the caller's
	Name      *string // nil: not given
	Email     *string // nil: not given
	TimeZone  *string // by its IANA name; nil: UTC
	CreatedAt time.Time
	UpdatedAt time.Time
	ErasedAt  time.Time // zero: not erased; otherwise there is an id and nothing else
}

func memberFromRow(r query.Member) Member {
	m := Member{ID: r.ExternalID, Name: r.Name, Email: r.Email, TimeZone: r.TimeZone, CreatedAt: r.CreatedAt.UTC(), UpdatedAt: r.UpdatedAt.UTC()}
	if r.ErasedAt != nil {
		m.ErasedAt = r.ErasedAt.UTC()
	}
	return m
}

const (
	maxExternalLength = 255
	maxMemberName     = 255
	maxEmailLength    = 254 // what an SMTP path takes
)

func (m Member) check() error {
	if n := utf8.RuneCountInString(m.ID); n == 0 || n > maxExternalLength {
		return fault.Field("id", "must have 1 to %d characters", maxExternalLength)
	}
	if Living(m.ID) != nil {
		return fault.Field("id", "is what erased members are called")
	}
	if m.Name != nil && (*m.Name == "" || utf8.RuneCountInString(*m.Name) > maxMemberName) {
		return fault.Field("name", "must have 1 to %d characters", maxMemberName)
	}
	if m.Email != nil && !isEmail(*m.Email) {
		return fault.Field("email", "must be an e-mail address")
	}
	if m.TimeZone != nil && !isZone(*m.TimeZone) {
		return fault.Field("timeZone", "must be the IANA name of a time zone, like Europe/Berlin")
	}
	return nil
}

// isZone tells whether a time zone has this name. Go knows two more, which mean
// UTC and the server's own.
func isZone(name string) bool {
	_, err := time.LoadLocation(name)
	return err == nil && name != "" && name != "Local"
}

// isEmail asks for no more than what every address has: something, an @, and
// something with neither spaces nor control characters.
func isEmail(text string) bool {
	at := strings.LastIndexByte(text, '@')
	return at > 0 && at < len(text)-1 && utf8.RuneCountInString(text) <= maxEmailLength &&
		!strings.ContainsFunc(text, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) })
}

// CreateMember enrols one member with its profile, whatever the enrolment
// policy.
func (r *Registry) CreateMember(ctx context.Context, tenantID int64, m Member, ticket *once.Ticket) (Member, error) {
	return once.Run(ctx, r.db, tenantID, pg.Now(), ticket, func(ctx context.Context, tx pg.Tx) (Member, error) {
		if err := m.check(); err != nil {
			return Member{}, err
		}
		t, err := Get(ctx, tx, tenantID)
		if err != nil {
			return Member{}, err
		}
		m.CreatedAt = t.Now()
		m.UpdatedAt = m.CreatedAt
		key := pg.NewKey()
		err = query.New().MemberInsert(ctx, tx, query.MemberInsertParams{
			TenantID: tenantID, ID: key, ExternalID: m.ID, Name: m.Name, Email: m.Email, TimeZone: m.TimeZone, At: m.CreatedAt,
		})
		if pg.Violates(err, "members_external_unique") {
			return Member{}, fault.New(fault.Conflict, CodeAlreadyExists, "There is a member with this id already").About("id")
		}
		if err != nil {
			return Member{}, fmt.Errorf("insert member: %w", err)
		}
		var told event.Journal
		told.Row(event.MemberCreated, key, 0)
		return m, told.Store(ctx, tx, tenantID, m.CreatedAt)
	})
}

// UpdateMember changes a locked copy of a member's profile and stores it.
func (r *Registry) UpdateMember(ctx context.Context, tenantID int64, externalID string, change func(*Member), ticket *once.Ticket) (Member, error) {
	return once.Run(ctx, r.db, tenantID, pg.Now(), ticket, func(ctx context.Context, tx pg.Tx) (Member, error) {
		t, err := Get(ctx, tx, tenantID)
		if err != nil {
			return Member{}, err
		}
		row, err := query.New().MemberGetForUpdate(ctx, tx, query.MemberGetForUpdateParams{TenantID: tenantID, ExternalID: externalID})
		if pg.IsNoRows(err) || err == nil && row.ErasedAt != nil {
			return Member{}, fault.Missing("member")
		}
		if err != nil {
			return Member{}, fmt.Errorf("lock member: %w", err)
		}
		before := memberFromRow(row)
		m := before
		change(&m)
		if err := m.check(); err != nil {
			return Member{}, err
		}
		m.UpdatedAt = t.Now()
		err = query.New().MemberUpdate(ctx, tx, query.MemberUpdateParams{
			TenantID: tenantID, ID: row.ID, Name: m.Name, Email: m.Email, TimeZone: m.TimeZone, At: m.UpdatedAt,
		})
		if err != nil {
			return Member{}, fmt.Errorf("store member: %w", err)
		}
		var told event.Journal
		if changed := m.changedFrom(before); len(changed) > 0 {
			told.FactOf(event.MemberUpdated, row.ID, updated{changed})
		}
		return m, told.Store(ctx, tx, tenantID, m.UpdatedAt)
	})
}

// Member reads one member.
func (r *Registry) Member(ctx context.Context, tenantID int64, externalID string) (Member, error) {
	row, err := query.New().MemberGet(ctx, r.db, query.MemberGetParams{TenantID: tenantID, ExternalID: externalID})
	if pg.IsNoRows(err) {
		return Member{}, fault.Missing("member")
	}
	return memberFromRow(row), pg.Fault(err)
}

// Members lists the members, newest first. Their places are numbered without a
// gap, so any page is a range of a key, and the total is the newest place.
func (r *Registry) Members(ctx context.Context, tenantID int64, limit, skip int) (members []Member, total int64, err error) {
	total, err = query.New().MemberCountGet(ctx, r.db, tenantID)
	if pg.IsNoRows(err) {
		return nil, 0, nil
	}
	if err != nil {
		return nil, 0, pg.Fault(fmt.Errorf("count members: %w", err))
	}
	newest := total - int64(skip)
	rows, err := query.New().MemberListByPlace(ctx, r.db, query.MemberListByPlaceParams{TenantID: tenantID, Oldest: newest - int64(limit) + 1, Newest: newest})
	for _, row := range rows {
		members = append(members, memberFromRow(row.Member))
	}
	return members, total, pg.Fault(err)
}
