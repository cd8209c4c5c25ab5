package incenta

import (
	"context"
	"time"

	"github.com/oapi-codegen/nullable"

	gen "github.com/incent-dev/incent/gen/incenta"
	"github.com/incent-dev/incent/internal/httpapi"
	"github.com/incent-dev/incent/internal/ledger"
	"github.com/incent-dev/incent/internal/once"
	"github.com/incent-dev/incent/internal/referral"
	"github.com/incent-dev/incent/internal/wire"
)

// ListRewards lists rewards, newest first.
func (a *API) ListRewards(ctx context.Context, r gen.ListRewardsRequestObject) (gen.ListRewardsResponseObject, error) {
	page, limit := httpapi.Page(r.Params.Page, r.Params.Limit)
	filter := referral.RewardFilter{Limit: limit, Skip: (page - 1) * limit}
	if r.Params.UserId != nil {
		filter.Member = *r.Params.UserId
	}
	if r.Params.Status != nil {
		filter.Status = referral.RewardStatus(*r.Params.Status)
	}
	if r.Params.FulfillmentType != nil {
		filter.Fulfilment = referral.Fulfilment(*r.Params.FulfillmentType)
	}
	rewards, total, err := a.referral.Rewards(ctx, httpapi.Caller(ctx).Tenant, filter)
	if err != nil {
		return nil, err
	}
	answer := gen.RewardPage{Data: rewardList(rewards), Pagination: gen.Pagination{
		Page: int32(page), Limit: int32(limit), Total: total, TotalPages: (total + int64(limit) - 1) / int64(limit),
	}}
	return gen.ListRewards200JSONResponse{Body: answer}, nil
}

// ListUserRewards lists a member's rewards, newest first.
func (a *API) ListUserRewards(ctx context.Context, r gen.ListUserRewardsRequestObject) (gen.ListUserRewardsResponseObject, error) {
	page, limit := httpapi.Page(r.Params.Page, r.Params.Limit)
	if r.Params.Limit == nil {
		limit = wholeList
	}
	filter := referral.RewardFilter{Member: r.UserId, Limit: limit, Skip: (page - 1) * limit}
	if r.Params.Status != nil {
		filter.Status = referral.RewardStatus(*r.Params.Status)
	}
	rewards, _, err := a.referral.Rewards(ctx, httpapi.Caller(ctx).Tenant, filter)
	if err != nil {
		return nil, err
	}
	return gen.ListUserRewards200JSONResponse{Body: rewardList(rewards)}, nil
}

// wholeList is the length of a page of what is answered as a bare array.
const wholeList = 100

// GetReward reads one reward.
func (a *API) GetReward(ctx context.Context, r gen.GetRewardRequestObject) (gen.GetRewardResponseObject, error) {
	found, err := a.referral.Reward(ctx, httpapi.Caller(ctx).Tenant, r.RewardId)
	if err != nil {
		return nil, err
	}
	return gen.GetReward200JSONResponse{Body: reward(found)}, nil
}

// ClaimReward hands a reward out.
func (a *API) ClaimReward(ctx context.Context, r gen.ClaimRewardRequestObject) (gen.ClaimRewardResponseObject, error) {
	view := func(v referral.Reward) gen.ClaimRewardResponseObject {
		return gen.ClaimReward200JSONResponse{Body: rewardAnswer(v)}
	}
	return httpapi.Mutate(ctx, view, gen.ClaimRewardResponseObject.VisitClaimRewardResponse,
		func(t *once.Ticket) (referral.Reward, error) {
			return a.referral.Claim(ctx, httpapi.Caller(ctx).Tenant, r.RewardId, t)
		})
}

