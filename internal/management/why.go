package management

import (
	"context"
	"encoding/json"

	"github.com/oapi-codegen/nullable"

	gen "github.com/incent-dev/incent/gen/management"
	"github.com/incent-dev/incent/internal/httpapi"
	"github.com/incent-dev/incent/internal/ledger"
	"github.com/incent-dev/incent/internal/referral"
	"github.com/incent-dev/incent/internal/wire"
)

// ExplainTransfer tells why points moved.
func (a *API) ExplainTransfer(ctx context.Context, r gen.ExplainTransferRequestObject) (gen.ExplainTransferResponseObject, error) {
	w, err := a.referral.WhyTransfer(ctx, httpapi.Caller(ctx).Tenant, r.TransferId)
	if err != nil {
		return nil, err
	}
	return gen.ExplainTransfer200JSONResponse{Body: why(w)}, nil
}

// ExplainReward tells why a reward was earned.
func (a *API) ExplainReward(ctx context.Context, r gen.ExplainRewardRequestObject) (gen.ExplainRewardResponseObject, error) {
	w, err := a.referral.WhyReward(ctx, httpapi.Caller(ctx).Tenant, r.RewardId)
	if err != nil {
		return nil, err
	}
	return gen.ExplainReward200JSONResponse{Body: why(w)}, nil
}

// shownIf shows a part that may be missing.
func shownIf[T any, V any](part *T, view func(T) V) nullable.Nullable[V] {
	if part == nil {
		return nullable.NewNullNullable[V]()
	}
	return nullable.NewNullableWithValue(view(*part))
}

func why(w referral.Why) gen.Why {
	out := gen.Why{Transfer: shownIf(w.Transfer, whyTransfer), OrderId: textOrNull(w.OrderID), Cases: []gen.Case{}}
	s := w.Story
	if s == nil {
		s = &referral.Story{}
	} else {
		out.Cases = views(s.Cases, caseView)
	}
	told := w.Story != nil
	out.Reward = shownIf(partIf(told, s.Reward), earnedReward)
	out.Rule = shownIf(partIf(told, s.Version), whyRule)
	out.Conversion = shownIf(partIf(told, *s), whyConversion)
	out.Click = shownIf(s.Click, whyClick)
	out.Referral = shownIf(partIf(told, s.Referral), whyReferral)
	return out
}

func partIf[T any](there bool, part T) *T {
	if !there {
		return nil
	}
	return &part
}

func whyRule(v referral.Version) gen.CampaignVersion {
	return gen.CampaignVersion{Version: v.Number, Rule: rule(v.Rule), CreatedAt: wire.Millis(v.CreatedAt)}
}

func whyTransfer(e ledger.Explanation) gen.WhyTransfer {
	t := e.Transfer
	return gen.WhyTransfer{
		Id: t.ID(), MemberId: e.Member, Asset: gen.Asset(t.Asset.String()), Kind: gen.WhyTransferKind(t.Kind.String()), From: gen.WhyTransferFrom(t.From.String()),
		To: gen.WhyTransferTo(t.To.String()), Amount: t.Amount, Reason: t.Memo.Reason, CreatedAt: wire.Millis(t.EffectedAt), Lots: views(e.Lots, whyLot),
		Undone: shownIf(e.Undone, whyUndone),
	}
}

func whyLot(l ledger.LotEntry) gen.WhyLot {
	return gen.WhyLot{ExpiresAt: wire.Millis(l.ExpiresAt), Amount: l.Amount}
}

func whyUndone(u ledger.Undone) gen.WhyUndone {
	return gen.WhyUndone{Taken: u.Taken, ToDebt: u.Owed, Forgiven: u.Forgiven, At: wire.Millis(u.At)}
}

func whyConversion(s referral.Story) gen.WhyConversion {
	c := s.Conversion
	return gen.WhyConversion{
		Id: c.PublicID(), ReferrerId: c.Referrer, RefereeId: c.Referee, Amount: shownIf(c.AmountMinor, minor), RewardAmount: wire.Money(c.RewardMinor),
		RewardUnits: c.RewardUnits, Status: gen.ConversionStatus(c.Status), Reason: textOrNull(c.Reason), RiskScore: orNull(c.Review.Score),
		Warning: textOrNull(c.Review.Warning), Reasons: views(c.Review.Reasons, same[string]), Metadata: shownIf(partIf(len(c.Metadata) > 0, c.Metadata), same[json.RawMessage]),
		CreatedAt: wire.Millis(c.CreatedAt), RefundedAt: maybe(s.RefundedAt),
	}
}

func minor(amount int64) wire.Money { return wire.Money(amount) }

func whyClick(c referral.FollowedClick) gen.WhyClick {
	return gen.WhyClick{Id: c.PublicID(), Counted: c.Counted, CreatedAt: wire.Millis(c.At)}
}

func whyReferral(r referral.Referral) gen.WhyReferral {
	return gen.WhyReferral{
		Id: r.PublicID(), CampaignId: r.CampaignID, Code: r.Code, ReferrerId: r.Referrer, RefereeId: textOrNull(r.Referee),
		Status: gen.WhyReferralStatus(r.Status), RiskScore: orNull(r.Review.Score), Warning: textOrNull(r.Review.Warning),
		Reasons: views(r.Review.Reasons, same[string]), Clicks: r.Clicks, Conversions: r.Conversions, CreatedAt: wire.Millis(r.CreatedAt),
		CompletedAt: maybe(r.CompletedAt),
	}
}
