package bench

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/incent-dev/incent/internal/pg"
)

// codeText is how every code here is called, in a request.
const codeText = "CODE" + codeDigits

// rewardMinor is what each conversion earned its referrer.
const rewardMinor = 500

// programme describes a campaign with a past.
type programme struct {
	Tenant    int64
	Campaign  string
	Members   int64
	Referrals int64 // by the first members, one each
}

// fillProgramme writes what the members @first to @last did.
var fillProgramme = []string{
	`INSERT INTO members (tenant_id, id, external_id, created_at, updated_at)
	 SELECT @tenant::bigint, @base::bigint + i, 'mem_' || lpad(i::text, 9, '0'), @at::timestamptz, @at
	   FROM generate_series(@first::bigint, @last::bigint) AS i`,

	`INSERT INTO referrals (tenant_id, id, campaign_id, code, referrer_id, status, created_at)
	 SELECT @tenant::bigint, gen_random_uuid(), @campaign::text, 'CODE' || lpad(i::text, 9, '0'), @base::bigint + i, 'PENDING', @at::timestamptz
	   FROM generate_series(@first::bigint, LEAST(@last::bigint, @referrals::bigint)) AS i`,
}

// make writes the past in chunks of members and tells done how many rows each took.
func (p programme) make(ctx context.Context, url string, at time.Time, done func(rows int)) error {
	args := pgx.NamedArgs{"tenant": p.Tenant, "campaign": p.Campaign, "base": pg.NewKey(), "at": at, "referrals": p.Referrals}
	if err := inChunks(ctx, url, fillProgramme, args, p.Members, fillRows/10, done); err != nil {
		return err
	}
	err := execOn(ctx, url, []string{
		`INSERT INTO campaign_totals (tenant_id, campaign_id, shard, referrals)
		 SELECT r.tenant_id, r.campaign_id, 0, count(*) FROM referrals AS r GROUP BY r.tenant_id, r.campaign_id`,
	})
	if err != nil {
		return err
	}
	return settle(ctx, url, "members", "referrals")
}
