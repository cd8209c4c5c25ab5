SET lock_timeout = '5s';
LOCK TABLE referrals, attributions, visits IN SHARE ROW EXCLUSIVE MODE;
ALTER TABLE referrer_hours RESET (fillfactor);
ALTER TABLE attributions RESET (fillfactor);
INSERT INTO visits AS v (tenant_id, campaign_id, referee_id, referral_id, met_at, clicked_at, click_id, email)
SELECT tenant_id, campaign_id, referee_id, referral_id, met_at, clicked_at, click_id, email FROM attributions
    ON CONFLICT (tenant_id, campaign_id, referee_id, referral_id) DO UPDATE
   SET met_at = excluded.met_at, clicked_at = excluded.clicked_at, click_id = excluded.click_id, email = excluded.email;
ALTER TABLE attributions DROP COLUMN email;
ALTER TABLE attributions DROP COLUMN click_id;
ALTER TABLE attributions DROP COLUMN clicked_at;
ALTER TABLE attributions DROP COLUMN met_at;
ALTER TABLE attributions ADD CONSTRAINT attributions_referral_fk FOREIGN KEY (tenant_id, referral_id) REFERENCES referrals (tenant_id, id);
ALTER TABLE referrals ADD COLUMN clicks bigint NOT NULL DEFAULT 0;
ALTER TABLE referrals ADD COLUMN anonymous_at timestamptz;
UPDATE referrals AS r SET clicks = k.clicks, anonymous_at = k.anonymous_at
  FROM referral_clicks AS k WHERE k.tenant_id = r.tenant_id AND k.referral_id = r.id;
DROP TABLE referral_clicks;
