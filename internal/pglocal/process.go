package pglocal

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// process is a postmaster: our child, or an adopted orphan.
type process struct {
	pid     int
	born    time.Time // of an orphan: zero, it has lived for long
	logFrom int64     // where its part of the log begins
	gone    chan struct{}

	// Written before gone closes.
	ending string // in words
	killed bool   // by SIGKILL
}

// command prepares a program to run as the identity. It sees nothing of our
// environment, which could change what PostgreSQL does (PG*, LC_*, TZ), and
// stands in /, so that it needs no way into the folder we happen to stand in.
func (s *Server) command(ctx context.Context, as identity, argv ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Dir = "/"
	cmd.Env = []string{"PATH=/usr/bin:/bin", "LC_ALL=C", "TZ=UTC"}
	// A group of its own: Ctrl-C is for the owner, which stops PostgreSQL last.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	as.apply(cmd.SysProcAttr)
	return cmd
}

// spawn starts a postmaster that ends when we do.
func (s *Server) spawn() (*process, error) {
	p := &process{born: time.Now(), logFrom: s.logSize(), gone: make(chan struct{})}
	cmd := s.command(context.Background(), s.as, s.argv()...)
	cmd.Stdout, cmd.Stderr = s.log, s.log
	farewell := func() {}
	if s.o.watch || !setDeathSignal(cmd.SysProcAttr, syscall.SIGINT) {
		theirs, ours, err := os.Pipe()
		if err != nil {
			return nil, fmt.Errorf("make the watcher's pipe: %w", err)
		}
		defer func() { _ = theirs.Close() }()
		watch(cmd, theirs)
		farewell = func() {
			_, _ = ours.WriteString("\n")
			_ = ours.Close()
		}
	}
	if err := cmd.Start(); err != nil {
		farewell()
		return nil, fmt.Errorf("start %s: %w", cmd.Path, err)
	}
	p.pid = cmd.Process.Pid
	go func() { // ends with the process, which shutdown sees to
		_ = cmd.Wait()
		farewell()
		status, _ := cmd.ProcessState.Sys().(syscall.WaitStatus)
		p.killed = status.Signaled() && status.Signal() == syscall.SIGKILL
		p.ending = cmd.ProcessState.String()
		close(p.gone)
	}()
	return p, nil
}

// watcher becomes PostgreSQL ("exec"), leaving behind a process that reads a pipe
// whose other end only the owner holds. A line is the farewell after PostgreSQL
// ended; the end of the pipe without one means that the owner died. The watcher
// is a grandchild, since PostgreSQL takes any child that ends oddly for a crashed
// backend. The pipe moves to 3 first: what runs in the background reads nothing.
const watcher = `exec 3<&0 </dev/null
( ( read -r _ <&3 || kill -INT $$ ) & )
exec "$@" 3<&-`

// watch makes cmd run under a watcher, where the system has no death signal.
func watch(cmd *exec.Cmd, pipe *os.File) {
	cmd.Args = append([]string{"sh", "-c", watcher, "sh"}, cmd.Args...)
	cmd.Path = "/bin/sh"
	cmd.Stdin = pipe
}

// adopt makes a process of a postmaster that is not our child. Nothing tells us
// of its end, so somebody has to look.
func adopt(pid int) *process {
	p := &process{pid: pid, gone: make(chan struct{}), ending: "it was not our child"}
	go func() { // ends with the process, which shutdown sees to
		for alive(pid) {
			time.Sleep(20 * time.Millisecond)
		}
		close(p.gone)
	}()
	return p
}
