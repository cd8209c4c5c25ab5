//go:build unix && !linux

package pglocal

import (
	"errors"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
)

// setDeathSignal reports that the system cannot; watch does it instead.
func setDeathSignal(*syscall.SysProcAttr, syscall.Signal) bool { return false }

const canMask = false

func mask(*syscall.SysProcAttr, identity) {}

// commandLine is the command of a process, its words joined by spaces.
func commandLine(pid int) string {
	out, _ := exec.Command("ps", "-ww", "-o", "command=", "-p", strconv.Itoa(pid)).Output()
	return strings.TrimSpace(string(out))
}

func alive(pid int) bool {
	return !errors.Is(syscall.Kill(pid, 0), syscall.ESRCH)
}

// endLeftovers cannot tell whose the leftovers are; launch waits for them.
func endLeftovers(string) {}
