SET lock_timeout = '5s';

ALTER TABLE activity_days RENAME COLUMN part TO shard;
ALTER TABLE activity_minutes RENAME COLUMN part TO shard;

INSERT INTO activity_days AS d (tenant_id, action_id, day, shard, activities)
SELECT t.tenant_id, t.action_id, (t.minute AT TIME ZONE 'UTC')::date, 0, sum(t.activities)
  FROM (SELECT tenant_id, unnest(action_ids) AS action_id, unnest(minutes) AS minute, unnest(activities) AS activities FROM activity_tallies) AS t
 GROUP BY 1, 2, 3
    ON CONFLICT (tenant_id, action_id, day, shard) DO UPDATE SET activities = d.activities + excluded.activities;
INSERT INTO activity_minutes AS d (tenant_id, action_id, minute, shard, activities)
SELECT t.tenant_id, t.action_id, t.minute, 0, sum(t.activities)
  FROM (SELECT tenant_id, unnest(action_ids) AS action_id, unnest(minutes) AS minute, unnest(activities) AS activities FROM activity_tallies) AS t
 GROUP BY 1, 2, 3
    ON CONFLICT (tenant_id, action_id, minute, shard) DO UPDATE SET activities = d.activities + excluded.activities;
DROP TABLE activity_tallies;
