package ledger

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/incent-dev/incent/internal/fault"
	"github.com/incent-dev/incent/internal/tenant"
)

// TestBookAgainstModel runs random sequences through the books alone, without a
// database: many of them, quickly.
func TestBookAgainstModel(t *testing.T) {
	sequences(t, "2000")
	rapid.Check(t, bookAgainstModel)
}

// FuzzBook is the same for as long as one likes.
func FuzzBook(f *testing.F) { f.Fuzz(rapid.MakeFuzz(bookAgainstModel)) }

func bookAgainstModel(t *rapid.T) {
	w := newWorld(t)
	s := shelf{}
	for range rapid.SampledFrom([]int{5, 20, 40}).Draw(t, "steps") {
		w.moveClock(t)
		if rapid.IntRange(0, 14).Draw(t, "new policy") == 0 {
			w.policy = drawPolicy(t)
		}
		at := w.now.Add(-drawSkew(t))
		commands := make([]Command, rapid.SampledFrom([]int{1, 1, 1, 2, 4}).Draw(t, "batch"))
		for i := range commands {
			commands[i] = w.drawCommand(t)
		}
		results := s.apply(t, w, at, commands)
		for i, want := range w.do(commands, at) {
			t.Logf("%s %+v: %q", at.Format(time.RFC3339Nano), commands[i], want)
			if got := code(results[i].Err); got != want {
				t.Fatalf("the ledger says %v, the model %q", results[i].Err, want)
			}
		}
		for h, a := range w.accounts {
			s.compare(t, h, a)
		}
		for _, c := range commands {
			s.wakesInTime(t, c, w)
		}
	}
}

func code(err error) string {
	if err == nil {
		return ""
	}
	if f := fault.As(err); f != nil {
		return f.Code
	}
	return "not a fault: " + err.Error()
}

// shelf keeps books between transactions as the tables do.
type shelf map[holder]*stored

type stored struct {
	row       book // balances and the like
	lots      []lot
	holds     []Hold
	transfers []Transfer
	entries   []entry
	undone    map[int64]undone
}

// apply does what Apply does, in memory.
func (s shelf) apply(t *rapid.T, w *world, at time.Time, commands []Command) []Result {
	books := map[holder]*book{}
	for _, c := range commands {
		h := holder{c.Member, c.Asset}
		if s[h] == nil && c.Op.gives() {
			s[h] = &stored{row: book{external: c.Member, asset: c.Asset}, undone: map[int64]undone{}}
		}
		if s[h] != nil && books[h] == nil {
			books[h] = s[h].open(w)
		}
	}
	for _, c := range commands {
		if b := books[holder{c.Member, c.Asset}]; b != nil {
			s[holder{c.Member, c.Asset}].load(b, c, at)
		}
	}
	session := Session{at: at, books: books, poor: map[string]bool{}}
	for h := range s {
		session.poor[h.member] = true
	}
	var results []Result
	for _, c := range commands {
		results = append(results, session.Do(c))
	}
	for _, b := range ordered(books) {
		s[holder{b.external, b.asset}].close(t, b)
	}
	return results
}

func (s *stored) open(w *world) *book {
	b := s.row
	b.policy, b.readDue = &w.policy, b.dueAt
	b.known = b.dated == 0 && b.balances.Pending == 0
	return &b
}

func (s *stored) load(b *book, c Command, at time.Time) {
	if !b.known && needsLots(b, c, at) {
		b.known, b.lots, b.holds = true, slices.Clone(s.lots), slices.Clone(s.holds)
	}
	if c.UndoSeq < 1 || c.UndoSeq > int64(len(s.transfers)) {
		return
	}
	if b.originals == nil {
		b.originals = map[int64]original{}
	}
	t := s.transfers[c.UndoSeq-1]
	o := original{kind: t.Kind, amount: t.Amount, cause: t.Cause}
	_, o.undone = s.undone[c.UndoSeq]
	for _, e := range s.entries {
		if e.seq == c.UndoSeq {
			o.entries = append(o.entries, e)
		}
	}
	b.originals[c.UndoSeq] = o
}

