package incentive

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"github.com/incent-dev/incent/gen/query"
	"github.com/incent-dev/incent/internal/event"
	"github.com/incent-dev/incent/internal/fault"
	"github.com/incent-dev/incent/internal/leaderboard"
	"github.com/incent-dev/incent/internal/ledger"
	"github.com/incent-dev/incent/internal/pg"
	"github.com/incent-dev/incent/internal/tenant"
)

// Occasion is a record of the referral programme: what fires actions by itself.
type Occasion struct {
	Type   Type      // CodeGenerated, CodeClicked, RefereeActed
	Member string    // the referrer, by the caller's id; a member
	Record uuid.UUID // the code, click or conversion

	// Total tells how many codes the member has, or conversions, with this one.
	// It is asked under the member's lock, so that every number is met by one
	// occasion. Nil for a click.
	Total func(ctx context.Context, tx pg.Tx) (int64, error)
}

// Firing is the engine's part of a larger transaction. The transaction adds what
// occurs, begins its one ledger session with Commands, among others, then calls
// Record, and Store where it writes what everybody counts.
type Firing struct {
	e          *Engine
	tenant     tenant.Tenant
	rules      *Rules
	happenings []happening
	totals     []func(ctx context.Context, tx pg.Tx) (int64, error) // of each happening; nil: none
	round      *round
	session    *ledger.Session
}

// totalOf says which milestones count the records that fire a type.
var totalOf = map[Type]MilestoneType{CodeGenerated: Referrals, RefereeActed: Conversions}

// Firing prepares for a transaction of t.
func (e *Engine) Firing(ctx context.Context, db query.DBTX, t tenant.Tenant) (*Firing, error) {
	rules, err := e.Rules(ctx, db, t)
	return &Firing{e: e, tenant: t, rules: rules}, err
}

// Fires tells whether anything is defined for a type: a look at the rules.
func (f *Firing) Fires(t Type) bool {
	return len(f.rules.fired[t]) > 0 || len(f.rules.referred[totalOf[t]]) > 0
}

// Add notes an occasion. Where nothing is defined for it, it leaves no trace.
func (f *Firing) Add(o Occasion) {
	for _, a := range f.rules.fired[o.Type] {
		f.happenings = append(f.happenings, happening{occurrence: occurrence{action: a}, member: o.Member, record: o.Record})
		f.totals = append(f.totals, nil)
	}
	of := totalOf[o.Type]
	if o.Total != nil && len(f.rules.referred[of]) > 0 {
		f.happenings = append(f.happenings, happening{occurrence: occurrence{number: number{of: of}}, member: o.Member, record: o.Record})
		f.totals = append(f.totals, o.Total)
	}
}

// Idle tells whether nothing is fired: then the rest may be left out.
func (f *Firing) Idle() bool { return len(f.happenings) == 0 }

// Commands are what the transaction's ledger session has to lock for it.
func (f *Firing) Commands() []ledger.Command { return f.rules.commands(f.happenings) }

// Record decides everything, under the locks of the session, and notes what
// callers hear of it in told, the transaction's journal, which the session's
// events go into, too. What an account has no room for is not recorded: it does
// not stand in the way of the record.
func (f *Firing) Record(ctx context.Context, tx pg.Tx, session *ledger.Session, told *event.Journal, at time.Time) (err error) {
	for i, total := range f.totals {
		if total == nil {
			continue
		}
		if f.happenings[i].number.is, err = total(ctx, tx); err != nil {
			return err
		}
	}
	f.session = session
	if f.round, err = f.e.load(ctx, tx, f.tenant, f.rules, at, session, f.happenings); err != nil {
		return err
	}
	for _, h := range f.happenings {
		if _, err := f.round.record(h); err != nil && fault.As(err) == nil {
			return err
		}
	}
	session.TellIn(told)
	f.round.tell(told)
	return nil
}

// Store queues what was recorded, but for the session's own writes, which the
// transaction queues before. It takes the locks that everybody wants: it comes
// last, before idempotency keys.
func (f *Firing) Store(ctx context.Context, pipe *pg.Pipeline) error {
	if f.round == nil {
		return nil
	}
	return errors.Join(f.round.store(ctx, pipe, f.e.shard(f.happenings[0].member)),
		leaderboard.Move(ctx, pipe, f.tenant.ID, f.session.Changes(ledger.XP)))
}
