-- What members did, and how far they are. Everything about a member is read and
-- written under the lock of the member's XP account.

-- name: ProgressListMany :many
-- How far members are, with what they did of one action each. By
-- member_progress_pk and action_counts_pk; what does not exist reads as zeros.
SELECT w.member_id::bigint AS member_id, w.action_id::bigint AS action_id, (p.member_id IS NOT NULL)::boolean AS stored,
       (c.member_id IS NOT NULL)::boolean AS count_stored, COALESCE(p.activities, 0)::bigint AS places, COALESCE(p.active_at, '0001-01-01Z')::timestamptz AS active_at,
       COALESCE(p.level, 0)::integer AS level, COALESCE(p.settled, -1)::bigint AS settled,
       COALESCE(p.next_xp, 0)::bigint AS next_xp, COALESCE(p.next_coins, 0)::bigint AS next_coins,
       COALESCE(c.activities, 0)::bigint AS activities, COALESCE(c.rewarded, 0)::bigint AS rewarded,
       COALESCE(c.rewarded_at, '0001-01-01Z')::timestamptz AS rewarded_at, COALESCE(c.settled, -1)::bigint AS count_settled,
       COALESCE(c.streak_period, '')::text AS streak_period, COALESCE(c.streak_on, '0001-01-01')::date AS streak_on,
       COALESCE(c.streak_current, 0)::integer AS streak_current, COALESCE(c.streak_longest, 0)::integer AS streak_longest
  FROM (SELECT unnest(@member_ids::bigint[]) AS member_id, unnest(@action_ids::bigint[]) AS action_id) AS w
  LEFT JOIN LATERAL (SELECT x.* FROM member_progress AS x
                      WHERE x.tenant_id = @tenant_id AND x.member_id = w.member_id OFFSET 0) AS p ON true
  LEFT JOIN LATERAL (SELECT y.* FROM action_counts AS y
                      WHERE y.tenant_id = @tenant_id AND y.member_id = w.member_id AND y.action_id = w.action_id OFFSET 0) AS c ON true;

-- name: ActivityInsertMany :exec
-- Records activities, with how far their members are, what they did of each action,
-- and the tally of days and minutes. In one statement an event takes 1.5 % less CPU
-- than in several. The rows of members and of their actions exist, and are found by
-- member_progress_pk and action_counts_pk: the tenant comes with each row, so that no
-- plan can walk the tenant's rows. One made for a table that was analyzed with five rows
-- or fewer walks the whole index, until the table is analyzed again, as autovacuum does
-- within a minute of fifty more; INSERT ... ON CONFLICT never would, and takes a third
-- longer. No indexed column changes.
WITH progress AS (
    UPDATE member_progress AS p
       SET activities = w.activities, active_at = w.active_at, level = w.level, settled = w.settled, next_xp = w.next_xp, next_coins = w.next_coins
      FROM (SELECT @tenant_id::bigint AS tenant_id, unnest(@progress_member_ids::bigint[]) AS member_id, unnest(@progress_activities::bigint[]) AS activities,
                   unnest(@active_at::timestamptz[]) AS active_at, unnest(@levels::integer[]) AS level, unnest(@progress_settled::bigint[]) AS settled,
                   unnest(@next_xp::bigint[]) AS next_xp, unnest(@next_coins::bigint[]) AS next_coins) AS w
     WHERE p.tenant_id = w.tenant_id AND p.member_id = w.member_id),
counts AS (
    UPDATE action_counts AS c
       SET activities = w.activities, rewarded = w.rewarded, rewarded_at = NULLIF(w.rewarded_at, '0001-01-01Z'), settled = w.settled,
           streak_period = NULLIF(w.streak_period, ''), streak_on = NULLIF(w.streak_on, '0001-01-01'), streak_current = w.streak_current,
           streak_longest = w.streak_longest
      FROM (SELECT @tenant_id::bigint AS tenant_id, unnest(@count_member_ids::bigint[]) AS member_id, unnest(@count_action_ids::bigint[]) AS action_id,
                   unnest(@count_activities::bigint[]) AS activities, unnest(@rewarded::bigint[]) AS rewarded, unnest(@rewarded_at::timestamptz[]) AS rewarded_at,
                   unnest(@count_settled::bigint[]) AS settled, unnest(@streak_periods::text[]) AS streak_period, unnest(@streak_on::date[]) AS streak_on,
                   unnest(@streak_current::integer[]) AS streak_current, unnest(@streak_longest::integer[]) AS streak_longest) AS w
     WHERE c.tenant_id = w.tenant_id AND c.member_id = w.member_id AND c.action_id = w.action_id),
