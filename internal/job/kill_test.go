package job

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/incent-dev/incent/internal/event"
	"github.com/incent-dev/incent/internal/fault"
	"github.com/incent-dev/incent/internal/ledger"
	"github.com/incent-dev/incent/internal/pg"
	"github.com/incent-dev/incent/internal/pgtest"
	"github.com/incent-dev/incent/internal/tenant"
)

const (
	sweeperURL   = "INCENT_TEST_SWEEPER"        // the database of a process that only sweeps
	sweeperAlone = "INCENT_TEST_SWEEPER_TENANT" // it takes no locks and looks at this tenant only

	sweepers = 4
	kills    = 50

	// sweeperPatience bounds every wait for sweepers, who take seconds.
	sweeperPatience = 5 * time.Minute

	holders   = 500
	lotsEach  = 12
	unitsEach = 3
)

// ledgerSweeps are those that this test is about.
func ledgerSweeps(books *ledger.Ledger, feed *event.Feed) []Sweep {
	return []Sweep{
		{Name: "settle", Every: time.Millisecond, Due: books.Due, Run: books.SettleDue},
		{Name: "warn", Every: time.Millisecond, Due: books.Unwarned, Run: books.Warn},
		{Name: "feed", Every: time.Millisecond, Due: feed.Unnumbered, Run: func(ctx context.Context, tenantID int64) error {
			_, err := feed.Sequence(ctx, tenantID)
			return err
		}},
		{Name: "seal", Every: time.Millisecond, Due: books.Unsealed, Run: books.Seal},
	}
}

// sweepUntilKilled is the life of a sweeper. It says one line on its standard
// output once it sweeps, and ends with its parent at the latest.
func sweepUntilKilled(url string) {
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	ctx := context.Background()
	db, err := pg.Open(ctx, pg.Config{URL: url, AllowVolatile: true, MaxConns: 4})
	if err != nil {
		log.Error("cannot sweep", "error", err)
		os.Exit(1)
	}
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin) // ends when the parent does
		os.Exit(0)
	}()
	r := New(db, ledgerSweeps(ledger.New(db), event.New(db, nil))...)
	fmt.Println("sweeping")
	var alone int64
	if _, err := fmt.Sscan(os.Getenv(sweeperAlone), &alone); err != nil {
		r.run(ctx, log)
	}
	for {
		err := r.Tenant(ctx, alone)
		if f := fault.As(pg.Fault(err)); f != nil && f.Kind == fault.Unavailable {
			continue // as a beat that is put off: somebody holds a row for long
		}
		if err != nil {
			log.Error("sweep failed", "error", err)
		}
	}
}

// sweeper is one such process, seen from outside.
type sweeper struct {
	cmd    *exec.Cmd
	sweeps func() bool // waits until it sweeps; false when it ended before
	stdin  io.Closer
	log    bytes.Buffer
}

func startSweeper(t *testing.T, alone int64) *sweeper {
	t.Helper()
	s := &sweeper{cmd: exec.Command(os.Args[0])}
	s.cmd.Env = append(os.Environ(), sweeperURL+"="+pgtest.URL())
	if alone != 0 {
		s.cmd.Env = append(s.cmd.Env, fmt.Sprintf("%s=%d", sweeperAlone, alone))
	}
	s.cmd.Stderr = &s.log
	out, err := s.cmd.StdoutPipe()
	must(t, err)
	s.sweeps = sync.OnceValue(func() bool {
		defer time.AfterFunc(sweeperPatience, func() { _ = s.cmd.Process.Kill() }).Stop()
		return bufio.NewScanner(out).Scan()
	})
	s.stdin, err = s.cmd.StdinPipe()
	must(t, err)
	must(t, s.cmd.Start())
	return s
}

// kill ends the process the hard way, and tells what it had to complain of.
func (s *sweeper) kill(t *testing.T) {
	t.Helper()
	_ = s.cmd.Process.Kill() // SIGKILL
	_ = s.cmd.Wait()
	_ = s.stdin.Close()
	if strings.Contains(s.log.String(), "level=ERROR") {
		t.Errorf("a sweeper says: %s", s.log.String())
	}
}

// Four processes sweep one tenant, two of them without taking turns, while lots
// expire day by day; fifty times one of them is killed, mostly at its work. Each
// lot is warned of once and expires once, at its instant, and is told of once; the
// chain holds.
func TestSweepersKilled(t *testing.T) {
	random := rand.New(rand.NewPCG(20240, 5))
	books, feed := ledger.New(pgtest.DB()), event.New(pgtest.DB(), nil)
	t.Cleanup(func() { books.Close(context.Background()) })
	made, ahead := manyLots(t, books)
	all := make([]*sweeper, sweepers)
	for i := range all {
		all[i] = startSweeper(t, made.ID*int64(i%2))
	}
	killed, cut := 0, 0
	for day := range lotsEach + 4 {
		// While somebody holds an account in which something expires, no sweeper is
		// done: the first one of the day dies before the day's work is.
		release := holdLast(t, made.ID)
		moveClock(t, made.ID, ahead+time.Duration(day)*24*time.Hour)
		for killed < (day+1)*kills/lotsEach && killed < kills {
			i := random.IntN(sweepers)
			if !all[i].sweeps() {
				all[i].kill(t)
				t.Fatalf("a sweeper ended by itself, or did not sweep within %v: %s", sweeperPatience, all[i].log.String())
			}
			<-time.After(time.Duration(random.IntN(20)) * time.Millisecond) // where in its work it dies, not when it is done
			all[i].kill(t)
			if killed++; due(t, books, made.ID) {
				cut++
			}
			release()
			all[i] = startSweeper(t, made.ID*int64(i%2))
		}
		release()
		again, patience := time.NewTicker(5*time.Millisecond), time.After(sweeperPatience)
		for due(t, books, made.ID) {
			select {
			case <-again.C:
			case <-patience:
				t.Fatalf("on day %d something is still to be swept", day)
			}
		}
		again.Stop()
	}
	for _, s := range all {
		s.kill(t)
	}
	must(t, New(pgtest.DB(), ledgerSweeps(books, feed)...).Tenant(t.Context(), made.ID))
	checkSwept(t, feed, made.ID)
	t.Logf("%d sweepers killed, %d of them while something was left to do", killed, cut)
	if cut < kills/5 {
		t.Errorf("only %d of %d were killed while something was left to do", cut, killed)
	}
}

