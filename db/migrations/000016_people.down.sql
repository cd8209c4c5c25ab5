SET lock_timeout = '5s';

DROP TABLE budgets;
ALTER TABLE tenants DROP COLUMN incentable_minute_calls;
ALTER TABLE tenants DROP COLUMN incenta_month_calls;
