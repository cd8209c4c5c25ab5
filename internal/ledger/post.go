package ledger

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"slices"
	"time"

	"github.com/incent-dev/incent/gen/query"
	"github.com/incent-dev/incent/internal/batch"
	"github.com/incent-dev/incent/internal/once"
	"github.com/incent-dev/incent/internal/pg"
	"github.com/incent-dev/incent/internal/tenant"
)

const (
	// batchLimit bounds the commands of one transaction: large enough that the
	// fixed cost of a commit vanishes, small enough that locks are held for
	// milliseconds.
	batchLimit = 256

	// openAttempts bounds how often a batch enrols members and tries again.
	openAttempts = 3
)

// Ledger keeps the books of all tenants. Make it with New; Close it.
type Ledger struct {
	db    *pg.DB
	group *batch.Group[posting, Outcome]
	seed  maphash.Seed
	lanes uint64

	followers map[Asset]Follower
}

// posting is a command on its way through group commit.
type posting struct {
	Command
	ticket *once.Ticket
}

// New makes the ledger on a database.
func New(db *pg.DB) *Ledger {
	l := &Ledger{db: db, seed: maphash.MakeSeed(), lanes: batch.Lanes()}
	l.group = batch.New(batchLimit, db.Turns(pg.Awards), l.run)
	return l
}

// Close refuses new commands and waits for those that wait, until ctx ends.
func (l *Ledger) Close(ctx context.Context) { l.group.Close(ctx) }

// Post carries out one command, sharing a transaction with whatever else is
// asked of the tenant at the moment, and answers after the commit. ticket may
// be nil. A refusal is a fault; a command carried out before is a *once.Replay.
func (l *Ledger) Post(ctx context.Context, tenantID int64, c Command, ticket *once.Ticket) (Outcome, error) {
	c.asked = true
	lane := batch.Key{Tenant: tenantID, Shard: uint32(maphash.String(l.seed, c.Member) % l.lanes)}
	return l.group.Do(ctx, lane, posting{c, ticket})
}

// PostMany carries out many commands in one transaction, each with its own
// result. ticket, which may be nil, covers them all.
func (l *Ledger) PostMany(ctx context.Context, tenantID int64, commands []Command, ticket *once.Ticket) ([]Result, error) {
	commands = slices.Clone(commands)
	for i := range commands {
		commands[i].asked = true
	}
	for attempt := 1; ; attempt++ {
		results, err := once.Run(ctx, l.db, tenantID, pg.Now(), ticket, func(ctx context.Context, tx pg.Tx) ([]Result, error) {
			var pipe pg.Pipeline
			results, err := l.apply(ctx, tx, &pipe, tenantID, commands)
			if err != nil {
				return nil, err
			}
			return results, pipe.Send(ctx, tx)
		})
		if again, err := l.open(ctx, tenantID, err, attempt); !again {
			return results, err
		}
	}
}

func (l *Ledger) apply(ctx context.Context, tx pg.Tx, pipe *pg.Pipeline, tenantID int64, commands []Command) ([]Result, error) {
	t, err := tenant.Get(ctx, tx, tenantID)
	if err != nil {
		return nil, err
	}
	return l.applyFollowed(ctx, tx, pipe, t, t.Now(), commands)
}

// run is the group's run function: one transaction for the whole batch.
func (l *Ledger) run(ctx context.Context, tenantID int64, postings []posting, alone bool) ([]batch.Result[Outcome], error) {
	for attempt := 1; ; attempt++ {
		results, err := once.RunBatch(ctx, l.db, postings, alone, func(p posting) *once.Ticket { return p.ticket },
			func(ctx context.Context, tx pg.Tx, postings []posting) ([]batch.Result[Outcome], error) {
				return l.runTx(ctx, tx, tenantID, postings)
			})
		if again, err := l.open(ctx, tenantID, err, attempt); !again {
			return results, err
		}
	}
}

// runTx looks the tickets up, applies what is new, and keeps the answers. All it
// reads for plain awards comes in one round trip; another one writes and commits.
func (l *Ledger) runTx(ctx context.Context, tx pg.Tx, tenantID int64, postings []posting) ([]batch.Result[Outcome], error) {
	tickets := make([]*once.Ticket, len(postings))
	commands := make([]Command, len(postings))
	for i, p := range postings {
		tickets[i], commands[i] = p.ticket, p.Command
	}
	var t tenant.Tenant
	var seen []error
	locks := Lock(tenantID, commands)
	err := pg.Together(ctx, tx, tenant.Read(&t, tenantID), once.Look(&seen, tenantID, tickets), locks.Read)
	if err != nil {
		return nil, err
	}
	commands = commands[:0]
	for i, p := range postings {
		if seen[i] == nil {
			commands = append(commands, p.Command)
		}
	}
	var pipe pg.Pipeline
	session, err := locks.Begin(ctx, tx, t, t.Now(), commands)
	if err != nil {
		return nil, err
	}
	fresh, err := l.carryOut(ctx, &pipe, session, commands)
	if err != nil {
		return nil, err
	}
	results := make([]batch.Result[Outcome], len(postings))
	var answers []once.Outcome
	for i, p := range postings {
		if seen[i] != nil {
			results[i].Err = seen[i]
			continue
		}
		results[i] = batch.Result[Outcome]{Value: fresh[0].Outcome, Err: fresh[0].Err}
		if p.ticket != nil {
			answers = append(answers, once.Outcome{Ticket: p.ticket, Value: fresh[0].Outcome, Refusal: fresh[0].Err})
		}
		fresh = fresh[1:]
	}
	if err := once.Keep(ctx, &pipe, tenantID, pg.Now(), answers); err != nil {
		return nil, err
	}
	pipe.Finish(tx)
	return results, nil
}

// open makes the accounts that an attempt missed. It tells whether to try
// again, and with what error to give up otherwise.
func (l *Ledger) open(ctx context.Context, tenantID int64, err error, attempt int) (again bool, _ error) {
	var unopened *UnopenedError
	if !errors.As(err, &unopened) || attempt == openAttempts {
		return false, err
	}
	if err := Open(ctx, l.db, tenantID, unopened); err != nil {
		return false, err
	}
	return true, nil
}

// Open enrols the members (where the tenant allows it) and opens the accounts
// that an UnopenedError names.
func Open(ctx context.Context, db *pg.DB, tenantID int64, unopened *UnopenedError) error {
	_, err := pg.InTx(ctx, db, func(ctx context.Context, tx pg.Tx) (struct{}, error) {
		t, err := tenant.Get(ctx, tx, tenantID)
		if err != nil {
			return struct{}{}, err
		}
		arg := query.AccountInsertManyParams{TenantID: tenantID, At: time.Unix(0, 0).UTC()}
		for _, h := range unopened.holders {
			arg.ExternalIds = append(arg.ExternalIds, h.member)
			arg.Assets = append(arg.Assets, int16(h.asset))
		}
		if err := tenant.Enrol(ctx, tx, t, arg.ExternalIds); err != nil {
			return struct{}{}, err
		}
		if err := q.AccountInsertMany(ctx, tx, arg); err != nil {
			return struct{}{}, fmt.Errorf("open accounts: %w", err)
		}
		return struct{}{}, nil
	})
	return err
}
