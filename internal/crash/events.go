package crash

import (
	"context"
	"fmt"
	"net/http"
	"slices"

	"github.com/incent-dev/incent/internal/incentive"
	"github.com/incent-dev/incent/internal/ledger"
	"github.com/incent-dev/incent/internal/store"
)

// What is asked of the incentive engine, and of the catalog.

func drawEvent(d *draft) *entry {
	asked := entry{Member: d.member(), Action: actions[d.IntN(len(actions))].Key}
	if d.once(12) {
		asked.Member = fmt.Sprintf("actor-%d-%d", d.client, d.nth)
	}
	body := map[string]any{"userId": asked.Member, "actionKey": asked.Action, "idempotencyKey": d.key, "metadata": map[string]any{"from": "crash"}}
	return post("/incentives/events", body, asked)
}

type toldEvent struct {
	ID       string
	Member   string `json:"userId"`
	Action   string `json:"actionKey"`
	Rewarded bool
	Reason   string
	Coins    int64
	XP       int64
	Tokens   int64
	Balances struct{ Coins, Tokens, XP int64 }
	Levels   []struct {
		Level int
		Coins int64
	} `json:"levelUps"`
}

func claimEvent(c *claims, e *entry) error {
	t, err := read[toldEvent](e)
	if err != nil {
		return err
	}
	if t.Member != e.Member || t.Action != e.Action || t.Rewarded != (t.Reason == "") {
		c.find(wrong, "key %s asked for %s by %s and was answered %+v", e.Key, e.Action, e.Member, t)
	}
	if _, twice := c.events[t.ID]; twice {
		c.find(wrong, "two keys were answered with event %s", t.ID)
	}
	c.events[t.ID] = t
	coins := t.Coins
	for _, l := range t.Levels {
		coins += l.Coins
	}
	for _, x := range []struct {
		asset   ledger.Asset
		amount  int64
		balance int64
	}{{ledger.Points, coins, t.Balances.Coins}, {ledger.Tokens, t.Tokens, t.Balances.Tokens}, {ledger.XP, t.XP, t.Balances.XP}} {
		if x.amount > 0 {
			c.claim("event "+t.ID+" "+x.asset.String(), effect{member: t.Member, points: x.amount, balance: &x.balance, key: e.Key, asset: x.asset})
		}
	}
	return nil
}

func eventOutcome(e *entry) string {
	t, err := read[toldEvent](e)
	switch {
	case err != nil:
		return "unreadable"
	case len(t.Levels) > 0:
		return "rewarded with levels"
	case t.Rewarded:
		return "rewarded"
	}
	return t.Reason
}

type eventRow struct {
	ID, Member, Action, Reason string
	Coins, XP, Tokens          int64
}

const eventsSQL = `
SELECT a.id::text, m.external_id, c.key, coalesce(a.reason, ''), a.coins, a.xp, a.tokens
  FROM activities a JOIN members m ON m.tenant_id = a.tenant_id AND m.id = a.member_id
  JOIN actions c ON c.tenant_id = a.tenant_id AND c.id = a.action_id
 WHERE a.tenant_id = $1 ORDER BY a.member_id, a.place`

