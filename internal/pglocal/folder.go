package pglocal

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	// The log of former runs is put aside (one generation) beyond this size.
	maxLogBytes = 16 << 20
	// So much of the log goes into an error.
	tailBytes = 2 << 10
	// A killed process gives up its files within this time.
	lockPatience = 5 * time.Second
	// The shortest of the systems' limits for the path of a socket (macOS).
	maxSocketPath = 103
)

// claim makes the folder and takes its lock. Files here are opened without
// following links: as root, the folder belongs to a user with fewer rights.
func (s *Server) claim(ctx context.Context) error {
	dir, err := filepath.Abs(s.o.Dir)
	if err != nil || s.o.Dir == "" {
		return errors.Join(errors.New("no folder is given for PostgreSQL"), err)
	}
	// The parents must let the identity pass; what is private is in the folder.
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	if s.dir, err = filepath.EvalSymlinks(dir); err != nil {
		return err
	}
	s.data = filepath.Join(s.dir, "data")
	owner, _ := ownerOf(s.dir)
	if uid := os.Geteuid(); uid != 0 && int(owner.uid) != uid {
		return fmt.Errorf("%s belongs to user %d: start the server as that user (this is user %d) or as root, or choose another data folder",
			s.dir, owner.uid, uid)
	}
	if s.lock, err = takeLock(ctx, filepath.Join(s.dir, "lock")); err != nil {
		return err
	}
	return s.openLog()
}

// takeLock fails at once while the holder lives. A holder that was killed keeps
// the lock until its last thread is gone, which may be after PostgreSQL is.
func takeLock(ctx context.Context, name string) (*os.File, error) {
	lock, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, err
	}
	for patience := time.Now().Add(lockPatience); ; pause(ctx, 10*time.Millisecond) {
		err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			_ = lock.Truncate(0)
			_, _ = lock.WriteAt([]byte(strconv.Itoa(os.Getpid())), 0) // for the sentence below
			return lock, nil
		}
		text := make([]byte, 20)
		n, _ := lock.ReadAt(text, 0)
		holder, _ := strconv.Atoi(string(text[:n]))
		switch {
		case !errors.Is(err, syscall.EWOULDBLOCK):
			err = fmt.Errorf("lock %s: %w", name, err)
		case holder != 0 && alive(holder), time.Now().After(patience), ctx.Err() != nil:
			err = fmt.Errorf("another server (process %d) already runs PostgreSQL in %s: stop it, or choose another data folder",
				holder, filepath.Dir(name))
		default:
			continue
		}
		return nil, errors.Join(err, lock.Close())
	}
}

// releaseLock does not leave the unlocking to Close: a process that is being
// started just now still has a copy of the open file, and with it the lock, until
// it becomes its program.
func releaseLock(lock *os.File) {
	_ = syscall.Flock(int(lock.Fd()), syscall.LOCK_UN)
	_ = lock.Close()
}

func (s *Server) openLog() error {
	name := filepath.Join(s.dir, "postgres.log")
	if info, err := os.Lstat(name); err == nil && info.Size() > maxLogBytes {
		_ = os.Rename(name, name+".1")
	}
	var err error
	s.log, err = os.OpenFile(name, os.O_RDWR|os.O_APPEND|os.O_CREATE|syscall.O_NOFOLLOW, 0o600)
	return err
}

func (s *Server) logSize() int64 {
	info, err := s.log.Stat()
	if err != nil {
		return 0
	}
	return info.Size()
}

// tail quotes the end of what was logged since the given place.
func (s *Server) tail(from int64) string {
	end := s.logSize()
	text := make([]byte, max(0, min(end-from, tailBytes)))
	n, _ := s.log.ReadAt(text, end-int64(len(text)))
	if n == 0 {
		return "; see " + s.log.Name()
	}
	return fmt.Sprintf("; %s ends with:\n%s", s.log.Name(), bytes.TrimSpace(text[:n]))
}

// clusterMajor is the version that wrote the cluster, 0 when there is none.
func (s *Server) clusterMajor() (int, error) {
	if _, err := os.Lstat(s.data); errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	text, err := os.ReadFile(filepath.Join(s.data, "PG_VERSION"))
	if err != nil {
		return 0, fmt.Errorf("%s is there but is no cluster of PostgreSQL: %w", s.data, err)
	}
	major, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil || major < oldestMajor {
		return 0, fmt.Errorf("the data in %s was written by PostgreSQL %q, at least %d is needed", s.data, strings.TrimSpace(string(text)), oldestMajor)
	}
	return major, nil
}

