package crash

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"

	"github.com/incent-dev/incent/internal/ledger"
	"github.com/incent-dev/incent/internal/store"
)

// The kinds of findings.
const (
	lost    = "lost"    // acknowledged, and not in the books
	doubled = "doubled" // in the books, and accounted for by no answer
	wrong   = "wrong"   // whatever else does not hold
)

var rank = map[string]int{lost: 0, doubled: 1, wrong: 2}

// finding is one promise that was not kept.
type finding struct {
	kind string
	says string
}

// verdict is what a round's comparison came to.
type verdict struct {
	findings []finding
	replayed int
}

func (v verdict) count(kind string) int {
	n := 0
	for _, f := range v.findings {
		if f.kind == kind {
			n++
		}
	}
	return n
}

// first lists some of the findings, the worst ones first.
func (v verdict) first(n int) string {
	var b strings.Builder
	worst := slices.SortedStableFunc(slices.Values(v.findings), func(x, y finding) int { return cmp.Compare(rank[x.kind], rank[y.kind]) })
	for _, f := range worst[:min(n, len(worst))] {
		fmt.Fprintf(&b, "  %s: %s\n", f.kind, f.says)
	}
	return b.String()
}

// effect is one transfer that an acknowledgement claims, or all that an event
// pays of one asset.
type effect struct {
	id      string // the transfer's, where the answer tells it
	member  string
	points  int64 // signed
	balance *int64
	key     string       // whose answer it is
	asset   ledger.Asset // zero: points
}

// claims is everything that the acknowledgements of a journal say, by what
// identifies an effect in the books: the reference we gave, or the order.
type claims struct {
	effects   map[string]effect
	orders    map[string]told // by order
	cancelled map[string]bool // by order
	shipped   map[string]bool // by order
	fulfilled map[string]bool // by order
	programme programme
	events    map[string]toldEvent // by id
	findings  []finding
}

func (c *claims) find(kind, format string, args ...any) {
	c.findings = append(c.findings, finding{kind, fmt.Sprintf(format, args...)})
}

// compare holds a journal, all of whose entries are answered, against the books
// and returns what does not agree.
func compare(entries []*entry, b *books) []finding {
	c := claim(entries)
	c.compareTransfers(b)
	c.compareOrders(b)
	c.compareBalances(b)
	c.compareShelves(b)
	c.compareProgramme(b)
	c.compareEvents(b)
	c.compareFeed(b)
	c.compareKeys(entries, b)
	c.checkChains(b)
	return c.findings
}

// claim gathers what the answers say.
func claim(entries []*entry) *claims {
	c := &claims{
		effects: map[string]effect{}, orders: map[string]told{}, cancelled: map[string]bool{}, shipped: map[string]bool{}, fulfilled: map[string]bool{},
		programme: newProgramme(), events: map[string]toldEvent{},
	}
	for _, e := range entries {
		if e.differs != nil {
			c.find(wrong, "key %s was answered %v and %v", e.Key, e.answer, e.differs)
		}
		if e.answer == nil {
			c.find(wrong, "key %s was never answered", e.Key)
			continue
		}
		if !e.answer.ok() {
			c.checkRefusal(e)
			continue
		}
		if err := e.kind.claim(c, e); err != nil {
			c.find(wrong, "%s with key %s: the acknowledgement cannot be read: %v", e.Op, e.Key, err)
		}
	}
	c.follow()
	for order, is := range c.cancelled {
		if is && (c.shipped[order] || c.fulfilled[order]) {
			c.find(wrong, "order %s was cancelled, and shipped or fulfilled", order)
		}
	}
	return c
}

func (c *claims) checkRefusal(e *entry) {
	code := errorCode(e.answer)
	if code == "" || !slices.Contains(strings.Fields(e.kind.refusals), code) {
		c.find(wrong, "%s with key %s was answered %v", e.Op, e.Key, e.answer)
	}
}

func (c *claims) claim(name string, e effect) {
	if e.asset == 0 {
		e.asset = ledger.Points
	}
	if before, twice := c.effects[name]; twice {
		c.find(wrong, "keys %s and %s claim the same effect: %s", before.key, e.key, name)
	}
	c.effects[name] = e
}

// moved names the transfers by what identifies each among the claims. What an
// event pays of an asset is one, since that is what is told of it.
func (b *books) moved() (names []string, transfers []transferRow) {
	payees := make(map[string]string, len(b.Rewards)+len(b.Events))
	for _, r := range b.Rewards {
		payees[bare(r.ID)] = "payout " + r.earned()
	}
	for _, e := range b.Events {
		payees[bare(e.ID)] = "event " + e.ID
	}
	for _, t := range b.Transfers {
		name := t.name(payees)
		last := len(names) - 1
		if strings.HasPrefix(name, "event ") && last >= 0 && names[last] == name {
			t.Amount += transfers[last].Amount
			transfers[last] = t
			continue
		}
		names, transfers = append(names, name), append(transfers, t)
	}
	return names, transfers
}

// bare is an id without its prefix: causes of transfers have none.
func bare(id string) string {
	_, rest, _ := strings.Cut(id, "_")
	return rest
}

func (t transferRow) name(payees map[string]string) string {
	switch t.Kind {
	case ledger.KindAward:
		switch payee := payees[t.Payee]; {
		case t.Payee == "":
			return "ref " + t.Ref
		case strings.HasPrefix(payee, "event "):
			return payee + " " + t.Asset.String()
		default:
			return payee
		}
	case ledger.KindDeduct:
		return "ref " + t.Ref
	case ledger.KindRedeem:
		return "spend " + t.Order
	case ledger.KindRefund:
		return "refund " + t.Order
	case ledger.KindClawback:
		return strings.Replace(payees[t.Payee], "payout", "clawback", 1)
	}
	return "unasked " + t.id()
}

