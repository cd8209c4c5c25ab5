package crash

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/incent-dev/incent/internal/ledger"
)

// recorded makes an answered entry of the referral half.
func recorded(asked entry, status int, body string, args ...any) *entry {
	e := acknowledged(asked, status, `"data":{}`)
	e.answer.Body = fmt.Appendf(nil, body, args...)
	return e
}

// sampleProgramme adds to the sample: m has two codes. Through the first one a
// friend clicks twice and converts twice, which pays once, and is refunded.
// Through the second one the friend's conversion earns a coupon, which m claims
// and redeems, and m's own one is flagged, then approved.
func sampleProgramme(b *books) []*entry {
	at := time.Date(2024, 6, 15, 14, 31, 0, 0, time.UTC)
	b.Transfers = append(b.Transfers,
		transferRow{Member: "m", MemberKey: 7, Seq: 7, Kind: ledger.KindAward, Amount: 20, After: 145, Reward: "w1", Asset: asset, At: at},
		transferRow{Member: "m", MemberKey: 7, Seq: 8, Kind: ledger.KindClawback, Amount: 20, After: 125, Reward: "w1", Asset: asset, At: at},
		transferRow{Member: "friend", MemberKey: 8, Seq: 1, Kind: ledger.KindAward, Amount: 5, After: 5, Reward: "w2", Asset: asset, At: at},
		transferRow{Member: "friend", MemberKey: 8, Seq: 2, Kind: ledger.KindClawback, Amount: 5, After: 0, Reward: "w2", Asset: asset, At: at},
	)
	b.Accounts[0].Earned, b.Accounts[0].Seq = 180, 8
	b.Accounts = append(b.Accounts, accountRow{Member: "friend", Earned: 5, Seq: 2})
	b.Pools = append(b.Pools, poolRow{ID: "q", Name: "coupons", Issued: 1})
	b.Codes = append(b.Codes, codeRow{"q", "K1", "issued", "w3"})
	budget := int64(60_00)
	b.Campaigns = []campaignRow{
		{ID: "points", Referrals: 1, Clicks: 1, Conversions: 1},
		{ID: "codes"},
		{ID: "coupons", Budget: &budget, Spent: 7_00, Referrals: 1, Conversions: 2, GrantedMinor: 7_00},
	}
	b.Referrals = []referralRow{
		{ID: "ref_1", Campaign: "points", Code: "AAAA", Referrer: "m", Completed: true, Clicks: 1, Conversions: 1},
		{ID: "ref_2", Campaign: "coupons", Code: "BBBB", Referrer: "m", Completed: true, Conversions: 2},
	}
	b.Clicks = []clickRow{{"k1", "AAAA", "friend", true}, {"k2", "AAAA", "friend", false}}
	b.Conversions = []conversionRow{
		{"c1", "AAAA", "friend", "REJECTED", "", 30_00, 0, 20, true},
		{"c2", "AAAA", "friend", "COMPLETED", "REPEAT_CONVERSION", 30_00, 0, 0, false},
		{"c3", "BBBB", "friend", "COMPLETED", "", 50_00, 5_00, 0, false},
		{"c4", "BBBB", "m", "COMPLETED", "", 20_00, 2_00, 0, false},
	}
	b.Rewards = []rewardRow{
		{"w1", "c1", "REFERRER", "m", "CANCELLED", "", 0, 20, true, false, false},
		{"w2", "c1", "REFEREE", "friend", "CANCELLED", "", 0, 5, true, false, false},
		{"w3", "c3", "REFERRER", "m", "PAID", "K1", 5_00, 0, false, true, true},
		{"w4", "c4", "REFERRER", "m", "APPROVED", "", 2_00, 0, false, false, false},
	}
	b.Attributions = []attributionRow{{"points", "friend", "AAAA", true}, {"coupons", "friend", "BBBB", true}, {"coupons", "m", "BBBB", true}}
	b.Tallies = []tallyRow{{"points", "m", 0, 0}, {"coupons", "m", 2, 7_00}}
	converted := func(key, code, referee string, minor int64, id, referral, status, more string) *entry {
		return recorded(entry{Op: opConvert, Key: key, Code: code, Referee: referee, Minor: minor}, 201,
			`{"conversionId":%q,"referralId":%q,"status":%q,"refereeId":%q,"referrerId":"m",%s}`, id, referral, status, referee, more)
	}
	return []*entry{
		recorded(entry{Op: opRefer, Key: "p1", Campaign: "points", Member: "m"}, 201, `{"referralCode":"AAAA","referralId":"ref_1"}`),
		recorded(entry{Op: opRefer, Key: "p2", Campaign: "points", Member: "m"}, 200, `{"referralCode":"AAAA","referralId":"ref_1"}`),
		recorded(entry{Op: opRefer, Key: "p3", Campaign: "coupons", Member: "m"}, 201, `{"referralCode":"BBBB","referralId":"ref_2"}`),
		recorded(entry{Op: opClick, Key: "k1", Code: "AAAA", Referee: "friend"}, 200, `{"clickId":"k1","referralCode":"AAAA","counted":true}`),
		recorded(entry{Op: opClick, Key: "k2", Code: "AAAA", Referee: "friend"}, 200, `{"clickId":"k2","referralCode":"AAAA","counted":false}`),
		converted("v1", "AAAA", "friend", 30_00, "c1", "ref_1", "COMPLETED", `"rewardAmount":0.00,"rewardCoins":20,"rewardCreated":true`),
		converted("v2", "AAAA", "friend", 30_00, "c2", "ref_1", "COMPLETED", `"rewardAmount":0.00,"rewardCreated":false,"reason":"REPEAT_CONVERSION"`),
		converted("v3", "BBBB", "friend", 50_00, "c3", "ref_2", "COMPLETED", `"rewardAmount":5.00,"rewardCreated":true`),
		converted("v4", "BBBB", "m", 20_00, "c4", "ref_2", "FLAGGED", `"rewardAmount":2.00,"rewardCreated":true`),
		recorded(entry{Op: opClaim, Key: "l1", Reward: "w3"}, 200, `{"rewardId":"w3","conversionId":"c3","role":"REFERRER","couponCode":"K1"}`),
		recorded(entry{Op: opClaim, Key: "l2", Reward: "w3"}, 200, `{"rewardId":"w3","conversionId":"c3","role":"REFERRER","couponCode":"K1"}`),
		recorded(entry{Op: opUse, Key: "u1", Code: "K1"}, 200, `{"rewardId":"w3","conversionId":"c3","role":"REFERRER","couponCode":"K1"}`),
		recorded(entry{Op: opUse, Key: "u2", Reward: "w3"}, 409, `{"code":"already_redeemed","error":"before"}`),
		recorded(entry{Op: opRefund, Key: "f1", Conversion: "c1"}, 201, `{"conversionId":"c1","rewards":[
			{"outcome":"cancelled","reversal":{"amount":20,"fromAvailable":20,"forgiven":0},"reward":{"role":"REFERRER"}},
			{"outcome":"cancelled","reversal":{"amount":5,"fromAvailable":5,"forgiven":0},"reward":{"role":"REFEREE"}}]}`),
		recorded(entry{Op: opReview, Key: "h1", Conversion: "c4", To: approve}, 200, `{"status":"approved","conversionId":"c4"}`),
	}
}

