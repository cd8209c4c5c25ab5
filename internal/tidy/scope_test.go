package tidy

import "testing"

const scopeSchema = `
CREATE TABLE accounts (tenant_id uuid, id uuid, balance bigint, PRIMARY KEY (tenant_id, id));
CREATE TABLE orders (tenant_id uuid, id uuid, account uuid, PRIMARY KEY (tenant_id, id));
-- not tenant data: the list of tenants
CREATE TABLE tenants (tenant_id uuid PRIMARY KEY, name text);
`

// TestScopeHolds: queries that stay within their tenant, in all the ways that
// queries are written here.
func TestScopeHolds(t *testing.T) {
	t.Parallel()
	for name, sql := range map[string]string{
		"plain":           `SELECT * FROM accounts WHERE tenant_id = @tenant_id AND id = @id`,
		"without spaces":  `SELECT * FROM accounts WHERE id=@id AND tenant_id=@tenant_id::uuid`,
		"reversed":        `SELECT * FROM accounts WHERE @tenant_id = tenant_id`,
		"sqlc.arg":        `SELECT * FROM accounts a WHERE a.tenant_id = sqlc.arg('tenant_id') FOR UPDATE OF a`,
		"in parentheses":  `SELECT * FROM accounts WHERE (tenant_id = @tenant_id AND id = @id)`,
		"or beside":       `SELECT * FROM accounts WHERE tenant_id = @tenant_id AND (id = @id OR balance > 0)`,
		"several tenants": `SELECT * FROM accounts WHERE tenant_id = ANY(@tenant_ids::uuid[])`,
		"join":            `SELECT * FROM accounts a JOIN orders o ON o.tenant_id = a.tenant_id AND o.account = a.id WHERE a.tenant_id = @tenant_id`,
		"join the other":  `SELECT * FROM accounts a JOIN orders o ON o.account = a.id WHERE a.tenant_id = @tenant_id AND o.tenant_id = @tenant_id`,
		"join using":      `SELECT * FROM accounts JOIN orders USING (tenant_id, id) WHERE tenant_id = @tenant_id`,
		"left join":       `SELECT * FROM accounts a LEFT JOIN orders o ON o.tenant_id = a.tenant_id AND o.account = a.id WHERE a.tenant_id = @tenant_id`,
		"left join using": `SELECT * FROM accounts a LEFT OUTER JOIN orders o USING (tenant_id) WHERE a.tenant_id = @tenant_id`,
		"comma":           `SELECT * FROM accounts a, orders o WHERE (a.tenant_id, a.id) = (o.tenant_id, o.account) AND a.tenant_id = @tenant_id`,
		"global beside":   `SELECT * FROM tenants t JOIN accounts a ON a.tenant_id = t.tenant_id WHERE a.tenant_id = @tenant_id`,
		"only global":     `SELECT * FROM tenants`,
		"correlated":      `SELECT * FROM accounts a WHERE a.tenant_id = @tenant_id AND EXISTS (SELECT 1 FROM orders o WHERE o.tenant_id = a.tenant_id)`,
		"in the list":     `SELECT id, (SELECT count(*) FROM orders o WHERE o.tenant_id = a.tenant_id) FROM accounts a WHERE a.tenant_id = @tenant_id`,
		"lateral":         `SELECT * FROM accounts a CROSS JOIN LATERAL (SELECT * FROM orders o WHERE o.tenant_id = a.tenant_id) x WHERE a.tenant_id = @tenant_id`,
		"row in":          `SELECT * FROM accounts WHERE (tenant_id, id) IN (SELECT unnest(@tenant_ids::uuid[]), unnest(@ids::uuid[]))`,
		"cte":             `WITH mine AS MATERIALIZED (SELECT * FROM accounts WHERE tenant_id = @tenant_id) SELECT * FROM mine JOIN orders o ON o.tenant_id = mine.tenant_id`,
		"recursive cte":   `WITH RECURSIVE up (tenant_id, id) AS (SELECT tenant_id, id FROM accounts WHERE tenant_id = @tenant_id UNION ALL SELECT a.tenant_id, a.id FROM accounts a JOIN up ON up.tenant_id = a.tenant_id) SELECT * FROM up`,
		"union":           `SELECT id FROM accounts WHERE tenant_id = @tenant_id UNION ALL SELECT id FROM orders WHERE tenant_id = @tenant_id`,
		"insert":          `INSERT INTO accounts (id, tenant_id) VALUES (@id, @tenant_id) ON CONFLICT (tenant_id, id) DO UPDATE SET balance = excluded.balance RETURNING *`,
		"insert a set":    `INSERT INTO accounts (tenant_id, id) SELECT unnest(@tenant_ids::uuid[]), unnest(@ids::uuid[])`,
		"update":          `UPDATE accounts SET balance = 0 WHERE tenant_id = @tenant_id AND id IS NOT DISTINCT FROM @id`,
		"update a set": `WITH u AS (SELECT unnest(@tenant_ids::uuid[]) AS tenant_id, unnest(@ids::uuid[]) AS id)
			UPDATE accounts AS a SET balance = 0 FROM u WHERE a.tenant_id = u.tenant_id AND a.id = u.id`,
		"update from a list": `UPDATE accounts a SET balance = 0 FROM (SELECT unnest(@ids::uuid[]) AS id) AS u WHERE a.id = u.id AND a.tenant_id = @tenant_id`,
		"function source":    `SELECT * FROM unnest(@ids::uuid[]) WITH ORDINALITY AS u(id, n) JOIN accounts a ON a.id = u.id WHERE a.tenant_id = @tenant_id`,
		"delete":             `DELETE FROM orders o USING accounts a WHERE o.tenant_id = a.tenant_id AND a.tenant_id = @tenant_id`,
		"skip locked":        `UPDATE orders SET id = id WHERE tenant_id = @tenant_id AND id = (SELECT id FROM orders WHERE tenant_id = @tenant_id LIMIT 1 FOR UPDATE SKIP LOCKED)`,
		"extract":            `SELECT extract(epoch FROM accounts.at) FROM accounts WHERE accounts.tenant_id = @tenant_id GROUP BY 1`,
		"declared":           "-- cross-tenant: the sweep serves all\nSELECT * FROM accounts",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, p := range checkScope(plant(t, scoped(sql))) {
				t.Error(p)
			}
		})
	}
}

