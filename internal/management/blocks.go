package management

import (
	"context"

	gen "github.com/incent-dev/incent/gen/management"
	"github.com/incent-dev/incent/internal/httpapi"
	"github.com/incent-dev/incent/internal/once"
	"github.com/incent-dev/incent/internal/referral"
	"github.com/incent-dev/incent/internal/wire"
)

// ListBlocks lists the block list, newest first.
func (a *API) ListBlocks(ctx context.Context, r gen.ListBlocksRequestObject) (gen.ListBlocksResponseObject, error) {
	page, limit := httpapi.Page(r.Params.Page, r.Params.Limit)
	var kind referral.BlockKind
	assign(&kind, r.Params.Kind, func(k gen.BlockKind) referral.BlockKind { return referral.BlockKind(k) })
	list, total, err := a.referral.Blocks(ctx, httpapi.Caller(ctx).Tenant, kind, limit, (page-1)*limit)
	if err != nil {
		return nil, err
	}
	return gen.ListBlocks200JSONResponse{Body: gen.BlockList{Data: views(list, block), Pagination: pagination(page, limit, total)}}, nil
}

// AddBlock puts a trait on the block list.
func (a *API) AddBlock(ctx context.Context, r gen.AddBlockRequestObject) (gen.AddBlockResponseObject, error) {
	b := referral.Block{Kind: referral.BlockKind(r.Body.Kind), Value: r.Body.Value}
	assign(&b.Note, r.Body.Note, same)
	view := func(b referral.Block) gen.AddBlockResponseObject {
		return gen.AddBlock201JSONResponse{Body: block(b)}
	}
	return httpapi.Mutate(ctx, view, gen.AddBlockResponseObject.VisitAddBlockResponse,
		func(t *once.Ticket) (referral.Block, error) {
			return a.referral.AddBlock(ctx, httpapi.Caller(ctx).Tenant, b, t)
		})
}

// RemoveBlock takes an entry off the block list.
func (a *API) RemoveBlock(ctx context.Context, r gen.RemoveBlockRequestObject) (gen.RemoveBlockResponseObject, error) {
	if err := a.referral.RemoveBlock(ctx, httpapi.Caller(ctx).Tenant, r.BlockId); err != nil {
		return nil, err
	}
	return gen.RemoveBlock200JSONResponse{Body: gen.Success{Success: true}}, nil
}

func block(b referral.Block) gen.Block {
	return gen.Block{Id: b.PublicID(), Kind: gen.BlockKind(b.Kind), Value: b.Value, Note: b.Note, CreatedAt: wire.Millis(b.CreatedAt)}
}
