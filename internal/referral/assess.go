package referral

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/incent-dev/incent/gen/query"
	"github.com/incent-dev/incent/internal/fraud"
	"github.com/incent-dev/incent/internal/pg"
)

// subject is what is judged: a code that is being made, or a conversion.
type subject struct {
	kind              fraud.Kind
	at                time.Time
	campaignID        string
	referralID        uuid.UUID // zero while it is being made
	referrer, referee person    // referee may be nobody
	origin            traits    // of the request: the referrer's making a code, the referee's converting
	referrerOrigin    traits    // known from the code's making
	lastClick         time.Time
	lastAnonymous     time.Time
	amountMinor       *int64
}

// How far back the facts look; internal/fraud says of each why.
const (
	codesSince  = 90 * wholeDay
	sharedSince = 30 * wholeDay
	deviceSince = 30 * wholeDay
)

// assess gathers the facts, each by index and none growing with the campaign,
// and has them judged.
func (p *Programme) assess(ctx context.Context, db query.DBTX, tenantID int64, rule Rule, s subject) (fraud.Verdict, error) {
	f := fraud.Facts{
		Kind: s.kind, At: s.at, ReferrerID: s.referrer.external, RefereeID: s.referee.external,
		ReferrerEmail: s.referrer.email, RefereeEmail: s.referee.email, LastClick: s.lastClick, LastAnonymousClick: s.lastAnonymous,
	}
	if s.amountMinor != nil {
		f.AmountMinor = *s.amountMinor
	}
	for _, gather := range []func(context.Context, query.DBTX, int64, subject, *fraud.Facts) error{
		gatherListings, gatherVelocity, gatherReferee, gatherOrigin, gatherCampaign,
	} {
		if err := gather(ctx, db, tenantID, s, &f); err != nil {
			return fraud.Verdict{}, fmt.Errorf("gather facts: %w", err)
		}
	}
	return fraud.Score(f, rule.Fraud()), nil
}

// gatherListings looks both sides up in the block lists.
func gatherListings(ctx context.Context, db query.DBTX, tenantID int64, s subject, f *fraud.Facts) error {
	arg := query.BlockedListMatchingParams{TenantID: tenantID}
	sides := map[[2]string][]fraud.Side{}
	add := func(side fraud.Side, kind, value string) {
		if value == "" {
			return
		}
		entry := [2]string{kind, value}
		if sides[entry] == nil {
			arg.Kinds, arg.Traits = append(arg.Kinds, kind), append(arg.Traits, value)
		}
		sides[entry] = append(sides[entry], side)
	}
	addSide := func(side fraud.Side, who person, t traits) {
		add(side, "member", who.external)
		add(side, "email", fraud.NormalEmail(who.email))
		add(side, "domain", fraud.EmailDomain(who.email))
		add(side, traitNetwork, hex.EncodeToString(t.network))
		add(side, traitDevice, hex.EncodeToString(t.device))
	}
	if s.kind == fraud.Creation {
		addSide(fraud.Referrer, s.referrer, s.origin)
		addSide(fraud.Referee, s.referee, traits{})
	} else {
		addSide(fraud.Referrer, s.referrer, s.referrerOrigin)
		addSide(fraud.Referee, s.referee, s.origin)
	}
	rows, err := q.BlockedListMatching(ctx, db, arg)
	for _, r := range rows {
		for _, side := range sides[[2]string{r.Kind, r.Value}] {
			f.Listed = append(f.Listed, fraud.Listing{Side: side, List: r.Kind})
		}
	}
	return err
}

// lastDay is the first of the hours that make up the 24 before an instant.
func lastDay(at time.Time) time.Time { return at.Truncate(time.Hour).Add(-23 * time.Hour) }

func gatherVelocity(ctx context.Context, db query.DBTX, tenantID int64, s subject, f *fraud.Facts) error {
	h, err := q.ReferrerHourSum(ctx, db, query.ReferrerHourSumParams{TenantID: tenantID, MemberID: s.referrer.id, Since: lastDay(s.at)})
	f.Referrals24h, f.Clicks24h, f.Conversions24h = h.Referrals, h.Clicks, h.Conversions
	return err
}

