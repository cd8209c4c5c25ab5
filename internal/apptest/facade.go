package apptest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"

	"github.com/incent-dev/incent/internal/contract"
	"github.com/incent-dev/incent/internal/tenant"
)

// Facade is one API as the running server describes it.
type Facade struct {
	Kind   tenant.Kind
	Base   string
	Spec   *openapi3.T
	Served []*contract.Operation // answered
	Absent []*contract.Operation // in the spec, and not served

	fault *openapi3.Schema
	met   coverage
}

// readFacades asks a server for the specs of all facades it could have, and
// which of their operations it serves: those that ask for a key.
func readFacades(h http.Handler) (map[tenant.Kind]*Facade, error) {
	found := map[tenant.Kind]*Facade{}
	for _, kind := range []tenant.Kind{tenant.Incenta, tenant.Incentable, tenant.Management} {
		f := &Facade{Kind: kind, Base: "/" + string(kind) + "/v1"}
		status, text := probe(h, http.MethodGet, f.Base+"/openapi.json")
		if status == http.StatusNotFound {
			continue
		}
		if err := f.read(text); err != nil {
			return nil, fmt.Errorf("%s/openapi.json: %w", f.Base, err)
		}
		found[kind] = f
		compiled, err := contract.Compile(f.Spec)
		if err != nil {
			return nil, err
		}
		for _, op := range compiled.Operations() {
			status, _ := probe(h, op.Method, f.Base+strings.NewReplacer("{", "", "}", "").Replace(op.Path))
			if status == http.StatusUnauthorized || status == http.StatusOK {
				f.Served = append(f.Served, op)
			} else {
				f.Absent = append(f.Absent, op)
			}
		}
	}
	return found, nil
}

func probe(h http.Handler, method, path string) (int, []byte) {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(method, path, nil))
	return w.Code, w.Body.Bytes()
}

func (f *Facade) read(text []byte) error {
	var err error
	if f.Spec, err = openapi3.NewLoader().LoadFromData(text); err != nil {
		return err
	}
	if err := f.Spec.Validate(context.Background()); err != nil {
		return err
	}
	refusal := f.Spec.Components.Responses["Unauthorized"]
	if refusal == nil {
		return errors.New("has no response named Unauthorized to learn the error's shape from")
	}
	f.fault = refusal.Value.Content["application/json"].Schema.Value
	return nil
}

// operation finds what answers a path: literal parts win over parameters.
func (f *Facade) operation(method, path string) *contract.Operation {
	parts := strings.Split(path, "/")
	var best *contract.Operation
	bestLiterals := -1
	for _, op := range f.Served {
		if op.Method != method {
			continue
		}
		if literals, ok := matches(strings.Split(op.Path, "/"), parts); ok && literals > bestLiterals {
			best, bestLiterals = op, literals
		}
	}
	return best
}

func matches(template, parts []string) (literals int, ok bool) {
	if len(template) != len(parts) {
		return 0, false
	}
	for i, want := range template {
		switch {
		case want == parts[i]:
			literals++
		case !strings.HasPrefix(want, "{") || parts[i] == "":
			return 0, false
		}
	}
	return literals, true
}

var (
	requestIDs = regexp.MustCompile(`^req_[0-9a-z]{8,36}$`)

	// leaks are words that only a driver, a stack or the source would say.
	leaks = regexp.MustCompile(`SQLSTATE|\bpgx|pgconn|goroutine |\.go:|\bpanic|runtime error|json: |unmarshal|strconv|nil pointer|internal/|ERROR:`)
)

