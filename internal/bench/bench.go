package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path"
	"slices"
	"strings"
	"time"
)

// Options of a run. The zero value measures everything but scale and prints it.
type Options struct {
	Dir     string // folder to work in; "": one of its own, removed afterwards
	Program string // whose `serve` is measured; "": this one
	Readme  string // file whose part between the markers becomes the table; "": none
	Runs    int    // rounds; 0: 3
	Seconds int    // of one measurement; 0: 5
	Only    string // rows to measure, by key, with commas and * (see rows.go); "": all
	Scale   bool   // measure on a long history too: some minutes to make it
	Profile string // folder for profiles of the server under awards; "": none
	Out     io.Writer
}

// warm is how long a load runs before it is timed.
const warm = time.Second

// figure is one measurement.
type figure struct {
	perSecond     float64
	p50, p95, p99 time.Duration // of a request; zero in baselines
	spent         spent         // for one unit
	note          string        // for people, behind the row's title
}

// run is a run under way.
type run struct {
	Options
	database *database
	pgbench  *pgbench
	served   *fixture
	scale    *fixture
	main     *server // of the served database

	clickKey  string     // of the tenant whose codes are clicked on; "": not made
	campaigns *campaigns // nil: not made
	boards    *boards    // nil: not made
	hooked    *hooked    // nil: not made

	figures map[string][]figure
	failed  map[string]error
	peak    int64 // bytes of memory, the most any server had
}

