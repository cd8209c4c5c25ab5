package person_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/incent-dev/incent/internal/fault"
	"github.com/incent-dev/incent/internal/ledger"
	"github.com/incent-dev/incent/internal/person"
	"github.com/incent-dev/incent/internal/pg"
	"github.com/incent-dev/incent/internal/pgtest"
	"github.com/incent-dev/incent/internal/tenant"
)

// fixture is a tenant with one member, Ann, who has something on hold.
func fixture(t *testing.T) (*person.People, int64) {
	t.Helper()
	people, err := person.New(t.Context(), pgtest.DB(), func(context.Context, int64) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { people.Close(context.Background()) })
	of := pgtest.Tenant(t)
	books := ledger.New(pgtest.DB())
	t.Cleanup(func() { books.Close(context.Background()) })
	_, err = books.OpenHold(t.Context(), of.ID, ledger.Command{Member: "ann", Asset: ledger.Points, Amount: 5, Memo: ledger.Memo{Reason: "Ann's"}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return people, of.ID
}

// A transaction that found the member under the old id may write what it likes
// of them, and is waited for: what it wrote is gone, too.
func TestErasureOutlastsWhoeverFoundTheMember(t *testing.T) {
	t.Parallel()
	people, id := fixture(t)
	found, written := make(chan struct{}), make(chan struct{})
	write := sync.OnceFunc(func() { close(written) })
	defer write() // or its transaction would hang about for ever
	done := make(chan error, 1)
	go func() {
		_, err := pg.InTx(t.Context(), pgtest.DB(), func(ctx context.Context, tx pg.Tx) (struct{}, error) {
			key, known, err := tenant.MemberKey(ctx, tx, id, "ann")
			if err != nil || !known {
				return struct{}{}, fmt.Errorf("no ann: %v", err)
			}
			close(found)
			<-written
			_, err = tx.Exec(ctx, "UPDATE holds SET reason = 'a late word' WHERE tenant_id = $1 AND member_id = $2", id, key)
			return struct{}{}, err
		})
		done <- err
	}()
	select {
	case <-found:
	case err := <-done:
		t.Fatal(err)
	}
	e, err := people.Erase(t.Context(), id, "ann", nil) // waits for a while, and leaves the rest to Finish
	if err != nil {
		t.Fatal(err)
	}
	if now, err := people.Erasure(t.Context(), id, "ann"); err != nil || !now.CompletedAt.IsZero() || now.Member != e.Member {
		t.Errorf("while somebody still holds the member: %+v, %v", now, err)
	}
	write()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	// Neighbours' transactions may come between.
	for now, deadline := e, time.Now().Add(5*time.Minute); now.CompletedAt.IsZero(); {
		if time.Now().After(deadline) {
			t.Fatal("the erasure is never complete")
		}
		if err := people.Finish(t.Context(), id); err != nil {
			t.Log(err)
		}
		if now, err = people.Erasure(t.Context(), id, e.Member); err != nil {
			t.Fatal(err)
		}
	}
	var reason string
	var words int
	err = pgtest.DB().QueryRow(t.Context(), "SELECT h.reason, cardinality(e.words) FROM holds AS h JOIN erasures AS e USING (tenant_id, member_id) WHERE tenant_id = $1", id).Scan(&reason, &words)
	if err != nil || reason != "" || words != 0 {
		t.Errorf("left are %q and %d words, %v", reason, words, err)
	}
	if _, err := people.Export(t.Context(), id, "ann", "", "", 10); !fault.Is(err, fault.CodeNotFound) {
		t.Errorf("an export under the old id: %v", err)
	}
}
