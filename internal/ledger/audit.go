package ledger

import (
	"context"
	"fmt"
	"time"

	"github.com/incent-dev/incent/gen/query"
	"github.com/incent-dev/incent/internal/pg"
	"github.com/incent-dev/incent/internal/tenant"
)

// AuditCheck looks at all rows of one tenant for one that breaks an invariant.
type AuditCheck struct {
	Of        string // the package whose doc.go numbers the invariant
	Invariant int
	Name      string

	// Server says that the check is about the server as a whole: it runs once,
	// with no tenant.
	Server bool

	// Find returns the first offending row, or nil. It reads in tx, an open
	// snapshot, and needs memory for no more than its answer.
	Find func(ctx context.Context, tx pg.Tx, tenantID int64) (*Offence, error)
}

// Offence is a row that breaks an invariant.
type Offence struct {
	Where string // the row, in the words of its owner: member mem_1, points, transfer 7
	Says  string // what is wrong with it
}

// OffenceOf makes of the row that a check looked for the offence, and of no row
// none.
func OffenceOf(where, says string, err error) (*Offence, error) {
	if pg.IsNoRows(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return &Offence{Where: where, Says: says}, nil
}

// Violation is a broken invariant with the first row that breaks it.
type Violation struct {
	Tenant    tenant.Tenant // zero where the server as a whole is at fault
	Of        string
	Invariant int
	Name      string
	Offence
}

func (v Violation) String() string {
	s := fmt.Sprintf("%s invariant %d (%s): ", v.Of, v.Invariant, v.Name)
	if v.Tenant.ID != 0 {
		s += tenantName(v.Tenant) + ", "
	}
	if v.Where != "" {
		s += v.Where + " "
	}
	return s + v.Says
}

func tenantName(t tenant.Tenant) string { return fmt.Sprintf("tenant %s (%s)", t.Name, t.Mode) }

// AuditProgress says what is looked at next.
type AuditProgress struct {
	Tenant    string // "" for the server as a whole
	Of        string
	Invariant int
	Name      string
	Done      int // checks, of Total
	Total     int
}

// AuditReport is what an audit saw.
type AuditReport struct {
	At      time.Time // of the snapshot
	Tenants int

	// Rows that were looked at.
	Accounts, Transfers, Lots, LotEntries, Holds, Undone int64

	// Violations holds one entry for each broken invariant of each tenant.
	Violations []Violation
}

// Audit checks the invariants of all books, and whatever more checks are given,
// in one consistent snapshot. Servers may go on working. progress, which may be
// nil, is called before each check.
func Audit(ctx context.Context, db *pg.DB, progress func(AuditProgress), more ...AuditCheck) (AuditReport, error) {
	return audit(ctx, db, progress, nil, append(ledgerChecks(), more...))
}

// AuditTenant is Audit for one tenant.
func AuditTenant(ctx context.Context, db *pg.DB, tenantID int64, more ...AuditCheck) (AuditReport, error) {
	only := func(t tenant.Tenant) bool { return t.ID == tenantID }
	return audit(ctx, db, nil, only, append(ledgerChecks(), more...))
}

// snapshot opens the audit's transaction up: it reads everything once, which is
// the opposite of what the pool is tuned for.
var snapshot = []string{
	"SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY",
	"SET LOCAL statement_timeout = 0",
	"SET LOCAL idle_in_transaction_session_timeout = 0",
	"SET LOCAL plan_cache_mode = force_custom_plan",
	"SET LOCAL enable_seqscan = on",
	"SET LOCAL enable_sort = on",
	"SET LOCAL enable_hashjoin = on",
	"SET LOCAL enable_mergejoin = on",
	"SET LOCAL enable_hashagg = on",
	"SET LOCAL enable_material = on",
	"SET LOCAL enable_bitmapscan = on",
	"SET LOCAL work_mem = '64MB'",
}

// inSnapshot runs fn in a consistent, read-only view of all data.
func inSnapshot[T any](ctx context.Context, db *pg.DB, fn func(ctx context.Context, tx pg.Tx) (T, error)) (T, error) {
	return pg.InTx(ctx, db, func(ctx context.Context, tx pg.Tx) (T, error) {
		for _, set := range snapshot {
			if _, err := tx.Exec(ctx, set); err != nil {
				var none T
				return none, fmt.Errorf("open snapshot: %w", err)
			}
		}
		return fn(ctx, tx)
	})
}

func audit(ctx context.Context, db *pg.DB, progress func(AuditProgress), only func(tenant.Tenant) bool, checks []AuditCheck) (AuditReport, error) {
	return inSnapshot(ctx, db, func(ctx context.Context, tx pg.Tx) (AuditReport, error) {
		tenants, err := tenant.List(ctx, tx)
		if err != nil {
			return AuditReport{}, fmt.Errorf("list tenants: %w", err)
		}
		if only != nil {
			kept := tenants[:0]
			for _, t := range tenants {
				if only(t) {
					kept = append(kept, t)
				}
			}
			tenants = kept
		}
		a := auditor{tx: tx, progress: progress, report: AuditReport{At: pg.Now(), Tenants: len(tenants)}}
		for _, c := range checks {
			a.total += len(tenants)
			if c.Server {
				a.total += 1 - len(tenants)
			}
		}
		if err := a.run(ctx, tenant.Tenant{}, checks); err != nil {
			return a.report, err
		}
		for _, t := range tenants {
			if err := a.count(ctx, t.ID); err != nil {
				return a.report, err
			}
			if err := a.run(ctx, t, checks); err != nil {
				return a.report, err
			}
		}
		return a.report, nil
	})
}

type auditor struct {
	tx          pg.Tx
	progress    func(AuditProgress)
	done, total int
	report      AuditReport
}

// run does the checks that concern t; the zero tenant stands for the server.
// Once an invariant is broken its other checks have nothing to add.
func (a *auditor) run(ctx context.Context, t tenant.Tenant, checks []AuditCheck) error {
	type name struct {
		of        string
		invariant int
	}
	broken := map[name]bool{}
	for _, c := range checks {
		if c.Server != (t.ID == 0) {
			continue
		}
		if a.progress != nil {
			p := AuditProgress{Of: c.Of, Invariant: c.Invariant, Name: c.Name, Done: a.done, Total: a.total}
			if t.ID != 0 {
				p.Tenant = tenantName(t)
			}
			a.progress(p)
		}
		a.done++
		if broken[name{c.Of, c.Invariant}] {
			continue
		}
		offence, err := c.Find(ctx, a.tx, t.ID)
		if err != nil {
			return fmt.Errorf("check %s invariant %d (%s): %w", c.Of, c.Invariant, c.Name, err)
		}
		if offence != nil {
			broken[name{c.Of, c.Invariant}] = true
			a.report.Violations = append(a.report.Violations, Violation{t, c.Of, c.Invariant, c.Name, *offence})
		}
	}
	return nil
}

func (a *auditor) count(ctx context.Context, tenantID int64) error {
	n, err := q.TransferCountAll(ctx, a.tx, tenantID)
	if err != nil {
		return fmt.Errorf("count rows: %w", err)
	}
	a.report.Accounts += n.Accounts
	a.report.Transfers += n.Transfers
	a.report.Lots += n.Lots
	a.report.LotEntries += n.LotEntries
	a.report.Holds += n.Holds
	a.report.Undone += n.Undone
	return nil
}

// finding is the row that every query of db/queries/audit.sql answers.
type finding = struct {
	MemberID int64
	Asset    int16
	Seq      int64
	Says     string
}

// find makes a check's Find of a query.
func find[P any, R ~finding](ask func(context.Context, query.DBTX, P) (R, error), arg func(tenantID int64) P) func(context.Context, pg.Tx, int64) (*Offence, error) {
	return func(ctx context.Context, tx pg.Tx, tenantID int64) (*Offence, error) {
		row, err := ask(ctx, tx, arg(tenantID))
		if pg.IsNoRows(err) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		f := finding(row)
		where, err := transferName(ctx, tx, tenantID, f.MemberID, f.Asset, f.Seq)
		return &Offence{Where: where, Says: f.Says}, err
	}
}

// transferName is how an audit names a transfer.
func transferName(ctx context.Context, tx pg.Tx, tenantID, memberID int64, asset int16, seq int64) (string, error) {
	member, err := q.MemberGetExternal(ctx, tx, query.MemberGetExternalParams{TenantID: tenantID, ID: memberID})
	switch {
	case pg.IsNoRows(err):
		member = fmt.Sprintf("with the key %d, who does not exist", memberID)
	case err != nil:
		return "", err
	}
	return fmt.Sprintf("member %s, %s, transfer %d", member, assetName(asset), seq), nil
}

func assetName(a int16) string {
	if a < 1 || int(a) > len(Assets) {
		return fmt.Sprintf("asset %d", a)
	}
	return Asset(a).String()
}