// initdb makes the cluster beside its place and moves it there when it is whole
// and on disk.
func (s *Server) initdb(ctx context.Context) error {
	halves, _ := filepath.Glob(filepath.Join(s.dir, "data.init-*"))
	for _, half := range halves {
		endLeftovers(half)
		_ = os.RemoveAll(half) // where somebody still writes there, the next start's turn
	}
	s.say("making a new cluster of PostgreSQL %d in %s", s.bin.major, s.data)
	fresh := filepath.Join(s.dir, fmt.Sprintf("data.init-%d", os.Getpid()))
	argv := []string{s.bin.initdb, "-D", fresh, "-U", role, "-A", "trust", "-E", "UTF8", "--no-locale", "--data-checksums"}
	if s.o.Volatile {
		argv = append(argv, "--no-sync")
	}
	cmd := s.command(ctx, s.as, argv...)
	cmd.WaitDelay = 5 * time.Second // its own children may keep the pipe open
	setDeathSignal(cmd.SysProcAttr, syscall.SIGTERM)
	if out, err := cmd.CombinedOutput(); err != nil {
		endLeftovers(fresh)
		_ = os.RemoveAll(fresh)
		return fmt.Errorf("initdb: %w\n%s", errors.Join(err, ctx.Err()), bytes.TrimSpace(out))
	}
	if err := os.Rename(fresh, s.data); err != nil {
		return err
	}
	dir, err := os.Open(s.dir)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// makeSocketFolder finds a place for the socket whose path is short enough; that
// of the data folder may not be.
func (s *Server) makeSocketFolder(ctx context.Context) error {
	var errs []error
	for _, parent := range []string{os.TempDir(), "/tmp"} {
		// The same name at every start, so that an orphan's command line can be
		// compared and nothing piles up in the temporary folder.
		name := fmt.Sprintf("incent-%x", sha256.Sum256([]byte(s.dir)))[:19]
		sock := filepath.Join(parent, name)
		if len(sock)+len("/.s.PGSQL."+port) > maxSocketPath {
			errs = append(errs, fmt.Errorf("%s is too long for a socket", sock))
			continue
		}
		if err := s.privateFolder(sock); err != nil {
			// Somebody else has the name: it must not keep us from starting.
			if sock, err = os.MkdirTemp(parent, name+"-"); err == nil {
				err = s.privateFolder(sock)
			}
			if err != nil {
				errs = append(errs, err)
				continue
			}
		}
		if err := s.canEnter(ctx, s.as, sock); err != nil {
			_ = os.Remove(sock)
			errs = append(errs, err)
			continue
		}
		s.sock = sock
		return nil
	}
	return fmt.Errorf("no place for PostgreSQL's socket: %w", errors.Join(errs...))
}

// privateFolder makes sure that the folder is one that only the identity enters.
func (s *Server) privateFolder(path string) error {
	if err := os.Mkdir(path, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	info, err := os.Lstat(path)
	if err != nil {
		return err
	}
	owner, _ := ownerOf(path)
	if !info.IsDir() || (int(owner.uid) != os.Geteuid() && owner.uid != s.as.uid) {
		return fmt.Errorf("%s is not ours", path)
	}
	if os.Geteuid() == 0 {
		if err := os.Lchown(path, int(s.as.uid), int(s.as.gid)); err != nil {
			return err
		}
	}
	return os.Chmod(path, 0o700)
}

// clearSocketFolder removes what a killed postmaster left: PostgreSQL believes
// the process number in the socket's lock file as it does that of the cluster.
func (s *Server) clearSocketFolder() error {
	socket := filepath.Join(s.sock, ".s.PGSQL."+port)
	return errors.Join(removeIfThere(socket), removeIfThere(socket+".lock"))
}

func removeIfThere(name string) error {
	if err := os.Remove(name); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

func (s *Server) pidFile() string { return filepath.Join(s.data, "postmaster.pid") }

// recordedPID is the process that last opened the cluster, by its own account; 0
// when it closed it properly.
func (s *Server) recordedPID() (int, error) {
	text, err := os.ReadFile(s.pidFile())
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	line, _, _ := strings.Cut(string(text), "\n")
	pid, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil {
		// Cut short by a crash. PostgreSQL would ask a person to remove it.
		return 0, s.forgetPID()
	}
	if pid < 0 && alive(-pid) && strings.Contains(commandLine(-pid)+" ", s.data+" ") {
		return 0, fmt.Errorf("somebody works on %s in single-user mode (process %d)", s.data, -pid)
	}
	return max(pid, 0), nil
}

func (s *Server) forgetPID() error {
	return errors.Join(removeIfThere(s.pidFile()), s.clearSocketFolder())
}
