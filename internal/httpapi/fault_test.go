package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/incent-dev/incent/internal/fault"
	"github.com/incent-dev/incent/internal/once"
	"github.com/incent-dev/incent/internal/pg"
)

// Every kind has its status, and none but Internal that of a mistake of ours.
func TestStatusOfKinds(t *testing.T) {
	want := map[fault.Kind]int{
		fault.Internal: 500, fault.Invalid: 400, fault.Unauthorized: 401, fault.Forbidden: 403, fault.NotFound: 404, fault.NotAllowed: 405,
		fault.Conflict: 409, fault.Mismatch: 422, fault.TooLarge: 413, fault.RateLimited: 429, fault.Unavailable: 503,
	}
	for kind := fault.Internal; kind <= fault.Unavailable; kind++ {
		if got := statusOf(kind); got != want[kind] {
			t.Errorf("kind %d is %d, want %d", kind, got, want[kind])
		}
	}
	if got := statusOf(fault.Unavailable + 1); got != 500 {
		t.Errorf("a kind nobody knows is %d", got)
	}
}

// envelope is a facade's, as plain as can be.
func envelope(f *fault.Error, requestID string) any {
	return map[string]any{"code": f.Code, "message": f.Message, "id": requestID}
}

// answered is what the error map makes of an error, with the log beside it.
func answered(t *testing.T, err error) (*httptest.ResponseRecorder, string) {
	t.Helper()
	var log bytes.Buffer
	s := &Server{log: slog.New(slog.NewTextHandler(&log, nil))}
	w := httptest.NewRecorder()
	c := echo.New().NewContext(httptest.NewRequest("PUT", "/x", nil), w)
	c.Response().Header().Set(requestIDHeader, "req_1")
	s.answerError(c, &Facade{Envelope: envelope}, err)
	return w, log.String()
}

func TestErrorMap(t *testing.T) {
	secret := errors.New("password=hunter2")
	late := fault.New(fault.RateLimited, fault.CodeRateLimited, "Slower")
	late.RetryAfter = 1100 * time.Millisecond
	for name, c := range map[string]struct {
		err    error
		status int
		code   string
		logged string // level; "": nothing
		header string // name: value
	}{
		"a fault":                 {fault.Missing("order"), 404, "not_found", "", ""},
		"a wrapped fault":         {fmt.Errorf("read: %w", fault.Missing("order").Because(secret)), 404, "not_found", "", ""},
		"who are you":             {fault.New(fault.Unauthorized, fault.CodeUnauthorized, "No"), 401, "unauthorized", "", `Www-Authenticate: Bearer realm="incent"`},
		"whole seconds, up":       {late, 429, "rate_limited", "", "Retry-After: 2"},
		"database away":           {fmt.Errorf("x: %w", context.DeadlineExceeded), 503, "unavailable", "WARN", "Retry-After: 1"},
		"outcome unknown":         {fmt.Errorf("x: %w", pg.ErrCommitUnknown), 503, "unavailable", "WARN", "Retry-After: 1"},
		"the caller is gone":      {fmt.Errorf("x: %w", context.Canceled), 503, "unavailable", "", ""},
		"no such path":            {echo.ErrNotFound, 404, "not_found", "", ""},
		"no such method":          {echo.ErrMethodNotAllowed, 405, "method_not_allowed", "", ""},
		"the framework's parser":  {echo.NewHTTPError(400, "strconv.ParseInt: parsing"), 400, "invalid_request", "", ""},
		"the framework otherwise": {echo.NewHTTPError(418, secret), 500, "internal_error", "ERROR", ""},
		"anything else":           {secret, 500, "internal_error", "ERROR", ""},
		"a panic, logged before":  {errPanic, 500, "internal_error", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			w, log := answered(t, c.err)
			var body struct{ Code, Message, ID string }
			if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil {
				t.Fatal(err)
			}
			if w.Code != c.status || body.Code != c.code || body.ID != "req_1" || w.Header().Get("Content-Type") != "application/json" {
				t.Errorf("%d %s", w.Code, w.Body)
			}
			for _, word := range []string{"hunter2", "strconv"} {
				if strings.Contains(w.Body.String(), word) {
					t.Errorf("it tells: %s", w.Body)
				}
			}
			if c.logged == "" && log != "" || c.logged != "" && (strings.Count(log, "\n") != 1 || !strings.Contains(log, "level="+c.logged) || !strings.Contains(log, "request_id=req_1")) {
				t.Errorf("the log says %q", log)
			}
			if name, value, _ := strings.Cut(c.header, ": "); w.Header().Get(name) != value {
				t.Errorf("%s is %q, want %q", name, w.Header().Get(name), value)
			}
		})
	}
}

func TestReplayIsNoError(t *testing.T) {
	w, log := answered(t, fmt.Errorf("run: %w", &once.Replay{Stored: once.Stored{Status: http.StatusCreated, Body: []byte("{\"a\": 1}\n")}}))
	if w.Code != 201 || w.Body.String() != "{\"a\": 1}\n" || w.Header().Get("Idempotent-Replayed") != "true" || log != "" {
		t.Errorf("%d %q %v %s", w.Code, w.Body, w.Header(), log)
	}
}

// An answer that is on its way stays the only one.
func TestNoSecondAnswer(t *testing.T) {
	w := httptest.NewRecorder()
	c := echo.New().NewContext(httptest.NewRequest("GET", "/x", nil), w)
	if err := c.String(200, "done"); err != nil {
		t.Fatal(err)
	}
	(&Server{}).answerError(c, &Facade{Envelope: envelope}, errors.New("too late"))
	if w.Code != 200 || w.Body.String() != "done" {
		t.Errorf("%d %q", w.Code, w.Body)
	}
}
