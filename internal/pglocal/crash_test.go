package pglocal

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"
)

func TestPostmasterKilledAgainAndAgain(t *testing.T) {
	t.Parallel()
	for name, watch := range map[string]bool{"death signal": false, "watcher": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			// What is lost when the machine dies does not matter here.
			committed := map[string]string{"synchronous_commit": "on"}
			s := start(t, Options{Dir: folder(t), watch: watch, Settings: committed})
			query(t, s, "CREATE TABLE kept (n int)")
			for round := range 2 * maxEarlyDeaths {
				expect(t, s, "INSERT INTO kept VALUES (1); SELECT count(*) FROM kept", strconv.Itoa(round+1))
				pid := s.PID()
				began := time.Now()
				kill(t, pid)
				eventually(t, "another postmaster", func() bool { return s.PID() != pid && s.PID() != 0 })
				t.Logf("back after %v", time.Since(began).Round(time.Millisecond))
			}
		})
	}
}

func TestOwnerKilled(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ watch, private bool }{
		"death signal":            {},
		"watcher":                 {watch: true},
		"in a namespace":          {private: true}, // as root
		"in a namespace, watched": {private: true, watch: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := folder(t)
			if c.private {
				dir = privateFolder(t)
			}
			owner, postmaster := startOwner(t, dir, c.watch)
			refused(t, Options{Dir: dir}, "another server (process "+strconv.Itoa(owner.Process.Pid))
			began := time.Now()
			kill(t, owner.Process.Pid)
			eventually(t, "PostgreSQL follows its owner", func() bool { return !alive(postmaster) })
			t.Logf("gone after %v", time.Since(began).Round(time.Millisecond))
			if _, err := os.Lstat(filepath.Join(dir, "data", "postmaster.pid")); err == nil {
				t.Error("it did not shut down cleanly")
			}
			expect(t, start(t, Options{Dir: dir}), "SELECT 1", "1")
		})
	}
}

// Killed while initdb runs, or when it has just ended.
func TestOwnerKilledDuringItsFirstStart(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	for _, stage := range []string{"data.init-*", "data.init-*/PG_VERSION", "data.init-*/global/pg_control", "data/PG_VERSION", "data/postmaster.pid"} {
		owner := ownerCommand(dir, false)
		must(t, owner.Start())
		eventually(t, stage, func() bool {
			found, _ := filepath.Glob(filepath.Join(dir, stage))
			_, over := os.Lstat(filepath.Join(dir, "data", "postmaster.pid"))
			return len(found) > 0 || over == nil || !alive(owner.Process.Pid) // too quick for us
		})
		kill(t, owner.Process.Pid)
		_ = owner.Wait()
	}
	expect(t, start(t, Options{Dir: dir}), "SELECT 1", "1")
}

// The next owner does not wait for the last postmaster to be gone.
func TestOwnerKilledAndStartedAtOnce(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	for range 5 {
		owner, _ := startOwner(t, dir, false)
		kill(t, owner.Process.Pid)
		_ = owner.Wait()
		s := start(t, Options{Dir: dir})
		expect(t, s, "SELECT 1", "1")
		stop(t, s)
	}
}

func TestBothKilled(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	s := start(t, Options{Dir: dir})
	query(t, s, "CREATE TABLE kept (n int); INSERT INTO kept VALUES (1)")
	stop(t, s)
	owner, postmaster := startOwner(t, dir, false)
	kill(t, postmaster)
	kill(t, owner.Process.Pid)
	_ = owner.Wait()
	expect(t, start(t, Options{Dir: dir}), "SELECT count(*) FROM kept", "1")
}

func TestGivesUpWhenItCannotRun(t *testing.T) {
	t.Parallel()
	s := start(t, Options{Dir: folder(t)})
	spoil(t, s)
	kill(t, s.PID())
	select {
	case <-s.Done():
	case <-time.After(patience):
		t.Fatal("still trying")
	}
	if err := s.Err(); err == nil || !strings.Contains(err.Error(), "gave up") || !strings.Contains(err.Error(), "no_such_setting") {
		t.Errorf("error %v", err)
	}
	if err := s.Stop(context.Background()); err != s.Err() {
		t.Errorf("Stop says %v", err)
	}
	refused(t, Options{Dir: s.dir, Volatile: true}, "did not start", "no_such_setting")
	s.err = nil // for the cleanup, which expects a clean end
}

// spoil writes a configuration that PostgreSQL refuses when it next starts.
func spoil(t *testing.T, s *Server) {
	t.Helper()
	conf, err := os.OpenFile(filepath.Join(s.data, "postgresql.conf"), os.O_APPEND|os.O_WRONLY, 0)
	must(t, err)
	_, err = conf.WriteString("no_such_setting = 1\n")
	must(t, err)
	must(t, conf.Close())
}

// A stopped process hears no signal but one.
func TestStopEndsADeafPostmaster(t *testing.T) {
	t.Parallel()
	s := start(t, Options{Dir: folder(t)})
	p := adopt(s.PID())
	must(t, syscall.Kill(s.PID(), syscall.SIGSTOP))
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := s.Stop(ctx); err == nil || !strings.Contains(err.Error(), "killed") {
		t.Errorf("Stop says %v", err)
	}
	<-p.gone
	expect(t, start(t, Options{Dir: s.dir}), "SELECT 1", "1")
	s.err = nil
}

