package crash

import (
	"slices"
	"strings"

	"github.com/incent-dev/incent/internal/ledger"
	"github.com/incent-dev/incent/internal/store"
)

// compareShelves holds stock, codes and daily counts against the orders, which
// have been held against the acknowledgements.
func (c *claims) compareShelves(b *books) {
	sold, days, owner := map[string]int64{}, map[string]int64{}, c.codeOwners(b)
	for _, o := range b.Orders {
		days[o.Status]++
		if o.Status != string(store.Cancelled) {
			sold[o.Item] += int64(o.Units)
		}
		digital := slices.ContainsFunc(wares, func(w ware) bool { return w.id == o.Item && w.kind == store.Digital })
		if digital && len(o.Codes) != o.Units {
			c.find(lost, "order %s has %d codes for %d units", o.ID, len(o.Codes), o.Units)
		}
	}
	for _, d := range b.Days {
		if d.Orders != days[d.Status] {
			c.find(wrong, "the days count %d orders that are %s, there are %d", d.Orders, d.Status, days[d.Status])
		}
		delete(days, d.Status)
	}
	for status, n := range days {
		c.find(wrong, "the days count no orders that are %s, there are %d", status, n)
	}
	for _, i := range b.Items {
		w := wares[slices.IndexFunc(wares, func(w ware) bool { return w.id == i.ID })]
		if (i.Stock == nil) != (w.stock < 0) || i.Stock != nil && *i.Stock != w.stock-sold[i.ID] {
			c.find(wrong, "%s: stock %v, began with %d, sold %d", i.ID, i.Stock, w.stock, sold[i.ID])
		}
	}
	c.comparePools(b, owner)
}

// codeOwners tells which order or reward has a code. A code has one owner.
func (c *claims) codeOwners(b *books) map[string]string {
	owner, folded := map[string]string{}, map[string]string{}
	own := func(code, by string) {
		if other, taken := owner[code]; taken {
			c.find(doubled, "code %s went to %s and to %s", code, other, by)
		}
		owner[code] = by
	}
	for _, o := range b.Orders {
		for _, code := range o.Codes {
			own(code, o.ID)
		}
	}
	for _, r := range b.Rewards {
		if r.Code == "" {
			continue
		}
		own(r.Code, r.ID)
		upper := strings.ToUpper(r.Code) // as the codes of rewards are compared
		if other, taken := folded[upper]; taken {
			c.find(doubled, "code %s went to reward %s and to reward %s", r.Code, other, r.ID)
		}
		folded[upper] = r.ID
	}
	return owner
}

// comparePools wants each code's row to tell what orders and rewards tell.
func (c *claims) comparePools(b *books, owner map[string]string) {
	count := map[string]poolRow{}
	for _, code := range b.Codes {
		n := count[code.Pool]
		switch code.State {
		case "available":
			n.Available++
		case "issued":
			n.Issued++
		default:
			n.Voided++
		}
		count[code.Pool] = n
		if by := owner[code.Code]; by != code.Owner {
			c.find(wrong, "code %s is %s for %q, and %q has it", code.Code, code.State, code.Owner, by)
		}
	}
	for _, p := range b.Pools {
		if n := count[p.ID]; p.Available != n.Available || p.Issued != n.Issued || p.Voided != n.Voided {
			c.find(wrong, "pool %s counts %d available, %d issued, %d voided; its codes are %d, %d, %d",
				p.Name, p.Available, p.Issued, p.Voided, n.Available, n.Issued, n.Voided)
		}
	}
}

// checkChains wants each account's transfers numbered without gap, each balance
// to follow from the one before, and lots to sum up.
func (c *claims) checkChains(b *books) {
	type account struct {
		key   int64
		asset ledger.Asset
	}
	last := map[account]transferRow{}
	newest := map[string]transferRow{}
	for _, t := range b.Transfers {
		at := account{t.MemberKey, t.Asset}
		before := last[at]
		if t.Seq != before.Seq+1 || t.After != before.After+t.points() || t.At.Before(before.At) {
			c.find(wrong, "transfer %d of %s does not follow from %d", t.Seq, t.Member, before.Seq)
		}
		last[at] = t
		if t.Asset == asset {
			newest[t.Member] = t
		}
	}
	dated := map[string]int64{}
	for _, l := range b.Lots {
		dated[l.Member] = l.Remaining
		if l.Remaining != l.Entries {
			c.find(wrong, "the lots of %s hold %d, their entries sum to %d", l.Member, l.Remaining, l.Entries)
		}
	}
	for _, a := range b.Accounts {
		if t := newest[a.Member]; t.Seq != a.Seq || t.After != a.Available-a.Debt {
			c.find(wrong, "the account of %s stands at transfer %d, balance %d; its newest is %d, balance %d", a.Member, a.Seq, a.Available-a.Debt, t.Seq, t.After)
		}
		if dated[a.Member] != a.Dated {
			c.find(wrong, "the account of %s has %d dated, its lots hold %d", a.Member, a.Dated, dated[a.Member])
		}
	}
}
