-- Queries of the incentive engine's part of an audit: the first row that breaks
-- an invariant of internal/incentive/doc.go, or no row.

-- name: MemberProgressFindMiscounted :one
-- Invariant 2: a member whose activities are not numbered without gap up to the
-- number that the progress row says, or whose times run backwards.
WITH made AS MATERIALIZED (
    SELECT x.member_id, count(*) AS activities, max(x.place) AS newest, max(x.created_at) AS newest_at, bool_or(x.created_at < x.before) AS backwards
      FROM (SELECT a.member_id, a.place, a.created_at, lag(a.created_at) OVER (PARTITION BY a.member_id ORDER BY a.place) AS before
              FROM activities AS a WHERE a.tenant_id = @tenant_id) AS x
     GROUP BY x.member_id)
SELECT COALESCE(p.member_id, made.member_id)::bigint AS member_id,
       format('says %s activities up to %s; there are %s up to place %s and %s, backwards: %s', p.activities, p.active_at,
              COALESCE(made.activities, 0), COALESCE(made.newest, 0), made.newest_at, COALESCE(made.backwards, false))::text AS says
  FROM (SELECT y.member_id, y.activities, y.active_at FROM member_progress AS y WHERE y.tenant_id = @tenant_id) AS p
  FULL JOIN made ON made.member_id = p.member_id
 WHERE p.member_id IS NULL OR p.activities <> COALESCE(made.activities, 0) OR p.activities <> COALESCE(made.newest, 0)
    OR p.active_at <> COALESCE(made.newest_at, p.active_at) OR COALESCE(made.backwards, false)
 ORDER BY 1
 LIMIT 1;

-- name: ActionCountFindMiscounted :one
-- Invariants 2 and 3: a member whose count of an action is not that of the activities.
WITH made AS MATERIALIZED (
    SELECT a.member_id, a.action_id, count(*) AS activities, count(*) FILTER (WHERE a.reason IS NULL) AS rewarded,
           max(a.created_at) FILTER (WHERE a.reason IS NULL) AS rewarded_at
      FROM activities AS a WHERE a.tenant_id = @tenant_id GROUP BY a.member_id, a.action_id)
SELECT COALESCE(c.member_id, made.member_id)::bigint AS member_id,
       format('action %s: counts %s, %s of them rewarded, up to %s; there are %s, %s, %s', COALESCE(c.action_id, made.action_id),
              c.activities, c.rewarded, c.rewarded_at, made.activities, made.rewarded, made.rewarded_at)::text AS says
  FROM (SELECT x.* FROM action_counts AS x WHERE x.tenant_id = @tenant_id) AS c
  FULL JOIN made ON made.member_id = c.member_id AND made.action_id = c.action_id
 WHERE (c.activities, c.rewarded, c.rewarded_at) IS DISTINCT FROM (made.activities, made.rewarded, made.rewarded_at)
 ORDER BY 1, 2
 LIMIT 1;

-- name: ActivityFindUnpaid :one
-- Invariant 4: an activity that said it paid XP, which its transfers did not.
-- XP is never on hold, so what the action itself paid is the least of them.
WITH paid AS MATERIALIZED (
    SELECT t.member_id, t.cause_id, sum(t.amount) AS xp
      FROM transfers AS t WHERE t.tenant_id = @tenant_id AND t.asset = @xp_asset AND t.kind = @award_kind AND t.cause_id IS NOT NULL
     GROUP BY t.member_id, t.cause_id)
SELECT a.id, format('pays %s XP, its transfers %s', a.xp, COALESCE(paid.xp, 0))::text AS says
  FROM activities AS a
  LEFT JOIN paid ON paid.member_id = a.member_id AND paid.cause_id = a.id
 WHERE a.tenant_id = @tenant_id AND a.xp > COALESCE(paid.xp, 0)
 ORDER BY a.id
 LIMIT 1;

-- name: LevelGrantFindMisplaced :one
-- Invariant 5: a member whose highest level is not the highest granted.
WITH granted AS MATERIALIZED (
    SELECT l.member_id, max(l.level) AS level FROM level_grants AS l WHERE l.tenant_id = @tenant_id GROUP BY l.member_id)
