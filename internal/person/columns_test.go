package person_test

import (
	"strings"
	"testing"

	"github.com/incent-dev/incent/internal/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// What a column that could hold text about a person is about. Whoever adds one
// says here what an erasure does with it.
const (
	gone   = "gone"   // a pass, or the beginning of the erasure, removes it
	sealed = "sealed" // with the key that is destroyed
	ours   = "ours"   // the tenant's own configuration, or one of a few words of ours
	bought = "bought" // codes, which say nothing about anybody
	hashed = "hashed" // of what says who it was only a keyed hash, or a hash of the caller's key, is kept
)

var columns = map[string]string{
	"actions": ours, "badges": ours, "order_days": ours, "campaign_hours": ours, "campaign_totals": ours, "campaign_versions": ours, "campaigns": ours,
	"code_pools": ours, "items": ours, "levels": ours, "milestones": ours, "milestone_days": ours, "offers": ours, "order_spans": ours, "partner_days": ours,
	"partners": ours, "quest_steps": ours, "quests": ours, "sales": ours, "tenants": ours, "api_keys": ours, "api_key_secrets": ours, "server_secrets": ours,
	"boards": ours, "case_days": ours, "conversion_blocks": ours, "conversion_days": ours, "hold_days": ours, "reward_blocks": ours, "reward_days": ours, "tallies": ours,
	"quest_grants": ours, "badge_grants": ours, "milestone_grants": ours, "action_counts": ours, "codes": bought,
	"webhook_endpoints": ours, "webhook_secrets": ours, "webhook_deliveries": ours, // no bodies; of answers only headers that tell of the receiver

	"sealed_blocks": hashed, "chains": hashed,

	"commits.leaves":                hashed,
	"commits.facts":                 ours, // ids and amounts: internal/event, invariant 4
	"members.external_id":           gone,
	"members.name":                  gone,
	"members.email":                 gone,
	"members.time_zone":             gone,
	"erasures.digest":               hashed,
	"erasures.words":                gone,
	"idempotency_keys.key":          hashed,
	"idempotency_keys.request_hash": hashed,
	"idempotency_keys.body":         gone,
	"transfers.memo":                sealed,
	"holds.state":                   ours,
	"holds.reason":                  gone,
	"holds.reference":               gone,
	"holds.metadata":                gone,
	"orders.item_id":                ours,
	"orders.item_name":              ours,
	"orders.kind":                   ours,
	"orders.status":                 ours,
	"orders.codes":                  bought,
	"orders.address":                gone,
	"orders.tracking_number":        gone,
	"orders.carrier":                gone,
	"referrals.campaign_id":         ours,
	"referrals.code":                gone,
	"referrals.username":            gone,
	"referrals.email":               gone,
	"referrals.network":             gone,
	"referrals.device":              gone,
	"referrals.status":              ours,
	"referrals.warning":             ours,
	"referrals.reasons":             ours,
	"clicks.network":                gone,
	"clicks.device":                 gone,
	"visits.campaign_id":            ours,
	"visits.email":                  gone,
	"attributions.campaign_id":      ours,
	"attributions.email":            gone,
	"conversions.campaign_id":       ours,
	"conversions.status":            ours,
	"conversions.reason":            ours,
	"conversions.warning":           ours,
	"conversions.reasons":           ours,
	"conversions.network":           gone,
	"conversions.device":            gone,
	"conversions.metadata":          gone,
	"sightings.kind":                gone,
	"sightings.trait":               gone,
	"rewards.campaign_id":           ours,
	"rewards.role":                  ours,
	"rewards.fulfilment":            ours,
	"rewards.status":                ours,
	"rewards.pool_id":               ours,
	"rewards.code":                  bought,
	"signals.name":                  ours,
	"signals.evidence":              gone,
	"cases.campaign_id":             ours,
	"cases.state":                   ours,
	"cases.note":                    gone,
	"blocked.kind":                  gone,
	"blocked.value":                 gone,
	"blocked.note":                  gone,
	"activities.reason":             ours,
	"activities.idempotency_key":    gone,
	"activities.metadata":           gone,
	"activity_keys.key":             gone,
	"activity_keys.request_hash":    gone,
	"activity_keys.body":            gone,
}

// Every column that can hold text, bytes or JSON is known to this package; and
// of those that may be personal the planner keeps no samples.
func TestEveryColumnIsKnown(t *testing.T) {
	t.Parallel()
	rows, err := pgtest.DB().Query(t.Context(), `
		SELECT c.relname::text, a.attname::text, COALESCE(a.attstattarget, -1)::int
		  FROM pg_attribute AS a
		  JOIN pg_class AS c ON c.oid = a.attrelid AND c.relkind = 'r'
		  JOIN pg_namespace AS n ON n.oid = c.relnamespace AND n.nspname = 'public'
		 WHERE a.attnum > 0 AND NOT a.attisdropped AND c.relname <> 'schema_migrations' AND c.relname NOT LIKE 'river%'
		   AND format_type(a.atttypid, NULL) IN ('text', 'text[]', 'character varying', 'json', 'jsonb', 'bytea', 'inet', 'character')
		 ORDER BY c.relname, a.attname`)
	if err != nil {
		t.Fatal(err)
	}
	met := map[string]bool{}
	for rows.Next() {
		var table, column string
		var samples int
		if err := rows.Scan(&table, &column, &samples); err != nil {
			t.Fatal(err)
		}
		name := table
		what, known := columns[table]
		if !known {
			name = table + "." + column
			what, known = columns[name]
		}
		met[name] = true
		if !known {
			t.Errorf("%s is new: say in columns what an erasure does with it, and have a pass do it", name)
		}
		if kept := what == gone && !strings.HasPrefix(name, "members.time_zone"); kept && samples != 0 && column != "kind" && column != "request_hash" {
			t.Errorf("of %s the planner keeps samples: SET STATISTICS 0", name)
		}
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	for name := range columns {
		if !met[name] {
			t.Errorf("there is no %s any more", name)
		}
	}
}
