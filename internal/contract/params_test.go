package contract

import (
	"net/http"
	"strings"
	"testing"
)

func TestQuery(t *testing.T) {
	op := compiled(t).Operation("GET", "/orders")
	for _, c := range []struct{ query, want string }{
		{"", ""},
		{"page=1&per_page=100&status=shipped&member_id=abc&all=true&ratio=0.5&since=2026-01-01T00:00:00Z", ""},
		{"&&page=1&", ""},
		{"p%61ge=%31", ""},
		{"p%61ge=0", "page must be at least 1"},
		{"page=0", "page must be at least 1"},
		{"page=2147483648", "page must be at most 2147483647"},
		{"page=99999999999999999999", "page must be at most 2147483647"},
		{"page=", "page must be a whole number"},
		{"page", "page must be a whole number"},
		{"page=+1", "page must be a whole number"},
		{"page=%2B1", "page must be a whole number"},
		{"page=01", "page must be a whole number"},
		{"page=1x", "page must be a whole number"},
		{"page=1.0", "page must be a whole number written without fraction or exponent"},
		{"page=1&page=1", "page appears twice"},
		{"page=1&p%61ge=1", "page appears twice"},
		{"page=x&page=1", "page must be a whole number"},
		{"Page=0", ""},
		{"other=%00&other=&x", ""},
		{"per_page=101", "per_page must be at most 100"},
		{"status=", "status must be one of pending, shipped"},
		{"status=none", "status must be one of pending, shipped"},
		{"member_id=", "member_id must not be empty"},
		{"member_id=a+b%20c", ""},
		{"member_id=abcdef", "member_id must be at most 5 characters"},
		{"member_id=%C3%A9%C3%A9%C3%A9%C3%A9%C3%A9", ""},
		{"member_id=ééééé", ""},
		{"member_id=%C3", "member_id must be valid UTF-8"},
		{"member_id=a%00", "member_id must not contain the character U+0000"},
		{"member_id=a=b", ""},
		{"member_id=a%", "member_id has a malformed percent-encoding"},
		{"member_id=a%2", "member_id has a malformed percent-encoding"},
		{"member_id=a%2g", "member_id has a malformed percent-encoding"},
		{"x=%zz", "query has a malformed percent-encoding"},
		{"%zz=1", "query has a malformed percent-encoding"},
		{"page=1;per_page=2", "page must not contain a bare semicolon"},
		{"all=True", "all must be true or false"},
		{"all=1", "all must be true or false"},
		{"all=", "all must be true or false"},
		{"ratio=1", "ratio must be less than 1"},
		{"ratio=-0.1", "ratio must be at least 0"},
		{"ratio=1e-3", ""},
		{"ratio=NaN", "ratio must be a number"},
		{"ratio=0x1p-2", "ratio must be a number"},
		{"ratio=1_0", "ratio must be a number"},
		{"since=2026-01-01", "since must be an RFC 3339 date and time such as 2026-01-31T09:30:00Z"},
		{"since=2026-01-01T00:00:00%2B01:00", ""},
	} {
		if got := said(t, op.CheckParams(noPath, c.query, nil)); got != c.want {
			t.Errorf("%q: got %q, want %q", c.query, got, c.want)
		}
	}
	if got := said(t, op.CheckParams(noPath, strings.Repeat("page=x&", 100_000), nil)); got != "page must be a whole number" {
		t.Errorf("very long query: %q", got)
	}
}

func TestPathAndHeader(t *testing.T) {
	c := compiled(t)
	patch := c.Operation("PATCH", "/orders/{order_id}")
	for id, want := range map[string]string{
		"ord_1":                 "",
		"éé/":                   "",
		"":                      "order_id is required",
		"or":                    "order_id must be at least 3 characters",
		strings.Repeat("é", 41): "order_id must be at most 40 characters",
		"ord\x00":               "order_id must not contain the character U+0000",
		"ord\xff":               "order_id must be valid UTF-8",
	} {
		path := func(name string) string { return map[string]string{"order_id": id}[name] }
		if got := said(t, patch.CheckParams(path, "mode=quick", nil)); got != want {
			t.Errorf("%q: got %q, want %q", id, got, want)
		}
	}
	// A parameter of the operation takes the place of the path's.
	path := func(string) string { return "ord_1" }
	if got := said(t, patch.CheckParams(path, "mode=never", nil)); got != "mode must be one of quick, slow" {
		t.Error(got)
	}
	if got := said(t, patch.CheckParams(path, "", nil)); got != "mode is required" {
		t.Error(got)
	}
	if err := c.Operation("DELETE", "/orders/{order_id}").CheckParams(path, "mode=never", nil); err != nil {
		t.Error(err)
	}
	award := c.Operation("POST", "/points/award")
	for _, h := range []struct {
		values []string
		want   string
	}{
		{nil, ""},
		{[]string{"a-b_c!"}, ""},
		{[]string{strings.Repeat("x", 255)}, ""},
		{[]string{strings.Repeat("x", 256)}, "Idempotency-Key must be at most 255 characters"},
		{[]string{""}, "Idempotency-Key must not be empty"},
		{[]string{"a b"}, "Idempotency-Key must be printable ASCII"},
		{[]string{"é"}, "Idempotency-Key must be printable ASCII"},
		{[]string{"a\xe9"}, "Idempotency-Key must be valid UTF-8"},
		{[]string{"a", "a"}, "Idempotency-Key appears twice"},
	} {
		if got := said(t, award.CheckParams(noPath, "", http.Header{"Idempotency-Key": h.values})); got != h.want {
			t.Errorf("%q: got %q, want %q", h.values, got, h.want)
		}
	}
	if err := award.CheckParams(noPath, "", nil); err != nil {
		t.Error(err)
	}
}

func TestContentType(t *testing.T) {
	c := compiled(t)
	award := c.Operation("POST", "/points/award")
	const want = "Content-Type must be application/json"
	for header, want := range map[string]string{
		"": "", "application/json": "", "application/json; charset=utf-8": "", "Application/JSON;charset=UTF-8": "",
		`application/json; charset="utf-8"; x=y`: "",
		"application/json; charset=latin1":       "Content-Type must not name a charset other than utf-8",
		"text/plain":                             want, "application/x-www-form-urlencoded": want, "application/jsonp": want,
		"application/json; charset": want, ";": want, "application/json, text/plain": want,
	} {
		if got := said(t, award.CheckContentType(header)); got != want {
			t.Errorf("%q: got %q, want %q", header, got, want)
		}
	}
	if err := c.Operation("GET", "/orders").CheckContentType("text/plain"); err != nil {
		t.Error(err)
	}
}
