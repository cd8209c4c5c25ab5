// Package db holds the schema as the binary carries it.
package db

import "embed"

// Migrations are the numbered migrations, up and down.
//
//go:embed migrations/*.sql
var Migrations embed.FS
