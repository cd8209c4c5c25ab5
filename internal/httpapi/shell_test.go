package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/labstack/echo/v4"

	"github.com/incent-dev/incent/internal/fault"
	"github.com/incent-dev/incent/internal/once"
	"github.com/incent-dev/incent/internal/pgtest"
	"github.com/incent-dev/incent/internal/tenant"
)

// A facade with one operation of each sort, so that what is tested is the shell.
const spec = `{"openapi": "3.0.3", "info": {"title": "Test", "version": "1"}, "paths": {
  "/things": {"post": {"operationId": "makeThing", "x-scope": "things:write",
    "parameters": [{"name": "Idempotency-Key", "in": "header", "schema": {"type": "string", "minLength": 1, "maxLength": 255}}],
    "requestBody": {"required": true, "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Thing"}}}},
    "responses": {"201": {"description": "Made"}}}},
  "/things/bulk": {"post": {"operationId": "makeThings", "x-scope": "things:write", "x-bulk": true,
    "requestBody": {"required": true, "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Thing"}}}},
    "responses": {"201": {"description": "Made"}}}},
  "/things/{name}": {"get": {"operationId": "getThing", "x-scope": "things:read",
    "parameters": [{"name": "name", "in": "path", "required": true, "schema": {"type": "string", "minLength": 1, "maxLength": 20}}],
    "responses": {"200": {"description": "Found"}}}},
  "/about": {"get": {"operationId": "about", "security": [], "responses": {"200": {"description": "Public"}}}}},
  "components": {"schemas": {"Thing": {"type": "object", "properties": {"name": {"type": "string"}}}}}}`

// shop is a server of that one facade, with a key for each sort of scope.
type shop struct {
	*Server
	t           testing.TB
	log         *bytes.Buffer
	write, read string
	made        func(c echo.Context) error // handles makeThing
}

type thing struct {
	Name string `json:"name"`
}

func open(t testing.TB) *shop {
	t.Helper()
	keys, err := tenant.NewKeys(t.Context(), pgtest.DB())
	if err != nil {
		t.Fatal(err)
	}
	document, err := openapi3.NewLoader().LoadFromData([]byte(spec))
	if err != nil {
		t.Fatal(err)
	}
	s := &shop{t: t, log: &bytes.Buffer{}}
	f := &Facade{
		Kind: tenant.Incenta, Base: "/shop/v1", Spec: document, HowTo: "Send a key", Envelope: envelope,
		Credential: func(h http.Header) string { return h.Get("X-Api-Key") },
		Register: func(r Router) {
			handle := func(c echo.Context) error { return s.made(c) }
			r.POST("/things", handle)
			r.POST("/things/bulk", handle)
			r.GET("/things/:name", func(c echo.Context) error { return c.String(200, c.Param("name")) })
			r.GET("/about", func(c echo.Context) error { return c.String(200, "us") })
		},
	}
	s.made = func(c echo.Context) error { return c.String(201, string(callOf(c.Request().Context()).body)) }
	s.Server, err = New(Config{Keys: keys, Log: slog.New(slog.NewTextHandler(s.log, nil)), Facades: []*Facade{f}, Ready: func(context.Context) error { return nil }})
	if err != nil {
		t.Fatal(err)
	}
	of := pgtest.Tenant(t)
	for scope, text := range map[string]*string{"write": &s.write, "read": &s.read} {
		key, err := keys.CreateKey(t.Context(), pgtest.DB(), of, tenant.Incenta, "Test", []string{scope})
		if err != nil {
			t.Fatal(err)
		}
		*text = key.Text
	}
	return s
}

