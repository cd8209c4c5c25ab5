package apptest_test

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/incent-dev/incent/internal/app"
	"github.com/incent-dev/incent/internal/apptest"
	"github.com/incent-dev/incent/internal/incentive"
	"github.com/incent-dev/incent/internal/ledger"
	"github.com/incent-dev/incent/internal/pg"
	"github.com/incent-dev/incent/internal/pgtest"
	"github.com/incent-dev/incent/internal/referral"
	"github.com/incent-dev/incent/internal/store"
)

const (
	canaries = 500

	// canaryCallers use the programme at once, erasers forget them at once: those
	// share the reading of stored answers.
	canaryCallers = 16
	erasers       = 100

	// flight is how many appear in one bulk call.
	flight = 50
)

// aviary is where the canaries live.
type aviary struct {
	*apptest.Server
	database                                   string // its address: nobody else's
	campaign, digital, physical, action, badge string
	word                                       string // in everything that is said of anybody, and nowhere else
}

// canary is one person. Whatever takes a text gets one with the word in it.
type canary struct {
	*aviary
	t    testing.TB
	id   string
	code string

	friend string // "" or somebody who never is more than an id and a mailbox
}

func (c *canary) says(what string) string { return what + " " + c.id }
func (c *canary) key(what string) string  { return "Idempotency-Key: " + what + "-" + c.id }
func (c *canary) mail(what string) string { return what + "." + c.id + "@" + c.word + ".example" }
func (c *canary) told() object {
	return object{"who": c.says("name"), c.id: object{"list": []string{c.mail("meta")}}}
}

func (c *canary) origin(o object) object {
	o["deviceId"], o["userAgent"], o["ipAddress"] = c.says("device"), c.says("agent"), "203.0.113.9"
	return o
}

