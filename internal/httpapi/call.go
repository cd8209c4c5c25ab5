package httpapi

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/incent-dev/incent/internal/contract"
	"github.com/incent-dev/incent/internal/fault"
	"github.com/incent-dev/incent/internal/once"
	"github.com/incent-dev/incent/internal/tenant"
)

// call is what the shell knows of one request. It travels as the request's
// context, which spares a layer of allocation per value.
type call struct {
	context.Context
	facade    *Facade
	principal tenant.Principal
	requestID string
	body      []byte // passed by the contract
	key       string // Idempotency-Key; "" is none
	hash      [32]byte
}

type callKey struct{}

// Value answers for the call itself and asks the parent for the rest.
func (c *call) Value(key any) any {
	if key == (callKey{}) {
		return c
	}
	return c.Context.Value(key)
}

func callOf(ctx context.Context) *call {
	return ctx.Value(callKey{}).(*call)
}

// Caller is the principal that the request's key proved.
func Caller(ctx context.Context) tenant.Principal { return callOf(ctx).principal }

// Mutate carries out a command and answers with its view. When the caller sent
// an idempotency key, run gets a ticket whose answer is rendered inside the
// command's transaction, by the same view and the same generated writer that
// answer the request itself; so a replay is what the first caller got.
func Mutate[V, R any](ctx context.Context, view func(V) R, visit func(R, http.ResponseWriter) error, run func(*once.Ticket) (V, error)) (R, error) {
	c := callOf(ctx)
	var ticket *once.Ticket
	if c.key != "" {
		ticket = &once.Ticket{Key: c.key, Hash: c.hash, Render: render(c, view, visit)}
	}
	value, err := run(ticket)
	if err != nil {
		var none R
		return none, err
	}
	return view(value), nil
}

// render makes answers as they are stored.
func render[V, R any](c *call, view func(V) R, visit func(R, http.ResponseWriter) error) func(any, error) once.Stored {
	return func(value any, refusal error) once.Stored {
		var w recorder
		if refusal != nil {
			c.facade.writeFault(&w, fault.As(refusal), c.requestID)
		} else if err := visit(view(value.(V)), &w); err != nil {
			panic("a view of our own does not marshal: " + err.Error())
		}
		return once.Stored{Status: w.status, Body: w.body.Bytes()}
	}
}

// BodyTicket is the ticket of an idempotency key that stands in a body, in or
// out of a list; nil for an empty one. rest is what must be the same whenever the
// key comes again; view and visit make the answer, as for Mutate.
func BodyTicket[V, R any](ctx context.Context, key string, rest any, view func(V) R, visit func(R, http.ResponseWriter) error) (*once.Ticket, error) {
	if key == "" {
		return nil, nil
	}
	text, err := json.Marshal(rest)
	if err != nil {
		return nil, fmt.Errorf("fingerprint of a body: %w", err)
	}
	canonical, err := contract.Canonical(text)
	if err != nil {
		return nil, err
	}
	return &once.Ticket{Key: key, Hash: sha256.Sum256(canonical), Render: render(callOf(ctx), view, visit)}, nil
}

// recorder keeps an answer instead of sending it.
type recorder struct {
	status int
	header http.Header
	body   bytes.Buffer
}

func (w *recorder) Header() http.Header {
	if w.header == nil {
		w.header = http.Header{}
	}
	return w.header
}

func (w *recorder) WriteHeader(status int)      { w.status = status }
func (w *recorder) Write(p []byte) (int, error) { return w.body.Write(p) }
