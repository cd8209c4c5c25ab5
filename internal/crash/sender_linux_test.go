package crash

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// sends tells whether a process holds the connection that comes from a local
// address of IPv4, by what the kernel says of both.
func sends(pid int, from string) (yes, known bool) {
	_, text, err := net.SplitHostPort(from)
	if err != nil {
		return false, false
	}
	port, err := strconv.Atoi(text)
	if err != nil {
		return false, false
	}
	table, err := os.ReadFile(fmt.Sprintf("/proc/%d/net/tcp", pid))
	if err != nil {
		return false, false
	}
	var sockets []string
	for line := range strings.Lines(string(table)) {
		// sl local_address rem_address st queues timer retransmits uid timeout inode
		f := strings.Fields(line)
		if len(f) > 9 && strings.HasSuffix(f[1], fmt.Sprintf(":%04X", port)) && f[9] != "0" {
			sockets = append(sockets, "socket:["+f[9]+"]")
		}
	}
	held, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
	if err != nil {
		return false, false
	}
	for _, name := range held {
		if to, err := os.Readlink(name); err == nil && slices.Contains(sockets, to) {
			return true, true
		}
	}
	return false, true
}
