package tenant

import (
	"context"
	"fmt"
	"math"
	"time"
	"unicode/utf8"

	"github.com/incent-dev/incent/gen/query"
	"github.com/incent-dev/incent/internal/fault"
	"github.com/incent-dev/incent/internal/once"
	"github.com/incent-dev/incent/internal/pg"
)

// CodeAlreadyExists is the refusal of a name that is taken.
const CodeAlreadyExists = "already_exists"

const (
	maxNameLength    = 100
	maxKeyNameLength = 255
)

// Create makes a tenant: one programme in one mode.
func Create(ctx context.Context, db *pg.DB, name string, mode Mode) (Tenant, error) {
	if n := utf8.RuneCountInString(name); n == 0 || n > maxNameLength {
		return Tenant{}, fault.Field("name", "must have 1 to %d characters", maxNameLength)
	}
	if mode != Live && mode != Test {
		return Tenant{}, fault.Field("mode", "must be live or test")
	}
	tenantID := pg.NewKey()
	err := query.New().TenantInsert(ctx, db, query.TenantInsertParams{TenantID: tenantID, Name: name, Mode: string(mode), CreatedAt: pg.Now()})
	if pg.Violates(err, "tenants_name_mode_unique") {
		return Tenant{}, fault.New(fault.Conflict, CodeAlreadyExists, "There is a %s tenant named %s already", mode, name)
	}
	if err != nil {
		return Tenant{}, fmt.Errorf("insert tenant: %w", err)
	}
	return Get(ctx, db, tenantID)
}

// Find reads a tenant by programme and mode.
func Find(ctx context.Context, db query.DBTX, name string, mode Mode) (Tenant, error) {
	row, err := query.New().TenantFind(ctx, db, query.TenantFindParams{Name: name, Mode: string(mode)})
	if pg.IsNoRows(err) {
		return Tenant{}, fault.Missing(fmt.Sprintf("%s tenant %s", mode, name))
	}
	if err != nil {
		return Tenant{}, err
	}
	return fromRow(row), nil
}

// List reads all tenants, by name.
func List(ctx context.Context, db query.DBTX) ([]Tenant, error) {
	rows, err := query.New().TenantList(ctx, db)
	tenants := make([]Tenant, len(rows))
	for i, r := range rows {
		tenants[i] = fromRow(r)
	}
	return tenants, err
}

// NewKey is a key with its text, which is shown this once.
type NewKey struct {
	Key
	Text string
}

// CreateKey makes a key.
func (k *Keys) CreateKey(ctx context.Context, tx query.DBTX, t Tenant, kind Kind, name string, scopes []string) (NewKey, error) {
	if n := utf8.RuneCountInString(name); n == 0 || n > maxKeyNameLength {
		return NewKey{}, fault.Field("name", "must have 1 to %d characters", maxKeyNameLength)
	}
	if kind != Incenta && kind != Incentable && kind != Management {
		return NewKey{}, fault.Field("kind", "must be incenta, incentable or management")
	}
	if err := CheckScopes(kind, scopes); err != nil {
		return NewKey{}, err
	}
	now := pg.Now()
	key := Key{ID: pg.NewKey(), Kind: kind, Name: name, Scopes: scopes, CreatedAt: now}
	err := query.New().KeyInsert(ctx, tx, query.KeyInsertParams{TenantID: t.ID, ID: key.ID, Kind: string(kind), Name: name, Scopes: scopes, CreatedAt: now})
	if err != nil {
		return NewKey{}, fmt.Errorf("insert key: %w", err)
	}
	text, _, err := k.addSecret(ctx, tx, t, key)
	return NewKey{key, text}, err
}

func (k *Keys) addSecret(ctx context.Context, tx query.DBTX, t Tenant, key Key) (text string, mac []byte, err error) {
	parsed := parsedKey{tenant: t.ID, key: key.ID, secret: pg.NewSecret()}
	mac = macOf(k.secret, parsed.secret)
	err = query.New().KeySecretInsert(ctx, tx, query.KeySecretInsertParams{TenantID: t.ID, KeyID: key.ID, Mac: mac, CreatedAt: pg.Now()})
	if err != nil {
		return "", nil, fmt.Errorf("insert key secret: %w", err)
	}
	return parsed.text(prefixOf(key.Kind, t.Mode)), mac, nil
}

// MaxOverlap bounds how long an old secret outlives a rotation.
const MaxOverlap = 30 * 24 * time.Hour

// CreateKeyOnce is CreateKey in a transaction of its own, under a ticket whose
// answer is stored sealed.
func (k *Keys) CreateKeyOnce(ctx context.Context, tenantID int64, kind Kind, name string, scopes []string, ticket *once.Ticket) (NewKey, error) {
	return once.Run(ctx, k.db, tenantID, pg.Now(), ticket.Sealed(k.sealer), func(ctx context.Context, tx pg.Tx) (NewKey, error) {
		t, err := Get(ctx, tx, tenantID)
		if err != nil {
			return NewKey{}, err
		}
		return k.CreateKey(ctx, tx, t, kind, name, scopes)
	})
}

