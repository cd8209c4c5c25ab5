SET lock_timeout = '5s';
DROP TABLE IF EXISTS feeds;
DROP TABLE IF EXISTS commits;