// TestScopeRefuses: queries that reach into another tenant.
func TestScopeRefuses(t *testing.T) {
	t.Parallel()
	const accounts, orders = "does not hold accounts to one tenant", "does not hold orders to one tenant"
	for name, c := range map[string]struct{ sql, want string }{
		"nothing":              {`SELECT * FROM accounts WHERE id = @id`, accounts},
		"only shown":           {`SELECT tenant_id FROM accounts ORDER BY tenant_id`, accounts},
		"only in a comment":    {"SELECT * FROM accounts -- WHERE tenant_id = @tenant_id", accounts},
		"only in a string":     {`SELECT * FROM accounts WHERE id = 'tenant_id = @tenant_id'`, accounts},
		"or":                   {`SELECT * FROM accounts WHERE tenant_id = @tenant_id AND id = @id OR balance > 0`, accounts},
		"or around":            {`SELECT * FROM accounts WHERE (tenant_id = @tenant_id) OR id = @id`, accounts},
		"not":                  {`SELECT * FROM accounts WHERE NOT (tenant_id = @tenant_id)`, accounts},
		"not in":               {`SELECT * FROM accounts WHERE tenant_id NOT IN (@tenant_id)`, accounts},
		"unequal":              {`SELECT * FROM accounts WHERE tenant_id <> @tenant_id`, accounts},
		"another parameter":    {`SELECT * FROM accounts WHERE tenant_id = @id`, accounts},
		"itself":               {`SELECT * FROM accounts a WHERE a.tenant_id = a.tenant_id`, accounts},
		"one of two":           {`SELECT * FROM accounts a JOIN orders o ON o.account = a.id WHERE a.tenant_id = @tenant_id`, orders},
		"tied to no parameter": {`SELECT * FROM accounts a JOIN orders o ON o.tenant_id = a.tenant_id`, "does not hold accounts, orders"},
		"left join's other side": {`SELECT * FROM accounts a LEFT JOIN orders o
			ON o.tenant_id = a.tenant_id AND o.tenant_id = @tenant_id`, accounts},
		"full join":           {`SELECT * FROM accounts a FULL JOIN orders o ON o.tenant_id = a.tenant_id WHERE a.tenant_id = @tenant_id`, orders},
		"through all tenants": {`SELECT * FROM accounts a JOIN tenants t ON t.tenant_id = a.tenant_id`, accounts},
		"in all tenants":      {`SELECT * FROM accounts WHERE tenant_id IN (SELECT tenant_id FROM tenants)`, accounts},
		"sub-select":          {`SELECT * FROM accounts WHERE tenant_id = @tenant_id AND id IN (SELECT account FROM orders)`, orders},
		"deep sub-select":     {`SELECT coalesce((SELECT (SELECT max(id) FROM orders)), 0)`, orders},
		"cte":                 {`WITH o AS (SELECT * FROM orders) SELECT * FROM o`, orders},
		"cte of all tenants":  {`WITH t AS (SELECT tenant_id FROM tenants) SELECT * FROM t JOIN accounts USING (tenant_id)`, accounts},
		"list of all tenants": {`SELECT * FROM accounts a JOIN (SELECT tenant_id FROM tenants) t ON t.tenant_id = a.tenant_id`, accounts},
		"cte like a table":    {`WITH orders AS (SELECT * FROM orders WHERE tenant_id = @tenant_id) SELECT * FROM orders`, orders},
		"second of a union":   {`SELECT id FROM accounts WHERE tenant_id = @tenant_id UNION SELECT id FROM orders`, orders},
		"insert":              {`INSERT INTO accounts (id) VALUES (@id)`, accounts},
		"insert everything":   {`INSERT INTO accounts SELECT * FROM orders WHERE tenant_id = @tenant_id`, accounts},
		"insert from":         {`INSERT INTO accounts (tenant_id, id) SELECT tenant_id, id FROM orders`, orders},
		"update":              {`UPDATE accounts SET tenant_id = @tenant_id WHERE id = @id`, accounts},
		"delete":              {`DELETE FROM accounts`, accounts},
		"what it cannot read": {`TRUNCATE accounts`, accounts},
		"no reason":           {"-- cross-tenant:\nSELECT * FROM accounts", "without saying why"},
		"no need":             {"-- cross-tenant: no\nSELECT * FROM tenants", "is declared cross-tenant and is not"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run(t, checkScope, []planted{{"", scoped(c.sql), []string{c.want}}})
		})
	}
}

func scoped(sql string) map[string]string {
	return map[string]string{
		"db/migrations/1_a.up.sql": scopeSchema,
		"db/queries/a.sql":         "-- name: AccountGet :one\n" + sql + ";\n",
	}
}
