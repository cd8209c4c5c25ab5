package ledger

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"

	"github.com/incent-dev/incent/internal/fault"
	"github.com/incent-dev/incent/internal/once"
	"github.com/incent-dev/incent/internal/pg"
	"github.com/incent-dev/incent/internal/pgtest"
)

// openLedger makes a ledger on a pool of its own, as another server has it.
func openLedger(t *testing.T, url string) *Ledger {
	t.Helper()
	db, err := pg.Open(t.Context(), pg.Config{URL: url, AllowVolatile: true, MaxConns: 8, LockTimeout: pgtest.LockTimeout})
	must(t, err)
	l := New(db)
	t.Cleanup(func() {
		l.Close(context.Background())
		db.Close()
	})
	return l
}

// auditClean is how every test here ends.
func auditClean(t *testing.T, tenantID int64) {
	t.Helper()
	report, err := AuditTenant(t.Context(), pgtest.DB(), tenantID)
	must(t, err)
	for _, v := range report.Violations {
		t.Error(v)
	}
}

// deadlocks counts those of the database so far.
func deadlocks(t *testing.T) (n int64) {
	t.Helper()
	must(t, pgtest.DB().QueryRow(t.Context(), "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()").Scan(&n))
	return n
}

// ticket claims a key; its answer tells the balance that the command led to.
func ticket(key, request string) *once.Ticket {
	return &once.Ticket{Key: key, Hash: sha256.Sum256([]byte(request)), Render: func(value any, refusal error) once.Stored {
		if refusal != nil {
			return once.Stored{Status: 400, Body: []byte(code(refusal))}
		}
		return once.Stored{Status: 201, Body: fmt.Appendf(nil, "%d", value.(Outcome).Holding.Available)}
	}}
}

// answer is what the caller of a command with a ticket is sent.
func answer(k *once.Ticket, err error) []byte {
	var replay *once.Replay
	switch {
	case errors.As(err, &replay):
		return replay.Body
	case k.Answer != nil:
		return k.Answer.Body
	}
	return nil
}

// TestConcurrentSpends lets 500 spends loose on one balance, from two servers.
func TestConcurrentSpends(t *testing.T) {
	t.Parallel()
	const spends, balance, cost = 500, 1000, 7
	made := pgtest.Tenant(t)
	servers := []*Ledger{openLedger(t, pgtest.URL()), openLedger(t, pgtest.URL())}
	_, err := servers[0].Post(t.Context(), made.ID, Command{Op: OpAward, Member: "ann", Asset: Points, Amount: balance}, nil)
	must(t, err)
	var done atomic.Int64
	var busy sync.WaitGroup
	for i := range spends {
		busy.Go(func() {
			_, err := servers[i%2].Post(t.Context(), made.ID, Command{Op: OpSpend, Member: "ann", Asset: Points, Amount: cost}, nil)
			switch {
			case err == nil:
				done.Add(1)
			case !fault.Is(err, CodeInsufficientPoints):
				t.Error(err)
			}
		})
	}
	busy.Wait()
	if done.Load() != balance/cost {
		t.Errorf("%d spends succeeded, %d can", done.Load(), balance/cost)
	}
	got, err := servers[1].Balance(t.Context(), made.ID, "ann", Points)
	if err != nil || got.Available != balance%cost {
		t.Errorf("%+v %v", got, err)
	}
	auditClean(t, made.ID)
}

// TestTwoServersOnTheSameMembers mixes all that callers ask for, one by one and
// in bulk, on few members from two servers: no deadlock, no error.
func TestTwoServersOnTheSameMembers(t *testing.T) {
	t.Parallel()
	const callers, calls = 32, 25
	made := pgtest.Tenant(t)
	made.Policy.Expiry, made.Policy.ExpiryDays, made.Policy.Clawback = "rolling", 30, "negative"
	must(t, setTenant(t.Context(), made.ID, made.Policy, 0))
	servers := []*Ledger{openLedger(t, pgtest.URL()), openLedger(t, pgtest.URL())}
	before := deadlocks(t)
	var busy sync.WaitGroup
	for caller := range callers {
		busy.Go(func() {
			random := rand.New(rand.NewPCG(20240, uint64(caller)))
			l := servers[caller%2]
			for range calls {
				commands := make([]Command, 1+random.IntN(2)*random.IntN(20))
				for i := range commands {
					commands[i] = anyCommand(random)
				}
				if err := postOneOrMany(t.Context(), l, made.ID, commands); err != nil {
					t.Error(err)
				}
			}
		})
	}
	busy.Wait()
	if n := deadlocks(t) - before; n != 0 {
		t.Errorf("%d deadlocks", n)
	}
	auditClean(t, made.ID)
}

func anyCommand(random *rand.Rand) Command {
	c := Command{
		Op:     []Op{OpAward, OpAward, OpHold, OpSpend, OpSpend, OpDeduct, OpRefund, OpReverse, OpSettle}[random.IntN(9)],
		Member: fmt.Sprint("member ", random.IntN(6)), Asset: Assets[random.IntN(3)], Amount: 1 + random.Int64N(20),
		UndoSeq: 1 + random.Int64N(40),
	}
	if c.Op != OpRefund && c.Op != OpReverse {
		c.UndoSeq = 0
	}
	return c
}

