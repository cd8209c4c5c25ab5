package apptest_test

import (
	"context"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/incent-dev/incent/internal/apptest"
	"github.com/incent-dev/incent/internal/incentive"
	"github.com/incent-dev/incent/internal/ledger"
	"github.com/incent-dev/incent/internal/pg"
	"github.com/incent-dev/incent/internal/referral"
	"github.com/incent-dev/incent/internal/store"
	"github.com/incent-dev/incent/internal/tenant"
	"github.com/incent-dev/incent/internal/webhook"
)

// world is a tenant with one of everything that a request can name.
type world struct {
	*apptest.Server
	ids
}

// ids name what a world holds.
type ids struct {
	member, digital, physical, order string // order: physical, pending
	pool, key, hold, transfer        string
	earned, code                     string // a reward to claim; the code of a claimed one
	conversion, review               string // that earned it; an open fraud case
	campaign, referral               string // one that runs; a code in it
	block                            string // an entry of the block list
	partner, listing, offer          string // a verified one; of its codes; of digital to a programme that is not there
	action                           string // one without limits
	badge, milestone, quest          string // keys; the member has the badge
	level                            string // its number
	snapshot, period                 string // of the leaderboard; one that has a board, which is no id
	erased                           string // what is left of a member
	endpoint, delivery               string // of webhooks: a paused one, and a test that waits for it
}

// unknown are ids of the right shape that name nothing anywhere.
func unknown() ids {
	nobody := uuid.New()
	return ids{
		member: "nobody", digital: "rwd_none", physical: "rwd_none", order: store.OrderID(nobody), pool: "pool_none",
		key: tenant.KeyID(pg.NewKey()), hold: strings.Replace(store.OrderID(nobody), "ord_", "hold_", 1), transfer: "txn_none",
		earned: nobodys("rwd_"), code: "NOBODYS-CODE", conversion: nobodys("conv_"), review: nobodys("case_"),
		campaign: "camp_none", referral: "N0BODY22",
		partner: nobodys("ptn_"), listing: nobodys("listing_"), offer: nobodys("offer_"),
		block:  strings.Replace(tenant.KeyID(pg.NewKey()), "key_", "block_", 1),
		action: "no_action", badge: "badge_none", milestone: "mile_none", quest: "quest_none", level: "9999",
		snapshot: nobodys("snap_"), period: "MONTHLY",
		erased:   tenant.Tombstone(pg.NewKey()),
		endpoint: webhook.EndpointID(pg.NewKey()), delivery: webhook.DeliveryID(pg.NewKey(), 1),
	}
}

// all lists the ids, longest first is not needed: none is part of another.
func (i ids) all() []string {
	return []string{i.member, i.digital, i.physical, i.order, i.pool, i.key, i.hold, i.transfer, i.earned, i.code, i.conversion, i.review, i.campaign, i.referral, i.block, i.partner, i.listing, i.offer, i.action, i.badge, i.milestone, i.quest, i.snapshot, i.erased, i.endpoint, i.delivery}
}

const plenty = 1_000_000

// newWorld fills a fresh tenant; the name becomes part of the ids that callers
// choose themselves.
func newWorld(t testing.TB, name string) *world {
	t.Helper()
	return fill(t, apptest.Start(t), name)
}

func fill(t testing.TB, s *apptest.Server, name string) *world {
	t.Helper()
	w := &world{Server: s}
	w.member = "mem_" + name
	w.pool = addPool(t, s, codes(name, 500)...)
	w.digital = addItem(t, s, store.Item{ID: "rwd_digital_" + name, Name: "Gift card", Kind: store.Digital, PointsCost: whole(100), TokensCost: whole(1), PoolID: &w.pool})
	w.physical = addItem(t, s, store.Item{ID: "rwd_physical_" + name, Name: "Earbuds", Kind: store.Physical, PointsCost: whole(100), Stock: whole(plenty)})
	w.transfer = give(t, s, w.member, plenty).Transfer.ID()
	post(t, s, ledger.Command{Op: ledger.OpAward, Member: w.member, Asset: ledger.Tokens, Amount: plenty})
	xp(t, s, w.member, plenty)
	w.snapshot, w.period = addBoards(t, s)
	w.order = buyPhysical(t, s, w.member, w.physical)
	w.key = tenant.KeyID(s.NewKey(tenant.Incentable, "read").ID)
	held := post(t, s, ledger.Command{Op: ledger.OpHold, Member: w.member, Asset: ledger.Points, Amount: 10})
	w.hold = strings.Replace(store.OrderID(held.Hold.ID), "ord_", "hold_", 1)
	w.reward(t)
	w.campaign = addCampaign(t, s, referral.Campaign{ID: "camp_" + name})
	w.referral = newCode(t, s, w.campaign, "friend_"+name)
	w.action = addAction(t, s, incentive.Action{Key: "action_" + name, Pay: incentive.Pay{Coins: 5, XP: 10}})
	w.block = addBlock(t, s, "mallory@"+name+".example")
	w.market(t, name)
	w.incentives(t, name)
	w.erased = forgotten(t, s, "gone_"+name)
	w.hooks(t)
	return w
}

