package incentive

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/maphash"

	"github.com/incent-dev/incent/gen/query"
	"github.com/incent-dev/incent/internal/batch"
	"github.com/incent-dev/incent/internal/event"
	"github.com/incent-dev/incent/internal/fault"
	"github.com/incent-dev/incent/internal/leaderboard"
	"github.com/incent-dev/incent/internal/ledger"
	"github.com/incent-dev/incent/internal/once"
	"github.com/incent-dev/incent/internal/pg"
	"github.com/incent-dev/incent/internal/tenant"
)

const (
	// batchLimit bounds the events of one transaction, as the ledger's does.
	batchLimit = 256

	// MaxBulk bounds the events of one call.
	MaxBulk = 1_000

	// openAttempts bounds how often a batch enrols members and tries again.
	openAttempts = 3
)

// NewEvent is a member doing an action.
type NewEvent struct {
	Member    string // the caller's id
	ActionKey string
	Metadata  json.RawMessage

	// Key is the idempotency key of the body, which is kept for ever; nil: none.
	Key *once.Ticket
}

// call is an event on its way through group commit.
type call struct {
	NewEvent
	ticket *once.Ticket
}

// own is the ticket by which the call can be looked up; nil when it has none.
func (c call) own() *once.Ticket {
	if c.ticket != nil {
		return c.ticket
	}
	return c.Key
}

// Record records an event and everything that follows from it. Events of one
// tenant share transactions; each is recorded or refused on its own.
func (e *Engine) Record(ctx context.Context, tenantID int64, n NewEvent, ticket *once.Ticket) (Recorded, error) {
	lane := batch.Key{Tenant: tenantID, Shard: uint32(maphash.String(e.seed, n.Member) % e.lanes)}
	return e.group.Do(ctx, lane, call{n, ticket})
}

// run is the group's run function: one transaction for the whole batch.
func (e *Engine) run(ctx context.Context, tenantID int64, calls []call, alone bool) ([]batch.Result[Recorded], error) {
	for attempt := 1; ; attempt++ {
		results, err := once.RunBatch(ctx, e.db, calls, alone, call.own, func(ctx context.Context, tx pg.Tx, calls []call) ([]batch.Result[Recorded], error) {
			return e.runTx(ctx, tx, tenantID, calls)
		})
		if again, err := e.open(ctx, tenantID, err, attempt); !again {
			return results, err
		}
	}
}

// runTx looks the tickets up, records what is new, and keeps the answers. It
// takes two round trips where all members are known by heart and nothing is granted,
// three where some are not known.
func (e *Engine) runTx(ctx context.Context, tx pg.Tx, tenantID int64, calls []call) ([]batch.Result[Recorded], error) {
	tickets := make([]*once.Ticket, len(calls))
	events := make([]NewEvent, len(calls))
	for i, c := range calls {
		tickets[i], events[i] = c.ticket, c.NewEvent
	}
	seen := make([]error, len(calls))
	s, err := arrive(ctx, tx, tenantID, events, once.Look(&seen, tenantID, tickets))
	if err != nil {
		return nil, err
	}
	var pipe pg.Pipeline
	results, err := e.record(ctx, tx, &pipe, s, seen)
	if err != nil {
		return nil, err
	}
	var answers []once.Outcome
	for i, c := range calls {
		var replay *once.Replay
		if c.ticket != nil && seen[i] == nil && !errors.As(results[i].Err, &replay) {
			answers = append(answers, once.Outcome{Ticket: c.ticket, Value: results[i].Value, Refusal: results[i].Err})
		}
	}
	if err := once.Keep(ctx, &pipe, tenantID, pg.Now(), answers); err != nil {
		return nil, err
	}
	pipe.Finish(tx)
	return results, nil
}

// Outcome is what one of many events came to. Err is nil, a refusal, or, for one
// that was recorded before, a *once.Replay.
type Outcome = batch.Result[Recorded]

