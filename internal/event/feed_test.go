package event_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/incent-dev/incent/gen/query"
	"github.com/incent-dev/incent/internal/event"
	"github.com/incent-dev/incent/internal/fault"
	"github.com/incent-dev/incent/internal/pg"
	"github.com/incent-dev/incent/internal/pgtest"
)

// step is the fact that the tests tell.
type step struct {
	Who  int `json:"who"`
	Turn int `json:"turn"`
}

// tell commits one fact. under, where given, runs first in the transaction.
func tell(t *testing.T, tenantID int64, s step, under func(ctx context.Context, tx pg.Tx) error) {
	t.Helper()
	_, err := pg.InTx(t.Context(), pgtest.DB(), func(ctx context.Context, tx pg.Tx) (struct{}, error) {
		if under != nil {
			if err := under(ctx, tx); err != nil {
				return struct{}{}, err
			}
		}
		var j event.Journal
		var pipe pg.Pipeline
		j.Fact(event.OrderCreated, s)
		if err := j.Store(ctx, &pipe, tenantID, pg.Now()); err != nil {
			return struct{}{}, err
		}
		return struct{}{}, pipe.Send(ctx, tx)
	})
	if err != nil {
		t.Error(err)
	}
}

func parse(t *testing.T, e event.Event) (s step) {
	t.Helper()
	if err := json.Unmarshal(e.Data, &s); err != nil {
		t.Fatal(err)
	}
	return s
}

// follow reads the feed to its end in pages of a size, and holds it against
// invariant 2: numbers 1, 2, 3 ...
func follow(t *testing.T, f *event.Feed, tenantID int64, page int) []event.Event {
	t.Helper()
	var all []event.Event
	after := ""
	for {
		events, err := f.Read(t.Context(), tenantID, after, page, 0)
		if err != nil {
			t.Fatal(err)
		}
		if len(events) == 0 {
			return all
		}
		for _, e := range events {
			all = append(all, e)
			if e.Number != int64(len(all)) {
				t.Fatalf("event %d has number %d", len(all), e.Number)
			}
		}
		after = events[len(events)-1].PublicID()
	}
}

// A commit that names no transfer waits for no block; one that does, waits.
func TestUnsealedAreTransfers(t *testing.T) {
	t.Parallel()
	of := pgtest.Tenant(t)
	tell(t, of.ID, step{}, nil)
	unsealed, err := pg.InTx(t.Context(), pgtest.DB(), func(ctx context.Context, tx pg.Tx) ([]*event.Portion, error) {
		var j event.Journal
		j.Fact(event.OrderCreated, step{})
		j.Moved(5, 1, 7, event.Leaf{})
		if err := j.Store(ctx, tx, of.ID, pg.Now()); err != nil {
			return nil, err
		}
		return event.Unsealed(ctx, tx, of.ID, 10)
	})
	if err != nil || len(unsealed) != 1 || len(unsealed[0].Commits) != 1 || !slices.Equal(unsealed[0].Seqs, []int64{7}) {
		t.Errorf("%+v waits (%v), want the commit of transfer 7", unsealed, err)
	}
}

// No commit is cut, and none is left over, whatever a portion holds at most.
func TestUnsealedPortions(t *testing.T) {
	t.Parallel()
	of := pgtest.Tenant(t)
	got, err := pg.InTx(t.Context(), pgtest.DB(), func(ctx context.Context, tx pg.Tx) ([]*event.Portion, error) {
		seq := int64(0)
		for _, n := range []int{2, 2, 1, 7, 3} {
			var j event.Journal
			for range n {
				seq++
				j.Moved(5, 1, seq, event.Leaf{})
			}
			if err := j.Store(ctx, tx, of.ID, pg.Now()); err != nil {
				return nil, err
			}
		}
		return event.Unsealed(ctx, tx, of.ID, 5)
	})
	if err != nil {
		t.Fatal(err)
	}
	var sizes, seqs []int64
	for _, p := range got {
		sizes = append(sizes, int64(len(p.Seqs)))
		seqs = append(seqs, p.Seqs...)
	}
	if !slices.Equal(sizes, []int64{5, 7, 3}) || len(seqs) != 15 || !slices.IsSorted(seqs) {
		t.Errorf("portions of %v with transfers %v, want 5, 7 and 3 in order", sizes, seqs)
	}
}

