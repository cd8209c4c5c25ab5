package httpapi

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"regexp"
	"strings"
	"sync/atomic"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/incent-dev/incent/internal/contract"
	"github.com/incent-dev/incent/internal/fault"
	"github.com/incent-dev/incent/internal/id"
	"github.com/incent-dev/incent/internal/limit"
	"github.com/incent-dev/incent/internal/once"
	"github.com/incent-dev/incent/internal/pg"
	"github.com/incent-dev/incent/internal/tenant"
)

// Config is what the shell needs.
type Config struct {
	Keys    *tenant.Keys
	Limits  *limit.Limiter
	Log     *slog.Logger
	Facades []*Facade

	// Hosts are the names under which a facade is served at the documented
	// bare /v1.
	Hosts map[string]tenant.Kind

	// Ready tells whether requests can be served; nil error means yes.
	Ready func(context.Context) error
}

// Server is the shell with its facades: an http.Handler.
type Server struct {
	echo    *echo.Echo
	keys    *tenant.Keys
	limits  *limit.Limiter
	log     *slog.Logger
	facades map[tenant.Kind]*Facade
	hosts   map[string]tenant.Kind
	ready   func(context.Context) error
	desk    once.Desk

	deadlines deadlines
}

// New compiles the facades' specs and hangs them in.
func New(c Config) (*Server, error) {
	s := &Server{echo: echo.New(), keys: c.Keys, limits: c.Limits, log: c.Log, hosts: c.Hosts, ready: c.Ready, facades: map[tenant.Kind]*Facade{}}
	s.echo.Binder = binder{}
	s.echo.HTTPErrorHandler = func(err error, c echo.Context) { s.answerError(c, s.facadeOf(c.Request()), err) }
	s.echo.Pre(identify)
	s.echo.Use(documentedOnly)
	for _, f := range c.Facades {
		var err error
		if f.contract, err = contract.Compile(f.Spec); err != nil {
			return nil, fmt.Errorf("%s spec: %w", f.Kind, err)
		}
		s.facades[f.Kind] = f
		f.Register(mount{s, f})
	}
	s.echo.GET("/livez", func(c echo.Context) error { return c.String(http.StatusOK, "ok\n") })
	s.echo.GET("/readyz", s.readyz)
	return s, nil
}

func (s *Server) readyz(c echo.Context) error {
	if err := s.ready(c.Request().Context()); err != nil {
		s.log.Warn("not ready", "error", err)
		return c.String(http.StatusServiceUnavailable, "the database does not answer\n")
	}
	return c.String(http.StatusOK, "ok\n")
}

var (
	requestBase  = pg.NewKey()
	requestCount atomic.Int64
)

const requestIDHeader = "X-Request-Id"

// identify gives the request its id, before anything can go wrong.
func identify(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		requestID := id.Key("req_", requestBase+requestCount.Add(1))
		c.Response().Header()[requestIDHeader] = []string{requestID}
		return next(c)
	}
}

// documentedOnly keeps the framework from answering OPTIONS by itself: no spec
// documents that method, so it is refused as any other is.
func documentedOnly(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if c.Request().Method != http.MethodOptions {
			return next(c)
		}
		if allow, known := c.Get(echo.ContextKeyHeaderAllow).(string); known {
			c.Response().Header().Set(echo.HeaderAllow, allow)
			return echo.ErrMethodNotAllowed
		}
		return next(c)
	}
}

func requestIDOf(c echo.Context) string { return c.Response().Header().Get(requestIDHeader) }

// facadeOf says in whose envelope a path is answered; Incenta's where nobody's.
func (s *Server) facadeOf(r *http.Request) *Facade {
	for _, f := range s.facades {
		if r.URL.Path == f.Base || strings.HasPrefix(r.URL.Path, f.Base+"/") {
			return f
		}
	}
	return s.facades[tenant.Incenta]
}

