package bench

import (
	"context"
	"fmt"
	"slices"
)

// row is one kind of work.
type row struct {
	key   string // for --only
	title string // for people
	scale bool   // needs a long history
	extra bool   // for information: the bars do not speak of it

	args []string                                    // baseline: pgbench's
	load func(context.Context, *run) (figure, error) // otherwise

	// prepare makes what the load needs beside the fixtures that every run has.
	// Rows share what one of them made, so it may find its work done. nil: nothing.
	prepare func(context.Context, *run) error

	bars []bar
}

// bar compares a row with another one, by speed or, where tail is set, by the
// p99 of a request. Each round is compared with the other's best one where best is
// set, else with the other's same round.
type bar struct {
	against string  // key
	atLeast float64 // 0: for information
	best    bool
	tail    float64 // as often as the other's p99 goes into this one's, at most
}

// rows are measured in this order.
var rows = slices.Concat(ledgerRows, hookRows, referralRows, leaderboardRows)

var ledgerRows = []row{
	{key: "pg-tpcb", title: "`pgbench` tpcb-like, 16 clients", args: []string{"-c", "16", "-j", "2"}},
	{key: "pg-bare", title: "`pgbench` bare SQL of an award, 10,000 members, 64 clients", args: []string{"-n", "-c", "64", "-j", "2", "-f", "spread.sql"}},
	{key: "pg-bare-prepared", title: "the same, `-M prepared`", extra: true, args: []string{"-n", "-c", "64", "-j", "2", "-M", "prepared", "-f", "spread.sql"}},
	{key: "pg-bare-hot", title: "`pgbench` bare SQL of an award, one member, 64 clients", args: []string{"-n", "-c", "64", "-j", "2", "-f", "hot.sql"}, bars: []bar{{against: "pg-bare"}}},
	{key: "pg-select", title: "`pgbench -S`, 64 clients", args: []string{"-S", "-n", "-c", "64", "-j", "2"}},
	{key: "pg-select-prepared", title: "the same, `-M prepared`", extra: true, args: []string{"-S", "-n", "-c", "64", "-j", "2", "-M", "prepared"}},

	{key: "award", title: "one award per request, 10,000 members, 64 clients", load: alone((*fixture).spread),
		bars: []bar{{against: "pg-tpcb", atLeast: 2, best: true}, {against: "pg-bare", atLeast: 1.2}, {against: "pg-bare-prepared"}}},
	{key: "award-keyed", title: "the same, each with an `Idempotency-Key`", extra: true, load: alone((*fixture).keyed), bars: []bar{{against: "award"}}},
	{key: "award-hot", title: "one award per request, all to one member", load: alone((*fixture).hot), bars: []bar{{against: "award", atLeast: 0.9}}},
	{key: "bulk", title: "bulk award, 100 a request, 4 clients, members a second", load: alone((*fixture).bulk), bars: []bar{{against: "pg-tpcb", atLeast: 5, best: true}}},
	{key: "redeem", title: "redemption of a digital item with a code, 64 clients", load: redeem, bars: []bar{{against: "pg-tpcb", atLeast: 0.5, best: true}}},
	{key: "balance", title: "balance read, 64 clients", load: alone((*fixture).balance), bars: []bar{{against: "pg-select", atLeast: 0.35}, {against: "pg-select-prepared"}}},
	{key: "event", title: "one event per request, of three assets, with levels and badges, 64 clients", load: event, bars: []bar{{against: "award", atLeast: 0.6}}},
	{key: "award-two", title: "one award per request, two server processes", load: two, bars: []bar{{against: "award", atLeast: 0.9}}},

	{key: "award-scale", title: "one award per request, 10,000 of 1,000,000 members with 10,000,000 transfers", scale: true,
		prepare: makeScale, load: long((*fixture).spreadFar), bars: []bar{{against: "award", atLeast: 0.85}}},
	{key: "award-scale-all", title: "the same, to any of the 1,000,000", scale: true, extra: true, prepare: makeScale, load: long((*fixture).spreadAll), bars: []bar{{against: "award"}}},
}

func rowKeys() (keys []string) {
	for _, w := range rows {
		keys = append(keys, w.key)
	}
	return keys
}

func (w row) measure(ctx context.Context, r *run) (figure, error) {
	if w.args != nil {
		return r.baseline(ctx, w.args)
	}
	return w.load(ctx, r)
}

// alone measures a load on one server.
func alone(of func(*fixture) load) func(context.Context, *run) (figure, error) {
	return func(ctx context.Context, r *run) (figure, error) { return r.drive(ctx, of(r.served), r.main) }
}

func redeem(ctx context.Context, r *run) (figure, error) {
	if err := r.served.stock(ctx, r.Seconds+2); err != nil {
		return figure{}, err
	}
	return r.drive(ctx, r.served.redeem(), r.main)
}

// two splits the clients over two servers of one database.
func two(ctx context.Context, r *run) (figure, error) {
	return r.beside(ctx, databaseServed, func(second *server) (figure, error) {
		return r.drive(ctx, r.served.spread(), r.main, second)
	})
}

// long measures a load on a server of the database with the long history.
func long(of func(*fixture) load) func(context.Context, *run) (figure, error) {
	return func(ctx context.Context, r *run) (figure, error) {
		return r.beside(ctx, databaseScale, func(s *server) (figure, error) {
			if err := r.scale.visit(ctx, s.address); err != nil {
				return figure{}, fmt.Errorf("visit: %w", err)
			}
			return r.drive(ctx, of(r.scale), s)
		})
	}
}
