SET lock_timeout = '5s';

-- By which settled deliveries are found when they are old. While it is made, marks
-- of deliveries wait; no caller does.
CREATE INDEX webhook_deliveries_settled ON webhook_deliveries (tenant_id, attempted_at) WHERE state <> 'pending';
