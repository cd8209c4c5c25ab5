package httpapi

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/incent-dev/incent/internal/contract"
	"github.com/incent-dev/incent/internal/fault"
	"github.com/incent-dev/incent/internal/limit"
	"github.com/incent-dev/incent/internal/once"
	"github.com/incent-dev/incent/internal/pg"
	"github.com/incent-dev/incent/internal/tenant"
)

const (
	// bodyLimit and bulkLimit bound a request's body, in bytes.
	bodyLimit = 1 << 20
	bulkLimit = 8 << 20

	// requestDeadline bounds the work for one request. It is longer than the
	// patience for an absent database, so that this one says what is wrong.
	requestDeadline = 30 * time.Second
)

// handler wraps one operation's generated handler into the shell.
func (s *Server) handler(f *Facade, op *contract.Operation, next echo.HandlerFunc) echo.HandlerFunc {
	public := op.Spec.Security != nil && len(*op.Spec.Security) == 0
	return func(c echo.Context) (err error) {
		r, requestID := c.Request(), requestIDOf(c)
		defer func() {
			if cause := recover(); cause != nil {
				s.log.Error("panic", "request_id", requestID, "operation", op.ID, "cause", cause, "stack", string(debug.Stack()))
				err = errPanic
			}
			if err != nil {
				s.answerError(c, f, err)
				err = nil
			}
		}()
		// The router gives the last parameter of a path all that is left of it.
		if slices.ContainsFunc(c.ParamValues(), func(v string) bool { return strings.Contains(v, "/") }) {
			return echo.ErrNotFound
		}
		ctx := s.deadlines.context()
		call := &call{Context: ctx, facade: f, requestID: requestID}
		if !public {
			if call.principal, err = s.admit(ctx, f, op, r.Header, c.Response().Header()); err != nil {
				return err
			}
		}
		if err := readRequest(c, op, call); err != nil {
			return err
		}
		if call.key != "" {
			leave, err := s.desk.Enter(ctx, call.principal.Tenant, call.key)
			if err != nil {
				return err
			}
			defer leave()
		}
		c.SetRequest(r.WithContext(call))
		return next(c)
	}
}

var errPanic = errors.New("panic")

// admit proves the key, counts the call and proves the scope.
func (s *Server) admit(ctx context.Context, f *Facade, op *contract.Operation, h, answer http.Header) (tenant.Principal, error) {
	text := f.Credential(h)
	if text == "" {
		return tenant.Principal{}, fault.New(fault.Unauthorized, fault.CodeUnauthorized, "%s", f.HowTo)
	}
	p, err := s.keys.Authenticate(ctx, f.Kind, text)
	if err != nil {
		return p, err
	}
	if p.Budget > 0 {
		standing, err := s.limits.Take(ctx, p)
		tellStanding(answer, standing)
		if err != nil {
			return p, err
		}
	}
	if !p.Can(op.Scope) {
		return p, fault.New(fault.Forbidden, fault.CodeForbidden, "This API key lacks the scope %s", op.Scope)
	}
	return p, nil
}

// tellStanding tells a caller what the limit leaves. The names are spelt as
// they are documented, which Header.Set would not.
func tellStanding(h http.Header, s limit.Standing) {
	h["RateLimit-Limit"] = []string{strconv.FormatInt(s.Limit, 10)}
	h["RateLimit-Remaining"] = []string{strconv.FormatInt(s.Remaining, 10)}
	h["RateLimit-Reset"] = []string{strconv.Itoa(wholeSeconds(s.Reset))}
}

// wholeSeconds rounds up, so that nobody comes back too early.
func wholeSeconds(d time.Duration) int { return int((d + time.Second - 1) / time.Second) }

// readRequest checks parameters and body against the contract.
func readRequest(c echo.Context, op *contract.Operation, call *call) error {
	r := c.Request()
	param := c.Param
	if r.URL.RawPath != "" {
		param = func(name string) string { return unescaped(c.Param(name)) }
	}
	// A public operation takes nothing, so nothing can be wrong with its query.
	if op.Scope != "" || len(op.Spec.Parameters) > 0 {
		if err := op.CheckParams(param, r.URL.RawQuery, r.Header); err != nil {
			return err
		}
	}
	if op.HasBody {
		if err := op.CheckContentType(r.Header.Get("Content-Type")); err != nil {
			return err
		}
		body, err := readBody(r, op)
		if err != nil {
			return err
		}
		if call.body, err = op.CheckBody(body); err != nil {
			return err
		}
	}
	if r.Method == http.MethodPost || r.Method == http.MethodPatch {
		if call.key = r.Header.Get("Idempotency-Key"); call.key != "" {
			return call.fingerprint(r)
		}
	}
	return nil
}

