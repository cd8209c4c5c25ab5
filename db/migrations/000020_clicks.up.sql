SET lock_timeout = '5s';

-- Whoever is named is found by members_external_unique; what a click or an award
-- wants of them, the key and that of their memos, is read from the index.
ALTER TABLE members DROP CONSTRAINT members_external_unique, ADD CONSTRAINT members_external_unique UNIQUE (tenant_id, external_id) INCLUDE (id, memo_key);

-- A campaign's referees share its id, so comparing that first told nothing apart.
-- The columns are the same: referees are looked up by all of them.
ALTER TABLE attributions DROP CONSTRAINT attributions_pk, ADD CONSTRAINT attributions_pk PRIMARY KEY (tenant_id, referee_id, campaign_id);