// live uses everything that takes something said about a person.
func (c *canary) live(before *canary) {
	m, points, incenta := c.Management.For(c.t), c.Incentable.For(c.t), c.Incenta.For(c.t)
	m.Must(201, "POST", "/members", object{"id": c.id, "name": c.says("Name"), "email": c.mail("first"), "timeZone": "Europe/Berlin"}, c.key("create"))
	m.Must(200, "PATCH", "/members/"+c.id, object{"name": c.says("New <name> & 'more'"), "email": c.mail("second")}, c.key("update"))
	award := object{"member_id": c.id, "points": 900, "reason": c.says("Reason"), "reference": c.says("INV"), "metadata": c.told()}
	points.Must(201, "POST", "/points/award", award, c.key("award"))
	points.Must(201, "POST", "/points/deduct", object{"member_id": c.id, "points": 9, "reason": c.says("Deduct"), "metadata": c.told()}, c.key("deduct"))
	points.Must(400, "POST", "/points/deduct", object{"member_id": c.id, "points": 1 << 40, "reason": c.says("Too much")}, c.key("refused"))
	shipped := points.Must(201, "POST", "/rewards/redeem", object{"member_id": c.id, "reward_id": c.physical, "shipping_address": object{
		"name": c.says("Name"), "line1": c.says("Street"), "line2": c.says("Flat"), "city": c.says("City"), "state": c.word, "postal_code": "10001", "country": "US",
	}}, c.key("redeem")).Text("data", "order_id")
	points.Must(200, "PATCH", "/orders/"+shipped, object{"status": "shipped", "tracking_number": c.says("1Z"), "carrier": c.says("UPS")}, c.key("ship"))
	incenta.Must(201, "POST", "/incentives/redeem", object{"userId": c.id, "itemId": c.digital}, c.key("catalog"))
	held := m.Must(201, "POST", "/holds", object{"memberId": c.id, "asset": "points", "amount": 3, "reason": c.says("Hold")}, c.key("hold")).Text("id")
	m.Must(201, "POST", "/holds", object{"memberId": c.id, "asset": "tokens", "amount": 3, "reason": c.says("Held for ever")})
	m.Must(200, "POST", "/holds/"+held+"/release", nil, c.key("release"))

	c.code = incenta.Must(201, "POST", "/referrals", c.origin(object{"campaignId": c.campaign, "referrerId": c.id,
		"referrerUsername": c.says("user"), "referrerEmail": c.mail("referrer")}), c.key("referral")).Text("referralCode")
	if c.friend != "" {
		incenta.Must(201, "POST", "/referrals", object{"campaignId": c.campaign, "referrerId": c.id, "refereeId": c.friend, "refereeEmail": c.mail("second")}, c.key("triple"))
	}
	incenta.Must(200, "POST", "/clicks", c.origin(object{"referralCode": c.code, "refereeId": c.id, "refereeEmail": c.mail("self")}), c.key("click"))
	flagged := incenta.Must(201, "POST", "/conversions", c.origin(object{"referralCode": c.code, "refereeId": c.id, "refereeEmail": c.mail("self"),
		"amount": 50, "metadata": c.told()}), c.key("convert"))
	equal(c.t, "a conversion by oneself", flagged.At("status"), "FLAGGED")
	if before != nil {
		incenta.Must(200, "POST", "/clicks", c.origin(object{"referralCode": before.code, "refereeId": c.id, "refereeEmail": c.mail("visitor")}))
		incenta.Must(201, "POST", "/conversions", c.origin(object{"referralCode": before.code, "refereeId": c.id, "refereeEmail": c.mail("visitor"), "amount": 70, "metadata": c.told()}))
	}
	incenta.Must(201, "POST", "/incentives/events", object{"userId": c.id, "actionKey": c.action, "idempotencyKey": c.says("event"), "metadata": c.told()}, c.key("event"))
	incenta.Must(201, "POST", "/incentives/badges/award", object{"userId": c.id, "badgeKey": c.badge}, c.key("badge"))
	m.Must(201, "POST", "/blocks", object{"kind": "member", "value": c.id, "note": c.says("Note")}, c.key("block"))
	m.Must(201, "POST", "/blocks", object{"kind": "email", "value": c.mail("second"), "note": c.says("Note")}, c.key("mailbox"))
}

// inBulk gives to many in one call.
func (a *aviary) inBulk(t testing.TB, flock []*canary) {
	var awards, events []object
	for _, c := range flock {
		award := object{"member_id": c.id, "points": 900, "reason": c.says("Bulk"), "reference": c.says("INV"), "metadata": c.told()}
		awards = append(awards, award, award)
		events = append(events, object{"userId": c.id, "actionKey": a.action, "idempotencyKey": c.says("in bulk"), "metadata": c.told()})
	}
	a.Incentable.For(t).Must(200, "POST", "/points/award/bulk", object{"awards": awards}, flock[0].key("bulk"))
	a.Incenta.For(t).Must(200, "POST", "/incentives/events/bulk", object{"events": events}, flock[0].key("events"))
}

// review says something about every case.
func (a *aviary) review(t testing.TB) {
	t.Helper()
	for {
		open, _ := a.Management.Must(200, "GET", "/cases?status=open&limit=100", nil).At("data").([]any)
		abreast(len(open), canaryCallers, func(i int) {
			id, m := fmt.Sprint(open[i].(object)["id"]), a.Management.For(t)
			if i%flight == 0 {
				m.Must(200, "PATCH", "/cases/"+id, object{"note": "Looks like " + a.word}, "Idempotency-Key: note-"+id)
			}
			m.Must(200, "POST", "/cases/"+id+[]string{"/approve", "/reject"}[i%2], object{"note": "It is " + a.word}, "Idempotency-Key: review-"+id)
		})
		if len(open) < 100 {
			return
		}
	}
}

