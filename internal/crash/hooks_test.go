package crash

import (
	"context"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/incent-dev/incent/internal/app"
	"github.com/incent-dev/incent/internal/event"
	"github.com/incent-dev/incent/internal/ledger"
	"github.com/incent-dev/incent/internal/pg"
	"github.com/incent-dev/incent/internal/tenant"
	"github.com/incent-dev/incent/internal/webhook"
)

const (
	hookEvents = 10_000
	hookKills  = 50

	// hookStreak bounds how often in a row the receiver refuses a delivery: it may
	// not use up the attempts.
	hookStreak = 6

	// hookPatience bounds the wait for what takes a second or two.
	hookPatience = 2 * time.Minute

	// Longer than the longest pause between two attempts, and than a lease.
	hookPause = 25 * time.Hour
)

// executioner is a receiver that fails three times in ten and, when it is armed,
// kills whoever sends to it before the answer is out.
type executioner struct {
	site *site

	mu       sync.Mutex
	tried    map[string]int  // by webhook-id
	arrived  map[string]bool // answered with 200
	events   map[string]string
	doubled  int // arrived before, and came again
	violated []string
	armed    int // requests until it kills; 0: it does not
	kills    int
	killed   chan struct{}
}

func (x *executioner) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	text, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	id := r.Header.Get("webhook-id")
	var told struct{ ID string }
	if err := json.Unmarshal(text, &told); err != nil {
		x.fail("%v: %s", err, text)
	}
	x.mu.Lock()
	if was := x.events[id]; was != "" && was != told.ID {
		x.violated = append(x.violated, fmt.Sprintf("%s told of %s and of %s", id, was, told.ID))
	}
	x.events[id] = told.ID
	x.tried[id]++
	strike := x.armed == 1
	x.armed = max(0, x.armed-1)
	failing := x.tried[id] < hookStreak && drawn(id, x.tried[id])%10 < 3
	x.mu.Unlock()
	if strike && x.strike(r.Context(), r.RemoteAddr) {
		return // nobody hears the answer
	}
	if failing {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.arrived[id] {
		x.doubled++
	}
	x.arrived[id] = true
}

// strike kills the server that sent the request it is called in, from an address,
// which shows by the end of that request; the other one lives. Where the system does
// not tell who sends, the one that it is not may die first. False: the sender is dead
// already, or has hung up, and the next request is for it.
func (x *executioner) strike(sender context.Context, from string) bool {
	stranger := true
	for i := range x.site.servers {
		s, patience := x.site.servers[(x.kills+i)%2], time.Second
		sends, known := sends(s.cmd.Process.Pid, from)
		if known {
			patience = hookPatience
		}
		if known && !sends {
			continue
		}
		stranger = false
		s.kill()
		select {
		case <-sender.Done():
			x.mu.Lock()
			x.kills++
			x.mu.Unlock()
			x.killed <- struct{}{}
			return true
		case <-time.After(patience):
		}
	}
	if stranger {
		x.mu.Lock()
		x.armed = 1
		x.mu.Unlock()
		return false
	}
	x.fail("no server that was killed was the sender")
	x.killed <- struct{}{}
	return true
}

func (x *executioner) fail(format string, args ...any) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.violated = append(x.violated, fmt.Sprintf(format, args...))
}

func drawn(id string, n int) uint32 {
	h := fnv.New32a()
	fmt.Fprint(h, id, n)
	return h.Sum32()
}

// TestWebhooksSurviveKills: 10,000 events, a receiver that fails three times in
// ten, and two servers that are killed 50 times between sending and marking. Every
// event arrives, none that was not committed; whatever came twice came under one id;
// and the feed has each member's transfers in the order of his balance.
func TestWebhooksSurviveKills(t *testing.T) {
	binary := filepath.Join(t.TempDir(), "incent")
	build := exec.CommandContext(t.Context(), "go", "build", "-buildvcs=false", "-o", binary, "../../cmd/incent")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build the server: %v\n%s", err, out)
	}
	dir, err := os.MkdirTemp("", "incent-hooks-")
	if err != nil {
		t.Fatal(err)
	}
	if err := folder(dir); err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	s, err := openShared(t.Context(), Options{Binary: binary}, dir)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.close(); err != nil {
			t.Error(err)
		}
	}()
	if err := s.ensure(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := s.database(t.Context(), func(db *pg.DB) error { return killing(t, s, db) }); err != nil {
		t.Fatal(err)
	}
}

