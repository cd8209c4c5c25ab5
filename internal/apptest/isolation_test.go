package apptest_test

import (
	"bytes"
	"context"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/incent-dev/incent/internal/apptest"
	"github.com/incent-dev/incent/internal/pg"
	"github.com/incent-dev/incent/internal/tenant"
)

// Another tenant's ids, and those of the other mode of one's own programme, are
// answered exactly like ids that nobody has, and nothing happens to them.
func TestForeignIDsAreUnknown(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world, s subject) {
		if s.public() {
			return
		}
		before := stateOf(t, w)
		others := map[string]*apptest.Server{"another tenant": apptest.Start(t), "live mode": w.Live()}
		for name, other := range others {
			caller := other.Client(s.Facade.Kind)
			nobody := unknown()
			theirs, none := caller.Send(s.good(w.ids)), caller.Send(s.good(nobody))
			if theirs.Status != none.Status || masked(theirs, w.ids) != masked(none, nobody) {
				t.Errorf("%s: a foreign id is told from an unknown one:\n%d %s\n%d %s", name, theirs.Status, theirs.Body, none.Status, none.Body)
			}
			for _, id := range []string{"order_id", "reward_id", "transaction_id"} {
				if strings.Contains(string(theirs.Body), id) && theirs.Status == 200 && s.op.Method == "GET" {
					t.Errorf("%s: sees %s", name, theirs.Body)
				}
			}
		}
		equal(t, "state of the world", stateOf(t, w), before)
	})
}

// stateOf is what a foreigner must not change.
func stateOf(t testing.TB, w *world) string {
	t.Helper()
	var b bytes.Buffer
	for _, path := range []string{"/members/" + w.member + "/balance", "/members/" + w.member + "/transactions", "/orders?member_id=" + w.member, "/rewards"} {
		b.Write(w.Incentable.Must(200, "GET", path, nil).Body)
	}
	return b.String()
}

var ours = regexp.MustCompile(`(req|txn|ord|rwd|pool|hold|key|mem|mgt|icb|inc|ref|click|conv|case|camp|block|ptn|listing|offer|act|evt|lvl|bdg|mst|qst|snap|brd|hook|dlv)_[0-9a-z_]+|whsec_[0-9A-Za-z+/=]+|\d{4}-\d\d-\d\dT[0-9:.]+Z`)

// masked is an answer without what differs from call to call.
func masked(r apptest.Response, i ids) string {
	text := string(r.Body)
	for _, id := range i.all() {
		text = strings.ReplaceAll(text, id, "#")
	}
	return ours.ReplaceAllString(text, "$1_#")
}

// A key opens its own facade, its own mode and its own scopes.
func TestKeysOpenTheirOwn(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world, s subject) {
		if s.public() {
			return
		}
		good := s.good(w.ids)
		for _, kind := range []tenant.Kind{tenant.Incenta, tenant.Incentable, tenant.Management} {
			if kind != s.Facade.Kind {
				refused(t, s.WithKey(w.NewKey(kind, "read", "write").Text).Send(good), 401, "unauthorized")
			}
		}
		for _, key := range spoiled(s.Key) {
			r, _ := s.WithKey(key[1]).Direct(good)
			if r.Status != 401 || r.Code() != "unauthorized" {
				t.Errorf("key %s: %d %s", key[0], r.Status, r.Body)
			}
		}
		group, verb, _ := strings.Cut(s.op.Scope, ":")
		opposite := map[string]string{"read": "write", "write": "read"}[verb]
		for _, scope := range []string{opposite, group + ":" + opposite, otherScope(s)} {
			refused(t, s.WithKey(w.NewKey(s.Facade.Kind, scope).Text).Send(good), 403, "forbidden")
		}
		// Nothing of a request is looked at before its key.
		refused(t, s.WithKey("").Send(apptest.NewRequest(good.Method, good.Path, "{")), 401, "unauthorized")
		equal(t, "order", w.Incentable.Must(200, "GET", "/orders", nil).At("data", 0, "status"), "pending")
		if r := s.WithKey(w.NewKey(s.Facade.Kind, s.op.Scope).Text).Send(good); r.Status >= 300 {
			t.Errorf("scope %s: %d %s", s.op.Scope, r.Status, r.Body)
		}
	})
}

// spoiled are texts near a key that prove nothing, each with what is wrong.
func spoiled(key string) [][2]string {
	last := "0"
	if strings.HasSuffix(key, "0") {
		last = "1"
	}
	return [][2]string{
		{"of the other mode", strings.Replace(key, "_test_", "_live_", 1)},
		{"of no kind", "xyz" + key[3:]},
		{"with a wrong sum", key[:len(key)-1] + last},
		{"cut", key[:len(key)-1]},
		{"with more", key + "0"},
		{"in capitals", strings.ToUpper(key)},
		{"with a NUL", key + "\x00"},
		{"with a line", key + "\r\nX: y"},
		{"of another secret", key[:40] + "0000" + key[44:]},
		{"with bad UTF-8", key + "\xff"},
		{"only the prefix", key[:9]},
		{"very long", strings.Repeat(key, 1000)},
		{"with a quote in it", "' OR 1=1 --"},
	}
}

// What is revoked or replaced stops within five seconds on every server.
func TestRevokedAndRotatedKeys(t *testing.T) {
	t.Parallel()
	const promise = 5 * time.Second
	var worlds []*world
	var all []subject
	kinds := map[tenant.Kind]bool{}
	for _, s := range subjects(apptest.Start(t)) {
		if !s.public() && !kinds[s.Facade.Kind] && s.op.Method == "GET" {
			kinds[s.Facade.Kind] = true
			w := newWorld(t, "a")
			s.Client = w.Client(s.Facade.Kind)
			worlds, all = append(worlds, w), append(all, s)
		}
	}
	together(len(all), func(i int) {
		w, s := worlds[i], all[i]
		status := func(at *apptest.Server, key string) int {
			return at.Client(s.Facade.Kind).WithKey(key).Send(s.good(w.ids)).Status
		}
		both := map[string]*apptest.Server{"this server": w.Server, "the other": w.Twin()}
		old := w.NewKey(s.Facade.Kind, "read", "write")
		for name, server := range both {
			equal(t, name+", fresh key", status(server, old.Text), 200)
		}
		rotate := func(overlap time.Duration) string {
			key, err := pg.InTx(t.Context(), w.Core.DB, func(ctx context.Context, tx pg.Tx) (tenant.NewKey, error) {
				return w.Core.Keys.RotateKey(ctx, tx, w.Tenant, old.ID, overlap)
			})
			if err != nil {
				t.Error(err)
			}
			return key.Text
		}
		second := rotate(time.Hour)
		for name, server := range both {
			equal(t, name+", old key in its overlap", status(server, old.Text), 200)
			eventually(t, promise, name+" takes the new key", func() bool { return status(server, second) == 200 })
		}
		third := rotate(0)
		for name, server := range both {
			eventually(t, promise, name+" refuses the old key", func() bool { return status(server, old.Text) == 401 })
			eventually(t, promise, name+" refuses the second key", func() bool { return status(server, second) == 401 })
			eventually(t, promise, name+" takes the third key", func() bool { return status(server, third) == 200 })
		}
		if err := w.Core.Keys.RevokeKey(t.Context(), w.Core.DB, w.Tenant.ID, old.ID); err != nil {
			t.Error(err)
		}
		equal(t, "this server, revoked key", status(w.Server, third), 401)
		eventually(t, promise, "the other refuses the revoked key", func() bool { return status(both["the other"], third) == 401 })
	})
}
