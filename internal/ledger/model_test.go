package ledger

import (
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/incent-dev/incent/internal/fault"
	"github.com/incent-dev/incent/internal/tenant"
)

// The model is the ledger written down as naively as possible: every single
// unit that a member has is one entry of a list, and says when it expires. It
// shares nothing with book.go but the commands and the policies.

// never is when units expire that do not.
var never = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)

type modelAccount struct {
	asset    Asset
	units    []time.Time // sorted: what goes first stands first
	holds    []modelHold
	debt     int64
	earned   int64
	redeemed int64
	idle     time.Time // when a member who does nothing loses what never expires; zero: not
	last     time.Time // of the newest line
	lines    []modelLine
	grants   map[int64]*modelGrant
	spends   map[int64]*modelSpend
	warnings map[time.Time]int64 // by the instant of expiry: of how many units was warned

	committed int64 // lines before this transaction
}

type modelHold struct {
	id     uuid.UUID
	amount int64
	due    time.Time // zero: waits for a decision
}

// modelLine is one transfer as the model sees it.
type modelLine struct {
	what                               string
	amount, available, pending, debt   int64
	at                                 time.Time
	awards, redeems, deducts, expiries int64
}

type modelGrant struct {
	amount  int64
	expires time.Time
	hold    uuid.UUID // not zero: the grant rests in this hold
	undone  bool
}

type modelSpend struct {
	taken  []time.Time
	undone bool
}

func newModelAccount(asset Asset) *modelAccount {
	return &modelAccount{asset: asset, grants: map[int64]*modelGrant{}, spends: map[int64]*modelSpend{}, warnings: map[time.Time]int64{}}
}

func (a *modelAccount) pending() (sum int64) {
	for _, h := range a.holds {
		sum += h.amount
	}
	return sum
}

func (a *modelAccount) balances() Balances {
	return Balances{Available: int64(len(a.units)), Pending: a.pending(), Debt: a.debt}
}

// line appends to the history what has just been done.
func (a *modelAccount) line(what string, amount int64, at time.Time) int64 {
	if at.Before(a.last) {
		at = a.last
	}
	a.last = at
	l := modelLine{}
	if len(a.lines) > 0 {
		l = a.lines[len(a.lines)-1]
	}
	switch what {
	case "award", "mature":
		l.awards++
	case "redeem", "refund":
		l.redeems++
	case "deduct", "clawback", "owe":
		l.deducts++
	case "expire":
		l.expiries++
	}
	l.what, l.amount, l.at = what, amount, at
	l.available, l.pending, l.debt = int64(len(a.units)), a.pending(), a.debt
	a.lines = append(a.lines, l)
	return int64(len(a.lines))
}

// give adds n units of one expiry.
func (a *modelAccount) give(n int64, expires time.Time) {
	for range n {
		a.units = append(a.units, expires)
	}
	slices.SortFunc(a.units, time.Time.Compare)
}

// takeFirst takes the n units that expire first.
func (a *modelAccount) takeFirst(n int64) []time.Time {
	taken := slices.Clone(a.units[:n])
	a.units = slices.Clone(a.units[n:])
	return taken
}

// takeOf takes up to n units of just that expiry and tells how many.
func (a *modelAccount) takeOf(n int64, expires time.Time) (taken int64) {
	var kept []time.Time
	for _, u := range a.units {
		if u.Equal(expires) && taken < n {
			taken++
			continue
		}
		kept = append(kept, u)
	}
	a.units = kept
	return taken
}

func (a *modelAccount) payDebt(at time.Time) {
	n := min(a.debt, int64(len(a.units)))
	if n > 0 {
		a.debt -= n
		a.takeFirst(n)
		a.line("repay", n, at)
	}
}

func (a *modelAccount) active(at time.Time, p tenant.Policy) {
	switch {
	case a.asset == XP:
	case p.Expiry == tenant.ExpiryInactivity:
		a.idle = at.AddDate(0, 0, p.ExpiryDays)
	default:
		a.idle = time.Time{}
	}
}

