package pglocal

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// setDeathSignal has the kernel signal the process when the thread that starts it
// ends. It reports whether the system can.
func setDeathSignal(attr *syscall.SysProcAttr, signal syscall.Signal) bool {
	attr.Pdeathsig = signal
	return true
}

const canMask = true

// mask shows root's number as 1000 inside a user namespace: enough for
// PostgreSQL, which refuses number 0, while the files stay root's.
func mask(attr *syscall.SysProcAttr, id identity) {
	const inside = 1000
	attr.Cloneflags = syscall.CLONE_NEWUSER
	attr.UidMappings = []syscall.SysProcIDMap{{ContainerID: inside, HostID: int(id.uid), Size: 1}}
	attr.GidMappings = []syscall.SysProcIDMap{{ContainerID: inside, HostID: int(id.gid), Size: 1}}
	attr.Credential = &syscall.Credential{Uid: inside, Gid: inside, NoSetGroups: true}
}

// commandLine is the command of a process, its words joined by spaces.
func commandLine(pid int) string {
	words, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	return string(bytes.ReplaceAll(bytes.TrimSuffix(words, []byte{0}), []byte{0}, []byte{' '}))
}

// alive tells whether the process runs. One that ended but was not yet collected
// by its parent has no command line any more.
func alive(pid int) bool {
	return commandLine(pid) != ""
}

// endLeftovers kills the children of a dead postmaster: every postgres that works
// in the data folder. A busy one would hold the shared memory until it is done.
// There is nothing left to be polite for: the next postmaster recovers anyway.
func endLeftovers(data string) {
	entries, _ := os.ReadDir("/proc")
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		cwd, _ := os.Readlink(filepath.Join("/proc", entry.Name(), "cwd"))
		exe, _ := os.Readlink(filepath.Join("/proc", entry.Name(), "exe"))
		if cwd == data && strings.HasPrefix(filepath.Base(exe), "postgres") {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	}
}
