package person

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/incent-dev/incent/gen/query"
	"github.com/incent-dev/incent/internal/fault"
	"github.com/incent-dev/incent/internal/fraud"
	"github.com/incent-dev/incent/internal/pg"
	"github.com/incent-dev/incent/internal/referral"
	"github.com/incent-dev/incent/internal/tenant"
)

// MaxEntries bounds the entries of one section in one answer.
const MaxEntries = 1000

// Export is what is stored about a member, or a part of it.
type Export struct {
	Member   string // the caller's id
	At       time.Time
	Sections []Section
}

// Section is one page of a part.
type Section struct {
	Name string
	Data []json.RawMessage
	Next string // where the next page begins; "" behind the last one
}

// page is what a section's query is asked.
type page struct {
	TenantID int64
	MemberID int64
	After    string
	MaxRows  int32
}

// entry is what it answers.
type entry struct {
	Cursor string
	Entry  []byte
}

// params and row are what sqlc makes of a page and an entry.
type params interface {
	~struct {
		TenantID int64
		MemberID int64
		After    string
		MaxRows  int32
	}
}

type row interface {
	~struct {
		Cursor string
		Entry  []byte
	}
}

func entries[R row](rows []R, err error) ([]entry, error) {
	all := make([]entry, len(rows))
	for i, r := range rows {
		all[i] = entry(r)
	}
	return all, err
}

// section is how one is read. An entry that is null only says where to go on.
type section struct {
	name string
	read func(ctx context.Context, db query.DBTX, of page) ([]entry, error)
}

// paged is a section whose query asks for nothing but a page.
func paged[P params, R row](name string, list func(ctx context.Context, db query.DBTX, of P) ([]R, error)) section {
	return section{name, func(ctx context.Context, db query.DBTX, of page) ([]entry, error) {
		return entries(list(ctx, db, P(of)))
	}}
}

var sections = []section{
	paged("profile", q.ExportProfileList),
	paged("balances", q.ExportBalanceList),
	{"transfers", func(ctx context.Context, db query.DBTX, of page) ([]entry, error) {
		return entries(q.ExportTransferList(ctx, db, query.ExportTransferListParams{TenantID: of.TenantID, MemberID: of.MemberID, After: of.After, MaxRows: of.MaxRows}))
	}},
	paged("lots", q.ExportLotList),
	paged("holds", q.ExportHoldList),
	paged("orders", q.ExportOrderList),
	paged("referrals", q.ExportReferralList),
	paged("attributions", q.ExportAttributionList),
	{"clicks", func(ctx context.Context, db query.DBTX, of page) ([]entry, error) {
		return entries(q.ExportClickList(ctx, db, query.ExportClickListParams{
			TenantID: of.TenantID, MemberID: of.MemberID, After: of.After, MaxRows: of.MaxRows, LookRows: lookedAt, Since: since(of.MemberID),
		}))
	}},
	paged("conversions", q.ExportConversionList),
	paged("rewards", q.ExportRewardList),
	{"cases", readCases},
	paged("sightings", q.ExportSightingList),
	{"blocks", readBlocks},
	paged("activities", q.ExportActivityList),
	paged("progress", q.ExportProgressList),
	paged("actions", q.ExportActionList),
	paged("badges", q.ExportBadgeList),
	paged("levels", q.ExportLevelList),
	paged("milestones", q.ExportMilestoneList),
	paged("quests", q.ExportQuestList),
	{"standings", readStandings},
	paged("erasure", q.ExportErasureList),
}

func readCases(ctx context.Context, db query.DBTX, of page) ([]entry, error) {
	after := uuid.Nil
	if of.After != "" {
		var err error
		if after, err = uuid.Parse(of.After); err != nil {
			return nil, badCursor()
		}
	}
	ids, err := q.CaseListByMember(ctx, db, query.CaseListByMemberParams{TenantID: of.TenantID, MemberID: of.MemberID, After: after, MaxRows: of.MaxRows})
	if err != nil {
		return nil, err
	}
	return entries(q.ExportCaseList(ctx, db, query.ExportCaseListParams{TenantID: of.TenantID, Ids: ids}))
}

