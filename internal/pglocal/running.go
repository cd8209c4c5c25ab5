package pglocal

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Running finds the PostgreSQL that another process runs in dir, so that a tool
// can work on it beside the server. False when none runs.
func Running(dir string) (url string, found bool) {
	// The file's lines are: pid, data folder, start time, port, socket folder,
	// listen address, shared memory, status.
	const socketLine, statusLine = 4, 7
	text, err := os.ReadFile(filepath.Join(dir, "data", "postmaster.pid"))
	if err != nil {
		return "", false
	}
	lines := strings.Split(string(text), "\n")
	if len(lines) <= statusLine || strings.TrimSpace(lines[statusLine]) != "ready" {
		return "", false
	}
	socket := lines[socketLine]
	if _, err := os.Stat(filepath.Join(socket, fmt.Sprintf(".s.PGSQL.%s", lines[3]))); err != nil {
		return "", false
	}
	return address(socket, database), true
}