// unescaped decodes a path parameter; one that cannot be decoded becomes a text
// that the contract refuses.
func unescaped(value string) string {
	decoded, err := url.PathUnescape(value)
	if err != nil {
		return "\x00"
	}
	return decoded
}

func readBody(r *http.Request, op *contract.Operation) ([]byte, error) {
	limit := int64(bodyLimit)
	if op.Spec.Extensions["x-bulk"] == true {
		limit = bulkLimit
	}
	tooLarge := fault.New(fault.TooLarge, fault.CodePayloadTooLarge, "The body may have at most %d bytes", limit)
	if r.ContentLength > limit {
		return nil, tooLarge
	}
	size := r.ContentLength
	if size < 0 {
		size = 512
	}
	body := make([]byte, 0, size+1)
	for {
		n, err := r.Body.Read(body[len(body):cap(body)])
		body = body[:len(body)+n]
		switch {
		case int64(len(body)) > limit:
			return nil, tooLarge
		case err == io.EOF:
			return body, nil
		case err != nil:
			return nil, fault.New(fault.Invalid, fault.CodeInvalidRequest, "The body could not be read").Because(err)
		case len(body) == cap(body):
			body = append(body, 0)[:len(body)]
		}
	}
}

// fingerprint hashes what makes two requests the same: method, path and
// canonical body.
func (c *call) fingerprint(r *http.Request) error {
	canonical, err := contract.Canonical(c.body)
	if err != nil {
		return err
	}
	h := sha256.New()
	io.WriteString(h, r.Method+" "+r.URL.Path+"\n")
	h.Write(canonical)
	h.Sum(c.hash[:0])
	return nil
}

// binder gives the generated wrapper the bytes that the contract has passed.
type binder struct{}

// Bind decodes the checked body. What it refuses got past the contract, which
// only a member of a type of our own can do (a decimal out of range, say). By
// io.EOF the generated wrapper knows a body that may be left out and was.
func (binder) Bind(target any, c echo.Context) error {
	body := callOf(c.Request().Context()).body
	if body == nil {
		return io.EOF
	}
	if err := json.Unmarshal(body, target); err != nil {
		return fault.New(fault.Invalid, fault.CodeInvalidRequest, "The body could not be understood").Because(err)
	}
	return nil
}

// answerError turns whatever went wrong into the facade's envelope.
func (s *Server) answerError(c echo.Context, f *Facade, err error) {
	if c.Response().Committed {
		return
	}
	var replay *once.Replay
	if errors.As(err, &replay) {
		c.Response().Header().Set("Idempotent-Replayed", "true")
		_ = replay.WriteTo(c.Response()) // a caller who has gone cannot be told
		return
	}
	f.writeFault(c.Response(), s.faultOf(c, err), requestIDOf(c))
}

// faultOf finds the fault in an error, or makes the one that says nothing.
func (s *Server) faultOf(c echo.Context, err error) *fault.Error {
	if f := fault.As(pg.Fault(err)); f != nil {
		if f.Kind == fault.Unavailable || f.Kind == fault.Internal {
			s.log.Warn("unavailable", "request_id", requestIDOf(c), "error", err)
		}
		return f
	}
	var framework *echo.HTTPError
	if errors.As(err, &framework) {
		switch framework.Code {
		case http.StatusNotFound:
			return fault.New(fault.NotFound, fault.CodeNotFound, "There is no such path")
		case http.StatusMethodNotAllowed:
			return fault.New(fault.NotAllowed, fault.CodeMethodNotAllowed, "This path does not take the method %.20q", c.Request().Method)
		case http.StatusBadRequest, http.StatusUnsupportedMediaType:
			return fault.New(fault.Invalid, fault.CodeInvalidRequest, "The request could not be understood")
		}
	}
	if errors.Is(err, context.Canceled) {
		return fault.New(fault.Unavailable, fault.CodeUnavailable, "The caller hung up before the answer was there; the request may or may not have taken effect")
	}
	if !errors.Is(err, errPanic) {
		s.log.Error("unexpected", "request_id", requestIDOf(c), "error", err)
	}
	return fault.New(fault.Internal, fault.CodeInternal, "Something went wrong here; the request id helps us find it")
}

// writeFault sends a fault in the facade's envelope.
func (f *Facade) writeFault(w http.ResponseWriter, e *fault.Error, requestID string) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	if e.RetryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(wholeSeconds(e.RetryAfter)))
	}
	if e.Kind == fault.Unauthorized {
		h.Set("WWW-Authenticate", `Bearer realm="incent"`)
	}
	w.WriteHeader(statusOf(e.Kind))
	_ = json.NewEncoder(w).Encode(f.Envelope(e, requestID)) // a caller who has gone cannot be told
}