// gatherReferee looks at what the referee did elsewhere in the campaign.
func gatherReferee(ctx context.Context, db query.DBTX, tenantID int64, s subject, f *fraud.Facts) (err error) {
	if s.referee.id == 0 || s.referee.id == s.referrer.id {
		return nil
	}
	f.OtherCodes, err = q.VisitCountOthers(ctx, db, query.VisitCountOthersParams{
		TenantID: tenantID, CampaignID: s.campaignID, RefereeID: s.referee.id, ReferralID: s.referralID, Since: s.at.Add(-codesSince), MaxRows: fraud.CountMax,
	})
	if err != nil {
		return err
	}
	at := s.referrer.id
	for length := 2; length <= fraud.RingMax; length++ {
		at, err = q.ReferralGetReferrer(ctx, db, query.ReferralGetReferrerParams{TenantID: tenantID, CampaignID: s.campaignID, RefereeID: at})
		if pg.IsNoRows(err) {
			return nil
		}
		if err != nil {
			return err
		}
		if at == s.referee.id {
			f.Ring = length
			return nil
		}
	}
	return nil
}

// gatherOrigin compares where the referee's request came from with where others were.
func gatherOrigin(ctx context.Context, db query.DBTX, tenantID int64, s subject, f *fraud.Facts) error {
	if s.kind != fraud.Conversion {
		return nil
	}
	known := s.origin.byKind()
	for kind, shared := range map[string]*bool{traitNetwork: &f.SharedNetwork, traitAgent: &f.SharedAgent, traitDevice: &f.SharedDevice} {
		if known[kind] == nil {
			continue
		}
		var err error
		*shared, err = q.SightingExists(ctx, db, query.SightingExistsParams{
			TenantID: tenantID, Kind: kind, Trait: known[kind], MemberID: s.referrer.id, Since: s.at.Add(-sharedSince),
		})
		if err != nil {
			return err
		}
	}
	for kind, others := range map[string]struct {
		count *int64
		since time.Duration
	}{traitNetwork: {&f.NetworkOthers, wholeDay}, traitDevice: {&f.DeviceOthers, deviceSince}} {
		if known[kind] == nil {
			continue
		}
		var err error
		*others.count, err = q.SightingCountOthers(ctx, db, query.SightingCountOthersParams{
			TenantID: tenantID, Kind: kind, Trait: known[kind], Since: s.at.Add(-others.since),
			ReferrerID: s.referrer.id, RefereeID: s.referee.id, MaxRows: fraud.CountMax,
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func gatherCampaign(ctx context.Context, db query.DBTX, tenantID int64, s subject, f *fraud.Facts) error {
	if s.kind != fraud.Conversion {
		return nil
	}
	hours, err := q.CampaignHourSum(ctx, db, query.CampaignHourSumParams{TenantID: tenantID, CampaignID: s.campaignID, Since: lastDay(s.at)})
	if err != nil {
		return err
	}
	f.CampaignClicks24h, f.CampaignConversions24h = hours.Clicks, hours.Conversions
	a, err := q.CampaignAmountGet(ctx, db, query.CampaignAmountGetParams{TenantID: tenantID, CampaignID: s.campaignID})
	if err == nil && a.Amounts > 0 {
		n := float64(a.Amounts)
		// Rounding may leave a hair below nothing where all amounts are equal.
		f.Amounts = fraud.Moments{N: a.Amounts, Mean: a.AmountSum / n, M2: max(a.AmountSq-a.AmountSum*a.AmountSum/n, 0)}
	}
	return err
}

// shown is what callers are shown of a verdict.
func shown(v fraud.Verdict) Review {
	return Review{Score: v.Score, Warning: v.Warning, Reasons: v.Reasons()}
}

// states of the case that a verdict opens.
var caseStates = map[fraud.Outcome]string{fraud.Clean: "clean", fraud.Flagged: "open", fraud.Blocked: "blocked"}

// openCase queues the case of a verdict with its signals; none fired, no case.
// c says what it is about, and when.
func openCase(ctx context.Context, db query.DBTX, tenantID int64, v fraud.Verdict, c query.CaseInsertParams) error {
	if v.Score == nil {
		return nil
	}
	c.TenantID, c.ID, c.State, c.Score = tenantID, pg.NewUUID(), caseStates[v.Outcome], int16(*v.Score)
	if err := q.CaseInsert(ctx, db, c); err != nil {
		return err
	}
	arg := query.SignalInsertManyParams{TenantID: tenantID, CaseID: c.ID}
	for _, s := range v.Signals {
		evidence, err := json.Marshal(s.Evidence)
		if err != nil {
			return fmt.Errorf("evidence of %s: %w", s.Signal, err)
		}
		if s.Evidence == nil {
			evidence = []byte("{}")
		}
		arg.Names = append(arg.Names, string(s.Signal))
		arg.Weights = append(arg.Weights, int16(s.Weight))
		arg.Evidence = append(arg.Evidence, string(evidence))
	}
	return q.SignalInsertMany(ctx, db, arg)
}
