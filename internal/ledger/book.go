package ledger

import (
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/incent-dev/incent/internal/fault"
	"github.com/incent-dev/incent/internal/tenant"
)

// book is one locked account in memory: what was loaded, and what the commands
// of this transaction add to it. Its methods are pure: they read no clock and
// no database, and they change nothing when they refuse.
type book struct {
	ctid     pgtype.TID // where its row lies while it is locked
	member   int64
	external string
	memoKey  *uuid.UUID // of the member; nil: erased
	asset    Asset
	policy   *tenant.Policy

	balances Balances
	dated    int64
	earned   int64
	redeemed int64
	seq      int64
	shown    [len(shownTypes)]int64
	dueAt    time.Time // zero: never
	readDue  time.Time // dueAt as it was read
	idleAt   time.Time // zero: never
	movedAt  time.Time
	mark     int64 // see Session.Mark
	marked   bool  // it is new

	// known says that lots and holds are all that the account has; otherwise
	// they are only what this transaction added.
	known bool
	lots  []lot // by expiry, remaining > 0
	holds []Hold

	originals map[int64]original // transfers that commands undo, by number

	transfers []Transfer
	entries   []entry
	opened    []Hold
	closed    []Hold
	undone    []undone
}

type lot struct {
	expiresAt time.Time
	remaining int64
}

// entry is what a transfer put into or took from a lot.
type entry struct {
	seq       int64
	expiresAt time.Time
	amount    int64
}

// original is a transfer that a command wants to undo.
type original struct {
	kind    Kind
	amount  int64
	cause   uuid.UUID
	entries []entry
	undone  bool
}

type undone struct {
	seq                   int64
	taken, owed, forgiven int64
	at                    time.Time
}

// move appends one transfer. The caller has checked that it may.
func (b *book) move(kind Kind, amount int64, at time.Time, memo Memo) *Transfer {
	r := rules[kind]
	*b.side(r.from) -= amount
	*b.side(r.to) += amount
	b.seq++
	for i, shown := range shownTypes {
		if r.shown == shown {
			b.shown[i]++
		}
	}
	if at.After(b.movedAt) {
		b.movedAt = at
	}
	b.transfers = append(b.transfers, Transfer{
		Member: b.member, Asset: b.asset, Seq: b.seq, Kind: kind, From: r.from, To: r.to, Amount: amount,
		After: b.balances, Shown: b.shown, Memo: memo, EffectedAt: b.movedAt,
	})
	return &b.transfers[len(b.transfers)-1]
}

// side is the member's account of that name. What is owed counts upwards, so
// the debt account's sign is turned; the tenant's accounts have no row.
func (b *book) side(a Account) *int64 {
	switch a {
	case Available:
		return &b.balances.Available
	case Pending:
		return &b.balances.Pending
	}
	return new(int64)
}

// put adds units to a lot; without an expiry they lie in none.
func (b *book) put(seq int64, expiresAt time.Time, amount int64) {
	if expiresAt.IsZero() || amount == 0 {
		return
	}
	b.dated += amount
	b.note(seq, expiresAt, amount)
	i, found := slices.BinarySearchFunc(b.lots, expiresAt, func(l lot, at time.Time) int { return l.expiresAt.Compare(at) })
	if found {
		b.lots[i].remaining += amount
		return
	}
	b.lots = slices.Insert(b.lots, i, lot{expiresAt, amount})
}

// note records what a transfer did to a lot, once per lot: units of several
// lots may come back into one.
func (b *book) note(seq int64, expiresAt time.Time, amount int64) {
	for i := len(b.entries) - 1; i >= 0 && b.entries[i].seq == seq; i-- {
		if b.entries[i].expiresAt.Equal(expiresAt) {
			b.entries[i].amount += amount
			return
		}
	}
	b.entries = append(b.entries, entry{seq, expiresAt, amount})
}

// drawFrom takes up to amount from one lot and returns what it found there.
func (b *book) drawFrom(seq int64, expiresAt time.Time, amount int64) int64 {
	for i := range b.lots {
		if !b.lots[i].expiresAt.Equal(expiresAt) {
			continue
		}
		taken := min(b.lots[i].remaining, amount)
		b.lots[i].remaining -= taken
		b.dated -= taken
		if taken > 0 {
			b.note(seq, expiresAt, -taken)
		}
		if b.lots[i].remaining == 0 {
			b.lots = slices.Delete(b.lots, i, i+1)
		}
		return taken
	}
	return 0
}

