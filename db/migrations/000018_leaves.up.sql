SET lock_timeout = '5s';

-- A commit brings the hashes of its transfers along, so that sealing need not read
-- the books again.
ALTER TABLE commits
    ADD COLUMN leaves bytea; -- SHA-256 of each transfer that it names, those of its events first; null: it names none, or a block holds them, or they are to be read
ALTER TABLE commits ALTER COLUMN leaves SET STORAGE EXTERNAL; -- hashes cannot be compressed
