package incenta

import (
	"context"
	"time"

	gen "github.com/incent-dev/incent/gen/incenta"
	"github.com/incent-dev/incent/internal/httpapi"
	"github.com/incent-dev/incent/internal/ledger"
	"github.com/incent-dev/incent/internal/once"
	"github.com/incent-dev/incent/internal/store"
	"github.com/incent-dev/incent/internal/wire"
)

// VerifyMarketplace lists what a member can afford, or all that is on offer.
func (a *API) VerifyMarketplace(ctx context.Context, r gen.VerifyMarketplaceRequestObject) (gen.VerifyMarketplaceResponseObject, error) {
	page, limit := httpapi.Page(r.Params.Page, r.Params.Limit)
	if r.Params.Limit == nil {
		limit = wholeList
	}
	filter := store.MarketFilter{Member: r.UserId, All: r.Params.All != nil && *r.Params.All, Limit: limit, Skip: (page - 1) * limit}
	list, err := a.store.Market(ctx, a.ledger, httpapi.Caller(ctx).Tenant, filter)
	if err != nil {
		return nil, err
	}
	answer := make([]gen.Listing, len(list))
	for i, o := range list {
		answer[i] = listing(o)
	}
	return gen.VerifyMarketplace200JSONResponse{Body: answer}, nil
}

func listing(o store.OnOffer) gen.Listing {
	out := gen.Listing{
		Id: o.ID, ListingId: o.ID, Title: o.Name, Description: textOrNull(o.Description), Category: textOrNull(o.Category), ImageUrl: orNull(o.ImageURL),
		Partner: partner(o.Partner), CoinPrice: orNull(o.PointsCost), TokenPrice: orNull(o.TokensCost), Stock: orNull(o.Available),
		Affordable: o.Affordable,
	}
	if !o.Affordable {
		out.Shortfall = &gen.Shortfall{Coins: orNull(o.MissingPoints), Tokens: orNull(o.MissingTokens)}
	}
	return out
}

func partner(p store.Partner) gen.Partner {
	return gen.Partner{Id: p.ID, Name: p.Name, Verified: p.Verified()}
}

// RedeemListing buys at a partner.
func (a *API) RedeemListing(ctx context.Context, r gen.RedeemListingRequestObject) (gen.RedeemListingResponseObject, error) {
	wanted := store.Redemption{Member: r.Body.UserId, ItemID: r.Body.ListingId, Listing: true, Quantity: 1, Everything: true, Words: orderWords}
	if r.Body.Currency != nil {
		wanted.Asset = assets[*r.Body.Currency]
	}
	return httpapi.Mutate(ctx, listingRedeemed, gen.RedeemListingResponseObject.VisitRedeemListingResponse,
		func(t *once.Ticket) (store.Redeemed, error) {
			return a.store.Redeem(ctx, httpapi.Caller(ctx).Tenant, wanted, t)
		})
}

func listingRedeemed(v store.Redeemed) gen.RedeemListingResponseObject {
	o := v.Order
	body := gen.ListingRedemption{
		Success: true, Id: o.PublicID(), RedemptionId: o.PublicID(), ListingId: o.ItemID, UserId: o.Member, Title: o.ItemName,
		Partner: partner(v.Partner), Currency: gen.CurrencyCOINS, Cost: o.Spent, DiscountCode: o.Codes[0], ExpiresAt: instantOrNull(time.Time{}),
		Balances:  gen.Balances{Coins: v.Everything.Points.Spendable(), Tokens: v.Everything.Tokens.Spendable(), Xp: v.Everything.XP.Spendable()},
		CreatedAt: wire.Millis(o.CreatedAt),
	}
	if o.Asset == ledger.Tokens {
		body.Currency = gen.CurrencyTOKENS
	}
	return gen.RedeemListing201JSONResponse{Body: body}
}