// ValidateCode tells what a code is worth.
func (a *API) ValidateCode(ctx context.Context, r gen.ValidateCodeRequestObject) (gen.ValidateCodeResponseObject, error) {
	found, reason, err := a.referral.ValidateCode(ctx, httpapi.Caller(ctx).Tenant, r.Params.Code)
	if err != nil {
		return nil, err
	}
	answer := gen.CodeValidation{Code: r.Params.Code, Valid: reason == ""}
	if reason != "" {
		why := gen.CodeReason(reason)
		answer.Reason = &why
	}
	if reason != referral.CodeUnknown {
		shown := reward(found)
		answer.Reward = &shown
	}
	return gen.ValidateCode200JSONResponse{Body: answer}, nil
}

// RedeemReward marks a reward as used.
func (a *API) RedeemReward(ctx context.Context, r gen.RedeemRewardRequestObject) (gen.RedeemRewardResponseObject, error) {
	view := func(v referral.Reward) gen.RedeemRewardResponseObject {
		return gen.RedeemReward200JSONResponse{Body: rewardAnswer(v)}
	}
	return httpapi.Mutate(ctx, view, gen.RedeemRewardResponseObject.VisitRedeemRewardResponse,
		func(t *once.Ticket) (referral.Reward, error) {
			return a.referral.Redeem(ctx, httpapi.Caller(ctx).Tenant, referral.Redemption{Code: r.Body.Code, RewardID: r.Body.RewardId}, t)
		})
}

func rewardList(rewards []referral.Reward) []gen.Reward {
	list := make([]gen.Reward, len(rewards))
	for i, r := range rewards {
		list[i] = reward(r)
	}
	return list
}

func reward(r referral.Reward) gen.Reward {
	out := gen.Reward{
		Id: r.PublicID(), RewardId: r.PublicID(), CampaignId: r.CampaignID, UserId: r.Member, Role: gen.RewardRole(r.Role),
		ReferralId: referral.Referral{ID: r.ReferralID}.PublicID(), ConversionId: referral.Conversion{ID: r.ConversionID}.PublicID(),
		Status: gen.RewardStatus(r.Status), FulfillmentType: gen.FulfillmentType(r.Fulfilment), Amount: wire.Money(r.ValueMinor),
		DiscountCode: nullable.NewNullNullable[string](), CouponCode: nullable.NewNullNullable[string](),
		HeldUntil: instantOrNull(r.HeldUntil), ExpiresAt: instantOrNull(time.Time{}), ClaimedAt: instantOrNull(r.ClaimedAt),
		RedeemedAt: instantOrNull(r.RedeemedAt), CreatedAt: wire.Millis(r.CreatedAt), UpdatedAt: wire.Millis(r.UpdatedAt),
	}
	if r.Asset == ledger.Points {
		out.Coins = r.Units
	}
	switch {
	case r.Code == "":
	case r.Fulfilment == referral.CouponCode:
		out.CouponCode = nullable.NewNullableWithValue(r.Code)
	default:
		out.DiscountCode = nullable.NewNullableWithValue(r.Code)
	}
	return out
}

// rewardAnswer is the reward under success, side by side as the documents have it.
func rewardAnswer(from referral.Reward) gen.RewardAnswer {
	r := reward(from)
	return gen.RewardAnswer{
		Success: true, Id: r.Id, RewardId: r.RewardId, CampaignId: r.CampaignId, UserId: r.UserId, Role: r.Role, ReferralId: r.ReferralId,
		ConversionId: r.ConversionId, Status: r.Status, FulfillmentType: r.FulfillmentType, Amount: r.Amount, Coins: r.Coins,
		DiscountCode: r.DiscountCode, CouponCode: r.CouponCode, HeldUntil: r.HeldUntil, ExpiresAt: r.ExpiresAt, ClaimedAt: r.ClaimedAt,
		RedeemedAt: r.RedeemedAt, CreatedAt: r.CreatedAt, UpdatedAt: r.UpdatedAt,
	}
}

// instantOrNull shows an instant that may be missing: the zero time is null.
func instantOrNull(t time.Time) nullable.Nullable[wire.Millis] {
	if t.IsZero() {
		return nullable.NewNullNullable[wire.Millis]()
	}
	return nullable.NewNullableWithValue(wire.Millis(t))
}