// postOneOrMany returns what went wrong, which a refusal is not.
func postOneOrMany(ctx context.Context, l *Ledger, tenantID int64, commands []Command) error {
	if len(commands) == 1 {
		_, err := l.Post(ctx, tenantID, commands[0], nil)
		return unlessRefused(err)
	}
	results, err := l.PostMany(ctx, tenantID, commands, nil)
	for _, r := range results {
		err = errors.Join(err, unlessRefused(r.Err))
	}
	return err
}

func unlessRefused(err error) error {
	if f := fault.As(err); f != nil && (f.Kind == fault.Invalid || f.Kind == fault.NotFound) {
		return nil
	}
	return err
}

// TestTwins sends one keyed command many times at once, to two servers.
func TestTwins(t *testing.T) {
	t.Parallel()
	made := pgtest.Tenant(t)
	servers := []*Ledger{openLedger(t, pgtest.URL()), openLedger(t, pgtest.URL())}
	c := Command{Op: OpAward, Member: "ann", Asset: Points, Amount: 5}
	for round := range 10 {
		answers := make([][]byte, 12)
		var busy sync.WaitGroup
		for i := range answers {
			busy.Go(func() {
				k := ticket(fmt.Sprint("round ", round), "award 5")
				_, err := servers[i%2].Post(t.Context(), made.ID, c, k)
				if answers[i] = answer(k, err); answers[i] == nil {
					t.Errorf("round %d: %v", round, err)
				}
			})
		}
		busy.Wait()
		for _, a := range answers {
			if want := fmt.Appendf(nil, "%d", 5*(round+1)); !bytes.Equal(a, want) {
				t.Fatalf("round %d: answered %s, want %s", round, a, want)
			}
		}
	}
	got, err := servers[0].Balance(t.Context(), made.ID, "ann", Points)
	if err != nil || got.Available != 50 {
		t.Errorf("%+v %v", got, err)
	}
	auditClean(t, made.ID)
}

// TestKeysOfOtherRequestsAndRefusals reuses keys.
func TestKeysOfOtherRequestsAndRefusals(t *testing.T) {
	t.Parallel()
	made := pgtest.Tenant(t)
	l := openLedger(t, pgtest.URL())
	award := Command{Op: OpAward, Member: "ann", Asset: Points, Amount: 5}
	spend := Command{Op: OpSpend, Member: "ann", Asset: Points, Amount: 9}
	post := func(c Command, key, request string) ([]byte, error) {
		k := ticket(key, request)
		_, err := l.Post(t.Context(), made.ID, c, k)
		return answer(k, err), err
	}
	_, err := post(award, "a", "award 5")
	must(t, err)
	if _, err := post(award, "a", "award 6"); !fault.Is(err, fault.CodeIdempotencyConflict) || fault.As(err).Kind != fault.Mismatch {
		t.Errorf("another request with the key: %v", err)
	}
	refused, err := post(spend, "b", "spend 9")
	if !fault.Is(err, CodeInsufficientPoints) || string(refused) != CodeInsufficientPoints {
		t.Errorf("a spend of too much: %q %v", refused, err)
	}
	// By now there is enough; the answer stays.
	_, err = post(award, "c", "award 5")
	must(t, err)
	var replay *once.Replay
	if again, err := post(spend, "b", "spend 9"); !errors.As(err, &replay) || replay.Status != 400 || !bytes.Equal(again, refused) {
		t.Errorf("the refusal again: %q %v", again, err)
	}
	if _, err := post(spend, "d", "spend 9"); err != nil {
		t.Errorf("with another key: %v", err)
	}
	auditClean(t, made.ID)
}

// TestHoldsOfTwoServers opens and ends holds of different members in the same
// transactions: what counts holds per day must not make them wait for each other
// in a circle.
func TestHoldsOfTwoServers(t *testing.T) {
	t.Parallel()
	const callers, calls = 16, 50
	made := pgtest.Tenant(t)
	servers := []*Ledger{openLedger(t, pgtest.URL()), openLedger(t, pgtest.URL())}
	before := deadlocks(t)
	var busy sync.WaitGroup
	for caller := range callers {
		busy.Go(func() {
			random := rand.New(rand.NewPCG(20240, uint64(caller)))
			var open []uuid.UUID
			about := Command{Member: fmt.Sprint("member ", caller), Asset: Points, Amount: 1}
			for range calls {
				var commands []Command
				if len(open) > 0 && random.IntN(3) > 0 {
					c := about
					c.Op, c.HoldID = []Op{OpCancel, OpRelease}[random.IntN(2)], open[0]
					commands, open = append(commands, c), open[1:]
				}
				if len(commands) == 0 || random.IntN(2) > 0 {
					c := about
					c.Op, c.HoldID = OpHold, pg.NewUUID()
					commands, open = append(commands, c), append(open, c.HoldID)
				}
				results, err := servers[caller%2].PostMany(t.Context(), made.ID, commands, nil)
				for _, r := range results {
					err = errors.Join(err, r.Err)
				}
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	busy.Wait()
	if n := deadlocks(t) - before; n != 0 {
		t.Errorf("%d deadlocks", n)
	}
	auditClean(t, made.ID)
}
