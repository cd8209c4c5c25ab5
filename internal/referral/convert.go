package referral

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/incent-dev/incent/gen/query"
	"github.com/incent-dev/incent/internal/event"
	"github.com/incent-dev/incent/internal/fault"
	"github.com/incent-dev/incent/internal/fraud"
	"github.com/incent-dev/incent/internal/incentive"
	"github.com/incent-dev/incent/internal/ledger"
	"github.com/incent-dev/incent/internal/once"
	"github.com/incent-dev/incent/internal/pg"
	"github.com/incent-dev/incent/internal/tenant"
)

// Why a conversion earns nothing, beside what stands in earn.go and simulate.go.
const (
	ReasonOtherAttribution = "OTHER_ATTRIBUTION"
	ReasonExpired          = "ATTRIBUTION_EXPIRED"
	ReasonBlocked          = "BLOCKED"
)

// NewConversion is what a referee did.
type NewConversion struct {
	Code         string // in any case
	Referee      string // the caller's id
	RefereeEmail string
	AmountMinor  *int64 // not negative; nil: none
	Metadata     json.RawMessage
	Origin       Origin // the referee's
}

// RecordConversion records a conversion and creates what it earns.
func (p *Programme) RecordConversion(ctx context.Context, tenantID int64, n NewConversion, ticket *once.Ticket) (Conversion, error) {
	if err := tenant.Living(n.Referee); err != nil {
		return Conversion{}, err
	}
	giveBack, err := p.turns.take(ctx, tenantID, n.Code)
	if err != nil {
		return Conversion{}, err
	}
	defer giveBack()
	for attempt := 1; ; attempt++ {
		c, err := once.Run(ctx, p.db, tenantID, pg.Now(), ticket, func(ctx context.Context, tx pg.Tx) (Conversion, error) {
			return p.convert(ctx, tx, tenantID, n)
		})
		if again, err := p.open(ctx, tenantID, err, attempt); !again {
			return c, err
		}
	}
}

// deal is one conversion being decided, with what it needs locked in the one
// order.
type deal struct {
	tenant   tenant.Tenant
	at       time.Time
	campaign Campaign
	referral query.Referral
	origin   traits

	referrer, referee person
	clickedAt         time.Time // the referee's newest click on the code; zero: none
	toldEmail         string    // the referee's, as a click on the code told it; "": none did
	clickID           *uuid.UUID
	anonymousAt       time.Time // newest click by nobody in particular; zero: none
	bound             query.Attribution
	verdict           fraud.Verdict

	conversion Conversion
	rewards    []Reward
	told       event.Journal
}

func (p *Programme) convert(ctx context.Context, tx pg.Tx, tenantID int64, n NewConversion) (Conversion, error) {
	t, err := tenant.Get(ctx, tx, tenantID)
	if err != nil {
		return Conversion{}, err
	}
	d := &deal{tenant: t, at: t.Now(), origin: p.traitsOf(tenantID, n.Origin)}
	if err := d.begin(ctx, tx, n); err != nil {
		return Conversion{}, err
	}
	d.conversion = Conversion{
		ID: pg.NewUUID(), CampaignID: d.campaign.ID, ReferralID: d.referral.ID, Code: d.referral.Code, Referrer: d.referrer.external,
		Referee: n.Referee, Version: d.campaign.Version, Status: ConversionCompleted, AmountMinor: n.AmountMinor, Metadata: n.Metadata, CreatedAt: d.at,
	}
	if d.expired() {
		d.conversion.Status, d.conversion.Reason = ConversionExpired, ReasonExpired
		return d.conversion, d.store(ctx, tx, p)
	}
	if err := d.bind(ctx, tx); err != nil {
		return Conversion{}, err
	}
	judged := subject{
		kind: fraud.Conversion, at: d.at, campaignID: d.campaign.ID, referralID: d.referral.ID, referrer: d.referrer, referee: d.referee,
		origin: d.origin, referrerOrigin: traits{network: d.referral.Network, device: d.referral.Device},
		lastClick: d.clickedAt, lastAnonymous: d.anonymousAt, amountMinor: n.AmountMinor,
	}
	judged.referee.email = cmp.Or(n.RefereeEmail, d.referee.email, d.toldEmail)
	if d.verdict, err = p.assess(ctx, tx, tenantID, d.campaign.Rule, judged); err != nil {
		return Conversion{}, err
	}
	d.conversion.Review = shown(d.verdict)
	if err := d.earn(ctx, tx); err != nil {
		return Conversion{}, err
	}
	return d.conversion, d.store(ctx, tx, p)
}