SELECT COALESCE(p.member_id, granted.member_id)::bigint AS member_id,
       format('is said to be on level %s, was granted %s', COALESCE(p.level, 0), COALESCE(granted.level, 0))::text AS says
  FROM (SELECT x.member_id, x.level FROM member_progress AS x WHERE x.tenant_id = @tenant_id) AS p
  FULL JOIN granted ON granted.member_id = p.member_id
 WHERE COALESCE(p.level, 0) <> COALESCE(granted.level, 0)
 ORDER BY 1
 LIMIT 1;

-- name: LevelGrantFindOwed :one
-- Invariant 6: a member settled under the rules in force who is owed a level.
SELECT p.member_id, format('has %s XP, level %s takes %s', a.available, l.level, l.xp_threshold)::text AS says
  FROM member_progress AS p
  JOIN tenants AS t ON t.tenant_id = p.tenant_id AND t.rules_version = p.settled
  JOIN accounts AS a ON a.tenant_id = p.tenant_id AND a.member_id = p.member_id AND a.asset = @xp_asset
  JOIN levels AS l ON l.tenant_id = p.tenant_id AND l.xp_threshold <= a.available
 WHERE p.tenant_id = @tenant_id AND p.next_xp > l.xp_threshold
   AND NOT EXISTS (SELECT 1 FROM level_grants AS g WHERE g.tenant_id = p.tenant_id AND g.member_id = p.member_id AND g.level = l.level)
 ORDER BY p.member_id, l.level
 LIMIT 1;

-- name: QuestProgressFindOverdone :one
-- Invariant 7: a member who did more of a quest's step than it takes, or of an
-- action than was rewarded.
SELECT p.member_id, format('did %s of action %s for quest %s; it takes %s, and %s were rewarded', p.done, a.key, w.key, s.count, COALESCE(c.rewarded, 0))::text AS says
  FROM quest_progress AS p
  JOIN quests AS w ON w.tenant_id = p.tenant_id AND w.id = p.quest_id
  JOIN actions AS a ON a.tenant_id = p.tenant_id AND a.id = p.action_id
  JOIN quest_steps AS s ON s.tenant_id = p.tenant_id AND s.quest_key = w.key AND s.action_key = a.key
  LEFT JOIN action_counts AS c ON c.tenant_id = p.tenant_id AND c.member_id = p.member_id AND c.action_id = p.action_id
 WHERE p.tenant_id = @tenant_id AND (p.done > s.count OR p.done > COALESCE(c.rewarded, 0))
 ORDER BY p.member_id
 LIMIT 1;

-- name: QuestGrantFindUndone :one
-- Invariant 7: a quest that was paid though a step is not full, or not paid though all are.
WITH done AS MATERIALIZED (
    SELECT p.member_id, w.key, bool_and(p.done >= s.count) AND count(*) = max(n.steps) AS complete
      FROM quest_progress AS p
      JOIN quests AS w ON w.tenant_id = p.tenant_id AND w.id = p.quest_id
      JOIN actions AS a ON a.tenant_id = p.tenant_id AND a.id = p.action_id
      JOIN quest_steps AS s ON s.tenant_id = p.tenant_id AND s.quest_key = w.key AND s.action_key = a.key
     CROSS JOIN LATERAL (SELECT count(*) AS steps FROM quest_steps AS z WHERE z.tenant_id = @tenant_id AND z.quest_key = w.key OFFSET 0) AS n
     WHERE p.tenant_id = @tenant_id
     GROUP BY p.member_id, w.key)
SELECT COALESCE(g.member_id, done.member_id)::bigint AS member_id,
       format('quest %s: complete %s, paid %s', COALESCE(g.quest_key, done.key), COALESCE(done.complete, false), g.member_id IS NOT NULL)::text AS says
  FROM (SELECT x.member_id, x.quest_key FROM quest_grants AS x WHERE x.tenant_id = @tenant_id) AS g
  FULL JOIN done ON done.member_id = g.member_id AND done.key = g.quest_key
 WHERE COALESCE(done.complete, false) <> (g.member_id IS NOT NULL)
 ORDER BY 1, 2
 LIMIT 1;

-- name: ActivityKeyFindStray :one
-- Invariant 8: a recorded activity's key that is not kept.
SELECT a.id, 'its idempotency key is not kept'::text AS says
  FROM activities AS a
 WHERE a.tenant_id = @tenant_id AND a.idempotency_key IS NOT NULL
   AND NOT EXISTS (SELECT 1 FROM activity_keys AS k WHERE k.tenant_id = a.tenant_id AND k.key = a.idempotency_key)
 ORDER BY a.id
 LIMIT 1;

