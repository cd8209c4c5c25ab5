SET lock_timeout = '5s';

ALTER TABLE commits DROP COLUMN leaves;
