package pglocal

import (
	"maps"
	"slices"
)

// port only names the socket's file: nothing listens on TCP, and the folder of
// the socket belongs to this one server.
const port = "5432"

// settings are given on the command line, where they win over every file and
// over ALTER SYSTEM. Sized for a small machine shared with the server itself.
func (o Options) settings() map[string]string {
	durable := "on"
	if o.Volatile {
		durable = "off"
	}
	settings := map[string]string{
		// Invariant 3: stated although these are the defaults of PostgreSQL.
		"fsync":              durable,
		"full_page_writes":   durable,
		"synchronous_commit": durable,

		// Invariant 7.
		"listen_addresses":        "",
		"port":                    port,
		"unix_socket_permissions": "0700",

		// Times are UTC everywhere, also in the log.
		"timezone":     "UTC",
		"log_timezone": "UTC",

		// The balances, ranks and lots that are touched all the time should fit in
		// here: about 40 kB for a member who is, indexes included. The system's
		// own cache keeps the rest. It is taken as it is used.
		"shared_buffers": "1GB",
		// The server's pools, the command line, an operator. Each costs memory.
		"max_connections": "100",
		// After each checkpoint the first change of a page writes all of it to the
		// WAL. Compressing those, and spacing checkpoints by 2 GB of WAL instead
		// of 1, cuts most of what an append-heavy ledger writes. The price is a
		// longer recovery: seconds, rarely more than a minute.
		"wal_compression": "on",
		"max_wal_size":    "2GB",
		// A checkpoint's writes are spread out, so that it is not felt.
		"checkpoint_completion_target": "0.9",
		// Data lies on an SSD or in memory nearly everywhere now.
		"random_page_cost": "1.1",
		// Plans are made from statistics, and a table that fills from empty has
		// none until autovacuum comes by; so it comes by often. A round that finds
		// nothing to do costs next to nothing.
		"autovacuum_naptime": "5s",
		// Statements are short: compiling them, or sharing them among workers,
		// costs more than it saves on few cores. Workers would also need more of
		// /dev/shm than the 64 MB that containers have.
		"jit":                             "off",
		"max_parallel_workers_per_gather": "0",

		// The log tells what went wrong but neither the values of rows (DETAIL of
		// a violated constraint) nor statements: both may hold personal data.
		"log_error_verbosity":     "terse",
		"log_min_error_statement": "panic",
		// Every five minutes a line that nobody reads.
		"log_checkpoints": "off",
	}
	maps.Copy(settings, o.Settings)
	return settings
}

// argv is the postmaster's command line. The same options give the same line:
// that is how an orphan is recognised as fit to be adopted.
func (s *Server) argv() []string {
	argv := []string{s.bin.postgres, "-D", s.data, "-k", s.sock}
	settings := s.o.settings()
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		argv = append(argv, "-c", name+"="+settings[name])
	}
	return argv
}