// holdLast holds the last member's account until release is called, the first time.
func holdLast(t *testing.T, tenantID int64) (release func()) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), pgtest.URL())
	must(t, err)
	_, err = conn.Exec(t.Context(), "BEGIN")
	must(t, err)
	_, err = conn.Exec(t.Context(), `SELECT 1 FROM accounts WHERE tenant_id = $1 AND asset = $2
		AND member_id = (SELECT id FROM members WHERE tenant_id = $1 AND external_id = $3) FOR UPDATE`, tenantID, int16(ledger.Points), member(holders-1))
	must(t, err)
	return sync.OnceFunc(func() { must(t, conn.Close(t.Context())) })
}

func member(i int) string { return fmt.Sprintf("mem_%04d", i) }

// due tells whether points of the tenant are still to expire, or to be warned of.
func due(t *testing.T, books *ledger.Ledger, tenantID int64) bool {
	t.Helper()
	for _, list := range []func(context.Context) ([]int64, error){books.Due, books.Unwarned} {
		tenants, err := list(t.Context())
		must(t, err)
		if slices.Contains(tenants, tenantID) {
			return true
		}
	}
	return false
}

// manyLots gives many members a lot a day, of points that live 60 days, and
// answers how far the clock must run ahead until the first ones are warned of.
func manyLots(t *testing.T, books *ledger.Ledger) (tenant.Tenant, time.Duration) {
	t.Helper()
	made := pgtest.Tenant(t)
	_, err := pgtest.DB().Exec(t.Context(), "UPDATE tenants SET expiry_policy = 'rolling', expiry_days = 60, expiry_warning_days = 2 WHERE tenant_id = $1", made.ID)
	must(t, err)
	for day := range lotsEach {
		moveClock(t, made.ID, time.Duration(day)*24*time.Hour)
		commands := make([]ledger.Command, holders)
		for i := range commands {
			commands[i] = ledger.Command{Op: ledger.OpAward, Member: member(i), Asset: ledger.Points, Amount: unitsEach}
		}
		_, err := books.PostMany(t.Context(), made.ID, commands, nil)
		must(t, err)
	}
	return made, 58 * 24 * time.Hour
}

func moveClock(t *testing.T, tenantID int64, ahead time.Duration) {
	t.Helper()
	_, err := pgtest.DB().Exec(t.Context(), "UPDATE tenants SET clock_offset_us = $2 WHERE tenant_id = $1", tenantID, ahead.Microseconds())
	must(t, err)
}

func checkSwept(t *testing.T, feed *event.Feed, tenantID int64) {
	t.Helper()
	count := func(what string, want int64, sql string) {
		t.Helper()
		var n int64
		must(t, pgtest.DB().QueryRow(t.Context(), sql, tenantID).Scan(&n))
		if n != want {
			t.Errorf("%s: %d, want %d", what, n, want)
		}
	}
	const lots = holders * lotsEach
	count("lots left", 0, "SELECT count(*) FROM lots WHERE tenant_id = $1")
	count("units left", 0, "SELECT sum(available)::bigint FROM accounts WHERE tenant_id = $1")
	count("transfers that expire", lots, "SELECT count(*) FROM transfers WHERE tenant_id = $1 AND kind = 8")
	count("units expired", lots*unitsEach, "SELECT sum(amount)::bigint FROM transfers WHERE tenant_id = $1 AND kind = 8")
	count("warnings", lots, "SELECT count(*) FROM expiry_warnings WHERE tenant_id = $1")
	told := map[event.Kind]int{}
	seen := map[string]bool{}
	for after := int64(0); ; {
		events, err := feed.After(t.Context(), tenantID, after, event.MaxEvents)
		must(t, err)
		if len(events) == 0 {
			break
		}
		for _, e := range events {
			if after++; e.Number != after {
				t.Fatalf("event %d has number %d", after, e.Number)
			}
			if e.Kind == event.MemberCreated {
				continue // its data is the registry's to tell
			}
			if told[e.Kind]++; seen[string(e.Data)] {
				t.Errorf("told twice: %s", e.Data)
			}
			seen[string(e.Data)] = true
		}
	}
	if told[event.PointsAwarded] != lots || told[event.PointsExpiring] != lots || told[event.PointsExpired] != lots {
		t.Errorf("told of %d awards, %d warnings, %d expiries; there were %d lots", told[event.PointsAwarded], told[event.PointsExpiring], told[event.PointsExpired], lots)
	}
	report, err := ledger.AuditTenant(t.Context(), pgtest.DB(), tenantID)
	must(t, err)
	for _, v := range report.Violations {
		t.Error(v)
	}
}