// RecordMany records up to MaxBulk events in one transaction, in order, each on
// its own. ticket, which may be nil, covers them all.
func (e *Engine) RecordMany(ctx context.Context, tenantID int64, events []NewEvent, ticket *once.Ticket) ([]Outcome, error) {
	for attempt := 1; ; attempt++ {
		outcomes, err := once.Run(ctx, e.db, tenantID, pg.Now(), ticket, func(ctx context.Context, tx pg.Tx) ([]Outcome, error) {
			s, err := arrive(ctx, tx, tenantID, events)
			if err != nil {
				return nil, err
			}
			var pipe pg.Pipeline
			outcomes, err := e.record(ctx, tx, &pipe, s, make([]error, len(events)))
			if err != nil {
				return nil, err
			}
			return outcomes, pipe.Send(ctx, tx)
		})
		if again, err := e.open(ctx, tenantID, err, attempt); !again {
			return outcomes, err
		}
	}
}

// open makes the members and accounts that an attempt missed. It tells whether
// to try again, and with what error to give up otherwise.
func (e *Engine) open(ctx context.Context, tenantID int64, err error, attempt int) (again bool, _ error) {
	var unopened *ledger.UnopenedError
	if !errors.As(err, &unopened) || attempt == openAttempts {
		return false, err
	}
	if err := ledger.Open(ctx, e.db, tenantID, unopened); err != nil {
		return false, pg.Fault(err)
	}
	return true, nil
}

// arrival is what the events of one transaction meet: what is read before
// anything is decided, in one round trip.
type arrival struct {
	events []NewEvent
	tenant tenant.Tenant
	keys   *keys
	locks  *ledger.Locks // all accounts of those who may earn
}

// arrive reads it, together with what else is asked for.
func arrive(ctx context.Context, tx pg.Tx, tenantID int64, events []NewEvent, also ...func(context.Context, query.DBTX) error) (*arrival, error) {
	members := make([]string, len(events))
	for i, n := range events {
		members[i] = n.Member
	}
	a := &arrival{events: events, keys: newKeys(tenantID), locks: ledger.LockAll(tenantID, members)}
	keyed := func(ctx context.Context, db query.DBTX) error { return a.keys.read(ctx, db, events) }
	return a, pg.Together(ctx, tx, append(also, tenant.Read(&a.tenant, tenantID), keyed, a.locks.Read)...)
}

// record records events in order and queues what they leave on pipe. Those that
// were seen already are passed over.
func (e *Engine) record(ctx context.Context, tx pg.Tx, pipe *pg.Pipeline, a *arrival, seen []error) ([]Outcome, error) {
	t, k, events := a.tenant, a.keys, a.events
	rules, err := e.Rules(ctx, tx, t)
	if err != nil {
		return nil, err
	}
	outcomes := make([]Outcome, len(events))
	happenings := make([]happening, 0, len(events))
	for i, n := range events {
		if outcomes[i].Err = seen[i]; seen[i] == nil {
			outcomes[i].Err = k.answered(n.Key)
		}
		if outcomes[i].Err != nil {
			continue
		}
		h, err := rules.happening(n)
		if err == nil {
			err = tenant.Living(n.Member)
		}
		if outcomes[i].Err = err; err == nil {
			happenings = append(happenings, h)
		}
	}
	if len(happenings) == 0 {
		return outcomes, nil
	}
	at := t.Now()
	session, err := a.locks.Begin(ctx, tx, t, at, rules.commands(happenings))
	if err != nil {
		return nil, err
	}
	r, err := e.load(ctx, tx, t, rules, at, session, happenings)
	if err != nil {
		return nil, err
	}
	for i, n := range events {
		if outcomes[i].Err != nil {
			continue
		}
		h := happenings[0]
		happenings = happenings[1:]
		// A twin in the same transaction may have been recorded meanwhile.
		if outcomes[i].Err = k.answered(n.Key); outcomes[i].Err == nil {
			outcomes[i].Value, outcomes[i].Err = r.record(h)
		}
		if err := outcomes[i].Err; err != nil && !refused(err) {
			return nil, err
		}
		if outcomes[i].Err == nil {
			k.keep(n.Key, outcomes[i].Value)
		}
	}
	var told event.Journal
	r.tell(&told)
	session.TellIn(&told)
	return outcomes, errors.Join(session.Store(ctx, pipe), r.store(ctx, pipe, e.shard(events[0].Member)), k.store(ctx, pipe),
		leaderboard.Move(ctx, pipe, t.ID, session.Changes(ledger.XP)), told.Store(ctx, pipe, t.ID, at))
}

