package management

import (
	"context"

	gen "github.com/incent-dev/incent/gen/management"
	"github.com/incent-dev/incent/internal/httpapi"
	"github.com/incent-dev/incent/internal/once"
	"github.com/incent-dev/incent/internal/store"
	"github.com/incent-dev/incent/internal/wire"
)

// ListCodePools lists pools, newest first.
func (a *API) ListCodePools(ctx context.Context, r gen.ListCodePoolsRequestObject) (gen.ListCodePoolsResponseObject, error) {
	page, limit := httpapi.Page(r.Params.Page, r.Params.Limit)
	pools, total, err := a.store.Pools(ctx, httpapi.Caller(ctx).Tenant, limit, (page-1)*limit)
	if err != nil {
		return nil, err
	}
	return gen.ListCodePools200JSONResponse{Body: gen.CodePoolList{Data: views(pools, codePool), Pagination: pagination(page, limit, total)}}, nil
}

// CreateCodePool makes an empty pool.
func (a *API) CreateCodePool(ctx context.Context, r gen.CreateCodePoolRequestObject) (gen.CreateCodePoolResponseObject, error) {
	view := func(p store.Pool) gen.CreateCodePoolResponseObject {
		return gen.CreateCodePool201JSONResponse{Body: codePool(p)}
	}
	return httpapi.Mutate(ctx, view, gen.CreateCodePoolResponseObject.VisitCreateCodePoolResponse,
		func(t *once.Ticket) (store.Pool, error) {
			return a.store.CreatePoolOnce(ctx, httpapi.Caller(ctx).Tenant, r.Body.Name, string(r.Body.Mode), t)
		})
}

// GetCodePool reads a pool's counts.
func (a *API) GetCodePool(ctx context.Context, r gen.GetCodePoolRequestObject) (gen.GetCodePoolResponseObject, error) {
	p, err := a.store.Pool(ctx, httpapi.Caller(ctx).Tenant, r.PoolId)
	if err != nil {
		return nil, err
	}
	return gen.GetCodePool200JSONResponse{Body: codePool(p)}, nil
}

// ImportCodes puts codes into a pool.
func (a *API) ImportCodes(ctx context.Context, r gen.ImportCodesRequestObject) (gen.ImportCodesResponseObject, error) {
	view := func(fresh int) gen.ImportCodesResponseObject {
		return gen.ImportCodes200JSONResponse{Body: gen.ImportCodesResult{Imported: fresh, Duplicates: len(r.Body.Codes) - fresh}}
	}
	return httpapi.Mutate(ctx, view, gen.ImportCodesResponseObject.VisitImportCodesResponse,
		func(t *once.Ticket) (int, error) {
			return a.store.ImportCodesOnce(ctx, httpapi.Caller(ctx).Tenant, r.PoolId, r.Body.Codes, t)
		})
}

func codePool(p store.Pool) gen.CodePool {
	out := gen.CodePool{
		Id: p.ID, Name: p.Name, Mode: gen.CodePoolMode(p.Mode), Available: orNull(&p.Available), Issued: p.Issued, Voided: p.Voided, CreatedAt: wire.Millis(p.CreatedAt),
	}
	if p.Mode == store.Generated {
		out.Available = orNull[int64](nil)
	}
	return out
}
