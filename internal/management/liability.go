package management

import (
	"context"
	"time"

	gen "github.com/incent-dev/incent/gen/management"
	"github.com/incent-dev/incent/internal/fault"
	"github.com/incent-dev/incent/internal/httpapi"
	"github.com/incent-dev/incent/internal/ledger"
	"github.com/incent-dev/incent/internal/wire"
)

// GetLiability reads what the programme owes.
func (a *API) GetLiability(ctx context.Context, r gen.GetLiabilityRequestObject) (gen.GetLiabilityResponseObject, error) {
	at, err := instant("at", r.Params.At)
	if err != nil {
		return nil, err
	}
	l, err := a.ledger.Liability(ctx, httpapi.Caller(ctx).Tenant, at)
	if err != nil {
		return nil, err
	}
	out := gen.Liability{At: wire.Millis(l.At), Balanced: l.Balanced}
	out.Assets.Points = assetLiability(l.Assets[ledger.Points])
	out.Assets.Tokens = assetLiability(l.Assets[ledger.Tokens])
	out.Assets.Xp = assetLiability(l.Assets[ledger.XP])
	return gen.GetLiability200JSONResponse{Body: out}, nil
}

// instant reads an optional parameter; the zero time is none.
func instant(name string, text *string) (time.Time, error) {
	if text == nil {
		return time.Time{}, nil
	}
	at, err := time.Parse(time.RFC3339Nano, *text)
	if err != nil || at.UTC().Year() < 1 || at.IsZero() {
		return time.Time{}, fault.Field(name, "must be an RFC 3339 instant such as 2026-06-30T23:59:59Z")
	}
	return at.UTC(), nil
}

func assetLiability(l ledger.AssetLiability) gen.AssetLiability {
	return gen.AssetLiability{
		Outstanding: l.Outstanding, Pending: l.Pending, Debt: l.Debt, Issued: l.Issued, Redeemed: l.Redeemed, Expired: l.Expired, Adjusted: l.Adjusted,
		Ageing: views(l.Ageing, ageingBucket), Balanced: l.Balanced,
	}
}

func ageingBucket(b ledger.AgeingBucket) gen.AgeingBucket {
	return gen.AgeingBucket{ExpiresAt: maybe(b.ExpiresAt), Amount: b.Amount}
}
