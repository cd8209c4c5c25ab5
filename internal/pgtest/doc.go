// Package pgtest gives tests a real PostgreSQL.
//
// One private cluster per test binary, volatile (its data may be lost in a
// crash, so it is fast), migrated once. Tests run in parallel on it, each in a
// tenant of its own: every query is tenant-scoped, so nothing else is needed.
package pgtest