// draw takes amount, soonest expiry first, what never expires last.
func (b *book) draw(seq, amount int64) {
	for amount > 0 && len(b.lots) > 0 {
		amount -= b.drawFrom(seq, b.lots[0].expiresAt, amount)
	}
}

// touch restarts the member's idle time after an activity.
func (b *book) touch(at time.Time) {
	if b.asset == XP {
		return
	}
	b.idleAt = b.policy.IdleAt(at)
}

// arrive follows a transfer that brought units into available: they go into
// their lot, and pay what the member owes.
func (b *book) arrive(t *Transfer, expiresAt time.Time) {
	t.ExpiresAt = expiresAt
	b.put(t.Seq, expiresAt, t.Amount)
	b.repay(t.EffectedAt)
}

func (b *book) repay(at time.Time) {
	amount := min(b.balances.Debt, b.balances.Available)
	if amount == 0 {
		return
	}
	b.balances.Debt -= amount
	t := b.move(KindRepay, amount, at, Memo{Reason: "Repaid what was owed"})
	b.draw(t.Seq, amount)
}

func (b *book) expiresAt(at time.Time) time.Time {
	if b.asset == XP {
		return time.Time{}
	}
	return b.policy.ExpiresAt(at)
}

func (b *book) room(amount int64) error {
	if amount <= 0 || amount > MaxAmount {
		return fault.Field("amount", "must be between 1 and %d", int64(MaxAmount))
	}
	if b.earned+b.balances.Pending+amount > maxBalance {
		return overflow()
	}
	return nil
}

func (b *book) award(c Command, at time.Time) (Outcome, error) {
	if hold := b.policy.AwardHoldDays; hold > 0 && b.asset != XP {
		c.MaturesAt = at.AddDate(0, 0, hold)
		return b.hold(c, at)
	}
	if err := b.room(c.Amount); err != nil {
		return Outcome{}, err
	}
	b.touch(at)
	t := b.move(KindAward, c.Amount, at, c.Memo)
	t.Cause = c.Cause
	b.earned += c.Amount
	seq := len(b.transfers) - 1
	b.arrive(t, b.expiresAt(t.EffectedAt))
	return Outcome{Transfer: b.transfers[seq]}, nil
}

func (b *book) hold(c Command, at time.Time) (Outcome, error) {
	if err := b.room(c.Amount); err != nil {
		return Outcome{}, err
	}
	t := b.move(KindHold, c.Amount, at, c.Memo)
	t.Cause = c.HoldID
	h := Hold{
		ID: c.HoldID, Cause: c.Cause, Member: b.external, Asset: b.asset, Amount: c.Amount, State: Held, MaturesAt: c.MaturesAt,
		Memo: c.Memo, CreatedAt: t.EffectedAt, openedSeq: t.Seq,
	}
	b.holds = append(b.holds, h)
	b.opened = append(b.opened, h)
	return Outcome{Transfer: *t, Hold: &h}, nil
}

// closeHold ends an open hold; matured says whether its units become available.
func (b *book) closeHold(i int, at time.Time, matured bool) (Transfer, Hold) {
	h := b.holds[i]
	b.holds = slices.Delete(b.holds, i, i+1)
	var seq int
	if matured {
		h.State = Matured
		t := b.move(KindMature, h.Amount, at, h.Memo)
		b.touch(t.EffectedAt)
		t.Cause, t.CauseSeq = h.ID, h.openedSeq
		b.earned += h.Amount
		seq = len(b.transfers) - 1
		b.arrive(t, b.expiresAt(t.EffectedAt))
	} else {
		h.State = Cancelled
		t := b.move(KindCancelHold, h.Amount, at, h.Memo)
		t.Cause, t.CauseSeq = h.ID, h.openedSeq
		seq = len(b.transfers) - 1
	}
	t := b.transfers[seq]
	h.closedSeq, h.ClosedAt = t.Seq, t.EffectedAt
	b.closed = append(b.closed, h)
	return t, h
}