func (s *shop) send(method, path, key string, body io.Reader, headers ...string) *httptest.ResponseRecorder {
	s.t.Helper()
	r := httptest.NewRequest(method, "/shop/v1"+path, body)
	if key != "" {
		r.Header.Set("X-Api-Key", key)
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w
}

// says wants an answer of this status with this error code.
func says(t testing.TB, w *httptest.ResponseRecorder, status int, code string) {
	t.Helper()
	var body struct{ Code, ID string }
	_ = json.Unmarshal(w.Body.Bytes(), &body) // what is no JSON has no code
	if w.Code != status || body.Code != code || w.Header().Get(requestIDHeader) == "" || code != "" && body.ID != w.Header().Get(requestIDHeader) {
		t.Errorf("answer is %d %s, want %d %s", w.Code, w.Body, status, code)
	}
}

// The first thing that is wrong is what is answered, in the order of doc.go, so
// that nobody without a key learns anything of the contract.
func TestOrderOfChecks(t *testing.T) {
	t.Parallel()
	s := open(t)
	huge := func() io.Reader { return strings.NewReader(`"` + strings.Repeat("x", bodyLimit) + `"`) }
	says(t, s.send("POST", "/things", "", huge(), "Idempotency-Key: ", "Content-Type: text/plain"), 401, "unauthorized")
	says(t, s.send("POST", "/things", "inc_test_nonsense", huge()), 401, "unauthorized")
	says(t, s.send("POST", "/things", s.read, huge(), "Content-Type: text/plain"), 403, "forbidden")
	says(t, s.send("POST", "/things", s.write, huge(), "Content-Type: text/plain"), 400, "invalid_request")
	says(t, s.send("POST", "/things", s.write, huge()), 413, "payload_too_large")
	says(t, s.send("POST", "/things", s.write, strings.NewReader(`{"name": 1}`)), 400, "invalid_request")
	says(t, s.send("GET", "/unknown", s.read, nil), 404, "not_found")
	says(t, s.send("GET", "/about", "", nil), 200, "")
	says(t, s.send("GET", "/about", "inc_test_nonsense", nil), 200, "")
}

// A limit holds whether the length was told before or not.
func TestBodyLimits(t *testing.T) {
	t.Parallel()
	s := open(t)
	body := func(size int) string {
		return `{"name":"` + strings.Repeat("x", size-len(`{"name":""}`)) + `"}`
	}
	for path, limit := range map[string]int{"/things": bodyLimit, "/things/bulk": bulkLimit} {
		for _, chunked := range []bool{false, true} {
			send := func(size int) *httptest.ResponseRecorder {
				var r io.Reader = strings.NewReader(body(size))
				if chunked {
					r = struct{ io.Reader }{r}
				}
				return s.send("POST", path, s.write, r)
			}
			if w := send(limit); w.Code != 201 || w.Body.Len() != limit {
				t.Errorf("%s takes no %d bytes: %d", path, limit, w.Code)
			}
			says(t, send(limit+1), 413, "payload_too_large")
		}
	}
}

func TestPanicIsLoggedOnce(t *testing.T) {
	t.Parallel()
	s := open(t)
	s.made = func(echo.Context) error { panic("password=hunter2") }
	w := s.send("POST", "/things", s.write, strings.NewReader(`{}`))
	says(t, w, 500, "internal_error")
	log := s.log.String()
	if strings.Contains(w.Body.String(), "hunter2") || strings.Count(log, "level=ERROR") != 1 || !strings.Contains(log, w.Header().Get(requestIDHeader)) ||
		!strings.Contains(log, "hunter2") || !strings.Contains(log, "shell_test.go") {
		t.Errorf("it says %s, the log %s", w.Body, log)
	}
	s.made = func(c echo.Context) error { return c.NoContent(201) }
	says(t, s.send("POST", "/things", s.write, strings.NewReader(`{}`)), 201, "")
}

// thingMade is a generated response's like.
type thingMade struct{ Body thing }

func (m thingMade) visit(w http.ResponseWriter) error {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(201)
	return json.NewEncoder(w).Encode(m.Body)
}

// mutate is a facade's method in the pattern of all: decode, Mutate, answer.
func mutate(c echo.Context, run func(*once.Ticket) (thing, error)) error {
	ctx := c.Request().Context()
	made, err := Mutate(ctx, func(v thing) thingMade { return thingMade{v} }, thingMade.visit, run)
	if err != nil {
		return err
	}
	return made.visit(c.Response())
}

// What a ticket renders, for a value and for a refusal, is what the caller gets,
// byte for byte; without a key there is no ticket.
func TestTicketRendersTheAnswer(t *testing.T) {
	t.Parallel()
	s := open(t)
	for name, refusal := range map[string]error{"value": nil, "refusal": fault.New(fault.Conflict, "taken", "It is taken <&>")} {
		var stored once.Stored
		s.made = func(c echo.Context) error {
			return mutate(c, func(ticket *once.Ticket) (thing, error) {
				if ticket == nil {
					t.Errorf("%s: a key and no ticket", name)
					return thing{}, refusal
				}
				stored = ticket.Render(thing{"<&>"}, refusal)
				return thing{"<&>"}, refusal
			})
		}
		w := s.send("POST", "/things", s.write, strings.NewReader(`{}`), "Idempotency-Key: k")
		if w.Code != stored.Status || w.Body.String() != string(stored.Body) || w.Body.Len() == 0 {
			t.Errorf("%s: %d %q is answered, %d %q is stored", name, w.Code, w.Body, stored.Status, stored.Body)
		}
	}
	s.made = func(c echo.Context) error {
		return mutate(c, func(ticket *once.Ticket) (thing, error) {
			if ticket != nil {
				t.Error("a ticket without a key")
			}
			return thing{"free"}, nil
		})
	}
	says(t, s.send("POST", "/things", s.write, strings.NewReader(`{}`)), 201, "")
}

// Two requests are the same when method, path and value are, however written.
func TestFingerprint(t *testing.T) {
	t.Parallel()
	s := open(t)
	hash := func(path, body string) (sum [32]byte) {
		t.Helper()
		s.made = func(c echo.Context) error {
			return mutate(c, func(ticket *once.Ticket) (thing, error) { sum = ticket.Hash; return thing{}, nil })
		}
		says(t, s.send("POST", path, s.write, strings.NewReader(body), "Idempotency-Key: k"), 201, "")
		return sum
	}
	first := hash("/things", `{"name":"a","x":1}`)
	for body, same := range map[string]bool{
		` { "x" : 1, "name" : "\u0061" } `: true, `{"name":"a","x":1}`: true, `{"name":"a","x":2}`: false, `{"name":"a"}`: false, `{"name":"A","x":1}`: false,
	} {
		if got := hash("/things", body) == first; got != same {
			t.Errorf("%s is the same: %v", body, got)
		}
	}
	if hash("/things/bulk", `{"name":"a","x":1}`) == first {
		t.Error("another path is the same")
	}
}

// One key is at work once at a time; other keys, and none, do not wait. The twin
// gets its turn, or, where the machine is slow, is told to come back.
func TestTwinsTakeTurns(t *testing.T) {
	t.Parallel()
	s := open(t)
	inside, leave := make(chan string, 3), make(chan struct{})
	s.made = func(c echo.Context) error {
		inside <- c.Request().Header.Get("Idempotency-Key")
		<-leave
		return c.NoContent(201)
	}
	var all sync.WaitGroup
	defer all.Wait()
	send := func(key string) {
		all.Go(func() {
			if w := s.send("POST", "/things", s.write, strings.NewReader(`{}`), key); w.Code != 201 {
				says(t, w, 409, "idempotency_in_progress")
			}
		})
	}
	next := func() string {
		select {
		case key := <-inside:
			return key
		case <-time.After(3 * time.Minute):
			t.Error("nobody comes inside")
			return "nobody"
		}
	}
	send("Idempotency-Key: one")
	next()
	send("Idempotency-Key: one")
	send("Idempotency-Key: two")
	send("X-None: ")
	got := map[string]bool{next(): true, next(): true}
	if !got["two"] || !got[""] || len(inside) > 0 {
		t.Errorf("inside are %v and %d more", got, len(inside))
	}
	close(leave)
}