tally AS (
    INSERT INTO activity_tallies (tenant_id, id, action_ids, minutes, activities)
    SELECT @tenant_id, @tally_id::uuid, @tally_action_ids::bigint[], @tally_minutes::timestamptz[], @tally_activities::bigint[]
     WHERE cardinality(@tally_action_ids) > 0)
INSERT INTO activities (tenant_id, member_id, place, id, action_id, reason, coins, xp, tokens, idempotency_key, record_id, metadata, created_at)
SELECT @tenant_id, unnest(@member_ids::bigint[]), unnest(@places::bigint[]), unnest(@ids::uuid[]), unnest(@action_ids::bigint[]),
       NULLIF(unnest(@reasons::text[]), ''), unnest(@coins::bigint[]), unnest(@xp::bigint[]), unnest(@tokens::bigint[]),
       NULLIF(unnest(@idempotency_keys::text[]), ''), NULLIF(unnest(@record_ids::uuid[]), '00000000-0000-0000-0000-000000000000'::uuid),
       NULLIF(unnest(@metadata::text[]), '')::json, unnest(@created_at::timestamptz[]);

-- name: ProgressInsertMany :exec
-- Stores how far members are, and what they did of an action, where there was no row.
-- The XP accounts are locked, so nobody else can make one.
WITH progress AS (
    INSERT INTO member_progress (tenant_id, member_id, activities, active_at, level, settled, next_xp, next_coins)
    SELECT @tenant_id, unnest(@progress_member_ids::bigint[]), unnest(@progress_activities::bigint[]), unnest(@active_at::timestamptz[]), unnest(@levels::integer[]),
           unnest(@progress_settled::bigint[]), unnest(@next_xp::bigint[]), unnest(@next_coins::bigint[]))
INSERT INTO action_counts (tenant_id, member_id, action_id, activities, rewarded, rewarded_at, settled, streak_period, streak_on, streak_current, streak_longest)
SELECT @tenant_id, unnest(@count_member_ids::bigint[]), unnest(@count_action_ids::bigint[]), unnest(@count_activities::bigint[]), unnest(@rewarded::bigint[]),
       NULLIF(unnest(@rewarded_at::timestamptz[]), '0001-01-01Z'), unnest(@count_settled::bigint[]), NULLIF(unnest(@streak_periods::text[]), ''),
       NULLIF(unnest(@streak_on::date[]), '0001-01-01'), unnest(@streak_current::integer[]), unnest(@streak_longest::integer[]);

-- name: ActivityKeyListMany :many
-- What events with these keys were answered. By activity_keys_pk.
SELECT k.key, k.request_hash, k.status, k.body
  FROM (SELECT unnest(@keys::text[]) AS key) AS w
 CROSS JOIN LATERAL (SELECT x.* FROM activity_keys AS x WHERE x.tenant_id = @tenant_id AND x.key = w.key OFFSET 0) AS k;

-- name: ActivityKeyInsertMany :exec
-- Keeps answers for ever, in the order of the keys so that two servers cannot
-- deadlock. A key that a twin took first fails the transaction (activity_keys_pk).
INSERT INTO activity_keys (tenant_id, key, request_hash, status, body)
SELECT @tenant_id, w.key, w.request_hash, w.status, w.body
  FROM (SELECT unnest(@keys::text[]) AS key, unnest(@request_hashes::bytea[]) AS request_hash,
               unnest(@statuses::smallint[]) AS status, unnest(@bodies::bytea[]) AS body) AS w
 ORDER BY w.key;

-- name: MemberListZones :many
-- The time zones of members that have one. By members_pk.
SELECT m.id, m.time_zone
  FROM (SELECT unnest(@member_ids::bigint[]) AS member_id) AS w
 CROSS JOIN LATERAL (SELECT x.* FROM members AS x
                      WHERE x.tenant_id = @tenant_id AND x.id = w.member_id AND x.time_zone IS NOT NULL OFFSET 0) AS m;