// compareTransfers matches the claims with the transfers, one to one.
func (c *claims) compareTransfers(b *books) {
	for order, is := range c.cancelled {
		if t, ours := c.orders[order]; is && ours {
			c.effects["refund "+order] = effect{member: t.Member, points: t.Spent, asset: t.Asset}
		}
	}
	seen := map[string]int{}
	names, transfers := b.moved()
	for i, t := range transfers {
		name := names[i]
		seen[name]++
		claimed, is := c.effects[name]
		switch {
		case !is:
			c.find(doubled, "transfer %s of %s, %+d (%s): no acknowledgement accounts for it", t.id(), t.Member, t.points(), name)
		case seen[name] > 1:
			c.find(doubled, "transfer %s of %s, %+d (%s) is there %d times", t.id(), t.Member, t.points(), name, seen[name])
		case claimed.member != t.Member || claimed.points != t.points() || t.Asset != claimed.asset || claimed.id != "" && claimed.id != t.id():
			c.find(wrong, "%s was acknowledged as %s of %s, %+d, and is %s of %s, %+d", name, claimed.id, claimed.member, claimed.points, t.id(), t.Member, t.points())
		case claimed.balance != nil && *claimed.balance != t.After:
			c.find(wrong, "%s was acknowledged with balance %d, and led to %d", name, *claimed.balance, t.After)
		}
	}
	for name, e := range c.effects {
		if seen[name] == 0 {
			c.find(lost, "%s of %s, %+d, acknowledged to key %s, is not in the books", name, e.member, e.points, e.key)
		}
	}
}

// compareOrders matches the acknowledged orders with the rows.
func (c *claims) compareOrders(b *books) {
	seen := map[string]bool{}
	for _, o := range b.Orders {
		t, ours := c.orders[o.ID]
		if !ours {
			c.find(doubled, "order %s of %s: no acknowledgement accounts for it", o.ID, o.Member)
			continue
		}
		seen[o.ID] = true
		if o.Asset != t.Asset || o.Member != t.Member || o.Item != t.Item || o.Units != t.Units || o.Spent != t.Spent || !slices.Equal(o.Codes, t.Codes) {
			c.find(wrong, "order %s was acknowledged as %+v, and is %+v", o.ID, t, o)
		}
		cancelled := o.Status == string(store.Cancelled)
		switch {
		case c.cancelled[o.ID] && !cancelled:
			c.find(lost, "order %s was acknowledged as cancelled, and is %s", o.ID, o.Status)
		case cancelled && !c.cancelled[o.ID]:
			c.find(doubled, "order %s is cancelled: no acknowledgement accounts for it", o.ID)
		case c.fulfilled[o.ID] && o.Status != string(store.Completed):
			c.find(lost, "order %s was acknowledged as fulfilled, and is %s", o.ID, o.Status)
		case c.shipped[o.ID] && !c.fulfilled[o.ID] && o.Status != string(store.Shipped):
			c.find(lost, "order %s was acknowledged as shipped, and is %s", o.ID, o.Status)
		}
	}
	for id, t := range c.orders {
		if !seen[id] {
			c.find(lost, "order %s of %s was acknowledged, and is not there", id, t.Member)
		}
	}
}

// compareBalances holds the accounts against the sums of the claims.
func (c *claims) compareBalances(b *books) {
	type sums struct{ balance, earned, redeemed int64 }
	type account struct {
		member string
		asset  ledger.Asset
	}
	want := map[account]sums{}
	for name, e := range c.effects {
		of := account{e.member, e.asset}
		s := want[of]
		s.balance += e.points
		switch sort, _, _ := strings.Cut(name, " "); {
		case sort == "payout", sort == "event", sort == "ref" && e.points > 0:
			s.earned += e.points
		case sort == "spend", sort == "refund":
			s.redeemed -= e.points
		}
		want[of] = s
	}
	for _, a := range b.Accounts {
		of, got := account{a.Member, a.Asset}, sums{a.Available - a.Debt, a.Earned, a.Redeemed}
		if got != want[of] || a.Pending != 0 {
			c.find(wrong, "%s has (balance, earned, redeemed) %v of %v, the acknowledgements sum to %v; pending %d", a.Member, got, a.Asset, want[of], a.Pending)
		}
		delete(want, of)
	}
	for of, s := range want {
		c.find(lost, "%s has no account of %v; the acknowledgements sum to %v", of.member, of.asset, s)
	}
}

// compareKeys wants each answer kept under its key, to the byte.
func (c *claims) compareKeys(entries []*entry, b *books) {
	kept := make(map[string]keyRow, len(b.Keys))
	for _, k := range b.Keys {
		kept[k.Key] = k
	}
	for _, e := range entries {
		if e.answer == nil {
			continue
		}
		stored := digest(e.Key)
		k, is := kept[stored]
		delete(kept, stored)
		if !is {
			c.find(lost, "key %s was answered %d and is not kept", e.Key, e.answer.Status)
		} else if stored := (&answer{Status: k.Status, Body: k.Body}); !e.answer.equal(stored) {
			c.find(wrong, "key %s was answered %v and keeps %v", e.Key, e.answer, stored)
		}
	}
	for key, k := range kept {
		c.find(wrong, "key %s keeps an answer %d that nobody asked for", key, k.Status)
	}
}

// digest is what a database keeps of an idempotency key.
func digest(key string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(key))) }
