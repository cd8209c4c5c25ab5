package crash

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/incent-dev/incent/internal/app"
	"github.com/incent-dev/incent/internal/ledger"
	"github.com/incent-dev/incent/internal/pg"
)

// Options of Run. Binary and Dir are required.
type Options struct {
	// Binary is the server: run as `Binary serve`.
	Binary string

	// Dir takes the data folders, the servers' logs and, where something is
	// wrong, the journal. It must exist.
	Dir string

	// Rounds to run; 0 runs 1.
	Rounds int

	// Enough tells whether the rounds have met all that they are for, which is up to
	// chance and to how much a machine does in a round. Where they have not there are
	// more of them, up to mostRounds times as many; nil: they have.
	Enough func(Report) bool

	// Seed draws who is killed when, and the load. The interleaving of
	// processes is not drawn by it.
	Seed uint64

	// Out receives a line per round and the summary; nil: silence.
	Out io.Writer
}

// mostRounds bounds how often the rounds are run over, so that what cannot be met
// ends, too.
const mostRounds = 5

// Run carries out the rounds. Its error says why they could not be carried out,
// or what of the package's promises did not hold; the report counts what was
// done until then.
func Run(ctx context.Context, o Options) (report Report, err error) {
	if o.Out == nil {
		o.Out = io.Discard
	}
	// As PostgreSQL's command line will show it.
	if o.Dir, err = filepath.Abs(o.Dir); err == nil {
		o.Dir, err = filepath.EvalSymlinks(o.Dir)
	}
	if err != nil {
		return Report{}, fmt.Errorf("folder to work in: %w", err)
	}
	h := &harness{o: o, report: Report{Seed: o.Seed, Kills: map[string]int{}, Kinds: map[string]Tally{}}, began: time.Now()}
	fmt.Fprintf(o.Out, "crash: %d rounds, seed %d\n", max(o.Rounds, 1), o.Seed)
	defer func() {
		err = errors.Join(err, h.close())
		h.report.Elapsed = time.Since(h.began)
		report = h.report
		fmt.Fprint(o.Out, report)
	}()
	return h.report, h.run(ctx)
}

// harness is one Run.
type harness struct {
	o      Options
	began  time.Time
	report Report
	sites  [2]*site
	sealed []sealed
}

// sealed remembers the books of a finished round.
type sealed struct {
	round  int
	site   *site
	tenant int64
	digest string
}

func (h *harness) run(ctx context.Context) error {
	var err error
	if h.sites[0], err = openEmbedded(ctx, h.o, filepath.Join(h.o.Dir, "embedded")); err != nil {
		return fmt.Errorf("embedded site: %w", err)
	}
	if h.sites[1], err = openShared(ctx, h.o, filepath.Join(h.o.Dir, "shared")); err != nil {
		return fmt.Errorf("shared site: %w", err)
	}
	rounds := max(h.o.Rounds, 1)
	for n := 1; n <= rounds || n <= mostRounds*rounds && h.o.Enough != nil && !h.o.Enough(h.report); n++ {
		if err := h.round(ctx, n); err != nil {
			return fmt.Errorf("round %d (seed %d): %w", n, h.o.Seed, err)
		}
		h.report.Rounds++
	}
	return h.reread(ctx)
}

// round is one tenant's life on one site.
func (h *harness) round(ctx context.Context, n int) error {
	start := time.Now()
	s := h.sites[(n-1)%len(h.sites)]
	p := drawPlan(h.o.Seed, n, s)
	if err := s.ensure(ctx); err != nil {
		return err
	}
	shop, err := openShop(ctx, s, n, p.expires)
	if err != nil {
		return fmt.Errorf("make the tenant: %w", err)
	}
	r := &round{n: n, site: s, shop: shop, plan: p, seed: h.o.Seed, client: newClient(s, shop.keys)}
	defer r.client.close()
	if err := r.live(ctx); err != nil {
		return err
	}
	if err := r.resolve(ctx); err != nil {
		return err
	}
	verdict, digest, err := r.judge(ctx)
	if err != nil {
		return err
	}
	h.sealed = append(h.sealed, sealed{n, s, shop.tenant.ID, digest})
	h.report.add(r, verdict)
	fmt.Fprintf(h.o.Out, "round %3d  %-8s  %4.1f s  %5d requests, %3d unknown and resolved, %d lost, %d doubled, %d wrong;  killed %v\n",
		n, s.name, time.Since(start).Seconds(), len(r.journal.entries), r.journal.unsure(), verdict.count(lost), verdict.count(doubled), verdict.count(wrong), p)
	return h.refuse(r, verdict)
}

// refuse turns findings into an error, and keeps the journal for whoever looks
// into them.
func (h *harness) refuse(r *round, v verdict) error {
	if len(v.findings) == 0 {
		return nil
	}
	name := filepath.Join(h.o.Dir, fmt.Sprintf("journal-%d.jsonl", r.n))
	err := fmt.Errorf("%d lost, %d doubled, %d wrong; the first of them:\n%s(journal: %s)",
		v.count(lost), v.count(doubled), v.count(wrong), v.first(10), name)
	return errors.Join(err, r.journal.write(name))
}

// reread reads the books of every round once more, and has all of each database
// audited.
func (h *harness) reread(ctx context.Context) error {
	for _, was := range h.sealed {
		b, err := was.site.books(ctx, was.tenant)
		if err != nil {
			return fmt.Errorf("read round %d again: %w", was.round, err)
		}
		if b.digest() != was.digest {
			h.report.Wrong++
			return fmt.Errorf("the books of round %d are not what they were when it ended", was.round)
		}
	}
	for _, s := range h.sites {
		broken, err := s.audit(ctx, func(ctx context.Context, db *pg.DB) (ledger.AuditReport, error) {
			return ledger.Audit(ctx, db, nil, app.AuditChecks()...)
		})
		if err != nil {
			return fmt.Errorf("audit the %s site: %w", s.name, err)
		}
		if len(broken) > 0 {
			h.report.Wrong += len(broken)
			return fmt.Errorf("%s site:\n%s", s.name, verdict{findings: broken}.first(10))
		}
	}
	return nil
}

func (h *harness) close() error {
	var errs []error
	for _, s := range h.sites {
		if s != nil {
			errs = append(errs, s.close())
		}
	}
	return errors.Join(errs...)
}

// folder makes a folder that another user may pass through: PostgreSQL does not
// run as root.
func folder(path string) error {
	if err := os.MkdirAll(path, 0o755); err != nil {
		return err
	}
	return os.Chmod(path, 0o755)
}