-- name: GrantListMany :many
-- All that members were granted ever, and what they have done of quests: kind
-- tells of what, name is its key or number, and a step's quest. By the primary keys.
SELECT w.member_id::bigint AS member_id, g.kind, g.name, g.action_id, g.done
  FROM (SELECT unnest(@member_ids::bigint[]) AS member_id) AS w
 CROSS JOIN LATERAL (
       SELECT 'level'::text AS kind, l.level::text AS name, 0::bigint AS action_id, 0::integer AS done
         FROM level_grants AS l WHERE l.tenant_id = @tenant_id AND l.member_id = w.member_id
        UNION ALL
       SELECT 'badge', b.badge_key, 0, 0 FROM badge_grants AS b WHERE b.tenant_id = @tenant_id AND b.member_id = w.member_id
        UNION ALL
       SELECT 'milestone', m.milestone_key, 0, 0 FROM milestone_grants AS m WHERE m.tenant_id = @tenant_id AND m.member_id = w.member_id
        UNION ALL
       SELECT 'quest', q.quest_key, 0, 0 FROM quest_grants AS q WHERE q.tenant_id = @tenant_id AND q.member_id = w.member_id
        UNION ALL
       SELECT 'step', p.quest_id::text, p.action_id, p.done FROM quest_progress AS p WHERE p.tenant_id = @tenant_id AND p.member_id = w.member_id
       OFFSET 0) AS g;

-- name: LevelGrantInsertMany :exec
-- Remembers levels granted.
INSERT INTO level_grants (tenant_id, member_id, level, xp_threshold, coins, granted_at)
SELECT @tenant_id, unnest(@member_ids::bigint[]), unnest(@levels::integer[]), unnest(@xp_thresholds::bigint[]), unnest(@coins::bigint[]),
       unnest(@granted_at::timestamptz[]);

-- name: BadgeGrantInsertMany :exec
-- Gives badges to members who never had them.
INSERT INTO badge_grants (tenant_id, member_id, badge_key, source, earned_at)
SELECT @tenant_id, unnest(@member_ids::bigint[]), unnest(@badge_keys::text[]), unnest(@sources::text[]), unnest(@earned_at::timestamptz[]);

-- name: MilestoneGrantInsertMany :exec
-- Remembers milestones reached.
INSERT INTO milestone_grants (tenant_id, member_id, milestone_key, id, name, type, threshold, coins, badge_key, achieved_at)
SELECT @tenant_id, unnest(@member_ids::bigint[]), unnest(@milestone_keys::text[]), unnest(@ids::uuid[]), unnest(@names::text[]), unnest(@types::text[]),
       unnest(@thresholds::bigint[]), unnest(@coins::bigint[]), NULLIF(unnest(@badge_keys::text[]), ''), unnest(@achieved_at::timestamptz[]);

-- name: MilestoneDayAddMany :exec
-- Counts milestones into days, in one order so that two servers cannot deadlock.
INSERT INTO milestone_days AS d (tenant_id, milestone_key, day, shard, milestones)
SELECT @tenant_id, w.milestone_key, w.day, @shard, w.milestones
  FROM (SELECT unnest(@milestone_keys::text[]) AS milestone_key, unnest(@days::date[]) AS day, unnest(@milestones::bigint[]) AS milestones) AS w
 ORDER BY w.milestone_key, w.day
    ON CONFLICT (tenant_id, milestone_key, day, shard) DO UPDATE SET milestones = d.milestones + excluded.milestones;

-- name: QuestProgressUpsertMany :exec
-- Stores what members have done of quests.
INSERT INTO quest_progress AS p (tenant_id, member_id, quest_id, action_id, done)
SELECT @tenant_id, unnest(@member_ids::bigint[]), unnest(@quest_ids::bigint[]), unnest(@action_ids::bigint[]), unnest(@done::integer[])
    ON CONFLICT (tenant_id, member_id, quest_id, action_id) DO UPDATE SET done = excluded.done;

-- name: QuestGrantInsertMany :exec
-- Remembers quests completed.
INSERT INTO quest_grants (tenant_id, member_id, quest_key, coins, xp, tokens, completed_at)
SELECT @tenant_id, unnest(@member_ids::bigint[]), unnest(@quest_keys::text[]), unnest(@coins::bigint[]), unnest(@xp::bigint[]), unnest(@tokens::bigint[]),
       unnest(@completed_at::timestamptz[]);

