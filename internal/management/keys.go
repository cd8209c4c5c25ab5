package management

import (
	"context"
	"time"

	gen "github.com/incent-dev/incent/gen/management"
	"github.com/incent-dev/incent/internal/httpapi"
	"github.com/incent-dev/incent/internal/once"
	"github.com/incent-dev/incent/internal/tenant"
	"github.com/incent-dev/incent/internal/wire"
)

// defaultOverlap is the specification's default of overlapSeconds.
const defaultOverlap = 24 * time.Hour

// ListKeys lists keys, newest first.
func (a *API) ListKeys(ctx context.Context, r gen.ListKeysRequestObject) (gen.ListKeysResponseObject, error) {
	page, limit := httpapi.Page(r.Params.Page, r.Params.Limit)
	filter := tenant.KeyFilter{Kind: (*tenant.Kind)(r.Params.Kind), Limit: limit, Skip: (page - 1) * limit}
	keys, total, err := a.keys.List(ctx, httpapi.Caller(ctx).Tenant, filter)
	if err != nil {
		return nil, err
	}
	return gen.ListKeys200JSONResponse{Body: gen.KeyList{Data: views(keys, key), Pagination: pagination(page, limit, total)}}, nil
}

// CreateKey makes a key and shows its secret.
func (a *API) CreateKey(ctx context.Context, r gen.CreateKeyRequestObject) (gen.CreateKeyResponseObject, error) {
	view := func(k tenant.NewKey) gen.CreateKeyResponseObject {
		return gen.CreateKey201JSONResponse{Body: keyWithSecret(k)}
	}
	return httpapi.Mutate(ctx, view, gen.CreateKeyResponseObject.VisitCreateKeyResponse,
		func(t *once.Ticket) (tenant.NewKey, error) {
			return a.keys.CreateKeyOnce(ctx, httpapi.Caller(ctx).Tenant, tenant.Kind(r.Body.Kind), r.Body.Name, r.Body.Scopes, t)
		})
}

// RotateKey gives a key a new secret and shows it.
func (a *API) RotateKey(ctx context.Context, r gen.RotateKeyRequestObject) (gen.RotateKeyResponseObject, error) {
	overlap := defaultOverlap
	if r.Body != nil && r.Body.OverlapSeconds != nil {
		overlap = time.Duration(*r.Body.OverlapSeconds) * time.Second
	}
	view := func(k tenant.NewKey) gen.RotateKeyResponseObject {
		return gen.RotateKey200JSONResponse{Body: keyWithSecret(k)}
	}
	return httpapi.Mutate(ctx, view, gen.RotateKeyResponseObject.VisitRotateKeyResponse,
		func(t *once.Ticket) (tenant.NewKey, error) {
			return a.keys.RotateKeyOnce(ctx, httpapi.Caller(ctx).Tenant, r.KeyId, overlap, t)
		})
}

// RevokeKey ends a key.
func (a *API) RevokeKey(ctx context.Context, r gen.RevokeKeyRequestObject) (gen.RevokeKeyResponseObject, error) {
	if err := a.keys.Revoke(ctx, httpapi.Caller(ctx).Tenant, r.KeyId); err != nil {
		return nil, err
	}
	return gen.RevokeKey200JSONResponse{Body: gen.Success{Success: true}}, nil
}

func key(k tenant.Key) gen.Key {
	return gen.Key{
		Id: tenant.KeyID(k.ID), Kind: gen.KeyKind(k.Kind), Name: k.Name, Scopes: k.Scopes, CreatedAt: wire.Millis(k.CreatedAt),
		LastUsedAt: orNull((*wire.Millis)(k.LastUsedAt)), PreviousSecretUntil: maybe(k.PreviousUntil), RevokedAt: orNull((*wire.Millis)(k.RevokedAt)),
	}
}

func keyWithSecret(k tenant.NewKey) gen.KeyWithSecret {
	shown := key(k.Key)
	return gen.KeyWithSecret{
		Id: shown.Id, Kind: shown.Kind, Name: shown.Name, Scopes: shown.Scopes, CreatedAt: shown.CreatedAt, LastUsedAt: shown.LastUsedAt,
		PreviousSecretUntil: shown.PreviousSecretUntil, RevokedAt: shown.RevokedAt, Secret: k.Text,
	}
}
