-- One query for each section of a member's export: entries as they are shown,
-- oldest first, each with the cursor that the page behind it begins at. An empty
-- cursor is the beginning. Cursors are checked before they come here.

-- name: ExportProfileList :many
-- The member. By members_pk.
SELECT ''::text AS cursor, json_build_object('id', m.external_id, 'name', m.name, 'email', m.email, 'timeZone', m.time_zone,
       'createdAt', public_time(m.created_at), 'updatedAt', public_time(m.updated_at), 'erasedAt', public_time(m.erased_at))::json AS entry
  FROM members AS m
 WHERE m.tenant_id = @tenant_id AND m.id = @member_id AND @after::text = ''
 LIMIT @max_rows;

-- name: ExportBalanceList :many
-- Accounts by asset, as they were last written. By accounts_pk.
SELECT a.asset::text AS cursor, json_build_object('asset', asset_name(a.asset), 'available', a.available, 'pending', a.pending, 'debt', a.debt,
       'lifetimeEarned', a.earned, 'lifetimeRedeemed', a.redeemed, 'transfers', a.seq, 'movedAt', public_time(a.moved_at))::json AS entry
  FROM accounts AS a
 WHERE a.tenant_id = @tenant_id AND a.member_id = @member_id AND a.asset > COALESCE(NULLIF(@after::text, '')::smallint, 0)
 ORDER BY a.asset
 LIMIT @max_rows;

-- name: ExportTransferList :many
-- The books by asset and number, memos opened. By transfers_pk.
SELECT (t.asset || '.' || t.seq)::text AS cursor, json_build_object('id', public_transfer(t.created_at, t.member_id, t.asset, t.seq),
       'asset', asset_name(t.asset), 'number', t.seq,
       'kind', (ARRAY['award', 'hold', 'mature', 'cancel_hold', 'redeem', 'refund', 'deduct', 'expire', 'clawback', 'owe', 'repay'])[t.kind],
       'amount', t.amount, 'availableAfter', t.available_after, 'pendingAfter', t.pending_after, 'debtAfter', t.debt_after,
       'reason', o.reason, 'reference', o.reference, 'metadata', o.metadata, 'createdAt', public_time(t.created_at))::json AS entry
  FROM (SELECT COALESCE(NULLIF(split_part(@after::text, '.', 1), '')::smallint, 0::smallint) AS asset,
               COALESCE(NULLIF(split_part(@after::text, '.', 2), '')::bigint, 0) AS seq OFFSET 0) AS w
 CROSS JOIN LATERAL (SELECT x.* FROM transfers AS x
                      WHERE x.tenant_id = @tenant_id AND x.member_id = @member_id AND (x.asset, x.seq) > (w.asset, w.seq)
                      ORDER BY x.asset, x.seq LIMIT @max_rows) AS t
  JOIN members AS m ON m.tenant_id = @tenant_id AND m.id = @member_id
 CROSS JOIN LATERAL memo_open(m.memo_key, t.memo) AS o
 ORDER BY t.asset, t.seq;

-- name: ExportLotList :many
-- What expires, by asset and instant. By lots_pk.
SELECT (l.asset || '~' || l.expires_at)::text AS cursor,
       json_build_object('asset', asset_name(l.asset), 'expiresAt', public_time(l.expires_at), 'remaining', l.remaining)::json AS entry
  FROM lots AS l
 WHERE l.tenant_id = @tenant_id AND l.member_id = @member_id
   AND (l.asset, l.expires_at) > (COALESCE(NULLIF(split_part(@after::text, '~', 1), '')::smallint, 0::smallint),
                                  COALESCE(NULLIF(split_part(@after::text, '~', 2), '')::timestamptz, '-infinity'))
 ORDER BY l.asset, l.expires_at
 LIMIT @max_rows;

