SET lock_timeout = '5s';
ALTER TABLE attributions DROP CONSTRAINT attributions_pk, ADD CONSTRAINT attributions_pk PRIMARY KEY (tenant_id, campaign_id, referee_id);
ALTER TABLE members DROP CONSTRAINT members_external_unique, ADD CONSTRAINT members_external_unique UNIQUE (tenant_id, external_id);
