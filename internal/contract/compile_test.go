package contract

import (
	"reflect"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
)

func TestOperations(t *testing.T) {
	c := compiled(t)
	var got []string
	for _, op := range c.Operations() {
		got = append(got, op.Method+" "+op.Path+" "+op.ID+" "+op.Scope)
		if c.Operation(op.Method, op.Path) != op || op.Spec.OperationID != op.ID {
			t.Errorf("%s is not found", op.ID)
		}
	}
	want := []string{
		"POST /everything everything ",
		"GET /orders listOrders orders:read",
		"DELETE /orders/{order_id} deleteOrder ",
		"PATCH /orders/{order_id} updateOrder orders:write",
		"POST /points/award awardPoints points:write",
		"POST /points/award/bulk awardPointsBulk points:write",
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %q", got)
	}
	if c.Operation("GET", "/nowhere") != nil {
		t.Error("an unknown route has an operation")
	}
	award, patch := c.Operation("POST", "/points/award"), c.Operation("PATCH", "/orders/{order_id}")
	if !award.HasBody || !award.BodyRequired || !patch.HasBody || patch.BodyRequired {
		t.Error("bodies are misjudged")
	}
}

// document is one operation with this body and parameter.
func document(schema, parameter string) string {
	return `{"openapi":"3.0.3","info":{"title":"t","version":"1"},"paths":{"/x":{"post":{
		"parameters":[` + parameter + `],
		"requestBody":{"content":{"application/json":{"schema":` + schema + `}}},"responses":{"200":{"description":"d"}}}}},
		"components":{"schemas":{"Loop":{"type":"object","properties":{"in":{"allOf":[{"$ref":"#/components/schemas/Loop"}]}}}}}}`
}