-- name: ExportHoldList :many
-- Holds. By holds_by_member.
SELECT h.id::text AS cursor, json_build_object('id', public_id('hold_', h.id), 'asset', asset_name(h.asset), 'amount', h.amount, 'state', h.state,
       'maturesAt', public_time(h.matures_at), 'reason', h.reason, 'reference', h.reference, 'metadata', h.metadata,
       'createdAt', public_time(h.created_at), 'closedAt', public_time(h.closed_at))::json AS entry
  FROM holds AS h
 WHERE h.tenant_id = @tenant_id AND h.member_id = @member_id AND h.id > COALESCE(NULLIF(@after::text, '')::uuid, '00000000-0000-0000-0000-000000000000'::uuid)
 ORDER BY h.id
 LIMIT @max_rows;

-- name: ExportOrderList :many
-- Orders by time, with their codes and addresses. By orders_by_member.
SELECT (o.created_at || '/' || o.id)::text AS cursor, json_build_object('id', public_id('ord_', o.id), 'itemId', o.item_id, 'itemName', o.item_name,
       'kind', o.kind, 'quantity', o.quantity, 'asset', asset_name(o.asset), 'spent', o.spent, 'status', o.status, 'codes', to_json(o.codes),
       'shippingAddress', o.address, 'trackingNumber', o.tracking_number, 'carrier', o.carrier, 'createdAt', public_time(o.created_at),
       'shippedAt', public_time(o.shipped_at), 'completedAt', public_time(o.completed_at), 'cancelledAt', public_time(o.cancelled_at))::json AS entry
  FROM orders AS o
 WHERE o.tenant_id = @tenant_id AND o.member_id = @member_id
   AND (o.created_at, o.id) > (COALESCE(NULLIF(split_part(@after::text, '/', 1), '')::timestamptz, '-infinity'),
                               COALESCE(NULLIF(split_part(@after::text, '/', 2), '')::uuid, '00000000-0000-0000-0000-000000000000'::uuid))
 ORDER BY o.created_at, o.id
 LIMIT @max_rows;

-- name: ExportReferralList :many
-- Codes that the member holds, by time. By referrals_by_referrer.
SELECT (r.created_at || '/' || r.id)::text AS cursor, json_build_object('id', public_id('ref_', r.id), 'campaignId', r.campaign_id, 'code', r.code,
       'username', r.username, 'email', r.email, 'networkHash', encode(r.network, 'hex'), 'deviceHash', encode(r.device, 'hex'), 'status', r.status,
       'riskScore', r.risk_score, 'warning', r.warning, 'reasons', to_json(r.reasons), 'conversions', r.conversions,
       'createdAt', public_time(r.created_at), 'completedAt', public_time(r.completed_at))::json AS entry
  FROM referrals AS r
 WHERE r.tenant_id = @tenant_id AND r.referrer_id = @member_id
   AND (r.created_at, r.id) > (COALESCE(NULLIF(split_part(@after::text, '/', 1), '')::timestamptz, '-infinity'),
                               COALESCE(NULLIF(split_part(@after::text, '/', 2), '')::uuid, '00000000-0000-0000-0000-000000000000'::uuid))
 ORDER BY r.created_at, r.id
 LIMIT @max_rows;

-- name: ExportAttributionList :many
-- The codes that the member came through, in all campaigns. By attributions_pk and visits_pk.
SELECT (w.campaign_id || '/' || w.referral_id)::text AS cursor, json_build_object('campaignId', w.campaign_id, 'referralId', public_id('ref_', w.referral_id),
       'bound', w.bound, 'email', w.email, 'metAt', public_time(w.met_at), 'clickedAt', public_time(w.clicked_at),
       'convertedAt', public_time(w.converted_at))::json AS entry
  FROM (SELECT x.campaign_id, x.referral_id, true AS bound, x.email, x.met_at, x.clicked_at, x.converted_at
          FROM campaigns AS c
         CROSS JOIN LATERAL (SELECT y.* FROM attributions AS y WHERE y.tenant_id = @tenant_id AND y.campaign_id = c.id AND y.referee_id = @member_id OFFSET 0) AS x
         WHERE c.tenant_id = @tenant_id
        UNION ALL
        SELECT x.campaign_id, x.referral_id, false, x.email, x.met_at, x.clicked_at, NULL
          FROM campaigns AS c
         CROSS JOIN LATERAL (SELECT y.* FROM visits AS y WHERE y.tenant_id = @tenant_id AND y.campaign_id = c.id AND y.referee_id = @member_id OFFSET 0) AS x
         WHERE c.tenant_id = @tenant_id) AS w
 WHERE (w.campaign_id || '/' || w.referral_id) COLLATE "C" > @after::text
 ORDER BY (w.campaign_id || '/' || w.referral_id) COLLATE "C"
 LIMIT @max_rows;

