package referral

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/incent-dev/incent/gen/query"
	"github.com/incent-dev/incent/internal/event"
	"github.com/incent-dev/incent/internal/fault"
	"github.com/incent-dev/incent/internal/fraud"
	"github.com/incent-dev/incent/internal/once"
	"github.com/incent-dev/incent/internal/pg"
	"github.com/incent-dev/incent/internal/tenant"
)

const (
	// codeLength gives a code 39 bits: short enough to be read out, and rarely
	// met twice.
	codeLength = 8

	// codeAttempts bounds how often a code is drawn again that is taken. Half of
	// all codes would have to be taken for that to be likely to fail.
	codeAttempts = 20
)

// NewReferral asks for a code.
type NewReferral struct {
	CampaignID    string
	Referrer      string // the caller's id
	Referee       string // likewise; "": for anybody
	Username      string
	ReferrerEmail string
	RefereeEmail  string
	Origin        Origin // the referrer's
}

// Made is a referral and whether this call made it.
type Made struct {
	Referral
	New bool
}

// CreateReferral makes a code for the referrer, or answers with the one that is
// there.
func (p *Programme) CreateReferral(ctx context.Context, tenantID int64, n NewReferral, ticket *once.Ticket) (Made, error) {
	if err := tenant.Living(n.Referrer, n.Referee); err != nil {
		return Made{}, err
	}
	for attempt := 1; ; attempt++ {
		made, err := once.Run(ctx, p.db, tenantID, pg.Now(), ticket, func(ctx context.Context, tx pg.Tx) (Made, error) {
			return p.create(ctx, tx, tenantID, n)
		})
		if again, err := p.open(ctx, tenantID, err, attempt); !again {
			return made, err
		}
	}
}

func (p *Programme) create(ctx context.Context, tx pg.Tx, tenantID int64, n NewReferral) (Made, error) {
	t, err := tenant.Get(ctx, tx, tenantID)
	if err != nil {
		return Made{}, err
	}
	at := t.Now()
	c, err := campaign(ctx, tx, tenantID, n.CampaignID)
	if err != nil {
		return Made{}, err
	}
	if err := c.running(at); err != nil {
		return Made{}, err
	}
	m := &making{NewReferral: n, at: at, rule: c.Rule}
	externals := []string{n.Referrer}
	if n.Referee != "" {
		externals = append(externals, n.Referee)
	}
	people, err := known(ctx, tx, t, externals...)
	if err != nil {
		return Made{}, err
	}
	m.referrer, m.referee = people[n.Referrer], people[n.Referee]
	if there, err := m.find(ctx, tx, tenantID); err != nil || there != nil {
		return Made{Referral: m.referral(there)}, err
	}
	return p.make(ctx, tx, t, m)
}

// running refuses what a campaign takes no part in at the moment.
func (c Campaign) running(at time.Time) error {
	if c.Runs(at) {
		return nil
	}
	return fault.New(fault.Invalid, CodeCampaignNotActive, "The campaign is paused, not yet started, or over")
}

// making is a code on its way.
type making struct {
	NewReferral
	at                time.Time
	rule              Rule
	referrer, referee person
}

// find reads the referral that the call would make a second time; nil when
// there is none.
func (m *making) find(ctx context.Context, tx pg.Tx, tenantID int64) (*query.Referral, error) {
	var row query.Referral
	var err error
	if m.referee.id == 0 {
		row, err = q.ReferralGetOpen(ctx, tx, query.ReferralGetOpenParams{TenantID: tenantID, CampaignID: m.CampaignID, ReferrerID: m.referrer.id})
	} else {
		row, err = q.ReferralGetTriple(ctx, tx, query.ReferralGetTripleParams{
			TenantID: tenantID, CampaignID: m.CampaignID, ReferrerID: m.referrer.id, RefereeID: m.referee.id,
		})
	}
	if pg.IsNoRows(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("find referral: %w", err)
	}
	return &row, nil
}

func (m *making) referral(row *query.Referral) Referral {
	if row == nil {
		return Referral{}
	}
	return referralFromRow(*row, m.referrer.external, m.referee.external)
}