-- name: ActivityGetSpan :one
-- The places of a member just before one instant and up to another, and the
-- newest. By member_progress_pk, and by binary search along activities_pk.
SELECT p.activities AS newest, activity_at(@tenant_id, @member_id, @from_at::timestamptz, false, p.activities)::bigint AS before_place,
       activity_at(@tenant_id, @member_id, @to_at::timestamptz, true, p.activities)::bigint AS until_place
  FROM member_progress AS p
 WHERE p.tenant_id = @tenant_id AND p.member_id = @member_id;

-- name: ActivityListRange :many
-- A member's activities by place, newest first. By activities_pk.
SELECT * FROM activities WHERE tenant_id = @tenant_id AND member_id = @member_id AND place BETWEEN @oldest AND @newest ORDER BY place DESC;

-- name: ActivityListOfAction :many
-- A member's activities of one action within a range of places, newest first. By activities_pk.
SELECT * FROM activities
 WHERE tenant_id = @tenant_id AND member_id = @member_id AND place BETWEEN @oldest AND @newest AND action_id = @action_id
 ORDER BY place DESC
 LIMIT @max_rows OFFSET @skip_rows;

-- name: ActivityCountOfAction :one
-- How many ActivityListOfAction would list in all. By activities_pk.
SELECT count(*) FROM activities
 WHERE tenant_id = @tenant_id AND member_id = @member_id AND place BETWEEN @oldest AND @newest AND action_id = @action_id;

-- name: ActionCountGet :one
-- How often a member did an action. By action_counts_pk.
SELECT activities FROM action_counts WHERE tenant_id = @tenant_id AND member_id = @member_id AND action_id = @action_id;

-- name: ActivityDayList :many
-- Activities of an action (0: of all) per day, newest day first: those counted, and
-- those that wait. By activity_days_pk and activity_tallies_pk.
SELECT c.day, sum(c.activities)::bigint AS activities
  FROM (SELECT d.day, d.activities FROM activity_days AS d
         WHERE d.tenant_id = @tenant_id AND d.action_id = @action_id AND d.day BETWEEN @from_day AND @to_day
         UNION ALL
        SELECT (w.minute AT TIME ZONE 'UTC')::date, w.activities
          FROM (SELECT unnest(t.action_ids) AS action_id, unnest(t.minutes) AS minute, unnest(t.activities) AS activities
                  FROM activity_tallies AS t WHERE t.tenant_id = @tenant_id) AS w
         WHERE w.action_id = @action_id AND (w.minute AT TIME ZONE 'UTC')::date BETWEEN @from_day AND @to_day) AS c
 GROUP BY c.day
 ORDER BY c.day DESC;

-- name: ActivityMinuteList :many
-- Activities of an action (0: of all) per minute, newest minute first, likewise. By
-- activity_minutes_pk and activity_tallies_pk.
SELECT c.minute, sum(c.activities)::bigint AS activities
  FROM (SELECT d.minute, d.activities FROM activity_minutes AS d
         WHERE d.tenant_id = @tenant_id AND d.action_id = @action_id AND d.minute BETWEEN @from_at AND @to_at
         UNION ALL
        SELECT w.minute, w.activities
          FROM (SELECT unnest(t.action_ids) AS action_id, unnest(t.minutes) AS minute, unnest(t.activities) AS activities
                  FROM activity_tallies AS t WHERE t.tenant_id = @tenant_id) AS w
         WHERE w.action_id = @action_id AND w.minute BETWEEN @from_at AND @to_at) AS c
 GROUP BY c.minute
 ORDER BY c.minute DESC;

-- name: ActivityTallyListTenants :many
-- cross-tenant: who has tallies that wait, for the one who counts them by the way. By
-- activity_tallies_pk; few are left by the last time.
SELECT tenant_id FROM activity_tallies GROUP BY tenant_id;

-- name: ActivityTallyDeleteAll :exec
-- Counts the tallies that wait into days and minutes, in one order so that two servers
-- cannot deadlock.
WITH gone AS (
    DELETE FROM activity_tallies AS t WHERE t.tenant_id = @tenant_id RETURNING t.action_ids, t.minutes, t.activities),
