SET lock_timeout = '5s';
DROP INDEX boards_one_per_round;
DELETE FROM snapshot_pages AS p USING boards AS b
 WHERE b.tenant_id = p.tenant_id AND b.id = p.board_id AND b.kind = 'snapshot' AND b.period < 4;
DELETE FROM boards WHERE kind = 'snapshot' AND period < 4;
ALTER TABLE boards DROP CONSTRAINT boards_kind_known;
ALTER TABLE boards ADD CONSTRAINT boards_kind_known CHECK (kind = 'period' AND period BETWEEN 1 AND 3 OR kind = 'snapshot' AND period = 4);
ALTER TABLE boards DROP COLUMN closes_on;
DROP INDEX rewards_unpaid;
DROP TABLE chains;
DROP TABLE sealed_blocks;
-- The version before would take commits without events for some that want a place.
DELETE FROM commits WHERE kinds = '{}';
DROP INDEX commits_unsequenced;
CREATE INDEX commits_unsequenced ON commits (tenant_id, drawn, id) WHERE place IS NULL;
DROP INDEX commits_unsealed;
ALTER TABLE commits DROP COLUMN moved_members, DROP COLUMN moved_assets, DROP COLUMN moved_seqs, DROP COLUMN block;
DROP TABLE expiry_warnings;
DROP INDEX accounts_unwarned;
ALTER TABLE accounts DROP COLUMN idle_warned_at;
DROP INDEX lots_unwarned;
ALTER TABLE lots DROP COLUMN warned;
DROP FUNCTION tenant_instant(timestamptz, bigint);
