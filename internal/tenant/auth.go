package tenant

import (
	"context"
	"crypto/hmac"
	"crypto/subtle"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/incent-dev/incent/gen/query"
	"github.com/incent-dev/incent/internal/fault"
	"github.com/incent-dev/incent/internal/once"
	"github.com/incent-dev/incent/internal/pg"
)

const (
	// authFreshness bounds how long a server believes what it read of a key,
	// so how long a revocation takes to reach it: 5 seconds are promised.
	authFreshness = 4 * time.Second

	// refreshAfter is the age from which one caller reads a key again.
	refreshAfter = 2 * time.Second

	// touchEvery spares the database a write per request for the last use.
	touchEvery = time.Minute

	// cacheLimit bounds the keys remembered; beyond it the cache starts anew.
	cacheLimit = 10_000
)

// Keys authenticates callers and manages their keys. Make it with NewKeys.
type Keys struct {
	db     *pg.DB
	secret []byte
	sealer *once.Sealer

	reading singleflight.Group

	mu    sync.Mutex
	known map[keyAddress]*knownKey
}

type keyAddress struct{ tenant, key int64 }

type knownKey struct {
	principal Principal
	secrets   []knownSecret
	readAt    time.Time
	touchedAt time.Time
	last      atomic.Pointer[provenSecret]

	refreshing atomic.Bool // somebody reads it again
}

type provenSecret struct {
	secret [secretSize]byte
	known  *knownSecret
}

type knownSecret struct {
	mac       []byte
	expiresAt *time.Time
}

const macSecret = "api-key-mac"

// NewKeys reads the secret under which keys are stored, making it on the first
// start of the first server.
func NewKeys(ctx context.Context, db *pg.DB) (*Keys, error) {
	secret, err := pg.ServerSecret(ctx, db, macSecret)
	if err != nil {
		return nil, err
	}
	sealer, err := once.NewSealer(ctx, db)
	if err != nil {
		return nil, err
	}
	return &Keys{db: db, secret: secret, sealer: sealer, known: map[keyAddress]*knownKey{}}, nil
}

func refused() error {
	return fault.New(fault.Unauthorized, fault.CodeUnauthorized, "The API key is missing, unknown or revoked")
}

// Authenticate turns a key's text into the principal it proves. Every text that
// proves nothing gets the same answer.
func (k *Keys) Authenticate(ctx context.Context, kind Kind, text string) (Principal, error) {
	parsed, prefix, ok := parseKey(text)
	if !ok {
		return Principal{}, refused()
	}
	known, err := k.lookUp(ctx, keyAddress{parsed.tenant, parsed.key})
	if err != nil {
		return Principal{}, err
	}
	if known == nil || known.principal.Kind != kind || prefix != prefixOf(kind, known.principal.Mode) {
		return Principal{}, refused()
	}
	if !k.proves(known, parsed.secret) {
		return Principal{}, refused()
	}
	return known.principal, nil
}

// proves tells whether a secret is one of the key's. The one that proved it
// last is remembered for as long as the key is believed, which spares its
// requests the HMAC.
func (k *Keys) proves(known *knownKey, secret [secretSize]byte) bool {
	live := func(s *knownSecret) bool { return s.expiresAt == nil || s.expiresAt.After(pg.Now()) }
	if last := known.last.Load(); last != nil && subtle.ConstantTimeCompare(last.secret[:], secret[:]) == 1 && live(last.known) {
		return true
	}
	mac := macOf(k.secret, secret)
	for i := range known.secrets {
		if s := &known.secrets[i]; hmac.Equal(s.mac, mac) && live(s) {
			known.last.Store(&provenSecret{secret, s})
			return true
		}
	}
	return false
}

// lookUp finds a key in memory, or reads it; nil when it proves nothing. While
// one caller reads a key again that is getting old, the others go on with it, so
// a busy key never sends a herd to the database.
func (k *Keys) lookUp(ctx context.Context, at keyAddress) (*knownKey, error) {
	now := pg.Now()
	k.mu.Lock()
	known := k.known[at]
	k.mu.Unlock()
	if known != nil {
		age := now.Sub(known.readAt)
		if age < refreshAfter || age < authFreshness && !known.refreshing.CompareAndSwap(false, true) {
			return known, nil
		}
	}
	read, err, _ := k.reading.Do(fmt.Sprint(at), func() (any, error) { return k.read(ctx, at, known, now) })
	if err != nil && known != nil && now.Sub(known.readAt) < authFreshness {
		return known, nil
	}
	if err != nil {
		return nil, pg.Fault(err)
	}
	return read.(*knownKey), nil
}

// read reads a key anew and notes its use; nil when it proves nothing.
func (k *Keys) read(ctx context.Context, at keyAddress, before *knownKey, now time.Time) (*knownKey, error) {
	rows, err := query.New().KeyGetForAuth(ctx, k.db, query.KeyGetForAuthParams{TenantID: at.tenant, ID: at.key})
	if err != nil {
		return nil, err
	}
	if len(rows) == 0 {
		k.forget(at)
		return nil, nil
	}
	fresh := &knownKey{
		principal: Principal{Tenant: at.tenant, Key: at.key, Mode: Mode(rows[0].Mode), Kind: Kind(rows[0].Kind), Scopes: rows[0].Scopes, Budget: rows[0].Budget},
		readAt:    now,
	}
	for _, r := range rows {
		fresh.secrets = append(fresh.secrets, knownSecret{r.Mac, r.ExpiresAt})
	}
	if before != nil {
		fresh.touchedAt = before.touchedAt
	}
	if now.Sub(fresh.touchedAt) >= touchEvery {
		fresh.touchedAt = now
		if err := query.New().KeyTouch(ctx, k.db, query.KeyTouchParams{TenantID: at.tenant, ID: at.key, At: now}); err != nil {
			return nil, err
		}
	}
	k.remember(at, fresh)
	return fresh, nil
}

func (k *Keys) remember(at keyAddress, fresh *knownKey) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.known) >= cacheLimit {
		clear(k.known)
	}
	k.known[at] = fresh
}

func (k *Keys) forget(at keyAddress) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.known, at)
}

// Key is an API key as people see it: never its secret.
type Key struct {
	ID         int64
	Kind       Kind
	Name       string
	Scopes     []string
	CreatedAt  time.Time
	LastUsedAt *time.Time
	RevokedAt  *time.Time

	// PreviousUntil is when the secret before the newest ends; zero: there is
	// no other one.
	PreviousUntil time.Time
}

func keyFromRow(r query.ApiKey) Key {
	return Key{
		ID: r.ID, Kind: Kind(r.Kind), Name: r.Name, Scopes: r.Scopes,
		CreatedAt: r.CreatedAt.UTC(), LastUsedAt: r.LastUsedAt, RevokedAt: r.RevokedAt,
	}
}