-- name: ExportClickList :many
-- Of so many of the tenant's clicks after one those of the member; the last row,
-- without an entry, is where the next page begins. By clicks_pk.
WITH page AS MATERIALIZED (
    SELECT x.* FROM clicks AS x
     WHERE x.tenant_id = @tenant_id AND x.id > COALESCE(NULLIF(@after::text, '')::uuid, @since::uuid)
     ORDER BY x.id LIMIT @look_rows::integer
), mine AS (
    SELECT p.* FROM page AS p WHERE p.referee_id = @member_id::bigint ORDER BY p.id LIMIT @max_rows::integer
)
SELECT w.cursor::text AS cursor, w.entry::json AS entry
  FROM (SELECT p.id::text AS cursor, json_build_object('id', public_id('click_', p.id), 'referralId', public_id('ref_', p.referral_id), 'counted', p.counted,
               'networkHash', encode(p.network, 'hex'), 'deviceHash', encode(p.device, 'hex'), 'createdAt', public_time(p.created_at)) AS entry, 1 AS part
          FROM mine AS p
        UNION ALL
        SELECT (SELECT p.id::text FROM page AS p ORDER BY p.id DESC LIMIT 1), 'null'::json, 2
         WHERE (SELECT count(*) FROM page) = @look_rows::integer AND (SELECT count(*) FROM mine) < @max_rows::integer) AS w
 ORDER BY w.part, w.cursor;

-- name: ExportConversionList :many
-- What the member did as a referee, by time. By conversions_by_referee.
SELECT (c.created_at || '/' || c.id)::text AS cursor, json_build_object('id', public_id('conv_', c.id), 'campaignId', c.campaign_id,
       'referralId', public_id('ref_', c.referral_id), 'status', c.status, 'reason', c.reason, 'amountMinor', c.amount_minor,
       'riskScore', c.risk_score, 'warning', c.warning, 'reasons', to_json(c.reasons), 'networkHash', encode(c.network, 'hex'),
       'deviceHash', encode(c.device, 'hex'), 'metadata', c.metadata, 'createdAt', public_time(c.created_at), 'refundedAt', public_time(c.refunded_at))::json AS entry
  FROM conversions AS c
 WHERE c.tenant_id = @tenant_id AND c.referee_id = @member_id
   AND (c.created_at, c.id) > (COALESCE(NULLIF(split_part(@after::text, '/', 1), '')::timestamptz, '-infinity'),
                               COALESCE(NULLIF(split_part(@after::text, '/', 2), '')::uuid, '00000000-0000-0000-0000-000000000000'::uuid))
 ORDER BY c.created_at, c.id
 LIMIT @max_rows;

-- name: ExportRewardList :many
-- What the member earned. By rewards_by_place.
SELECT r.place::text AS cursor, json_build_object('id', public_id('rwd_', r.id), 'campaignId', r.campaign_id, 'conversionId', public_id('conv_', r.conversion_id),
       'role', r.role, 'fulfillmentType', r.fulfilment, 'status', r.status, 'valueMinor', r.value_minor, 'asset', asset_name(r.asset), 'units', r.units, 'code', r.code,
       'createdAt', public_time(r.created_at), 'claimedAt', public_time(r.claimed_at), 'redeemedAt', public_time(r.redeemed_at))::json AS entry
  FROM rewards AS r
 WHERE r.tenant_id = @tenant_id AND r.member_id = @member_id AND r.place > COALESCE(NULLIF(@after::text, '')::bigint, 0)
 ORDER BY r.place
 LIMIT @max_rows;

