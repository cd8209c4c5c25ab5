package referral

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/incent-dev/incent/gen/query"
	"github.com/incent-dev/incent/internal/batch"
	"github.com/incent-dev/incent/internal/event"
	"github.com/incent-dev/incent/internal/fault"
	"github.com/incent-dev/incent/internal/id"
	"github.com/incent-dev/incent/internal/once"
	"github.com/incent-dev/incent/internal/pg"
	"github.com/incent-dev/incent/internal/tenant"
)

const (
	// clickBatch bounds the clicks of one transaction.
	clickBatch = 256

	// clickRest is how long a referee's next click on a code does not count.
	clickRest = wholeDay
)

// NewClick is a visit through a code.
type NewClick struct {
	Code    string // in any case
	Referee string // the caller's id; "": nobody said
	Email   string // the referee's; "": not known. Of nobody it is not kept
	Origin  Origin // the visitor's
}

// Click is a visit as stored.
type Click struct {
	ID      uuid.UUID
	Code    string // as handed out
	At      time.Time
	Counted bool
}

// PublicID renders the click's id.
func (c Click) PublicID() string { return id.UUID(clickPrefix, c.ID) }

// TrackClick stores a click. Clicks of one tenant share transactions; each
// succeeds or is refused on its own.
func (p *Programme) TrackClick(ctx context.Context, tenantID int64, n NewClick, ticket *once.Ticket) (Click, error) {
	if err := tenant.Living(n.Referee); err != nil {
		return Click{}, err
	}
	// What can be done before the lane is not done in it: there all others wait.
	v := visit{NewClick: n, traits: p.traitsOf(tenantID, n.Origin), ticket: ticket, to: p.codes.recall(tenantID, n.Code)}
	return p.clicks.Do(ctx, batch.Key{Tenant: tenantID, Shard: uint32(p.lane(n.Code))}, v)
}

// runClicks is the group's run function: one transaction for the whole batch.
func (p *Programme) runClicks(ctx context.Context, tenantID int64, visits []visit, alone bool) ([]batch.Result[Click], error) {
	for attempt := 1; ; attempt++ {
		results, err := once.RunBatch(ctx, p.db, visits, alone, func(v visit) *once.Ticket { return v.ticket },
			func(ctx context.Context, tx pg.Tx, visits []visit) ([]batch.Result[Click], error) {
				return p.click(ctx, tx, tenantID, visits)
			})
		if again, err := p.open(ctx, tenantID, err, attempt); !again {
			return results, err
		}
	}
}

func (p *Programme) click(ctx context.Context, tx pg.Tx, tenantID int64, visits []visit) ([]batch.Result[Click], error) {
	tickets := make([]*once.Ticket, len(visits))
	for i, v := range visits {
		tickets[i] = v.ticket
	}
	var t tenant.Tenant
	var seen []error
	l := lookUp(tenantID, visits)
	if err := pg.Together(ctx, tx, tenant.Read(&t, tenantID), once.Look(&seen, tenantID, tickets), l.read); err != nil {
		return nil, err
	}
	if forget(visits, t.CodesVersion) {
		l = lookUp(tenantID, visits)
		if err := l.read(ctx, tx); err != nil {
			return nil, err
		}
	}
	p.resolve(t, l, visits)
	fresh := make([]visit, 0, len(visits))
	for i, v := range visits {
		if seen[i] == nil {
			fresh = append(fresh, v)
		}
	}
	d, err := p.openDoor(ctx, tx, t, l, fresh)
	if err != nil {
		return nil, err
	}
	results := make([]batch.Result[Click], len(visits))
	var answers []once.Outcome
	for i, v := range visits {
		if seen[i] != nil {
			results[i].Err = seen[i]
			continue
		}
		results[i].Value, results[i].Err = d.enter(v)
		answers = append(answers, once.Outcome{Ticket: v.ticket, Value: results[i].Value, Refusal: results[i].Err})
	}
	var pipe pg.Pipeline
	if err := d.store(ctx, &pipe); err != nil {
		return nil, err
	}
	fired, err := p.fireClicks(ctx, tx, &pipe, t, d)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(d.count(ctx, &pipe), fired.Store(ctx, &pipe), d.told.Store(ctx, &pipe, tenantID, d.at), once.Keep(ctx, &pipe, tenantID, pg.Now(), answers)); err != nil {
		return nil, err
	}
	pipe.Finish(tx)
	return results, nil
}