// reward earns one reward to claim, one that is claimed, and one under review.
func (w *world) reward(t testing.TB) {
	t.Helper()
	e := earn(t, w.Server, earned{Referrer: w.member, Referee: w.member + "_b", ValueMinor: 500, Pool: w.pool, BothSides: true})
	w.earned, w.conversion = e.rewards[0], e.conversion
	w.code = w.Incenta.For(t).Must(200, "POST", "/rewards/"+e.rewards[1]+"/claim", nil).Text("discountCode")
	w.review = earn(t, w.Server, earned{Referrer: w.member, Referee: w.member + "_c", ValueMinor: 500, Flagged: true}).review
}

func whole(n int64) *int64 { return &n }

func codes(name string, n int) []string {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprintf("CODE-%s-%04d", strings.ToUpper(name), i)
	}
	return list
}

// addItem puts an item on sale; its status and category are filled in.
func addItem(t testing.TB, s *apptest.Server, i store.Item) string {
	t.Helper()
	if i.Status == "" {
		i.Status = store.Active
	}
	made, err := s.Core.Store.CreateItem(t.Context(), s.Core.DB, s.Tenant.ID, i)
	if err != nil {
		t.Fatal(err)
	}
	return made.ID
}

func addPool(t testing.TB, s *apptest.Server, codes ...string) string {
	t.Helper()
	pool, err := pg.InTx(t.Context(), s.Core.DB, func(ctx context.Context, tx pg.Tx) (store.Pool, error) {
		p, err := s.Core.Store.CreatePool(ctx, tx, s.Tenant.ID, "Pool "+uuid.NewString(), store.Imported)
		if err != nil || len(codes) == 0 {
			return p, err
		}
		_, err = s.Core.Store.ImportCodes(ctx, tx, s.Tenant.ID, p.ID, codes)
		return p, err
	})
	if err != nil {
		t.Fatal(err)
	}
	return pool.ID
}

func post(t testing.TB, s *apptest.Server, c ledger.Command) ledger.Outcome {
	t.Helper()
	o, err := s.Core.Ledger.Post(t.Context(), s.Tenant.ID, c, nil)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func give(t testing.TB, s *apptest.Server, member string, points int64) ledger.Outcome {
	t.Helper()
	return post(t, s, ledger.Command{Op: ledger.OpAward, Member: member, Asset: ledger.Points, Amount: points, Memo: ledger.Memo{Reason: "Test"}})
}

var address = map[string]any{"name": "John Smith", "line1": "123 Main Street", "city": "New York", "postal_code": "10001", "country": "US"}

func buyPhysical(t testing.TB, s *apptest.Server, member, item string) string {
	t.Helper()
	r := s.Incentable.For(t).Must(201, "POST", "/rewards/redeem", object{"member_id": member, "reward_id": item, "shipping_address": address})
	return r.Text("data", "order_id")
}

func addBlock(t testing.TB, s *apptest.Server, email string) string {
	t.Helper()
	made, err := s.Core.Referral.AddBlock(t.Context(), s.Tenant.ID, referral.Block{Kind: referral.BlockEmail, Value: email}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return made.PublicID()
}

// object is a JSON object in a test.
type object = map[string]any

// strict makes the tenant refuse unknown members, as a policy would.
func strict(t testing.TB, s *apptest.Server) {
	t.Helper()
	if _, err := s.Core.DB.Exec(t.Context(), "UPDATE tenants SET enrolment = 'strict' WHERE tenant_id = $1", s.Tenant.ID); err != nil {
		t.Fatal(err)
	}
}

// advance moves the tenant's clock, by whole seconds, and lets all follow; ahead
// leaves it to the readers. Its key moves it once, however often it is asked for.
func advance(t testing.TB, s *apptest.Server, by time.Duration) {
	t.Helper()
	s.Management.For(t).Must(200, "POST", "/clock/advance", object{"seconds": int64(by.Seconds())}, "Idempotency-Key: "+uuid.NewString())
}

// noon moves the tenant's clock on to the next noon in UTC, so that what a test
// does at once falls on one day.
func noon(t testing.TB, s *apptest.Server) {
	t.Helper()
	const day = 24 * time.Hour
	current := now(t, s)
	advance(t, s, current.Truncate(day).Add(day+day/2).Sub(current))
}

// equal compares what an answer holds with what a test wants.
func equal(t testing.TB, what string, got, want any) {
	t.Helper()
	if n, ok := want.(int); ok {
		if _, long := got.(int64); long {
			want = int64(n)
		}
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s is %v, want %v", what, got, want)
	}
}

// refused wants an error of this status and code, naming these fields.
func refused(t testing.TB, r apptest.Response, status int, code string, fields ...string) {
	t.Helper()
	if r.Status != status || r.Code() != code || len(fields) > 0 && !reflect.DeepEqual(r.Fields(), fields) {
		t.Errorf("answer is %d %s about %q, want %d %s about %q: %.500s", r.Status, r.Code(), r.Fields(), status, code, fields, r.Body)
	}
}

// balanceOf asks over the wire.
func balanceOf(t testing.TB, s *apptest.Server, member string) int64 {
	t.Helper()
	n, _ := s.Incentable.For(t).Must(200, "GET", "/members/"+member+"/balance", nil).At("data", "balance").(int64)
	return n
}

// eventually waits for what is promised to happen within a time: it must hold when
// it is looked at later than that, however long the look itself takes.
func eventually(t testing.TB, within time.Duration, what string, holds func() bool) {
	t.Helper()
	deadline := time.Now().Add(within)
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		begun := time.Now()
		if holds() {
			return
		}
		if begun.After(deadline) {
			t.Errorf("%s: not within %s", what, within)
			return
		}
		<-tick.C
	}
}
