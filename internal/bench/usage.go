package bench

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// usage is CPU time spent so far by those who take part, and by the machine.
// Where the system does not show a figure it stays zero.
type usage struct {
	client, server, database time.Duration
	machine                  time.Duration // everybody's
	wal                      int64         // bytes written so far
}

// per is what was spent since an earlier usage, for one of n units of work.
func (u usage) per(before usage, n int) spent {
	each := func(a, b time.Duration) time.Duration { return (a - b) / time.Duration(max(n, 1)) }
	return spent{
		client: each(u.client, before.client), server: each(u.server, before.server), database: each(u.database, before.database),
		others: each(u.machine, before.machine), wal: (u.wal - before.wal) / int64(max(n, 1)),
	}.settle()
}

// spent is CPU time and WAL for one unit of work.
type spent struct {
	client, server, database time.Duration
	others                   time.Duration // processes that have no part in this
	wal                      int64
}

func (s spent) settle() spent {
	s.others = max(0, s.others-s.client-s.server-s.database)
	return s
}

// ours is the CPU time of one unit of work, load generator included.
func (s spent) ours() time.Duration { return s.client + s.server + s.database }

// tick is the unit of CPU times in /proc, the same on every Linux.
const tick = 10 * time.Millisecond

// processTime is the CPU time of one process.
func processTime(pid int) time.Duration {
	fields := stat(pid)
	if fields == nil {
		return 0
	}
	return ticks(fields[11]) + ticks(fields[12])
}

// familyTime is the CPU time of a process and its children, those that have
// ended included. A child that its parent buries while we look would be missed
// in both places, so we look until none is.
func familyTime(pid int) (total time.Duration) {
	const looks = 100 // burials come in bursts, when pgbench's connections end
	for range looks {
		before := stat(pid)
		if before == nil {
			return 0
		}
		buried := ticks(before[13]) + ticks(before[14])
		total = buried + processTime(pid)
		everybody, _ := filepath.Glob("/proc/[0-9]*") // fails on bad patterns only
		for _, one := range everybody {
			child, _ := strconv.Atoi(filepath.Base(one))
			if fields := stat(child); fields != nil && fields[1] == strconv.Itoa(pid) {
				total += ticks(fields[11]) + ticks(fields[12])
			}
		}
		if after := stat(pid); after != nil && ticks(after[13])+ticks(after[14]) == buried {
			break
		}
	}
	return total
}

// stat is what /proc says of a process after its name (which may hold spaces):
// state, parent, ... user and system time at 11 and 12, waited for at 13 and 14.
func stat(pid int) []string {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return nil
	}
	_, tail, _ := strings.Cut(string(text), ") ")
	if fields := strings.Fields(tail); len(fields) > 14 {
		return fields
	}
	return nil
}

func ticks(field string) time.Duration {
	n, _ := strconv.ParseInt(field, 10, 64)
	return time.Duration(n) * tick
}

// ownTime is the CPU time of this process.
func ownTime() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// machineTime is the CPU time of everything that runs here.
func machineTime() time.Duration {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0
	}
	line, _, _ := strings.Cut(string(text), "\n")
	fields := strings.Fields(line)
	if len(fields) < 9 || fields[0] != "cpu" {
		return 0
	}
	var busy time.Duration
	for i, field := range fields[1:9] { // user nice system idle iowait irq softirq steal
		if i != 3 && i != 4 {
			busy += ticks(field)
		}
	}
	return busy
}

// peakMemory is the most a process ever had in memory, in bytes.
func peakMemory(pid int) int64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	_, tail, _ := strings.Cut(string(text), "VmHWM:")
	fields := strings.Fields(tail)
	if len(fields) == 0 {
		return 0
	}
	kib, _ := strconv.ParseInt(fields[0], 10, 64)
	return kib << 10
}