// door is what the clicks of one transaction need, read and locked, and what
// they leave behind.
type door struct {
	tenantID int64
	at       time.Time
	bonds    map[binding]*bond
	visits   map[pairing]*encounter // with other codes than the one bound to

	told   event.Journal
	made   query.ClickInsertManyParams
	added  map[uuid.UUID]*added
	counts *counts
	fires  []firing
}

// firing is a counted click that may fire actions of the code's holder.
type firing struct {
	referrer int64
	click    uuid.UUID
}

// binding is a referee in a campaign.
type binding struct {
	campaign string
	referee  int64
}

// bond is what a referee is bound to.
type bond struct {
	encounter
	referral uuid.UUID
	fresh    bool // by a click of this transaction
}

// pairing is a referee on a code.
type pairing struct {
	binding
	referral uuid.UUID
}

// encounter is when a referee clicked on a code last.
type encounter struct {
	clickedAt time.Time // zero: never
	click     uuid.UUID // that one, if it is of this transaction
	email     string    // the newest that one of this transaction told
}

// meet notes a click and tells whether it counts.
func (e *encounter) meet(click uuid.UUID, email string, at time.Time) (counts bool) {
	counts = e.clickedAt.IsZero() || !at.Before(e.clickedAt.Add(clickRest))
	e.clickedAt, e.click, e.email = at, click, cmp.Or(email, e.email)
	return counts
}

// added is what a code gains.
type added struct {
	referrer  int64
	clicks    int64
	anonymous time.Time // zero: no such click
}

// openDoor takes in what was found. No code is locked: what a referral says of code,
// holder and campaign never changes.
func (p *Programme) openDoor(ctx context.Context, tx pg.Tx, t tenant.Tenant, l *lookup, visits []visit) (*door, error) {
	n := len(visits)
	d := &door{
		tenantID: t.ID, at: t.Now(), bonds: make(map[binding]*bond, n), visits: map[pairing]*encounter{},
		added: make(map[uuid.UUID]*added, n), fires: make([]firing, 0, n),
	}
	ids, traits := pg.Columns[uuid.UUID](2, n), pg.Columns[[]byte](2, n)
	d.made = query.ClickInsertManyParams{
		TenantID: t.ID, At: d.at, Hour: d.at.Truncate(time.Hour), Ids: ids(), ReferralIds: ids(), Networks: traits(), Devices: traits(),
		RefereeIds: make([]int64, 0, n), Counted: make([]bool, 0, n),
	}
	// Another shard each time: the batch before this one may be committing still.
	d.counts = newCounts(d.at, byte(p.turn.Add(1)))
	for _, r := range l.people {
		if r.BoundTo != uuid.Nil {
			d.bonds[binding{r.CampaignID, r.MemberID}] = &bond{encounter: encounter{clickedAt: instant(r.ClickedAt)}, referral: r.BoundTo}
		}
	}
	if err := d.welcome(t, visits); err != nil {
		return nil, err
	}
	return d, d.recall(ctx, tx, visits)
}

// lane is the lane of a code's clicks: they would wait for its count otherwise.
func (p *Programme) lane(code string) uint64 {
	return maphash.String(p.seed, strings.ToUpper(code)) % p.lanes
}

