SET lock_timeout = '5s';

-- A commit lives for seconds as it is written: place and block come soon, and the
-- hashes go then. To put them out of line meanwhile cost more than to keep them.
ALTER TABLE commits SET (toast_tuple_target = 8160);
