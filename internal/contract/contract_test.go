package contract

import (
	"context"
	"net/http"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
)

// load reads the test document as the server will read its own.
func load(t testing.TB) *openapi3.T {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromFile("testdata/shop.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if err := doc.Validate(context.Background()); err != nil {
		t.Fatal(err)
	}
	return doc
}

func compiled(t testing.TB) *Contract {
	t.Helper()
	c, err := Compile(load(t))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

const awardBody = `{"member_id":"mem_abc123","points":500,"reason":"Q2 Sales Target Achievement",` +
	`"reference":"INV-2024-1234","metadata":{"campaign":"q2-sales-push","product_category":"Electronics"}}`

func noPath(string) string { return "" }

func BenchmarkCheckBody(b *testing.B) {
	op := compiled(b).Operation("POST", "/points/award")
	body := []byte(awardBody)
	b.ReportAllocs()
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		if _, err := op.CheckBody(body); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCheckParams(b *testing.B) {
	op := compiled(b).Operation("GET", "/orders")
	b.ReportAllocs()
	for b.Loop() {
		if err := op.CheckParams(noPath, "page=12&per_page=100", nil); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCheckHeader(b *testing.B) {
	op := compiled(b).Operation("POST", "/points/award")
	header := http.Header{"Idempotency-Key": {"0b9a4a1e-6f0e-4d0c-9b8e-1f7f0f7f0f7f"}}
	b.ReportAllocs()
	for b.Loop() {
		if err := op.CheckParams(noPath, "", header); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCanonical(b *testing.B) {
	body := []byte(awardBody)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Canonical(body); err != nil {
			b.Fatal(err)
		}
	}
}
