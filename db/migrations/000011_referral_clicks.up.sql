SET lock_timeout = '5s';

-- What moves below must not change meanwhile.
LOCK TABLE referrals, attributions, visits IN SHARE ROW EXCLUSIVE MODE;

-- What was clicked on a code, apart from its referral since every click writes
-- here: narrow, without checks, and its updates leave the index alone. No row: nothing yet.
CREATE TABLE referral_clicks (
    tenant_id    bigint      NOT NULL, -- owner
    referral_id  uuid        NOT NULL, -- referrals.id
    clicks       bigint      NOT NULL, -- counted
    anonymous_at timestamptz, -- UTC; newest click by nobody in particular
    CONSTRAINT referral_clicks_pk PRIMARY KEY (tenant_id, referral_id)
) WITH (fillfactor = 50); -- room for heap-only updates
INSERT INTO referral_clicks (tenant_id, referral_id, clicks, anonymous_at)
SELECT tenant_id, id, clicks, anonymous_at FROM referrals WHERE clicks > 0 OR anonymous_at IS NOT NULL;
ALTER TABLE referrals DROP COLUMN clicks;
ALTER TABLE referrals DROP COLUMN anonymous_at;

-- An attribution says, too, when the referee met the code that they are bound to:
-- a click within 24 hours of the last one does not count, and a conversion is
-- timed from it. Most referees meet one code only, and this row is then all that a
-- click leaves beside itself and its count. Without a foreign key: to look the
-- referral up again, which the click has just read and nothing ever deletes, cost
-- as much as the row itself; the audit does. What remains in visits are codes
-- that a referee is not bound to, or met before being bound to any; they are
-- guarded by the attribution's lock.
ALTER TABLE attributions DROP CONSTRAINT attributions_referral_fk;
ALTER TABLE attributions ADD COLUMN met_at timestamptz; -- UTC; newest click or conversion on that code
ALTER TABLE attributions ADD COLUMN clicked_at timestamptz; -- UTC; newest click on it, counted or not; null: never clicked
ALTER TABLE attributions ADD COLUMN click_id uuid; -- clicks.id of that click
ALTER TABLE attributions ADD COLUMN email text; -- the referee's, of the newest click on it that told it; personal data
UPDATE attributions AS a SET met_at = a.created_at WHERE a.met_at IS NULL;
UPDATE attributions AS a SET met_at = v.met_at, clicked_at = v.clicked_at, click_id = v.click_id, email = v.email
  FROM visits AS v
 WHERE v.tenant_id = a.tenant_id AND v.campaign_id = a.campaign_id AND v.referee_id = a.referee_id AND v.referral_id = a.referral_id;
DELETE FROM visits AS v USING attributions AS a
 WHERE a.tenant_id = v.tenant_id AND a.campaign_id = v.campaign_id AND a.referee_id = v.referee_id AND a.referral_id = v.referral_id;
ALTER TABLE attributions ALTER COLUMN met_at SET NOT NULL;
ALTER TABLE attributions SET (fillfactor = 80); -- room for heap-only updates
ALTER TABLE referrer_hours SET (fillfactor = 50); -- likewise
