SET lock_timeout = '5s';

DROP FUNCTION standings_portion(bigint, integer);