// begin locks campaign and referral, and finds the people.
func (d *deal) begin(ctx context.Context, tx pg.Tx, n NewConversion) error {
	found, err := q.ReferralGetByCode(ctx, tx, query.ReferralGetByCodeParams{TenantID: d.tenant.ID, Code: n.Code})
	if pg.IsNoRows(err) {
		return fault.Missing("referral code")
	}
	if err != nil {
		return fmt.Errorf("find referral: %w", err)
	}
	if d.campaign, err = lockCampaign(ctx, tx, d.tenant.ID, found.Referral.CampaignID); err != nil {
		return err
	}
	if err := d.campaign.running(d.at); err != nil {
		return err
	}
	people, err := known(ctx, tx, d.tenant, n.Referee)
	if err != nil {
		return err
	}
	d.referee = people[n.Referee]
	if d.referral, err = q.ReferralGetForUpdate(ctx, tx, query.ReferralGetForUpdateParams{TenantID: d.tenant.ID, ID: found.Referral.ID}); err != nil {
		return fmt.Errorf("lock referral: %w", err)
	}
	d.referrer = person{d.referral.ReferrerID, found.Referrer, orEmpty(d.referral.Email)}
	if d.referrer.email == "" {
		d.referrer.email = orEmpty(found.ReferrerEmail)
	}
	visited, err := q.VisitGet(ctx, tx, query.VisitGetParams{
		TenantID: d.tenant.ID, CampaignID: d.campaign.ID, RefereeID: d.referee.id, ReferralID: d.referral.ID,
	})
	if err != nil {
		return fmt.Errorf("read visit: %w", err)
	}
	d.clickedAt, d.clickID, d.toldEmail = instant(visited.ClickedAt), visited.ClickID, orEmpty(visited.Email)
	if visited.BoundClickID != nil {
		d.clickedAt, d.clickID, d.toldEmail = instant(visited.BoundClickedAt), visited.BoundClickID, orEmpty(visited.BoundEmail)
	}
	d.anonymousAt = instant(visited.AnonymousAt)
	return nil
}

// expired tells whether the conversion came too late after the click, or,
// without one, after the code was made.
func (d *deal) expired() bool {
	since := d.clickedAt
	if since.IsZero() {
		since = d.referral.CreatedAt
	}
	return d.at.After(since.Add(time.Duration(d.campaign.Rule.WindowDays) * wholeDay))
}

// bind locks the referee's attribution; without one it is to this code from now on.
func (d *deal) bind(ctx context.Context, tx pg.Tx) error {
	get := query.AttributionGetForUpdateParams{TenantID: d.tenant.ID, CampaignID: d.campaign.ID, RefereeID: d.referee.id}
	var err error
	d.bound, err = q.AttributionGetForUpdate(ctx, tx, get)
	if pg.IsNoRows(err) {
		err = q.AttributionInsert(ctx, tx, query.AttributionInsertParams{
			TenantID: d.tenant.ID, CampaignID: d.campaign.ID, RefereeID: d.referee.id, ReferralID: d.referral.ID, At: d.at,
		})
		if err == nil {
			d.bound, err = q.AttributionGetForUpdate(ctx, tx, get)
		}
	}
	if err != nil {
		return fmt.Errorf("lock attribution: %w", err)
	}
	return nil
}

// earn decides what the conversion earns.
func (d *deal) earn(ctx context.Context, tx pg.Tx) error {
	c := &d.conversion
	switch {
	case d.verdict.Outcome == fraud.Blocked:
		c.Status, c.Reason = ConversionRejected, ReasonBlocked
		return nil
	case d.verdict.Outcome == fraud.Flagged:
		c.Status = ConversionFlagged
	}
	switch {
	case d.bound.ReferralID != d.referral.ID:
		c.Reason = ReasonOtherAttribution
		return nil
	case d.bound.PaidAt != nil && !d.campaign.Rule.PayRepeats:
		c.Reason = ReasonRepeat
		return nil
	}
	in, err := d.limits(ctx, tx)
	if err != nil {
		return err
	}
	referrer, referee := d.campaign.Rule.Earn(in)
	c.Reason = referrer.Reason
	if referrer.Pays() {
		c.RewardMinor = referrer.ValueMinor
		if d.campaign.Rule.Referrer.Asset != ledger.Tokens {
			c.RewardUnits = referrer.Units
		}
	}
	d.grant(Referrer, d.referrer, d.campaign.Rule.Referrer, referrer)
	d.grant(Referee, d.referee, d.campaign.Rule.Referee, referee)
	return nil
}

