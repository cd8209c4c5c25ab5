package management

import (
	"context"

	"github.com/google/uuid"
	"github.com/oapi-codegen/nullable"

	gen "github.com/incent-dev/incent/gen/management"
	"github.com/incent-dev/incent/internal/httpapi"
	"github.com/incent-dev/incent/internal/once"
	"github.com/incent-dev/incent/internal/referral"
	"github.com/incent-dev/incent/internal/wire"
)

// ListCases lists fraud cases, newest first.
func (a *API) ListCases(ctx context.Context, r gen.ListCasesRequestObject) (gen.ListCasesResponseObject, error) {
	page, limit := httpapi.Page(r.Params.Page, r.Params.Limit)
	var state referral.CaseState
	if r.Params.Status != nil {
		state = referral.CaseState(*r.Params.Status)
	}
	cases, total, err := a.referral.Cases(ctx, httpapi.Caller(ctx).Tenant, state, limit, (page-1)*limit)
	if err != nil {
		return nil, err
	}
	return gen.ListCases200JSONResponse{Body: gen.CaseList{Data: views(cases, caseView), Pagination: pagination(page, limit, total)}}, nil
}

// GetCase reads one fraud case.
func (a *API) GetCase(ctx context.Context, r gen.GetCaseRequestObject) (gen.GetCaseResponseObject, error) {
	c, err := a.referral.Case(ctx, httpapi.Caller(ctx).Tenant, r.CaseId)
	if err != nil {
		return nil, err
	}
	return gen.GetCase200JSONResponse{Body: caseDetail(c)}, nil
}

// UpdateCase changes the note of a fraud case.
func (a *API) UpdateCase(ctx context.Context, r gen.UpdateCaseRequestObject) (gen.UpdateCaseResponseObject, error) {
	view := func(c referral.Case) gen.UpdateCaseResponseObject {
		return gen.UpdateCase200JSONResponse{Body: caseDetail(c)}
	}
	return httpapi.Mutate(ctx, view, gen.UpdateCaseResponseObject.VisitUpdateCaseResponse,
		func(t *once.Ticket) (referral.Case, error) {
			return a.referral.NoteCase(ctx, httpapi.Caller(ctx).Tenant, r.CaseId, &r.Body.Note, t)
		})
}

// ApproveCase lets go what a fraud case holds.
func (a *API) ApproveCase(ctx context.Context, r gen.ApproveCaseRequestObject) (gen.ApproveCaseResponseObject, error) {
	view := func(c referral.Case) gen.ApproveCaseResponseObject {
		return gen.ApproveCase200JSONResponse{Body: caseDetail(c)}
	}
	return httpapi.Mutate(ctx, view, gen.ApproveCaseResponseObject.VisitApproveCaseResponse,
		func(t *once.Ticket) (referral.Case, error) {
			return a.referral.Review(ctx, httpapi.Caller(ctx).Tenant, r.CaseId, referral.CaseApproved, noteOf(r.Body), t)
		})
}

// RejectCase takes back what a fraud case holds.
func (a *API) RejectCase(ctx context.Context, r gen.RejectCaseRequestObject) (gen.RejectCaseResponseObject, error) {
	view := func(c referral.Case) gen.RejectCaseResponseObject {
		return gen.RejectCase200JSONResponse{Body: caseDetail(c)}
	}
	return httpapi.Mutate(ctx, view, gen.RejectCaseResponseObject.VisitRejectCaseResponse,
		func(t *once.Ticket) (referral.Case, error) {
			return a.referral.Review(ctx, httpapi.Caller(ctx).Tenant, r.CaseId, referral.CaseRejected, noteOf(r.Body), t)
		})
}

func noteOf(body *gen.ReviewCaseRequest) *string {
	if body == nil {
		return nil
	}
	return body.Note
}

// ApproveReward approves a reward before its time.
func (a *API) ApproveReward(ctx context.Context, r gen.ApproveRewardRequestObject) (gen.ApproveRewardResponseObject, error) {
	view := func(v referral.Reward) gen.ApproveRewardResponseObject {
		return gen.ApproveReward200JSONResponse{Body: earnedReward(v)}
	}
	return httpapi.Mutate(ctx, view, gen.ApproveRewardResponseObject.VisitApproveRewardResponse,
		func(t *once.Ticket) (referral.Reward, error) {
			return a.referral.ApproveReward(ctx, httpapi.Caller(ctx).Tenant, r.RewardId, t)
		})
}

// CancelReward cancels a reward.
func (a *API) CancelReward(ctx context.Context, r gen.CancelRewardRequestObject) (gen.CancelRewardResponseObject, error) {
	view := func(v referral.Reward) gen.CancelRewardResponseObject {
		return gen.CancelReward200JSONResponse{Body: earnedReward(v)}
	}
	return httpapi.Mutate(ctx, view, gen.CancelRewardResponseObject.VisitCancelRewardResponse,
		func(t *once.Ticket) (referral.Reward, error) {
			return a.referral.CancelReward(ctx, httpapi.Caller(ctx).Tenant, r.RewardId, t)
		})
}

