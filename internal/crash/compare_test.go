package crash

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/incent-dev/incent/internal/ledger"
)

// acknowledged makes an answered entry.
func acknowledged(asked entry, status int, data string) *entry {
	asked.kind = &kinds[slices.IndexFunc(kinds, func(k kind) bool { return k.op == asked.Op })]
	asked.answer = &answer{Status: status, Body: fmt.Appendf(nil, `{"success":%v,%s}`, status < 300, data)}
	return &asked
}

// sample is a journal and the books that agree with it: one member earns 100 and
// 60, loses 10, buys a voucher for 25 and a mug for 30, and returns the mug.
func sample() ([]*entry, *books) {
	at := time.Date(2024, 6, 15, 14, 30, 0, 0, time.UTC)
	transfers := []transferRow{
		{Kind: ledger.KindAward, Amount: 100, After: 100, Ref: "a"},
		{Kind: ledger.KindAward, Amount: 60, After: 160, Ref: "b.0"},
		{Kind: ledger.KindDeduct, Amount: 10, After: 150, Ref: "d"},
		{Kind: ledger.KindRedeem, Amount: 25, After: 125, Order: "ord_1"},
		{Kind: ledger.KindRedeem, Amount: 30, After: 95, Order: "ord_2"},
		{Kind: ledger.KindRefund, Amount: 30, After: 125, Order: "ord_2"},
	}
	for i := range transfers {
		t := &transfers[i]
		t.Member, t.MemberKey, t.Asset, t.Seq, t.At = "m", 7, asset, int64(i+1), at
	}
	entries := []*entry{
		acknowledged(entry{Op: opAward, Key: "a", Member: "m", Points: 100}, 201, fmt.Sprintf(`"data":{"transaction_id":%q,"new_balance":100}`, transfers[0].id())),
		acknowledged(entry{Op: opBulk, Key: "b", Awards: []award{{"m", 60, "", "b.0"}, {"m", 0, "", "b.1"}}}, 200,
			fmt.Sprintf(`"data":{"processed":1,"failed":1,"transactions":[{"member_id":"m","transaction_id":%q}],"errors":[{"index":1}]}`, transfers[1].id())),
		acknowledged(entry{Op: opDeduct, Key: "d", Member: "m", Points: 10}, 201, fmt.Sprintf(`"data":{"transaction_id":%q,"new_balance":150}`, transfers[2].id())),
		acknowledged(entry{Op: opRedeem, Key: "r", Member: "m", Item: "voucher", Units: 1}, 201,
			`"data":{"order_id":"ord_1","member_id":"m","reward_id":"voucher","quantity":1,"points_spent":25,"status":"completed","fulfillment":{"code":"C1","codes":["C1"]},"new_balance":125}`),
		acknowledged(entry{Op: opRedeem, Key: "s", Member: "m", Item: "mug", Units: 1}, 201,
			`"data":{"order_id":"ord_2","member_id":"m","reward_id":"mug","quantity":1,"points_spent":30,"status":"pending","fulfillment":{},"new_balance":95}`),
		acknowledged(entry{Op: opMove, Key: "c", Order: "ord_2", To: "cancelled"}, 200, `"data":{"order_id":"ord_2","status":"cancelled"}`),
		acknowledged(entry{Op: opDeduct, Key: "x", Member: "m", Points: 999}, 400, `"error":{"code":"insufficient_points"}`),
	}
	b := &books{
		Transfers: transfers,
		Accounts:  []accountRow{{Member: "m", Asset: asset, Available: 125, Earned: 160, Redeemed: 25, Seq: 6}},
		Orders: []orderRow{
			{ID: "ord_1", Member: "m", Item: "voucher", Units: 1, Spent: 25, Asset: asset, Status: "completed", Codes: []string{"C1"}},
			{ID: "ord_2", Member: "m", Item: "mug", Units: 1, Spent: 30, Asset: asset, Status: "cancelled"},
		},
		Items: []itemRow{{ID: "voucher"}, {ID: "mug"}},
		Pools: []poolRow{{ID: "p", Name: "voucher", Available: 1, Issued: 1}},
		Codes: []codeRow{{"p", "C1", "issued", "ord_1"}, {"p", "C2", "available", ""}},
		Days:  []dayRow{{"cancelled", 1}, {"completed", 1}},
	}
	entries = append(entries, sampleProgramme(b)...)
	entries = append(entries, sampleEvents(b)...)
	for _, e := range entries {
		b.Keys = append(b.Keys, keyRow{digest(e.Key), e.answer.Status, e.answer.Body})
	}
	return entries, b
}

func TestCompareAgrees(t *testing.T) {
	t.Parallel()
	entries, b := sample()
	for _, f := range compare(entries, b) {
		t.Errorf("%s: %s", f.kind, f.says)
	}
}