func compileText(t *testing.T, text string) error {
	doc, err := openapi3.NewLoader().LoadFromData([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	_, err = Compile(doc)
	return err
}

// TestNoSilentGap: what is not checked does not compile.
func TestNoSilentGap(t *testing.T) {
	for schema, want := range map[string]string{
		`{"type":"array","items":{},"uniqueItems":true}`:                                 "body: keyword uniqueItems is not implemented for type array",
		`{"type":"number","multipleOf":2}`:                                               "keyword multipleOf",
		`{"oneOf":[{"type":"string"}]}`:                                                  "keyword oneOf is not implemented for a schema without type",
		`{"anyOf":[{"type":"string"}]}`:                                                  "keyword anyOf",
		`{"type":"object","allOf":[{"type":"object"}]}`:                                  "keyword allOf",
		`{"allOf":[{"type":"object"},{"type":"object"}]}`:                                "keyword allOf",
		`{"allOf":[{"type":"object"}],"maxProperties":1}`:                                "keyword maxProperties beside allOf",
		`{"$ref":"#/components/schemas/Loop"}`:                                           "allOf that leads back to itself",
		`{"not":{"type":"string"}}`:                                                      "keyword not",
		`{"type":"string","const":"x"}`:                                                  "keyword const",
		`{"type":"object","properties":{"a":{"type":"string","readOnly":true}}}`:         "body.a: keyword readOnly",
		`{"type":"object","required":["a"]}`:                                             "required a is not among",
		`{"type":"object","discriminator":{"propertyName":"a"}}`:                         "keyword discriminator",
		`{"type":"object","patternProperties":{"a":{}}}`:                                 "keyword patternProperties",
		`{"type":"object","additionalProperties":{"type":"string","format":"hostname"}}`: "body.*: format hostname of strings",
		`{"type":"array","items":{"type":"integer","format":"int8"}}`:                    "body[]: format int8 of integers",
		`{"type":"number","format":"decimal"}`:                                           "format decimal of numbers",
		`{"type":"string","minimum":1}`:                                                  "keyword minimum is not implemented for type string",
		`{"type":"string","pattern":"(?=a)"}`:                                            "pattern: ",
		`{"type":"string","enum":[1]}`:                                                   "enum of strings holds 1",
		`{"type":"boolean","enum":[true]}`:                                               "keyword enum",
		`{"type":"number","enum":[1.5]}`:                                                 "keyword enum",
		`{"type":"integer","enum":[1.5]}`:                                                "cannot be checked exactly",
		`{"type":"integer","enum":["a"]}`:                                                "enum of integers holds a",
		`{"type":"integer","maximum":9007199254740994}`:                                  "cannot be checked exactly",
		`{"minLength":1}`:                                                                "keyword minLength is not implemented for a schema without type",
		`{"type":["string","integer"]}`:                                                  "more than one type",
		`{"type":"null"}`:                                                                "type null",
		`{"type":"integer","exclusiveMinimum":3,"minimum":3}`:                            "with a number",
		`{"type":"object","properties":{` + lots(65) + `}}`:                              "more than 64 properties",
	} {
		err := compileText(t, document(schema, ""))
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "POST /x: body") {
			t.Errorf("%s: %v, want %s", schema, err, want)
		}
	}
}

func TestNoSilentGapElsewhere(t *testing.T) {
	for parameter, want := range map[string]string{
		`{"name":"a","in":"query","schema":{"type":"array","items":{"type":"string"}}}`:         "query parameter a: only scalars",
		`{"name":"a","in":"query","schema":{}}`:                                                 "only scalars",
		`{"name":"a","in":"query","style":"deepObject","schema":{"type":"object"}}`:             `style "deepObject"`,
		`{"name":"a","in":"query","allowEmptyValue":true,"schema":{"type":"string"}}`:           "allowEmptyValue",
		`{"name":"a","in":"cookie","schema":{"type":"string"}}`:                                 "cookie parameter a: is not implemented",
		`{"name":"Authorization","in":"header","schema":{"type":"string"}}`:                     "OpenAPI ignores",
		`{"name":"a","in":"query","content":{"application/json":{"schema":{"type":"string"}}}}`: "must have a schema and no content",
		`{"name":"a","in":"query","schema":{"type":"integer","multipleOf":5}}`:                  "query parameter a: keyword multipleOf",
	} {
		if err := compileText(t, document(`{}`, parameter)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", parameter, err, want)
		}
	}
	form := strings.Replace(document(`{}`, ""), `"application/json":`, `"text/plain":`, 1)
	if err := compileText(t, form); err == nil || !strings.Contains(err.Error(), "must have application/json") {
		t.Error(err)
	}
	newer := strings.Replace(document(`{}`, ""), "3.0.3", "3.1.0", 1)
	if err := compileText(t, newer); err == nil || !strings.Contains(err.Error(), `OpenAPI "3.1.0"`) {
		t.Error(err)
	}
	both := compileText(t, document(`{"type":"object","properties":{"a":{"not":{}},"b":{"type":"string","format":"hostname"}}}`, ""))
	if both == nil || strings.Count(both.Error(), "not implemented") != 2 {
		t.Errorf("not every gap is named: %v", both)
	}
}

func lots(n int) string {
	var list []string
	for i := range n {
		list = append(list, `"p`+strings.Repeat("x", i)+`":{"type":"string"}`)
	}
	return strings.Join(list, ",")
}

// TestClassOfPattern: the table stands for no other pattern than its own.
func TestClassOfPattern(t *testing.T) {
	for pattern, want := range map[string]bool{
		`^[a-z]*$`: true, `^[\x21-\x7e]*$`: true, `^[^a]*$`: false, `^[a-z]+$`: false, `^[a-z]{2}$`: false,
		`[a-z]*$`: false, `^[a-z]*`: false, `^(?i)[k]*$`: false, `^\pL*$`: false, `(?m)^[a-z]*$`: false, `^a*$`: false,
	} {
		if got := asciiClass(pattern) != nil; got != want {
			t.Errorf("%s: %v", pattern, got)
		}
	}
}
