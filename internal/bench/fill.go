package bench

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"

	"github.com/incent-dev/incent/internal/pg"
)

// memberName is how every member here is called; requests carry it with nine
// digits in place of the number, which is what makes them cheap to render.
const memberName = "mem_%09d"

// history describes members with a past. Member i has Transfers/Members
// transfers (the first ones have one more, until it adds up), an hour apart and
// ending now: four awards of Amount + i mod 100, then a deduct of a tenth. Their
// memos are of the usual length and cannot be opened.
type history struct {
	Tenant    int64
	Members   int64
	Transfers int64
	Amount    int64
}

const (
	// fillRows is how many rows one chunk makes: enough that its commits cost
	// nothing, few enough that the progress moves.
	fillRows = 100_000

	// fillWorkers keeps two cores busy, and leaves order in the indexes.
	fillWorkers = 2
)

// fill writes the history of members @first to @last, as the owner of the tables.
// @base is the key before the first member's; @at the newest instant; everybody
// has @each transfers, the first @more members one more.
var fill = []string{
	`INSERT INTO members (tenant_id, id, external_id, created_at, updated_at)
	 SELECT @tenant::bigint, @base::bigint + i, 'mem_' || lpad(i::text, 9, '0'), @at::timestamptz, @at
	   FROM generate_series(@first::bigint, @last::bigint) AS i`,

	`INSERT INTO accounts (tenant_id, member_id, asset, available, earned, seq, awards, deducts, moved_at)
	 SELECT @tenant::bigint, @base::bigint + i, 1, (n - n / 5) * a - n / 5 * (a / 10), (n - n / 5) * a, n, n - n / 5, n / 5,
	        CASE WHEN n = 0 THEN 'epoch' ELSE @at::timestamptz END
	   FROM (SELECT i, @each::bigint + CASE WHEN i <= @more::bigint THEN 1 ELSE 0 END AS n, @amount::bigint + i % 100 AS a
	           FROM generate_series(@first::bigint, @last::bigint) AS i) AS m`,

	// By number, then member: the rows of one member lie scattered in the table,
	// as those do that came in over a year.
	`INSERT INTO transfers (tenant_id, member_id, asset, seq, kind, from_account, to_account, amount,
	                        available_after, pending_after, debt_after, awards, redeems, deducts, expires, memo, created_at)
	 SELECT @tenant::bigint, @base::bigint + i, 1, s,
	        CASE WHEN s % 5 = 0 THEN 7 ELSE 1 END,
	        CASE WHEN s % 5 = 0 THEN 1 ELSE 4 END,
	        CASE WHEN s % 5 = 0 THEN 7 ELSE 1 END,
	        CASE WHEN s % 5 = 0 THEN a / 10 ELSE a END,
	        (s - s / 5) * a - s / 5 * (a / 10), 0, 0, s - s / 5, 0, s / 5, 0,
	        decode(repeat(md5(i || '-' || s), 2), 'hex') || convert_to('as long as a sealed', 'UTF8'),
	        @at::timestamptz - (n - s) * interval '1 hour'
	   FROM (SELECT i, @each::bigint + CASE WHEN i <= @more::bigint THEN 1 ELSE 0 END AS n, @amount::bigint + i % 100 AS a
	           FROM generate_series(@first::bigint, @last::bigint) AS i) AS m,
	        generate_series(1, n) AS s
	  ORDER BY s, i`,

	// Their commits, so that the audit knows of them. They came in from elsewhere:
	// what is measured is not to be disturbed by sealing them.
	nameFilled + `
	   FROM (SELECT @base::bigint + m.i AS member_id, 1::smallint AS asset, s AS seq, m.i
	           FROM (SELECT i, @each::bigint + CASE WHEN i <= @more::bigint THEN 1 ELSE 0 END AS n
	                   FROM generate_series(@first::bigint, @last::bigint) AS i) AS m,
	                generate_series(1, n) AS s) AS t
	  GROUP BY t.i / 100`,
}

// nameFilled writes commits that name transfers t of members number t.i. Their rows
// are not counted.
const nameFilled = `INSERT INTO commits (tenant_id, id, at, drawn, kinds, members, assets, seqs, facts, moved_members, moved_assets, moved_seqs, block)
	 SELECT @tenant::bigint, gen_random_uuid(), @at::timestamptz, 0, '{}', '{}', '{}', '{}', '[]',
	        array_agg(t.member_id), array_agg(t.asset), array_agg(t.seq), 0`

// make writes the history in chunks of members and tells done how many rows each
// one took. url is the database's address as the owner of its tables.
func (h history) make(ctx context.Context, url string, at time.Time, done func(rows int)) error {
	each, more := h.Transfers/h.Members, h.Transfers%h.Members
	args := pgx.NamedArgs{"tenant": h.Tenant, "base": pg.NewKey(), "at": at, "each": each, "more": more, "amount": h.Amount}
	if err := inChunks(ctx, url, fill, args, h.Members, max(1, fillRows/(each+2)), done); err != nil {
		return err
	}
	return settle(ctx, url, "members", "accounts", "transfers")
}

// inChunks runs statements for the numbers 1 to n, so many at a time: they find
// them as @first and @last. Each is a transaction of its own, since the trigger
// on members has all who enrol wait for one row until the commit.
func inChunks(ctx context.Context, url string, statements []string, args pgx.NamedArgs, n, chunk int64, done func(rows int)) error {
	chunks := make(chan int64)
	g, filling := errgroup.WithContext(ctx)
	g.Go(func() error {
		defer close(chunks)
		for first := int64(1); first <= n; first += chunk {
			select {
			case chunks <- first:
			case <-filling.Done():
				return filling.Err()
			}
		}
		return nil
	})
	for range fillWorkers {
		g.Go(func() error {
			conn, err := pgx.Connect(filling, url)
			if err != nil {
				return fmt.Errorf("fill: %w", err)
			}
			defer conn.Close(context.WithoutCancel(ctx))
			for first := range chunks {
				of := maps.Clone(args)
				of["first"], of["last"] = first, min(first+chunk-1, n)
				for _, statement := range statements {
					tag, err := conn.Exec(filling, statement, of)
					if err != nil {
						return fmt.Errorf("fill from number %d: %w", first, err)
					}
					if !strings.HasPrefix(statement, nameFilled) {
						done(int(tag.RowsAffected()))
					}
				}
			}
			return nil
		})
	}
	return g.Wait()
}

// settle leaves tables as a server that has run for long would find them:
// statistics known, commit bits set, nothing left to write.
func settle(ctx context.Context, url string, tables ...string) error {
	var statements []string
	for _, table := range tables {
		statements = append(statements, "VACUUM (ANALYZE) "+table)
	}
	return execOn(ctx, url, append(statements, "CHECKPOINT"))
}

// rows is how many rows the history takes: what its progress counts.
func (h history) rows() int64 { return 2*h.Members + h.Transfers }