func (a *modelAccount) expiry(at time.Time, p tenant.Policy) time.Time {
	switch {
	case a.asset == XP:
	case p.Expiry == tenant.ExpiryRolling:
		return at.AddDate(0, 0, p.ExpiryDays)
	case p.Expiry == tenant.ExpiryFixed:
		for d := at.Truncate(24 * time.Hour); ; d = d.AddDate(0, 0, 1) {
			tomorrow := d.AddDate(0, 0, 1)
			if d.Month() == p.ExpiryMonth && (d.Day() == p.ExpiryDay || d.Day() < p.ExpiryDay && tomorrow.Month() != d.Month()) {
				return tomorrow
			}
		}
	}
	return never
}

// due is the next instant at which something happens by itself.
func (a *modelAccount) due() time.Time {
	next := never
	for _, h := range a.holds {
		if !h.due.IsZero() && h.due.Before(next) {
			next = h.due
		}
	}
	if len(a.units) > 0 && a.units[0].Before(next) {
		next = a.units[0]
	}
	if !a.idle.IsZero() && a.idle.Before(next) {
		next = a.idle
	}
	return next
}

// pass lets time pass until at: first what matures at an instant, then what
// expires at it, then idleness.
func (a *modelAccount) pass(at time.Time, p tenant.Policy) {
	for {
		now := a.due()
		if now.After(at) || now.Equal(never) {
			return
		}
		i := slices.IndexFunc(a.holds, func(h modelHold) bool { return h.due.Equal(now) && !h.due.IsZero() })
		switch {
		case i >= 0:
			a.mature(i, now, p)
		case len(a.units) > 0 && a.units[0].Equal(now):
			a.line("expire", a.takeOf(int64(len(a.units)), now), now)
		default:
			a.idle = time.Time{}
			if p.Expiry == tenant.ExpiryInactivity {
				if n := a.takeOf(int64(len(a.units)), never); n > 0 {
					a.line("expire", n, now)
				}
			}
		}
	}
}

// warn tells of every instant within the warning's days at which something
// expires, unless it was told of before.
func (a *modelAccount) warn(at time.Time, p tenant.Policy) {
	if a.asset != Points || p.WarningDays == 0 {
		return
	}
	until := at.AddDate(0, 0, p.WarningDays)
	left := map[time.Time]int64{}
	for _, u := range a.units {
		if u.Equal(never) && p.Expiry == tenant.ExpiryInactivity && !a.idle.IsZero() {
			u = a.idle
		}
		if !u.After(until) {
			left[u]++
		}
	}
	for u, n := range left {
		if a.warnings[u] == 0 {
			a.warnings[u] = n
		}
	}
}

func (a *modelAccount) mature(i int, at time.Time, p tenant.Policy) {
	if at.Before(a.last) {
		at = a.last
	}
	h := a.holds[i]
	a.holds = slices.Delete(slices.Clone(a.holds), i, i+1)
	a.active(at, p)
	a.earned += h.amount
	e := a.expiry(at, p)
	a.give(h.amount, e)
	a.grants[a.line("mature", h.amount, at)] = &modelGrant{amount: h.amount, expires: e}
	a.payDebt(at)
}

// do carries out one command and tells its refusal's code; "" is none.
func (a *modelAccount) do(c Command, at time.Time, p tenant.Policy) string {
	if at.Before(a.last) {
		at = a.last
	}
	a.pass(at, p)
	switch c.Op {
	case OpAward:
		if p.AwardHoldDays > 0 && a.asset != XP {
			c.MaturesAt = at.AddDate(0, 0, p.AwardHoldDays)
			return a.hold(c, at)
		}
		return a.award(c, at, p)
	case OpHold:
		return a.hold(c, at)
	case OpRelease, OpCancel:
		return a.decide(c.HoldID, at, p, c.Op == OpRelease)
	case OpSpend, OpDeduct:
		return a.take(c, at, p)
	case OpRefund:
		return a.refund(c, at, p)
	case OpReverse:
		return a.reverse(c, at, p)
	}
	return ""
}