// ServeHTTP leads the documented bare /v1 to the facade that is meant: by host,
// else by the kind of credential.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/v1" || strings.HasPrefix(r.URL.Path, "/v1/") {
		f, err := s.meant(r)
		if err != nil {
			requestID := id.Key("req_", requestBase+requestCount.Add(1))
			w.Header().Set(requestIDHeader, requestID)
			s.facades[tenant.Incenta].writeFault(w, fault.As(err), requestID)
			return
		}
		base := strings.TrimSuffix(f.Base, "/v1")
		r.URL.Path = base + r.URL.Path
		if r.URL.RawPath != "" {
			r.URL.RawPath = base + r.URL.RawPath
		}
	}
	s.echo.ServeHTTP(w, r)
}

func (s *Server) meant(r *http.Request) (*Facade, error) {
	host := r.Host
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	if kind, named := s.hosts[strings.ToLower(host)]; named {
		return s.facades[kind], nil
	}
	hasKey, hasBearer := r.Header.Get("X-Api-Key") != "", r.Header.Get("Authorization") != ""
	switch {
	case hasKey && !hasBearer:
		return s.facades[tenant.Incenta], nil
	case hasBearer && !hasKey:
		return s.facades[tenant.Incentable], nil
	}
	return nil, fault.New(fault.Unauthorized, fault.CodeUnauthorized,
		"Send either the header x-api-key (Incenta) or the header Authorization: Bearer (Incentable), not both and not neither")
}

// mount registers a facade's generated routes below its base, each inside the
// shell.
type mount struct {
	server *Server
	facade *Facade
}

var pathParam = regexp.MustCompile(`:(\w+)`)

func (m mount) add(method, path string, h echo.HandlerFunc) *echo.Route {
	template := pathParam.ReplaceAllString(path, "{$1}")
	op := m.facade.contract.Operation(method, template)
	if op == nil {
		panic("generated route that its own spec does not have: " + method + " " + path)
	}
	return m.server.echo.Add(method, m.facade.Base+path, m.server.handler(m.facade, op, h))
}

func (m mount) GET(path string, h echo.HandlerFunc, _ ...echo.MiddlewareFunc) *echo.Route {
	return m.add(http.MethodGet, path, h)
}

func (m mount) POST(path string, h echo.HandlerFunc, _ ...echo.MiddlewareFunc) *echo.Route {
	return m.add(http.MethodPost, path, h)
}

func (m mount) PATCH(path string, h echo.HandlerFunc, _ ...echo.MiddlewareFunc) *echo.Route {
	return m.add(http.MethodPatch, path, h)
}

func (m mount) PUT(path string, h echo.HandlerFunc, _ ...echo.MiddlewareFunc) *echo.Route {
	return m.add(http.MethodPut, path, h)
}

func (m mount) DELETE(path string, h echo.HandlerFunc, _ ...echo.MiddlewareFunc) *echo.Route {
	return m.add(http.MethodDelete, path, h)
}

func (m mount) HEAD(path string, h echo.HandlerFunc, _ ...echo.MiddlewareFunc) *echo.Route {
	return m.add(http.MethodHead, path, h)
}

func (m mount) OPTIONS(path string, h echo.HandlerFunc, _ ...echo.MiddlewareFunc) *echo.Route {
	return m.add(http.MethodOptions, path, h)
}

func (m mount) CONNECT(path string, h echo.HandlerFunc, _ ...echo.MiddlewareFunc) *echo.Route {
	return m.add(http.MethodConnect, path, h)
}

func (m mount) TRACE(path string, h echo.HandlerFunc, _ ...echo.MiddlewareFunc) *echo.Route {
	return m.add(http.MethodTrace, path, h)
}

// Listener wraps the server with the timeouts of a public listener.
func (s *Server) Listener() *http.Server {
	return &http.Server{
		Handler:           s,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       60 * time.Second,
		WriteTimeout:      90 * time.Second,
		IdleTimeout:       120 * time.Second,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
}
