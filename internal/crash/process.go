package crash

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	// A server that is not ready by then will not be: recovery and migrations
	// of these small databases take a second, a new cluster another one, and on a
	// machine with much else to do both took half a minute.
	readyPatience = 3 * time.Minute

	// A private PostgreSQL that lives so long after its server outlived it.
	orphanPatience = time.Minute

	// SIGTERM drains; so long that takes at most.
	drainPatience = time.Minute

	pollEvery = 5 * time.Millisecond
)

// server is one server process, born again after each kill.
type server struct {
	binary  string
	env     []string // without its address
	logName string

	base string // of its URLs, once it serves; changes with each start
	from int64  // where in the log its present life begins
	cmd  *exec.Cmd
	gone chan struct{} // closed when the process has ended

	served bool // since it was started
}

// start runs the server and returns without waiting for it. It takes a free port
// itself: of those that are free now somebody may have taken any by then.
func (s *server) start() error {
	log, err := os.OpenFile(s.logName, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	if s.from, err = log.Seek(0, io.SeekEnd); err != nil {
		return errors.Join(err, log.Close())
	}
	s.base = ""
	s.gone, s.served = make(chan struct{}), false
	s.cmd = exec.Command(s.binary, "serve")
	s.cmd.Env = append(slices.Clone(s.env), "INCENT_LISTEN=127.0.0.1:0", "INCENT_OPERATIONS_LISTEN=")
	s.cmd.Stdout, s.cmd.Stderr = log, log
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // Ctrl-C is for us
	endWithUs(s.cmd.SysProcAttr)
	started := make(chan error)
	go func(cmd *exec.Cmd, gone chan struct{}) { // ends with the process
		// The kernel's promise to end it with us is tied to this thread.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer log.Close()
		defer close(gone)
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait()
		}
	}(s.cmd, s.gone)
	if err := <-started; err != nil {
		return fmt.Errorf("start %s: %w", s.binary, err)
	}
	return nil
}

// awaitReady returns when the server serves.
func (s *server) awaitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readyPatience)
	defer cancel()
	for {
		if s.base == "" {
			s.base = s.address()
		}
		if s.base != "" && s.ready(ctx) {
			s.served = true
			return nil
		}
		select {
		case <-s.gone:
			return fmt.Errorf("the server ended by itself (%v); the end of %s:\n%s", s.cmd.ProcessState, s.logName, tail(s.logName))
		case <-ctx.Done():
			return fmt.Errorf("the server is not ready (%w); the end of %s:\n%s", ctx.Err(), s.logName, tail(s.logName))
		case <-time.After(pollEvery):
		}
	}
}

// ready asks the server whether it serves.
func (s *server) ready(ctx context.Context) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.base+"/readyz", nil)
	if err != nil {
		return false
	}
	resp, err := probe.Do(req)
	if err != nil {
		return false
	}
	_ = resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

// probe keeps no connections: whoever it asks may be dead the next moment.
var probe = &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}

func (s *server) running() bool {
	if s.cmd == nil || s.cmd.Process == nil {
		return false
	}
	select {
	case <-s.gone:
		return false
	default:
		return true
	}
}

// kill returns when the process has ended.
func (s *server) kill() {
	if s.running() {
		_ = s.cmd.Process.Kill()
		<-s.gone
	}
}

// stop ends the server as an operator would.
func (s *server) stop() error {
	if !s.running() {
		return nil
	}
	if !s.served { // it may not listen to signals yet, and we are giving up anyway
		s.kill()
		return nil
	}
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-s.gone:
		if s.cmd.ProcessState.ExitCode() != 0 {
			return fmt.Errorf("the server did not end well (%v); the end of %s:\n%s", s.cmd.ProcessState, s.logName, tail(s.logName))
		}
		return nil
	case <-time.After(drainPatience):
		s.kill()
		return fmt.Errorf("the server did not end within %v of SIGTERM; the end of %s:\n%s", drainPatience, s.logName, tail(s.logName))
	}
}

// announced finds the address in what the server says when it is ready.
var announced = regexp.MustCompile(`(?m)^  Incenta +(http://[0-9.:]+)/incenta/v1$`)

// address is where the server listens; "" while it does not say so.
func (s *server) address() string {
	log, err := os.Open(s.logName)
	if err != nil {
		return ""
	}
	defer log.Close()
	text, _ := io.ReadAll(io.NewSectionReader(log, s.from, math.MaxInt64-s.from))
	if m := announced.FindSubmatch(text); m != nil {
		return string(m[1])
	}
	return ""
}

const tailBytes = 1500

func tail(name string) string {
	text, err := os.ReadFile(name)
	if err != nil {
		return err.Error()
	}
	return string(text[max(0, len(text)-tailBytes):])
}

// recordedPID reads a cluster's postmaster; 0 when it has none.
func recordedPID(pidFile string) int {
	text, _ := os.ReadFile(pidFile)
	line, _, _ := strings.Cut(string(text), "\n")
	pid, _ := strconv.Atoi(strings.TrimSpace(line))
	return max(pid, 0)
}

// children lists the processes that a process started and that still run.
func children(ctx context.Context, parent int) ([]int, error) {
	out, err := exec.CommandContext(ctx, "ps", "-A", "-o", "pid=,ppid=,stat=").Output()
	if err != nil {
		return nil, fmt.Errorf("ps: %w", err)
	}
	var pids []int
	for line := range strings.Lines(string(out)) {
		f := strings.Fields(line)
		if len(f) < 3 || f[1] != strconv.Itoa(parent) || f[2][0] == 'Z' {
			continue
		}
		if pid, err := strconv.Atoi(f[0]); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids, nil
}

// worksOn tells whether a process is the postmaster of a cluster.
func worksOn(ctx context.Context, pid int, data string) bool {
	out, _ := exec.CommandContext(ctx, "ps", "-ww", "-o", "args=", "-p", strconv.Itoa(pid)).Output()
	return strings.Contains(string(out), " -D "+data+" ")
}

// ended tells whether a process that is not our child runs no more. One that
// nobody has collected yet is dead all the same.
func ended(ctx context.Context, pid int) bool {
	if errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
		return true
	}
	out, _ := exec.CommandContext(ctx, "ps", "-o", "stat=", "-p", strconv.Itoa(pid)).Output()
	stat := strings.TrimSpace(string(out))
	return stat == "" || stat[0] == 'Z'
}
