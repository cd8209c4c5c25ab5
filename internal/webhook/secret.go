package webhook

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/incent-dev/incent/gen/query"
	"github.com/incent-dev/incent/internal/pg"
)

// vaultSecret names what the signing secrets are sealed under: unlike those of
// API keys they are needed to sign, so a hash will not do.
const vaultSecret = "webhook-seal"

func openVault(ctx context.Context, db query.DBTX) (cipher.AEAD, error) {
	key, err := pg.ServerSecret(ctx, db, vaultSecret)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("webhook secrets: %w", err)
	}
	return cipher.NewGCM(block)
}

// place binds a sealed secret to its row, so that it opens nowhere else.
func place(tenantID, endpointID, id int64) []byte {
	b := binary.BigEndian.AppendUint64(nil, uint64(tenantID))
	b = binary.BigEndian.AppendUint64(b, uint64(endpointID))
	return binary.BigEndian.AppendUint64(b, uint64(id))
}

// addSecret gives an endpoint a new secret.
func (h *Hooks) addSecret(ctx context.Context, tx query.DBTX, tenantID, endpointID int64, at time.Time) (id int64, secret []byte, err error) {
	fresh, random := pg.NewSecret(), pg.NewSecret()
	id = pg.NewKey()
	nonce := random[:h.vault.NonceSize()]
	err = q.EndpointSecretInsert(ctx, tx, query.EndpointSecretInsertParams{
		TenantID: tenantID, EndpointID: endpointID, ID: id, CreatedAt: at,
		Sealed: h.vault.Seal(nonce, nonce, fresh[:], place(tenantID, endpointID, id)),
	})
	if err != nil {
		return 0, nil, fmt.Errorf("insert webhook secret: %w", err)
	}
	return id, fresh[:], nil
}

// secrets are the live ones of an endpoint, newest first.
func (h *Hooks) secrets(ctx context.Context, tx query.DBTX, tenantID, endpointID int64, at time.Time) ([][]byte, error) {
	rows, err := q.EndpointSecretList(ctx, tx, query.EndpointSecretListParams{TenantID: tenantID, EndpointID: endpointID, At: at})
	if err != nil {
		return nil, fmt.Errorf("read webhook secrets: %w", err)
	}
	var all [][]byte
	for _, r := range rows {
		size := h.vault.NonceSize()
		if len(r.Sealed) < size {
			return nil, fmt.Errorf("a sealed webhook secret of %d bytes", len(r.Sealed))
		}
		secret, err := h.vault.Open(nil, r.Sealed[:size], r.Sealed[size:], place(tenantID, endpointID, r.ID))
		if err != nil {
			return nil, fmt.Errorf("open webhook secret: %w", err)
		}
		all = append(all, secret)
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("endpoint %s has no secret", EndpointID(endpointID))
	}
	return all, nil
}
