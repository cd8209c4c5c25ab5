-- name: PartnerInsert :exec
-- Makes a partner, unverified.
INSERT INTO partners (tenant_id, id, name, website, created_at, updated_at) VALUES (@tenant_id, @id, @name, @website, @created_at, @created_at);

-- name: PartnerGet :one
-- One partner, by partners_pk.
SELECT * FROM partners WHERE tenant_id = @tenant_id AND id = @id;

-- name: PartnerGetForUpdate :one
-- One partner, locked, for a change. By partners_pk.
SELECT * FROM partners WHERE tenant_id = @tenant_id AND id = @id FOR UPDATE;

-- name: PartnerListByID :many
-- The named partners. By partners_pk.
SELECT * FROM partners WHERE tenant_id = @tenant_id AND id = ANY(@ids::text[]);

-- name: PartnerList :many
-- Partners, newest first; there are few. By partners_pk, whose ids ascend with time.
SELECT * FROM partners WHERE tenant_id = @tenant_id ORDER BY id DESC LIMIT @max_rows OFFSET @skip_rows;

-- name: PartnerCount :one
-- How many partners a tenant has.
SELECT count(*) FROM partners WHERE tenant_id = @tenant_id;

-- name: PartnerUpdate :exec
-- Stores a locked partner.
UPDATE partners SET name = @name, website = @website, verified_at = @verified_at, updated_at = @updated_at WHERE tenant_id = @tenant_id AND id = @id;

-- name: PartnerDayAddMany :exec
-- Counts redemptions into the days of their partners, in one order so that two
-- servers cannot deadlock.
INSERT INTO partner_days (tenant_id, partner_id, day, redemptions, points, tokens, owed_minor)
SELECT @tenant_id, w.partner_id, w.day, w.redemptions, w.points, w.tokens, w.owed_minor
  FROM (SELECT unnest(@partner_ids::text[]) AS partner_id, unnest(@days::date[]) AS day, unnest(@redemptions::bigint[]) AS redemptions,
               unnest(@points::bigint[]) AS points, unnest(@tokens::bigint[]) AS tokens, unnest(@owed_minors::bigint[]) AS owed_minor) AS w
 ORDER BY w.partner_id, w.day
    ON CONFLICT (tenant_id, partner_id, day) DO UPDATE
   SET redemptions = partner_days.redemptions + excluded.redemptions, points = partner_days.points + excluded.points,
       tokens = partner_days.tokens + excluded.tokens, owed_minor = partner_days.owed_minor + excluded.owed_minor;

-- name: PartnerDaySum :one
-- A partner's totals over days, inclusive. By partner_days_pk: one row a day.
SELECT COALESCE(sum(redemptions), 0)::bigint AS redemptions, COALESCE(sum(points), 0)::bigint AS points,
       COALESCE(sum(tokens), 0)::bigint AS tokens, COALESCE(sum(owed_minor), 0)::bigint AS owed_minor
  FROM partner_days
 WHERE tenant_id = @tenant_id AND partner_id = @partner_id AND day BETWEEN @from_day AND @to_day;