// compareEvents holds the engine against what was acknowledged: each event is
// there, limits were kept to the number, each level that is reached was granted
// once.
func (c *claims) compareEvents(b *books) {
	pair(c, "event", c.events, b.Events, func(r eventRow) string { return r.ID }, func(r eventRow, t toldEvent) (string, string) {
		if r.Member != t.Member || r.Action != t.Action || r.Reason != t.Reason || r.Coins != t.Coins || r.XP != t.XP || r.Tokens != t.Tokens {
			return wrong, fmt.Sprintf("acknowledged as %+v", t)
		}
		return "", ""
	})
	type doing struct{ member, action string }
	all, rewarded, xp, granted := map[doing]int64{}, map[doing]int64{}, map[string]int64{}, map[string]map[int]int{}
	for _, t := range c.events {
		all[doing{t.Member, t.Action}]++
		if t.Rewarded {
			rewarded[doing{t.Member, t.Action}]++
		}
		xp[t.Member] += t.XP
		for _, l := range t.Levels {
			if granted[t.Member] == nil {
				granted[t.Member] = map[int]int{}
			}
			granted[t.Member][l.Level]++
		}
	}
	for who, n := range all {
		most := n
		if a := actions[slices.IndexFunc(actions, func(a incentive.Action) bool { return a.Key == who.action })]; a.MaxRepeats != nil {
			most = min(n, *a.MaxRepeats)
		}
		if got := rewarded[who]; got > most {
			c.find(doubled, "%s was rewarded %d times for %s, at most %d are", who.member, got, who.action, most)
		} else if got < most {
			c.find(lost, "%s was rewarded %d times for %s, of %d", who.member, got, who.action, most)
		}
	}
	for member, sum := range xp {
		for n, l := range levels {
			if got := granted[member][n+1]; got > 1 {
				c.find(doubled, "%s was granted level %d %d times", member, n+1, got)
			} else if (got == 1) != (sum >= l.xp) {
				c.find(wrong, "%s with %d XP was granted level %d %d times", member, sum, n+1, got)
			}
		}
	}
}

func drawBuy(d *draft) *entry {
	w := wares[d.IntN(len(wares))]
	if priced := wares[d.IntN(len(wares))]; w.tokens == 0 && priced.tokens > 0 {
		w = priced
	}
	asked := entry{Member: d.member(), Item: w.id, Units: 1 + d.IntN(2)}
	body := map[string]any{"userId": asked.Member, "itemId": w.id, "quantity": asked.Units}
	if w.tokens > 0 && !d.once(4) {
		body["currency"] = "TOKENS"
	}
	if w.kind == store.Physical {
		body["shippingAddress"] = map[string]string{
			"name": "A. Member", "line1": "1 Main Street", "city": "Springfield", "postalCode": "12345", "country": "US",
		}
	}
	return post("/incentives/redeem", body, asked)
}

type toldBought struct {
	ID       string
	Member   string `json:"userId"`
	Item     string `json:"itemId"`
	Quantity int
	Currency string
	Cost     int64
	Status   string
	Codes    []string `json:"discountCodes"`
	Balances struct{ Coins, Tokens int64 }
}

func claimBought(c *claims, e *entry) error {
	t, err := read[toldBought](e)
	if err != nil {
		return err
	}
	bought := told{
		Order: t.ID, Member: t.Member, Item: t.Item, Units: t.Quantity, Spent: t.Cost, Status: t.Status, Codes: t.Codes,
		Asset: ledger.Points, Balance: t.Balances.Coins,
	}
	if t.Currency == "TOKENS" {
		bought.Asset, bought.Balance = ledger.Tokens, t.Balances.Tokens
	}
	c.order(e, bought)
	return nil
}

func buyOutcome(e *entry) string {
	t, err := read[toldBought](e)
	if err != nil {
		return "unreadable"
	}
	return "for " + t.Currency
}

// noteBought remembers a physical order, so that either API can move it.
func noteBought(_ context.Context, r *round, e *entry) {
	if t, err := read[toldBought](e); err == nil && t.Status == "PENDING" {
		r.journal.note(anOrder, thing{id: t.ID})
	}
}

func drawSettle(d *draft) *entry {
	order, found := d.pick(anOrder)
	if !found {
		return nil
	}
	to := []string{"CANCELLED", "CANCELLED", "FULFILLED"}[d.IntN(3)]
	e := post("/incentives/redemptions/"+order.id, map[string]any{"status": to}, entry{Order: order.id, To: to})
	e.Method = http.MethodPatch
	return e
}

func claimSettled(c *claims, e *entry) error {
	t, err := read[toldBought](e)
	if err != nil {
		return err
	}
	if t.ID != e.Order || t.Status != e.To {
		c.find(wrong, "key %s asked order %s to be %s and was told that %s is %s", e.Key, e.Order, e.To, t.ID, t.Status)
	}
	c.cancelled[e.Order] = c.cancelled[e.Order] || e.To == "CANCELLED"
	c.fulfilled[e.Order] = c.fulfilled[e.Order] || e.To == "FULFILLED"
	return nil
}
