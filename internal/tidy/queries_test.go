package tidy

import "testing"

func TestQueries(t *testing.T) {
	t.Parallel()
	file := func(text string) map[string]string { return one("db/queries/account.sql", text) }
	const says = "-- One account by its primary key.\n"
	run(t, checkQueries, []planted{
		{"clean", file("-- Accounts.\n\n-- name: AccountGetForUpdate :one\n" + says + "SELECT 1 FROM a FOR UPDATE;"), nil},
		{"verb first", file("-- name: GetAccount :one\n" + says + "SELECT 1;"),
			[]string{"db/queries/account.sql:1: GetAccount begins with a verb"}},
		{"no verb", file("-- name: AccountThing :one\n" + says + "SELECT 1;"), []string{"AccountThing has no verb"}},
		{"one word", file("-- name: account_get :one\n" + says + "SELECT 1;"), []string{"is not a noun and a verb"}},
		{"no sentence", file("-- name: AccountGet :one\nSELECT 1;"), []string{"AccountGet has no sentence"}},
		{"a sentence too late", file("-- name: AccountGet :one\nSELECT 1 -- one account, by its primary key\n;"),
			[]string{"AccountGet has no sentence"}},
		{"a marker with its reason", file("-- name: AccountList :many\n-- cross-tenant: the sweep serves all\nSELECT 1;"), nil},
		{"a silent lock", file("-- name: AccountGet :one\n" + says + "SELECT 1 FROM a FOR NO KEY UPDATE;"),
			[]string{"takes a row lock"}},
		{"a lock inside", file("-- name: CodeTake :one\n" + says +
			"UPDATE a SET b = 1 WHERE id = (SELECT id FROM a FOR UPDATE SKIP LOCKED);"), nil},
		{"its own clock", file("-- name: AccountGet :one\n" + says + "SELECT coalesce(at, now()) FROM a;"),
			[]string{"uses now"}},
		{"twice", file("-- name: AccountGet :one\n" + says + "SELECT 1;\n-- name: AccountGet :one\n" + says + "SELECT 1;"),
			[]string{"account.sql:4: AccountGet stands already at db/queries/account.sql:1"}},
		{"no name", file("SELECT 1;"), []string{"SQL before the first -- name: line"}},
	})
}