// CodeInvalidTransition is the refusal of a change that a key's state forbids.
const CodeInvalidTransition = "invalid_transition"

// RotateKey gives a key a new secret. The one before ends after the overlap;
// one that was ending already ends now, so there are never more than two.
func (k *Keys) RotateKey(ctx context.Context, tx pg.Tx, t Tenant, keyID int64, overlap time.Duration) (NewKey, error) {
	q := query.New()
	row, err := q.KeyGetForUpdate(ctx, tx, query.KeyGetForUpdateParams{TenantID: t.ID, ID: keyID})
	if pg.IsNoRows(err) {
		return NewKey{}, fault.Missing("key")
	}
	if err != nil {
		return NewKey{}, err
	}
	if row.RevokedAt != nil {
		return NewKey{}, fault.New(fault.Invalid, CodeInvalidTransition, "The key is revoked; create a new one")
	}
	if overlap < 0 || overlap > MaxOverlap {
		return NewKey{}, fault.Field("overlapSeconds", "must be between 0 and %d", int(MaxOverlap.Seconds()))
	}
	key := keyFromRow(row)
	text, mac, err := k.addSecret(ctx, tx, t, key)
	if err != nil {
		return NewKey{}, err
	}
	now := pg.Now()
	if overlap > 0 {
		key.PreviousUntil = now.Add(overlap)
	}
	err = q.KeySecretExpire(ctx, tx, query.KeySecretExpireParams{TenantID: t.ID, KeyID: keyID, At: now, ExpiresAt: now.Add(overlap), KeepMac: mac})
	if err != nil {
		return NewKey{}, fmt.Errorf("expire key secrets: %w", err)
	}
	err = q.KeySecretDeleteEnded(ctx, tx, query.KeySecretDeleteEndedParams{TenantID: t.ID, KeyID: keyID, At: now})
	k.forget(keyAddress{t.ID, keyID})
	return NewKey{key, text}, err
}

// RotateKeyOnce is RotateKey by public id, in a transaction of its own, under a
// ticket whose answer is stored sealed.
func (k *Keys) RotateKeyOnce(ctx context.Context, tenantID int64, publicID string, overlap time.Duration, ticket *once.Ticket) (NewKey, error) {
	keyID, ok := ParseKeyID(publicID)
	return once.Run(ctx, k.db, tenantID, pg.Now(), ticket.Sealed(k.sealer), func(ctx context.Context, tx pg.Tx) (NewKey, error) {
		if !ok {
			return NewKey{}, fault.Missing("key")
		}
		t, err := Get(ctx, tx, tenantID)
		if err != nil {
			return NewKey{}, err
		}
		return k.RotateKey(ctx, tx, t, keyID, overlap)
	})
}

// RevokeKey ends a key. Revoking twice is the same as once.
func (k *Keys) RevokeKey(ctx context.Context, tx query.DBTX, tenantID, keyID int64) error {
	q := query.New()
	if _, err := q.KeyGet(ctx, tx, query.KeyGetParams{TenantID: tenantID, ID: keyID}); err != nil {
		if pg.IsNoRows(err) {
			return fault.Missing("key")
		}
		return err
	}
	_, err := q.KeyRevoke(ctx, tx, query.KeyRevokeParams{TenantID: tenantID, ID: keyID, RevokedAt: pg.Now()})
	k.forget(keyAddress{tenantID, keyID})
	return err
}

// Revoke is RevokeKey by public id.
func (k *Keys) Revoke(ctx context.Context, tenantID int64, publicID string) error {
	keyID, ok := ParseKeyID(publicID)
	if !ok {
		return fault.Missing("key")
	}
	return pg.Fault(k.RevokeKey(ctx, k.db, tenantID, keyID))
}

// KeyFilter selects keys. A nil kind selects all.
type KeyFilter struct {
	Kind        *Kind
	Limit, Skip int
}

// List reads a tenant's keys, newest first, revoked ones included.
func (k *Keys) List(ctx context.Context, tenantID int64, f KeyFilter) (keys []Key, total int64, err error) {
	q := query.New()
	rows, err := q.KeyListByTenant(ctx, k.db, query.KeyListByTenantParams{
		TenantID: tenantID, Kind: (*string)(f.Kind), At: pg.Now(), MaxRows: int32(f.Limit), SkipRows: int32(min(f.Skip, math.MaxInt32)),
	})
	if err != nil {
		return nil, 0, pg.Fault(fmt.Errorf("list keys: %w", err))
	}
	for _, r := range rows {
		key := keyFromRow(r.ApiKey)
		if until := r.PreviousUntil.UTC(); until.Year() > 1 {
			key.PreviousUntil = until
		}
		keys = append(keys, key)
	}
	total, err = q.KeyCountByTenant(ctx, k.db, query.KeyCountByTenantParams{TenantID: tenantID, Kind: (*string)(f.Kind)})
	return keys, total, pg.Fault(err)
}
