package pg_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/incent-dev/incent/internal/pg"
	"github.com/incent-dev/incent/internal/pgtest"
)

// servers are two servers of one database of their own, which wait so long for a
// turn; 0: as servers do.
func servers(t *testing.T, patience time.Duration) (a, b *pg.DB) {
	t.Helper()
	url := pgtest.Database(t)
	open := func() *pg.DB {
		db, err := pg.Open(t.Context(), pg.Config{URL: url, AllowVolatile: true, LockTimeout: patience})
		must(t, err)
		t.Cleanup(db.Close)
		pg.StayCrowded(db)
		return db
	}
	return open(), open()
}

// inTurn runs a transaction of a tenant's lane in its turn, and tells begun once it
// has read something, or has failed; it ends when end is closed.
func inTurn(t *testing.T, db *pg.DB, tenant int64, begun chan<- struct{}, end <-chan struct{}) {
	t.Helper()
	ctx, done := db.Turns(pg.Awards)(t.Context(), tenant, 0)
	defer done()
	tell := sync.OnceFunc(func() { begun <- struct{}{} })
	_, err := pg.InTx(ctx, db, func(ctx context.Context, tx pg.Tx) (struct{}, error) {
		_, err := tx.Exec(ctx, "SELECT 1")
		tell()
		<-end
		return struct{}{}, err
	})
	if err != nil {
		t.Error(err)
	}
	tell()
}

// TestTurns has two servers meet: the first time neither waits, the second time the
// one waits until the other is done, and who is of another tenant never does.
func TestTurns(t *testing.T) {
	t.Parallel()
	a, b := servers(t, pgtest.LockTimeout)
	begun, end, over := make(chan struct{}, 1), make(chan struct{}), make(chan struct{})
	release := sync.OnceFunc(func() { close(end) })
	defer release() // or a transaction that is never over would keep its pool from closing
	go func() { defer close(over); inTurn(t, a, 1, begun, end) }()
	<-begun
	beside, now := make(chan struct{}, 2), make(chan struct{})
	close(now)
	inTurn(t, b, 1, beside, now) // meets a, and does not wait
	<-beside
	inTurn(t, b, 2, beside, now)
	<-beside

	waited := make(chan struct{})
	go func() { defer close(waited); inTurn(t, b, 1, beside, now) }()
	awaitWaiter(t, a, waited)
	select {
	case <-beside:
		t.Error("b ran beside a, which it had met")
	default:
	}
	release()
	<-over
	<-waited
}

// TestTurnGivenBack has a server take its turn and begin nothing, or fail; before and
// after it has met another one.
func TestTurnGivenBack(t *testing.T) {
	t.Parallel()
	a, b := servers(t, pgtest.LockTimeout)
	fails := func(last ...any) {
		ctx, done := b.Turns(pg.Awards)(t.Context(), 1, 0)
		defer done()
		_, err := pg.InTx(ctx, b, func(ctx context.Context, tx pg.Tx) (struct{}, error) {
			_, err := tx.Exec(ctx, "SELECT 1")
			if len(last) == 0 {
				return struct{}{}, errors.Join(err, errors.New("on purpose"))
			}
			var pipe pg.Pipeline // cannot be sent with the commit
			_, _ = pipe.Exec(ctx, "SELECT $1::bigint", last...)
			pipe.Finish(tx)
			return struct{}{}, err
		})
		if err == nil {
			t.Error("it did not fail")
		}
	}
	begun, end, over := make(chan struct{}, 1), make(chan struct{}), make(chan struct{})
	now := make(chan struct{})
	close(now)
	fails()
	nobodyHolds(t, a)
	go func() { defer close(over); inTurn(t, a, 1, begun, end) }()
	<-begun
	inTurn(t, b, 1, make(chan struct{}, 1), now) // meets a
	close(end)
	<-over
	_, done := b.Turns(pg.Awards)(t.Context(), 1, 0)
	done()
	nobodyHolds(t, a)
	fails()
	nobodyHolds(t, a)
	fails("no number")
	nobodyHolds(t, a)
}

func nobodyHolds(t *testing.T, db *pg.DB) {
	t.Helper()
	var held int
	must(t, db.QueryRow(t.Context(), `SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'
		AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`).Scan(&held))
	if held != 0 {
		t.Errorf("%d turns are held by nobody", held)
	}
}

// TestStuckTurn has a server wait in vain: it goes without, and does not wait again.
func TestStuckTurn(t *testing.T) {
	t.Parallel()
	a, b := servers(t, 0)
	begun, end, over := make(chan struct{}, 1), make(chan struct{}), make(chan struct{})
	now := make(chan struct{})
	close(now)
	go func() { defer close(over); inTurn(t, a, 1, begun, end) }()
	<-begun
	began := time.Now()
	for range 40 { // waits once, for as long as for any lock: 2 s
		inTurn(t, b, 1, make(chan struct{}, 1), now)
	}
	if took := time.Since(began); took > 40*time.Second {
		t.Errorf("40 transactions beside a stuck server took %v", took)
	}
	close(end)
	<-over
}

// awaitWaiter waits until somebody waits for a turn; whoever should do that has not
// run when over is closed.
func awaitWaiter(t *testing.T, db *pg.DB, over <-chan struct{}) {
	t.Helper()
	for {
		select {
		case <-over:
			t.Fatal("it ran and did not wait")
		default:
		}
		var waits bool
		err := db.QueryRow(t.Context(), `SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
			AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))`).Scan(&waits)
		if err != nil {
			t.Fatal(err)
		}
		if waits {
			return
		}
		time.Sleep(time.Millisecond)
	}
}
