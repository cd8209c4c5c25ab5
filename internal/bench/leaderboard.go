package bench

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/incent-dev/incent/internal/leaderboard"
	"github.com/incent-dev/incent/internal/ledger"
	"github.com/incent-dev/incent/internal/pg"
	"github.com/incent-dev/incent/internal/tenant"
)

const (
	manyRanked  = 1_000_000
	fewRanked   = 1_000
	rankedReads = 10_000 // members whose rank is asked for, in all corners of the board
)

// ranked describes members with XP and coins, and with a place on the board of
// all time. XP comes in tens up to 100,000, so that many have as much as others;
// who was there first is another order again.
type ranked struct {
	Tenant  int64
	Members int64
}

// fillRanked writes the members @first to @last, as the owner of the tables.
// @base is the key before the first member's, @at the newest instant.
var fillRanked = []string{
	`INSERT INTO members (tenant_id, id, external_id, created_at, updated_at)
	 SELECT @tenant::bigint, @base::bigint + i, 'mem_' || lpad(i::text, 9, '0'), @at::timestamptz, @at
	   FROM generate_series(@first::bigint, @last::bigint) AS i`,

	`INSERT INTO accounts (tenant_id, member_id, asset, available, earned, seq, awards, moved_at)
	 SELECT @tenant::bigint, @base::bigint + m.i, a.asset, a.amount, a.amount, 1, 1, m.reached_at
	   FROM ` + rankedMembers,

	`INSERT INTO transfers (tenant_id, member_id, asset, seq, kind, from_account, to_account, amount,
	                        available_after, pending_after, debt_after, awards, redeems, deducts, expires, created_at)
	 SELECT @tenant::bigint, @base::bigint + m.i, a.asset, 1, 1, 4, 1, a.amount, a.amount, 0, 0, 1, 0, 0, 0, m.reached_at
	   FROM ` + rankedMembers,

	`INSERT INTO standings (tenant_id, period, starts_on, member_id, minus_xp, reached_at)
	 SELECT @tenant::bigint, 4, '1970-01-01', @base::bigint + m.i, -a.amount, m.reached_at
	   FROM ` + rankedMembers + ` WHERE a.asset = 3`,

	nameFilled + `
	   FROM (SELECT @base::bigint + m.i AS member_id, a.asset::smallint AS asset, 1::bigint AS seq, m.i FROM ` + rankedMembers + `) AS t
	  GROUP BY t.i / 500`,
}

const rankedMembers = `(SELECT i, @at::timestamptz - (i * 104729 % 5000000) * interval '1 second' AS reached_at
	   FROM generate_series(@first::bigint, @last::bigint) AS i) AS m
	  CROSS JOIN LATERAL (VALUES (1, 100 + m.i % 900), (3, 10 * (1 + m.i * 7919 % 10007))) AS a(asset, amount)`

// rows is how many rows they take: what their progress counts.
func (k ranked) rows() int64 { return 6 * k.Members }

// make writes the members, then has the boards cut into blocks as an operator
// would: by a refresh, which holds every standing against the ledger.
func (k ranked) make(ctx context.Context, db *pg.DB, url string, at time.Time, done func(rows int)) error {
	args := pgx.NamedArgs{"tenant": k.Tenant, "base": pg.NewKey(), "at": at}
	if err := inChunks(ctx, url, fillRanked, args, k.Members, fillRows/6, done); err != nil {
		return err
	}
	if err := settle(ctx, url, "members", "accounts", "transfers", "standings"); err != nil {
		return err
	}
	books := ledger.New(db)
	defer books.Close(ctx)
	found, err := leaderboard.New(db, books).Refresh(ctx, k.Tenant, nil)
	if err == nil && found.Members != k.Members {
		err = fmt.Errorf("%d members are on the board, not %d", found.Members, k.Members)
	}
	if err != nil {
		return fmt.Errorf("refresh: %w", err)
	}
	return settle(ctx, url, "standing_blocks")
}

