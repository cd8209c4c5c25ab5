package httpapi

import (
	"encoding/json"
	"net/http"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/labstack/echo/v4"

	"github.com/incent-dev/incent/internal/contract"
	"github.com/incent-dev/incent/internal/fault"
	"github.com/incent-dev/incent/internal/tenant"
)

// Router is what generated code registers its routes with.
type Router interface {
	CONNECT(path string, h echo.HandlerFunc, m ...echo.MiddlewareFunc) *echo.Route
	DELETE(path string, h echo.HandlerFunc, m ...echo.MiddlewareFunc) *echo.Route
	GET(path string, h echo.HandlerFunc, m ...echo.MiddlewareFunc) *echo.Route
	HEAD(path string, h echo.HandlerFunc, m ...echo.MiddlewareFunc) *echo.Route
	OPTIONS(path string, h echo.HandlerFunc, m ...echo.MiddlewareFunc) *echo.Route
	PATCH(path string, h echo.HandlerFunc, m ...echo.MiddlewareFunc) *echo.Route
	POST(path string, h echo.HandlerFunc, m ...echo.MiddlewareFunc) *echo.Route
	PUT(path string, h echo.HandlerFunc, m ...echo.MiddlewareFunc) *echo.Route
	TRACE(path string, h echo.HandlerFunc, m ...echo.MiddlewareFunc) *echo.Route
}

// Facade is one documented API on its way into the shell.
type Facade struct {
	Kind tenant.Kind
	Base string // "/incentable/v1"
	Spec *openapi3.T

	// Credential finds the key's text in a request; "" when there is none.
	Credential func(http.Header) string

	// HowTo says in a 401 where the key belongs.
	HowTo string

	// Envelope renders a fault the facade's way.
	Envelope func(f *fault.Error, requestID string) any

	// Register hangs the generated handlers into the router, without a base.
	Register func(Router)

	contract *contract.Contract
}

// Document reads a spec that generated code embeds, and its text to serve. The
// generator spells operation ids as Go names; here they are the contract's own
// again, which begin with a small letter.
func Document(embedded func() (*openapi3.T, error)) (*openapi3.T, json.RawMessage, error) {
	spec, err := embedded()
	if err != nil {
		return nil, nil, err
	}
	for _, path := range spec.Paths.Map() {
		for _, op := range path.Operations() {
			op.OperationID = strings.ToLower(op.OperationID[:1]) + op.OperationID[1:]
		}
	}
	text, err := spec.MarshalJSON()
	return spec, text, err
}

// statusOf is the one place where a kind of fault becomes a status.
func statusOf(kind fault.Kind) int {
	switch kind {
	case fault.Invalid:
		return http.StatusBadRequest
	case fault.Unauthorized:
		return http.StatusUnauthorized
	case fault.Forbidden:
		return http.StatusForbidden
	case fault.NotFound:
		return http.StatusNotFound
	case fault.NotAllowed:
		return http.StatusMethodNotAllowed
	case fault.Conflict:
		return http.StatusConflict
	case fault.Mismatch:
		return http.StatusUnprocessableEntity
	case fault.TooLarge:
		return http.StatusRequestEntityTooLarge
	case fault.RateLimited:
		return http.StatusTooManyRequests
	case fault.Unavailable:
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}
