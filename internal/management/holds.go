package management

import (
	"context"
	"time"

	gen "github.com/incent-dev/incent/gen/management"
	"github.com/incent-dev/incent/internal/fault"
	"github.com/incent-dev/incent/internal/httpapi"
	"github.com/incent-dev/incent/internal/ledger"
	"github.com/incent-dev/incent/internal/once"
	"github.com/incent-dev/incent/internal/wire"
)

// ListHolds lists holds, newest first.
func (a *API) ListHolds(ctx context.Context, r gen.ListHoldsRequestObject) (gen.ListHoldsResponseObject, error) {
	page, limit := httpapi.Page(r.Params.Page, r.Params.Limit)
	filter := ledger.HoldFilter{Limit: limit, Skip: (page - 1) * limit}
	assign(&filter.Member, r.Params.MemberId, same)
	assign(&filter.State, r.Params.Status, holdState)
	holds, total, err := a.ledger.Holds(ctx, httpapi.Caller(ctx).Tenant, filter)
	if err != nil {
		return nil, err
	}
	return gen.ListHolds200JSONResponse{Body: gen.HoldList{Data: views(holds, hold), Pagination: pagination(page, limit, total)}}, nil
}

// CreateHold gives something on hold.
func (a *API) CreateHold(ctx context.Context, r gen.CreateHoldRequestObject) (gen.CreateHoldResponseObject, error) {
	matures, err := maturity(orNil(r.Body.MaturesAt))
	if err != nil {
		return nil, err
	}
	view := func(h ledger.Hold) gen.CreateHoldResponseObject {
		return gen.CreateHold201JSONResponse{Body: hold(h)}
	}
	return httpapi.Mutate(ctx, view, gen.CreateHoldResponseObject.VisitCreateHoldResponse,
		func(t *once.Ticket) (ledger.Hold, error) {
			return a.ledger.OpenHold(ctx, httpapi.Caller(ctx).Tenant, ledger.Command{
				Member: r.Body.MemberId, Asset: asset(r.Body.Asset), Amount: r.Body.Amount, MaturesAt: matures, Memo: ledger.Memo{Reason: r.Body.Reason},
			}, t)
		})
}

// maturity keeps the one past instant that the ledger would take for none.
func maturity(given *wire.Millis) (time.Time, error) {
	if given == nil {
		return time.Time{}, nil
	}
	if given.Time().IsZero() {
		return time.Time{}, fault.Field("maturesAt", "must be in the future")
	}
	return given.Time(), nil
}

// GetHold reads one hold.
func (a *API) GetHold(ctx context.Context, r gen.GetHoldRequestObject) (gen.GetHoldResponseObject, error) {
	h, err := a.ledger.Hold(ctx, httpapi.Caller(ctx).Tenant, r.HoldId)
	if err != nil {
		return nil, err
	}
	return gen.GetHold200JSONResponse{Body: hold(h)}, nil
}

// ReleaseHold makes a hold available.
func (a *API) ReleaseHold(ctx context.Context, r gen.ReleaseHoldRequestObject) (gen.ReleaseHoldResponseObject, error) {
	view := func(h ledger.Hold) gen.ReleaseHoldResponseObject {
		return gen.ReleaseHold200JSONResponse{Body: hold(h)}
	}
	return httpapi.Mutate(ctx, view, gen.ReleaseHoldResponseObject.VisitReleaseHoldResponse,
		func(t *once.Ticket) (ledger.Hold, error) {
			return a.ledger.DecideHold(ctx, httpapi.Caller(ctx).Tenant, r.HoldId, ledger.Matured, t)
		})
}

// CancelHold takes a hold back.
func (a *API) CancelHold(ctx context.Context, r gen.CancelHoldRequestObject) (gen.CancelHoldResponseObject, error) {
	view := func(h ledger.Hold) gen.CancelHoldResponseObject {
		return gen.CancelHold200JSONResponse{Body: hold(h)}
	}
	return httpapi.Mutate(ctx, view, gen.CancelHoldResponseObject.VisitCancelHoldResponse,
		func(t *once.Ticket) (ledger.Hold, error) {
			return a.ledger.DecideHold(ctx, httpapi.Caller(ctx).Tenant, r.HoldId, ledger.Cancelled, t)
		})
}

// ReverseTransfer claws an award back.
func (a *API) ReverseTransfer(ctx context.Context, r gen.ReverseTransferRequestObject) (gen.ReverseTransferResponseObject, error) {
	view := func(v ledger.Reversal) gen.ReverseTransferResponseObject {
		return gen.ReverseTransfer201JSONResponse{Body: gen.Reversal{
			TransferId: r.TransferId, MemberId: v.Member, Asset: gen.Asset(v.Asset.String()), Amount: v.Amount, FromPending: v.FromPending,
			FromAvailable: v.Taken, ToDebt: v.Owed, Forgiven: v.Forgiven, NewBalance: v.Holding.Spendable(), Reason: r.Body.Reason, CreatedAt: wire.Millis(v.At),
		}}
	}
	return httpapi.Mutate(ctx, view, gen.ReverseTransferResponseObject.VisitReverseTransferResponse,
		func(t *once.Ticket) (ledger.Reversal, error) {
			return a.ledger.Reverse(ctx, httpapi.Caller(ctx).Tenant, r.TransferId, ledger.Memo{Reason: r.Body.Reason}, t)
		})
}

// asset finds the ledger's asset; the contract has checked the name.
func asset(name gen.Asset) ledger.Asset {
	for _, a := range ledger.Assets {
		if a.String() == string(name) {
			return a
		}
	}
	return 0
}

// holdStatuses are this facade's words for the ledger's.
var holdStatuses = map[ledger.HoldState]gen.HoldStatus{
	ledger.Held: gen.HoldStatusPending, ledger.Matured: gen.HoldStatusReleased, ledger.Cancelled: gen.HoldStatusCancelled,
}

func holdState(status gen.HoldStatus) ledger.HoldState {
	for state, word := range holdStatuses {
		if word == status {
			return state
		}
	}
	return ""
}

func hold(h ledger.Hold) gen.Hold {
	return gen.Hold{
		Id: h.PublicID(), MemberId: h.Member, Asset: gen.Asset(h.Asset.String()), Amount: h.Amount, Reason: h.Memo.Reason, Status: holdStatuses[h.State],
		MaturesAt: maybe(h.MaturesAt), CreatedAt: wire.Millis(h.CreatedAt), SettledAt: maybe(h.ClosedAt),
	}
}