// welcome asks for the enrolment of unknown referees, where that is the tenant's
// policy. Those who come through no code, or none of a campaign that runs, are
// left alone, so that nobody is enrolled for nothing.
func (d *door) welcome(t tenant.Tenant, visits []visit) error {
	if t.Policy.Enrolment == tenant.EnrolmentStrict {
		return nil
	}
	var missing []string
	for _, v := range visits {
		if v.Referee != "" && v.who == 0 && v.to != nil && v.to.terms().Runs(d.at) && !slices.Contains(missing, v.Referee) {
			missing = append(missing, v.Referee)
		}
	}
	if len(missing) > 0 {
		return &unknownError{missing}
	}
	return nil
}

// recall reads when referees clicked last on codes that they are not bound to.
// Most have never met a second one.
func (d *door) recall(ctx context.Context, tx pg.Tx, visits []visit) error {
	arg := query.VisitListManyParams{TenantID: d.tenantID}
	for _, v := range visits {
		if v.who == 0 || v.to == nil {
			continue
		}
		to := binding{v.to.campaign, v.who}
		b, pair := d.bonds[to], pairing{to, v.to.referral}
		if b == nil || b.referral == v.to.referral || d.visits[pair] != nil {
			continue
		}
		d.visits[pair] = &encounter{}
		arg.CampaignIds = append(arg.CampaignIds, to.campaign)
		arg.RefereeIds = append(arg.RefereeIds, to.referee)
		arg.ReferralIds = append(arg.ReferralIds, v.to.referral)
	}
	if len(d.visits) == 0 {
		return nil
	}
	rows, err := q.VisitListMany(ctx, tx, arg)
	if err != nil {
		return fmt.Errorf("read visits: %w", err)
	}
	for _, r := range rows {
		d.visits[pairing{binding{r.CampaignID, r.RefereeID}, r.ReferralID}].clickedAt = instant(r.ClickedAt)
	}
	return nil
}

// enter decides one click and notes its effect.
func (d *door) enter(v visit) (Click, error) {
	if v.to == nil {
		return Click{}, fault.Missing("referral code")
	}
	if err := v.to.terms().running(d.at); err != nil {
		return Click{}, err
	}
	if v.Referee != "" && v.who == 0 {
		return Click{}, memberUnknown()
	}
	c := Click{ID: pg.NewUUID(), Code: v.to.text, At: d.at, Counted: true}
	if v.who != 0 {
		c.Counted = d.encounter(binding{v.to.campaign, v.who}, v.to.referral).meet(c.ID, v.Email, d.at)
		d.counts.seen(v.traits, v.who)
		d.counts.visited = true
	}
	if c.Counted {
		d.gain(v)
		d.counts.clicked(v.to.campaign)
		d.fires = append(d.fires, firing{v.to.referrer, c.ID})
	}
	d.told.Object(event.ReferralClicked, c.ID, nil)
	d.made.Ids = append(d.made.Ids, c.ID)
	d.made.ReferralIds = append(d.made.ReferralIds, v.to.referral)
	d.made.RefereeIds = append(d.made.RefereeIds, v.who)
	d.made.Counted = append(d.made.Counted, c.Counted)
	d.made.Networks = append(d.made.Networks, orNone(v.network))
	d.made.Devices = append(d.made.Devices, orNone(v.device))
	return c, nil
}

// gain notes that a click counts for a code. One that does not leaves the code as
// it was.
func (d *door) gain(v visit) {
	gains := d.added[v.to.referral]
	if gains == nil {
		gains = &added{referrer: v.to.referrer}
		d.added[v.to.referral] = gains
	}
	gains.clicks++
	if v.who == 0 {
		gains.anonymous = d.at
	}
}

// encounter is the one of a referee with a code. Who is not bound yet is bound
// to it, by the first click of a batch too.
func (d *door) encounter(of binding, referral uuid.UUID) *encounter {
	b := d.bonds[of]
	if b == nil {
		b = &bond{referral: referral, fresh: true}
		d.bonds[of] = b
	}
	if b.referral == referral {
		return &b.encounter
	}
	pair := pairing{of, referral}
	if d.visits[pair] == nil { // bound by an earlier click of this batch
		d.visits[pair] = &encounter{}
	}
	return d.visits[pair]
}

