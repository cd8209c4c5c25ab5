package crash

// untoldRow is a row that no event of the feed is about.
type untoldRow struct{ What, ID string }

// untoldSQL finds what should have been told when it was made, and was not. That
// what is told is there, and is told once, the audit finds out.
const untoldSQL = `
WITH told AS MATERIALIZED (
  SELECT unnest(kinds) AS kind, unnest(members) AS member, unnest(assets) AS asset, unnest(seqs) AS seq, unnest(objects) AS object
    FROM commits WHERE tenant_id = $1)
SELECT what, id FROM (
  SELECT 'member' AS what, m.id::text AS id FROM members m
   WHERE m.tenant_id = $1 AND NOT EXISTS (SELECT FROM told t WHERE t.kind = 5 AND t.member = m.id)
  UNION ALL
  SELECT 'transfer', x.member_id || ' ' || x.seq FROM transfers x
   WHERE x.tenant_id = $1 AND x.asset = 1 AND x.kind IN (1, 3, 7, 8, 9, 10)
     AND NOT EXISTS (SELECT FROM told t WHERE t.member = x.member_id AND t.asset = x.asset AND t.seq = x.seq)
  UNION ALL
  SELECT 'order', o.id::text FROM orders o
   WHERE o.tenant_id = $1 AND NOT EXISTS (SELECT FROM told t WHERE t.kind = 8 AND t.object = o.id)
  UNION ALL
  SELECT 'end of order', o.id::text FROM orders o
   WHERE o.tenant_id = $1 AND o.status IN ('completed', 'cancelled')
     AND NOT EXISTS (SELECT FROM told t WHERE t.kind IN (11, 12) AND t.object = o.id)
  UNION ALL
  SELECT 'code', r.id::text FROM referrals r
   WHERE r.tenant_id = $1 AND NOT EXISTS (SELECT FROM told t WHERE t.kind = 21 AND t.object = r.id)
  UNION ALL
  SELECT 'click', k.id::text FROM clicks k
   WHERE k.tenant_id = $1 AND NOT EXISTS (SELECT FROM told t WHERE t.kind = 22 AND t.object = k.id)
  UNION ALL
  SELECT 'conversion', c.id::text FROM conversions c
   WHERE c.tenant_id = $1 AND NOT EXISTS (SELECT FROM told t WHERE t.kind = 23 AND t.object = c.id)
  UNION ALL
  SELECT 'reward', w.id::text FROM rewards w
   WHERE w.tenant_id = $1 AND NOT EXISTS (SELECT FROM told t WHERE t.kind = 24 AND t.object = w.id)
  UNION ALL
  SELECT 'claim', w.id::text FROM rewards w
   WHERE w.tenant_id = $1 AND w.claimed_at IS NOT NULL AND NOT EXISTS (SELECT FROM told t WHERE t.kind = 25 AND t.object = w.id)
  UNION ALL
  SELECT 'activity', a.id::text FROM activities a
   WHERE a.tenant_id = $1 AND NOT EXISTS (SELECT FROM told t WHERE t.kind = 28 AND t.member = a.member_id AND t.seq = a.place)) x
 ORDER BY what, id LIMIT 100`

// compareFeed wants everything told that was acknowledged, or happened.
func (c *claims) compareFeed(b *books) {
	for _, u := range b.Untold {
		c.find(lost, "%s %s is in no event", u.What, u.ID)
	}
}
