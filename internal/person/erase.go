package person

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/incent-dev/incent/gen/query"
	"github.com/incent-dev/incent/internal/batch"
	"github.com/incent-dev/incent/internal/fault"
	"github.com/incent-dev/incent/internal/once"
	"github.com/incent-dev/incent/internal/pg"
	"github.com/incent-dev/incent/internal/tenant"
)

const (
	// digestSecret names the secret under which the ids of erased members are hashed.
	digestSecret = "erased-member"

	// maxWords bounds what one member's stored answers are found by.
	maxWords = 1000

	// quietPatience bounds how long an erasure waits for transactions that began
	// before it: batches take milliseconds, an audit or a dump may take an hour,
	// and the sweep comes by again.
	quietPatience = 3 * time.Second
	quietPoll     = 10 * time.Millisecond

	// inlinePatience bounds how long a caller waits for an erasure to be complete.
	inlinePatience = 10 * time.Second

	// openErasures bounds those that one sweep finishes.
	openErasures = 100

	// atOnce is how many of them go on side by side, so that they share the
	// reading of stored answers.
	atOnce = 8
)

var q = query.New()

// ErrUnderWay says that transactions are under way which began before an erasure
// and may still write what they found: the erasure waits for them.
var ErrUnderWay = errors.New("transactions that began before the erasure are still under way")

// People tells and forgets what is stored about members. Make it with New; Close
// it.
type People struct {
	db      *pg.DB
	secret  []byte
	settle  func(ctx context.Context, tenantID int64) error
	answers *batch.Group[subject, struct{}]
}

// New makes it on a database. settle is called before an export: what it stores
// that was waiting until somebody looks is in it.
func New(ctx context.Context, db *pg.DB, settle func(ctx context.Context, tenantID int64) error) (*People, error) {
	secret, err := pg.ServerSecret(ctx, db, digestSecret)
	p := &People{db: db, secret: secret, settle: settle}
	p.answers = batch.New(openErasures, nil, p.runAnswers)
	return p, err
}

// Close waits for what erasures are at, until ctx ends.
func (p *People) Close(ctx context.Context) { p.answers.Close(ctx) }

// Erasure is the forgetting of a member.
type Erasure struct {
	Member      string // the tombstone's id
	ErasedAt    time.Time
	CompletedAt time.Time // zero: something is still to be removed

	row query.Erasure
}

func erasureFromRow(r query.Erasure) Erasure {
	e := Erasure{Member: tenant.Tombstone(r.MemberID), ErasedAt: r.ErasedAt.UTC(), row: r}
	if r.CompletedAt != nil {
		e.CompletedAt = r.CompletedAt.UTC()
	}
	return e
}

// Erase forgets a member, named by the caller's id, that of a member erased
// before, or a tombstone's. It begins at once, and is mostly complete when it
// answers; where it is not, Finish completes it.
func (p *People) Erase(ctx context.Context, tenantID int64, member string, ticket *once.Ticket) (Erasure, error) {
	e, err := once.Run(ctx, p.db, tenantID, pg.Now(), ticket, func(ctx context.Context, tx pg.Tx) (Erasure, error) {
		row, err := q.MemberGetForUpdate(ctx, tx, query.MemberGetForUpdateParams{TenantID: tenantID, ExternalID: member})
		if pg.IsNoRows(err) || err == nil && row.ErasedAt != nil {
			return p.find(ctx, tx, tenantID, member)
		}
		if err != nil {
			return Erasure{}, fmt.Errorf("lock member: %w", err)
		}
		return p.begin(ctx, tx, tenantID, row)
	})
	if err == nil && e.CompletedAt.IsZero() {
		// The erasure has begun whatever comes of this; the sweep will meet the
		// same trouble, and report it.
		inline, cancel := context.WithTimeout(ctx, inlinePatience)
		defer cancel()
		_ = p.finish(inline, e.row)
	}
	return e, err
}

func (p *People) begin(ctx context.Context, tx pg.Tx, tenantID int64, m query.Member) (Erasure, error) {
	t, err := tenant.Get(ctx, tx, tenantID)
	if err != nil {
		return Erasure{}, err
	}
	found, err := q.MemberListWords(ctx, tx, query.MemberListWordsParams{TenantID: tenantID, MemberID: m.ID, MaxRows: maxWords})
	if err != nil {
		return Erasure{}, fmt.Errorf("list words of a member: %w", err)
	}
	row := query.Erasure{TenantID: tenantID, MemberID: m.ID, Digest: p.digest(tenantID, m.ExternalID), Words: []string{m.ExternalID}, ErasedAt: t.Now()}
	for _, w := range found {
		row.Words = append(row.Words, w.Word)
	}
	err = q.MemberUpdateErased(ctx, tx, query.MemberUpdateErasedParams{TenantID: tenantID, ID: m.ID, Tombstone: tenant.Tombstone(m.ID), At: row.ErasedAt})
	if err != nil {
		return Erasure{}, fmt.Errorf("forget member: %w", err)
	}
	err = q.ErasureInsert(ctx, tx, query.ErasureInsertParams{TenantID: tenantID, MemberID: m.ID, Digest: row.Digest, Words: row.Words, At: row.ErasedAt})
	if err != nil {
		return Erasure{}, fmt.Errorf("insert erasure: %w", err)
	}
	return erasureFromRow(row), nil
}

