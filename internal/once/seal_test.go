package once_test

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"testing"

	"github.com/incent-dev/incent/internal/fault"
	"github.com/incent-dev/incent/internal/once"
	"github.com/incent-dev/incent/internal/pg"
	"github.com/incent-dev/incent/internal/pgtest"
)

func newSealer(t *testing.T) *once.Sealer {
	t.Helper()
	sealer, err := once.NewSealer(t.Context(), pgtest.DB())
	if err != nil {
		t.Fatal(err)
	}
	return sealer
}

// ticket answers with the value itself, or with the refusal's text.
func ticket(key string, hash byte) *once.Ticket {
	return &once.Ticket{Key: key, Hash: [32]byte{hash}, Render: func(value any, refusal error) once.Stored {
		if refusal != nil {
			return once.Stored{Status: http.StatusBadRequest, Body: []byte(refusal.Error())}
		}
		return once.Stored{Status: http.StatusCreated, Body: []byte(value.(string))}
	}}
}

func run(t *testing.T, tenant int64, ticket *once.Ticket, value string, refusal error) error {
	t.Helper()
	_, err := once.Run(t.Context(), pgtest.DB(), tenant, pg.Now(), ticket, func(context.Context, pg.Tx) (string, error) { return value, refusal })
	return err
}

func storedBody(t *testing.T, tenant int64, key string) (body []byte) {
	t.Helper()
	err := pgtest.DB().QueryRow(t.Context(), "SELECT body FROM idempotency_keys WHERE tenant_id = $1 AND key = sha256(convert_to($2, 'UTF8'))", tenant, key).Scan(&body)
	if err != nil {
		t.Fatal(err)
	}
	return body
}

func TestSealedAnswerIsReplayedAndNotReadable(t *testing.T) {
	t.Parallel()
	tenant, secret := pgtest.Tenant(t).ID, "the secret of a new key"
	if err := run(t, tenant, ticket("k", 1).Sealed(newSealer(t)), secret, nil); err != nil {
		t.Fatal(err)
	}
	if stored := storedBody(t, tenant, "k"); bytes.Contains(stored, []byte("secret")) {
		t.Errorf("stored in the clear: %q", stored)
	}
	// Another server has a sealer of its own, under the same secret.
	err := run(t, tenant, ticket("k", 1).Sealed(newSealer(t)), "a second effect", nil)
	var replay *once.Replay
	if !errors.As(err, &replay) || string(replay.Body) != secret || replay.Status != http.StatusCreated {
		t.Errorf("the replay is %v", err)
	}
	if err := run(t, tenant, ticket("k", 2).Sealed(newSealer(t)), "another request", nil); !fault.Is(err, fault.CodeIdempotencyConflict) {
		t.Errorf("another request under the same key: %v", err)
	}
}

func TestSealedRefusalIsReplayed(t *testing.T) {
	t.Parallel()
	tenant, refusal := pgtest.Tenant(t).ID, fault.Field("scopes", "are wrong")
	for range 2 {
		err := run(t, tenant, ticket("k", 1).Sealed(newSealer(t)), "", refusal)
		var replay *once.Replay
		if fault.As(err) == nil && (!errors.As(err, &replay) || string(replay.Body) != refusal.Error()) {
			t.Errorf("the refusal is answered with %v", err)
		}
	}
}

// A sealed row that somebody moved to another key, or changed, opens nowhere.
func TestSealedAnswerIsBoundToItsRow(t *testing.T) {
	t.Parallel()
	tenant := pgtest.Tenant(t).ID
	if err := run(t, tenant, ticket("mine", 1).Sealed(newSealer(t)), "secret", nil); err != nil {
		t.Fatal(err)
	}
	_, err := pgtest.DB().Exec(t.Context(), "UPDATE idempotency_keys SET key = sha256('stolen') WHERE tenant_id = $1", tenant)
	if err != nil {
		t.Fatal(err)
	}
	var replay *once.Replay
	if err := run(t, tenant, ticket("stolen", 1).Sealed(newSealer(t)), "x", nil); err == nil || errors.As(err, &replay) {
		t.Errorf("a moved row answers %v", err)
	}
	_, err = pgtest.DB().Exec(t.Context(), "UPDATE idempotency_keys SET body = 'short' WHERE tenant_id = $1", tenant)
	if err != nil {
		t.Fatal(err)
	}
	if err := run(t, tenant, ticket("stolen", 1).Sealed(newSealer(t)), "x", nil); err == nil || errors.As(err, &replay) {
		t.Errorf("a cut row answers %v", err)
	}
}

func TestNoTicketIsNotSealed(t *testing.T) {
	t.Parallel()
	var none *once.Ticket
	if none.Sealed(newSealer(t)) != nil {
		t.Error("a ticket came out of nothing")
	}
}
