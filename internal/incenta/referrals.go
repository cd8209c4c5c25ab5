package incenta

import (
	"context"

	"github.com/oapi-codegen/nullable"

	gen "github.com/incent-dev/incent/gen/incenta"
	"github.com/incent-dev/incent/internal/fault"
	"github.com/incent-dev/incent/internal/httpapi"
	"github.com/incent-dev/incent/internal/once"
	"github.com/incent-dev/incent/internal/referral"
	"github.com/incent-dev/incent/internal/wire"
)

// CreateReferral makes a code, or answers with the one that is there.
func (a *API) CreateReferral(ctx context.Context, r gen.CreateReferralRequestObject) (gen.CreateReferralResponseObject, error) {
	n := referral.NewReferral{
		CampaignID: r.Body.CampaignId, Referrer: r.Body.ReferrerId, Referee: orEmpty(r.Body.RefereeId), Username: orEmpty(r.Body.ReferrerUsername),
		ReferrerEmail: orEmpty(r.Body.ReferrerEmail), RefereeEmail: orEmpty(r.Body.RefereeEmail),
		Origin: origin(r.Body.IpAddress, r.Body.UserAgent, r.Body.DeviceId),
	}
	view := func(m referral.Made) gen.CreateReferralResponseObject {
		body := gen.ReferralCreated{
			Id: m.PublicID(), ReferralId: m.PublicID(), ReferralCode: m.Code, Status: gen.ReferralStatus(m.Status),
			Warning: warning(m.Review), Reasons: reasons(m.Review), RiskScore: riskScore(m.Review),
		}
		if m.New {
			return gen.CreateReferral201JSONResponse{Body: body}
		}
		return gen.CreateReferral200JSONResponse{Body: body}
	}
	return httpapi.Mutate(ctx, view, gen.CreateReferralResponseObject.VisitCreateReferralResponse,
		func(t *once.Ticket) (referral.Made, error) {
			return a.referral.CreateReferral(ctx, httpapi.Caller(ctx).Tenant, n, t)
		})
}

// GetReferral looks a code up.
func (a *API) GetReferral(ctx context.Context, r gen.GetReferralRequestObject) (gen.GetReferralResponseObject, error) {
	found, err := a.referral.Referral(ctx, httpapi.Caller(ctx).Tenant, r.ReferralCode)
	if err != nil {
		return nil, err
	}
	return gen.GetReferral200JSONResponse{Body: gen.Referral{
		Id: found.PublicID(), ReferralId: found.PublicID(), ReferralCode: found.Code, CampaignId: found.CampaignID, Status: gen.ReferralStatus(found.Status),
		ReferrerId: found.Referrer, RefereeId: textOrNull(found.Referee), ReferrerUsername: textOrNull(found.Username),
		TotalClicks: found.Clicks, TotalConversions: found.Conversions,
		Warning: warning(found.Review), Reasons: reasons(found.Review), RiskScore: riskScore(found.Review),
		CreatedAt: wire.Millis(found.CreatedAt), CompletedAt: instantOrNull(found.CompletedAt),
	}}, nil
}

// TrackClick records a visit through a code.
func (a *API) TrackClick(ctx context.Context, r gen.TrackClickRequestObject) (gen.TrackClickResponseObject, error) {
	n := referral.NewClick{
		Code: r.Body.ReferralCode, Referee: orEmpty(r.Body.RefereeId), Email: orEmpty(r.Body.RefereeEmail),
		Origin: origin(r.Body.IpAddress, r.Body.UserAgent, r.Body.DeviceId),
	}
	view := func(c referral.Click) gen.TrackClickResponseObject {
		return gen.TrackClick200JSONResponse{Body: gen.Click{
			Success: true, Id: c.PublicID(), ClickId: c.PublicID(), ReferralCode: c.Code, ClickedAt: wire.Millis(c.At), Counted: c.Counted,
		}}
	}
	return httpapi.Mutate(ctx, view, gen.TrackClickResponseObject.VisitTrackClickResponse,
		func(t *once.Ticket) (referral.Click, error) {
			return a.referral.TrackClick(ctx, httpapi.Caller(ctx).Tenant, n, t)
		})
}

// RecordConversion records what a referee did.
func (a *API) RecordConversion(ctx context.Context, r gen.RecordConversionRequestObject) (gen.RecordConversionResponseObject, error) {
	n := referral.NewConversion{
		Code: r.Body.ReferralCode, Referee: r.Body.RefereeId, RefereeEmail: orEmpty(r.Body.RefereeEmail), Metadata: r.Body.Metadata,
		Origin: origin(r.Body.IpAddress, r.Body.UserAgent, r.Body.DeviceId),
	}
	if r.Body.Amount != nil {
		amount, err := r.Body.Amount.Minor()
		if err != nil || r.Body.Amount.Negative() {
			return nil, fault.Field("amount", "must be an amount of money of at least 0")
		}
		minor := int64(amount)
		n.AmountMinor = &minor
	}
	return httpapi.Mutate(ctx, conversionRecorded, gen.RecordConversionResponseObject.VisitRecordConversionResponse,
		func(t *once.Ticket) (referral.Conversion, error) {
			return a.referral.RecordConversion(ctx, httpapi.Caller(ctx).Tenant, n, t)
		})
}

