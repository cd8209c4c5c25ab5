SET lock_timeout = '5s';

DROP INDEX webhook_deliveries_settled;
