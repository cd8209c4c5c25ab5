package pg

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

const (
	// crowdedFor is how long turns are waited for after two servers met.
	crowdedFor = time.Second

	// turnsOff is how long nobody waits after a wait was in vain: who holds the turn
	// is stuck, and turns are a courtesy.
	turnsOff = 30 * time.Second
)

// TurnKind is what transactions that take turns are about.
type TurnKind uint8

// The kinds of turns.
const (
	Awards TurnKind = iota + 1
	Events
	Clicks
	Redemptions
)

// turn names transactions of which one at a time is enough.
type turn struct {
	kind   TurnKind
	tenant int64
	lane   uint32
}

// keys are the advisory lock of a turn. Two tenants that share one only wait.
func (t turn) keys() []any {
	return []any{int32(t.kind)<<24 | int32(t.lane&0xffffff), int32(t.tenant ^ t.tenant>>32)}
}

// turns are the turns for which servers met lately.
type turns struct {
	mu    sync.Mutex
	stays time.Duration      // crowdedFor
	until map[turn]time.Time // wait for it until then
	off   time.Time          // for none until then
}

func (t *turns) crowded(of turn) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	until, met := t.until[of]
	if !met {
		return false
	}
	now := time.Now()
	if now.After(until) || now.Before(t.off) {
		delete(t.until, of)
		return false
	}
	return true
}

func (t *turns) meet(of turn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.until[of] = time.Now().Add(t.stays)
}

func (t *turns) stop() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.off = time.Now().Add(turnsOff)
}

// taken is a turn in a context: for the first transaction begun there.
type taken struct {
	of   turn
	conn *pgxpool.Conn // its transaction has begun and holds the turn; nil: it is yet to be asked for
	tx   Tx
	used bool // by a transaction
}

type turnKey struct{}

// Turns makes the transactions of a kind take turns, a tenant's lane each, whichever
// server they are of. What it answers waits until no other server has the turn, so
// that more may gather meanwhile; the turn belongs to the first transaction begun
// with the context answered, until that sends its last statements. Where servers have
// not met lately nobody waits: the transaction takes the turn if it is free, and else
// the next one waits. done is called when the transaction is over, or there is none
// after all.
//
// A turn makes batches large, and nothing depends on it: whatever goes wrong with
// it, the transaction goes without.
func (db *DB) Turns(kind TurnKind) func(ctx context.Context, tenant int64, lane uint32) (_ context.Context, done func()) {
	return func(ctx context.Context, tenant int64, lane uint32) (context.Context, func()) {
		t := &taken{of: turn{kind, tenant, lane}}
		if db.turns.crowded(t.of) {
			db.awaitTurn(ctx, t)
		}
		return context.WithValue(ctx, turnKey{}, t), func() {
			if t.conn != nil {
				t.tx.rollback(ctx)
				t.conn.Release()
			}
		}
	}
}

func (db *DB) awaitTurn(ctx context.Context, t *taken) {
	conn, tx, err := db.begin(ctx)
	if err != nil {
		return // the transaction will say so
	}
	if _, err := tx.Exec(ctx, "SELECT pg_advisory_lock($1, $2)", t.of.keys()...); err != nil {
		db.turns.stop()
		tx.rollback(ctx)
		conn.Release()
		return
	}
	tx.held = t.of.keys()
	t.conn, t.tx = conn, tx
}

// start begins a transaction, with the turn of the context if that is still to be had.
func (db *DB) start(ctx context.Context) (*pgxpool.Conn, Tx, error) {
	t, _ := ctx.Value(turnKey{}).(*taken)
	if t == nil || t.used {
		return db.begin(ctx)
	}
	t.used = true
	if conn := t.conn; conn != nil {
		t.conn = nil
		return conn, t.tx, nil
	}
	conn, tx, err := db.begin(ctx)
	if err == nil {
		tx.ahead = append(tx.ahead, statement{sql: "SELECT WHERE pg_try_advisory_lock($1, $2)", args: t.of.keys(), tell: func(tag pgconn.CommandTag) {
			if tag.RowsAffected() == 0 {
				db.turns.meet(t.of)
			} else {
				tx.held = t.of.keys()
			}
		}})
	}
	return conn, tx, err
}

func (db *DB) begin(ctx context.Context) (*pgxpool.Conn, Tx, error) {
	conn, err := db.pool.Acquire(ctx)
	if err != nil {
		return nil, Tx{}, fmt.Errorf("connect: %w", err)
	}
	return conn, begin(conn.Conn()), nil
}
