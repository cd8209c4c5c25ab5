package bench

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"time"
)

// tpcbScale makes 5,000,000 accounts and, what matters, 50 branches: with fewer
// than three times the clients they would mostly wait for each other.
const tpcbScale = 50

// bareTables are the least that could be called a ledger. An award in them is
// one statement, shown by bareAward.
var bareTables = []string{`
CREATE TABLE bare_accounts (
    tenant_id bigint NOT NULL, member_id bigint NOT NULL, balance bigint NOT NULL, seq bigint NOT NULL,
    PRIMARY KEY (tenant_id, member_id)) WITH (fillfactor = 60);
CREATE TABLE bare_transfers (
    tenant_id bigint NOT NULL, member_id bigint NOT NULL, seq bigint NOT NULL, amount bigint NOT NULL, balance_after bigint NOT NULL,
    reason text NOT NULL, reference text, created_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, member_id, seq));
INSERT INTO bare_accounts SELECT 1, i, 0, 0 FROM generate_series(1, 10000) AS i`,
	`VACUUM ANALYZE bare_accounts`,
}

const bareAward = `WITH a AS (UPDATE bare_accounts SET balance = balance + 500, seq = seq + 1
 WHERE tenant_id = 1 AND member_id = :m RETURNING member_id, seq, balance)
INSERT INTO bare_transfers SELECT 1, member_id, seq, 500, balance, 'Q2 Sales Target Achievement', 'INV-2024-1234', now() FROM a
RETURNING seq, balance_after;
`

// pgbench runs PostgreSQL's own benchmark.
type pgbench struct {
	program  string
	database *database
	dir      string // of the scripts
}

// scripts by the name of their file.
var scripts = map[string]string{
	"spread.sql": "\\set m random(1, 10000)\n" + bareAward,
	"hot.sql":    "\\set m 1\n" + bareAward,
}

func newPgbench(ctx context.Context, d *database, dir string) (*pgbench, error) {
	program, err := d.pgbench()
	if err != nil {
		return nil, err
	}
	b := &pgbench{program, d, dir}
	if err := d.create(ctx, databaseBare); err != nil {
		return nil, err
	}
	for name, script := range scripts {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(script), 0o600); err != nil {
			return nil, err
		}
	}
	if _, err := b.run(ctx, "-i", "-q", "-s", strconv.Itoa(tpcbScale)); err != nil {
		return nil, err
	}
	return b, execOn(ctx, d.url(databaseBare), bareTables)
}

// run calls pgbench and returns what it prints.
func (b *pgbench) run(ctx context.Context, args ...string) (*finished, error) {
	c, err := b.database.config(databaseBare)
	if err != nil {
		return nil, err
	}
	args = append([]string{"-h", c.Host, "-p", strconv.Itoa(int(c.Port)), "-U", c.User}, append(args, c.Database)...)
	cmd := exec.CommandContext(ctx, b.program, args...)
	cmd.Dir = b.dir
	var out, complaints bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaints
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("pgbench %v: %w: %.500s", args, err, complaints.String())
	}
	return &finished{out.String(), cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()}, nil
}

type finished struct {
	out string
	cpu time.Duration
}

var (
	tps       = regexp.MustCompile(`(?m)^tps = ([0-9.]+)`)
	processed = regexp.MustCompile(`(?m)^number of transactions actually processed: ([0-9]+)`)
)

// figures reads transactions a second, connecting not counted, and how many.
func (f *finished) figures() (perSecond float64, n int, err error) {
	rate, count := tps.FindStringSubmatch(f.out), processed.FindStringSubmatch(f.out)
	if rate == nil || count == nil {
		return 0, 0, fmt.Errorf("pgbench prints no figure: %.500s", f.out)
	}
	perSecond, err = strconv.ParseFloat(rate[1], 64)
	if err != nil {
		return 0, 0, err
	}
	n, err = strconv.Atoi(count[1])
	return perSecond, n, err
}