// make judges and stores a new code.
func (p *Programme) make(ctx context.Context, tx pg.Tx, t tenant.Tenant, m *making) (Made, error) {
	tenantID := t.ID
	origin := p.traitsOf(tenantID, m.Origin)
	judged := subject{kind: fraud.Creation, at: m.at, campaignID: m.CampaignID, referrer: m.referrer, referee: m.referee, origin: origin}
	judged.referrer.email = cmp.Or(m.ReferrerEmail, m.referrer.email)
	judged.referee.email = cmp.Or(m.RefereeEmail, m.referee.email)
	verdict, err := p.assess(ctx, tx, tenantID, m.rule, judged)
	if err != nil {
		return Made{}, err
	}
	if verdict.Outcome == fraud.Blocked {
		return Made{}, m.block(ctx, tx, tenantID, verdict)
	}
	review := shown(verdict)
	arg := query.ReferralInsertParams{
		TenantID: tenantID, ID: pg.NewUUID(), CampaignID: m.CampaignID, ReferrerID: m.referrer.id, Username: orNull(m.Username), Email: orNull(m.ReferrerEmail),
		Network: origin.network, Device: origin.device, RiskScore: review.score(), Warning: orNull(review.Warning), Reasons: review.Reasons, CreatedAt: m.at,
	}
	arg.RefereeID = orNull(m.referee.id)
	there, err := m.insert(ctx, tx, &arg)
	if err != nil || there != nil {
		return Made{Referral: m.referral(there)}, err
	}
	made := Made{New: true, Referral: Referral{
		ID: arg.ID, CampaignID: m.CampaignID, Code: arg.Code, Referrer: m.Referrer, Referee: m.Referee, Username: m.Username,
		Status: ReferralPending, Review: review, CreatedAt: m.at,
	}}
	var pipe pg.Pipeline
	var told event.Journal
	told.Object(event.ReferralCreated, made.ID, nil)
	fired, err := p.fire(ctx, tx, &pipe, &told, t, madeCode(tenantID, made.Referral, m.referrer.id))
	if err != nil {
		return Made{}, err
	}
	return made, errors.Join(m.count(ctx, &pipe, tenantID, made.Referral, verdict, origin), fired.Store(ctx, &pipe),
		told.Store(ctx, &pipe, tenantID, m.at), pipe.Send(ctx, tx))
}

// block refuses the code, and keeps the evidence in a case that stands whatever
// else the refusal undoes.
func (m *making) block(ctx context.Context, tx pg.Tx, tenantID int64, verdict fraud.Verdict) error {
	var pipe pg.Pipeline
	err := openCase(ctx, &pipe, tenantID, verdict, query.CaseInsertParams{
		CampaignID: m.CampaignID, ReferrerID: &m.referrer.id, RefereeID: orNull(m.referee.id), CreatedAt: m.at,
	})
	if err := errors.Join(err, pipe.Send(ctx, tx)); err != nil {
		return fmt.Errorf("keep case: %w", err)
	}
	return once.Stands(fault.New(fault.Invalid, CodeFraudBlocked, "This referral is refused: it looks like abuse"))
}

// insert draws codes until one is free. It returns the referral of a twin that
// was faster, or nil.
func (m *making) insert(ctx context.Context, tx pg.Tx, arg *query.ReferralInsertParams) (*query.Referral, error) {
	for range codeAttempts {
		arg.Code = pg.NewCode(codeLength)
		inserted, err := q.ReferralInsert(ctx, tx, *arg)
		if err != nil {
			return nil, fmt.Errorf("insert referral: %w", err)
		}
		if inserted == 1 {
			return nil, nil
		}
		if there, err := m.find(ctx, tx, arg.TenantID); err != nil || there != nil {
			return there, err
		}
	}
	return nil, errors.New("no code was free")
}

// count queues what a new code brings with it.
func (m *making) count(ctx context.Context, pipe *pg.Pipeline, tenantID int64, r Referral, verdict fraud.Verdict, origin traits) error {
	err := openCase(ctx, pipe, tenantID, verdict, query.CaseInsertParams{CampaignID: r.CampaignID, ReferralID: &r.ID, CreatedAt: m.at})
	if err == nil && m.referee.id != 0 {
		err = q.VisitUpsertMany(ctx, pipe, query.VisitUpsertManyParams{
			TenantID: tenantID, MetAt: m.at, CampaignIds: []string{r.CampaignID}, RefereeIds: []int64{m.referee.id}, ReferralIds: []uuid.UUID{r.ID}, ClickIds: []uuid.UUID{uuid.Nil},
			Emails: []string{m.RefereeEmail},
		})
	}
	counts := newCounts(m.at, r.ID[15])
	counts.made(r.CampaignID, m.referrer.id)
	counts.seen(origin, m.referrer.id)
	return errors.Join(err, counts.store(ctx, pipe, tenantID))
}

// Referral reads what is known about a code, in any case.
func (p *Programme) Referral(ctx context.Context, tenantID int64, code string) (Referral, error) {
	row, err := q.ReferralGetByCode(ctx, p.db, query.ReferralGetByCodeParams{TenantID: tenantID, Code: code})
	if pg.IsNoRows(err) {
		return Referral{}, fault.Missing("referral code")
	}
	if err != nil {
		return Referral{}, pg.Fault(fmt.Errorf("read referral: %w", err))
	}
	found := referralFromRow(row.Referral, row.Referrer, orEmpty(row.Referee))
	found.Clicks = row.Clicks
	return found, nil
}

// referralFromRow leaves the clicks out, which lie elsewhere.
func referralFromRow(r query.Referral, referrer, referee string) Referral {
	return Referral{
		ID: r.ID, CampaignID: r.CampaignID, Code: r.Code, Referrer: referrer, Referee: referee, Username: orEmpty(r.Username), Status: r.Status,
		Review: reviewOf(r.RiskScore, r.Warning, r.Reasons), Conversions: r.Conversions,
		CreatedAt: r.CreatedAt.UTC(), CompletedAt: instant(r.CompletedAt),
	}
}

func (r Review) score() *int16 {
	if r.Score == nil {
		return nil
	}
	n := int16(*r.Score)
	return &n
}