// orNone is no trait as the query takes it.
func orNone(trait []byte) []byte {
	if trait == nil {
		return []byte{}
	}
	return trait
}

// store queues what the clicks leave behind.
func (d *door) store(ctx context.Context, pipe *pg.Pipeline) error {
	if len(d.made.Ids) == 0 {
		return nil
	}
	d.putBonds()
	n := len(d.added)
	numbers := pg.Columns[int64](2, n)
	d.made.CodeIds, d.made.AnonymousAt = make([]uuid.UUID, 0, n), make([]time.Time, 0, n)
	d.made.CodeReferrerIds, d.made.CodeClicks = numbers(), numbers()
	for referral, gain := range d.added {
		d.made.CodeIds = append(d.made.CodeIds, referral)
		d.made.CodeReferrerIds = append(d.made.CodeReferrerIds, gain.referrer)
		d.made.CodeClicks = append(d.made.CodeClicks, gain.clicks)
		d.made.AnonymousAt = append(d.made.AnonymousAt, gain.anonymous)
	}
	return errors.Join(q.ClickInsertMany(ctx, pipe, d.made), d.storeVisits(ctx, pipe))
}

// count queues what everybody counts, behind all that is locked for one.
func (d *door) count(ctx context.Context, pipe *pg.Pipeline) error {
	if len(d.made.Ids) == 0 {
		return nil
	}
	return d.counts.store(ctx, pipe, d.tenantID)
}

// putBonds adds what binds referees to codes: known, which is locked, and fresh.
func (d *door) putBonds() {
	m, n := &d.made, len(d.bonds)
	words, numbers, ids := pg.Columns[string](4, n), pg.Columns[int64](2, n), pg.Columns[uuid.UUID](3, n)
	m.FreshCampaignIds, m.FreshEmails, m.KnownCampaignIds, m.KnownEmails = words(), words(), words(), words()
	m.FreshRefereeIds, m.KnownRefereeIds = numbers(), numbers()
	m.FreshReferralIds, m.FreshClickIds, m.KnownClickIds = ids(), ids(), ids()
	for of, b := range d.bonds {
		switch {
		case b.fresh:
			m.FreshCampaignIds = append(m.FreshCampaignIds, of.campaign)
			m.FreshRefereeIds = append(m.FreshRefereeIds, of.referee)
			m.FreshReferralIds = append(m.FreshReferralIds, b.referral)
			m.FreshClickIds = append(m.FreshClickIds, b.click)
			m.FreshEmails = append(m.FreshEmails, b.email)
		case b.click != uuid.Nil:
			m.KnownCampaignIds = append(m.KnownCampaignIds, of.campaign)
			m.KnownRefereeIds = append(m.KnownRefereeIds, of.referee)
			m.KnownClickIds = append(m.KnownClickIds, b.click)
			m.KnownEmails = append(m.KnownEmails, b.email)
		}
	}
}

func (d *door) storeVisits(ctx context.Context, pipe *pg.Pipeline) error {
	arg := query.VisitUpsertManyParams{TenantID: d.tenantID, MetAt: d.at}
	for pair, e := range d.visits {
		if e.click == uuid.Nil {
			continue // refused after all
		}
		arg.ClickIds = append(arg.ClickIds, e.click)
		arg.Emails = append(arg.Emails, e.email)
		arg.CampaignIds = append(arg.CampaignIds, pair.campaign)
		arg.RefereeIds = append(arg.RefereeIds, pair.referee)
		arg.ReferralIds = append(arg.ReferralIds, pair.referral)
	}
	if len(arg.ClickIds) == 0 {
		return nil
	}
	return q.VisitUpsertMany(ctx, pipe, arg)
}