// TestCompareNotices plants one fault at a time.
func TestCompareNotices(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, kind, says string
		plant            func(entries *[]*entry, b *books)
	}{
		{"award lost", lost, "ref a", func(_ *[]*entry, b *books) { b.Transfers = b.Transfers[1:] }},
		{"bulk award lost", lost, "ref b.0", func(_ *[]*entry, b *books) { b.Transfers = slices.Delete(b.Transfers, 1, 2) }},
		{"spend lost", lost, "spend ord_1", func(_ *[]*entry, b *books) { b.Transfers = slices.Delete(b.Transfers, 3, 4) }},
		{"refund lost", lost, "refund ord_2", func(_ *[]*entry, b *books) { b.Transfers = b.Transfers[:5] }},
		{"order lost", lost, "order ord_1", func(_ *[]*entry, b *books) { b.Orders = b.Orders[1:] }},
		{"cancel lost", lost, "acknowledged as cancelled", func(_ *[]*entry, b *books) { b.Orders[1].Status = "pending" }},
		{"code lost", lost, "0 codes", func(_ *[]*entry, b *books) { b.Orders[0].Codes = nil }},
		{"account lost", lost, "no account", func(_ *[]*entry, b *books) { b.Accounts = nil }},
		{"key lost", lost, "key a", func(_ *[]*entry, b *books) { b.Keys = b.Keys[1:] }},
		{"event lost", lost, "order ord_1 is in no event", func(_ *[]*entry, b *books) { b.Untold = []untoldRow{{"order", "ord_1"}} }},
		{"award doubled", doubled, "ref a", func(_ *[]*entry, b *books) { b.Transfers = append(b.Transfers, b.Transfers[0]) }},
		{"refund doubled", doubled, "refund ord_2", func(_ *[]*entry, b *books) { b.Transfers = append(b.Transfers, b.Transfers[5]) }},
		{"award that was not acknowledged", doubled, "ref a", func(e *[]*entry, _ *books) { *e = (*e)[1:] }},
		{"spend that was not acknowledged", doubled, "spend ord_1", func(e *[]*entry, _ *books) { *e = slices.Delete(*e, 3, 4) }},
		{"order that was not acknowledged", doubled, "order ord_1", func(e *[]*entry, _ *books) { *e = slices.Delete(*e, 3, 4) }},
		{"cancel that was not acknowledged", doubled, "is cancelled", func(e *[]*entry, _ *books) { *e = slices.Delete(*e, 5, 6) }},
		{"refused, and done", doubled, "ref x", func(_ *[]*entry, b *books) {
			b.Transfers = append(b.Transfers, transferRow{Member: "m", Kind: ledger.KindDeduct, Amount: 999, Ref: "x"})
		}},
		{"code of two orders", doubled, "code C1", func(_ *[]*entry, b *books) { b.Orders[1].Codes = []string{"C1"} }},
		{"order of two keys", wrong, "two keys", func(e *[]*entry, _ *books) { *e = append(*e, (*e)[3]) }},
		{"other amount", wrong, "ref a", func(_ *[]*entry, b *books) { b.Transfers[0].Amount = 99 }},
		{"other balance", wrong, "led to", func(_ *[]*entry, b *books) { b.Transfers[2].After = 1 }},
		{"other sum", wrong, "acknowledgements sum", func(_ *[]*entry, b *books) { b.Accounts[0].Available++ }},
		{"stock", wrong, "stock", func(_ *[]*entry, b *books) { b.Items[1] = itemRow{"earbuds", new(int64)} }},
		{"pool", wrong, "pool voucher", func(_ *[]*entry, b *books) { b.Pools[0].Issued++ }},
		{"days", wrong, "days", func(_ *[]*entry, b *books) { b.Days[0].Orders++ }},
		{"lots", wrong, "lots", func(_ *[]*entry, b *books) { b.Lots = []lotRow{{"m", asset, 5, 6}} }},
		{"gap", wrong, "does not follow", func(_ *[]*entry, b *books) { b.Transfers[4].Seq++ }},
		{"other bytes", wrong, "keeps", func(_ *[]*entry, b *books) { b.Keys[0].Body = []byte("{}") }},
		{"unasked key", wrong, "nobody asked", func(_ *[]*entry, b *books) { b.Keys = append(b.Keys, keyRow{"z", 201, nil}) }},
		{"two answers", wrong, "was answered 201", func(e *[]*entry, _ *books) { (*e)[0].differs = &answer{Status: 400} }},
		{"no answer", wrong, "never answered", func(e *[]*entry, _ *books) { (*e)[0].answer = nil }},
		{"odd refusal", wrong, "invalid_request", func(e *[]*entry, _ *books) {
			(*e)[6].answer = &answer{Status: 400, Body: []byte(`{"error":{"code":"invalid_request"}}`)}
		}},
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
