-- For sqlc alone, which knows no system columns; never run on a database. Where a row
-- of these tables lies (ctid): whoever holds its lock, or the lock that guards it,
-- finds it there again without an index until the transaction ends.
ALTER TABLE accounts ADD COLUMN ctid tid NOT NULL;
ALTER TABLE member_progress ADD COLUMN ctid tid NOT NULL;
ALTER TABLE action_counts ADD COLUMN ctid tid NOT NULL;
