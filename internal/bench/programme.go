package bench

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/incent-dev/incent/internal/pg"
)

const (
	codeName    = "CODE" // how every code here begins; nine digits follow
	rewardMinor = 500    // what a conversion earns the referrer
	amountMinor = 4999   // of every conversion

	// programmeHours is how long ago the first code was made: within the
	// attribution window.
	programmeHours = 60 * 24
)

// programme describes a campaign with a past. The first members have a code
// each, in the order of their numbers; each code has as many clicks: two by the
// next member, of which the first counts, the others by nobody in particular.
// Of every few codes one converted that member. What concerns one code happened
// within one hour.
type programme struct {
	Tenant      int64
	Campaign    string
	Members     int64
	Referrals   int64 // at most as many as members
	Clicks      int64 // a multiple of Referrals
	Conversions int64 // Referrals is a multiple of it; each takes a click
}

// orderedID is SQL for a version 7 UUID of an instant and a number.
func orderedID(at, number string) string {
	return fmt.Sprintf(`(lpad(to_hex((extract(epoch FROM %s) * 1000)::bigint), 12, '0') || '70008' || lpad(to_hex(%s), 15, '0'))::uuid`, at, number)
}

// codes is SQL for the codes of a chunk: their number i, when they were made, the
// number of the member whom they reached, and whether that one converted.
const codes = `(SELECT i, @at::timestamptz - (@referrals::bigint - i) * @hours::bigint / @referrals * interval '1 hour' AS made_at,
	        i % @referrals + 1 AS referee, @every::bigint > 0 AND i % GREATEST(@every, 1) = 0 AS converted
	   FROM generate_series(@first::bigint, LEAST(@last::bigint, @referrals)) AS i) AS c`

// fillProgramme writes what the members @first to @last did, as the owner of the
// tables. @base is the key before the first member's; @at the newest whole hour; each
// code has @each clicks, and one of @every was converted by (0: none).
var fillProgramme = []string{
	`INSERT INTO members (tenant_id, id, external_id, created_at, updated_at)
	 SELECT @tenant::bigint, @base::bigint + i, 'mem_' || lpad(i::text, 9, '0'), @at::timestamptz, @at
	   FROM generate_series(@first::bigint, @last::bigint) AS i`,

	`INSERT INTO referrals (tenant_id, id, campaign_id, code, referrer_id, status, conversions, created_at, completed_at)
	 SELECT @tenant::bigint, ` + referralID + `, @campaign::text, 'CODE' || lpad(c.i::text, 9, '0'), @base::bigint + c.i,
	        CASE WHEN c.converted THEN 'COMPLETED' ELSE 'PENDING' END, c.converted::int, c.made_at, CASE WHEN c.converted THEN ` + convertedAt + ` END
	   FROM ` + codes,

	`INSERT INTO clicks (tenant_id, id, referral_id, referee_id, counted, created_at)
	 SELECT @tenant::bigint, ` + clickID + `, ` + referralID + `, CASE WHEN n <= 2 THEN @base::bigint + c.referee END, n <> 2, ` + clickedAt + `
	   FROM ` + codes + ` CROSS JOIN generate_series(1, @each::bigint) AS n`,

	`INSERT INTO referral_clicks (tenant_id, referral_id, referrer_id, clicks, anonymous_at, hour, recent)
	 SELECT @tenant::bigint, ` + referralID + `, @base::bigint + c.i, n - CASE WHEN n >= 2 THEN 1 ELSE 0 END, CASE WHEN n >= 3 THEN ` + clickedAt + ` END,
	        c.made_at, ARRAY[n - CASE WHEN n >= 2 THEN 1 ELSE 0 END]
	   FROM ` + codes + ` CROSS JOIN (SELECT @each::bigint AS n) AS clicked
	  WHERE n > 0`,

	`INSERT INTO attributions (tenant_id, campaign_id, referee_id, referral_id, click_id, clicked_at, met_at, created_at, converted_at, paid_at)
	 SELECT @tenant::bigint, @campaign::text, @base::bigint + c.referee, ` + referralID + `, ` + clickID + `, ` + clickedAt + `,
	        CASE WHEN c.converted THEN ` + convertedAt + ` ELSE ` + clickedAt + ` END, c.made_at + interval '1 minute',
	        CASE WHEN c.converted THEN ` + convertedAt + ` END, CASE WHEN c.converted THEN ` + convertedAt + ` END
	   FROM ` + codes + ` CROSS JOIN (SELECT LEAST(@each::bigint, 2) AS n) AS clicked
	  WHERE n > 0`,

	`INSERT INTO conversions (tenant_id, id, campaign_id, referral_id, referee_id, click_id, version, status, amount_minor, reward_minor, reward_units, place, created_at)
	 SELECT @tenant::bigint, ` + conversionID + `, @campaign::text, ` + referralID + `, @base::bigint + c.referee, ` + clickID + `, 1, 'COMPLETED',
	        @amount::bigint, @reward::bigint, 0, 1, ` + convertedAt + `
	   FROM ` + codes + ` CROSS JOIN (SELECT LEAST(@each::bigint, 2) AS n) AS clicked
	  WHERE c.converted`,

	`INSERT INTO rewards (tenant_id, id, campaign_id, referral_id, conversion_id, member_id, role, version, fulfilment, status, value_minor, asset, units,
	                      place, created_at, updated_at)
	 SELECT @tenant::bigint, ` + conversionID + `, @campaign::text, ` + referralID + `, ` + conversionID + `, @base::bigint + c.i, 'REFERRER', 1, 'MANUAL',
	        'APPROVED', @reward::bigint, 1, 0, 1, ` + convertedAt + `, ` + convertedAt + `
	   FROM ` + codes + `
	  WHERE c.converted`,

	`INSERT INTO tallies (tenant_id, campaign_id, member_id, rewards, granted_minor)
	 SELECT @tenant::bigint, @campaign::text, @base::bigint + c.i, 1, @reward::bigint
	   FROM ` + codes + `
	  WHERE c.converted`,

	`INSERT INTO referrer_hours (tenant_id, member_id, hour, referrals, conversions)
	 SELECT @tenant::bigint, @base::bigint + c.i, c.made_at, 1, c.converted::int
	   FROM ` + codes,
}

