package contract

import (
	"mime"
	"net/http"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/incent-dev/incent/internal/fault"
)

// Contract is a compiled document. It never changes, so any number of requests
// may use it at once.
type Contract struct {
	byRoute map[route]*Operation
	sorted  []*Operation
}

type route struct{ method, path string }

// Operation is one method of one path, ready to check requests.
type Operation struct {
	ID     string // operationId
	Method string // upper case
	Path   string // template as in the document: "/orders/{order_id}"
	Scope  string // extension x-scope; "" where the document gives none

	HasBody      bool
	BodyRequired bool

	// Spec is what the operation was compiled from, for tests and fuzzers.
	Spec *openapi3.Operation

	body    *schema
	path    []param
	header  []param
	query   []param
	queryAt map[string]int // name -> index in query
}

// Operation finds one by its method and path template; nil where there is none.
func (c *Contract) Operation(method, path string) *Operation {
	return c.byRoute[route{method, path}]
}

// Operations lists all of them, by path and then by method.
func (c *Contract) Operations() []*Operation { return c.sorted }

// CheckContentType accepts JSON in UTF-8 and, since the documented examples of
// the services often send none, a missing header.
func (op *Operation) CheckContentType(header string) error {
	if !op.HasBody || header == "" || header == "application/json" {
		return nil
	}
	media, params, err := mime.ParseMediaType(header)
	if err != nil || media != "application/json" {
		return fault.Field("Content-Type", "must be application/json")
	}
	if charset := params["charset"]; charset != "" && !strings.EqualFold(charset, "utf-8") {
		return fault.Field("Content-Type", "must not name a charset other than utf-8")
	}
	return nil
}

// CheckBody checks the whole body in one pass. What the binder may read is
// clean: the body itself, except that members which encoding/json would mistake
// for declared ones are cut out (then it is a copy), and nil where there is no
// body to read: none was sent, or the operation takes none.
func (op *Operation) CheckBody(body []byte) (clean []byte, err error) {
	if !op.HasBody {
		return nil, nil
	}
	s := take(body)
	defer s.release()
	s.space()
	if s.pos == len(body) {
		if op.BodyRequired {
			return nil, &fault.Error{
				Kind: fault.Invalid, Code: fault.CodeInvalidRequest, Message: "a JSON body is required",
				Details: []fault.Detail{{Field: wholeBody, Message: "is required"}},
			}
		}
		return nil, nil
	}
	if s.value(op.body) {
		s.end()
	}
	if err := s.verdict(); err != nil {
		return nil, err
	}
	if len(s.cuts) > 0 {
		return s.withoutCuts(), nil
	}
	return body, nil
}

// CheckParams checks path, query and header parameters. The path function gives
// a path parameter decoded; the query is taken as it stood in the request line,
// since net/url silently drops what it cannot read.
func (op *Operation) CheckParams(path func(name string) string, rawQuery string, header http.Header) error {
	if rawQuery == "" && len(op.path)+len(op.query)+len(op.header) == 0 {
		return nil
	}
	s := take(nil)
	defer s.release()
	for i := range op.path {
		p := &op.path[i]
		s.text = append(s.text[:0], path(p.name)...)
		if len(s.text) == 0 {
			s.report(p.name, saysRequired)
			continue
		}
		s.param(p)
	}
	s.query(op, rawQuery)
	for i := range op.header {
		s.headerParam(&op.header[i], header)
	}
	return s.verdict()
}
