package apptest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/incent-dev/incent/internal/fault"
	"github.com/incent-dev/incent/internal/tenant"
)

// maxIdle keeps the connections of a thousand callers at once.
const maxIdle = 1100

// patience bounds a call: a server answers within half a minute, or is broken.
const patience = 5 * time.Minute

var callers = &http.Client{
	Timeout:       patience,
	Transport:     &http.Transport{MaxIdleConnsPerHost: maxIdle, DisableCompression: true},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// Client is a caller of one facade. It may be copied to change a field.
type Client struct {
	Facade *Facade
	Key    string // "" sends none
	Host   string // Host header; "" is the listener's address

	t       testing.TB
	url     string
	prefix  string
	handler http.Handler
}

// For is the same caller in a subtest.
func (c Client) For(t testing.TB) *Client {
	c.t = t
	return &c
}

// WithKey is the same caller with another key.
func (c Client) WithKey(text string) *Client {
	c.Key = text
	return &c
}

// Bare calls the documented /v1 instead of the facade's own base; a host, where
// given, is what leads there, otherwise the kind of credential.
func (c Client) Bare(host string) *Client {
	c.prefix, c.Host = "/v1", host
	return &c
}

// Below calls another place of the server, such as "" for its root.
func (c Client) Below(prefix string) *Client {
	c.prefix = prefix
	return &c
}

// Request is one request as it goes over the wire.
type Request struct {
	Method string
	Path   string // escaped, with the query, below the client's base
	Header http.Header
	Body   []byte // nil: none

	Chunked bool // sent without a Content-Length
}

func (r Request) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %q", r.Method, r.Path)
	for _, name := range slices.Sorted(maps.Keys(r.Header)) {
		fmt.Fprintf(&b, " %s: %.100q", name, r.Header[name])
	}
	fmt.Fprintf(&b, " %.2000q", r.Body)
	return b.String()
}

// NewRequest makes a request. A body is nil, text or bytes sent as they are, or
// a value sent as JSON; a header is "Name: value".
func NewRequest(method, path string, body any, headers ...string) Request {
	r := Request{Method: method, Path: path, Header: http.Header{}}
	switch b := body.(type) {
	case nil:
	case string:
		r.Body = []byte(b)
	case []byte:
		r.Body = b
	default:
		encoded, err := json.Marshal(b)
		if err != nil {
			panic("a test's own value does not marshal: " + err.Error())
		}
		r.Body = encoded
	}
	if r.Body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Add(name, value)
	}
	return r
}

// Call asks over loopback and holds the answer against the spec.
func (c *Client) Call(method, path string, body any, headers ...string) Response {
	c.t.Helper()
	return c.Send(NewRequest(method, path, body, headers...))
}

// tries bounds how often Must asks: a slow machine is through by then.
const tries = 30

// Must is Call for a caller who knows what status comes. Where the answer is to
// come again, and that can do no harm, it does.
func (c *Client) Must(status int, method, path string, body any, headers ...string) Response {
	c.t.Helper()
	request := NewRequest(method, path, body, headers...)
	r := c.Send(request)
	for n := 1; n < tries && r.Status != status && mayRepeat(request, r); n++ {
		r = c.Send(request)
	}
	if r.Status != status {
		c.t.Errorf("%s %s answers %d, want %d: %.500s", method, path, r.Status, status, r.Body)
	}
	return r
}

// mayRepeat tells whether an answer asks to come again, since a row stayed locked
// or too many are in line, and the same request again has no second effect.
func mayRepeat(request Request, r Response) bool {
	switch r.Code() {
	case fault.CodeIdempotencyInProgress:
		return true
	case fault.CodeUnavailable:
		return request.Header.Get("Idempotency-Key") != "" || bytes.Contains(r.Body, []byte("nothing was changed"))
	}
	return false
}

// Send sends a request over loopback.
func (c *Client) Send(r Request) Response {
	c.t.Helper()
	target, err := url.Parse(c.url + c.prefix + r.Path)
	if err != nil {
		c.t.Errorf("%s: %v", r, err)
		return Response{}
	}
	request := c.request(r, target)
	request.RequestURI = ""
	answer, err := callers.Do(request)
	if err != nil {
		c.t.Errorf("%s: %v", r, err)
		return Response{}
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		c.t.Errorf("%s: %v", r, err)
	}
	return c.judge(r, target, Response{Status: answer.StatusCode, Header: answer.Header, Body: body})
}

