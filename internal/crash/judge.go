package crash

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/incent-dev/incent/internal/app"
	"github.com/incent-dev/incent/internal/ledger"
	"github.com/incent-dev/incent/internal/pg"
)

// replays is how many requests of a round are asked again.
const replays = 60

// judge compares the journal with the books, the API with the books, and a
// sample of the answers with what their keys answer now.
func (r *round) judge(ctx context.Context) (verdict, string, error) {
	var v verdict
	if err := r.sweep(ctx); err != nil {
		return v, "", err
	}
	b, err := r.site.books(ctx, r.shop.tenant.ID)
	if err != nil {
		return v, "", err
	}
	v.findings = compare(r.journal.entries, b)
	if err := tryComparison(r.journal.entries, b, len(v.findings)); err != nil {
		return v, "", err
	}
	again, err := r.replay(ctx, &v)
	if err != nil {
		return v, "", err
	}
	v.findings = append(v.findings, again...)
	seen, err := r.compareAPI(ctx, b)
	if err != nil {
		return v, "", err
	}
	v.findings = append(v.findings, seen...)
	if a := r.client.firstInternal.Load(); a != nil {
		v.findings = append(v.findings, finding{wrong, fmt.Sprintf("%d answers of 500 and above; the first: %v", r.client.internal.Load(), a)})
	}
	broken, err := r.site.audit(ctx, func(ctx context.Context, db *pg.DB) (ledger.AuditReport, error) {
		return ledger.AuditTenant(ctx, db, r.shop.tenant.ID, app.AuditChecks()...)
	})
	if err != nil {
		return v, "", err
	}
	v.findings = append(v.findings, broken...)
	after, err := r.site.books(ctx, r.shop.tenant.ID)
	if err != nil {
		return v, "", err
	}
	if after.digest() != b.digest() {
		v.findings = append(v.findings, finding{wrong, "the books changed while the answers were asked again"})
	}
	return v, after.digest(), nil
}

// sweep lets all happen that happens by itself, which the servers' own sweeps may
// not have come to yet.
func (r *round) sweep(ctx context.Context) error {
	return r.site.database(ctx, func(db *pg.DB) error {
		core, err := app.NewCore(ctx, db)
		if err != nil {
			return err
		}
		defer core.Close(ctx)
		return core.Jobs.Tenant(ctx, r.shop.tenant.ID)
	})
}

// audit has the product's own audit look at the books.
func (s *site) audit(ctx context.Context, run func(context.Context, *pg.DB) (ledger.AuditReport, error)) (findings []finding, err error) {
	err = s.database(ctx, func(db *pg.DB) error {
		report, err := run(ctx, db)
		for _, violation := range report.Violations {
			findings = append(findings, finding{wrong, "the audit says: " + violation.String()})
		}
		if err == nil && report.Tenants == 0 {
			err = errors.New("no tenant was audited")
		}
		return err
	})
	return findings, err
}

// tryComparison plants a fault of each kind and wants it found: a comparison
// that never complains proves nothing.
func tryComparison(entries []*entry, b *books, findings int) error {
	if findings > 0 {
		return nil // it complains
	}
	for _, k := range kinds {
		i := slices.IndexFunc(entries, func(e *entry) bool { return e.Op == k.op && e.answer.ok() })
		if !k.sole || i < 0 {
			continue
		}
		forgotten := slices.Delete(slices.Clone(entries), i, i+1)
		if (verdict{findings: compare(forgotten, b)}).count(doubled) == 0 {
			return fmt.Errorf("the comparison does not notice the effect of a %s that nobody asked for: key %s", k.op, entries[i].Key)
		}
	}
	i := slices.IndexFunc(entries, func(e *entry) bool { return e.Op == opAward && e.answer.ok() })
	if i < 0 {
		return errors.New("no award was acknowledged: the load did not run")
	}
	shorter := *b
	shorter.Transfers = slices.DeleteFunc(slices.Clone(b.Transfers), func(t transferRow) bool { return t.Ref == entries[i].Key })
	if (verdict{findings: compare(entries, &shorter)}).count(lost) == 0 {
		return errors.New("the comparison does not notice a lost effect")
	}
	return nil
}

// again asks for an entry's answer once more until it comes: a server that is busy
// with what happens by itself, and paused at it, says for a while that it is.
func (r *round) again(ctx context.Context, e *entry, pick int) (*answer, error) {
	ctx, cancel := context.WithTimeout(ctx, resolvePatience)
	defer cancel()
	for ; ; pause(ctx, backOff) {
		a, err := r.client.settle(ctx, e, r.client.base(pick))
		if err == nil || ctx.Err() != nil {
			return a, err
		}
	}
}

// replay asks a sample again: the same bytes, marked as repeated.
func (r *round) replay(ctx context.Context, v *verdict) ([]finding, error) {
	rng := rand.New(rand.NewPCG(r.seed, uint64(r.n)<<16))
	var findings []finding
	for range min(replays, len(r.journal.entries)) {
		e := r.journal.entries[rng.IntN(len(r.journal.entries))]
		a, err := r.again(ctx, e, rng.IntN(2))
		if err != nil {
			return nil, fmt.Errorf("ask again with key %s: %w", e.Key, err)
		}
		v.replayed++
		if !a.equal(e.answer) || !a.Replayed {
			findings = append(findings, finding{wrong, fmt.Sprintf("key %s was answered %v, and asked again %v (marked as replayed: %v)", e.Key, e.answer, a, a.Replayed)})
		}
	}
	return findings, nil
}