func killing(t *testing.T, s *site, db *pg.DB) error {
	ctx := t.Context()
	core, err := app.NewCore(ctx, db) // makes the events; the servers deliver
	if err != nil {
		return err
	}
	defer core.Close(context.WithoutCancel(ctx))
	of, err := tenant.Create(ctx, db, "hooks", tenant.Test)
	if err != nil {
		return err
	}
	x := &executioner{site: s, tried: map[string]int{}, arrived: map[string]bool{}, events: map[string]string{}, killed: make(chan struct{}, 1)}
	receiver := httptest.NewServer(x)
	defer receiver.Close()
	_, err = core.Hooks.Create(ctx, of.ID, webhook.Endpoint{URL: receiver.URL, Style: webhook.Incentable, Kinds: []event.Kind{event.PointsAwarded}}, nil)
	if err != nil {
		return err
	}
	for round := range hookKills {
		if err := awardMany(ctx, core, of.ID, round, hookEvents/hookKills); err != nil {
			return err
		}
		x.mu.Lock()
		x.armed = 1 + round*7%60 // somewhere within a chunk
		x.mu.Unlock()
		select {
		case <-x.killed:
		case <-time.After(hookPatience):
			return fmt.Errorf("round %d: nothing is sent; the end of a log:\n%s", round, tail(s.servers[0].logName))
		}
		if err := s.ensure(ctx); err != nil {
			return err
		}
		if err := let(ctx, db, of.ID, hookPause); err != nil {
			return err
		}
	}
	if err := settle(ctx, db, of.ID); err != nil {
		return err
	}
	return x.compare(t, core, of)
}

// awardMany makes events, some at the same time.
func awardMany(ctx context.Context, core *app.Core, tenantID int64, round, n int) error {
	errs := make(chan error, n)
	for i := range n {
		go func() { // ends with its award
			_, err := core.Ledger.Post(ctx, tenantID, ledger.Command{
				Op: ledger.OpAward, Member: fmt.Sprint("mem_", i%20), Asset: ledger.Points, Amount: int64(1 + round), Memo: ledger.Memo{Reason: "Hooks"},
			}, nil)
			errs <- err
		}()
	}
	for range n {
		if err := <-errs; err != nil {
			return err
		}
	}
	return nil
}

// let has time pass for a tenant.
func let(ctx context.Context, db *pg.DB, tenantID int64, pass time.Duration) error {
	_, err := db.Exec(ctx, "UPDATE tenants SET clock_offset_us = clock_offset_us + $2 WHERE tenant_id = $1", tenantID, pass.Microseconds())
	return err
}

// settle waits until every event was fanned out and nothing is on its way, for as
// long as it gets on. Deliveries are not counted: by the tenant's clock, the first
// ones are so old that they may be forgotten.
func settle(ctx context.Context, db *pg.DB, tenantID int64) error {
	most, deadline := 0, time.Now().Add(hookPatience)
	for ; ; pause(ctx, 200*time.Millisecond) {
		var seen, pending int
		err := db.QueryRow(ctx, `SELECT e.seen, (SELECT count(*) FROM webhook_deliveries AS d WHERE d.tenant_id = e.tenant_id AND d.state = 'pending')
			FROM webhook_endpoints AS e WHERE e.tenant_id = $1`, tenantID).Scan(&seen, &pending)
		if err != nil || seen >= hookEvents && pending == 0 {
			return err
		}
		if over := seen - pending; over > most {
			most, deadline = over, time.Now().Add(hookPatience)
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%d events of %d were fanned out, %d are on their way", seen, hookEvents, pending)
		}
		if pending > 0 {
			err = let(ctx, db, tenantID, hookPause)
		}
		if err != nil {
			return err
		}
	}
}

// compare holds what arrived against the feed and the books.
func (x *executioner) compare(t *testing.T, core *app.Core, of tenant.Tenant) error {
	ctx := t.Context()
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, v := range x.violated {
		t.Error(v)
	}
	committed := map[string]bool{}
	balances := map[string]int64{}
	for after := ""; ; {
		page, err := core.Feed.Read(ctx, of.ID, after, event.MaxEvents, 0)
		if err != nil {
			return err
		}
		if len(page) == 0 {
			break
		}
		for _, e := range page {
			after = e.PublicID()
			if e.Kind != event.PointsAwarded {
				continue
			}
			committed[after] = true
			var moved struct {
				Member  string `json:"member_id"`
				Points  int64
				Balance int64 `json:"balance_after"`
			}
			if err := json.Unmarshal(e.Data, &moved); err != nil {
				return err
			}
			if balances[moved.Member] += moved.Points; balances[moved.Member] != moved.Balance {
				t.Errorf("%s is not in the order of commits: %s", after, e.Data)
			}
		}
	}
	ids := map[string]string{} // by event
	for id, told := range x.events {
		if ids[told] != "" {
			t.Errorf("%s came as %s and as %s", told, ids[told], id)
		}
		if ids[told] = id; !committed[told] {
			t.Errorf("%s came and was never committed", told)
		}
	}
	missing, attempts := 0, 0
	for e := range committed {
		if !x.arrived[ids[e]] {
			missing++
		}
	}
	for _, n := range x.tried {
		attempts += n
	}
	t.Logf("%d events, %d requests, %d kills between sending and marking, %d delivered more than once, %d missing", len(committed), attempts, x.kills, x.doubled, missing)
	if x.doubled == 0 {
		t.Error("no kill cut off what had arrived: the test shows nothing")
	}
	if missing > 0 || len(committed) != hookEvents || x.kills < hookKills || len(ids) != hookEvents {
		t.Errorf("%d of %d events arrived, %d kills", len(ids)-missing, len(committed), x.kills)
	}
	report, err := core.Audit(ctx, nil)
	if len(report.Violations) > 0 {
		t.Errorf("audit: %s", strings.ReplaceAll(fmt.Sprint(report.Violations), "} {", "}\n{"))
	}
	return err
}
