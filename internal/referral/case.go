package referral

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/incent-dev/incent/gen/query"
	"github.com/incent-dev/incent/internal/fault"
	"github.com/incent-dev/incent/internal/id"
	"github.com/incent-dev/incent/internal/pg"
)

// CaseState says where a case stands.
type CaseState string

// The states of a case.
const (
	CaseClean    CaseState = "clean" // below the threshold, kept as evidence
	CaseOpen     CaseState = "open"
	CaseApproved CaseState = "approved"
	CaseRejected CaseState = "rejected"
	CaseBlocked  CaseState = "blocked"
)

// Signal is one indication of fraud, as it was weighed.
type Signal struct {
	Name     string
	Weight   int
	Evidence json.RawMessage
}

// Case is a referral or conversion for which signals fired.
type Case struct {
	ID           uuid.UUID
	CampaignID   string
	ReferralID   uuid.UUID // zero: the code was refused, there is none
	Code         string    // of the referral; "": likewise
	ConversionID uuid.UUID // zero: the referral itself
	Referrer     string    // the caller's id
	Referee      string    // likewise; "": nobody in particular
	State        CaseState
	Score        int
	Note         string // the reviewer's
	CreatedAt    time.Time
	ReviewedAt   time.Time // zero: not, or not needed

	Signals []Signal // heaviest first
	Rewards []Reward // of the conversion; only where one case is read
}

// PublicID renders the case's id.
func (c Case) PublicID() string { return id.UUID(casePrefix, c.ID) }

func caseFromRow(r query.Case, code *string, referrer string, referee *string) Case {
	c := Case{
		ID: r.ID, CampaignID: r.CampaignID, Code: orEmpty(code), Referrer: referrer, Referee: orEmpty(referee), State: CaseState(r.State),
		Score: int(r.Score), Note: r.Note, CreatedAt: r.CreatedAt.UTC(), ReviewedAt: instant(r.ReviewedAt),
	}
	if r.ConversionID != nil {
		c.ConversionID = *r.ConversionID
	}
	if r.ReferralID != nil {
		c.ReferralID = *r.ReferralID
	}
	return c
}

// Case reads one case with its signals and rewards.
func (p *Programme) Case(ctx context.Context, tenantID int64, publicID string) (Case, error) {
	caseID, known := id.ParseUUID(casePrefix, publicID)
	if !known {
		return Case{}, fault.Missing("case")
	}
	if err := p.settleDue(ctx, tenantID); err != nil {
		return Case{}, pg.Fault(err)
	}
	c, err := readCase(ctx, p.db, tenantID, caseID)
	return c, pg.Fault(err)
}

func readCase(ctx context.Context, db query.DBTX, tenantID int64, caseID uuid.UUID) (Case, error) {
	row, err := q.CaseGet(ctx, db, query.CaseGetParams{TenantID: tenantID, ID: caseID})
	if pg.IsNoRows(err) {
		return Case{}, fault.Missing("case")
	}
	if err != nil {
		return Case{}, fmt.Errorf("read case: %w", err)
	}
	cases := []Case{caseFromRow(row.Case, row.Code, row.Referrer, row.Referee)}
	if err := addSignals(ctx, db, tenantID, cases); err != nil {
		return Case{}, err
	}
	if row.Case.ConversionID != nil {
		cases[0].Rewards, err = rewardsOf(ctx, db, tenantID, *row.Case.ConversionID)
	}
	return cases[0], err
}

func addSignals(ctx context.Context, db query.DBTX, tenantID int64, cases []Case) error {
	ids := make([]uuid.UUID, len(cases))
	at := make(map[uuid.UUID]*Case, len(cases))
	for i := range cases {
		ids[i] = cases[i].ID
		at[ids[i]] = &cases[i]
	}
	rows, err := q.SignalListByCase(ctx, db, query.SignalListByCaseParams{TenantID: tenantID, CaseIds: ids})
	if err != nil {
		return fmt.Errorf("read signals: %w", err)
	}
	for _, s := range rows {
		c := at[s.CaseID]
		c.Signals = append(c.Signals, Signal{s.Name, int(s.Weight), s.Evidence})
	}
	return nil
}

func rewardsOf(ctx context.Context, db query.DBTX, tenantID int64, conversionID uuid.UUID) ([]Reward, error) {
	rows, err := q.RewardListByConversion(ctx, db, query.RewardListByConversionParams{TenantID: tenantID, ConversionID: conversionID})
	if err != nil {
		return nil, fmt.Errorf("list rewards: %w", err)
	}
	rewards := make([]Reward, len(rows))
	for i, r := range rows {
		rewards[i] = rewardFromRow(r.Reward, r.ExternalID)
	}
	return rewards, nil
}

// Cases lists cases, newest first; an empty state lists all. Totals and deep
// pages come from the counts per day.
func (p *Programme) Cases(ctx context.Context, tenantID int64, state CaseState, limit, skip int) ([]Case, int64, error) {
	rows, err := q.CaseDayList(ctx, p.db, query.CaseDayListParams{TenantID: tenantID, State: orNull(string(state))})
	if err != nil {
		return nil, 0, pg.Fault(fmt.Errorf("count cases by day: %w", err))
	}
	days := make([]dayCount, len(rows))
	for i, r := range rows {
		days[i] = dayCount{r.Day, r.Cases}
	}
	newest, within, total := leap(days, int64(skip))
	if int64(skip) >= total {
		return nil, total, nil
	}
	cases, err := p.casePage(ctx, tenantID, state, newest, int32(limit), int32(within))
	if err == nil {
		err = addSignals(ctx, p.db, tenantID, cases)
	}
	return cases, total, pg.Fault(err)
}

func (p *Programme) casePage(ctx context.Context, tenantID int64, state CaseState, newest uuid.UUID, limit, skip int32) (cases []Case, err error) {
	if state != "" {
		rows, err := q.CaseListByState(ctx, p.db, query.CaseListByStateParams{TenantID: tenantID, State: string(state), Newest: newest, MaxRows: limit, SkipRows: skip})
		for _, r := range rows {
			cases = append(cases, caseFromRow(r.Case, r.Code, r.Referrer, r.Referee))
		}
		return cases, err
	}
	rows, err := q.CaseList(ctx, p.db, query.CaseListParams{TenantID: tenantID, Newest: newest, MaxRows: limit, SkipRows: skip})
	for _, r := range rows {
		cases = append(cases, caseFromRow(r.Case, r.Code, r.Referrer, r.Referee))
	}
	return cases, err
}