func (a *modelAccount) award(c Command, at time.Time, p tenant.Policy) string {
	if c.Amount < 1 || c.Amount > MaxAmount {
		return fault.CodeInvalidRequest
	}
	a.active(at, p)
	a.earned += c.Amount
	e := a.expiry(at, p)
	a.give(c.Amount, e)
	a.grants[a.line("award", c.Amount, at)] = &modelGrant{amount: c.Amount, expires: e}
	a.payDebt(at)
	return ""
}

func (a *modelAccount) hold(c Command, at time.Time) string {
	if c.Amount < 1 || c.Amount > MaxAmount {
		return fault.CodeInvalidRequest
	}
	a.holds = append(slices.Clone(a.holds), modelHold{c.HoldID, c.Amount, c.MaturesAt})
	a.grants[a.line("hold", c.Amount, at)] = &modelGrant{amount: c.Amount, hold: c.HoldID}
	return ""
}

func (a *modelAccount) decide(id uuid.UUID, at time.Time, p tenant.Policy, release bool) string {
	i := slices.IndexFunc(a.holds, func(h modelHold) bool { return h.id == id })
	switch {
	case i < 0:
		return CodeInvalidTransition
	case release:
		a.mature(i, at, p)
	default:
		amount := a.holds[i].amount
		a.holds = slices.Delete(slices.Clone(a.holds), i, i+1)
		a.line("cancel_hold", amount, at)
	}
	return ""
}

func (a *modelAccount) take(c Command, at time.Time, p tenant.Policy) string {
	switch {
	case a.asset == XP && c.Op == OpSpend, c.Amount < 1, c.Amount > MaxAmount:
		return fault.CodeInvalidRequest
	case c.Amount > int64(len(a.units)):
		return CodeInsufficientPoints
	}
	taken := a.takeFirst(c.Amount)
	if c.Op == OpDeduct {
		a.line("deduct", c.Amount, at)
		return ""
	}
	a.active(at, p)
	a.redeemed += c.Amount
	a.spends[a.line("redeem", c.Amount, at)] = &modelSpend{taken: taken}
	return ""
}

func (a *modelAccount) refund(c Command, at time.Time, p tenant.Policy) string {
	s := a.spends[c.UndoSeq]
	switch {
	case s == nil, c.UndoSeq > a.committed:
		return fault.CodeNotFound
	case s.undone:
		return CodeInvalidTransition
	}
	s.undone = true
	a.active(at, p)
	for _, u := range s.taken {
		if !u.After(at) {
			u = at.Add(30 * 24 * time.Hour)
		}
		a.give(1, u)
	}
	n := int64(len(s.taken))
	a.redeemed -= n
	a.line("refund", n, at)
	a.payDebt(at)
	return ""
}

func (a *modelAccount) reverse(c Command, at time.Time, p tenant.Policy) string {
	g := a.grants[c.UndoSeq]
	switch {
	case g == nil, c.UndoSeq > a.committed:
		return fault.CodeNotFound
	case g.hold != uuid.Nil:
		return a.decide(g.hold, at, p, false)
	case g.undone:
		return CodeInvalidTransition
	}
	g.undone = true
	if p.Clawback == tenant.ClawbackPendingOnly {
		return ""
	}
	n := min(g.amount, int64(len(a.units)))
	if n > 0 {
		a.takeFirst(n - a.takeOf(n, g.expires))
		a.line("clawback", n, at)
	}
	if owed := g.amount - n; owed > 0 && p.Clawback == tenant.ClawbackNegative {
		a.debt += owed
		a.line("owe", owed, at)
	}
	return ""
}

// clone is an account that can be let go its own way.
func (a *modelAccount) clone() *modelAccount {
	b := *a
	b.grants, b.spends = map[int64]*modelGrant{}, map[int64]*modelSpend{}
	for seq, g := range a.grants {
		c := *g
		b.grants[seq] = &c
	}
	for seq, s := range a.spends {
		c := *s
		b.spends[seq] = &c
	}
	b.warnings = maps.Clone(a.warnings)
	b.units, b.lines = slices.Clone(a.units), slices.Clone(a.lines)
	return &b
}
