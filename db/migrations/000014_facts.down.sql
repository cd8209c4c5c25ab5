SET lock_timeout = '5s';
ALTER TABLE code_pools DROP COLUMN IF EXISTS told_empty_at;
ALTER TABLE commits DROP COLUMN IF EXISTS objects;
