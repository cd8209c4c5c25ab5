package incenta

import (
	"context"
	"encoding/json"
	"net/http"

	gen "github.com/incent-dev/incent/gen/incenta"
	"github.com/incent-dev/incent/internal/fault"
	"github.com/incent-dev/incent/internal/httpapi"
	"github.com/incent-dev/incent/internal/incentive"
	"github.com/incent-dev/incent/internal/leaderboard"
	"github.com/incent-dev/incent/internal/ledger"
	"github.com/incent-dev/incent/internal/referral"
	"github.com/incent-dev/incent/internal/store"
	"github.com/incent-dev/incent/internal/tenant"
)

// API implements the generated strict server.
type API struct {
	referral  *referral.Programme
	incentive *incentive.Engine
	boards    *leaderboard.Boards
	ledger    *ledger.Ledger
	store     *store.Store
	spec      json.RawMessage
}

// New makes the facade.
func New(p *referral.Programme, e *incentive.Engine, boards *leaderboard.Boards, books *ledger.Ledger, shop *store.Store) (*httpapi.Facade, error) {
	spec, text, err := httpapi.Document(gen.GetSpec)
	if err != nil {
		return nil, err
	}
	api := &API{referral: p, incentive: e, boards: boards, ledger: books, store: shop, spec: text}
	return &httpapi.Facade{
		Kind:       tenant.Incenta,
		Base:       "/incenta/v1",
		Spec:       spec,
		Credential: func(h http.Header) string { return h.Get("X-Api-Key") },
		HowTo:      "Send your API key in the header x-api-key: inc_...",
		Envelope:   envelope,
		Register: func(r httpapi.Router) {
			gen.RegisterHandlers(r, gen.NewStrictHandler(api, nil))
		},
	}, nil
}

func envelope(f *fault.Error, requestID string) any {
	answer := gen.Error{Error: f.Message, Code: gen.ErrorCode(f.Code), RequestId: requestID, Details: make([]gen.ErrorDetail, len(f.Details))}
	for i, d := range f.Details {
		answer.Details[i] = gen.ErrorDetail{Field: d.Field, Message: d.Message}
	}
	return answer
}

// GetSpec answers with the contract itself.
func (a *API) GetSpec(context.Context, gen.GetSpecRequestObject) (gen.GetSpecResponseObject, error) {
	return gen.GetSpec200JSONResponse{Body: a.spec}, nil
}
