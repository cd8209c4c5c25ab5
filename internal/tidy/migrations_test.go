package tidy

import (
	"strings"
	"testing"
)

const lock = "SET LOCAL lock_timeout = '5s';\n"

func TestMigrationFiles(t *testing.T) {
	t.Parallel()
	pairs := func(names ...string) map[string]string {
		files := map[string]string{}
		for _, name := range names {
			files["db/migrations/"+name] = "-- why\n" + lock
		}
		return files
	}
	run(t, checkMigrations, []planted{
		{"in order", pairs("0001_a.up.sql", "0001_a.down.sql", "0002_b.up.sql", "0002_b.down.sql"), nil},
		{"no down", pairs("0001_a.up.sql"), []string{"number 1: needs an .up.sql and a .down.sql"}},
		{"two names", pairs("0001_a.up.sql", "0001_b.down.sql"), []string{"number 1: needs"}},
		{"a gap", pairs("0001_a.up.sql", "0001_a.down.sql", "0003_b.up.sql", "0003_b.down.sql"),
			[]string{"number 2: is missing"}},
		{"a number twice", pairs("0001_a.up.sql", "0001_a.down.sql", "0001_b.up.sql"),
			[]string{"0001_b.up.sql: number 1 is taken", "number 1: needs"}},
		{"an odd name", pairs("init.sql"), []string{"db/migrations/init.sql: is not named"}},
		{"waits for ever", map[string]string{"db/migrations/1_a.up.sql": "SELECT 1;\n" + lock, "db/migrations/1_a.down.sql": lock},
			[]string{"1_a.up.sql: does not begin with SET LOCAL lock_timeout"}},
		{"concurrently alone", map[string]string{
			"db/migrations/1_a.up.sql": "CREATE INDEX CONCURRENTLY i ON a (b);", "db/migrations/1_a.down.sql": lock}, nil},
		{"concurrently in company", map[string]string{
			"db/migrations/1_a.up.sql": lock + "CREATE INDEX CONCURRENTLY i ON a (b);", "db/migrations/1_a.down.sql": lock},
			[]string{"1_a.up.sql: CONCURRENTLY"}},
	})
}

func TestTables(t *testing.T) {
	t.Parallel()
	made := func(sql string) map[string]string {
		return map[string]string{"db/migrations/1_a.up.sql": lock + sql, "db/migrations/1_a.down.sql": lock}
	}
	const clean = `
-- Accounts hold points; one per member and asset.
CREATE TABLE IF NOT EXISTS public.accounts (
    tenant_id uuid NOT NULL, -- whose
    -- what it holds
    asset text NOT NULL DEFAULT 'points, -- not a comment' CHECK (asset IN ('points', 'xp')),
    balance numeric(20, 0) NOT NULL
        CONSTRAINT balance_is_whole CHECK (balance = trunc(balance)), -- whole units
    owner uuid, -- the member
    CONSTRAINT accounts_pkey PRIMARY KEY (tenant_id, asset),
    FOREIGN KEY (tenant_id, owner) REFERENCES members (tenant_id, id)
) PARTITION BY HASH (tenant_id);
CREATE TABLE accounts_0 PARTITION OF accounts FOR VALUES WITH (MODULUS 2, REMAINDER 0);
DO $body$ BEGIN CREATE TABLE x (id int); END $body$;`
	run(t, checkMigrations, []planted{
		{"clean", made(clean), nil},
		{"the key of another", made(strings.Replace(clean, "PRIMARY KEY (tenant_id, asset)", "PRIMARY KEY (asset, tenant_id)", 1)),
			[]string{"1_a.up.sql:4: the primary key of accounts does not begin with tenant_id"}},
		{"no key", made("CREATE TABLE a (tenant_id uuid); -- whose"),
			[]string{"the primary key of a"}},
		{"a column's key", made("CREATE TABLE a (\n id uuid PRIMARY KEY -- its id\n);"), []string{"the primary key of a"}},
		{"declared", made("-- not tenant data: the server's own settings\nCREATE TABLE a (\n id uuid PRIMARY KEY -- its id\n);"), nil},
		{"declared without a reason", made("-- not tenant data:\nCREATE TABLE a (\n id uuid PRIMARY KEY -- its id\n);"),
			[]string{"the primary key of a"}},
		{"a column without a word", made(strings.Replace(clean, ", -- whose", ",", 1)),
			[]string{"1_a.up.sql:5: column accounts.tenant_id is not explained"}},
		{"the comment of the one before", made("CREATE TABLE a (\ntenant_id uuid PRIMARY KEY, -- whose\nb int\n);"),
			[]string{"1_a.up.sql:4: column a.b"}},
		{"added later", made(clean + "\nALTER TABLE accounts ADD COLUMN IF NOT EXISTS note text;"),
			[]string{"column accounts.note is not explained"}},
		{"added later and explained", made(clean + "\nALTER TABLE accounts\n ADD note text; -- free text"), nil},
		{"a reference into anywhere", made(strings.Replace(clean, "owner uuid,", "owner uuid REFERENCES members (id),", 1)),
			[]string{"1_a.up.sql:10: a foreign key of accounts to members"}},
	})
}