func conversionRecorded(c referral.Conversion) gen.RecordConversionResponseObject {
	body := gen.ConversionRecorded{
		Success: true, Id: c.PublicID(), ConversionId: c.PublicID(), ReferralId: referral.Referral{ID: c.ReferralID}.PublicID(),
		RewardAmount: wire.Money(c.RewardMinor), RewardCreated: c.Reason == "", Status: gen.ConversionStatus(c.Status),
		RefereeId: c.Referee, ReferrerId: c.Referrer, Reason: conversionReason(c),
	}
	if c.RewardUnits > 0 {
		body.RewardCoins = &c.RewardUnits
	}
	if c.Review.Score != nil {
		score := int32(*c.Review.Score)
		body.RiskScore, body.Reasons = &score, &c.Review.Reasons
	}
	if c.Review.Warning != "" {
		body.Warning = &c.Review.Warning
	}
	return gen.RecordConversion201JSONResponse{Body: body}
}

// ListConversions lists conversions, newest first.
func (a *API) ListConversions(ctx context.Context, r gen.ListConversionsRequestObject) (gen.ListConversionsResponseObject, error) {
	from, to, err := httpapi.Span(r.Params.From, r.Params.To)
	if err != nil {
		return nil, err
	}
	page, limit := httpapi.Page(r.Params.Page, r.Params.Limit)
	filter := referral.ConversionFilter{
		CampaignID: orEmpty(r.Params.CampaignId), Code: orEmpty(r.Params.ReferralCode), From: from, To: to, Limit: limit, Skip: (page - 1) * limit,
	}
	if r.Params.Status != nil {
		filter.Status = string(*r.Params.Status)
	}
	list, total, err := a.referral.Conversions(ctx, httpapi.Caller(ctx).Tenant, filter)
	if err != nil {
		return nil, err
	}
	answer := gen.ConversionPage{Data: make([]gen.Conversion, len(list)), Pagination: gen.Pagination{
		Page: int32(page), Limit: int32(limit), Total: total, TotalPages: (total + int64(limit) - 1) / int64(limit),
	}}
	for i, c := range list {
		answer.Data[i] = conversion(c)
	}
	return gen.ListConversions200JSONResponse{Body: answer}, nil
}

func conversion(c referral.Conversion) gen.Conversion {
	out := gen.Conversion{
		Id: c.PublicID(), ConversionId: c.PublicID(), ReferralId: referral.Referral{ID: c.ReferralID}.PublicID(), ReferralCode: c.Code,
		CampaignId: c.CampaignID, ReferrerId: c.Referrer, RefereeId: c.Referee, Amount: nullable.NewNullNullable[wire.Money](),
		RewardAmount: wire.Money(c.RewardMinor), RewardCoins: c.RewardUnits, RewardCreated: c.Reason == "", Status: gen.ConversionStatus(c.Status),
		Reason: conversionReason(c), Warning: warning(c.Review), Reasons: reasons(c.Review), RiskScore: riskScore(c.Review),
		Metadata: c.Metadata, CreatedAt: wire.Millis(c.CreatedAt),
	}
	if c.AmountMinor != nil {
		out.Amount = nullable.NewNullableWithValue(wire.Money(*c.AmountMinor))
	}
	return out
}

// GetStats reads the totals of a campaign.
func (a *API) GetStats(ctx context.Context, r gen.GetStatsRequestObject) (gen.GetStatsResponseObject, error) {
	s, err := a.referral.Stats(ctx, httpapi.Caller(ctx).Tenant, r.Params.CampaignId)
	if err != nil {
		return nil, err
	}
	return gen.GetStats200JSONResponse{Body: gen.Stats{
		TotalReferrals: s.Referrals, TotalClicks: s.Clicks, TotalConversions: s.Conversions,
		// Tenths are whole, so the quotient is the nearest number to one decimal.
		ConversionRate: float64(referral.ConversionRate(s.Conversions, s.Clicks)) / 10, TotalRewardValue: wire.Money(s.RewardMinor),
	}}, nil
}

func conversionReason(c referral.Conversion) *gen.ConversionReason {
	if c.Reason == "" {
		return nil
	}
	reason := gen.ConversionReason(c.Reason)
	return &reason
}

func origin(address, agent, device *string) referral.Origin {
	return referral.Origin{Address: orEmpty(address), Agent: orEmpty(agent), Device: orEmpty(device)}
}

func warning(r referral.Review) nullable.Nullable[gen.Warning] { return textOrNull(r.Warning) }

func reasons(r referral.Review) nullable.Nullable[gen.Reasons] {
	if r.Score == nil {
		return nullable.NewNullNullable[gen.Reasons]()
	}
	return nullable.NewNullableWithValue(r.Reasons)
}

func riskScore(r referral.Review) nullable.Nullable[gen.RiskScore] {
	if r.Score == nil {
		return nullable.NewNullNullable[gen.RiskScore]()
	}
	return nullable.NewNullableWithValue(int32(*r.Score))
}

// textOrNull shows a text that may be missing: the empty one is null.
func textOrNull(s string) nullable.Nullable[string] {
	if s == "" {
		return nullable.NewNullNullable[string]()
	}
	return nullable.NewNullableWithValue(s)
}

func orEmpty(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
