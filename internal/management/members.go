package management

import (
	"context"

	gen "github.com/incent-dev/incent/gen/management"
	"github.com/incent-dev/incent/internal/httpapi"
	"github.com/incent-dev/incent/internal/ledger"
	"github.com/incent-dev/incent/internal/once"
	"github.com/incent-dev/incent/internal/tenant"
	"github.com/incent-dev/incent/internal/wire"
)

// ListMembers lists members, newest first.
func (a *API) ListMembers(ctx context.Context, r gen.ListMembersRequestObject) (gen.ListMembersResponseObject, error) {
	page, limit := httpapi.Page(r.Params.Page, r.Params.Limit)
	members, total, err := a.registry.Members(ctx, httpapi.Caller(ctx).Tenant, limit, (page-1)*limit)
	if err != nil {
		return nil, err
	}
	return gen.ListMembers200JSONResponse{Body: gen.MemberList{Data: views(members, member), Pagination: pagination(page, limit, total)}}, nil
}

// CreateMember makes a member.
func (a *API) CreateMember(ctx context.Context, r gen.CreateMemberRequestObject) (gen.CreateMemberResponseObject, error) {
	view := func(m tenant.Member) gen.CreateMemberResponseObject {
		return gen.CreateMember201JSONResponse{Body: member(m)}
	}
	return httpapi.Mutate(ctx, view, gen.CreateMemberResponseObject.VisitCreateMemberResponse,
		func(t *once.Ticket) (tenant.Member, error) {
			return a.registry.CreateMember(ctx, httpapi.Caller(ctx).Tenant,
				tenant.Member{ID: r.Body.Id, Name: orNil(r.Body.Name), Email: orNil(r.Body.Email), TimeZone: orNil(r.Body.TimeZone)}, t)
		})
}

// GetMember reads a member and what they hold.
func (a *API) GetMember(ctx context.Context, r gen.GetMemberRequestObject) (gen.GetMemberResponseObject, error) {
	m, err := a.registry.Member(ctx, httpapi.Caller(ctx).Tenant, r.MemberId)
	if err != nil {
		return nil, err
	}
	out := gen.MemberDetail{
		Id: m.ID, Name: orNull(m.Name), Email: orNull(m.Email), TimeZone: orNull(m.TimeZone),
		CreatedAt: wire.Millis(m.CreatedAt), UpdatedAt: wire.Millis(m.UpdatedAt), ErasedAt: maybe(m.ErasedAt),
	}
	for asset, balance := range map[ledger.Asset]*gen.Balance{
		ledger.Points: &out.Balances.Points, ledger.Tokens: &out.Balances.Tokens, ledger.XP: &out.Balances.Xp,
	} {
		h, err := a.ledger.Balance(ctx, httpapi.Caller(ctx).Tenant, r.MemberId, asset)
		if err != nil {
			return nil, err
		}
		*balance = gen.Balance{Balance: h.Spendable(), Pending: h.Pending, Debt: h.Debt, LifetimeEarned: h.Earned, LifetimeRedeemed: h.Redeemed}
	}
	return gen.GetMember200JSONResponse{Body: out}, nil
}

// UpdateMember changes a member's profile.
func (a *API) UpdateMember(ctx context.Context, r gen.UpdateMemberRequestObject) (gen.UpdateMemberResponseObject, error) {
	view := func(m tenant.Member) gen.UpdateMemberResponseObject {
		return gen.UpdateMember200JSONResponse{Body: member(m)}
	}
	change := func(m *tenant.Member) {
		set(&m.Name, r.Body.Name)
		set(&m.Email, r.Body.Email)
		set(&m.TimeZone, r.Body.TimeZone)
	}
	return httpapi.Mutate(ctx, view, gen.UpdateMemberResponseObject.VisitUpdateMemberResponse,
		func(t *once.Ticket) (tenant.Member, error) {
			return a.registry.UpdateMember(ctx, httpapi.Caller(ctx).Tenant, r.MemberId, change, t)
		})
}

func member(m tenant.Member) gen.Member {
	return gen.Member{
		Id: m.ID, Name: orNull(m.Name), Email: orNull(m.Email), TimeZone: orNull(m.TimeZone),
		CreatedAt: wire.Millis(m.CreatedAt), UpdatedAt: wire.Millis(m.UpdatedAt), ErasedAt: maybe(m.ErasedAt),
	}
}
