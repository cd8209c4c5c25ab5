-- name: StreakList :many
-- A member's runs, by action_counts_pk.
SELECT action_id, streak_period::text AS streak_period, streak_on::date AS streak_on, streak_current, streak_longest
  FROM action_counts
 WHERE tenant_id = @tenant_id AND member_id = @member_id AND streak_on IS NOT NULL;