func readBlocks(ctx context.Context, db query.DBTX, of page) ([]entry, error) {
	m, err := q.MemberListExternal(ctx, db, query.MemberListExternalParams{TenantID: of.TenantID, Ids: []int64{of.MemberID}})
	if err != nil || len(m) == 0 {
		return nil, err
	}
	words, err := q.MemberListWords(ctx, db, query.MemberListWordsParams{TenantID: of.TenantID, MemberID: of.MemberID, MaxRows: maxWords})
	if err != nil {
		return nil, err
	}
	arg := query.ExportBlockedListParams{
		TenantID: of.TenantID, Kinds: []string{string(referral.BlockMember)}, Vals: []string{m[0].ExternalID}, After: of.After, MaxRows: of.MaxRows,
	}
	for _, w := range words {
		if mailbox := fraud.NormalEmail(w.Word); w.IsMailbox && mailbox != "" && !slices.Contains(arg.Vals, mailbox) {
			arg.Kinds, arg.Vals = append(arg.Kinds, string(referral.BlockEmail)), append(arg.Vals, mailbox)
		}
	}
	return entries(q.ExportBlockedList(ctx, db, arg))
}

func readStandings(ctx context.Context, db query.DBTX, of page) ([]entry, error) {
	t, err := tenant.Get(ctx, db, of.TenantID)
	if err != nil {
		return nil, err
	}
	return entries(q.ExportStandingList(ctx, db, query.ExportStandingListParams{
		TenantID: of.TenantID, MemberID: of.MemberID, After: of.After, MaxRows: of.MaxRows, Until: t.Now().AddDate(0, 0, 1),
	}))
}

func badCursor() error {
	return fault.Field("after", "is not what a page of this section gave as next")
}

// Export tells what is stored about a member: up to limit entries of each
// section, or of one from a cursor on. Sections are read one after another: what
// happens meanwhile may be in some of them and not in others.
func (p *People) Export(ctx context.Context, tenantID int64, member, name, after string, limit int) (Export, error) {
	if after != "" && name == "" {
		return Export{}, fault.Field("after", "belongs to a section: name it")
	}
	cursor, err := base64.RawURLEncoding.DecodeString(after)
	if err != nil {
		return Export{}, badCursor()
	}
	t, err := tenant.Get(ctx, p.db, tenantID)
	if err != nil {
		return Export{}, pg.Fault(err)
	}
	key, known, err := tenant.MemberKey(ctx, p.db, tenantID, member)
	if err != nil {
		return Export{}, pg.Fault(err)
	}
	if !known {
		return Export{}, fault.Missing("member")
	}
	if err := p.settle(ctx, tenantID); err != nil {
		return Export{}, err
	}
	e := Export{Member: member, At: t.Now()}
	for _, s := range sections {
		if name != "" && name != s.name {
			continue
		}
		part, err := s.page(ctx, p.db, page{tenantID, key, string(cursor), int32(min(limit, MaxEntries))})
		if err != nil {
			return Export{}, pg.Fault(err)
		}
		e.Sections = append(e.Sections, part)
	}
	return e, nil
}

// page reads one page. One more entry than asked for would tell whether there is
// another page; a full page says that there may be, and the next is then empty.
func (s section) page(ctx context.Context, db query.DBTX, of page) (Section, error) {
	found, err := s.read(ctx, db, of)
	if pg.IsBadValue(err) {
		return Section{}, badCursor()
	}
	if err != nil {
		return Section{}, fmt.Errorf("export %s: %w", s.name, err)
	}
	part := Section{Name: s.name, Data: []json.RawMessage{}}
	more := len(found) == int(of.MaxRows)
	for _, e := range found {
		if string(e.Entry) == "null" {
			more = true
			continue
		}
		part.Data = append(part.Data, e.Entry)
	}
	if more && found[len(found)-1].Cursor != "" {
		part.Next = base64.RawURLEncoding.EncodeToString([]byte(found[len(found)-1].Cursor))
	}
	return part, nil
}

// Write writes all of an export as one JSON document, page by page.
func (p *People) Write(ctx context.Context, tenantID int64, member string, w io.Writer) error {
	head, err := p.Export(ctx, tenantID, member, sections[0].name, "", MaxEntries)
	if err != nil {
		return err
	}
	id, err := json.Marshal(head.Member)
	if err != nil {
		return err
	}
	fmt.Fprintf(w, `{"memberId": %s, "exportedAt": %q, "sections": {`, id, head.At.Format(time.RFC3339Nano))
	for i, s := range sections {
		separator := ","
		if i == 0 {
			separator = ""
		}
		fmt.Fprintf(w, "%s\n%q: [", separator, s.name)
		written := 0
		for after := ""; ; {
			e, err := p.Export(ctx, tenantID, member, s.name, after, MaxEntries)
			if err != nil {
				return err
			}
			for _, entry := range e.Sections[0].Data {
				if written++; written > 1 {
					fmt.Fprint(w, ",")
				}
				fmt.Fprintf(w, "\n  %s", entry)
			}
			if after = e.Sections[0].Next; after == "" {
				break
			}
		}
		fmt.Fprint(w, "]")
	}
	_, err = fmt.Fprintln(w, "}}")
	return err
}
