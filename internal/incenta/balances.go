package incenta

import (
	"context"

	gen "github.com/incent-dev/incent/gen/incenta"
	"github.com/incent-dev/incent/internal/httpapi"
	"github.com/incent-dev/incent/internal/ledger"
)

// ListBalances lists what all members have, in the order in which they joined.
func (a *API) ListBalances(ctx context.Context, r gen.ListBalancesRequestObject) (gen.ListBalancesResponseObject, error) {
	page, limit := httpapi.Page(r.Params.Page, r.Params.Limit)
	everybody, total, err := a.ledger.Everybody(ctx, httpapi.Caller(ctx).Tenant, limit, (page-1)*limit)
	if err != nil {
		return nil, err
	}
	balances, err := a.balances(ctx, everybody)
	if err != nil {
		return nil, err
	}
	return gen.ListBalances200JSONResponse{Body: gen.BalancePage{Data: balances, Pagination: pagination(page, limit, total)}}, nil
}

// GetBalance reads what one member has.
func (a *API) GetBalance(ctx context.Context, r gen.GetBalanceRequestObject) (gen.GetBalanceResponseObject, error) {
	all, err := a.ledger.Everything(ctx, httpapi.Caller(ctx).Tenant, r.UserId)
	if err != nil {
		return nil, err
	}
	balances, err := a.balances(ctx, []ledger.Everything{all})
	if err != nil {
		return nil, err
	}
	return gen.GetBalance200JSONResponse{Body: balances[0]}, nil
}

func (a *API) balances(ctx context.Context, of []ledger.Everything) ([]gen.Balance, error) {
	members := make([]string, len(of))
	for i, e := range of {
		members[i] = e.Member
	}
	levels, err := a.incentive.MemberLevels(ctx, httpapi.Caller(ctx).Tenant, members)
	if err != nil {
		return nil, err
	}
	list := make([]gen.Balance, len(of))
	for i, e := range of {
		list[i] = gen.Balance{
			UserId: e.Member, Coins: e.Points.Spendable(), Tokens: e.Tokens.Spendable(), Xp: e.XP.Spendable(), Level: levels[e.Member],
			PendingCoins: e.Points.Pending, PendingTokens: e.Tokens.Pending,
		}
	}
	return list, nil
}