func (b *book) decideHold(c Command, at time.Time, matured bool) (Outcome, error) {
	i := slices.IndexFunc(b.holds, func(h Hold) bool { return h.ID == c.HoldID })
	if i < 0 {
		return Outcome{}, fault.New(fault.Invalid, CodeInvalidTransition, "The hold is not open any more")
	}
	t, h := b.closeHold(i, at, matured)
	return Outcome{Transfer: t, Hold: &h}, nil
}

// take is a spend or a deduction.
func (b *book) take(kind Kind, c Command, at time.Time) (Outcome, error) {
	if b.asset == XP && kind == KindRedeem {
		return Outcome{}, fault.New(fault.Invalid, fault.CodeInvalidRequest, "XP cannot be spent")
	}
	if c.Amount <= 0 || c.Amount > MaxAmount {
		return Outcome{}, fault.Field("amount", "must be between 1 and %d", int64(MaxAmount))
	}
	if b.balances.Available < c.Amount {
		return Outcome{}, insufficient(b, c.Amount)
	}
	if kind == KindRedeem {
		b.touch(at)
		b.redeemed += c.Amount
	}
	t := b.move(kind, c.Amount, at, c.Memo)
	t.Cause = c.Cause
	b.draw(t.Seq, c.Amount)
	return Outcome{Transfer: *t}, nil
}

func (b *book) refund(c Command, at time.Time) (Outcome, error) {
	o, known := b.originals[c.UndoSeq]
	if !known || o.kind != KindRedeem {
		return Outcome{}, fault.Missing("redemption")
	}
	if o.undone {
		return Outcome{}, fault.New(fault.Invalid, CodeInvalidTransition, "The redemption was given back before")
	}
	b.redeemed -= o.amount
	b.touch(at)
	t := b.move(KindRefund, o.amount, at, c.Memo)
	t.CauseSeq, t.Cause = c.UndoSeq, c.Cause
	index := len(b.transfers) - 1
	for _, e := range o.entries {
		b.put(t.Seq, returnExpiry(e.expiresAt, t.EffectedAt), -e.amount)
	}
	b.repay(t.EffectedAt)
	b.markUndone(c.UndoSeq, undone{taken: o.amount, at: b.movedAt})
	return Outcome{Transfer: b.transfers[index]}, nil
}

// returnExpiry is when units expire that come back into a lot.
func returnExpiry(lotExpiry, at time.Time) time.Time {
	if lotExpiry.After(at) {
		return lotExpiry
	}
	return at.Add(returnGrace)
}

func (b *book) markUndone(seq int64, u undone) {
	o := b.originals[seq]
	o.undone = true
	b.originals[seq] = o
	u.seq = seq
	b.undone = append(b.undone, u)
}

// reverse claws back a grant: a hold is cancelled while it is open; otherwise
// the very lot it went into, then the others, then the tenant's policy.
func (b *book) reverse(c Command, at time.Time) (Outcome, error) {
	o, known := b.originals[c.UndoSeq]
	if !known || (o.kind != KindAward && o.kind != KindMature && o.kind != KindHold) {
		return Outcome{}, fault.Missing("award")
	}
	if o.undone {
		return Outcome{}, fault.New(fault.Invalid, CodeInvalidTransition, "The award was reversed before")
	}
	if o.kind == KindHold {
		return b.decideHold(Command{HoldID: o.cause}, at, false)
	}
	u := undone{at: at}
	if b.policy.Clawback != tenant.ClawbackPendingOnly {
		u.taken = min(o.amount, b.balances.Available)
	}
	if b.policy.Clawback == tenant.ClawbackNegative {
		u.owed = o.amount - u.taken
	}
	u.forgiven = o.amount - u.taken - u.owed
	var out Outcome
	if u.taken > 0 {
		t := b.move(KindClawback, u.taken, at, c.Memo)
		t.CauseSeq, t.Cause = c.UndoSeq, c.Cause
		b.drawClawback(t.Seq, o, u.taken)
		out.Transfer = *t
	}
	if u.owed > 0 {
		b.balances.Debt += u.owed
		t := b.move(KindOwe, u.owed, at, c.Memo)
		t.CauseSeq, t.Cause = c.UndoSeq, c.Cause
		if out.Transfer.Seq == 0 {
			out.Transfer = *t
		}
	}
	b.markUndone(c.UndoSeq, u)
	out.Taken, out.Owed, out.Forgiven = u.taken, u.owed, u.forgiven
	return out, nil
}