tallied AS (
    SELECT w.action_id, w.minute, sum(w.activities)::bigint AS activities
      FROM (SELECT unnest(g.action_ids) AS action_id, unnest(g.minutes) AS minute, unnest(g.activities) AS activities FROM gone AS g) AS w
     GROUP BY w.action_id, w.minute),
days AS (
    INSERT INTO activity_days AS d (tenant_id, action_id, day, part, activities)
    SELECT @tenant_id, w.action_id, (w.minute AT TIME ZONE 'UTC')::date, 0, sum(w.activities)
      FROM tallied AS w
     GROUP BY w.action_id, (w.minute AT TIME ZONE 'UTC')::date
     ORDER BY w.action_id, (w.minute AT TIME ZONE 'UTC')::date
        ON CONFLICT (tenant_id, action_id, day, part) DO UPDATE SET activities = d.activities + excluded.activities)
INSERT INTO activity_minutes AS d (tenant_id, action_id, minute, part, activities)
SELECT @tenant_id, w.action_id, w.minute, 0, w.activities
  FROM tallied AS w
 ORDER BY w.action_id, w.minute
    ON CONFLICT (tenant_id, action_id, minute, part) DO UPDATE SET activities = d.activities + excluded.activities;

-- name: ActivityCountSpan :one
-- How many activities lie in a part of a minute. By activities_by_time.
SELECT count(*) FROM activities WHERE tenant_id = @tenant_id AND created_at BETWEEN @from_at AND @to_at;

-- name: ActivityCountSpanByAction :one
-- The same of one action. By activities_by_action.
SELECT count(*) FROM activities WHERE tenant_id = @tenant_id AND action_id = @action_id AND created_at BETWEEN @from_at AND @to_at;

-- name: ActivityList :many
-- Activities in a time span, newest first. By activities_by_time.
SELECT sqlc.embed(a), m.external_id
  FROM (SELECT x.tenant_id, x.member_id, x.place, x.created_at, x.id FROM activities AS x
         WHERE x.tenant_id = @tenant_id AND x.created_at BETWEEN @from_at AND @to_at
         ORDER BY x.created_at DESC, x.id DESC LIMIT @max_rows OFFSET @skip_rows) AS page
  JOIN activities AS a ON a.tenant_id = page.tenant_id AND a.member_id = page.member_id AND a.place = page.place
  JOIN members AS m ON m.tenant_id = a.tenant_id AND m.id = a.member_id
 ORDER BY a.created_at DESC, a.id DESC;

-- name: ActivityListByAction :many
-- The same of one action. By activities_by_action.
SELECT sqlc.embed(a), m.external_id
  FROM (SELECT x.tenant_id, x.member_id, x.place, x.created_at, x.id FROM activities AS x
         WHERE x.tenant_id = @tenant_id AND x.action_id = @action_id AND x.created_at BETWEEN @from_at AND @to_at
         ORDER BY x.created_at DESC, x.id DESC LIMIT @max_rows OFFSET @skip_rows) AS page
  JOIN activities AS a ON a.tenant_id = page.tenant_id AND a.member_id = page.member_id AND a.place = page.place
  JOIN members AS m ON m.tenant_id = a.tenant_id AND m.id = a.member_id
 ORDER BY a.created_at DESC, a.id DESC;

-- name: ActivityListTold :many
-- The activities that events are, with action and member. By activities_pk, actions_id_unique and members_pk.
SELECT a.member_id, a.place, a.id, a.reason, a.coins, a.xp, a.tokens, a.metadata, a.created_at, x.key AS action_key, m.external_id
  FROM (SELECT unnest(@member_ids::bigint[]) AS member_id, unnest(@places::bigint[]) AS place) AS w
 CROSS JOIN LATERAL (SELECT y.* FROM activities AS y WHERE y.tenant_id = @tenant_id AND y.member_id = w.member_id AND y.place = w.place OFFSET 0) AS a
 CROSS JOIN LATERAL (SELECT y.key FROM actions AS y WHERE y.tenant_id = @tenant_id AND y.id = a.action_id OFFSET 0) AS x
 CROSS JOIN LATERAL (SELECT y.external_id FROM members AS y WHERE y.tenant_id = @tenant_id AND y.id = w.member_id OFFSET 0) AS m;