// TestCompareNoticesProgramme plants one fault of the referral half at a time.
func TestCompareNoticesProgramme(t *testing.T) {
	t.Parallel()
	forget := func(key string) func(*[]*entry, *books) {
		return func(e *[]*entry, _ *books) {
			*e = slices.DeleteFunc(*e, func(e *entry) bool { return e.Key == key })
		}
	}
	again := func(key, with, by string) func(*[]*entry, *books) {
		return func(e *[]*entry, _ *books) {
			twin := *(*e)[slices.IndexFunc(*e, func(e *entry) bool { return e.Key == key })]
			answer := *twin.answer
			answer.Body = []byte(strings.ReplaceAll(string(answer.Body), with, by))
			twin.Key, twin.answer = key+" again", &answer
			*e = append(*e, &twin)
		}
	}
	for _, c := range []struct {
		name, kind, says string
		plant            func(entries *[]*entry, b *books)
	}{
		{"code lost", lost, "code AAAA", func(_ *[]*entry, b *books) { b.Referrals = b.Referrals[1:] }},
		{"click lost", lost, "click k2", func(_ *[]*entry, b *books) { b.Clicks = b.Clicks[:1] }},
		{"conversion lost", lost, "conversion c2", func(_ *[]*entry, b *books) { b.Conversions = slices.Delete(b.Conversions, 1, 2) }},
		{"reward lost", lost, "reward c1 REFEREE", func(_ *[]*entry, b *books) { b.Rewards = slices.Delete(b.Rewards, 1, 2) }},
		{"payout lost", lost, "payout c1 REFERRER", func(_ *[]*entry, b *books) { b.Transfers = slices.Delete(b.Transfers, 6, 7) }},
		{"clawback lost", lost, "clawback c1 REFERRER", func(_ *[]*entry, b *books) { b.Transfers = slices.Delete(b.Transfers, 7, 8) }},
		{"claim lost", lost, "claimed", func(_ *[]*entry, b *books) { b.Rewards[2].Claimed = false }},
		{"redemption lost", lost, "redeemed", func(_ *[]*entry, b *books) { b.Rewards[2].Used = false }},
		{"refund lost", lost, "refunded", func(_ *[]*entry, b *books) { b.Conversions[0].Refunded = false }},
		{"review lost", wrong, "APPROVED", func(_ *[]*entry, b *books) { b.Rewards[3].Status = "PENDING" }},
		{"attribution lost", lost, "attribution points friend", func(_ *[]*entry, b *books) { b.Attributions = b.Attributions[1:] }},
		{"no click counts", lost, "no click on AAAA friend", func(_ *[]*entry, b *books) { b.Clicks[0].Counted = false }},
		{"click that was not acknowledged", doubled, "click {ID:k2", forget("k2")},
		{"conversion that was not acknowledged", doubled, "conversion {ID:c2", forget("v2")},
		{"reward that was not acknowledged", doubled, "reward {ID:w3", forget("v3")},
		{"code that was not acknowledged", doubled, "code {ID:ref_2", forget("p3")},
		{"redemption that was not acknowledged", doubled, "redeemed", forget("u1")},
		{"refund that was not acknowledged", doubled, "refunded", forget("f1")},
		{"claim that was not acknowledged", doubled, "claimed", func(e *[]*entry, b *books) { forget("l1")(e, b); forget("l2")(e, b) }},
		{"payout doubled", doubled, "payout c1 REFERRER", func(_ *[]*entry, b *books) { b.Transfers = append(b.Transfers, b.Transfers[6]) }},
		{"click doubled", doubled, "once more", func(_ *[]*entry, b *books) { b.Clicks = append(b.Clicks, b.Clicks[0]) }},
		{"both clicks count", doubled, "2 clicks on AAAA friend", func(_ *[]*entry, b *books) { b.Clicks[1].Counted = true }},
		{"two conversions pay", doubled, "pay in campaign points", func(e *[]*entry, _ *books) {
			again("v1", `"c1"`, `"c9"`)(e, nil)
		}},
		{"two codes of one claim", doubled, "claimed as code", again("l1", "K1", "K2")},
		{"two codes of one referrer", doubled, "got code", again("p1", "AAAA", "CCCC")},
		{"two redemptions", doubled, "was redeemed by key", again("u1", "", "")},
		{"two refunds", doubled, "was refunded by key", again("f1", "", "")},
		{"one code of two rewards", doubled, "code K1", func(_ *[]*entry, b *books) { b.Rewards[3].Code = "K1" }},
		{"one code in two spellings", doubled, "code k1", func(_ *[]*entry, b *books) { b.Rewards[3].Code = "k1" }},
		{"code new twice", wrong, "new to 2", again("p1", "", "")},
		{"other value", wrong, "acknowledged as PAID", func(_ *[]*entry, b *books) { b.Rewards[2].Minor++ }},
		{"other code", wrong, `code "K1"`, func(_ *[]*entry, b *books) { b.Rewards[2].Code = "K9" }},
		{"budget overrun", wrong, "has spent", func(_ *[]*entry, b *books) { *b.Campaigns[2].Budget = 6_99 }},
		{"budget not drawn on", wrong, "has spent", func(_ *[]*entry, b *books) { b.Campaigns[2].Spent = 5_00 }},
		{"campaign miscounts", wrong, "campaign points counts", func(_ *[]*entry, b *books) { b.Campaigns[0].Clicks++ }},
		{"code miscounts", wrong, "code BBBB counts", func(_ *[]*entry, b *books) { b.Referrals[1].Conversions-- }},
		{"tally", wrong, "tally", func(_ *[]*entry, b *books) { b.Tallies[1].Granted++ }},
		{"bound to another code", wrong, "who is bound to", func(_ *[]*entry, b *books) { b.Attributions[0].Code = "BBBB" }},
		{"pays too much", wrong, "it is 500", again("v3", "5.00", "5.10")},
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