// check holds an answer against the spec and notes what it covered.
func (f *Facade) check(method, path string, r Response) (operation string, err error) {
	requestID := r.Header.Get("X-Request-Id")
	if !requestIDs.MatchString(requestID) {
		return "", fmt.Errorf("X-Request-Id is %q", requestID)
	}
	op := f.operation(method, path)
	if r.Status >= 400 && method != http.MethodHead {
		if err := f.checkFault(r, requestID); err != nil {
			return "", err
		}
	}
	if op == nil || r.Status == http.StatusMethodNotAllowed {
		if r.Status < 400 {
			return "", errors.New("no operation has this path, so who answered?")
		}
		return "", nil
	}
	f.met.add(op.ID, r.Status)
	if err := f.checkOperation(op, r); err != nil {
		return op.ID, err
	}
	return op.ID, nil
}

func (f *Facade) checkFault(r Response, requestID string) error {
	if word := leaks.Find(r.Body); word != nil {
		return fmt.Errorf("it says %q", word)
	}
	if r.Header.Get("Content-Type") != "application/json" {
		return fmt.Errorf("its Content-Type is %q", r.Header.Get("Content-Type"))
	}
	var body any
	if err := json.Unmarshal(r.Body, &body); err != nil {
		return err
	}
	if err := f.fault.VisitJSON(body); err != nil {
		return err
	}
	// A replayed refusal is the first answer to the byte, its id included.
	if r.requestID() != requestID && r.Header.Get("Idempotent-Replayed") == "" {
		return fmt.Errorf("X-Request-Id is %s, the body says %s", requestID, r.requestID())
	}
	return undeclared("", f.fault, body)
}

func (f *Facade) checkOperation(op *contract.Operation, r Response) error {
	request, err := http.NewRequest(op.Method, "http://server"+f.Base, nil)
	if err != nil {
		return err
	}
	input := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: &openapi3filter.RequestValidationInput{
			Request: request,
			Route:   &routers.Route{Spec: f.Spec, Path: op.Path, PathItem: f.Spec.Paths.Find(op.Path), Method: op.Method, Operation: op.Spec},
		},
		Status: r.Status, Header: r.Header, Options: &openapi3filter.Options{IncludeResponseStatus: true, MultiError: true},
	}
	input.SetBodyBytes(r.Body)
	if err := openapi3filter.ValidateResponse(context.Background(), input); err != nil {
		return err
	}
	documented := op.Spec.Responses.Status(r.Status).Value
	if documented.Headers["X-Request-Id"] == nil {
		return fmt.Errorf("the spec shows no X-Request-Id at %d of %s", r.Status, op.ID)
	}
	if r.Header.Get("Idempotent-Replayed") != "" && documented.Headers["Idempotent-Replayed"] == nil {
		return fmt.Errorf("the spec shows no Idempotent-Replayed at %d of %s", r.Status, op.ID)
	}
	var body any
	if err := json.Unmarshal(r.Body, &body); err != nil {
		return err
	}
	if op.ID == feedOperation && f.Kind == tenant.Management && r.Status == http.StatusOK {
		if err := f.checkEvents(body); err != nil {
			return err
		}
	}
	return undeclared("", documented.Content["application/json"].Schema.Value, body)
}

// undeclared finds members that the schema does not know. The spec lets a
// reader ignore them; a writer of our own has no business sending them.
func undeclared(at string, s *openapi3.Schema, value any) error {
	if len(s.OneOf)+len(s.AnyOf)+len(s.AllOf) > 0 {
		return nil // none so far in an answer; the validator has looked
	}
	switch v := value.(type) {
	case map[string]any:
		for name, member := range v {
			property := s.Properties[name]
			if property == nil {
				if s.AdditionalProperties.Has != nil && *s.AdditionalProperties.Has || s.AdditionalProperties.Schema != nil {
					continue
				}
				return fmt.Errorf("the spec does not know the member %s.%s", at, name)
			}
			if err := undeclared(at+"."+name, property.Value, member); err != nil {
				return err
			}
		}
	case []any:
		for i, item := range v {
			if err := undeclared(fmt.Sprintf("%s[%d]", at, i), s.Items.Value, item); err != nil {
				return err
			}
		}
	}
	return nil
}
