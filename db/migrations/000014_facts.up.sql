SET lock_timeout = '5s';

-- An event may be about a row that has an id of its own. What members and facts
-- say of an event they say at its place, too: members is members.id of the
-- transfer, activity or member that the event is, or is about (0: none), facts
-- what no address tells (null, or beyond the array's end: nothing).
ALTER TABLE commits ADD COLUMN objects uuid[] NOT NULL DEFAULT '{}'; -- its events in order: id of the order, referral, click, conversion or reward that the event is about; all zeros, or beyond the end: none

-- A pool that runs out is told once, until codes are put in.
ALTER TABLE code_pools ADD COLUMN told_empty_at timestamptz; -- UTC; null: it has codes, or nobody missed them yet
