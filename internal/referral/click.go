package referral

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"maps"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/incent-dev/incent/gen/query"
	"github.com/incent-dev/incent/internal/batch"
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
	Email   string // the referee's; "": nobody said
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

// clickLanes is how many batches of one tenant's clicks may be under way in a
// process: as many as of awards, for the reason that stands at ledger.lanes.
func clickLanes() uint64 { return uint64(min(max(runtime.GOMAXPROCS(0)/2, 1), 4)) }

// lane is the lane of a code's clicks: they would wait for its count otherwise.
func (p *Programme) lane(code string) uint64 {
	return maphash.String(p.seed, strings.ToUpper(code)) % p.lanes
}

// visit is a click on its way through group commit.
type visit struct {
	NewClick
	ticket *once.Ticket
}

// TrackClick stores a click. Clicks of one tenant share transactions; each
// succeeds or is refused on its own.
func (p *Programme) TrackClick(ctx context.Context, tenantID int64, n NewClick, ticket *once.Ticket) (Click, error) {
	return p.clicks.Do(ctx, batch.Key{Tenant: tenantID, Shard: uint32(p.lane(n.Code))}, visit{n, ticket})
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
	t, err := tenant.Get(ctx, tx, tenantID)
	if err != nil {
		return nil, err
	}
	tickets := make([]*once.Ticket, len(visits))
	for i, v := range visits {
		tickets[i] = v.ticket
	}
	seen, err := once.Check(ctx, tx, tenantID, tickets)
	if err != nil {
		return nil, err
	}
	fresh := make([]guest, 0, len(visits))
	for i, v := range visits {
		if seen[i] == nil {
			fresh = append(fresh, guest{NewClick: v.NewClick, click: pg.NewUUID()})
		}
	}
	d, err := p.openDoor(ctx, tx, t, fresh)
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
		results[i].Value, results[i].Err = d.enter(fresh[0], p.traitsOf(tenantID, v.Origin))
		fresh = fresh[1:]
		if v.ticket != nil {
			answers = append(answers, once.Outcome{Ticket: v.ticket, Value: results[i].Value, Refusal: results[i].Err})
		}
	}
	var pipe pg.Pipeline
	if err := d.meet(ctx, &pipe); err != nil {
		return nil, err
	}
	fired, err := p.fireClicks(ctx, tx, &pipe, t, d)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(d.count(ctx, &pipe), fired.Store(ctx, &pipe), once.Keep(ctx, &pipe, tenantID, pg.Now(), answers)); err != nil {
		return nil, err
	}
	return results, pipe.Send(ctx, tx)
}

// guest is a click that is new.
type guest struct {
	NewClick
	click uuid.UUID
}

