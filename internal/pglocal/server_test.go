package pglocal

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// The one test with everything as in production.
func TestColdAndWarmStartAreDurable(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	s := startAsIs(t, Options{Dir: dir, Settings: map[string]string{"max_connections": "30"}})
	for setting, want := range map[string]string{
		"fsync": "on", "full_page_writes": "on", "synchronous_commit": "on", "data_checksums": "on",
		"listen_addresses": "", "max_connections": "30", "TimeZone": "UTC", "server_encoding": "UTF8",
	} {
		expect(t, s, "SHOW "+setting, want)
	}
	expect(t, s, "SELECT current_user || '@' || current_database()", role+"@"+database)
	query(t, s, "CREATE TABLE kept (n int); INSERT INTO kept VALUES (1)")

	url, sock := s.URL(), s.sock
	stop(t, s)
	stop(t, s)
	<-s.Done()
	if s.Err() != nil || s.PID() != 0 {
		t.Errorf("after Stop: Err %v, PID %d", s.Err(), s.PID())
	}
	for _, left := range []string{sock, filepath.Join(dir, "data", "postmaster.pid")} {
		if _, err := os.Lstat(left); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s is left", left)
		}
	}

	s = startAsIs(t, Options{Dir: dir})
	if s.URL() != url {
		t.Errorf("the address changed from %s to %s", url, s.URL())
	}
	expect(t, s, "SELECT count(*) FROM kept", "1")
}

func TestSecondOwnerIsRefused(t *testing.T) {
	t.Parallel()
	s := start(t, Options{Dir: folder(t)})
	refused(t, Options{Dir: s.dir}, "another server", strconv.Itoa(os.Getpid()), s.dir)
	expect(t, s, "SELECT 1", "1")
}

func TestFolderUnderPrivateParents(t *testing.T) {
	t.Parallel()
	dir := privateFolder(t)
	s := start(t, Options{Dir: dir})
	query(t, s, "CREATE TABLE kept (n int); INSERT INTO kept VALUES (1)")
	stop(t, s)
	if os.Geteuid() != 0 {
		return
	}
	if s.as.kind != maskedAsUser {
		t.Errorf("root runs it as %v", s.as)
	}

	// Its files are root's. Where the way is open later, they stay so.
	for parent := filepath.Dir(dir); parent != os.TempDir(); parent = filepath.Dir(parent) {
		must(t, os.Chmod(parent, 0o711))
	}
	s = start(t, Options{Dir: dir})
	expect(t, s, "SELECT count(*) FROM kept", "1")
	if s.as.kind != maskedAsUser {
		t.Errorf("root runs it as %v", s.as)
	}
}

// As root an existing cluster keeps its owner.
func TestOwnerOfTheClusterStays(t *testing.T) {
	t.Parallel()
	s := start(t, Options{Dir: folder(t)})
	before := s.as
	stop(t, s)
	if os.Geteuid() == 0 {
		before = identity{uid: 4242, gid: 4242, kind: anotherUser}
		must(t, giveTree(s.data, before))
	}
	s = start(t, Options{Dir: s.dir})
	if s.as != before {
		t.Errorf("runs as %v, want %v", s.as, before)
	}
	expect(t, s, "SELECT 1", "1")
}

func TestFolderOfAnotherUser(t *testing.T) {
	t.Parallel()
	if os.Geteuid() == 0 {
		return // root opens any: TestOwnerOfTheClusterStays
	}
	refused(t, Options{Dir: "/usr"}, "/usr belongs to user 0")
}

func TestSocketPathStaysShort(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(folder(t), strings.Repeat("d", 120), "pg")
	s := start(t, Options{Dir: dir})
	expect(t, s, "SELECT 1", "1")
}

func TestHalfMadeClusterIsMadeAgain(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	half := filepath.Join(dir, "data.init-1")
	must(t, os.MkdirAll(half, 0o700))
	must(t, os.WriteFile(filepath.Join(half, "PG_VERSION"), nil, 0o600))
	s := start(t, Options{Dir: dir})
	if halves, _ := filepath.Glob(filepath.Join(s.dir, "data.init-*")); len(halves) > 0 {
		t.Errorf("left: %v", halves)
	}
}

func TestCancelledStartLeavesTheFolderFree(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	ctx, cancel := context.WithCancel(context.Background())
	o := Options{Dir: dir, Volatile: true, Log: func(string, ...any) { cancel() }} // while initdb runs
	if _, err := Start(ctx, o); !errors.Is(err, context.Canceled) {
		t.Fatalf("error %v", err)
	}
	expect(t, start(t, Options{Dir: dir}), "SELECT 1", "1")
}

func TestFolderThatIsNoCluster(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	must(t, os.MkdirAll(filepath.Join(dir, "data"), 0o700))
	refused(t, Options{Dir: dir}, "no cluster")
	refused(t, Options{}, "no folder")
}