-- name: ExportCaseList :many
-- Cases by their ids, with what was seen. By cases_pk and signals_pk.
SELECT k.id::text AS cursor, json_build_object('id', public_id('case_', k.id), 'campaignId', k.campaign_id, 'referralId', public_id('ref_', k.referral_id),
       'conversionId', public_id('conv_', k.conversion_id), 'state', k.state, 'score', k.score, 'note', k.note,
       'signals', (SELECT COALESCE(json_agg(json_build_object('name', s.name, 'weight', s.weight, 'evidence', s.evidence) ORDER BY s.name), '[]')
                     FROM signals AS s WHERE s.tenant_id = @tenant_id AND s.case_id = k.id),
       'createdAt', public_time(k.created_at), 'reviewedAt', public_time(k.reviewed_at))::json AS entry
  FROM (SELECT unnest(@ids::uuid[]) AS id) AS w
 CROSS JOIN LATERAL (SELECT x.* FROM cases AS x WHERE x.tenant_id = @tenant_id AND x.id = w.id OFFSET 0) AS k
 ORDER BY k.id;

-- name: ExportSightingList :many
-- Where the member was seen: of each kind's traits the member's, found in the index alone. By sightings_pk.
SELECT (s.kind || '/' || encode(s.trait, 'hex'))::text AS cursor, json_build_object('kind', s.kind, 'hash', encode(s.trait, 'hex'),
       'seenAt', public_time(s.seen_at), 'visitedAt', public_time(s.visited_at))::json AS entry
  FROM sightings AS s
 WHERE s.tenant_id = @tenant_id AND s.member_id = @member_id
   AND (s.kind || '/' || encode(s.trait, 'hex')) COLLATE "C" > @after::text
 ORDER BY (s.kind || '/' || encode(s.trait, 'hex')) COLLATE "C"
 LIMIT @max_rows;

-- name: ExportBlockedList :many
-- What the block list says of the member, by id and mailboxes. By blocked_pk.
SELECT b.id::text AS cursor, json_build_object('id', public_text('block_', int8send(b.id)), 'kind', b.kind, 'value', b.value, 'note', b.note,
       'createdAt', public_time(b.created_at))::json AS entry
  FROM (SELECT unnest(@kinds::text[]) AS kind, unnest(@vals::text[]) AS value) AS w
 CROSS JOIN LATERAL (SELECT x.* FROM blocked AS x WHERE x.tenant_id = @tenant_id AND x.kind = w.kind AND x.value = w.value OFFSET 0) AS b
 WHERE b.id > COALESCE(NULLIF(@after::text, '')::bigint, 0)
 ORDER BY b.id
 LIMIT @max_rows;

-- name: ExportActivityList :many
-- What the member did. By activities_pk and actions_id_unique.
SELECT e.place::text AS cursor, json_build_object('id', public_id('evt_', e.id), 'actionKey', a.key, 'reason', e.reason, 'coins', e.coins, 'xp', e.xp,
       'tokens', e.tokens, 'idempotencyKey', e.idempotency_key, 'metadata', e.metadata, 'createdAt', public_time(e.created_at))::json AS entry
  FROM activities AS e
  JOIN actions AS a ON a.tenant_id = @tenant_id AND a.id = e.action_id
 WHERE e.tenant_id = @tenant_id AND e.member_id = @member_id AND e.place > COALESCE(NULLIF(@after::text, '')::bigint, 0)
 ORDER BY e.place
 LIMIT @max_rows;

-- name: ExportProgressList :many
-- How far the member is. By member_progress_pk.
SELECT ''::text AS cursor, json_build_object('activities', p.activities, 'activeAt', public_time(p.active_at), 'level', p.level)::json AS entry
  FROM member_progress AS p
 WHERE p.tenant_id = @tenant_id AND p.member_id = @member_id AND @after::text = ''
 LIMIT @max_rows;

-- name: ExportActionList :many
-- Counts and runs, action by action. By action_counts_pk.
SELECT n.action_id::text AS cursor, json_build_object('actionKey', a.key, 'activities', n.activities, 'rewarded', n.rewarded, 'rewardedAt', public_time(n.rewarded_at),
       'streakPeriod', n.streak_period, 'streakOn', n.streak_on, 'streakCurrent', n.streak_current, 'streakLongest', n.streak_longest)::json AS entry
  FROM action_counts AS n
  JOIN actions AS a ON a.tenant_id = @tenant_id AND a.id = n.action_id
 WHERE n.tenant_id = @tenant_id AND n.member_id = @member_id AND n.action_id > COALESCE(NULLIF(@after::text, '')::bigint, 0)
 ORDER BY n.action_id
 LIMIT @max_rows;

