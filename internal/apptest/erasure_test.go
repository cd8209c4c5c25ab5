package apptest_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"log/slog"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

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

	// canaryCallers use the programme at once.
	canaryCallers = 16
)

// aviary is where the canaries live.
type aviary struct {
	*apptest.Server
	campaign, digital, physical, action, badge string
	word                                       string // in everything that is said of anybody, and nowhere else
}

// canary is one person. Whatever takes a text gets one with the word in it.
type canary struct {
	*aviary
	t    testing.TB
	id   string
	code string
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
	points.Must(200, "POST", "/points/award/bulk", object{"awards": []object{award, award}}, c.key("bulk"))
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
	incenta.Must(201, "POST", "/referrals", object{"campaignId": c.campaign, "referrerId": c.id, "refereeId": c.id + "-friend", "refereeEmail": c.mail("second")}, c.key("triple"))
	incenta.Must(200, "POST", "/clicks", c.origin(object{"referralCode": c.code, "refereeId": c.id, "refereeEmail": c.mail("self")}), c.key("click"))
	flagged := incenta.Must(201, "POST", "/conversions", c.origin(object{"referralCode": c.code, "refereeId": c.id, "refereeEmail": c.mail("self"),
		"amount": 50, "metadata": c.told()}), c.key("convert"))
	equal(c.t, "a conversion by oneself", flagged.At("status"), "FLAGGED")
	if before != nil {
		incenta.Must(200, "POST", "/clicks", c.origin(object{"referralCode": before.code, "refereeId": c.id, "refereeEmail": c.mail("visitor")}))
		incenta.Must(201, "POST", "/conversions", c.origin(object{"referralCode": before.code, "refereeId": c.id, "refereeEmail": c.mail("visitor"), "amount": 70, "metadata": c.told()}))
	}
	incenta.Must(201, "POST", "/incentives/events", object{"userId": c.id, "actionKey": c.action, "idempotencyKey": c.says("event"), "metadata": c.told()}, c.key("event"))
	incenta.Must(200, "POST", "/incentives/events/bulk", object{"events": []object{{"userId": c.id, "actionKey": c.action, "idempotencyKey": c.says("in bulk"), "metadata": c.told()}}})
	incenta.Must(201, "POST", "/incentives/badges/award", object{"userId": c.id, "badgeKey": c.badge}, c.key("badge"))
	m.Must(201, "POST", "/blocks", object{"kind": "member", "value": c.id, "note": c.says("Note")}, c.key("block"))
	m.Must(201, "POST", "/blocks", object{"kind": "email", "value": c.mail("second"), "note": c.says("Note")}, c.key("mailbox"))
}

// review says something about every case.
func (a *aviary) review(t testing.TB) {
	t.Helper()
	for n := 0; ; n++ {
		open := a.Management.Must(200, "GET", "/cases?status=open&limit=100", nil)
		for i := range open.Len("data") {
			id := open.Text("data", i, "id")
			a.Management.Must(200, "PATCH", "/cases/"+id, object{"note": "Looks like " + a.word}, "Idempotency-Key: note-"+id)
			a.Management.Must(200, "POST", "/cases/"+id+[]string{"/approve", "/reject"}[i%2], object{"note": "It is " + a.word}, "Idempotency-Key: review-"+id)
		}
		if open.Len("data") < 100 {
			return
		}
	}
}

// Nothing that was said of 500 people is anywhere once they are erased, and the
// books, the standings and all counts are as they were.
func TestErasedPeopleLeaveNoTrace(t *testing.T) {
	t.Parallel()
	var log safeBuffer
	s := apptest.Start(t).Own(pg.Now, slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	a := &aviary{Server: s, word: fmt.Sprintf("canaryzq%x", pg.NewKey())}
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
	}
	a.each(func(i int) {
		var before *canary
		if i >= canaryCallers {
			before = flock[i-canaryCallers]
		}
		flock[i].live(before)
	})
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
	where := a.tables(t)
	equal(t, "tables that speak of people", strings.Join(where, " "), "activities activity_keys attributions blocked cases conversions holds idempotency_keys members orders referrals signals visits")

	a.each(func(i int) { erase(t, s, flock[i].id) })
	// Friends who were never more than an id and a mailbox.
	a.each(func(i int) { erase(t, s, flock[i].id+"-friend") })

	equal(t, "tables that still do", strings.Join(a.tables(t), " "), "")
	if found := regexp.MustCompile(`(?i).*` + a.word + `.*`).Find(log.Bytes()); found != nil {
		t.Errorf("the log says %s", found)
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
	report, err := ledger.AuditTenant(t.Context(), pgtest.DB(), s.Tenant.ID, app.AuditChecks()...)
	if err != nil || len(report.Violations) > 0 {
		t.Errorf("audit: %v, %v", report.Violations, err)
	}
}

// each runs something for all canaries, several at once. The i-th one runs after
// the one that many before it.
func (a *aviary) each(run func(i int)) {
	var wg sync.WaitGroup
	for lane := range canaryCallers {
		wg.Go(func() {
			for i := lane; i < canaries; i += canaryCallers {
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
	err := pgtest.DB().QueryRow(t.Context(), `
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

// tables dumps the whole database and names the tables in which the word stands,
// in any case, in the clear or as the bytes of a text.
func (a *aviary) tables(t testing.TB) []string {
	t.Helper()
	owner, err := pgx.Connect(t.Context(), pgtest.URL())
	if err != nil {
		t.Fatal(err)
	}
	defer owner.Close(context.Background())
	rows, err := owner.Query(t.Context(), `SELECT format('%I.%I', n.nspname, c.relname), c.relname::text FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
		WHERE c.relkind IN ('r', 'm') AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_toast' AND c.relname NOT IN ('pg_largeobject', 'pg_authid') ORDER BY c.relname`)
	if err != nil {
		t.Fatal(err)
	}
	type table struct{ Address, Name string }
	all, err := pgx.CollectRows(rows, pgx.RowToStructByPos[table])
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, x := range all {
		search := &finder{words: [][]byte{[]byte(a.word), []byte(hex.EncodeToString([]byte(a.word))), []byte(hex.EncodeToString([]byte(strings.ToUpper(a.word))))}}
		if _, err := owner.PgConn().CopyTo(t.Context(), search, "COPY (SELECT * FROM "+x.Address+") TO STDOUT"); err != nil {
			t.Fatal(err)
		}
		if search.found {
			found = append(found, x.Name)
		}
	}
	return found
}

// finder looks for words in what is written to it.
type finder struct {
	words [][]byte
	tail  []byte
	found bool
}

func (f *finder) Write(p []byte) (int, error) {
	text := append(f.tail, bytes.ToLower(p)...)
	longest := 0
	for _, w := range f.words {
		f.found = f.found || bytes.Contains(text, w)
		longest = max(longest, len(w))
	}
	f.tail = bytes.Clone(text[max(0, len(text)-longest):])
	return len(p), nil
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
