SET lock_timeout = '5s';
DROP TABLE idempotency_keys;
DROP TABLE members;
DROP TABLE server_secrets;
DROP TABLE api_key_secrets;
DROP TABLE api_keys;
DROP TABLE tenants;