// orphan starts a postmaster by the server's own command line plus extra words,
// which nothing ties to any owner.
func orphan(t *testing.T, s *Server, extra ...string) int {
	t.Helper()
	must(t, os.Mkdir(s.sock, 0o700))
	must(t, os.Lchown(s.sock, int(s.as.uid), int(s.as.gid)))
	cmd := s.command(context.Background(), s.as, append(s.argv(), extra...)...)
	runUntilCleanup(t, cmd)
	eventually(t, "the orphan answers", func() bool { return s.open(t.Context()) == nil })
	return cmd.Process.Pid
}

func runUntilCleanup(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	must(t, cmd.Start())
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait()
		close(ended)
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-ended
	})
}

func TestOrphanIsAdopted(t *testing.T) {
	t.Parallel()
	s := start(t, Options{Dir: folder(t)})
	stop(t, s)
	pid := orphan(t, s)
	s = start(t, Options{Dir: s.dir})
	if s.PID() != pid {
		t.Errorf("process %d, want the orphan %d", s.PID(), pid)
	}
	// It is looked after like any other.
	kill(t, pid)
	eventually(t, "another postmaster", func() bool { return s.PID() != pid && s.PID() != 0 })
	expect(t, s, "SELECT 1", "1")
}

func TestOrphanWithOtherSettingsIsReplaced(t *testing.T) {
	t.Parallel()
	s := start(t, Options{Dir: folder(t)})
	stop(t, s)
	pid := orphan(t, s, "-c", "work_mem=1MB")
	s = start(t, Options{Dir: s.dir})
	if s.PID() == pid {
		t.Error("the orphan was adopted")
	}
	expect(t, s, "SHOW work_mem", "4MB")
}

// After a restart of a container the recorded number may be anybody's, even of
// the same user, which PostgreSQL takes for a postmaster.
func TestStaleProcessFileNamesAnotherProgram(t *testing.T) {
	t.Parallel()
	s := start(t, Options{Dir: folder(t)})
	query(t, s, "CREATE TABLE kept (n int); INSERT INTO kept VALUES (1)")
	text, err := os.ReadFile(s.pidFile())
	must(t, err)
	stop(t, s)

	stranger := s.command(context.Background(), s.as, "/bin/sleep", "600")
	runUntilCleanup(t, stranger)
	_, rest, _ := strings.Cut(string(text), "\n")
	stale := strconv.Itoa(stranger.Process.Pid) + "\n" + rest
	must(t, os.Mkdir(s.sock, 0o700))
	for _, name := range []string{s.pidFile(), filepath.Join(s.sock, ".s.PGSQL."+port+".lock")} {
		must(t, os.WriteFile(name, []byte(stale), 0o600))
		must(t, os.Lchown(name, int(s.as.uid), int(s.as.gid)))
	}
	s = start(t, Options{Dir: s.dir})
	expect(t, s, "SELECT count(*) FROM kept", "1")
	if !alive(stranger.Process.Pid) {
		t.Error("the stranger was ended")
	}

	// A file cut short says nothing at all.
	stop(t, s)
	must(t, os.WriteFile(s.pidFile(), nil, 0o600))
	must(t, os.Lchown(s.pidFile(), int(s.as.uid), int(s.as.gid)))
	expect(t, start(t, Options{Dir: s.dir}), "SELECT 1", "1")
}

// Whoever starts programs meanwhile holds copies of every open file for a moment.
func TestLockIsFreeOnceReleased(t *testing.T) {
	t.Parallel()
	name := filepath.Join(t.TempDir(), "lock")
	others, released := errgroup.Group{}, make(chan struct{})
	for range 4 {
		others.Go(func() error {
			for {
				select {
				case <-released:
					return nil
				default:
					if err := exec.Command("/bin/true").Run(); err != nil {
						return err
					}
				}
			}
		})
	}
	for range 300 {
		lock, err := takeLock(t.Context(), name)
		if err != nil {
			t.Error(err)
			break
		}
		pause(t.Context(), 100*time.Microsecond)
		releaseLock(lock)
	}
	close(released)
	must(t, others.Wait())
}

func TestSingleUserModeIsNotDisturbed(t *testing.T) {
	t.Parallel()
	s := start(t, Options{Dir: folder(t)})
	stop(t, s)
	single := s.command(context.Background(), s.as, s.bin.postgres, "--single", "-D", s.data, "postgres")
	stdin, err := single.StdinPipe()
	must(t, err)
	runUntilCleanup(t, single)
	eventually(t, "the cluster is taken", func() bool {
		text, _ := os.ReadFile(s.pidFile())
		return strings.HasPrefix(string(text), "-")
	})
	refused(t, Options{Dir: s.dir}, "single-user")
	must(t, stdin.Close())
	eventually(t, "it ends", func() bool { return !alive(single.Process.Pid) })
}

// busy starts a statement that never looks whether its postmaster lives, and
// returns its process.
func busy(t *testing.T, s *Server) int {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), s.URL())
	must(t, err)
	pid := int(conn.PgConn().PID())
	ended := make(chan struct{})
	running, end := context.WithCancel(context.Background())
	go func() {
		defer close(ended)
		_, _ = conn.Exec(running, "DO $$ BEGIN LOOP END LOOP; END $$")
	}()
	t.Cleanup(func() {
		end() // where it was not ended: nobody else would
		<-ended
		_ = conn.Close(context.Background())
	})
	eventually(t, "it is busy", func() bool {
		return query(t, s, "SELECT state FROM pg_stat_activity WHERE pid = "+strconv.Itoa(pid)) == "active"
	})
	return pid
}
