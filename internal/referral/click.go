package referral

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/incent-dev/incent/gen/query"
	"github.com/incent-dev/incent/internal/batch"
	"github.com/incent-dev/incent/internal/fault"
	"github.com/incent-dev/incent/internal/id"
	"github.com/incent-dev/incent/internal/incentive"
	"github.com/incent-dev/incent/internal/ledger"
	"github.com/incent-dev/incent/internal/once"
	"github.com/incent-dev/incent/internal/pg"
	"github.com/incent-dev/incent/internal/tenant"
)

const (
	// clickLanes is how many batches of one tenant's clicks may be under way in
	// a process: one commits while the other works. Clicks on one code share a
	// lane, since they would wait for its row otherwise.
	clickLanes = 2

	// clickBatch bounds the clicks of one transaction.
	clickBatch = 256

	// clickRest is how long a referee's next click on a code does not count.
	clickRest = wholeDay
)

// NewClick is a visit through a code.
type NewClick struct {
	Code    string // in any case
	Referee string // the caller's id; "": nobody said
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
	fresh := make([]visit, 0, len(visits))
	for i, v := range visits {
		if seen[i] == nil {
			fresh = append(fresh, v)
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
		results[i].Value, results[i].Err = d.enter(v.NewClick, p.traitsOf(tenantID, v.Origin))
		answers = append(answers, once.Outcome{Ticket: v.ticket, Value: results[i].Value, Refusal: results[i].Err})
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

// door is what the clicks of one transaction need, locked and read, and what
// they leave behind.
type door struct {
	tenantID  int64
	at        time.Time
	referrals map[string]query.ReferralListByCodeForUpdateRow // by code as asked
	people    map[string]person
	visited   map[pairing]time.Time // newest click

	made   query.ClickInsertManyParams
	added  map[uuid.UUID]*added
	met    map[pairing]met
	bound  map[binding]uuid.UUID
	counts *counts
	fires  []firing
}

// firing is a counted click that may fire actions of the code's holder.
type firing struct {
	referrer int64
	click    uuid.UUID
}

// binding is a referee in a campaign: the first code of a batch wins, too.
type binding struct {
	campaign string
	referee  int64
}

// met is the newest click of a pairing.
type met struct {
	campaign string
	click    uuid.UUID
}

// pairing is a referee on a code.
type pairing struct {
	referral uuid.UUID
	referee  int64
}

// added is what a referral row gains.
type added struct {
	clicks    int64
	anonymous time.Time // zero: no such click
}

// openDoor locks the referrals in the order of their ids; that lock guards the
// visits through them, too.
func (p *Programme) openDoor(ctx context.Context, tx pg.Tx, t tenant.Tenant, visits []visit) (*door, error) {
	d := &door{
		tenantID: t.ID, at: t.Now(), referrals: map[string]query.ReferralListByCodeForUpdateRow{}, visited: map[pairing]time.Time{},
		added: map[uuid.UUID]*added{}, met: map[pairing]met{}, bound: map[binding]uuid.UUID{},
	}
	d.made = query.ClickInsertManyParams{TenantID: t.ID, CreatedAt: d.at}
	codes := map[string]bool{}
	for _, v := range visits {
		codes[v.Code] = true
	}
	if len(codes) == 0 {
		return d, nil
	}
	asked := slices.Sorted(maps.Keys(codes))
	// One shard per lane and process: its rows are written by nobody else, as a rule.
	d.counts = newCounts(d.at, byte(maphash.String(p.seed, "")+p.lane(asked[0])))
	rows, err := q.ReferralListByCodeForUpdate(ctx, tx, query.ReferralListByCodeForUpdateParams{TenantID: t.ID, Codes: asked})
	if err != nil {
		return nil, fmt.Errorf("lock referrals: %w", err)
	}
	for _, r := range rows {
		d.referrals[r.Asked] = r
	}
	return d, d.welcome(ctx, tx, t, visits)
}

// lane is the lane of a code's clicks.
func (p *Programme) lane(code string) uint64 {
	return maphash.String(p.seed, strings.ToUpper(code)) % clickLanes
}

// welcome finds the referees, and when they clicked last. Those who come through
// no code are not looked for, so that nobody is enrolled for nothing.
func (d *door) welcome(ctx context.Context, tx pg.Tx, t tenant.Tenant, visits []visit) error {
	referees := map[string]bool{}
	for _, v := range visits {
		if r, found := d.referrals[v.Code]; found && v.Referee != "" && campaignOf(r).Runs(d.at) {
			referees[v.Referee] = true
		}
	}
	if len(referees) == 0 {
		return nil
	}
	var err error
	d.people, err = known(ctx, tx, t, slices.Sorted(maps.Keys(referees))...)
	if err != nil && !fault.Is(err, CodeMemberUnknown) {
		return err
	}
	arg := query.VisitListManyParams{TenantID: d.tenantID}
	asked := map[pairing]bool{}
	for _, v := range visits {
		r, who := d.referrals[v.Code], d.people[v.Referee]
		pair := pairing{r.ID, who.id}
		if r.ID == uuid.Nil || who.id == 0 || asked[pair] {
			continue
		}
		asked[pair] = true
		arg.CampaignIds = append(arg.CampaignIds, r.CampaignID)
		arg.RefereeIds = append(arg.RefereeIds, who.id)
		arg.ReferralIds = append(arg.ReferralIds, r.ID)
	}
	if len(asked) == 0 {
		return nil
	}
	rows, err := q.VisitListMany(ctx, tx, arg)
	if err != nil {
		return fmt.Errorf("read visits: %w", err)
	}
	for _, r := range rows {
		d.visited[pairing{r.ReferralID, r.RefereeID}] = instant(r.ClickedAt)
	}
	return nil
}

// campaignOf is as much of a campaign as tells whether it runs.
func campaignOf(r query.ReferralListByCodeForUpdateRow) Campaign {
	return Campaign{State: CampaignState(r.State), StartsAt: instant(r.StartsAt), EndsAt: instant(r.EndsAt)}
}

// enter decides one click and notes its effect.
func (d *door) enter(n NewClick, origin traits) (Click, error) {
	r, found := d.referrals[n.Code]
	if !found {
		return Click{}, fault.Missing("referral code")
	}
	if err := campaignOf(r).running(d.at); err != nil {
		return Click{}, err
	}
	who := d.people[n.Referee]
	if n.Referee != "" && who.id == 0 {
		return Click{}, memberUnknown()
	}
	c := Click{ID: pg.NewUUID(), Code: r.Code, At: d.at, Counted: true}
	gain := d.added[r.ID]
	if gain == nil {
		gain = &added{}
		d.added[r.ID] = gain
	}
	if who.id == 0 {
		gain.anonymous = d.at
	} else {
		pair := pairing{r.ID, who.id}
		last := d.visited[pair]
		c.Counted = last.IsZero() || !d.at.Before(last.Add(clickRest))
		d.visited[pair] = d.at
		d.met[pair] = met{r.CampaignID, c.ID}
		if to := (binding{r.CampaignID, who.id}); last.IsZero() && d.bound[to] == uuid.Nil {
			d.bound[to] = r.ID // a click before this one has bound the referee already
		}
		d.counts.seen(origin, who.id)
		d.counts.visited = true
	}
	if c.Counted {
		gain.clicks++
		d.counts.clicked(r.CampaignID, r.ReferrerID)
	}
	if c.Counted {
		d.fires = append(d.fires, firing{r.ReferrerID, c.ID})
	}
	d.made.Ids = append(d.made.Ids, c.ID)
	d.made.ReferralIds = append(d.made.ReferralIds, r.ID)
	d.made.RefereeIds = append(d.made.RefereeIds, who.id)
	d.made.Counted = append(d.made.Counted, c.Counted)
	d.made.Networks = append(d.made.Networks, orNone(origin.network))
	d.made.Devices = append(d.made.Devices, orNone(origin.device))
	return c, nil
}

// orNone is no trait as the query takes it.
func orNone(trait []byte) []byte {
	if trait == nil {
		return []byte{}
	}
	return trait
}

// fireClicks records what the counted clicks fire. Members' accounts are locked
// behind what the clicks write of referrals and attributions, so that is sent
// before.
func (p *Programme) fireClicks(ctx context.Context, tx pg.Tx, pipe *pg.Pipeline, t tenant.Tenant, d *door) (*incentive.Firing, error) {
	f, err := p.incentive.Firing(ctx, tx, t)
	if err != nil {
		return nil, err
	}
	if len(d.fires) == 0 || !f.Fires(incentive.CodeClicked) {
		return f, nil
	}
	if err := d.addFires(ctx, tx, f); err != nil {
		return nil, err
	}
	if err := pipe.Send(ctx, tx); err != nil {
		return nil, err
	}
	*pipe = pg.Pipeline{}
	session, err := ledger.Begin(ctx, tx, t, d.at, f.Commands())
	if err != nil {
		return nil, err
	}
	if err := f.Record(ctx, tx, session, d.at); err != nil {
		return nil, fmt.Errorf("fire actions: %w", err)
	}
	return f, session.Store(ctx, pipe)
}

// addFires names the holders as the engine knows them.
func (d *door) addFires(ctx context.Context, tx pg.Tx, f *incentive.Firing) error {
	arg := query.MemberListExternalParams{TenantID: d.tenantID}
	holders := map[int64]string{}
	for _, x := range d.fires {
		if _, asked := holders[x.referrer]; !asked {
			holders[x.referrer] = ""
			arg.Ids = append(arg.Ids, x.referrer)
		}
	}
	rows, err := q.MemberListExternal(ctx, tx, arg)
	if err != nil {
		return fmt.Errorf("find holders of codes: %w", err)
	}
	for _, r := range rows {
		holders[r.ID] = r.ExternalID
	}
	for _, x := range d.fires {
		f.Add(incentive.Occasion{Type: incentive.CodeClicked, Member: holders[x.referrer], Record: x.click})
	}
	return nil
}

// meet queues what the clicks leave at referrals and referees, in lock order.
func (d *door) meet(ctx context.Context, pipe *pg.Pipeline) error {
	if len(d.made.Ids) == 0 {
		return nil
	}
	referrals := query.ReferralAddClicksParams{TenantID: d.tenantID}
	for referral, gain := range d.added {
		referrals.Ids = append(referrals.Ids, referral)
		referrals.Clicks = append(referrals.Clicks, gain.clicks)
		referrals.AnonymousAt = append(referrals.AnonymousAt, gain.anonymous)
	}
	err := errors.Join(q.ReferralAddClicks(ctx, pipe, referrals), q.ClickInsertMany(ctx, pipe, d.made))
	if len(d.met) > 0 {
		err = errors.Join(err, d.storeMet(ctx, pipe))
	}
	return err
}

// count queues what everybody counts.
func (d *door) count(ctx context.Context, pipe *pg.Pipeline) error {
	if len(d.made.Ids) == 0 {
		return nil
	}
	return d.counts.store(ctx, pipe, d.tenantID)
}

func (d *door) storeMet(ctx context.Context, pipe *pg.Pipeline) error {
	bound := query.AttributionInsertManyParams{TenantID: d.tenantID, At: d.at}
	visits := query.VisitUpsertManyParams{TenantID: d.tenantID, MetAt: d.at}
	for to, referral := range d.bound {
		bound.CampaignIds = append(bound.CampaignIds, to.campaign)
		bound.RefereeIds = append(bound.RefereeIds, to.referee)
		bound.ReferralIds = append(bound.ReferralIds, referral)
	}
	for pair, m := range d.met {
		visits.ClickIds = append(visits.ClickIds, m.click)
		visits.CampaignIds = append(visits.CampaignIds, m.campaign)
		visits.RefereeIds = append(visits.RefereeIds, pair.referee)
		visits.ReferralIds = append(visits.ReferralIds, pair.referral)
	}
	if len(d.bound) > 0 {
		if err := q.AttributionInsertMany(ctx, pipe, bound); err != nil {
			return err
		}
	}
	return q.VisitUpsertMany(ctx, pipe, visits)
}