// Nothing that was said of 500 people is anywhere once they are erased, and the
// books, the standings and all counts are as they were.
func TestErasedPeopleLeaveNoTrace(t *testing.T) {
	t.Parallel()
	var log safeBuffer
	s, database := apptest.Alone(t, slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	a := &aviary{Server: s, database: database, word: fmt.Sprintf("canaryzq%x", pg.NewKey())}
	rule := bothSides("").Rule
	a.campaign = addCampaign(t, s, referral.Campaign{Rule: rule})
	pool := addPool(t, s, codes("erased", canaries)...)
	a.digital = addItem(t, s, store.Item{Name: "Gift card", Kind: store.Digital, PointsCost: whole(100), PoolID: &pool})
	a.physical = addItem(t, s, store.Item{Name: "Earbuds", Kind: store.Physical, PointsCost: whole(100)})
	a.action = addAction(t, s, incentive.Action{Key: "play", Pay: incentive.Pay{Coins: 5, XP: 10, Tokens: 1}})
	a.badge = s.Incenta.Must(201, "POST", "/incentives/badges", object{"key": "hero", "name": "Hero"}).Text("key")

	// A receiver that says whom it was told of, in words and headers of its own.
	told := newReceiver(t, func(_ int, c call) (int, http.Header) {
		return 200, http.Header{"X-Member": {c.text("data", "member_id")}, "Set-Cookie": {"who=" + c.text("data", "member_id")}}
	})
	heard := newHook(t, s, told.URL, "incentable", "points.deducted")

	flock := make([]*canary, canaries)
	for i := range flock {
		flock[i] = &canary{aviary: a, t: t, id: fmt.Sprintf("%s-%03d", a.word, i)}
		if i%5 == 0 {
			flock[i].friend = flock[i].id + "-friend"
		}
	}
	abreast(canaries, canaryCallers, func(i int) {
		var before *canary
		if i >= canaryCallers {
			before = flock[i-canaryCallers]
		}
		flock[i].live(before)
	})
	for those := range slices.Chunk(flock, flight) {
		a.inBulk(t, those)
	}
	a.review(t)
	got := told.await(t, "deductions", func(got []call) bool { return distinct(got) >= canaries })
	heard.settled(t)
	if !strings.Contains(got[0].text("data", "reason"), a.word) {
		t.Errorf("what was told is %s", got[0].body)
	}
	for i := range 20 { // a name as a code
		s.Management.Must(201, "POST", "/campaigns/"+addCampaign(t, s, referral.Campaign{Rule: rule})+"/codes",
			object{"code": fmt.Sprintf("%s_%d", a.word, i), "referrerId": flock[i].id, "referrerUsername": a.word}, "Idempotency-Key: vanity-"+flock[i].id)
	}
	before := a.everything(t)
	equal(t, "where people are spoken of", strings.Join(a.places(t), " "), "activities activity_keys attributions blocked cases conversions holds idempotency_keys members orders referrals signals visits")

	abreast(canaries, erasers, func(i int) {
		erase(t, s, flock[i].id)
		if friend := flock[i].friend; friend != "" {
			erase(t, s, friend)
		}
	})

	equal(t, "where they still are", strings.Join(a.places(t), " "), "")
	for line := range strings.Lines(string(log.Bytes())) {
		if strings.Contains(strings.ToLower(line), a.word) || strings.Contains(line, "level=ERROR") {
			t.Fatalf("the log says %s", line)
		}
	}
	equal(t, "what is counted", a.everything(t), before)
	for query := ""; ; {
		feed := s.Management.Must(200, "GET", "/events?limit=1000"+query, nil)
		if bytes.Contains(bytes.ToLower(feed.Body), []byte(a.word)) {
			t.Fatal("the feed tells of somebody")
		}
		if feed.Len("data") == 0 {
			break
		}
		query = "&after=" + feed.Text("next")
	}
	report, err := ledger.AuditTenant(t.Context(), s.Core.DB, s.Tenant.ID, app.AuditChecks()...)
	if err != nil || len(report.Violations) > 0 {
		t.Errorf("audit: %v, %v", report.Violations, err)
	}
}

// abreast runs something n times, some at once. The i-th comes after the one that
// many before it.
func abreast(n, atOnce int, run func(i int)) {
	var wg sync.WaitGroup
	for lane := range atOnce {
		wg.Go(func() {
			for i := lane; i < n; i += atOnce {
				run(i)
			}
		})
	}
	wg.Wait()
}

// everything is what an erasure must not change: sums over the tenant's books
// and counts, and who stands where.
func (a *aviary) everything(t testing.TB) string {
	t.Helper()
	if err := a.Core.Boards.TakeIn(t.Context(), a.Tenant.ID); err != nil {
		t.Fatal(err)
	}
	var said string
	err := a.Core.DB.QueryRow(t.Context(), `
		SELECT (SELECT md5(string_agg(concat_ws('|', member_id, asset, seq, kind, amount, available_after, pending_after, debt_after, encode(memo, 'hex'), created_at), '/' ORDER BY member_id, asset, seq)) FROM transfers WHERE tenant_id = $1)
		    || (SELECT md5(string_agg(a::text, '/' ORDER BY member_id, asset)) FROM accounts AS a WHERE tenant_id = $1)
		    || (SELECT md5(string_agg(concat_ws('|', id, amount, state), '/' ORDER BY id)) FROM holds WHERE tenant_id = $1)
		    || (SELECT md5(string_agg(concat_ws('|', id, member_id, spent, status, codes), '/' ORDER BY id)) FROM orders WHERE tenant_id = $1)
		    || (SELECT md5(string_agg(s::text, '/' ORDER BY period, starts_on, member_id)) FROM standings AS s WHERE tenant_id = $1)
		    || (SELECT md5(string_agg(r::text, '/' ORDER BY id)) FROM rewards AS r WHERE tenant_id = $1)
		    || (SELECT count(*) || ' ' || sum(xp) FROM activities WHERE tenant_id = $1)
		    || (SELECT count(*) || ' ' || sum(reward_minor) FROM conversions WHERE tenant_id = $1)
		    || (SELECT count(*) || ' ' || count(*) FILTER (WHERE counted) FROM clicks WHERE tenant_id = $1)`, a.Tenant.ID).Scan(&said)
	if err != nil {
		t.Fatal(err)
	}
	return said
}

// places dumps the whole database and names the tables in which the word stands,
// in any case, in the clear or as the bytes of a text; "elsewhere" is what is no
// table's row.
func (a *aviary) places(t testing.TB) []string {
	t.Helper()
	words := []string{a.word, hex.EncodeToString([]byte(a.word)), hex.EncodeToString([]byte(strings.ToUpper(a.word)))}
	const elsewhere = "elsewhere"
	table, seen, found := elsewhere, map[string]bool{}, map[string]bool{}
	for line := range strings.Lines(strings.ToLower(string(pgtest.Dump(t, a.database)))) {
		if rows, begins := strings.CutPrefix(line, "copy "); begins && table == elsewhere {
			name, _, _ := strings.Cut(rows, " ")
			table = strings.TrimPrefix(name, "public.")
			seen[table] = true
		}
		if slices.ContainsFunc(words, func(w string) bool { return strings.Contains(line, w) }) {
			found[table] = true
		}
		if line == "\\.\n" {
			table = elsewhere
		}
	}
	for _, must := range []string{"members", "idempotency_keys", "webhook_deliveries", "river.river_job"} {
		if !seen[must] {
			t.Errorf("the dump has no table %s", must)
		}
	}
	return slices.Sorted(maps.Keys(found))
}

// safeBuffer is a log that many write to.
type safeBuffer struct {
	mu     sync.Mutex
	buffer bytes.Buffer
}

func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.Write(p)
}

func (b *safeBuffer) Bytes() []byte {
	b.mu.Lock()
	defer b.mu.Unlock()
	return bytes.Clone(b.buffer.Bytes())
}
