package referral_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/incent-dev/incent/internal/ledger"
	"github.com/incent-dev/incent/internal/pg"
	"github.com/incent-dev/incent/internal/pgtest"
	"github.com/incent-dev/incent/internal/referral"
	"github.com/incent-dev/incent/internal/tenant"
)

func programme(t testing.TB) (*referral.Programme, tenant.Tenant) {
	t.Helper()
	p, err := referral.New(t.Context(), pgtest.DB(), ledger.New(pgtest.DB()))
	if err != nil {
		t.Fatal(err)
	}
	return p, pgtest.Tenant(t)
}

// pastSpan is over what time the rows of a past lie, evenly.
const pastSpan = 7 * 24 * time.Hour

// past gives ann a code with so many conversions, each of which earned her one
// reward, and bob's code half as many; bulk, as no caller could. Statuses and
// kinds are in no step with each other or with the days.
func past(t testing.TB, of tenant.Tenant, rows int, at time.Time) {
	t.Helper()
	if err := inTx(t, func(ctx context.Context, tx pg.Tx) error {
		return tenant.Enrol(ctx, tx, of, []string{"ann", "bob", "friend"})
	}); err != nil {
		t.Fatal(err)
	}
	run := func(sql string, args ...any) {
		t.Helper()
		err := inTx(t, func(ctx context.Context, tx pg.Tx) error {
			_, err := tx.Exec(ctx, sql, append([]any{of.ID}, args...)...)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	run(`INSERT INTO campaigns (tenant_id, id, position, name, state, version, created_at, updated_at) VALUES ($1, 'c', 1, 'C', 'active', 1, $2, $2)`, at)
	run(`INSERT INTO campaign_versions (tenant_id, campaign_id, version, rule, created_at) VALUES ($1, 'c', 1, '{}', $2)`, at)
	for name, n := range map[string]int{"ann": rows, "bob": rows / 2} {
		run(`INSERT INTO referrals (tenant_id, id, campaign_id, code, referrer_id, status, created_at)
			SELECT $1, gen_random_uuid(), 'c', upper($2), id, 'PENDING', $3::timestamptz FROM members WHERE tenant_id = $1 AND external_id = $2`, name, at)
		const chunk = 10_000
		step := pastSpan / time.Duration(n)
		for first := 1; first <= n; first += chunk {
			run(`WITH made AS (
			  SELECT i, at, (substr(h, 1, 8) || '-' || substr(h, 9) || '-7' || substr(md5(i::text || $2), 1, 3) || '-8' || substr(md5(i::text || $2), 4, 3)
			                 || '-' || substr(md5(i::text || $2), 7, 12))::uuid AS id
			    FROM (SELECT i, at, lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0') AS h
			            FROM (SELECT i, $3::timestamptz - ($6::int - i) * $7::interval AS at FROM generate_series($4::int, $5::int) AS i) AS x) AS y),
			converted AS (
			  INSERT INTO conversions (tenant_id, id, campaign_id, referral_id, referee_id, version, status, reward_minor, reward_units, created_at)
			  SELECT $1, m.id, 'c', r.id, f.id, 1, CASE WHEN i % 1000 = 17 THEN 'FLAGGED' WHEN i % 3 = 0 THEN 'REJECTED' ELSE 'COMPLETED' END, 0, 0, at
			    FROM made AS m, referrals AS r, members AS f
			   WHERE r.tenant_id = $1 AND r.code = upper($2) AND f.tenant_id = $1 AND f.external_id = 'friend'
			  RETURNING referral_id)
			INSERT INTO rewards (tenant_id, id, campaign_id, referral_id, conversion_id, member_id, role, version, fulfilment, status, value_minor, asset, units, created_at, updated_at)
			SELECT $1, m.id, 'c', r.id, m.id, r.referrer_id, 'REFERRER', 1, CASE WHEN i % 5 = 0 THEN 'MANUAL' ELSE 'DISCOUNT_CODE' END,
			       CASE WHEN i % 1000 = 17 THEN 'PENDING' WHEN i % 2 = 0 THEN 'PAID' ELSE 'APPROVED' END, 0, 1, 0, at, at
			  FROM made AS m, referrals AS r WHERE r.tenant_id = $1 AND r.code = upper($2)`, name, at, first, min(first+chunk-1, n), n, step)
		}
	}
}

func inTx(t testing.TB, fn func(context.Context, pg.Tx) error) error {
	_, err := pg.InTx(t.Context(), pgtest.DB(), func(ctx context.Context, tx pg.Tx) (struct{}, error) { return struct{}{}, fn(ctx, tx) })
	return err
}

// listed reads what a statement finds, one id a row.
func listed(t testing.TB, sql string, args ...any) (ids []string) {
	t.Helper()
	err := inTx(t, func(ctx context.Context, tx pg.Tx) error {
		rows, err := tx.Query(ctx, sql, args...)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var id string
			if err := rows.Scan(&id); err != nil {
				return err
			}
			ids = append(ids, id)
		}
		return rows.Err()
	})
	if err != nil {
		t.Fatal(err)
	}
	return ids
}

// pages reads a list page by page and compares it, and the total that each page
// tells, with what a plain scan finds.
func pages(t *testing.T, want []string, limit int, page func(skip int) ([]string, int64, error)) {
	t.Helper()
	var got []string
	for skip := 0; skip < len(want)+2*limit; skip += limit {
		ids, total, err := page(skip)
		if err != nil {
			t.Fatal(err)
		}
		if total != int64(len(want)) {
			t.Fatalf("after %d the total is %d, want %d", skip, total, len(want))
		}
		got = append(got, ids...)
	}
	if !slices.Equal(got, want) {
		t.Errorf("lists %d in another order or other ones than the %d that are there", len(got), len(want))
	}
}

func TestRewardsOfOneMember(t *testing.T) {
	t.Parallel()
	p, of := programme(t)
	past(t, of, 5000, pg.Now())
	for _, f := range []referral.RewardFilter{
		{}, {Status: referral.RewardApproved}, {Status: referral.RewardPending}, {Fulfilment: referral.Manual},
		{Status: referral.RewardPaid, Fulfilment: referral.Manual}, {Status: referral.RewardCancelled},
	} {
		t.Run(fmt.Sprint(f.Status, " ", f.Fulfilment), func(t *testing.T) {
			t.Parallel()
			f.Member, f.Limit = "ann", 70
			want := listed(t, `SELECT r.id::text FROM rewards AS r JOIN members AS m ON m.tenant_id = r.tenant_id AND m.id = r.member_id
				WHERE r.tenant_id = $1 AND m.external_id = 'ann' AND $2 IN ('', r.status) AND $3 IN ('', r.fulfilment) ORDER BY r.id DESC`,
				of.ID, string(f.Status), string(f.Fulfilment))
			pages(t, want, f.Limit, func(skip int) (ids []string, total int64, err error) {
				f.Skip = skip
				rewards, total, err := p.Rewards(t.Context(), of.ID, f)
				for _, r := range rewards {
					ids = append(ids, r.ID.String())
				}
				return ids, total, err
			})
		})
	}
}

func TestConversionsOfOneCode(t *testing.T) {
	t.Parallel()
	p, of := programme(t)
	now := pg.Now()
	past(t, of, 5000, now)
	day := now.Truncate(24 * time.Hour)
	for name, f := range map[string]referral.ConversionFilter{
		"all": {}, "rejected": {Status: "REJECTED"}, "flagged": {Status: "FLAGGED"}, "of the campaign": {CampaignID: "c"},
		"whole days":   {From: day.Add(-3 * 24 * time.Hour), To: day.Add(-time.Microsecond)},
		"parts of two": {From: now.Add(-3*24*time.Hour - 4*time.Hour), To: now.Add(-24*time.Hour - 2*time.Hour), Status: "COMPLETED"},
		"part of one":  {From: now.Add(-4 * time.Hour), To: now.Add(-2 * time.Hour)}, "later": {From: now.Add(time.Hour)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			from, to := f.From, f.To
			if to.IsZero() {
				to = now.Add(24 * time.Hour)
			}
			f.Code, f.Limit = "aNN", 70
			want := listed(t, `SELECT c.id::text FROM conversions AS c JOIN referrals AS r ON r.tenant_id = c.tenant_id AND r.id = c.referral_id
				WHERE c.tenant_id = $1 AND r.code = 'ANN' AND $2 IN ('', c.status) AND c.created_at BETWEEN $3 AND $4 ORDER BY c.created_at DESC, c.id DESC`,
				of.ID, f.Status, from, to)
			pages(t, want, f.Limit, func(skip int) (ids []string, total int64, err error) {
				f.Skip = skip
				conversions, total, err := p.Conversions(t.Context(), of.ID, f)
				for _, c := range conversions {
					ids = append(ids, c.ID.String())
				}
				return ids, total, err
			})
		})
	}
	for name, f := range map[string]referral.ConversionFilter{"another campaign": {Code: "ANN", CampaignID: "d"}, "no code": {Code: "CID"}} {
		if _, total, err := p.Conversions(t.Context(), of.ID, f); total != 0 || err != nil {
			t.Errorf("%s: %d, %v", name, total, err)
		}
	}
}

// What is counted follows the rows when they move; and no clock that is behind
// puts a conversion before another.
func TestCountsFollow(t *testing.T) {
	t.Parallel()
	p, of := programme(t)
	past(t, of, 400, pg.Now())
	for _, move := range []string{
		`UPDATE rewards SET status = 'CANCELLED' WHERE tenant_id = $1 AND status = 'PENDING'`,
		`UPDATE rewards SET status = 'PAID' WHERE tenant_id = $1 AND status = 'APPROVED' AND fulfilment = 'MANUAL'`,
		`UPDATE conversions SET status = 'REJECTED' WHERE tenant_id = $1 AND status = 'FLAGGED'`,
		`INSERT INTO conversions (tenant_id, id, campaign_id, referral_id, referee_id, version, status, reward_minor, reward_units, created_at)
		 SELECT tenant_id, gen_random_uuid(), campaign_id, referral_id, referee_id, version, 'COMPLETED', 0, 0, created_at - interval '1 hour'
		   FROM conversions WHERE tenant_id = $1 AND place = 200`,
	} {
		if err := inTx(t, func(ctx context.Context, tx pg.Tx) error { _, err := tx.Exec(ctx, move, of.ID); return err }); err != nil {
			t.Fatal(err)
		}
	}
	count := func(sql string) int64 { t.Helper(); return int64(len(listed(t, sql, of.ID))) }
	for _, status := range []referral.RewardStatus{referral.RewardPaid, referral.RewardApproved, referral.RewardPending, referral.RewardCancelled} {
		want := count(`SELECT r.id::text FROM rewards AS r JOIN members AS m ON m.tenant_id = r.tenant_id AND m.id = r.member_id
			WHERE r.tenant_id = $1 AND m.external_id = 'bob' AND r.status = '` + string(status) + `'`)
		if _, total, err := p.Rewards(t.Context(), of.ID, referral.RewardFilter{Member: "bob", Status: status, Limit: 1}); total != want || err != nil {
			t.Errorf("%s: %d, want %d (%v)", status, total, want, err)
		}
	}
	want := count(`SELECT c.id::text FROM conversions AS c JOIN referrals AS r ON r.tenant_id = c.tenant_id AND r.id = c.referral_id
		WHERE c.tenant_id = $1 AND r.code = 'BOB' AND c.status = 'REJECTED'`)
	if _, total, err := p.Conversions(t.Context(), of.ID, referral.ConversionFilter{Code: "bob", Status: "REJECTED", Limit: 1}); total != want || err != nil {
		t.Errorf("rejected: %d, want %d (%v)", total, want, err)
	}
	audited(t, of.ID, "blocks count their conversions", "conversions have their places", "blocks count their rewards", "rewards have their places")
}

// audited runs these of the package's audit checks.
func audited(t testing.TB, tenantID int64, names ...string) {
	t.Helper()
	for _, c := range referral.AuditChecks() {
		if !slices.Contains(names, c.Name) {
			continue
		}
		err := inTx(t, func(ctx context.Context, tx pg.Tx) error {
			o, err := c.Find(ctx, tx, tenantID)
			if o != nil {
				t.Errorf("%s: %s %s", c.Name, o.Where, o.Says)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}