// Erasure tells of a member who was erased, named as for Erase.
func (p *People) Erasure(ctx context.Context, tenantID int64, member string) (Erasure, error) {
	e, err := p.find(ctx, p.db, tenantID, member)
	return e, pg.Fault(err)
}

func (p *People) find(ctx context.Context, db query.DBTX, tenantID int64, member string) (Erasure, error) {
	var row query.Erasure
	var err error
	if id, ok := tenant.ParseTombstone(member); ok {
		row, err = q.ErasureGet(ctx, db, query.ErasureGetParams{TenantID: tenantID, MemberID: id})
	} else {
		row, err = q.ErasureFind(ctx, db, query.ErasureFindParams{TenantID: tenantID, Digest: p.digest(tenantID, member)})
	}
	if pg.IsNoRows(err) {
		return Erasure{}, fault.Missing("member")
	}
	if err != nil {
		return Erasure{}, fmt.Errorf("find erasure: %w", err)
	}
	return erasureFromRow(row), nil
}

// digest is the keyed hash that is kept of an erased member's id.
func (p *People) digest(tenantID int64, member string) []byte {
	h := hmac.New(sha256.New, p.secret)
	var owner [8]byte
	binary.BigEndian.PutUint64(owner[:], uint64(tenantID))
	h.Write(owner[:])
	io.WriteString(h, member)
	return h.Sum(nil)
}

// Unfinished lists the tenants with erasures that are not complete.
func (p *People) Unfinished(ctx context.Context) ([]int64, error) {
	return q.ErasureListOpenTenants(ctx, p.db)
}

// Finish completes a tenant's erasures that have begun: a sweep. One that has to
// wait (ErrUnderWay) keeps none of the others.
func (p *People) Finish(ctx context.Context, tenantID int64) error {
	open, err := q.ErasureListOpen(ctx, p.db, query.ErasureListOpenParams{TenantID: tenantID, MaxRows: openErasures})
	if err != nil {
		return fmt.Errorf("list erasures: %w", err)
	}
	var g errgroup.Group
	g.SetLimit(atOnce)
	for _, row := range open {
		g.Go(func() error { return p.finish(ctx, row) })
	}
	if err := g.Wait(); err != nil {
		return fmt.Errorf("finish an erasure: %w", err)
	}
	return nil
}

func (p *People) finish(ctx context.Context, row query.Erasure) error {
	if err := p.awaitQuiet(ctx); err != nil {
		return err
	}
	of := subject{tenantID: row.TenantID, memberID: row.MemberID, words: row.Words}
	for _, pass := range passes {
		if err := pass.run(ctx, p.db, of); err != nil {
			return fmt.Errorf("%s: %w", pass.name, err)
		}
	}
	if _, err := p.answers.Do(ctx, batch.Key{Tenant: row.TenantID}, of); err != nil {
		return fmt.Errorf("stored answers: %w", err)
	}
	t, err := tenant.Get(ctx, p.db, row.TenantID)
	if err != nil {
		return err
	}
	return q.ErasureClose(ctx, p.db, query.ErasureCloseParams{TenantID: row.TenantID, MemberID: row.MemberID, At: t.Now()})
}

// awaitQuiet waits until the transactions are over that are under way now and
// have looked at members: one of them may still write what it found.
func (p *People) awaitQuiet(ctx context.Context) error {
	patience := time.NewTimer(quietPatience)
	defer patience.Stop()
	again := time.NewTicker(quietPoll)
	defer again.Stop()
	earlier, err := q.TransactionList(ctx, p.db)
	for err == nil && len(earlier) > 0 {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-patience.C:
			return fmt.Errorf("%d of them: %w", len(earlier), ErrUnderWay)
		case <-again.C:
		}
		var now []string
		now, err = q.TransactionList(ctx, p.db)
		earlier = slices.DeleteFunc(earlier, func(t string) bool { return !slices.Contains(now, t) })
	}
	if err != nil {
		return fmt.Errorf("list transactions: %w", err)
	}
	return nil
}
