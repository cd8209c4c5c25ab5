SET lock_timeout = '5s';
LOCK TABLE clicks, referral_clicks, referrer_hours IN SHARE ROW EXCLUSIVE MODE;
ALTER TABLE referrer_hours ADD COLUMN clicks bigint NOT NULL DEFAULT 0;
INSERT INTO referrer_hours AS h (tenant_id, member_id, hour, referrals, clicks, conversions)
SELECT c.tenant_id, r.referrer_id, date_trunc('hour', c.created_at, 'UTC'), 0, count(*), 0
  FROM clicks AS c
  JOIN referrals AS r ON r.tenant_id = c.tenant_id AND r.id = c.referral_id
 WHERE c.counted
 GROUP BY 1, 2, 3
    ON CONFLICT (tenant_id, member_id, hour) DO UPDATE SET clicks = excluded.clicks;
ALTER TABLE referrer_hours ALTER COLUMN clicks DROP DEFAULT;
ALTER TABLE referral_clicks DROP COLUMN recent;
ALTER TABLE referral_clicks DROP COLUMN hour;
ALTER TABLE referral_clicks DROP COLUMN referrer_id;
