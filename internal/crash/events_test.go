package crash

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/incent-dev/incent/internal/ledger"
)

// sampleEvents adds to the sample: an actor does something that pays and reaches
// a level, and buys a mug for tokens, which is fulfilled.
func sampleEvents(b *books) []*entry {
	at := time.Date(2024, 6, 15, 14, 32, 0, 0, time.UTC)
	paid := func(of ledger.Asset, seq int64, kind ledger.Kind, amount, after int64, payee, order string) {
		b.Transfers = append(b.Transfers, transferRow{
			Member: "actor", MemberKey: 9, Asset: of, Seq: seq, Kind: kind, Amount: amount, After: after, Payee: payee, Order: order, At: at,
		})
	}
	paid(ledger.Points, 1, ledger.KindAward, 3, 3, "9", "") // an event may pay in parts
	paid(ledger.Points, 2, ledger.KindAward, 2, 5, "9", "")
	paid(ledger.Tokens, 1, ledger.KindAward, 8, 8, "9", "")
	paid(ledger.Tokens, 2, ledger.KindRedeem, 6, 2, "", "ord_3")
	paid(ledger.XP, 1, ledger.KindAward, 10, 10, "9", "")
	b.Accounts = append(b.Accounts,
		accountRow{Member: "actor", Asset: ledger.Points, Available: 5, Earned: 5, Seq: 2},
		accountRow{Member: "actor", Asset: ledger.Tokens, Available: 2, Earned: 8, Redeemed: 6, Seq: 2},
		accountRow{Member: "actor", Asset: ledger.XP, Available: 10, Earned: 10, Seq: 1})
	b.Events = []eventRow{{"evt_9", "actor", "visit", "", 5, 10, 8}}
	b.Orders = append(b.Orders, orderRow{ID: "ord_3", Member: "actor", Item: "mug", Units: 1, Spent: 6, Asset: ledger.Tokens, Status: "completed"})
	b.Days[1].Orders++
	return []*entry{
		recorded(entry{Op: opEvent, Key: "e1", Member: "actor", Action: "visit"}, 201, `{"id":"evt_9","userId":"actor","actionKey":"visit","rewarded":true,
			"coins":5,"xp":10,"tokens":8,"balances":{"coins":5,"tokens":8,"xp":10},"levelUps":[{"level":1,"coins":0}]}`),
		recorded(entry{Op: opBuy, Key: "b1", Member: "actor", Item: "mug", Units: 1}, 201, `{"id":"ord_3","userId":"actor","itemId":"mug","quantity":1,
			"currency":"TOKENS","cost":6,"status":"PENDING","discountCodes":[],"balances":{"coins":5,"tokens":2}}`),
		recorded(entry{Op: opSettle, Key: "s1", Order: "ord_3", To: "FULFILLED"}, 200, `{"id":"ord_3","status":"FULFILLED"}`),
	}
}

// TestCompareNoticesEvents plants one fault of the incentive engine at a time.
func TestCompareNoticesEvents(t *testing.T) {
	t.Parallel()
	forget := func(key string) func(*[]*entry, *books) {
		return func(e *[]*entry, _ *books) {
			*e = slices.DeleteFunc(*e, func(e *entry) bool { return e.Key == key })
		}
	}
	told := func(old, by string) func(*[]*entry, *books) {
		return func(e *[]*entry, _ *books) {
			a := (*e)[slices.IndexFunc(*e, func(e *entry) bool { return e.Key == "e1" })].answer
			a.Body = []byte(strings.Replace(string(a.Body), old, by, 1))
		}
	}
	transfer := func(of ledger.Asset) func(transferRow) bool {
		return func(t transferRow) bool { return t.Member == "actor" && t.Asset == of && t.Kind == ledger.KindAward }
	}
	for _, c := range []struct {
		name, kind, says string
		plant            func(entries *[]*entry, b *books)
	}{
		{"event lost", lost, "event evt_9", func(_ *[]*entry, b *books) { b.Events = nil }},
		{"tokens lost", lost, "event evt_9 tokens", func(_ *[]*entry, b *books) { b.Transfers = slices.DeleteFunc(b.Transfers, transfer(ledger.Tokens)) }},
		{"XP doubled", wrong, "event evt_9 xp", func(_ *[]*entry, b *books) {
			i := slices.IndexFunc(b.Transfers, transfer(ledger.XP))
			b.Transfers = slices.Insert(b.Transfers, i, b.Transfers[i])
		}},
		{"event that was not acknowledged", doubled, "event {ID:evt_9", forget("e1")},
		{"order that was not acknowledged", doubled, "order ord_3", forget("b1")},
		{"fulfilment lost", lost, "acknowledged as fulfilled", func(_ *[]*entry, b *books) { b.Orders[2].Status = "pending" }},
		{"bought for something else", wrong, "order ord_3", func(_ *[]*entry, b *books) { b.Orders[2].Asset = ledger.Points }},
		{"limit without need", lost, "of 1", told(`"rewarded":true`, `"rewarded":false,"reason":"MAX_REPEATS"`)},
		{"level not granted", wrong, "level 1", told(`{"level":1,"coins":0}`, ``)},
		{"level granted twice", doubled, "level 1", told(`{"level":1,"coins":0}`, `{"level":1,"coins":0},{"level":1,"coins":0}`)},
		{"other balance", wrong, "led to", told(`"tokens":8,"xp":10}`, `"tokens":9,"xp":10}`)},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			entries, b := sample()
			c.plant(&entries, b)
			v := verdict{findings: compare(entries, b)}
			if !slices.ContainsFunc(v.findings, func(f finding) bool { return f.kind == c.kind && strings.Contains(f.says, c.says) }) {
				t.Errorf("no %s with %q among:\n%s", c.kind, c.says, v.first(20))
			}
		})
	}
}