// RefundConversion takes back what a conversion granted.
func (a *API) RefundConversion(ctx context.Context, r gen.RefundConversionRequestObject) (gen.RefundConversionResponseObject, error) {
	view := func(v referral.Refund) gen.RefundConversionResponseObject {
		return gen.RefundConversion201JSONResponse{Body: gen.Refund{
			ConversionId: v.PublicID(), Status: gen.ConversionStatus(v.Status), Reason: r.Body.Reason, RefundedAt: wire.Millis(v.RefundedAt),
			Rewards: views(v.Rewards, refundedReward),
		}}
	}
	return httpapi.Mutate(ctx, view, gen.RefundConversionResponseObject.VisitRefundConversionResponse,
		func(t *once.Ticket) (referral.Refund, error) {
			return a.referral.RefundConversion(ctx, httpapi.Caller(ctx).Tenant, r.ConversionId, r.Body.Reason, t)
		})
}

func refundedReward(w referral.Withdrawn) gen.RefundedReward {
	out := gen.RefundedReward{Outcome: gen.RefundedRewardOutcomeCancelled, Reversal: nullable.NewNullNullable[gen.TakenBack](), Reward: earnedReward(w.Reward)}
	if w.Kept {
		out.Outcome = gen.RefundedRewardOutcomeKept
	}
	if v := w.Reversal; v != nil {
		out.Reversal = nullable.NewNullableWithValue(gen.TakenBack{
			Asset: gen.Asset(v.Asset.String()), Amount: v.Amount, FromPending: v.FromPending, FromAvailable: v.Taken, ToDebt: v.Owed, Forgiven: v.Forgiven,
		})
	}
	return out
}

// textOrNull shows a text that may be missing.
func textOrNull(s string) nullable.Nullable[string] {
	if s == "" {
		return nullable.NewNullNullable[string]()
	}
	return nullable.NewNullableWithValue(s)
}

func conversionID(u uuid.UUID) string { return referral.Conversion{ID: u}.PublicID() }
func referralID(u uuid.UUID) string   { return referral.Referral{ID: u}.PublicID() }

func caseView(c referral.Case) gen.Case {
	out := gen.Case{
		Id: c.PublicID(), CampaignId: c.CampaignID, ReferralId: textOrNull(""), ReferralCode: textOrNull(c.Code), ConversionId: textOrNull(""),
		ReferrerId: c.Referrer, RefereeId: textOrNull(c.Referee), Status: gen.CaseStatus(c.State), Score: c.Score, Signals: views(c.Signals, signal),
		Note: c.Note, CreatedAt: wire.Millis(c.CreatedAt), ReviewedAt: maybe(c.ReviewedAt),
	}
	if c.ReferralID != uuid.Nil {
		out.ReferralId = textOrNull(referralID(c.ReferralID))
	}
	if c.ConversionID != uuid.Nil {
		out.ConversionId = textOrNull(conversionID(c.ConversionID))
	}
	return out
}

func signal(s referral.Signal) gen.CaseSignal {
	return gen.CaseSignal{Name: s.Name, Weight: s.Weight, Evidence: s.Evidence}
}

func caseDetail(from referral.Case) gen.CaseDetail {
	c := caseView(from)
	return gen.CaseDetail{
		Id: c.Id, CampaignId: c.CampaignId, ReferralId: c.ReferralId, ReferralCode: c.ReferralCode, ConversionId: c.ConversionId, ReferrerId: c.ReferrerId,
		RefereeId: c.RefereeId, Status: c.Status, Score: c.Score, Signals: c.Signals, Note: c.Note, CreatedAt: c.CreatedAt, ReviewedAt: c.ReviewedAt,
		Rewards: views(from.Rewards, earnedReward),
	}
}

func earnedReward(r referral.Reward) gen.EarnedReward {
	return gen.EarnedReward{
		Id: r.PublicID(), CampaignId: r.CampaignID, MemberId: r.Member, Role: gen.RewardRole(r.Role), ReferralId: referralID(r.ReferralID),
		ConversionId: conversionID(r.ConversionID), RuleVersion: r.Version, Status: gen.RewardStatus(r.Status),
		FulfillmentType: gen.FulfillmentType(r.Fulfilment), Amount: wire.Money(r.ValueMinor), Asset: gen.Asset(r.Asset.String()), Units: r.Units,
		CodePoolId: textOrNull(r.PoolID), HeldUntil: maybe(r.HeldUntil), ClaimedAt: maybe(r.ClaimedAt), RedeemedAt: maybe(r.RedeemedAt),
		CreatedAt: wire.Millis(r.CreatedAt), UpdatedAt: wire.Millis(r.UpdatedAt),
	}
}