// Writers that take turns at a lock, numbering that runs all the while in
// several processes and is cut off again and again: the feed is in the order of
// the turns.
func TestFeedIsInCommitOrder(t *testing.T) {
	owner := pgtest.Tenant(t)
	f := event.New(pgtest.DB(), nil)
	const writers, turns = 8, 60
	var turn int
	var writing, numbering sync.WaitGroup
	done := make(chan struct{})
	for range 3 {
		numbering.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				cut(t, owner.ID)
				if _, err := f.Sequence(t.Context(), owner.ID); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for who := range writers {
		writing.Go(func() {
			for range turns {
				// What comes before the lock gives the transaction its number
				// in the database, so that those come out of order.
				tellTurn(t, owner.ID, who, &turn)
			}
		})
	}
	writing.Wait()
	close(done)
	numbering.Wait()
	events := follow(t, f, owner.ID, 7)
	if len(events) != writers*turns {
		t.Fatalf("%d events of %d", len(events), writers*turns)
	}
	for i, e := range events {
		if got := parse(t, e).Turn; got != i+1 {
			t.Fatalf("event %d is of turn %d", i+1, got)
		}
	}
}

// tellTurn takes the next turn under the tenant's row lock and tells of it.
func tellTurn(t *testing.T, tenantID int64, who int, turn *int) {
	t.Helper()
	_, err := pg.InTx(t.Context(), pgtest.DB(), func(ctx context.Context, tx pg.Tx) (struct{}, error) {
		if _, err := tx.Exec(ctx, "SELECT pg_current_xact_id(), set_config('lock_timeout', '0', true)"); err != nil { // however slow the others' turns are
			return struct{}{}, err
		}
		if _, err := tx.Exec(ctx, "SELECT 1 FROM tenants WHERE tenant_id = $1 FOR UPDATE", tenantID); err != nil {
			return struct{}{}, err
		}
		*turn++
		var j event.Journal
		var pipe pg.Pipeline
		j.Fact(event.OrderCreated, step{who, *turn})
		if err := j.Store(ctx, &pipe, tenantID, pg.Now()); err != nil {
			return struct{}{}, err
		}
		return struct{}{}, pipe.Send(ctx, tx)
	})
	if err != nil {
		t.Error(err)
	}
}

var errCut = errors.New("killed")

// cut numbers what there is and dies before the commit.
func cut(t *testing.T, tenantID int64) {
	t.Helper()
	_, err := pg.InTx(t.Context(), pgtest.DB(), func(ctx context.Context, tx pg.Tx) (int, error) {
		if _, err := event.SequenceIn(ctx, tx, tenantID); err != nil {
			return 0, err
		}
		return 0, errCut
	})
	if !errors.Is(err, errCut) {
		t.Error(err)
	}
}

// A transaction that began first and commits last is not skipped by a reader
// who has seen later ones.
func TestLateCommitIsNotSkipped(t *testing.T) {
	owner := pgtest.Tenant(t)
	f := event.New(pgtest.DB(), nil)
	tell(t, owner.ID, step{Turn: 1}, nil)
	drawn, let := make(chan struct{}), make(chan struct{})
	late := make(chan struct{})
	release := sync.OnceFunc(func() { close(let) })
	defer release()
	go func() {
		defer close(late)
		_, err := pg.InTx(t.Context(), pgtest.DB(), func(ctx context.Context, tx pg.Tx) (struct{}, error) {
			err := query.New().CommitInsert(ctx, tx, query.CommitInsertParams{
				TenantID: owner.ID, ID: pg.NewUUID(), At: pg.Now(), Kinds: []int16{int16(event.OrderCreated)}, Members: []int64{0},
				Assets: []int16{0}, Seqs: []int64{0}, Objects: []uuid.UUID{}, Facts: json.RawMessage(`[{"turn":3}]`),
			})
			if err == nil {
				close(drawn)
				<-let
			}
			return struct{}{}, err
		})
		if err != nil {
			t.Error(err)
		}
	}()
	select {
	case <-drawn:
	case <-late:
		t.FailNow()
	}
	tell(t, owner.ID, step{Turn: 2}, nil)
	before := follow(t, f, owner.ID, 10)
	if len(before) != 2 {
		t.Fatalf("%d events are committed", len(before))
	}
	release()
	<-late
	events, err := f.Read(t.Context(), owner.ID, before[1].PublicID(), 10, 0)
	if err != nil || len(events) != 1 || parse(t, events[0]).Turn != 3 || events[0].Number != 3 {
		t.Fatalf("after the late commit: %v, %v", events, err)
	}
}

// A reader who waits is answered when something happens, and in time when
// nothing does; another tenant's events are nothing to him.
func TestReaderWaits(t *testing.T) {
	owner, stranger := pgtest.Tenant(t), pgtest.Tenant(t)
	f := event.New(pgtest.DB(), nil)
	tell(t, stranger.ID, step{Turn: 9}, nil)
	if events, err := f.Read(t.Context(), owner.ID, "", 10, 300*time.Millisecond); err != nil || len(events) != 0 {
		t.Fatalf("got %v, %v", events, err)
	}
	answer := make(chan []event.Event)
	go func() {
		events, err := f.Read(t.Context(), owner.ID, "", 10, event.MaxWait)
		if err != nil {
			t.Error(err)
		}
		answer <- events
	}()
	tell(t, owner.ID, step{Turn: 1}, nil)
	if events := <-answer; len(events) != 1 || parse(t, events[0]).Turn != 1 {
		t.Fatalf("got %v", events)
	}
	if _, err := f.Read(t.Context(), owner.ID, "event_nonsense", 10, 0); !fault.Is(err, fault.CodeInvalidRequest) {
		t.Errorf("a cursor that is none: %v", err)
	}
}

// One commit may hold many events, addresses and facts in any order; pages may
// end within it. A reveal completes what is told of its kinds.
func TestPagesWithinACommit(t *testing.T) {
	owner := pgtest.Tenant(t)
	member, order := pg.NewKey(), pg.NewUUID()
	_, err := pg.InTx(t.Context(), pgtest.DB(), func(ctx context.Context, tx pg.Tx) (struct{}, error) {
		err := query.New().MemberInsert(ctx, tx, query.MemberInsertParams{TenantID: owner.ID, ID: member, ExternalID: `a "b"`, At: pg.Now()})
		var j event.Journal
		for i := range 3 {
			j.Row(event.IncentiveEventRecorded, member, int64(i+1))
			j.Fact(event.CodePoolEmpty, step{Turn: i})
			j.Object(event.OrderCreated, order, nil)
			j.FactOf(event.PointsExpiring, member, step{Turn: i})
			j.Object(event.OrderUpdated, order, step{Turn: i})
			j.FactOf(event.IncentiveLevelUp, member, struct{}{})
			j.Row(event.MemberCreated, member, 0)
		}
		return struct{}{}, errors.Join(err, j.Store(ctx, tx, owner.ID, pg.Now()))
	})
	if err != nil {
		t.Fatal(err)
	}
	reveal := func(_ context.Context, tenantID int64, page []event.Event) error {
		for _, e := range event.Pick(page, event.OrderCreated, event.OrderUpdated, event.IncentiveEventRecorded) {
			if e.Kind != event.IncentiveEventRecorded && e.Of.Object != order {
				t.Errorf("%s is about %s", e.Kind, e.Of.Object)
			}
			if err := e.Tell(struct {
				Of, Seq int64
				Was     json.RawMessage
			}{tenantID, e.Of.Seq, e.Data}); err != nil {
				return err
			}
		}
		return nil
	}
	var got []string
	for _, e := range follow(t, event.New(pgtest.DB(), []event.Reveal{reveal}), owner.ID, 4) {
		got = append(got, e.Kind.String()+" "+string(e.Data))
	}
	var want []string
	for i := range 3 {
		want = append(want,
			fmt.Sprintf(`INCENTIVE_EVENT_RECORDED {"Of":%d,"Seq":%d,"Was":null}`, owner.ID, i+1),
			fmt.Sprintf(`code_pool.empty {"who":0,"turn":%d}`, i),
			fmt.Sprintf(`order.created {"Of":%d,"Seq":0,"Was":null}`, owner.ID),
			fmt.Sprintf(`points.expiring {"member_id":"a \"b\"","who":0,"turn":%d}`, i),
			fmt.Sprintf(`order.updated {"Of":%d,"Seq":0,"Was":{"who":0,"turn":%d}}`, owner.ID, i),
			`INCENTIVE_LEVEL_UP {"userId":"a \"b\""}`, `member.created {}`)
	}
	if !slices.Equal(got, want) {
		t.Errorf("told:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// The names on the wire are found again, and tell whose they are.
func TestKindsHaveNames(t *testing.T) {
	for _, k := range event.Kinds() {
		found, known := event.ParseKind(k.String())
		if !known || found != k {
			t.Errorf("kind %d, %q, is found as %d", k, k, found)
		}
		if capitals := strings.ToUpper(k.String()) == k.String(); capitals != (k.Facade() == event.Incenta) {
			t.Errorf("%s is of facade %q", k, k.Facade())
		}
	}
	if k, known := event.ParseKind("nonsense"); known {
		t.Errorf("nonsense is kind %d", k)
	}
}