// drawClawback takes amount, which is at most what is available: from the lots
// of the grant first, or, when the grant never expires, from what lies in no lot.
func (b *book) drawClawback(seq int64, o original, amount int64) {
	granted := int64(0)
	for _, e := range o.entries {
		if e.amount > 0 {
			granted += e.amount
			amount -= b.drawFrom(seq, e.expiresAt, min(e.amount, amount))
		}
	}
	if undated := o.amount - granted; undated > 0 {
		// Available already lacks the whole amount; what lies in no lot is
		// what it had before, less what is dated.
		amount -= min(amount, undated, b.balances.Available+amount-b.dated)
	}
	b.draw(seq, amount)
}

// settle posts everything that fell due by an instant, in the order in which it
// fell due, each at its own instant (invariant 6).
func (b *book) settle(at time.Time) {
	for b.known && b.settleNext(at) {
	}
}

func (b *book) settleNext(at time.Time) bool {
	next, what := at.Add(1), -1 // index of a hold; -2 a lot, -3 idleness
	for i, h := range b.holds {
		if !h.MaturesAt.IsZero() && h.MaturesAt.Before(next) {
			next, what = h.MaturesAt, i
		}
	}
	if len(b.lots) > 0 && b.lots[0].expiresAt.Before(next) {
		next, what = b.lots[0].expiresAt, -2
	}
	if !b.idleAt.IsZero() && b.idleAt.Before(next) {
		next, what = b.idleAt, -3
	}
	switch what {
	case -1:
		return false
	case -2:
		l := b.lots[0]
		t := b.move(KindExpire, l.remaining, next, Memo{Reason: "Expired"})
		b.drawFrom(t.Seq, l.expiresAt, l.remaining)
	case -3:
		b.idleAt = time.Time{}
		undated := b.balances.Available - b.dated
		if b.policy.Expiry == tenant.ExpiryInactivity && undated > 0 {
			b.move(KindExpire, undated, next, Memo{Reason: "Expired after inactivity"})
		}
	default:
		b.closeHold(what, next, true)
	}
	return true
}

// falls tells whether an instant has come for a command at another one, which
// is never before the account's newest transfer.
func (b *book) falls(due, at time.Time) bool {
	return !due.IsZero() && (!due.After(at) || !due.After(b.movedAt))
}

// refreshDue finds the earliest instant at which something falls due. Where not
// all lots and holds are known it may be too early, which costs one needless
// look, never too late.
func (b *book) refreshDue() {
	due := b.idleAt
	sooner := func(at time.Time) {
		if !at.IsZero() && (due.IsZero() || at.Before(due)) {
			due = at
		}
	}
	if !b.known {
		sooner(b.dueAt)
	}
	if len(b.lots) > 0 {
		sooner(b.lots[0].expiresAt)
	}
	for _, h := range b.holds {
		sooner(h.MaturesAt)
	}
	b.dueAt = due
}

// carryOut decides one command. A refusal leaves the book as settled.
func (b *book) carryOut(c Command, at time.Time) Result {
	if at.Before(b.movedAt) {
		at = b.movedAt // invariant 2: times never run backwards along the chain
	}
	b.settle(at)
	var out Outcome
	var err error
	switch c.Op {
	case OpAward:
		out, err = b.award(c, at)
	case OpHold:
		out, err = b.hold(c, at)
	case OpRelease:
		out, err = b.decideHold(c, at, true)
	case OpCancel:
		out, err = b.decideHold(c, at, false)
	case OpSpend:
		out, err = b.take(KindRedeem, c, at)
	case OpRefund:
		out, err = b.refund(c, at)
	case OpDeduct:
		out, err = b.take(KindDeduct, c, at)
	case OpReverse:
		out, err = b.reverse(c, at)
	}
	out.Holding = Holding{b.balances, b.earned, b.redeemed}
	return Result{out, err}
}
