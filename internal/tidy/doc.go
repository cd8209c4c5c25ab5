// Package tidy holds the rules of the house, as tests over the project's own
// files. It owns the import table and the limits; it is imported by nothing and
// imports nothing of the project.
//
// Nouns: a tree is the project as read from disk; a rule reads a tree and
// returns problems; a problem says where, what, and how to mend it.
//
// One file per rule:
//
//  1. imports.go     who may import whom: one table, edges go down only
//  2. ambient.go     clock, randomness and environment come in from outside
//  3. lengths.go     functions up to 70 lines, files up to 500
//  4. layout.go      the top level is the design card; packages open with doc.go
//  5. skips.go       no test is skipped
//  6. migrations.go  pairs, numbers, lock_timeout; keys by tenant, columns explained
//  7. queries.go     every query is named Noun-Verb and explained
//  8. scope.go       every query on tenant data names its tenant
//
// Rules are tested too: each on a small planted violation it must find and on a
// clean twin it must leave alone. What they read of SQL (sql.go, schema.go) is
// enough for a lint and no more: it refuses what it does not understand rather
// than guess, and composite keys in the schema are the fence behind it.
package tidy
