package contract

import (
	"context"
	"fmt"
	"net/http"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"golang.org/x/sync/errgroup"
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

// TestTogether: one contract serves all requests, and none leaves anything
// behind for the next.
func TestTogether(t *testing.T) {
	op := compiled(t).Operation("POST", "/points/award")
	bodies := map[string]string{
		awardBody:                                    "",
		`{"member_id":"m\u00e9","points":0}`:         "points must be at least 1",
		`{"member_id":"m","points":5,"Reason":true}`: "",
		`{"metadata":{"a":1,"b":[{"a":`:              "metadata.b[0].a is not valid JSON: a value is expected at byte 29",
		`{"member_id":"","points":1}`:                "member_id must not be empty",
	}
	var group errgroup.Group
	for range 8 {
		group.Go(func() error {
			for range 200 {
				for body, want := range bodies {
					if _, err := op.CheckBody([]byte(body)); said(t, err) != want {
						return fmt.Errorf("%s: %v, want %q", body, err, want)
					}
				}
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		t.Error(err)
	}
}