// door is what the clicks of one transaction need, read and locked, and what
// they leave behind.
type door struct {
	tenantID  int64
	at        time.Time
	codes     map[string]code // as asked
	campaigns map[string]Campaign
	people    map[string]int64 // members.id by the caller's id
	bonds     map[binding]*bond
	visits    map[pairing]*encounter // with other codes than the one bound to

	made   query.ClickInsertManyParams
	added  map[uuid.UUID]*added
	emails map[pairing]string // the newest that clicks told
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

// bond is what a referee is bound to; its newest click is stored already.
type bond struct {
	encounter
	referral uuid.UUID
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
}

// meet notes a click and tells whether it counts.
func (e *encounter) meet(click uuid.UUID, at time.Time) (counts bool) {
	counts = e.clickedAt.IsZero() || !at.Before(e.clickedAt.Add(clickRest))
	e.clickedAt, e.click = at, click
	return counts
}

// added is what a code gains.
type added struct {
	clicks    int64
	anonymous time.Time // zero: no such click
}

// openDoor finds the codes and whether their campaigns run, then the referees.
func (p *Programme) openDoor(ctx context.Context, tx pg.Tx, t tenant.Tenant, guests []guest) (*door, error) {
	d := &door{
		tenantID: t.ID, at: t.Now(), codes: make(map[string]code, len(guests)), campaigns: map[string]Campaign{}, people: map[string]int64{},
		bonds: map[binding]*bond{}, visits: map[pairing]*encounter{}, emails: map[pairing]string{}, added: make(map[uuid.UUID]*added, len(guests)),
	}
	d.made = query.ClickInsertManyParams{TenantID: t.ID, CreatedAt: d.at}
	// Another shard each time: the batch before this one may be committing still.
	d.counts = newCounts(d.at, byte(p.turn.Add(1)))
	if err := p.codes.find(ctx, tx, t.ID, guests, d.codes); err != nil || len(d.codes) == 0 {
		return d, err
	}
	for _, c := range d.codes {
		d.campaigns[c.campaign] = Campaign{}
	}
	rows, err := q.CampaignListSchedules(ctx, tx, query.CampaignListSchedulesParams{TenantID: t.ID, Ids: slices.Sorted(maps.Keys(d.campaigns))})
	if err != nil {
		return nil, fmt.Errorf("read campaigns: %w", err)
	}
	for _, r := range rows {
		d.campaigns[r.ID] = Campaign{State: CampaignState(r.State), StartsAt: instant(r.StartsAt), EndsAt: instant(r.EndsAt)}
	}
	return d, d.welcome(ctx, tx, t, guests)
}

// named is a referee as the caller calls them, in a campaign.
type named struct{ campaign, external string }

// welcome finds the referees, binds those who are not bound yet to the code they
// came by, and notes the newest click of all who came by the code they are bound
// to. That locks their attributions, which guards their visits through any code.
// Those who come through no code are not looked for, so that nobody is enrolled
// for nothing.
func (d *door) welcome(ctx context.Context, tx pg.Tx, t tenant.Tenant, guests []guest) error {
	arg := query.AttributionMeetManyParams{TenantID: d.tenantID, At: d.at}
	place := map[named]int{} // in arg
	for _, g := range guests {
		c, found := d.codes[g.Code]
		if g.Referee == "" || !found || !d.campaigns[c.campaign].Runs(d.at) {
			continue
		}
		who := named{c.campaign, g.Referee}
		i, again := place[who]
		switch {
		case !again:
			place[who] = len(arg.ClickIds)
			arg.CampaignIds = append(arg.CampaignIds, c.campaign)
			arg.ExternalIds = append(arg.ExternalIds, g.Referee)
			arg.ReferralIds = append(arg.ReferralIds, c.id)
			arg.ClickIds = append(arg.ClickIds, g.click)
		case arg.ReferralIds[i] == c.id:
			arg.ClickIds[i] = g.click // the newest
		}
	}
	if len(place) == 0 {
		return nil
	}
	rows, err := q.AttributionMeetMany(ctx, tx, arg)
	if err != nil {
		return fmt.Errorf("bind referees: %w", err)
	}
	at := make(map[uuid.UUID]int, len(arg.ClickIds))
	for i, click := range arg.ClickIds {
		at[click] = i
	}
	for _, r := range rows {
		i := at[r.ClickID]
		d.people[arg.ExternalIds[i]] = r.RefereeID
		d.bonds[binding{arg.CampaignIds[i], r.RefereeID}] = &bond{encounter{clickedAt: instant(r.ClickBefore)}, arg.ReferralIds[i]}
		delete(place, named{arg.CampaignIds[i], arg.ExternalIds[i]})
	}
	return d.recall(ctx, tx, t, guests, place)
}

// recall finds the others: they are bound to another code, or not enrolled.
func (d *door) recall(ctx context.Context, tx pg.Tx, t tenant.Tenant, guests []guest, others map[named]int) error {
	if len(others) == 0 {
		return nil
	}
	arg := query.RefereeListManyParams{TenantID: d.tenantID}
	for who := range others {
		arg.CampaignIds = append(arg.CampaignIds, who.campaign)
		arg.ExternalIds = append(arg.ExternalIds, who.external)
	}
	rows, err := q.RefereeListMany(ctx, tx, arg)
	if err != nil {
		return fmt.Errorf("find referees: %w", err)
	}
	for _, r := range rows {
		d.people[r.ExternalID] = r.ID
		d.bonds[binding{r.CampaignID, r.ID}] = &bond{referral: r.ReferralID}
		delete(others, named{r.CampaignID, r.ExternalID})
	}
	if len(others) > 0 && t.Policy.Enrolment != tenant.EnrolmentStrict {
		missing := map[string]bool{}
		for who := range others {
			missing[who.external] = true
		}
		return &unknownError{slices.Sorted(maps.Keys(missing))}
	}
	return d.recallVisits(ctx, tx, guests)
}

// recallVisits reads when referees clicked last on codes that they are not bound to.
func (d *door) recallVisits(ctx context.Context, tx pg.Tx, guests []guest) error {
	arg := query.VisitListManyParams{TenantID: d.tenantID}
	for _, g := range guests {
		c := d.codes[g.Code]
		to := binding{c.campaign, d.people[g.Referee]}
		b, pair := d.bonds[to], pairing{to, c.id}
		if b == nil || b.referral == c.id || d.visits[pair] != nil {
			continue
		}
		d.visits[pair] = &encounter{}
		arg.CampaignIds = append(arg.CampaignIds, to.campaign)
		arg.RefereeIds = append(arg.RefereeIds, to.referee)
		arg.ReferralIds = append(arg.ReferralIds, c.id)
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
func (d *door) enter(g guest, origin traits) (Click, error) {
	of, found := d.codes[g.Code]
	if !found {
		return Click{}, fault.Missing("referral code")
	}
	if err := d.campaigns[of.campaign].running(d.at); err != nil {
		return Click{}, err
	}
	who := d.people[g.Referee]
	if g.Referee != "" && who == 0 {
		return Click{}, memberUnknown()
	}
	c := Click{ID: g.click, Code: of.text, At: d.at, Counted: true}
	gain := d.added[of.id]
	if gain == nil {
		gain = &added{}
		d.added[of.id] = gain
	}
	if who == 0 {
		gain.anonymous = d.at
	} else {
		c.Counted = d.encounter(binding{of.campaign, who}, of.id).meet(c.ID, d.at)
		d.counts.seen(origin, who)
		d.counts.visited = true
	}
	if c.Counted {
		gain.clicks++
		d.counts.clicked(of.campaign, of.referrer)
		d.fires = append(d.fires, firing{of.referrer, c.ID})
	}
	if who != 0 && g.Email != "" {
		d.emails[pairing{binding{of.campaign, who}, of.id}] = g.Email
	}
	d.made.Ids = append(d.made.Ids, c.ID)
	d.made.ReferralIds = append(d.made.ReferralIds, of.id)
	d.made.RefereeIds = append(d.made.RefereeIds, who)
	d.made.Counted = append(d.made.Counted, c.Counted)
	d.made.Networks = append(d.made.Networks, orNone(origin.network))
	d.made.Devices = append(d.made.Devices, orNone(origin.device))
	return c, nil
}

// encounter is the one of a referee with a code.
func (d *door) encounter(of binding, referral uuid.UUID) *encounter {
	if b := d.bonds[of]; b.referral == referral {
		return &b.encounter
	}
	pair := pairing{of, referral}
	if d.visits[pair] == nil { // bound to another code by this very batch
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

// meet queues what the clicks leave behind, in lock order.
func (d *door) meet(ctx context.Context, pipe *pg.Pipeline) error {
	if len(d.made.Ids) == 0 {
		return nil
	}
	codes := query.ReferralClickAddManyParams{TenantID: d.tenantID}
	for referral, gain := range d.added {
		codes.ReferralIds = append(codes.ReferralIds, referral)
		codes.Clicks = append(codes.Clicks, gain.clicks)
		codes.AnonymousAt = append(codes.AnonymousAt, gain.anonymous)
	}
	return errors.Join(
		q.ReferralClickAddMany(ctx, pipe, codes),
		q.ClickInsertMany(ctx, pipe, d.made),
		d.storeVisits(ctx, pipe),
		d.storeEmails(ctx, pipe),
	)
}

// count queues what everybody counts.
func (d *door) count(ctx context.Context, pipe *pg.Pipeline) error {
	if len(d.made.Ids) == 0 {
		return nil
	}
	return d.counts.store(ctx, pipe, d.tenantID)
}

func (d *door) storeEmails(ctx context.Context, pipe *pg.Pipeline) error {
	if len(d.emails) == 0 {
		return nil
	}
	arg := query.VisitEmailUpsertManyParams{TenantID: d.tenantID}
	for pair, email := range d.emails {
		arg.ReferralIds = append(arg.ReferralIds, pair.referral)
		arg.RefereeIds = append(arg.RefereeIds, pair.referee)
		arg.Emails = append(arg.Emails, email)
	}
	return q.VisitEmailUpsertMany(ctx, pipe, arg)
}

func (d *door) storeVisits(ctx context.Context, pipe *pg.Pipeline) error {
	arg := query.VisitUpsertManyParams{TenantID: d.tenantID, MetAt: d.at}
	for pair, e := range d.visits {
		if e.click == uuid.Nil {
			continue // refused after all
		}
		arg.ClickIds = append(arg.ClickIds, e.click)
		arg.CampaignIds = append(arg.CampaignIds, pair.campaign)
		arg.RefereeIds = append(arg.RefereeIds, pair.referee)
		arg.ReferralIds = append(arg.ReferralIds, pair.referral)
	}
	if len(arg.ClickIds) == 0 {
		return nil
	}
	return q.VisitUpsertMany(ctx, pipe, arg)
}
