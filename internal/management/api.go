package management

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/oapi-codegen/nullable"

	gen "github.com/incent-dev/incent/gen/management"
	"github.com/incent-dev/incent/internal/event"
	"github.com/incent-dev/incent/internal/fault"
	"github.com/incent-dev/incent/internal/httpapi"
	"github.com/incent-dev/incent/internal/incentive"
	"github.com/incent-dev/incent/internal/job"
	"github.com/incent-dev/incent/internal/ledger"
	"github.com/incent-dev/incent/internal/person"
	"github.com/incent-dev/incent/internal/referral"
	"github.com/incent-dev/incent/internal/store"
	"github.com/incent-dev/incent/internal/tenant"
	"github.com/incent-dev/incent/internal/webhook"
	"github.com/incent-dev/incent/internal/wire"
)

// API implements the generated strict server.
type API struct {
	registry  *tenant.Registry
	keys      *tenant.Keys
	ledger    *ledger.Ledger
	store     *store.Store
	referral  *referral.Programme
	incentive *incentive.Engine
	feed      *event.Feed
	people    *person.People
	jobs      *job.Runner
	hooks     *webhook.Hooks
	spec      json.RawMessage
}

// New makes the facade.
func New(r *tenant.Registry, k *tenant.Keys, l *ledger.Ledger, s *store.Store, p *referral.Programme, e *incentive.Engine, f *event.Feed, j *job.Runner, people *person.People, h *webhook.Hooks) (*httpapi.Facade, error) {
	spec, text, err := httpapi.Document(gen.GetSpec)
	if err != nil {
		return nil, err
	}
	api := &API{registry: r, keys: k, ledger: l, store: s, referral: p, incentive: e, feed: f, jobs: j, people: people, hooks: h, spec: text}
	return &httpapi.Facade{
		Kind:       tenant.Management,
		Base:       "/management/v1",
		Spec:       spec,
		Credential: credential,
		HowTo:      "Send a management key in the header Authorization: Bearer mgt_...",
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

func pagination(page, limit int, total int64) gen.Pagination {
	return gen.Pagination{Page: page, Limit: limit, Total: total, TotalPages: (total + int64(limit) - 1) / int64(limit)}
}

// maybe shows an instant that may be missing: the zero time is null.
func maybe(t time.Time) nullable.Nullable[wire.Millis] {
	if t.IsZero() {
		return nullable.NewNullNullable[wire.Millis]()
	}
	return nullable.NewNullableWithValue(wire.Millis(t))
}

func orNull[T any](p *T) nullable.Nullable[T] {
	if p == nil {
		return nullable.NewNullNullable[T]()
	}
	return nullable.NewNullableWithValue(*p)
}

// orNil reads a member that may be null or left out.
func orNil[T any](n nullable.Nullable[T]) *T {
	value, err := n.Get()
	if err != nil {
		return nil
	}
	return &value
}

// set changes what a PATCH names; null clears it.
func set[T any](target **T, n nullable.Nullable[T]) {
	if n.IsSpecified() {
		*target = orNil(n)
	}
}

// assign changes what a PATCH names and cannot clear.
func assign[T any, S any](target *T, given *S, convert func(S) T) {
	if given != nil {
		*target = convert(*given)
	}
}

func same[T any](v T) T { return v }

func views[T, V any](list []T, view func(T) V) []V {
	out := make([]V, len(list))
	for i, v := range list {
		out[i] = view(v)
	}
	return out
}