-- name: ActivityDayFindMiscounted :one
-- Invariant 10: a day whose number of activities of an action, tallies that wait
-- included, is not that of its rows.
WITH said AS MATERIALIZED (
    SELECT c.action_id, c.day, sum(c.activities) AS activities
      FROM (SELECT d.action_id, d.day, d.activities FROM activity_days AS d WHERE d.tenant_id = @tenant_id
             UNION ALL
            SELECT unnest(t.action_ids), (unnest(t.minutes) AT TIME ZONE 'UTC')::date, unnest(t.activities)
              FROM activity_tallies AS t WHERE t.tenant_id = @tenant_id) AS c
     GROUP BY c.action_id, c.day),
made AS MATERIALIZED (
    SELECT w.action_id, (a.created_at AT TIME ZONE 'UTC')::date AS day, count(*) AS activities
      FROM activities AS a CROSS JOIN LATERAL (SELECT unnest(ARRAY[0::bigint, a.action_id]) AS action_id) AS w
     WHERE a.tenant_id = @tenant_id GROUP BY w.action_id, (a.created_at AT TIME ZONE 'UTC')::date)
SELECT COALESCE(said.day, made.day)::date AS day,
       format('action %s: counts %s, there are %s', COALESCE(said.action_id, made.action_id), COALESCE(said.activities, 0), COALESCE(made.activities, 0))::text AS says
  FROM said
  FULL JOIN made ON made.action_id = said.action_id AND made.day = said.day
 WHERE COALESCE(said.activities, 0) <> COALESCE(made.activities, 0)
 ORDER BY 1, 2
 LIMIT 1;

-- name: ActivityMinuteFindMiscounted :one
-- Invariant 10: a minute, likewise.
WITH said AS MATERIALIZED (
    SELECT c.action_id, c.minute, sum(c.activities) AS activities
      FROM (SELECT d.action_id, d.minute, d.activities FROM activity_minutes AS d WHERE d.tenant_id = @tenant_id
             UNION ALL
            SELECT unnest(t.action_ids), unnest(t.minutes), unnest(t.activities)
              FROM activity_tallies AS t WHERE t.tenant_id = @tenant_id) AS c
     GROUP BY c.action_id, c.minute),
made AS MATERIALIZED (
    SELECT w.action_id, date_trunc('minute', a.created_at) AS minute, count(*) AS activities
      FROM activities AS a CROSS JOIN LATERAL (SELECT unnest(ARRAY[0::bigint, a.action_id]) AS action_id) AS w
     WHERE a.tenant_id = @tenant_id GROUP BY w.action_id, date_trunc('minute', a.created_at))
SELECT COALESCE(said.minute, made.minute)::timestamptz AS minute,
       format('action %s: counts %s, there are %s', COALESCE(said.action_id, made.action_id), COALESCE(said.activities, 0), COALESCE(made.activities, 0))::text AS says
  FROM said
  FULL JOIN made ON made.action_id = said.action_id AND made.minute = said.minute
 WHERE COALESCE(said.activities, 0) <> COALESCE(made.activities, 0)
 ORDER BY 1, 2
 LIMIT 1;

-- name: MilestoneDayFindMiscounted :one
-- Invariant 10: a day whose number of milestones is not that of its rows.
WITH said AS MATERIALIZED (
    SELECT d.milestone_key, d.day, sum(d.milestones) AS milestones FROM milestone_days AS d WHERE d.tenant_id = @tenant_id GROUP BY d.milestone_key, d.day),
made AS MATERIALIZED (
    SELECT w.milestone_key, (g.achieved_at AT TIME ZONE 'UTC')::date AS day, count(*) AS milestones
      FROM milestone_grants AS g CROSS JOIN LATERAL (SELECT unnest(ARRAY[''::text, g.milestone_key]) AS milestone_key) AS w
     WHERE g.tenant_id = @tenant_id GROUP BY w.milestone_key, (g.achieved_at AT TIME ZONE 'UTC')::date)
SELECT COALESCE(said.day, made.day)::date AS day,
       format('milestone %s: counts %s, there are %s', COALESCE(said.milestone_key, made.milestone_key), COALESCE(said.milestones, 0), COALESCE(made.milestones, 0))::text AS says
  FROM said
  FULL JOIN made ON made.milestone_key = said.milestone_key AND made.day = said.day
 WHERE COALESCE(said.milestones, 0) <> COALESCE(made.milestones, 0)
 ORDER BY 1, 2
 LIMIT 1;
