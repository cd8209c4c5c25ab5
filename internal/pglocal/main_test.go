package pglocal

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"go.uber.org/goleak"
)

// The test binary runs itself as the owner that gets killed: ownerFolder names
// the folder, ownerWatches asks for the watcher instead of the death signal.
const (
	ownerFolder  = "PGLOCAL_TEST_OWNER"
	ownerWatches = "PGLOCAL_TEST_WATCH"
)

// patience bounds every wait; a busy machine must not fail a test.
const patience = 5 * time.Minute

func TestMain(m *testing.M) {
	if dir := os.Getenv(ownerFolder); dir != "" {
		own(dir)
		return
	}
	code := m.Run()
	if err := leaked(); err != nil && code == 0 {
		fmt.Println(err)
		code = 1
	}
	os.Exit(code)
}

// leaked finds goroutines that do not end. One that is about to may be paused.
func leaked() error {
	for deadline := time.Now().Add(time.Minute); ; {
		err := goleak.Find()
		if err == nil || time.Now().After(deadline) {
			return err
		}
	}
}

func own(dir string) {
	s, err := Start(context.Background(), Options{Dir: dir, Volatile: true, watch: os.Getenv(ownerWatches) != ""})
	if err != nil {
		fmt.Println("failed:", err)
		os.Exit(1)
	}
	fmt.Println("ready", s.PID())
	_, _ = io.Copy(io.Discard, os.Stdin)
	_ = s.Stop(context.Background())
}

// startOwner returns another process that owns the folder, and its postmaster.
func startOwner(t *testing.T, dir string, watch bool) (owner *exec.Cmd, postmaster int) {
	t.Helper()
	owner = ownerCommand(dir, watch)
	stdin, err := owner.StdinPipe()
	must(t, err)
	stdout, err := owner.StdoutPipe()
	must(t, err)
	must(t, owner.Start())
	t.Cleanup(func() {
		_ = stdin.Close()
		_ = owner.Wait()
	})
	slow := time.AfterFunc(patience, func() { _ = owner.Process.Kill() })
	line, _ := bufio.NewReader(stdout).ReadString('\n')
	slow.Stop()
	if _, err := fmt.Sscanf(line, "ready %d", &postmaster); err != nil {
		t.Fatalf("the owner says %q", line)
	}
	return owner, postmaster
}

func ownerCommand(dir string, watch bool) *exec.Cmd {
	owner := exec.Command(os.Args[0])
	owner.Env = append(os.Environ(), ownerFolder+"="+dir)
	if watch {
		owner.Env = append(owner.Env, ownerWatches+"=1")
	}
	owner.Stderr = os.Stderr
	return owner
}

// folder is a place for a cluster. As root it is one that other users reach;
// testing's own temporary folders are not.
func folder(t *testing.T) string {
	t.Helper()
	tmp := t.TempDir()
	must(t, os.Chmod(filepath.Dir(tmp), 0o711))
	return filepath.Join(tmp, "pg")
}

// privateFolder is one below folders that nobody else may pass: root's home. For
// an ordinary user it is the usual case.
func privateFolder(t *testing.T) string {
	t.Helper()
	checkout := t.TempDir()
	must(t, os.Chmod(checkout, 0o700))
	return filepath.Join(checkout, ".incent", "pg")
}

func start(t *testing.T, o Options) *Server {
	t.Helper()
	o.Volatile = true
	return startAsIs(t, o)
}

func startAsIs(t *testing.T, o Options) *Server {
	t.Helper()
	if o.Log == nil {
		o.Log = t.Logf
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	began := time.Now()
	s, err := Start(ctx, o)
	must(t, err)
	t.Logf("started as %v in %v", s.as, time.Since(began).Round(time.Millisecond))
	t.Cleanup(func() { stop(t, s) })
	return s
}

func stop(t *testing.T, s *Server) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	must(t, s.Stop(ctx))
}

// refused is the error of a Start that must fail, and its text what must be in it.
func refused(t *testing.T, o Options, texts ...string) {
	t.Helper()
	s, err := Start(context.Background(), o)
	if err == nil {
		stop(t, s)
		t.Fatal("Start succeeded")
	}
	t.Log(err)
	for _, text := range texts {
		if !strings.Contains(err.Error(), text) {
			t.Errorf("the error does not say %q: %v", text, err)
		}
	}
}

// query runs one statement and returns the first column of its last row as text.
func query(t *testing.T, s *Server, sql string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	conn, err := pgx.Connect(ctx, s.URL())
	must(t, err)
	defer func() { _ = conn.Close(ctx) }()
	results, err := conn.PgConn().Exec(ctx, sql).ReadAll()
	must(t, err)
	rows := results[len(results)-1].Rows
	if len(rows) == 0 {
		return ""
	}
	return string(rows[len(rows)-1][0])
}

func expect(t *testing.T, s *Server, sql, want string) {
	t.Helper()
	if got := query(t, s, sql); got != want {
		t.Errorf("%s: %q, want %q", sql, got, want)
	}
}

// eventually waits for something that nothing announces.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for !holds() {
		if time.Now().After(deadline) {
			t.Fatalf("never came true: %s", what)
		}
		pause(t.Context(), 5*time.Millisecond)
	}
}

func kill(t *testing.T, pid int) {
	t.Helper()
	must(t, syscall.Kill(pid, syscall.SIGKILL))
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
