package tenant_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/incent-dev/incent/internal/fault"
	"github.com/incent-dev/incent/internal/pg"
	"github.com/incent-dev/incent/internal/pgtest"
	"github.com/incent-dev/incent/internal/tenant"
)

// keysOf are the keys as one server sees them, with a memory of its own.
func keysOf(t testing.TB) *tenant.Keys {
	t.Helper()
	keys, err := tenant.NewKeys(t.Context(), pgtest.DB())
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

func newKey(t testing.TB, keys *tenant.Keys, of tenant.Tenant, kind tenant.Kind) tenant.NewKey {
	t.Helper()
	key, err := keys.CreateKey(t.Context(), pgtest.DB(), of, kind, "Shop", []string{"read"})
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func rotate(t testing.TB, keys *tenant.Keys, of tenant.Tenant, key int64, overlap time.Duration) (tenant.NewKey, error) {
	return pg.InTx(t.Context(), pgtest.DB(), func(ctx context.Context, tx pg.Tx) (tenant.NewKey, error) {
		return keys.RotateKey(ctx, tx, of, key, overlap)
	})
}

func proves(t testing.TB, keys *tenant.Keys, kind tenant.Kind, text string) bool {
	t.Helper()
	_, err := keys.Authenticate(t.Context(), kind, text)
	if err != nil && !fault.Is(err, fault.CodeUnauthorized) {
		t.Fatal(err)
	}
	return err == nil
}

func TestKeyProvesItsPrincipal(t *testing.T) {
	t.Parallel()
	keys, of := keysOf(t), pgtest.Tenant(t)
	key := newKey(t, keys, of, tenant.Incentable)
	for _, server := range []*tenant.Keys{keys, keysOf(t)} {
		p, err := server.Authenticate(t.Context(), tenant.Incentable, key.Text)
		if err != nil {
			t.Fatal(err)
		}
		if p.Tenant != of.ID || p.Key != key.ID || p.Mode != tenant.Test || p.Kind != tenant.Incentable || !slices.Equal(p.Scopes, []string{"read"}) {
			t.Errorf("proves %+v", p)
		}
		for _, kind := range []tenant.Kind{tenant.Incenta, tenant.Management} {
			if proves(t, server, kind, key.Text) {
				t.Errorf("opens %s too", kind)
			}
		}
	}
	if other := newKey(t, keys, pgtest.Tenant(t), tenant.Incentable); proves(t, keys, tenant.Incentable, key.Text[:60]+other.Text[60:]) {
		t.Error("halves of two keys are one")
	}
}

// A server believes what it read of a key for seconds. What ends through itself
// ends at once, and an overlap's end needs nothing to be read.
func TestMemoryOfKeys(t *testing.T) {
	t.Parallel()
	keys, of := keysOf(t), pgtest.Tenant(t)
	first := newKey(t, keys, of, tenant.Incenta)
	is := func(what string, text string, want bool) {
		t.Helper()
		if got := proves(t, keys, tenant.Incenta, text); got != want {
			t.Errorf("%s: %v", what, got)
		}
	}
	is("fresh", first.Text, true)
	second, err := rotate(t, keys, of, first.ID, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	is("old secret in its overlap", first.Text, true)
	is("new secret", second.Text, true)
	if left := time.Until(second.PreviousUntil); left < 59*time.Minute || left > time.Hour {
		t.Errorf("the old secret has %s", left)
	}
	third, err := rotate(t, keys, of, first.ID, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	is("never more than two", first.Text, false)
	is("the one before", second.Text, true)
	fourth, err := rotate(t, keys, of, first.ID, 0)
	if err != nil {
		t.Fatal(err)
	}
	is("no overlap", third.Text, false)
	is("the one before that", second.Text, false)
	is("the newest", fourth.Text, true)
	for range 2 {
		if err := keys.RevokeKey(t.Context(), pgtest.DB(), of.ID, first.ID); err != nil {
			t.Fatal(err)
		}
	}
	is("revoked", fourth.Text, false)
	if _, err := rotate(t, keys, of, first.ID, 0); !fault.Is(err, tenant.CodeInvalidTransition) {
		t.Errorf("a revoked key rotates: %v", err)
	}
	stranger := pgtest.Tenant(t)
	if _, err := rotate(t, keys, stranger, first.ID, 0); !fault.Is(err, fault.CodeNotFound) {
		t.Errorf("another tenant's key rotates: %v", err)
	}
	if err := keys.RevokeKey(t.Context(), pgtest.DB(), stranger.ID, first.ID); !fault.Is(err, fault.CodeNotFound) {
		t.Errorf("another tenant's key can be revoked: %v", err)
	}
}

// The end of an overlap holds on a server that remembers the secret, though it
// reads nothing anew.
func TestOverlapEndsByItself(t *testing.T) {
	t.Parallel()
	keys, other, of := keysOf(t), keysOf(t), pgtest.Tenant(t)
	old := newKey(t, keys, of, tenant.Incenta)
	made, err := rotate(t, keys, of, old.ID, 200*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	for {
		before := pg.Now()
		believed := proves(t, other, tenant.Incenta, old.Text)
		switch {
		case believed && before.After(made.PreviousUntil):
			t.Fatal("it is believed longer than it lives")
		case !believed && pg.Now().Before(made.PreviousUntil):
			t.Fatal("it ended before its time")
		case !believed:
			return
		}
	}
}

// Many ask at once with a key nobody has read yet.
func TestManyReadAKeyAtOnce(t *testing.T) {
	t.Parallel()
	keys, of := keysOf(t), pgtest.Tenant(t)
	key := newKey(t, keys, of, tenant.Management)
	var all sync.WaitGroup
	for i := range 64 {
		all.Go(func() {
			text := key.Text
			if i%2 == 1 {
				text = text[:len(text)-1]
			}
			if got := proves(t, keys, tenant.Management, text); got != (i%2 == 0) {
				t.Errorf("%d: %v", i, got)
			}
		})
	}
	all.Wait()
	listed, total, err := keys.List(t.Context(), of.ID, tenant.KeyFilter{Limit: 10})
	if err != nil || total != 1 || len(listed) != 1 || listed[0].LastUsedAt == nil {
		t.Errorf("%d keys, %+v, %v", total, listed, err)
	}
}

// Members have places without a gap, whoever enrols them at the same time.
func TestMembersHavePlaces(t *testing.T) {
	t.Parallel()
	of := pgtest.Tenant(t)
	ids := []string{"a", "b", "c", "d", "e", "f", "g", "h"}
	var all sync.WaitGroup
	for i := range 16 {
		all.Go(func() {
			_, err := pg.InTx(t.Context(), pgtest.DB(), func(ctx context.Context, tx pg.Tx) (struct{}, error) {
				return struct{}{}, tenant.Enrol(ctx, tx, of, []string{ids[i%8], ids[(i+3)%8], ids[i%8]})
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	registry := tenant.NewRegistry(pgtest.DB())
	var seen []string
	for skip := 0; skip < 12; skip += 3 {
		page, total, err := registry.Members(t.Context(), of.ID, 3, skip)
		if err != nil || total != int64(len(ids)) {
			t.Fatalf("total %d, %v", total, err)
		}
		for _, m := range page {
			seen = append(seen, m.ID)
		}
	}
	slices.Sort(seen)
	if !slices.Equal(seen, ids) {
		t.Errorf("members are %q", seen)
	}
}
