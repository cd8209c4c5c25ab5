package incentive

import (
	"context"
	"fmt"
	"hash/maphash"
	"sync"

	"github.com/incent-dev/incent/gen/query"
	"github.com/incent-dev/incent/internal/batch"
	"github.com/incent-dev/incent/internal/fault"
	"github.com/incent-dev/incent/internal/once"
	"github.com/incent-dev/incent/internal/pg"
	"github.com/incent-dev/incent/internal/tenant"
)

var q = query.New()

// Codes of this package's refusals.
const (
	CodeActionInactive = "action_inactive"
	CodeAlreadyExists  = "already_exists"
	CodeBadgeInactive  = "badge_inactive"
	CodeLimitReached   = "limit_reached"
	CodeMemberUnknown  = "member_unknown"
)

// Engine runs the incentive engines of all tenants. Make it with New;
// Close it.
type Engine struct {
	db    *pg.DB
	group *batch.Group[call, Recorded]
	seed  maphash.Seed
	lanes uint64

	known known

	mu    sync.Mutex
	rules map[int64]*Rules // by tenant, the newest that was met
}

// rulesKept bounds the tenants whose rules lie in memory: a definition takes
// some 500 bytes, a tenant has a few dozen as a rule.
const rulesKept = 10_000

// New makes the engine over an open database. Events have twice as many lanes as
// awards: a batch keeps its connection busy for three times as long, so one lane
// leaves cores idle (3,330 events a second on two of them, where two lanes made
// 3,640 to 4,330).
func New(db *pg.DB) *Engine {
	e := &Engine{db: db, known: newKnown(), rules: map[int64]*Rules{}, seed: maphash.MakeSeed(), lanes: 2 * batch.Lanes()}
	e.group = batch.New(batchLimit, db.Turns(pg.Events), e.run)
	return e
}

// Close refuses new events and waits for those that wait, until ctx ends.
func (e *Engine) Close(ctx context.Context) { e.group.Close(ctx) }

// Rules are the rules in force for a transaction of t.
func (e *Engine) Rules(ctx context.Context, db query.DBTX, t tenant.Tenant) (*Rules, error) {
	e.mu.Lock()
	r := e.rules[t.ID]
	e.mu.Unlock()
	if r != nil && r.Version == t.RulesVersion {
		return r, nil
	}
	r, err := readRules(ctx, db, t.ID)
	if err != nil {
		return nil, fmt.Errorf("read incentive rules: %w", err)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if kept := e.rules[t.ID]; kept == nil || kept.Version < r.Version {
		if kept == nil && len(e.rules) >= rulesKept {
			clear(e.rules) // all are read again when they are met
		}
		e.rules[t.ID] = r
	}
	return r, nil
}

// edit carries out a change of the rules. Changes of one tenant take turns: fn
// sees all that was changed before, and nobody changes anything beside it. It is
// in force for every event sent after its commit.
func edit[T any](ctx context.Context, e *Engine, tenantID int64, ticket *once.Ticket, fn func(ctx context.Context, tx pg.Tx, t tenant.Tenant) (T, error)) (T, error) {
	return once.Run(ctx, e.db, tenantID, pg.Now(), ticket, func(ctx context.Context, tx pg.Tx) (T, error) {
		var none T
		if _, err := q.RulesTouch(ctx, tx, tenantID); err != nil {
			return none, fmt.Errorf("take the turn to change rules: %w", err)
		}
		t, err := tenant.Get(ctx, tx, tenantID)
		if err != nil {
			return none, err
		}
		return fn(ctx, tx, t)
	})
}

// atMost refuses a definition beyond the most that a tenant may have of a kind.
func atMost(have int, what string) error {
	if have < MaxRules {
		return nil
	}
	return fault.New(fault.Invalid, CodeLimitReached, "There are %d %s already; there can be no more", have, what)
}
