package tenant

import (
	"flag"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/incent-dev/incent/internal/fault"
)

// What is drawn is the same in every run; -rapid.seed says otherwise by hand.
func init() {
	if err := flag.Set("rapid.seed", "20240"); err != nil {
		panic(err)
	}
}

var prefixes = []string{"inc_live_", "inc_test_", "icb_live_", "icb_test_", "mgt_live_", "mgt_test_"}

func TestKeyTextRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		k := parsedKey{tenant: rapid.Int64().Draw(t, "tenant"), key: rapid.Int64().Draw(t, "key")}
		copy(k.secret[:], rapid.SliceOfN(rapid.Byte(), secretSize, secretSize).Draw(t, "secret"))
		prefix := rapid.SampledFrom(prefixes).Draw(t, "prefix")
		got, gotPrefix, ok := parseKey(k.text(prefix))
		if !ok || got != k || gotPrefix != prefix {
			t.Fatalf("%s reads as %v %q %v", k.text(prefix), got, gotPrefix, ok)
		}
	})
}

// No text but the key's own is that key: not one with another character, another
// prefix, another case, or another spelling of the bits to spare at the end.
func TestKeyTextHasOneSpelling(t *testing.T) {
	const alphabet = "0123456789abcdefghjkmnpqrstvwxyzABZ_- ilou"
	good := parsedKey{tenant: 7, key: 9, secret: [secretSize]byte{1, 2, 3}}.text("inc_test_")
	refuse := func(text string) {
		t.Helper()
		if _, _, ok := parseKey(text); ok {
			t.Errorf("%q is taken for a key", text)
		}
	}
	for i := range good {
		for _, c := range alphabet {
			if byte(c) != good[i] {
				refuse(good[:i] + string(c) + good[i+1:])
			}
		}
	}
	for _, prefix := range append(prefixes, "", "_", "inc_", "INC_TEST_") {
		if prefix != "inc_test_" {
			refuse(prefix + strings.TrimPrefix(good, "inc_test_"))
		}
	}
	for _, text := range []string{"", "_", good[1:], good[:len(good)-1], good + "0", " " + good, good + "\n", strings.ToUpper(good), good + good} {
		refuse(text)
	}
}

func TestScopes(t *testing.T) {
	for name, c := range map[string]struct {
		scopes []string
		can    map[string]bool
	}{
		"by name":   {[]string{"points:read"}, map[string]bool{"points:read": true, "points:write": false, "orders:read": false}},
		"by verb":   {[]string{"write"}, map[string]bool{"points:write": true, "orders:write": true, "points:read": false}},
		"both":      {[]string{"read", "orders:write"}, map[string]bool{"points:read": true, "orders:write": true, "points:write": false}},
		"no prefix": {[]string{"points"}, map[string]bool{"points:read": false}},
	} {
		for scope, want := range c.can {
			if got := (Principal{Scopes: c.scopes}).Can(scope); got != want {
				t.Errorf("%s: %s is %v", name, scope, got)
			}
		}
	}
	for _, scopes := range [][]string{nil, {"all"}, {"read", "ledger:read"}, {"points:delete"}, {":read"}, {"points:"}, {""}} {
		if f := fault.As(CheckScopes(Incentable, scopes)); f == nil || !strings.HasPrefix(f.Details[0].Field, "scopes") {
			t.Errorf("%q is taken for scopes: %v", scopes, f)
		}
	}
	for kind, groups := range Groups {
		for _, group := range groups {
			if err := CheckScopes(kind, []string{"read", group + ":read", group + ":write"}); err != nil {
				t.Errorf("%s: %v", kind, err)
			}
		}
	}
}

func TestPolicyInstants(t *testing.T) {
	at := func(text string) time.Time {
		parsed, err := time.Parse(time.RFC3339, text)
		if err != nil {
			t.Fatal(err)
		}
		return parsed
	}
	leap := Policy{Expiry: ExpiryFixed, ExpiryMonth: time.February, ExpiryDay: 29}
	for name, c := range map[string]struct {
		policy Policy
		at     string
		want   string // "": never by itself
	}{
		"none":                     {Policy{Expiry: ExpiryNone}, "2026-05-01T12:00:00Z", ""},
		"rolling":                  {Policy{Expiry: ExpiryRolling, ExpiryDays: 30}, "2026-05-01T12:00:00Z", "2026-05-31T12:00:00Z"},
		"this year's":              {Policy{Expiry: ExpiryFixed, ExpiryMonth: time.December, ExpiryDay: 31}, "2026-05-01T12:00:00Z", "2027-01-01T00:00:00Z"},
		"on the day":               {Policy{Expiry: ExpiryFixed, ExpiryMonth: time.May, ExpiryDay: 1}, "2026-05-01T23:59:59Z", "2026-05-02T00:00:00Z"},
		"as the day ends":          {Policy{Expiry: ExpiryFixed, ExpiryMonth: time.May, ExpiryDay: 1}, "2026-05-02T00:00:00Z", "2027-05-02T00:00:00Z"},
		"no such day this year":    {leap, "2026-01-01T00:00:00Z", "2026-03-01T00:00:00Z"},
		"such a day in leap years": {leap, "2028-02-29T10:00:00Z", "2028-03-01T00:00:00Z"},
		"inactivity":               {Policy{Expiry: ExpiryInactivity, ExpiryDays: 10}, "2026-05-01T12:00:00Z", ""},
	} {
		want := time.Time{}
		if c.want != "" {
			want = at(c.want)
		}
		if got := c.policy.ExpiresAt(at(c.at)); !got.Equal(want) {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
	idle := Policy{Expiry: ExpiryInactivity, ExpiryDays: 10}
	if got := idle.IdleAt(at("2026-05-01T12:00:00Z")); !got.Equal(at("2026-05-11T12:00:00Z")) {
		t.Errorf("idle at %s", got)
	}
	if got := leap.IdleAt(at("2026-05-01T12:00:00Z")); !got.IsZero() {
		t.Errorf("idle at %s without that policy", got)
	}
}
