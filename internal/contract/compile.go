package contract

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

// maxDeclared is how many members an object, and how many query parameters an
// operation may declare: each is one bit of a word.
const maxDeclared = 64

// compiler turns one document into checks. It collects what it cannot do
// instead of stopping, so that a document is mended in one go.
type compiler struct {
	done  map[*openapi3.Schema]*schema // also those under way, so that schemas may recur
	ready map[*schema]bool
	op    string // operation under way, for messages
	errs  []error
}

// Compile reads a document whose references are resolved. Its error lists every
// operation and keyword of a request that cannot be checked.
func Compile(doc *openapi3.T) (*Contract, error) {
	if !strings.HasPrefix(doc.OpenAPI, "3.0.") { // in 3.1 the same words mean other things
		return nil, fmt.Errorf("contract: OpenAPI %q is not implemented", doc.OpenAPI)
	}
	c := &compiler{done: map[*openapi3.Schema]*schema{}, ready: map[*schema]bool{}}
	out := &Contract{byRoute: map[route]*Operation{}}
	paths := doc.Paths.Map()
	for _, path := range slices.Sorted(maps.Keys(paths)) {
		operations := paths[path].Operations()
		for _, method := range slices.Sorted(maps.Keys(operations)) {
			c.op = method + " " + path
			op := c.operation(method, path, paths[path].Parameters, operations[method])
			out.byRoute[route{method, path}] = op
			out.sorted = append(out.sorted, op)
		}
	}
	if len(c.errs) > 0 {
		return nil, fmt.Errorf("contract: %w", errors.Join(c.errs...))
	}
	return out, nil
}

func (c *compiler) failf(where, format string, args ...any) {
	c.errs = append(c.errs, fmt.Errorf("%s: %s: %s", c.op, where, fmt.Sprintf(format, args...)))
}

func (c *compiler) operation(method, path string, shared openapi3.Parameters, spec *openapi3.Operation) *Operation {
	op := &Operation{ID: spec.OperationID, Method: method, Path: path, Spec: spec, queryAt: map[string]int{}}
	if scope, given := spec.Extensions["x-scope"]; given {
		var ok bool
		if op.Scope, ok = scope.(string); !ok {
			c.failf("x-scope", "must be a string")
		}
	}
	own := map[[2]string]bool{}
	for _, ref := range spec.Parameters {
		own[[2]string{ref.Value.In, ref.Value.Name}] = true
		c.param(op, ref.Value)
	}
	for _, ref := range shared {
		if !own[[2]string{ref.Value.In, ref.Value.Name}] {
			c.param(op, ref.Value)
		}
	}
	if len(op.query) > maxDeclared {
		c.failf("query", "more than %d parameters", maxDeclared)
	}
	if spec.RequestBody != nil {
		c.body(op, spec.RequestBody.Value)
	}
	return op
}

func (c *compiler) body(op *Operation, body *openapi3.RequestBody) {
	op.HasBody, op.BodyRequired = true, body.Required
	media := body.Content["application/json"]
	if media == nil || media.Schema == nil || len(body.Content) > 1 || len(media.Encoding) > 0 {
		c.failf(wholeBody, "must have application/json with a schema as its only content")
		return
	}
	op.body = c.schema(wholeBody, media.Schema)
}

func (c *compiler) param(op *Operation, spec *openapi3.Parameter) {
	where := spec.In + " parameter " + spec.Name
	if spec.Schema == nil || len(spec.Content) > 0 {
		c.failf(where, "must have a schema and no content")
		return
	}
	usual := openapi3.SerializationSimple
	if spec.In == openapi3.ParameterInQuery {
		usual = openapi3.SerializationForm
	}
	if cmp.Or(spec.Style, usual) != usual || spec.AllowReserved || spec.AllowEmptyValue {
		c.failf(where, "style %q, allowReserved and allowEmptyValue are not implemented", spec.Style)
	}
	p := param{name: spec.Name, required: spec.Required, sch: c.schema(where, spec.Schema)}
	switch p.sch.kind {
	case kindString, kindInteger, kindNumber, kindBoolean:
	default:
		c.failf(where, "only scalars are implemented")
	}
	switch spec.In {
	case openapi3.ParameterInPath:
		op.path = append(op.path, p)
	case openapi3.ParameterInQuery:
		op.queryAt[p.name] = len(op.query)
		op.query = append(op.query, p)
	case openapi3.ParameterInHeader:
		p.key = http.CanonicalHeaderKey(p.name)
		if p.key == "Accept" || p.key == "Content-Type" || p.key == "Authorization" {
			c.failf(where, "OpenAPI ignores a header parameter of this name")
		}
		op.header = append(op.header, p)
	default:
		c.failf(where, "is not implemented")
	}
}

