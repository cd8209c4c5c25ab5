package ledger

import (
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/incent-dev/incent/internal/fault"
	"github.com/incent-dev/incent/internal/tenant"
)

// world is a whole tenant of the model, with its clock and its policy.
type world struct {
	now      time.Time
	policy   tenant.Policy
	accounts map[holder]*modelAccount
	ids      []uuid.UUID // of every hold asked for

	holdUntil time.Duration // after how many whole days a hold ends
}

// worldBegins lies far ahead of the machine's clock, so that nothing in these
// books ever falls due by it.
var worldBegins = time.Date(2040, 1, 30, 22, 0, 0, 0, time.UTC)

func newWorld(t *rapid.T) *world {
	return &world{now: worldBegins, policy: drawPolicy(t), accounts: map[holder]*modelAccount{}}
}

// do carries out commands of one transaction on the model. An account that was
// never given anything does not exist; what the transaction itself moves cannot
// be undone in it, since nobody can name it yet.
func (w *world) do(commands []Command, at time.Time) []string {
	for _, c := range commands {
		h := holder{c.Member, c.Asset}
		if w.accounts[h] == nil && c.Op.gives() {
			w.accounts[h] = newModelAccount(c.Asset)
		}
		if a := w.accounts[h]; a != nil {
			a.committed = int64(len(a.lines))
		}
	}
	codes := make([]string, len(commands))
	for i, c := range commands {
		codes[i] = fault.CodeNotFound
		if a := w.accounts[holder{c.Member, c.Asset}]; a != nil {
			codes[i] = a.do(c, at, w.policy)
		} else if c.Op.takes() && w.knows(c.Member) {
			codes[i] = newModelAccount(c.Asset).do(c, at, w.policy)
		}
	}
	return codes
}

// knows tells whether there is such a member: who has any account.
func (w *world) knows(member string) bool {
	return slices.ContainsFunc(Assets, func(a Asset) bool { return w.accounts[holder{member, a}] != nil })
}

// holders lists the accounts in one order.
func (w *world) holders() []holder {
	return slices.SortedFunc(maps.Keys(w.accounts), func(x, y holder) int {
		return slices.Compare([]string{x.member, x.asset.String()}, []string{y.member, y.asset.String()})
	})
}

func drawPolicy(t *rapid.T) tenant.Policy {
	return tenant.Policy{
		Expiry: rapid.SampledFrom([]tenant.Expiry{
			tenant.ExpiryNone, tenant.ExpiryRolling, tenant.ExpiryRolling, tenant.ExpiryFixed, tenant.ExpiryInactivity,
		}).Draw(t, "expiry"),
		ExpiryDays:    rapid.SampledFrom([]int{1, 10, 30}).Draw(t, "expiry days"),
		ExpiryMonth:   time.Month(rapid.IntRange(1, 3).Draw(t, "expiry month")),
		ExpiryDay:     rapid.SampledFrom([]int{1, 15, 31}).Draw(t, "expiry day"),
		Clawback:      rapid.SampledFrom([]tenant.Clawback{tenant.ClawbackPendingOnly, tenant.ClawbackToZero, tenant.ClawbackNegative}).Draw(t, "clawback"),
		Enrolment:     tenant.EnrolmentOpen,
		AwardHoldDays: rapid.SampledFrom([]int{0, 0, 0, 5}).Draw(t, "award hold days"),
		WarningDays:   rapid.SampledFrom([]int{0, 1, 7, 30}).Draw(t, "warning days"),
	}
}

// moveClock lets time pass: not at all, a little, a lot, or to the very instant
// at which something falls due, or just before it.
func (w *world) moveClock(t *rapid.T) {
	const day = 24 * time.Hour
	step := rapid.SampledFrom([]time.Duration{
		0, 0, time.Microsecond, time.Hour, day, 4 * day, 10 * day, 30 * day, 400 * day, -1, -2, -2,
	}).Draw(t, "clock")
	if step >= 0 {
		w.now = w.now.Add(step)
		return
	}
	due := never
	for _, h := range w.holders() {
		if d := w.accounts[h].due(); d.After(w.now) && d.Before(due) {
			due = d
		}
	}
	if due.Equal(never) {
		return
	}
	w.now = due
	if step == -1 {
		w.now = due.Add(-time.Microsecond)
	}
}

// drawCommand draws something that a caller might ask for, mostly sensible.
func (w *world) drawCommand(t *rapid.T) Command {
	c := Command{
		Op: rapid.SampledFrom([]Op{
			OpAward, OpAward, OpAward, OpHold, OpRelease, OpCancel, OpSpend, OpSpend, OpRefund, OpDeduct, OpReverse, OpReverse, OpSettle,
		}).Draw(t, "op"),
		Member: rapid.SampledFrom([]string{"ann", "ann", "bob"}).Draw(t, "member"),
		Asset:  rapid.SampledFrom([]Asset{Points, Points, Points, Tokens, XP}).Draw(t, "asset"),
	}
	switch c.Op {
	case OpAward, OpHold, OpSpend, OpDeduct:
		c.Amount = rapid.SampledFrom([]int64{1, 2, 3, 5, 8, 13, 20, 1, 7, 0, -4, MaxAmount + 1}).Draw(t, "amount")
		if a := w.accounts[holder{c.Member, c.Asset}]; a != nil && len(a.units) > 0 && rapid.IntRange(0, 3).Draw(t, "all") == 0 {
			c.Amount = int64(len(a.units))
		}
		c.Memo = Memo{Reason: fmt.Sprint(c.Op, " ", c.Amount)}
	case OpRelease, OpCancel:
		c.HoldID = uuid.UUID{1}
		if len(w.ids) > 0 {
			c.HoldID = rapid.SampledFrom(w.ids).Draw(t, "hold")
		}
		for h, a := range w.accounts {
			if slices.ContainsFunc(a.holds, func(h modelHold) bool { return h.id == c.HoldID }) {
				c.Member, c.Asset = h.member, h.asset
			}
		}
	case OpRefund, OpReverse:
		c.UndoSeq = w.drawUndo(t, c)
	}
	if c.Op.gives() {
		c.HoldID = w.nextID()
	}
	if c.Op == OpHold {
		days := rapid.SampledFrom([]int{-1, 0, 1, 5, 29, 30, 31}).Draw(t, "held for days") // -1: until decided
		if days >= 0 {
			c.MaturesAt = w.now.AddDate(0, 0, days).Add(w.holdUntil)
		}
	}
	return c
}

func (w *world) nextID() uuid.UUID {
	var id uuid.UUID
	binary.BigEndian.PutUint64(id[:], uint64(len(w.ids))+2)
	w.ids = append(w.ids, id)
	return id
}

func (w *world) drawUndo(t *rapid.T, c Command) int64 {
	a := w.accounts[holder{c.Member, c.Asset}]
	if a == nil || rapid.IntRange(0, 9).Draw(t, "undo anything") == 0 {
		return rapid.Int64Range(0, 30).Draw(t, "undo")
	}
	candidates := slices.Sorted(maps.Keys(a.spends))
	if c.Op == OpReverse {
		candidates = slices.Sorted(maps.Keys(a.grants))
	}
	if len(candidates) == 0 {
		return 1
	}
	return rapid.SampledFrom(candidates).Draw(t, "undo")
}

// drawSkew is how far the clock of the server that carries out a command runs
// behind the others'.
func drawSkew(t *rapid.T) time.Duration {
	return rapid.SampledFrom([]time.Duration{0, 0, 0, 0, 0, time.Microsecond, time.Second}).Draw(t, "skew")
}