// limits locks the referrer's tally and tells what may still be granted. The
// campaign is locked where it has a budget.
func (d *deal) limits(ctx context.Context, tx pg.Tx) (EarnInput, error) {
	in := EarnInput{AmountMinor: d.conversion.AmountMinor}
	err := q.TallyInsert(ctx, tx, query.TallyInsertParams{TenantID: d.tenant.ID, CampaignID: d.campaign.ID, MemberID: d.referrer.id})
	if err != nil {
		return in, fmt.Errorf("open tally: %w", err)
	}
	tally, err := q.TallyGetForUpdate(ctx, tx, query.TallyGetForUpdateParams{TenantID: d.tenant.ID, CampaignID: d.campaign.ID, MemberID: d.referrer.id})
	if err != nil {
		return in, fmt.Errorf("lock tally: %w", err)
	}
	in.Rewarded = tally.Rewards
	in.CapLeftMinor, in.BudgetLeftMinor = d.campaign.left(tally.GrantedMinor)
	return in, nil
}

// grant makes the reward of one side.
func (d *deal) grant(role Role, to person, side *Side, e Earning) {
	if !e.Pays() {
		return
	}
	r := Reward{
		ID: pg.NewUUID(), CampaignID: d.campaign.ID, ReferralID: d.referral.ID, ConversionID: d.conversion.ID, Member: to.external, Role: role,
		Version: d.campaign.Version, Fulfilment: side.Fulfilment, Status: RewardApproved, ValueMinor: e.ValueMinor, Asset: side.Asset, Units: e.Units,
		PoolID: side.PoolID, CreatedAt: d.at, UpdatedAt: d.at, member: to.id,
	}
	if r.Asset == 0 {
		r.Asset = ledger.Points
	}
	switch {
	case d.conversion.Status == ConversionFlagged:
		r.Status = RewardPending // until the case is reviewed
	case d.campaign.Rule.HoldDays > 0:
		r.Status, r.HeldUntil = RewardPending, d.at.Add(time.Duration(d.campaign.Rule.HoldDays)*wholeDay)
	}
	d.rewards = append(d.rewards, r)
}

// store writes all of it. The ledger's accounts are locked before anything is
// inserted whose trigger takes a shard of the counts.
func (d *deal) store(ctx context.Context, tx pg.Tx, p *Programme) error {
	var pipe pg.Pipeline
	fired, err := p.incentive.Firing(ctx, tx, d.tenant)
	if err != nil {
		return err
	}
	d.told.Object(event.ReferralConverted, d.conversion.ID, standing{Status: d.conversion.Status})
	if d.conversion.Status == ConversionCompleted && d.conversion.Reason != ReasonOtherAttribution {
		fired.Add(converted(d.tenant.ID, d.conversion.ID, d.referrer.external, d.referrer.id))
	}
	if err := d.pay(ctx, tx, &pipe, fired); err != nil {
		return err
	}
	for _, write := range []func(context.Context, query.DBTX) error{d.storeConversion, d.storeRewards, d.storeReferral, d.storeLimits, d.storeCounts} {
		if err := write(ctx, &pipe); err != nil {
			return err
		}
	}
	return errors.Join(fired.Store(ctx, &pipe), d.told.Store(ctx, &pipe, d.tenant.ID, d.at), pipe.Send(ctx, tx))
}

// pay posts the points of automated rewards that nothing holds, and what the
// conversion fires.
func (d *deal) pay(ctx context.Context, tx pg.Tx, pipe *pg.Pipeline, fired *incentive.Firing) error {
	var commands []ledger.Command
	var paid []*Reward
	for i := range d.rewards {
		r := &d.rewards[i]
		if r.Fulfilment != Automated || r.Status != RewardApproved || r.Units == 0 {
			continue
		}
		paid = append(paid, r)
		commands = append(commands, ledger.Command{
			Op: ledger.OpAward, Member: r.Member, Asset: r.Asset, Amount: r.Units, Cause: r.ID, Memo: ledger.Memo{Reason: "Referral reward"},
		})
	}
	if len(commands) == 0 && fired.Idle() {
		d.tellRewards()
		return nil
	}
	session, err := ledger.Begin(ctx, tx, d.tenant, d.at, append(fired.Commands(), commands...))
	if err != nil {
		return err
	}
	session.TellIn(&d.told)
	for i, c := range commands {
		result := session.Do(c)
		if result.Err != nil {
			return result.Err
		}
		paid[i].Status, paid[i].TransferSeq = RewardPaid, result.Transfer.Seq
	}
	d.tellRewards()
	if !fired.Idle() {
		if err := fired.Record(ctx, tx, session, &d.told, d.at); err != nil {
			return fmt.Errorf("fire actions: %w", err)
		}
	}
	return session.Store(ctx, pipe)
}

