-- For sqlc alone, which knows no system columns; never run on a database. Where a row
-- lies (ctid): whoever locked it finds it there again, without an index, until it
-- writes it or its transaction ends.
ALTER TABLE accounts ADD COLUMN ctid tid NOT NULL;