// refused tells whether an error belongs to one event, not to the transaction.
func refused(err error) bool {
	var replay *once.Replay
	return fault.As(err) != nil || errors.As(err, &replay)
}

// shard spreads the counts of lanes and servers over rows.
func (e *Engine) shard(member string) int16 {
	lane := maphash.String(e.seed, member) % e.lanes
	return int16((maphash.String(e.seed, "") + lane) % shards)
}

// happening finds the action of an event.
func (r *Rules) happening(n NewEvent) (happening, error) {
	a := r.Action(n.ActionKey)
	switch {
	case a == nil:
		return happening{}, fault.Missing("action").About("actionKey")
	case a.Type != Standard:
		return happening{}, fault.Field("actionKey", "names an action that fires by itself")
	case !a.Active:
		return happening{}, fault.New(fault.Invalid, CodeActionInactive, "The action is switched off").About("actionKey")
	}
	h := happening{occurrence: occurrence{action: a}, member: n.Member, metadata: n.Metadata}
	if n.Key != nil {
		h.key = n.Key.Key
	}
	return h, nil
}

// keys are the idempotency keys of bodies that a transaction meets: what was
// answered under them, and what is to be kept.
type keys struct {
	known map[string]query.ActivityKeyListManyRow
	made  query.ActivityKeyInsertManyParams
}

func newKeys(tenantID int64) *keys {
	return &keys{known: map[string]query.ActivityKeyListManyRow{}, made: query.ActivityKeyInsertManyParams{TenantID: tenantID}}
}

func (k *keys) read(ctx context.Context, db query.DBTX, events []NewEvent) error {
	var asked []string
	for _, n := range events {
		if n.Key != nil {
			asked = append(asked, n.Key.Key)
		}
	}
	if len(asked) == 0 {
		return nil
	}
	rows, err := q.ActivityKeyListMany(ctx, db, query.ActivityKeyListManyParams{TenantID: k.made.TenantID, Keys: asked})
	if err != nil {
		return fmt.Errorf("look idempotency keys up: %w", err)
	}
	for _, row := range rows {
		k.known[row.Key] = row
	}
	return nil
}

// answered is nil for a key that is new, the first answer for one that is not,
// or the refusal of one that was used for another event.
func (k *keys) answered(t *once.Ticket) error {
	if t == nil {
		return nil
	}
	row, known := k.known[t.Key]
	switch {
	case !known:
		return nil
	case !bytes.Equal(row.RequestHash, t.Hash[:]):
		return fault.New(fault.Mismatch, fault.CodeIdempotencyConflict, "This idempotencyKey was used for a different event").About("idempotencyKey")
	}
	return &once.Replay{Stored: once.Stored{Status: int(row.Status), Body: row.Body}}
}

func (k *keys) keep(t *once.Ticket, r Recorded) {
	if t == nil {
		return
	}
	answer := t.Render(r, nil)
	k.known[t.Key] = query.ActivityKeyListManyRow{Key: t.Key, RequestHash: t.Hash[:], Status: int16(answer.Status), Body: answer.Body}
	k.made.Keys = append(k.made.Keys, t.Key)
	k.made.RequestHashes = append(k.made.RequestHashes, t.Hash[:])
	k.made.Statuses = append(k.made.Statuses, int16(answer.Status))
	k.made.Bodies = append(k.made.Bodies, answer.Body)
}

func (k *keys) store(ctx context.Context, pipe *pg.Pipeline) error {
	if len(k.made.Keys) == 0 {
		return nil
	}
	return q.ActivityKeyInsertMany(ctx, pipe, k.made)
}
