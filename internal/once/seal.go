package once

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"fmt"

	"github.com/incent-dev/incent/gen/query"
	"github.com/incent-dev/incent/internal/pg"
)

const sealSecret = "idempotency-seal"

// Sealer keeps answers that hold a secret unreadable while they are stored.
type Sealer struct{ aead cipher.AEAD }

// NewSealer reads the secret that all servers seal under.
func NewSealer(ctx context.Context, db query.DBTX) (*Sealer, error) {
	secret, err := pg.ServerSecret(ctx, db, sealSecret)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(secret)
	if err != nil {
		return nil, fmt.Errorf("sealer: %w", err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, fmt.Errorf("sealer: %w", err)
	}
	return &Sealer{aead}, nil
}

// Sealed makes a ticket, which may be nil, keep its answer sealed. The command
// decides it, not the caller: a replay's request has the same hash, so the same
// route, so the same command, and finds what it sealed.
func (t *Ticket) Sealed(s *Sealer) *Ticket {
	if t != nil {
		t.sealer = s
	}
	return t
}

// stored is an answer's body as its row keeps it.
func (t *Ticket) stored(tenant int64, body []byte) []byte {
	if t.sealer == nil {
		return body
	}
	random := pg.NewSecret()
	nonce := random[:t.sealer.aead.NonceSize()]
	return t.sealer.aead.Seal(nonce, nonce, body, t.place(tenant))
}

// opened is the inverse of stored.
func (t *Ticket) opened(tenant int64, stored []byte) ([]byte, error) {
	if t.sealer == nil {
		return stored, nil
	}
	size := t.sealer.aead.NonceSize()
	if len(stored) < size {
		return nil, fmt.Errorf("a sealed answer of %d bytes", len(stored))
	}
	body, err := t.sealer.aead.Open(nil, stored[:size], stored[size:], t.place(tenant))
	if err != nil {
		return nil, fmt.Errorf("open sealed answer: %w", err)
	}
	return body, nil
}

// place binds a sealed answer to its row, so that it opens nowhere else.
func (t *Ticket) place(tenant int64) []byte {
	b := binary.BigEndian.AppendUint64(nil, uint64(tenant))
	b = append(b, t.Hash[:]...)
	return append(b, t.Key...)
}
