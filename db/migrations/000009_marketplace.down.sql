SET lock_timeout = '5s';
ALTER TABLE orders DROP COLUMN owed_minor;
UPDATE items SET deleted_at = updated_at WHERE partner_id IS NOT NULL AND deleted_at IS NULL; -- else they became items without codes
DROP INDEX items_listed;
CREATE INDEX items_listed ON items (tenant_id, position) INCLUDE (category, kind, status, points_cost) WHERE deleted_at IS NULL;
DROP INDEX items_on_market;
ALTER TABLE items DROP COLUMN partner_id, DROP COLUMN owed_minor, DROP COLUMN offer_tenant_id, DROP COLUMN offer_id;
DROP TABLE sales;
DROP TABLE offers;
DROP TABLE partner_days;
DROP TABLE partners;
