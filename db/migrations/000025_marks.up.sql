SET lock_timeout = '5s';

-- Whoever keeps something under the lock of an account, as the incentive engine keeps
-- how far a member is under that of XP, draws a mark whenever it stores it: who knows
-- what was stored with the mark that the row bears need not read it again.
ALTER TABLE accounts ADD COLUMN mark bigint NOT NULL DEFAULT 0; -- drawn at random; 0: never
