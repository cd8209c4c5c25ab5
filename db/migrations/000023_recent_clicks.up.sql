SET lock_timeout = '5s';

-- How many clicks a referrer's codes had within a day is kept with each code: one row
-- for a click to change instead of two. Who is asked about is one referrer and what was
-- clicked since an hour, hence the index; its columns change once an hour, so that most
-- updates stay heap-only.
LOCK TABLE clicks, referral_clicks, referrer_hours IN SHARE ROW EXCLUSIVE MODE;
ALTER TABLE referral_clicks ADD COLUMN referrer_id bigint; -- members.id, the referral's holder
ALTER TABLE referral_clicks ADD COLUMN hour timestamptz; -- UTC, the beginning of the newest hour with a counted click
ALTER TABLE referral_clicks ADD COLUMN recent bigint[]; -- counted in that hour and in those before it, newest first, at most 24
UPDATE referral_clicks AS k SET referrer_id = r.referrer_id, hour = '1970-01-01Z', recent = '{0}'
  FROM referrals AS r WHERE r.tenant_id = k.tenant_id AND r.id = k.referral_id;
WITH hours AS (
    SELECT c.tenant_id, c.referral_id, date_trunc('hour', c.created_at, 'UTC') AS hour, count(*) AS n
      FROM clicks AS c WHERE c.counted GROUP BY 1, 2, 3),
newest AS (
    SELECT h.tenant_id, h.referral_id, max(h.hour) AS hour FROM hours AS h GROUP BY 1, 2),
days AS (
    SELECT w.tenant_id, w.referral_id, w.hour, array_agg(COALESCE(h.n, 0) ORDER BY w.hour - w.at) AS recent
      FROM (SELECT n.*, n.hour - i * interval '1 hour' AS at FROM newest AS n CROSS JOIN generate_series(0, 23) AS i) AS w
      LEFT JOIN hours AS h ON h.tenant_id = w.tenant_id AND h.referral_id = w.referral_id AND h.hour = w.at
     GROUP BY w.tenant_id, w.referral_id, w.hour)
UPDATE referral_clicks AS k SET hour = d.hour, recent = d.recent
  FROM days AS d WHERE d.tenant_id = k.tenant_id AND d.referral_id = k.referral_id;
ALTER TABLE referral_clicks ALTER COLUMN referrer_id SET NOT NULL;
ALTER TABLE referral_clicks ALTER COLUMN hour SET NOT NULL;
ALTER TABLE referral_clicks ALTER COLUMN recent SET NOT NULL;
CREATE INDEX referral_clicks_by_referrer ON referral_clicks (tenant_id, referrer_id, hour);
ALTER TABLE referrer_hours DROP COLUMN clicks;