func (d *deal) storeConversion(ctx context.Context, db query.DBTX) error {
	c := d.conversion
	err := q.ConversionInsert(ctx, db, query.ConversionInsertParams{
		TenantID: d.tenant.ID, ID: c.ID, CampaignID: c.CampaignID, ReferralID: c.ReferralID, RefereeID: d.referee.id, ClickID: d.clickID, Version: int32(c.Version),
		Status: c.Status, Reason: orNull(c.Reason), AmountMinor: c.AmountMinor, RewardMinor: c.RewardMinor, RewardUnits: c.RewardUnits,
		RiskScore: c.Review.score(), Warning: orNull(c.Review.Warning), Reasons: c.Review.Reasons,
		Network: d.origin.network, Device: d.origin.device, Metadata: c.Metadata, CreatedAt: c.CreatedAt,
	})
	return errors.Join(err, openCase(ctx, db, d.tenant.ID, d.verdict, query.CaseInsertParams{
		CampaignID: c.CampaignID, ReferralID: &c.ReferralID, ConversionID: &c.ID, CreatedAt: d.at,
	}))
}

// storeRewards inserts in the order of the members, whose rows it locks.
func (d *deal) storeRewards(ctx context.Context, db query.DBTX) error {
	inOrder := slices.SortedFunc(slices.Values(d.rewards), func(a, b Reward) int { return cmp.Compare(a.member, b.member) })
	for _, r := range inOrder {
		arg := query.RewardInsertParams{
			TenantID: d.tenant.ID, ID: r.ID, CampaignID: r.CampaignID, ReferralID: r.ReferralID, ConversionID: r.ConversionID, MemberID: r.member,
			Role: string(r.Role), Version: int32(r.Version), Fulfilment: string(r.Fulfilment), Status: string(r.Status), ValueMinor: r.ValueMinor,
			Asset: int16(r.Asset), Units: r.Units, HeldUntil: nullable(r.HeldUntil), PoolID: orNull(r.PoolID), CreatedAt: r.CreatedAt,
		}
		if r.TransferSeq > 0 {
			arg.TransferSeq = &r.TransferSeq
		}
		if err := q.RewardInsert(ctx, db, arg); err != nil {
			return err
		}
	}
	return nil
}

// storeReferral stores what becomes of the locked referral and attribution.
func (d *deal) storeReferral(ctx context.Context, db query.DBTX) error {
	if d.conversion.Status == ConversionExpired {
		return nil
	}
	var err error
	if d.bound.ReferralID != d.referral.ID {
		err = q.VisitUpsertMany(ctx, db, query.VisitUpsertManyParams{
			TenantID: d.tenant.ID, MetAt: d.at, CampaignIds: []string{d.campaign.ID}, RefereeIds: []int64{d.referee.id}, ReferralIds: []uuid.UUID{d.referral.ID},
			ClickIds: []uuid.UUID{uuid.Nil}, Emails: []string{""},
		})
	} else {
		bound := query.AttributionUpdateParams{
			TenantID: d.tenant.ID, CampaignID: d.campaign.ID, RefereeID: d.referee.id, MetAt: d.at, ConvertedAt: d.bound.ConvertedAt, PaidAt: d.bound.PaidAt,
		}
		if bound.ConvertedAt == nil {
			bound.ConvertedAt = &d.at
		}
		if bound.PaidAt == nil && len(d.rewards) > 0 {
			bound.PaidAt = &d.at
		}
		err = q.AttributionUpdate(ctx, db, bound)
	}
	if d.conversion.Status == ConversionRejected {
		return err
	}
	converted := query.ReferralUpdateConvertedParams{TenantID: d.tenant.ID, ID: d.referral.ID, Conversions: 1}
	if len(d.rewards) > 0 && d.conversion.Status == ConversionCompleted {
		converted.CompletedAt = &d.at
	}
	return errors.Join(err, q.ReferralUpdateConverted(ctx, db, converted))
}

// storeLimits draws on the budget and on the referrer's cap.
func (d *deal) storeLimits(ctx context.Context, db query.DBTX) error {
	var err error
	if total := d.granted(); total > 0 && d.campaign.BudgetMinor != nil {
		_, err = q.CampaignUpdateSpent(ctx, db, query.CampaignUpdateSpentParams{TenantID: d.tenant.ID, ID: d.campaign.ID, AmountMinor: total})
	}
	if d.conversion.Reason == "" {
		err = errors.Join(err, q.TallyAdd(ctx, db, query.TallyAddParams{
			TenantID: d.tenant.ID, CampaignID: d.campaign.ID, MemberID: d.referrer.id, Rewards: 1, GrantedMinor: d.conversion.RewardMinor,
		}))
	}
	return err
}

// granted is the value of all rewards.
func (d *deal) granted() (valueMinor int64) {
	for _, r := range d.rewards {
		valueMinor += r.ValueMinor
	}
	return valueMinor
}

func (d *deal) storeCounts(ctx context.Context, db query.DBTX) error {
	counts := newCounts(d.at, d.conversion.ID[15])
	counts.converted(d.campaign.ID, d.referral.ReferrerID, d.conversion.Status, d.conversion.AmountMinor)
	counts.granted(d.campaign.ID, d.granted())
	counts.seen(d.origin, d.referee.id)
	return counts.store(ctx, db, d.tenant.ID)
}