// What fillProgramme's statements say of a code c, and of its click n.
const (
	clickedAt   = `c.made_at + n * interval '1 minute'`
	convertedAt = `c.made_at + interval '50 minutes'`
)

var (
	referralID   = orderedID("c.made_at", "c.i")
	clickID      = orderedID(clickedAt, "c.i * 64 + n")
	conversionID = orderedID(convertedAt, "c.i")
)

// totalProgramme counts what was written, in all shards as servers would.
var totalProgramme = []string{
	`INSERT INTO campaign_hours (tenant_id, campaign_id, hour, shard, clicks, conversions)
	 SELECT @tenant::bigint, @campaign::text, h.hour, h.s, sum(h.clicks), sum(h.conversions)
	   FROM ` + doneProgramme + `
	  GROUP BY h.hour, h.s`,

	`INSERT INTO campaign_totals (tenant_id, campaign_id, shard, referrals, clicks, conversions, reward_minor, amounts, amount_sum, amount_sq)
	 SELECT @tenant::bigint, @campaign::text, t.s, t.referrals, t.clicks, t.conversions, t.conversions * @reward::bigint,
	        t.conversions, t.conversions * ln(@amount::float8), t.conversions * ln(@amount::float8) ^ 2
	   FROM (SELECT h.s, sum(h.referrals) AS referrals, sum(h.clicks) AS clicks, sum(h.conversions) AS conversions
	           FROM ` + doneProgramme + ` GROUP BY h.s) AS t`,
}

// doneProgramme is SQL for what was done by the hour and shard.
const doneProgramme = `(SELECT hour, member_id % 16 AS s, referrals, 0 AS clicks, conversions FROM referrer_hours WHERE tenant_id = @tenant::bigint
	          UNION ALL
	         SELECT hour, referrer_id % 16, 0, clicks, 0 FROM referral_clicks WHERE tenant_id = @tenant::bigint) AS h`

var programmeTables = []string{
	"members", "referrals", "clicks", "referral_clicks", "attributions", "conversions", "rewards", "tallies", "referrer_hours", "campaign_totals", "campaign_hours",
}

// make writes the past in chunks of members and tells done how many rows each
// took. url is the database's address as the owner of its tables.
func (p programme) make(ctx context.Context, url string, at time.Time, done func(rows int)) error {
	args := pgx.NamedArgs{
		"tenant": p.Tenant, "campaign": p.Campaign, "base": pg.NewKey(), "at": at.Truncate(time.Hour).Add(-time.Hour), "hours": programmeHours,
		"referrals": p.Referrals, "each": p.Clicks / p.Referrals, "every": int64(0), "amount": amountMinor, "reward": rewardMinor,
	}
	if p.Conversions > 0 {
		args["every"] = p.Referrals / p.Conversions
	}
	if err := inChunks(ctx, url, fillProgramme, args, p.Members, max(1, fillRows*p.Members/p.rows()), done); err != nil {
		return err
	}
	if err := inChunks(ctx, url, totalProgramme, args, 1, 1, func(int) {}); err != nil {
		return err
	}
	return settle(ctx, url, programmeTables...)
}

// rows is how many rows the past takes, but for the totals: what its progress counts.
func (p programme) rows() int64 {
	rows := p.Members + 2*p.Referrals + p.Clicks + 3*p.Conversions
	if p.Clicks > 0 {
		rows += 2 * p.Referrals
	}
	return rows
}

func (p programme) String() string {
	return fmt.Sprintf("%d members, %d codes, %d clicks, %d conversions", p.Members, p.Referrals, p.Clicks, p.Conversions)
}

func (p programme) makeWithProgress(ctx context.Context, url string, out io.Writer) error {
	return withProgress(out, p.rows(), func(done func(int)) error { return p.make(ctx, url, pg.Now(), done) })
}

// check finds what make could not do.
func (p programme) check() error {
	var wrong []string
	if p.Referrals < 1 || p.Referrals > p.Members || p.Clicks < 0 || p.Conversions < 0 {
		wrong = append(wrong, "there must be a code at least, and a member for each")
	}
	if p.Referrals > 0 && p.Clicks%p.Referrals != 0 || p.Conversions > 0 && (p.Referrals%p.Conversions != 0 || p.Clicks == 0) {
		wrong = append(wrong, "clicks must be a multiple of codes, codes of conversions, and who converts must have clicked")
	}
	if wrong != nil {
		return fmt.Errorf("%s: %s", p, strings.Join(wrong, "; "))
	}
	return nil
}
