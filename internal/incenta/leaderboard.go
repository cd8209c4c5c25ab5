package incenta

import (
	"context"

	"github.com/oapi-codegen/nullable"

	gen "github.com/incent-dev/incent/gen/incenta"
	"github.com/incent-dev/incent/internal/httpapi"
	"github.com/incent-dev/incent/internal/leaderboard"
	"github.com/incent-dev/incent/internal/once"
	"github.com/incent-dev/incent/internal/wire"
)

// periods are the boards' periods on the wire; the zero one is none.
var periods = map[leaderboard.Period]gen.Period{
	leaderboard.Daily: gen.PeriodDAILY, leaderboard.Weekly: gen.PeriodWEEKLY,
	leaderboard.Monthly: gen.PeriodMONTHLY, leaderboard.AllTime: gen.PeriodALLTIME,
}

func period(name *gen.Period) leaderboard.Period {
	for p, n := range periods {
		if name != nil && n == *name {
			return p
		}
	}
	return 0
}

// GetLeaderboard lists places, best first.
func (a *API) GetLeaderboard(ctx context.Context, r gen.GetLeaderboardRequestObject) (gen.GetLeaderboardResponseObject, error) {
	page, limit := httpapi.Page(r.Params.Page, r.Params.Limit)
	at, err := httpapi.Instant("at", r.Params.At)
	if err != nil {
		return nil, err
	}
	choice := leaderboard.Choice{Period: period(r.Params.Period), At: at, SnapshotID: orEmpty(r.Params.SnapshotId)}
	list, err := a.boards.Top(ctx, httpapi.Caller(ctx).Tenant, choice, limit, (page-1)*limit)
	if err != nil {
		return nil, err
	}
	return gen.GetLeaderboard200JSONResponse{Body: entries(list)}, nil
}

// GetStanding reads where one member stands.
func (a *API) GetStanding(ctx context.Context, r gen.GetStandingRequestObject) (gen.GetStandingResponseObject, error) {
	at, err := httpapi.Instant("at", r.Params.At)
	if err != nil {
		return nil, err
	}
	around := 0
	if r.Params.Around != nil {
		around = int(*r.Params.Around)
	}
	s, err := a.boards.Standing(ctx, httpapi.Caller(ctx).Tenant, r.UserId, leaderboard.Choice{Period: period(r.Params.Period), At: at}, around)
	if err != nil {
		return nil, err
	}
	out := gen.Standing{UserId: s.Member, Xp: s.XP, Coins: s.Coins, Rank: nullable.NewNullNullable[int64]()}
	if s.Rank > 0 {
		out.Rank = nullable.NewNullableWithValue(s.Rank)
	}
	if around > 0 {
		neighbours := entries(s.Neighbours)
		out.Neighbours = &neighbours
	}
	return gen.GetStanding200JSONResponse{Body: out}, nil
}

// CreateLeaderboard takes a snapshot or defines the board of a period.
func (a *API) CreateLeaderboard(ctx context.Context, r gen.CreateLeaderboardRequestObject) (gen.CreateLeaderboardResponseObject, error) {
	var n leaderboard.NewBoard
	if r.Body != nil {
		n = leaderboard.NewBoard{Name: orEmpty(r.Body.Name), Period: period(r.Body.Period)}
	}
	view := func(m leaderboard.Made) gen.CreateLeaderboardResponseObject {
		if m.New {
			return gen.CreateLeaderboard201JSONResponse{Body: board(m.Board)}
		}
		return gen.CreateLeaderboard200JSONResponse{Body: board(m.Board)}
	}
	return httpapi.Mutate(ctx, view, gen.CreateLeaderboardResponseObject.VisitCreateLeaderboardResponse,
		func(t *once.Ticket) (leaderboard.Made, error) {
			return a.boards.Create(ctx, httpapi.Caller(ctx).Tenant, n, t)
		})
}

// RefreshLeaderboard sets the boards right from the ledger.
func (a *API) RefreshLeaderboard(ctx context.Context, _ gen.RefreshLeaderboardRequestObject) (gen.RefreshLeaderboardResponseObject, error) {
	view := func(v leaderboard.Refreshed) gen.RefreshLeaderboardResponseObject {
		return gen.RefreshLeaderboard200JSONResponse{Body: gen.LeaderboardRefreshed{Success: true, Members: v.Members, RefreshedAt: wire.Millis(v.At)}}
	}
	return httpapi.Mutate(ctx, view, gen.RefreshLeaderboardResponseObject.VisitRefreshLeaderboardResponse,
		func(t *once.Ticket) (leaderboard.Refreshed, error) {
			return a.boards.Refresh(ctx, httpapi.Caller(ctx).Tenant, t)
		})
}

// ListLeaderboards lists period boards and snapshots, newest first.
func (a *API) ListLeaderboards(ctx context.Context, r gen.ListLeaderboardsRequestObject) (gen.ListLeaderboardsResponseObject, error) {
	page, limit := httpapi.Page(r.Params.Page, r.Params.Limit)
	boards, total, err := a.boards.List(ctx, httpapi.Caller(ctx).Tenant, limit, (page-1)*limit)
	if err != nil {
		return nil, err
	}
	data := make([]gen.Leaderboard, len(boards))
	for i, b := range boards {
		data[i] = board(b)
	}
	return gen.ListLeaderboards200JSONResponse{Body: gen.LeaderboardPage{Data: data, Pagination: gen.Pagination{
		Page: int32(page), Limit: int32(limit), Total: total, TotalPages: (total + int64(limit) - 1) / int64(limit),
	}}}, nil
}

func entries(list []leaderboard.Entry) []gen.LeaderboardEntry {
	out := make([]gen.LeaderboardEntry, len(list))
	for i, e := range list {
		out[i] = gen.LeaderboardEntry{Rank: e.Rank, UserId: e.Member, Xp: e.XP, Coins: e.Coins}
	}
	return out
}

func board(b leaderboard.Board) gen.Leaderboard {
	kind := gen.LeaderboardKindPERIOD
	if b.Snapshot {
		kind = gen.LeaderboardKindSNAPSHOT
	}
	return gen.Leaderboard{
		Id: b.PublicID(), Kind: kind, Name: textOrNull(b.Name), Period: periods[b.Period], Members: b.Members, CreatedAt: wire.Millis(b.CreatedAt),
	}
}