// newRanked makes a tenant with so many ranked members, and a key that may do
// everything in the Incenta API.
func newRanked(ctx context.Context, db *pg.DB, url, name string, members int64, out io.Writer) (key string, err error) {
	t, _, err := newTenant(ctx, db, name)
	if err != nil {
		return "", err
	}
	keys, err := tenant.NewKeys(ctx, db)
	if err != nil {
		return "", err
	}
	made, err := keys.CreateKey(ctx, db, t, tenant.Incenta, "bench", []string{"read", "write"})
	if err != nil {
		return "", err
	}
	k := ranked{Tenant: t.ID, Members: members}
	return made.Text, withProgress(out, k.rows(), func(done func(int)) error { return k.make(ctx, db, url, pg.Now(), done) })
}

// boards are what reads of ranks are served from: a crowded tenant and a quiet one.
type boards struct {
	*fixture
	manyKey, fewKey string
}

// makeBoards makes both tenants, in a database of their own.
func makeBoards(ctx context.Context, r *run) (err error) {
	if r.boards != nil {
		return nil
	}
	r.say("Making leaderboards of %d and of %d members", manyRanked, fewRanked)
	b := &boards{fixture: &fixture{name: databaseBoards}}
	if err := r.database.create(ctx, b.name); err != nil {
		return err
	}
	if b.db, err = r.database.open(ctx, b.name); err != nil {
		return err
	}
	r.boards = b
	if b.manyKey, err = newRanked(ctx, b.db, r.database.url(b.name), "bench crowded", manyRanked, r.Out); err != nil {
		return err
	}
	b.fewKey, err = newRanked(ctx, b.db, r.database.url(b.name), "bench quiet", fewRanked, r.Out)
	return err
}

// ranking is a read of a board.
type ranking struct {
	members int64
	load    func(key string, members int64) load
}

// measure drives the read on a server of its own, each of its places read once
// before: see view.
func (k ranking) measure(ctx context.Context, r *run) (figure, error) {
	key := r.boards.manyKey
	if k.members == fewRanked {
		key = r.boards.fewKey
	}
	l := k.load(key, k.members)
	return r.beside(ctx, databaseBoards, func(s *server) (figure, error) {
		if err := l.visit(ctx, s.address); err != nil {
			return figure{}, fmt.Errorf("visit: %w", err)
		}
		return r.drive(ctx, l, s)
	})
}

// firstPage reads the 25 best.
func firstPage(key string, _ int64) load {
	return load{template: newTemplate("GET", "/incenta/v1/incentives/leaderboard", key, "", ""), clients: 64, per: 1, says: []byte(`"rank":25,`)}
}

// middlePage reads 25 from the middle of the board.
func middlePage(key string, members int64) load {
	page := members / 2 / 25
	return load{
		template: newTemplate("GET", fmt.Sprintf("/incenta/v1/incentives/leaderboard?page=%d", page), key, "", ""), clients: 64, per: 1,
		says: fmt.Appendf(nil, `"rank":%d,`, page*25),
	}
}

// rank reads where one of the members stands.
func rank(key string, members int64) load {
	asked := min(rankedReads, members)
	return load{
		template: newTemplate("GET", "/incenta/v1/incentives/leaderboard/mem_"+memberDigits, key, "", ""), clients: 64, per: 1,
		says: []byte(`"rank":`), first: 1, stride: members / asked, members: asked,
	}
}

// level is the bar of a read whose p99 may be twice the other's at most.
const level = 2

// leaderboardRows are those of the leaderboard.
var leaderboardRows = []row{
	{key: "board-quiet", title: "leaderboard of 1,000 members, top 25, 64 clients", scale: true, prepare: makeBoards, load: ranking{fewRanked, firstPage}.measure},
	{key: "board", title: "leaderboard of 1,000,000 members, top 25", scale: true, prepare: makeBoards, load: ranking{manyRanked, firstPage}.measure,
		bars: []bar{{against: "board-quiet", tail: level}}},
	{key: "rank-quiet", title: "rank of one of 1,000 members, 64 clients", scale: true, prepare: makeBoards, load: ranking{fewRanked, rank}.measure},
	{key: "rank", title: "rank of one of 1,000,000 members", scale: true, prepare: makeBoards, load: ranking{manyRanked, rank}.measure,
		bars: []bar{{against: "rank-quiet", tail: level}}},
	{key: "board-middle", title: "leaderboard of 1,000,000 members, 25 from the middle", scale: true, extra: true, prepare: makeBoards, load: ranking{manyRanked, middlePage}.measure,
		bars: []bar{{against: "board-quiet"}}},
}