// Direct hands a request to the server's handler without a listener between:
// cheaper, and it can carry what an HTTP client refuses to send. False means
// that the target could not even be parsed, so no handler would have seen it.
func (c *Client) Direct(r Request) (Response, bool) {
	c.t.Helper()
	target, err := url.ParseRequestURI(c.prefix + r.Path)
	if err != nil {
		return Response{}, false
	}
	w := httptest.NewRecorder()
	c.handler.ServeHTTP(w, c.request(r, target))
	return c.judge(r, target, Response{Status: w.Code, Header: w.Header(), Body: w.Body.Bytes()}), true
}

func (c *Client) request(r Request, target *url.URL) *http.Request {
	header := r.Header.Clone()
	if header == nil {
		header = http.Header{}
	}
	if c.Key != "" {
		if c.Facade.Kind == tenant.Incenta {
			header.Set("X-Api-Key", c.Key)
		} else {
			header.Set("Authorization", "Bearer "+c.Key)
		}
	}
	request := &http.Request{
		Method: r.Method, URL: target, RequestURI: target.RequestURI(), Host: c.Host, Header: header, Body: http.NoBody,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
	}
	if len(r.Body) > 0 {
		request.Body, request.ContentLength = io.NopCloser(bytes.NewReader(r.Body)), int64(len(r.Body))
	}
	if r.Chunked {
		request.ContentLength = -1
	}
	return request.WithContext(c.t.Context())
}

func (c *Client) judge(r Request, target *url.URL, answer Response) Response {
	c.t.Helper()
	path := strings.TrimPrefix(target.EscapedPath(), c.prefix)
	var err error
	answer.Operation, err = c.Facade.check(r.Method, path, answer)
	if err != nil {
		c.t.Errorf("%s answers %d %.1000s\nwhich breaks the contract: %v", r, answer.Status, answer.Body, err)
	}
	return answer
}

// Response is an answer.
type Response struct {
	Status    int
	Header    http.Header
	Body      []byte
	Operation string // that gave it; "" where no operation did
}

// JSON decodes the body; numbers stay as they are written.
func (r Response) JSON() any {
	var v any
	d := json.NewDecoder(bytes.NewReader(r.Body))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		return nil
	}
	return v
}

// At is the value at a place of the body: names of members and indexes. Whole
// numbers are int64; a place that is not there is nil.
func (r Response) At(place ...any) any {
	v := r.JSON()
	for _, step := range place {
		switch at := step.(type) {
		case string:
			object, _ := v.(map[string]any)
			v = object[at]
		case int:
			list, _ := v.([]any)
			if at >= len(list) {
				return nil
			}
			v = list[at]
		}
	}
	if n, ok := v.(json.Number); ok {
		if whole, err := n.Int64(); err == nil {
			return whole
		}
	}
	return v
}

// Text is At for a text; "" where there is none.
func (r Response) Text(place ...any) string {
	text, _ := r.At(place...).(string)
	return text
}

// Len is the length of the list at a place.
func (r Response) Len(place ...any) int {
	list, _ := r.At(place...).([]any)
	return len(list)
}

// fault is the error object of any facade's envelope.
func (r Response) fault() map[string]any {
	answer, _ := r.JSON().(map[string]any)
	if nested, ok := answer["error"].(map[string]any); ok {
		return nested
	}
	return answer
}

// Code is the error's stable code.
func (r Response) Code() string {
	code, _ := r.fault()["code"].(string)
	return code
}

// Fields are the members and parameters that the error names.
func (r Response) Fields() []string {
	details, _ := r.fault()["details"].([]any)
	var fields []string
	for _, d := range details {
		detail, _ := d.(map[string]any)
		field, _ := detail["field"].(string)
		fields = append(fields, field)
	}
	return fields
}

func (r Response) requestID() string {
	f := r.fault()
	for _, name := range []string{"request_id", "requestId"} {
		if text, ok := f[name].(string); ok {
			return text
		}
	}
	return ""
}

// Address is where the server listens, for what is no HTTP.
func (c *Client) Address() string { return strings.TrimPrefix(c.url, "http://") }
