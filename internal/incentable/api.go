package incentable

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/oapi-codegen/nullable"

	gen "github.com/incent-dev/incent/gen/incentable"
	"github.com/incent-dev/incent/internal/fault"
	"github.com/incent-dev/incent/internal/httpapi"
	"github.com/incent-dev/incent/internal/ledger"
	"github.com/incent-dev/incent/internal/store"
	"github.com/incent-dev/incent/internal/tenant"
)

// API implements the generated strict server.
type API struct {
	ledger *ledger.Ledger
	store  *store.Store
	spec   json.RawMessage
}

// New makes the facade.
func New(l *ledger.Ledger, s *store.Store) (*httpapi.Facade, error) {
	spec, text, err := httpapi.Document(gen.GetSpec)
	if err != nil {
		return nil, err
	}
	api := &API{ledger: l, store: s, spec: text}
	return &httpapi.Facade{
		Kind:       tenant.Incentable,
		Base:       "/incentable/v1",
		Spec:       spec,
		Credential: credential,
		HowTo:      "Send your API key in the header Authorization: Bearer icb_...",
		Envelope:   envelope,
		Register: func(r httpapi.Router) {
			gen.RegisterHandlers(r, gen.NewStrictHandler(api, nil))
		},
	}, nil
}

func credential(h http.Header) string {
	scheme, key, _ := strings.Cut(h.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(key)
}

func envelope(f *fault.Error, requestID string) any {
	var answer gen.ErrorAnswer
	answer.Error.Code = gen.ErrorCode(f.Code)
	answer.Error.Message = f.Message
	answer.Error.RequestId = requestID
	answer.Error.Details = make([]gen.ErrorDetail, len(f.Details))
	for i, d := range f.Details {
		answer.Error.Details[i] = gen.ErrorDetail{Field: d.Field, Message: d.Message}
	}
	return answer
}

// GetSpec answers with the contract itself.
func (a *API) GetSpec(context.Context, gen.GetSpecRequestObject) (gen.GetSpecResponseObject, error) {
	return gen.GetSpec200JSONResponse{Body: a.spec}, nil
}

// seconds shows an instant the documents' way.
func seconds(t time.Time) time.Time { return t.Truncate(time.Second) }

// maybe shows an instant that may be missing: the zero time is null.
func maybe(t time.Time) nullable.Nullable[time.Time] {
	if t.IsZero() {
		return nullable.NewNullNullable[time.Time]()
	}
	return nullable.NewNullableWithValue(seconds(t))
}

func orNull[T any](p *T) nullable.Nullable[T] {
	if p == nil {
		return nullable.NewNullNullable[T]()
	}
	return nullable.NewNullableWithValue(*p)
}

func text(p *string) string {
	if p == nil {
		return ""
	}
	return *p
}