// close stores a book, with the checks that the schema makes.
func (s *stored) close(t *rapid.T, b *book) {
	for _, e := range b.entries {
		if slices.ContainsFunc(s.entries, func(x entry) bool { return x.seq == e.seq && x.expiresAt.Equal(e.expiresAt) }) {
			t.Fatalf("lot_entries_pk: %+v twice", e)
		}
		s.entries = append(s.entries, e)
	}
	for _, c := range netChanges(b) {
		i := slices.IndexFunc(s.lots, func(l lot) bool { return l.expiresAt.Equal(c.expiresAt) })
		if i < 0 {
			s.lots, i = append(s.lots, lot{c.expiresAt, 0}), len(s.lots)
		}
		s.lots[i].remaining += c.amount
		if s.lots[i].remaining < 0 {
			t.Fatalf("lots_remaining_not_negative: %+v", s.lots[i])
		}
	}
	s.lots = slices.DeleteFunc(s.lots, func(l lot) bool { return l.remaining == 0 })
	slices.SortFunc(s.lots, func(x, y lot) int { return x.expiresAt.Compare(y.expiresAt) })
	s.transfers = append(s.transfers, b.transfers...)
	s.holds = append(s.holds, b.opened...)
	for _, h := range b.closed {
		n := len(s.holds)
		s.holds = slices.DeleteFunc(s.holds, func(x Hold) bool { return x.ID == h.ID })
		if len(s.holds) != n-1 {
			t.Fatalf("holds_closed_once: %+v", h)
		}
	}
	for _, u := range b.undone {
		if _, twice := s.undone[u.seq]; twice {
			t.Fatalf("undone_pk: %d twice", u.seq)
		}
		s.undone[u.seq] = u
	}
	kept := *b
	kept.lots, kept.holds, kept.originals = nil, nil, nil
	kept.transfers, kept.entries, kept.opened, kept.closed, kept.undone = nil, nil, nil, nil, nil
	s.row = kept
	if r := s.row; r.balances.Debt > 0 && r.balances.Available > 0 || r.dated < 0 || r.dated > r.balances.Available {
		t.Fatalf("an account constraint: %+v", r)
	}
}

// compare looks for any difference between the books and the model.
func (s shelf) compare(t *rapid.T, h holder, a *modelAccount) {
	k := s[h]
	if k == nil {
		t.Fatalf("%v: the ledger has no account", h)
	}
	got := Holding{k.row.balances, k.row.earned, k.row.redeemed}
	if want := (Holding{a.balances(), a.earned, a.redeemed}); got != want {
		t.Fatalf("%v: the ledger has %+v, the model %+v", h, got, want)
	}
	if len(k.transfers) != len(a.lines) {
		t.Fatalf("%v: the ledger has %d transfers, the model %d", h, len(k.transfers), len(a.lines))
	}
	for i, x := range k.transfers {
		if got, want := lineOf(x), a.lines[i]; got != want {
			t.Fatalf("%v transfer %d: the ledger has %+v, the model %+v", h, i+1, got, want)
		}
	}
	if got, want := fmt.Sprint(k.lots), fmt.Sprint(a.lots()); got != want {
		t.Fatalf("%v: the ledger has lots %s, the model %s", h, got, want)
	}
}

// wakesInTime looks at when the account must be looked at next: not too late,
// and, after a command that has looked at it all, not too early either.
func (s shelf) wakesInTime(t *rapid.T, c Command, w *world) {
	h := holder{c.Member, c.Asset}
	if s[h] == nil {
		return
	}
	got, want := s[h].row.dueAt, w.accounts[h].due()
	if got.IsZero() {
		got = never
	}
	if got.After(want) || !c.Op.gives() && !got.Equal(want) {
		t.Fatalf("%v: the ledger wakes at %s, the model at %s", h, got, want)
	}
}

func lineOf(x Transfer) modelLine {
	return modelLine{
		what: x.Kind.String(), amount: x.Amount, available: x.After.Available, pending: x.After.Pending, debt: x.After.Debt,
		at: x.EffectedAt, awards: x.Shown[0], redeems: x.Shown[1], deducts: x.Shown[2], expiries: x.Shown[3],
	}
}

// lots counts the dated units by expiry.
func (a *modelAccount) lots() (lots []lot) {
	for _, u := range a.units {
		switch {
		case u.Equal(never):
		case len(lots) > 0 && lots[len(lots)-1].expiresAt.Equal(u):
			lots[len(lots)-1].remaining++
		default:
			lots = append(lots, lot{u, 1})
		}
	}
	return lots
}

// TestBookHasAnEnd gives the largest amounts until an account is full, which the
// model, with an entry for each unit, cannot follow.
func TestBookHasAnEnd(t *testing.T) {
	t.Parallel()
	b := &book{asset: Points, policy: &tenant.Policy{Clawback: tenant.ClawbackNegative}, known: true}
	const full = maxBalance / MaxAmount
	for i := range full {
		op := []Op{OpAward, OpHold}[i%2]
		if r := b.carryOut(Command{Op: op, Amount: MaxAmount}, worldBegins); r.Err != nil {
			t.Fatal(r.Err)
		}
	}
	for _, op := range []Op{OpAward, OpHold} {
		if r := b.carryOut(Command{Op: op, Amount: MaxAmount}, worldBegins); code(r.Err) != CodeBalanceOverflow {
			t.Errorf("one more: %v", r.Err)
		}
	}
	rest := int64(maxBalance - full*MaxAmount)
	if r := b.carryOut(Command{Op: OpAward, Amount: rest}, worldBegins); r.Err != nil {
		t.Errorf("what still fits: %v", r.Err)
	}
	if r := b.carryOut(Command{Op: OpAward, Amount: 1}, worldBegins); code(r.Err) != CodeBalanceOverflow {
		t.Errorf("one unit more: %v", r.Err)
	}
}