-- name: ExportBadgeList :many
-- Badges, those taken away too. By badge_grants_pk.
SELECT g.badge_key::text AS cursor, json_build_object('key', g.badge_key, 'source', g.source, 'earnedAt', public_time(g.earned_at),
       'revokedAt', public_time(g.revoked_at))::json AS entry
  FROM badge_grants AS g
 WHERE g.tenant_id = @tenant_id AND g.member_id = @member_id AND g.badge_key > @after::text
 ORDER BY g.badge_key
 LIMIT @max_rows;

-- name: ExportLevelList :many
-- Levels granted. By level_grants_pk.
SELECT g.level::text AS cursor, json_build_object('level', g.level, 'xpThreshold', g.xp_threshold, 'coins', g.coins, 'grantedAt', public_time(g.granted_at))::json AS entry
  FROM level_grants AS g
 WHERE g.tenant_id = @tenant_id AND g.member_id = @member_id AND g.level > COALESCE(NULLIF(@after::text, '')::integer, 0)
 ORDER BY g.level
 LIMIT @max_rows;

-- name: ExportMilestoneList :many
-- Milestones reached. By milestone_grants_pk.
SELECT g.milestone_key::text AS cursor, json_build_object('id', public_id('mst_', g.id), 'key', g.milestone_key, 'name', g.name, 'type', g.type,
       'threshold', g.threshold, 'coins', g.coins, 'achievedAt', public_time(g.achieved_at))::json AS entry
  FROM milestone_grants AS g
 WHERE g.tenant_id = @tenant_id AND g.member_id = @member_id AND g.milestone_key > @after::text
 ORDER BY g.milestone_key
 LIMIT @max_rows;

-- name: ExportQuestList :many
-- Quests completed. By quest_grants_pk.
SELECT g.quest_key::text AS cursor, json_build_object('key', g.quest_key, 'coins', g.coins, 'xp', g.xp, 'tokens', g.tokens, 'completedAt', public_time(g.completed_at))::json AS entry
  FROM quest_grants AS g
 WHERE g.tenant_id = @tenant_id AND g.member_id = @member_id AND g.quest_key > @after::text
 ORDER BY g.quest_key
 LIMIT @max_rows;

-- name: ExportStandingList :many
-- Where the member stood, in the rounds since they were enrolled. By standings_pk.
SELECT (r.period || '.' || r.starts_on)::text AS cursor, json_build_object('period', (ARRAY['DAILY', 'WEEKLY', 'MONTHLY', 'ALL_TIME'])[r.period], 'startsOn', r.starts_on,
       'xp', -s.minus_xp, 'reachedAt', public_time(s.reached_at))::json AS entry
  FROM (SELECT DISTINCT p::smallint AS period, standing_round(p::smallint, d) AS starts_on
          FROM members AS m
         CROSS JOIN LATERAL generate_series(m.created_at, sqlc.arg(until)::timestamptz, interval '1 day') AS d
         CROSS JOIN generate_series(1, 4) AS p
         WHERE m.tenant_id = @tenant_id AND m.id = @member_id OFFSET 0) AS r
 CROSS JOIN LATERAL (SELECT x.minus_xp, x.reached_at FROM standings AS x
                      WHERE x.tenant_id = @tenant_id AND x.period = r.period AND x.starts_on = r.starts_on AND x.member_id = @member_id OFFSET 0) AS s
 WHERE (r.period || '.' || r.starts_on) COLLATE "C" > @after::text
 ORDER BY (r.period || '.' || r.starts_on) COLLATE "C"
 LIMIT @max_rows;

-- name: ExportErasureList :many
-- That the member was erased. By erasures_pk.
SELECT ''::text AS cursor, json_build_object('erasedAt', public_time(e.erased_at), 'completedAt', public_time(e.completed_at))::json AS entry
  FROM erasures AS e
 WHERE e.tenant_id = @tenant_id AND e.member_id = @member_id AND @after::text = ''
 LIMIT @max_rows;