// Run measures everything, prints the table and audits the books.
func Run(ctx context.Context, o Options) (err error) {
	if err := o.complete(); err != nil {
		return err
	}
	if o.Dir == "" {
		if o.Dir, err = os.MkdirTemp("", "incent-bench-"); err != nil {
			return err
		}
		defer os.RemoveAll(o.Dir)
		// PostgreSQL may run as another user, who has to get there.
		if err := os.Chmod(o.Dir, 0o755); err != nil {
			return err
		}
	}
	r := &run{Options: o, figures: map[string][]figure{}, failed: map[string]error{}}
	defer func() { err = errors.Join(err, r.close(context.WithoutCancel(ctx))) }()
	if err := r.prepare(ctx); err != nil {
		return err
	}
	if err := r.rounds(ctx); err != nil {
		return err
	}
	report, err := r.report(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintf(o.Out, "\n%s", report)
	if err := r.explain(ctx); err != nil {
		return err
	}
	// A table with a hole in it is no result, nor is one over broken books.
	err = errors.Join(slices.Collect(maps.Values(r.failed))...)
	if err := errors.Join(err, r.audit(ctx)); err != nil || o.Readme == "" {
		return err
	}
	return writeBetweenMarkers(o.Readme, report)
}

// complete fills in what was left out, and finds mistakes before the long wait.
func (o *Options) complete() (err error) {
	if o.Runs == 0 {
		o.Runs = 3
	}
	if o.Seconds == 0 {
		o.Seconds = 5
	}
	if o.Program == "" {
		if o.Program, err = os.Executable(); err != nil {
			return err
		}
	}
	if o.Runs < 0 || o.Seconds < 0 {
		return errors.New("runs and seconds cannot be negative")
	}
	if !slices.ContainsFunc(rows, func(w row) bool { return o.wants(w) }) {
		return fmt.Errorf("no row is named %s; there are %s", o.Only, strings.Join(rowKeys(), ", "))
	}
	if o.Profile != "" {
		if err := os.MkdirAll(o.Profile, 0o755); err != nil {
			return err
		}
	}
	if o.Readme != "" {
		return checkMarkers(o.Readme)
	}
	return nil
}

// wants tells whether a row is to be measured.
func (o *Options) wants(w row) bool {
	if w.scale && !o.Scale {
		return false
	}
	if o.Only == "" {
		return true
	}
	for term := range strings.SplitSeq(o.Only, ",") {
		if match, _ := path.Match(strings.TrimSpace(term), w.key); match {
			return true
		}
	}
	return false
}

func (r *run) say(format string, args ...any) { fmt.Fprintf(r.Out, format+"\n", args...) }

// prepare starts what the rows need.
func (r *run) prepare(ctx context.Context) (err error) {
	r.say("Starting PostgreSQL with default durability")
	if r.database, err = startDatabase(ctx, r.Dir, r.say); err != nil {
		return err
	}
	if slices.ContainsFunc(rows, func(w row) bool { return w.args != nil && r.wants(w) }) {
		r.say("Filling pgbench's tables, scale %d", tpcbScale)
		if r.pgbench, err = newPgbench(ctx, r.database, r.Dir); err != nil {
			return err
		}
	}
	r.say("Making tenants of %d members", spreadMembers)
	if r.served, err = newFixture(ctx, r.database); err != nil {
		return err
	}
	for _, w := range rows {
		if w.prepare == nil || !r.wants(w) {
			continue
		}
		if err := w.prepare(ctx, r); err != nil {
			return err
		}
	}
	r.main, err = startServer(ctx, r.Program, r.Dir, "server", r.database.url(databaseServed))
	return err
}

// rounds measures all rows in turn, so often.
func (r *run) rounds(ctx context.Context) error {
	for round := range r.Runs {
		for _, w := range rows {
			if !r.wants(w) || r.failed[w.key] != nil {
				continue
			}
			f, err := w.measure(ctx, r)
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if err != nil {
				r.failed[w.key] = fmt.Errorf("%s: %w", w.key, err)
				r.say("%d/%d  %-18s FAILED: %s", round+1, r.Runs, w.key, err)
				continue
			}
			r.figures[w.key] = append(r.figures[w.key], f)
			r.say("%d/%d  %-18s %10s/s  %s", round+1, r.Runs, w.key, whole(f.perSecond), f.times()+" "+f.note)
		}
	}
	r.peak = max(r.peak, peakMemory(r.main.pid()))
	return nil
}

// drive measures a load on running servers.
func (r *run) drive(ctx context.Context, l load, servers ...*server) (figure, error) {
	addresses := make([]string, len(servers))
	for i, s := range servers {
		addresses[i] = s.address
	}
	if err := r.rest(ctx, servers...); err != nil {
		return figure{}, err
	}
	var before, after usage
	length := time.Duration(r.Seconds) * time.Second
	took, err := l.drive(ctx, addresses, warm, length,
		func() (err error) { before, err = r.usage(ctx, servers); return err },
		func() (err error) { after, err = r.usage(ctx, servers); return err })
	if err != nil {
		for _, s := range servers {
			err = fmt.Errorf("%w\nThe server's log ends:\n%s", err, tail(s.log))
		}
		return figure{}, err
	}
	units := len(took) * l.per
	return figure{
		perSecond: float64(units) / length.Seconds(), spent: after.per(before, units),
		p50: percentile(took, 50), p95: percentile(took, 95), p99: percentile(took, 99),
	}, nil
}

// rest waits until the servers have done all that earlier rows gave them to do by
// themselves, so that each row pays for its own only.
func (r *run) rest(ctx context.Context, servers ...*server) error {
	ctx, cancel := context.WithTimeout(ctx, restPatience)
	defer cancel()
	for _, s := range append(servers, r.main) {
		if err := s.rest(ctx); err != nil {
			return fmt.Errorf("wait for what happens by itself: %w", err)
		}
	}
	return nil
}

func (r *run) usage(ctx context.Context, servers []*server) (u usage, err error) {
	for _, s := range servers {
		u.server += processTime(s.pid())
	}
	u.client, u.database, u.machine = ownTime(), familyTime(r.database.server.PID()), machineTime()
	u.wal, err = r.database.wal(ctx)
	return u, err
}

// baseline measures pgbench.
func (r *run) baseline(ctx context.Context, args []string) (figure, error) {
	if err := r.rest(ctx); err != nil {
		return figure{}, err
	}
	before, err := r.usage(ctx, nil)
	if err != nil {
		return figure{}, err
	}
	done, err := r.pgbench.run(ctx, append([]string{"-T", fmt.Sprint(r.Seconds)}, args...)...)
	if err != nil {
		return figure{}, err
	}
	after, err := r.usage(ctx, nil)
	if err != nil {
		return figure{}, err
	}
	after.client += done.cpu
	perSecond, n, err := done.figures()
	return figure{perSecond: perSecond, spent: after.per(before, n)}, err
}

// beside runs a measurement with one more server, which lives as long.
func (r *run) beside(ctx context.Context, database string, measure func(*server) (figure, error)) (f figure, err error) {
	s, err := startServer(ctx, r.Program, r.Dir, "server-"+database+"-2", r.database.url(database))
	if err != nil {
		return figure{}, err
	}
	defer func() {
		r.peak = max(r.peak, peakMemory(s.pid()))
		err = errors.Join(err, s.stop())
	}()
	return measure(s)
}

// fixtures are those of all databases that were made.
func (r *run) fixtures() (made []*fixture) {
	for _, f := range []*fixture{r.served, r.scale} {
		if f != nil {
			made = append(made, f)
		}
	}
	if r.campaigns != nil {
		made = append(made, r.campaigns.fixture)
	}
	if r.boards != nil {
		made = append(made, r.boards.fixture)
	}
	return made
}

func (r *run) close(ctx context.Context) (err error) {
	if r.main != nil {
		err = r.main.stop()
	}
	for _, f := range r.fixtures() {
		if f.db != nil {
			f.db.Close()
		}
	}
	if r.database != nil {
		err = errors.Join(err, r.database.stop(ctx))
	}
	return err
}