// Keywords of a schema that Compile knows, by the type they belong to ("" for
// all). Whatever else a schema holds is an error.
var (
	annotations = words("title description default example externalDocs deprecated xml writeOnly")

	keywords = map[string]map[string]bool{
		"":        words("type nullable"),
		"string":  words("minLength maxLength pattern format enum"),
		"integer": words("minimum maximum exclusiveMinimum exclusiveMaximum format enum"),
		"number":  words("minimum maximum exclusiveMinimum exclusiveMaximum format"),
		"boolean": {},
		"array":   words("items minItems maxItems"),
		"object":  words("properties required additionalProperties minProperties maxProperties"),
	}
)

func words(list string) map[string]bool {
	out := map[string]bool{}
	for _, word := range strings.Fields(list) {
		out[word] = true
	}
	return out
}

// schema compiles one, or hands out what was made of it before. It always
// returns something; what is wrong with it is in errs.
func (c *compiler) schema(where string, ref *openapi3.SchemaRef) *schema {
	spec := ref.Value
	if spec == nil {
		c.failf(where, "the reference %q is not resolved", ref.Ref)
		return &anything
	}
	if sch := c.done[spec]; sch != nil {
		return sch
	}
	sch := &schema{nullable: spec.Nullable}
	c.done[spec] = sch
	if len(spec.AllOf) == 1 && spec.Type == nil {
		c.wrapper(where, sch, spec)
	} else {
		typ := c.known(where, spec)
		switch typ {
		case "":
			sch.extra, sch.items, sch.maxMembers, sch.maxItems = &anything, &anything, anything.maxMembers, anything.maxItems
		case "string":
			c.text(where, sch, spec)
		case "integer":
			c.integer(where, sch, spec)
		case "number":
			c.number(where, sch, spec)
		case "boolean":
			sch.kind = kindBoolean
		case "array":
			c.array(where, sch, spec)
		case "object":
			c.object(where, sch, spec)
		}
		if sch.kind != kindAny {
			sch.saysKind = saysKind[sch.kind]
		}
	}
	c.ready[sch] = true
	return sch
}

// wrapper handles allOf with one entry, which 3.0 needs to say something (as a
// rule, nullable) beside a reference.
func (c *compiler) wrapper(where string, sch *schema, spec *openapi3.Schema) {
	for keyword := range c.keywordsOf(where, spec) {
		if keyword != "allOf" && keyword != "nullable" && !annotations[keyword] {
			c.failf(where, "keyword %s beside allOf is not implemented", keyword)
		}
	}
	inner := c.schema(where, spec.AllOf[0])
	if !c.ready[inner] {
		c.failf(where, "allOf that leads back to itself is not implemented")
	}
	*sch = *inner
	sch.nullable = spec.Nullable
}

// known gives the type and reports every keyword that is not checked.
func (c *compiler) known(where string, spec *openapi3.Schema) (typ string) {
	if types := spec.Type.Slice(); len(types) == 1 {
		typ = types[0]
	} else if len(types) > 1 {
		c.failf(where, "more than one type is not implemented")
	}
	owner := "a schema without type"
	if typ != "" {
		owner = "type " + typ
	}
	own, ok := keywords[typ]
	if !ok {
		c.failf(where, "%s is not implemented", owner)
	}
	present := c.keywordsOf(where, spec)
	for _, keyword := range slices.Sorted(maps.Keys(present)) {
		if !own[keyword] && !keywords[""][keyword] && !annotations[keyword] {
			c.failf(where, "keyword %s is not implemented for %s", keyword, owner)
		}
	}
	return typ
}

// keywordsOf asks the document's own text, so that a keyword which a later
// version of the library learns to read is not overlooked.
func (c *compiler) keywordsOf(where string, spec *openapi3.Schema) map[string]json.RawMessage {
	var present map[string]json.RawMessage
	text, err := spec.MarshalJSON()
	if err == nil {
		err = json.Unmarshal(text, &present)
	}
	if err != nil {
		c.failf(where, "cannot be read: %v", err)
	}
	maps.DeleteFunc(present, func(keyword string, _ json.RawMessage) bool {
		return strings.HasPrefix(keyword, "x-")
	})
	return present
}
